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

/* Offers a piece, which begins where the best score is `before`, as the last one of the path to `to`. Of equal paths the
 * first one found stays. */
static inline void offer(const hd_unigram *unigram, hd_best_path *to, uint32_t start, int32_t piece, double score,
                         double before) {
    double sum = score + before;
    if (to->start != HD_NO_SYMBOL && !(sum > to->score)) return;
    to->score = unigram->single_precision ? (double)(float)sum : sum;
    to->start = start;
    to->piece = piece;
}

static heed_status find_paths(const hd_unigram *unigram, hd_word_scratch *scratch) {
    const uint8_t *text = (const uint8_t *)scratch->text.data;
    size_t size = scratch->text.size;
    hd_best_path *paths = scratch->paths;
    const hd_trie *trie = &unigram->trie;
    for (size_t i = 0; i <= size; i++) paths[i].start = HD_NO_SYMBOL;
    paths[0].score = 0;
    for (size_t start = 0, length; start < size; start += length) {
        double before = paths[start].score;
        bool single = false; /* a piece is this character alone */
        length = character_size(text[start]);
        uint32_t node = HD_TRIE_ROOT;
        for (size_t at = start; at < size;) {
            node = hd_trie_step(trie, node, text[at++]);
            if (node == HD_TRIE_ROOT) break;
            if (trie->nodes[node].value == 0) continue;
            int32_t piece = (int32_t)trie->nodes[node].value - 1;
            offer(unigram, &paths[at], (uint32_t)start, piece, unigram->pieces[piece].score, before);
            single = single || at - start == length;
        }
        if (single) continue;
        hd_best_path *next = &paths[start + length];
        offer(unigram, next, (uint32_t)start, (int32_t)unigram->unknown, unigram->unknown_score, before);
        if (next->start == start && next->piece < 0)
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

/* Follows the best path back from the end of the word, whose characters are `left`. */
static heed_status add_tokens(const hd_unigram *unigram, const hd_vocabulary *vocabulary, uint32_t left,
                              hd_word_scratch *scratch) {
    const uint8_t *text = (const uint8_t *)scratch->text.data;
    const hd_best_path *paths = scratch->paths;
    for (size_t end = scratch->text.size, start; end > 0; end = start) {
        int32_t piece = paths[end].piece;
        start = paths[end].start;
        bool unknown = piece == unigram->unknown;
        while (unknown && start > 0 && paths[start].piece == unigram->unknown) start = paths[start].start;
        uint32_t count = count_characters(text + start, end - start);
        left -= count;
        HD_TRY(unknown ? add_unknown(unigram, vocabulary, text + start, end - start, left, count, scratch)
                       : add_symbol(scratch, unigram->pieces[piece].id, left, count));
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
    if (!hd_grow(scratch->context, &scratch->paths, &scratch->path_capacity, scratch->text.size + 1,
                 sizeof *scratch->paths))
        return HEED_MEMORY;
    HD_TRY(find_paths(unigram, scratch));
    return add_tokens(unigram, vocabulary, (uint32_t)count, scratch);
}
