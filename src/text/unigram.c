#include "text/unigram.h"

#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

/* How much less likely an unknown character is than the worst piece, in tokenizers and sentencepiece. */
#define UNKNOWN_PENALTY 10.0

void hd_unigram_open(hd_unigram *unigram, heed_context *context) {
    *unigram = (hd_unigram){.context = context, .unknown = -1, .trie = {.context = context}};
    hd_buffer_open(&unigram->pool, context);
}

void hd_unigram_close(hd_unigram *unigram) {
    hd_free(unigram->context, unigram->pieces);
    hd_buffer_close(&unigram->pool);
    hd_trie_close(&unigram->trie);
    hd_unigram_open(unigram, unigram->context);
}

/* ---- tables --------------------------------------------------------------------------------------------------- */

heed_status hd_unigram_add(hd_unigram *unigram, const char *text, size_t size, double score, int32_t id) {
    if (size > INT32_MAX || unigram->count >= HD_TRIE_VALUES)
        return hd_fail(unigram->context, HEED_FORMAT, "token %zu is too long or one too many", unigram->count);
    if (!hd_grow(unigram->context, &unigram->pieces, &unigram->capacity, unigram->count + 1, sizeof *unigram->pieces))
        return HEED_MEMORY;
    unigram->pieces[unigram->count++] = (hd_unigram_piece){score, id, unigram->pool.size, (uint32_t)size};
    hd_buffer_append(&unigram->pool, text, size);
    return unigram->pool.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status build_trie(hd_unigram *unigram) {
    hd_trie_key *keys = hd_alloc(unigram->context, unigram->count, sizeof *keys);
    if (!keys) return HEED_MEMORY;
    for (size_t i = 0; i < unigram->count; i++) {
        const hd_unigram_piece *piece = &unigram->pieces[i];
        keys[i] = (hd_trie_key){unigram->pool.data ? unigram->pool.data + piece->offset : "", piece->size, (uint32_t)i};
    }
    heed_status status = hd_trie_build(unigram->context, keys, unigram->count, &unigram->trie);
    hd_free(unigram->context, keys);
    return status;
}

heed_status hd_unigram_finish(hd_unigram *unigram, const hd_vocabulary *vocabulary) {
    double worst = unigram->count ? unigram->pieces[0].score : 0;
    for (size_t i = 1; i < unigram->count; i++)
        if (unigram->pieces[i].score < worst) worst = unigram->pieces[i].score;
    unigram->longest = 4; /* an unknown character */
    for (size_t i = 0; i < unigram->count; i++)
        if (unigram->pieces[i].size > unigram->longest) unigram->longest = unigram->pieces[i].size;
    unigram->unknown_score = worst - UNKNOWN_PENALTY;
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        int size = snprintf(text, sizeof text, "<0x%02X>", byte);
        unigram->bytes[byte] = hd_vocabulary_find_model(vocabulary, text, (size_t)size);
    }
    return build_trie(unigram);
}

/* ---- the best path -------------------------------------------------------------------------------------------- */

static heed_status write_bytes(const hd_character *word, size_t count, hd_word_scratch *scratch) {
    hd_buffer *text = &scratch->text;
    hd_buffer_clear(text);
    size_t most;
    if (!hd_multiply(count, 4, &most) || most >= HD_NO_SYMBOL)
        return hd_fail(scratch->context, HEED_LENGTH, "a word of %zu characters is too long", count);
    if (!hd_grow(scratch->context, &text->data, &text->capacity, most + 1, 1)) return HEED_MEMORY;
    char *out = text->data;
    for (size_t i = 0; i < count; i++) {
        if (word[i].code < 0x80)
            *out++ = (char)word[i].code;
        else
            out += hd_utf8_encode(word[i].code, out);
    }
    text->size = (size_t)(out - text->data);
    return HEED_OK;
}

static size_t character_size(uint8_t first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

/* Last pieces of a path that are none. */
enum { UNKNOWN_CHARACTER = -1, NO_PATH = -2 };

/* The best paths to the positions of a word. Scores are kept of as many positions as the longest piece spans, at the position
 * modulo `mask` + 1. */
typedef struct path_table {
    int32_t *pieces;
    double *scores;
    size_t mask;
} path_table;

static heed_status open_paths(const hd_unigram *unigram, hd_word_scratch *scratch, path_table *out) {
    size_t size = scratch->text.size, span = size < unigram->longest ? size : unigram->longest, count = 1;
    while (count < span) count *= 2;
    if (!hd_grow(scratch->context, &scratch->last_pieces, &scratch->last_piece_capacity, size + 1,
                 sizeof *scratch->last_pieces) ||
        !hd_grow(scratch->context, &scratch->path_scores, &scratch->path_score_capacity, count,
                 sizeof *scratch->path_scores))
        return HEED_MEMORY;
    *out = (path_table){scratch->last_pieces, scratch->path_scores, count - 1};
    for (size_t i = 0; i <= size; i++) out->pieces[i] = NO_PATH;
    out->scores[0] = 0;
    return HEED_OK;
}

/* Makes a piece the last one of the path to `end`, if its score, with that of the path `before` it, is higher. Of equal
 * paths the first one found stays. */
static inline void relax(const hd_unigram *unigram, const path_table *paths, size_t end, int32_t piece, double score,
                         double before) {
    double sum = score + before, *best = &paths->scores[end & paths->mask];
    if (paths->pieces[end] != NO_PATH && !(sum > *best)) return;
    *best = unigram->single_precision ? (double)(float)sum : sum;
    paths->pieces[end] = piece;
}

static heed_status find_paths(const hd_unigram *unigram, hd_word_scratch *scratch) {
    const uint8_t *text = (const uint8_t *)scratch->text.data;
    size_t size = scratch->text.size;
    const hd_trie *trie = &unigram->trie;
    path_table paths;
    HD_TRY(open_paths(unigram, scratch, &paths));
    for (size_t start = 0, length; start < size; start += length) {
        double before = paths.scores[start & paths.mask];
        bool single = false; /* a piece is this character alone */
        length = character_size(text[start]);
        uint32_t node = HD_TRIE_ROOT;
        for (size_t at = start; at < size;) {
            node = hd_trie_step(trie, node, text[at++]);
            if (node == HD_TRIE_ROOT) break;
            if (trie->nodes[node].value == 0) continue;
            int32_t piece = (int32_t)trie->nodes[node].value - 1;
            relax(unigram, &paths, at, piece, unigram->pieces[piece].score, before);
            single = single || at - start == length;
        }
        if (single) continue;
        relax(unigram, &paths, start + length, UNKNOWN_CHARACTER, unigram->unknown_score, before);
        if (unigram->unknown < 0 && paths.pieces[start + length] == UNKNOWN_CHARACTER)
            return hd_fail(scratch->context, HEED_FORMAT,
                           "a text has a character that is in no token, and the model has no unk_id");
    }
    return HEED_OK;
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static heed_status add_symbol(hd_word_scratch *scratch, int32_t id, uint32_t first, uint32_t count) {
    if (!hd_grow(scratch->context, &scratch->symbols, &scratch->symbol_capacity, scratch->count + 1,
                 sizeof *scratch->symbols))
        return HEED_MEMORY;
    scratch->symbols[scratch->count++] = (hd_symbol){.id = id, .first = first, .count = count};
    return HEED_OK;
}

/* Adds unknown text: the token of the whole, which longer unknown text may have by chance; else the tokens of its bytes;
 * else the unknown token. Tokens are added from the last to the first. */
static heed_status add_unknown(const hd_unigram *unigram, const hd_vocabulary *vocabulary, const uint8_t *text,
                               size_t size, uint32_t first, uint32_t count, hd_word_scratch *scratch) {
    int32_t id = hd_vocabulary_find_model(vocabulary, (const char *)text, size);
    if (id >= 0) return add_symbol(scratch, id, first, count);
    bool bytes = unigram->byte_fallback;
    for (size_t i = 0; i < size && bytes; i++) bytes = unigram->bytes[text[i]] >= 0;
    if (!bytes) return add_symbol(scratch, unigram->pieces[unigram->unknown].id, first, count);
    for (size_t i = size; i-- > 0;) HD_TRY(add_symbol(scratch, unigram->bytes[text[i]], first, count));
    return HEED_OK;
}

static uint32_t count_characters(const uint8_t *text, size_t size) {
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++) count += (text[i] & 0xC0) != 0x80;
    return count;
}

/* Where the last piece of the path to `end` begins. */
static size_t start_of(const hd_unigram *unigram, const hd_word_scratch *scratch, size_t end) {
    int32_t piece = scratch->last_pieces[end];
    if (piece != UNKNOWN_CHARACTER) return end - unigram->pieces[piece].size;
    const uint8_t *text = (const uint8_t *)scratch->text.data;
    do end--;
    while ((text[end] & 0xC0) == 0x80);
    return end;
}

static bool ends_unknown(const hd_unigram *unigram, const hd_word_scratch *scratch, size_t end) {
    int32_t piece = scratch->last_pieces[end];
    return piece == UNKNOWN_CHARACTER || piece == unigram->unknown;
}

/* Follows the best path back from the end of the word, whose characters are `left`. */
static heed_status add_tokens(const hd_unigram *unigram, const hd_vocabulary *vocabulary, uint32_t left,
                              hd_word_scratch *scratch) {
    const uint8_t *text = (const uint8_t *)scratch->text.data;
    for (size_t end = scratch->text.size, start; end > 0; end = start) {
        bool unknown = ends_unknown(unigram, scratch, end);
        start = start_of(unigram, scratch, end);
        while (unknown && start > 0 && ends_unknown(unigram, scratch, start)) start = start_of(unigram, scratch, start);
        uint32_t count = count_characters(text + start, end - start);
        left -= count;
        HD_TRY(unknown ? add_unknown(unigram, vocabulary, text + start, end - start, left, count, scratch)
                       : add_symbol(scratch, unigram->pieces[scratch->last_pieces[end]].id, left, count));
    }
    for (size_t i = 0, j = scratch->count; i + 1 < j; i++) {
        hd_symbol kept = scratch->symbols[--j];
        scratch->symbols[j] = scratch->symbols[i];
        scratch->symbols[i] = kept;
    }
    return HEED_OK;
}

heed_status hd_unigram_encode(const hd_unigram *unigram, const hd_vocabulary *vocabulary, const hd_character *word,
                              size_t count, hd_word_scratch *scratch) {
    scratch->count = 0;
    if (count == 0) return HEED_OK;
    HD_TRY(write_bytes(word, count, scratch));
    HD_TRY(find_paths(unigram, scratch));
    return add_tokens(unigram, vocabulary, (uint32_t)count, scratch);
}
