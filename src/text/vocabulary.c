#include "text/vocabulary.h"

#include <string.h>

void hd_vocabulary_open(hd_vocabulary *vocabulary, heed_context *context) {
    *vocabulary = (hd_vocabulary){.context = context};
    hd_buffer_open(&vocabulary->pool, context);
}

void hd_vocabulary_close(hd_vocabulary *vocabulary) {
    hd_buffer_close(&vocabulary->pool);
    hd_free(vocabulary->context, vocabulary->tokens);
    hd_free(vocabulary->context, vocabulary->table);
    hd_vocabulary_open(vocabulary, vocabulary->context);
}

static uint64_t hash(const char *text, size_t size) {
    uint64_t value = 0xcbf29ce484222325ull; /* FNV-1a */
    for (size_t i = 0; i < size; i++) value = (value ^ (uint8_t)text[i]) * 0x100000001b3ull;
    return hd_mix(value);
}

/* The slot of the text, or the empty slot for it. */
static size_t slot_of(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    size_t mask = vocabulary->slots - 1, slot = (size_t)hash(text, size) & mask;
    for (;; slot = (slot + 1) & mask) {
        int32_t id = vocabulary->table[slot];
        if (id < 0) return slot;
        if (vocabulary->tokens[id].size == size && memcmp(hd_vocabulary_text(vocabulary, id), text, size) == 0)
            return slot;
    }
}

static heed_status make_room(hd_vocabulary *vocabulary) {
    if (vocabulary->present * 2 < vocabulary->slots) return HEED_OK;
    size_t slots = vocabulary->slots ? vocabulary->slots * 2 : 1024;
    int32_t *table = hd_alloc(vocabulary->context, slots, sizeof *table);
    if (!table) return HEED_MEMORY;
    memset(table, -1, slots * sizeof *table);
    hd_free(vocabulary->context, vocabulary->table);
    vocabulary->table = table;
    vocabulary->slots = slots;
    for (size_t id = 0; id < vocabulary->count; id++) {
        hd_token token = vocabulary->tokens[id];
        if (token.present) table[slot_of(vocabulary, vocabulary->pool.data + token.offset, token.size)] = (int32_t)id;
    }
    return HEED_OK;
}

heed_status hd_vocabulary_add(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id, bool model) {
    heed_context *context = vocabulary->context;
    int shown = size > 100 ? 100 : (int)size;
    if (id < 0 || id >= HD_VOCABULARY_LIMIT)
        return hd_fail(context, HEED_FORMAT, "token \"%.*s\" has id %lld, ids go from 0 to %d", shown, text,
                       (long long)id, HD_VOCABULARY_LIMIT - 1);
    if (hd_vocabulary_has(vocabulary, id))
        return hd_fail(context, HEED_FORMAT, "id %lld belongs to \"%.100s\" and to \"%.*s\"", (long long)id,
                       hd_vocabulary_text(vocabulary, (int32_t)id), shown, text);
    HD_TRY(make_room(vocabulary));
    size_t slot = slot_of(vocabulary, text, size);
    if (vocabulary->table[slot] >= 0)
        return hd_fail(context, HEED_FORMAT, "token \"%.*s\" has ids %d and %lld", shown, text, vocabulary->table[slot],
                       (long long)id);
    if (!hd_grow(context, &vocabulary->tokens, &vocabulary->capacity, (size_t)id + 1, sizeof *vocabulary->tokens))
        return HEED_MEMORY;
    while (vocabulary->count <= (size_t)id) vocabulary->tokens[vocabulary->count++] = (hd_token){0};
    vocabulary->tokens[id] = (hd_token){.offset = vocabulary->pool.size,
                                        .shown = vocabulary->pool.size,
                                        .size = (uint32_t)size,
                                        .shown_size = (uint32_t)size,
                                        .present = true,
                                        .model = model};
    hd_buffer_append(&vocabulary->pool, text, size);
    hd_buffer_byte(&vocabulary->pool, 0); /* so that a token's text is also a C string */
    if (vocabulary->pool.failed) {
        vocabulary->tokens[id].present = false;
        return HEED_MEMORY;
    }
    vocabulary->table[slot] = (int32_t)id;
    vocabulary->present++;
    return HEED_OK;
}

heed_status hd_vocabulary_set_decoded(hd_vocabulary *vocabulary, int32_t id, const char *text, size_t size) {
    vocabulary->tokens[id].shown = vocabulary->pool.size;
    vocabulary->tokens[id].shown_size = (uint32_t)size;
    hd_buffer_append(&vocabulary->pool, text, size);
    hd_buffer_byte(&vocabulary->pool, 0);
    return vocabulary->pool.failed ? HEED_MEMORY : HEED_OK;
}

int32_t hd_vocabulary_find(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    return vocabulary->slots ? vocabulary->table[slot_of(vocabulary, text, size)] : -1;
}

int32_t hd_vocabulary_find_model(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    int32_t id = hd_vocabulary_find(vocabulary, text, size);
    return id >= 0 && vocabulary->tokens[id].model ? id : -1;
}
