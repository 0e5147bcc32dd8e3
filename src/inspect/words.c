#include "inspect/words.h"

#include "inspect/label.h"
#include "text/unicode.h"

#include <string.h>

/* ---- a text, split at white space and around punctuation ---- */

typedef struct split_text {
    int64_t count;
    uint32_t *codes;       /* [count] */
    int32_t *segments;     /* [count]: the word that a character belongs to, −1 for white space */
    int32_t *spaced_words; /* [count]: the same, split at white space alone */
    int32_t spaced_word_count;
} split_text;

/* Splits characters [first, end), which contain no white space. */
static void cut_word(split_text *r, int64_t first, int64_t end, int32_t *segment) {
    int64_t core = first, tail = end;
    while (core < end && hd_is_punctuation(r->codes[core])) core++;
    while (tail > core && hd_is_punctuation(r->codes[tail - 1])) tail--;
    for (int64_t i = first; i < end; i++) {
        if (i == first || i == core || i == tail) ++*segment;
        r->segments[i] = *segment;
        r->spaced_words[i] = r->spaced_word_count;
    }
    r->spaced_word_count++;
}

static heed_status read_text(const char *text, size_t size, hd_arena *arena, split_text *r) {
    *r = (split_text){0};
    r->codes = hd_arena_alloc(arena, size, sizeof *r->codes);
    r->segments = hd_arena_alloc(arena, size, sizeof *r->segments);
    r->spaced_words = hd_arena_alloc(arena, size, sizeof *r->spaced_words);
    if (!r->codes || !r->segments || !r->spaced_words) return HEED_MEMORY;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(text + at, size - at, &r->codes[r->count++]);
    int32_t segment = -1;
    for (int64_t i = 0, first = -1; i <= r->count; i++) {
        bool blank = i == r->count || hd_is_whitespace(r->codes[i]);
        if (!blank && first < 0) first = i;
        if (blank && first >= 0) cut_word(r, first, i, &segment), first = -1;
        if (blank && i < r->count) r->segments[i] = r->spaced_words[i] = -1;
    }
    return HEED_OK;
}

/* ---- labels ---- */

/* Characters [first, end) as text in the arena, without white space at the ends; white space alone is made visible. */
static const char *label_of(const uint32_t *codes, int64_t first, int64_t end, hd_arena *arena) {
    int64_t from = first, to = end;
    while (from < to && hd_is_whitespace(codes[from])) from++;
    while (to > from && hd_is_whitespace(codes[to - 1])) to--;
    bool blank = from == to;
    if (blank) from = first, to = end;
    char *label = hd_arena_alloc(arena, (size_t)(4 * (to - from) + 1), 1), *at = label;
    for (int64_t i = from; label && i < to; i++) {
        uint32_t code = blank ? hd_visible_space(codes[i]) : codes[i];
        at += hd_utf8_encode(hd_is_terminal_control(code) ? HD_REPLACEMENT_CHARACTER : code, at);
    }
    if (label) *at = 0;
    return label;
}

const char *hd_token_label(const heed_tokenizer *tokenizer, int32_t id, hd_arena *arena) {
    const char *token = hd_tokenizer_token(tokenizer, id);
    size_t size = token ? strlen(token) : 0;
    uint32_t *codes = hd_arena_alloc(arena, size, sizeof *codes);
    int64_t count = 0;
    if (!codes) return NULL;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(token + at, size - at, &codes[count++]);
    return label_of(codes, 0, count, arena);
}

/* ---- tokens ---- */

/* A text, its tokens, and where each begins and ends in it. */
typedef struct cut {
    const heed_tokenizer *tokenizer;
    hd_arena *arena;
    split_text text;
    const int32_t *ids;     /* [count] */
    const uint32_t *starts; /* [count] */
    const uint32_t *ends;   /* [count] */
    int64_t count;
    int64_t *firsts, *lasts; /* [words]: characters of each word */
    int64_t pending;         /* tokens without a visible character, which belong to the next word */
    int32_t segment;         /* of the last word; −1 when nothing more may join it */
} cut;

static int32_t begin_word(cut *c, hd_words *words, int64_t first, int64_t last) {
    c->firsts[words->words] = first, c->lasts[words->words] = last;
    words->word_labels[words->words] = NULL;
    return (int32_t)words->words++;
}

/* Assigns the pending tokens before token `end` to this word. */
static void assign_pending(cut *c, hd_words *words, int64_t end, int32_t word, int32_t spaced_word) {
    for (int64_t i = end - c->pending; i < end; i++) words->word[i] = word, words->spaced_word[i] = spaced_word;
    c->pending = 0;
}

/* Pending tokens that no word follows join the last word, or are a word themselves. */
static void assign_last_pending(cut *c, hd_words *words, int64_t end) {
    if (!c->pending) return;
    bool joins = c->segment >= 0;
    int32_t word = joins ? (int32_t)words->words - 1 : begin_word(c, words, 0, 0);
    if (!joins) words->word_labels[word] = words->token_labels[end - 1];
    assign_pending(c, words, end, word, joins ? words->spaced_word[end - c->pending - 1] : -1);
}

static void assign_token(cut *c, hd_words *words, int64_t i) {
    int64_t at = c->starts[i], end = hd_min(c->ends[i], c->text.count);
    if (c->starts[i] == c->ends[i] && hd_tokenizer_is_special(c->tokenizer, c->ids[i])) {
        assign_last_pending(c, words, i);
        words->word[i] = begin_word(c, words, 0, 0);
        words->spaced_word[i] = -1;
        words->word_labels[words->word[i]] = words->token_labels[i];
        c->segment = -1;
        return;
    }
    while (at < end && c->text.segments[at] < 0) at++;
    if (at >= end) {
        c->pending++;
        return;
    }
    bool joins = c->segment == c->text.segments[at];
    int32_t word = joins ? (int32_t)words->words - 1 : begin_word(c, words, at, end);
    c->lasts[word] = hd_max(c->lasts[word], end);
    c->segment = c->text.segments[at];
    words->word[i] = word, words->spaced_word[i] = c->text.spaced_words[at];
    assign_pending(c, words, i, word, words->spaced_word[i]);
}

static heed_status group_tokens(cut *c, hd_words *words) {
    size_t n = (size_t)c->count;
    *words = (hd_words){.tokens = c->count, .spaced_words = c->text.spaced_word_count};
    words->token_labels = hd_arena_alloc(c->arena, n, sizeof *words->token_labels);
    words->word_labels = hd_arena_alloc(c->arena, n, sizeof *words->word_labels);
    words->word = hd_arena_alloc(c->arena, n, sizeof *words->word);
    words->spaced_word = hd_arena_alloc(c->arena, n, sizeof *words->spaced_word);
    c->firsts = hd_arena_alloc(c->arena, n, sizeof *c->firsts);
    c->lasts = hd_arena_alloc(c->arena, n, sizeof *c->lasts);
    if (!words->token_labels || !words->word_labels || !words->word || !words->spaced_word || !c->firsts || !c->lasts)
        return HEED_MEMORY;
    c->segment = -1;
    for (int64_t i = 0; i < c->count; i++) {
        words->token_labels[i] = hd_token_label(c->tokenizer, c->ids[i], c->arena);
        if (!words->token_labels[i]) return HEED_MEMORY;
        assign_token(c, words, i);
    }
    assign_last_pending(c, words, c->count);
    for (int64_t w = 0; w < words->words; w++) {
        if (words->word_labels[w]) continue;
        words->word_labels[w] = label_of(c->text.codes, c->firsts[w], c->lasts[w], c->arena);
        if (!words->word_labels[w]) return HEED_MEMORY;
    }
    return HEED_OK;
}

heed_status hd_words_of_text(const heed_tokenizer *tokenizer, const char *text, size_t size,
                             const hd_encoding *encoding, hd_arena *arena, hd_words *words) {
    cut c = {.tokenizer = tokenizer,
             .arena = arena,
             .ids = encoding->ids,
             .starts = encoding->starts,
             .ends = encoding->ends,
             .count = (int64_t)encoding->count};
    HD_TRY(read_text(text, size, arena, &c.text));
    return group_tokens(&c, words);
}

/* The length in characters of the common prefix of two texts. */
static uint32_t common_characters(const hd_buffer *a, const split_text *b) {
    int64_t count = 0;
    for (size_t at = 0; at < a->size && count < b->count; count++) {
        uint32_t code;
        at += hd_utf8_decode(a->data + at, a->size - at, &code);
        if (code != b->codes[count]) break;
    }
    return (uint32_t)count;
}

/* Finds where the text of each id ends by decoding the ids up to it: what a token decodes to may depend on its
 * neighbours. */
static heed_status find_ends(const heed_tokenizer *tokenizer, const int32_t *ids, int64_t count, const split_text *text,
                             hd_buffer *part, uint32_t *starts, uint32_t *ends) {
    uint32_t before = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_buffer_clear(part);
        HD_TRY(hd_tokenizer_decode(tokenizer, ids, (size_t)i + 1, true, part));
        starts[i] = before;
        ends[i] = before = (uint32_t)hd_max(before, common_characters(part, text));
    }
    return HEED_OK;
}

heed_status hd_words_of_ids(const heed_tokenizer *tokenizer, const int32_t *ids, int64_t count, hd_arena *arena,
                            hd_words *words) {
    uint32_t *starts = hd_arena_alloc(arena, (size_t)count, sizeof *starts);
    uint32_t *ends = hd_arena_alloc(arena, (size_t)count, sizeof *ends);
    if (!starts || !ends) return HEED_MEMORY;
    cut c = {.tokenizer = tokenizer, .arena = arena, .ids = ids, .starts = starts, .ends = ends, .count = count};
    hd_buffer text;
    hd_buffer_open(&text, arena->context);
    heed_status status = hd_tokenizer_decode(tokenizer, ids, (size_t)count, true, &text);
    if (status == HEED_OK) status = read_text(text.data, text.size, arena, &c.text);
    if (status == HEED_OK) status = find_ends(tokenizer, ids, count, &c.text, &text, starts, ends);
    hd_buffer_close(&text);
    return status == HEED_OK ? group_tokens(&c, words) : status;
}

/* ---- weights ---- */

void hd_join_weights(const float *weights, int64_t queries, int64_t keys, const int32_t *query_group,
                     int64_t query_groups, const int32_t *key_group, int64_t key_groups, float *joined) {
    memset(joined, 0, (size_t)(query_groups * key_groups) * sizeof *joined);
    for (int64_t i = 0; i < queries; i++) {
        if (query_group[i] < 0) continue;
        int64_t shared = 0; /* queries of the group */
        for (int64_t j = 0; j < queries; j++) shared += query_group[j] == query_group[i];
        float *row = joined + query_group[i] * key_groups;
        for (int64_t k = 0; k < keys; k++)
            if (key_group[k] >= 0) row[key_group[k]] += weights[i * keys + k] / (float)shared;
    }
}
