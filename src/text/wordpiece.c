#include "text/wordpiece.h"

#include "text/unicode.h"

#include <string.h>

void hd_wordpiece_open(hd_wordpiece *model, heed_context *context) {
    *model = (hd_wordpiece){.context = context, .longest_word = 100, .unknown = -1};
}

void hd_wordpiece_close(hd_wordpiece *model) {
    hd_free(model->context, model->prefix);
    hd_free(model->context, model->missing_unknown);
    hd_wordpiece_open(model, model->context);
}

void hd_wordpiece_finish(hd_wordpiece *model, const hd_vocabulary *vocabulary) {
    for (size_t i = 0; i < vocabulary->present; i++) {
        hd_entry token = vocabulary->entries[i];
        if (!token.model) continue;
        const char *text = vocabulary->pool.data + token.offset;
        size_t length = 0;
        uint32_t code;
        for (size_t at = 0; at < token.size; length++) at += hd_utf8_decode(text + at, token.size - at, &code);
        if (length > model->longest_token) model->longest_token = length;
    }
}

/* Continues the hash over what was appended to the text at or after `from`. */
static uint64_t hash_from(const hd_buffer *text, size_t from, uint64_t hash) {
    for (size_t i = from; i < text->size; i++) hash = hd_hash_byte(hash, text->data[i]);
    return hash;
}

/* The longest token that is a prefix of `text` [count], with the model's prefix unless the word begins here; -1 when
 * there is none, or when memory ran out and scratch->text has failed. */
static int32_t longest(const hd_wordpiece *model, const hd_vocabulary *vocabulary, const hd_character *text,
                       size_t count, bool begins, hd_word_scratch *scratch, size_t *length) {
    uint64_t *hashes = scratch->hashes; /* [longest_token + 1] */
    hd_buffer_clear(&scratch->text);
    if (!begins && model->prefix) hd_buffer_text(&scratch->text, model->prefix);
    hashes[0] = hash_from(&scratch->text, 0, HD_HASH_OF_NOTHING);
    *length = count < model->longest_token ? count : model->longest_token;
    char bytes[4];
    for (size_t i = 0; i < *length; i++) {
        size_t from = scratch->text.size;
        hd_buffer_append(&scratch->text, bytes, hd_utf8_encode(text[i].code, bytes));
        if (scratch->text.failed) return -1;
        hashes[i + 1] = hash_from(&scratch->text, from, hashes[i]);
    }
    for (size_t size = scratch->text.size; *length > 0; --*length) {
        int32_t id = hd_vocabulary_find_hashed(vocabulary, scratch->text.data, size, hashes[*length]);
        if (id >= 0) return id;
        size -= hd_utf8_encode(text[*length - 1].code, bytes);
    }
    return -1;
}

heed_status hd_wordpiece_encode(const hd_wordpiece *model, const hd_vocabulary *vocabulary, const hd_character *word,
                                size_t count, hd_word_scratch *scratch) {
    scratch->count = 0;
    if (count == 0) return HEED_OK;
    if (!hd_grow(scratch->context, &scratch->symbols, &scratch->symbol_capacity, count, sizeof *scratch->symbols))
        return HEED_MEMORY;
    if (!hd_grow(scratch->context, &scratch->hashes, &scratch->hash_capacity, model->longest_token + 1,
                 sizeof *scratch->hashes))
        return HEED_MEMORY;
    bool known = count <= model->longest_word;
    for (size_t first = 0, length; known && first < count; first += length) {
        int32_t id = longest(model, vocabulary, word + first, count - first, first == 0, scratch, &length);
        if (scratch->text.failed) return HEED_MEMORY;
        known = id >= 0;
        scratch->symbols[scratch->count++] = (hd_symbol){.id = id, .first = (uint32_t)first, .count = (uint32_t)length};
    }
    if (!known && model->missing_unknown) return hd_vocabulary_missing(scratch->context, model->missing_unknown);
    if (!known) {
        scratch->symbols[0] = (hd_symbol){.id = model->unknown, .first = 0, .count = (uint32_t)count};
        scratch->count = 1;
    }
    return HEED_OK;
}
