#include "inspect/words.h"

#include "text/unicode.h"

#include <string.h>

/* ---- a text, cut at blanks and around punctuation ---- */

typedef struct reading {
    int64_t count;
    uint32_t *codes;   /* [count] */
    int32_t *segments; /* [count]: which word a character belongs to, −1 for blanks */
    int32_t *numbers;  /* [count]: the same where blanks alone separate */
    int32_t number_count;
} reading;

/* Characters [first, end) hold no blank. */
static void cut_word(reading *r, int64_t first, int64_t end, int32_t *segment) {
    int64_t core = first, tail = end;
    while (core < end && hd_is_punctuation(r->codes[core])) core++;
    while (tail > core && hd_is_punctuation(r->codes[tail - 1])) tail--;
    for (int64_t i = first; i < end; i++) {
        if (i == first || i == core || i == tail) ++*segment;
        r->segments[i] = *segment;
        r->numbers[i] = r->number_count;
    }
    r->number_count++;
}

static heed_status read_text(const char *text, size_t size, hd_arena *arena, reading *r) {
    *r = (reading){0};
    r->codes = hd_arena_alloc(arena, size, sizeof *r->codes);
    r->segments = hd_arena_alloc(arena, size, sizeof *r->segments);
    r->numbers = hd_arena_alloc(arena, size, sizeof *r->numbers);
    if (!r->codes || !r->segments || !r->numbers) return HEED_MEMORY;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(text + at, size - at, &r->codes[r->count++]);
    int32_t segment = -1;
    for (int64_t i = 0, first = -1; i <= r->count; i++) {
        bool blank = i == r->count || hd_is_whitespace(r->codes[i]);
        if (!blank && first < 0) first = i;
        if (blank && first >= 0) cut_word(r, first, i, &segment), first = -1;
        if (blank && i < r->count) r->segments[i] = r->numbers[i] = -1;
    }
    return HEED_OK;
}

/* ---- labels ---- */

/* Characters [first, end) as text in the arena, without the blanks at the ends. */
static const char *label_of(const uint32_t *codes, int64_t first, int64_t end, hd_arena *arena) {
    while (first < end && hd_is_whitespace(codes[first])) first++;
    while (end > first && hd_is_whitespace(codes[end - 1])) end--;
    char *label = hd_arena_alloc(arena, (size_t)(4 * (end - first) + 1), 1), *to = label;
    for (int64_t i = first; label && i < end; i++)
        to += hd_utf8_encode(hd_commands_terminal(codes[i]) ? HD_REPLACEMENT_CHARACTER : codes[i], to);
    if (label) *to = 0;
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

/* ---- pieces ---- */

/* A text, the pieces that it was cut into, and where each begins and ends in it. */
typedef struct cut {
    const heed_tokenizer *tokenizer;
    hd_arena *arena;
    reading text;
    const int32_t *ids;     /* [count] */
    const uint32_t *starts; /* [count] */
    const uint32_t *ends;   /* [count] */
    int64_t count;
    int64_t *firsts, *lasts; /* [words]: characters of each word */
    int64_t waiting;         /* pieces without a visible character, which belong to what comes next */
    int32_t segment;         /* of the last word; −1 when nothing more may join it */
} cut;

static int32_t begin_word(cut *c, hd_words *words, int64_t first, int64_t last) {
    c->firsts[words->words] = first, c->lasts[words->words] = last;
    words->word_labels[words->words] = NULL;
    return (int32_t)words->words++;
}

/* The pieces that waited before piece `end` belong to this word. */
static void settle(cut *c, hd_words *words, int64_t end, int32_t word, int32_t number) {
    for (int64_t i = end - c->waiting; i < end; i++) words->word[i] = word, words->number[i] = number;
    c->waiting = 0;
}

/* Those that wait in vain join the last word, or are one. */
static void settle_last(cut *c, hd_words *words, int64_t end) {
    if (!c->waiting) return;
    bool joins = c->segment >= 0;
    int32_t word = joins ? (int32_t)words->words - 1 : begin_word(c, words, 0, 0);
    if (!joins) words->word_labels[word] = words->piece_labels[end - 1];
    settle(c, words, end, word, joins ? words->number[end - c->waiting - 1] : -1);
}

static void place_piece(cut *c, hd_words *words, int64_t i) {
    int64_t at = c->starts[i], end = hd_min(c->ends[i], c->text.count);
    if (c->starts[i] == c->ends[i] && hd_tokenizer_is_special(c->tokenizer, c->ids[i])) {
        settle_last(c, words, i);
        words->word[i] = begin_word(c, words, 0, 0);
        words->number[i] = -1;
        words->word_labels[words->word[i]] = words->piece_labels[i];
        c->segment = -1;
        return;
    }
    while (at < end && c->text.segments[at] < 0) at++;
    if (at >= end) {
        c->waiting++;
        return;
    }
    bool joins = c->segment == c->text.segments[at];
    int32_t word = joins ? (int32_t)words->words - 1 : begin_word(c, words, at, end);
    c->lasts[word] = hd_max(c->lasts[word], end);
    c->segment = c->text.segments[at];
    words->word[i] = word, words->number[i] = c->text.numbers[at];
    settle(c, words, i, word, words->number[i]);
}

static heed_status join_pieces(cut *c, hd_words *words) {
    size_t n = (size_t)c->count;
    *words = (hd_words){.pieces = c->count, .numbers = c->text.number_count};
    words->piece_labels = hd_arena_alloc(c->arena, n, sizeof *words->piece_labels);
    words->word_labels = hd_arena_alloc(c->arena, n, sizeof *words->word_labels);
    words->word = hd_arena_alloc(c->arena, n, sizeof *words->word);
    words->number = hd_arena_alloc(c->arena, n, sizeof *words->number);
    c->firsts = hd_arena_alloc(c->arena, n, sizeof *c->firsts);
    c->lasts = hd_arena_alloc(c->arena, n, sizeof *c->lasts);
    if (!words->piece_labels || !words->word_labels || !words->word || !words->number || !c->firsts || !c->lasts)
        return HEED_MEMORY;
    c->segment = -1;
    for (int64_t i = 0; i < c->count; i++) {
        words->piece_labels[i] = hd_token_label(c->tokenizer, c->ids[i], c->arena);
        if (!words->piece_labels[i]) return HEED_MEMORY;
        place_piece(c, words, i);
    }
    settle_last(c, words, c->count);
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
    return join_pieces(&c, words);
}

/* How many characters two texts have in common at their beginnings. */
static uint32_t common_characters(const hd_buffer *a, const reading *b) {
    int64_t count = 0;
    for (size_t at = 0; at < a->size && count < b->count; count++) {
        uint32_t code;
        at += hd_utf8_decode(a->data + at, a->size - at, &code);
        if (code != b->codes[count]) break;
    }
    return (uint32_t)count;
}

/* Where each id's text ends is found by decoding the ids up to it: a decoder may make of a token what its neighbours say. */
static heed_status find_ends(const heed_tokenizer *tokenizer, const int32_t *ids, int64_t count, const reading *text,
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
    return status == HEED_OK ? join_pieces(&c, words) : status;
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
