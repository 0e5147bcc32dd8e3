#include "text/vocabulary.h"

#include <string.h>

void hd_vocabulary_open(hd_vocabulary *vocabulary, heed_context *context) {
    *vocabulary = (hd_vocabulary){.context = context};
    hd_buffer_open(&vocabulary->pool, context);
}

void hd_vocabulary_close(hd_vocabulary *vocabulary) {
    hd_buffer_close(&vocabulary->pool);
    hd_free(vocabulary->context, vocabulary->tokens);
    hd_free(vocabulary->context, vocabulary->entries);
    hd_free(vocabulary->context, vocabulary->table);
    hd_vocabulary_open(vocabulary, vocabulary->context);
}

static uint64_t hash(const char *text, size_t size) {
    uint64_t value = HD_HASH_OF_NOTHING;
    for (size_t i = 0; i < size; i++) value = hd_hash_byte(value, text[i]);
    return value;
}

/* The slot of the text, or the empty slot for it. `hash` has been mixed. */
static size_t slot_of(const hd_vocabulary *vocabulary, const char *text, size_t size, uint64_t hash) {
    size_t mask = vocabulary->slots - 1, slot = (size_t)hash & mask;
    for (;; slot = (slot + 1) & mask) {
        struct hd_vocabulary_slot found = vocabulary->table[slot];
        if (found.entry < 0) return slot;
        if (found.hash != (uint32_t)(hash >> 32)) continue;
        const hd_entry *entry = &vocabulary->entries[found.entry];
        if (entry->size == size && memcmp(vocabulary->pool.data + entry->offset, text, size) == 0) return slot;
    }
}

static heed_status make_room(hd_vocabulary *vocabulary) {
    if (vocabulary->present * 2 < vocabulary->slots) return HEED_OK;
    size_t slots = vocabulary->slots ? vocabulary->slots * 2 : 1024, mask = slots - 1;
    struct hd_vocabulary_slot *table = hd_alloc(vocabulary->context, slots, sizeof *table);
    if (!table) return HEED_MEMORY;
    memset(table, -1, slots * sizeof *table);
    for (size_t i = 0; i < vocabulary->present; i++) {
        const hd_entry *entry = &vocabulary->entries[i];
        uint64_t mixed = hd_mix(hash(vocabulary->pool.data + entry->offset, entry->size));
        size_t slot = (size_t)mixed & mask;
        while (table[slot].entry >= 0) slot = (slot + 1) & mask;
        table[slot] = (struct hd_vocabulary_slot){(int32_t)i, (uint32_t)(mixed >> 32)};
    }
    hd_free(vocabulary->context, vocabulary->table);
    vocabulary->table = table;
    vocabulary->slots = slots;
    return HEED_OK;
}

static heed_status check_id(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id) {
    if (id >= 0 && id < HD_VOCABULARY_LIMIT) return HEED_OK;
    return hd_fail(vocabulary->context, HEED_FORMAT, "token \"%.*s\" has id %lld, ids go from 0 to %d",
                   size > 100 ? 100 : (int)size, text, (long long)id, HD_VOCABULARY_LIMIT - 1);
}

/* Makes the text at `offset` that of the id, unless the id has one that counts more. */
static heed_status set_token(hd_vocabulary *vocabulary, int64_t id, size_t offset, size_t size, bool model) {
    if (!hd_grow(vocabulary->context, &vocabulary->tokens, &vocabulary->capacity, (size_t)id + 1,
                 sizeof *vocabulary->tokens))
        return HEED_MEMORY;
    while (vocabulary->count <= (size_t)id) vocabulary->tokens[vocabulary->count++] = (hd_token){0};
    hd_token *token = &vocabulary->tokens[id];
    if (!token->present || (token->model && !model))
        *token = (hd_token){.offset = offset,
                            .shown = offset,
                            .size = (uint32_t)size,
                            .shown_size = (uint32_t)size,
                            .present = true,
                            .model = model};
    vocabulary->model_size += model;
    return HEED_OK;
}

heed_status hd_vocabulary_add(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id, bool model) {
    heed_context *context = vocabulary->context;
    HD_TRY(check_id(vocabulary, text, size, id));
    HD_TRY(make_room(vocabulary));
    uint64_t mixed = hd_mix(hash(text, size));
    size_t slot = slot_of(vocabulary, text, size, mixed);
    if (vocabulary->table[slot].entry >= 0)
        return hd_fail(context, HEED_FORMAT, "token \"%.*s\" has ids %d and %lld", size > 100 ? 100 : (int)size, text,
                       vocabulary->entries[vocabulary->table[slot].entry].id, (long long)id);
    if (!hd_grow(context, &vocabulary->entries, &vocabulary->entry_capacity, vocabulary->present + 1,
                 sizeof *vocabulary->entries))
        return HEED_MEMORY;
    size_t offset = vocabulary->pool.size;
    hd_buffer_append(&vocabulary->pool, text, size);
    hd_buffer_byte(&vocabulary->pool, 0); /* so that a token's text is also a C string */
    if (vocabulary->pool.failed) return HEED_MEMORY;
    HD_TRY(set_token(vocabulary, id, offset, size, model));
    vocabulary->table[slot] = (struct hd_vocabulary_slot){(int32_t)vocabulary->present, (uint32_t)(mixed >> 32)};
    vocabulary->entries[vocabulary->present++] = (hd_entry){offset, (uint32_t)size, (int32_t)id, model};
    return HEED_OK;
}

heed_status hd_vocabulary_add_again(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id) {
    uint64_t mixed = hd_mix(hash(text, size));
    int32_t index = vocabulary->slots ? vocabulary->table[slot_of(vocabulary, text, size, mixed)].entry : -1;
    if (index < 0) return hd_vocabulary_add(vocabulary, text, size, id, true);
    hd_entry *entry = &vocabulary->entries[index];
    HD_TRY(check_id(vocabulary, text, size, id));
    HD_TRY(set_token(vocabulary, id, entry->offset, size, true));
    entry->id = (int32_t)id;
    return HEED_OK;
}

heed_status hd_vocabulary_set_decoded(hd_vocabulary *vocabulary, int32_t id, const char *text, size_t size) {
    vocabulary->tokens[id].shown = vocabulary->pool.size;
    vocabulary->tokens[id].shown_size = (uint32_t)size;
    hd_buffer_append(&vocabulary->pool, text, size);
    hd_buffer_byte(&vocabulary->pool, 0);
    return vocabulary->pool.failed ? HEED_MEMORY : HEED_OK;
}

static const hd_entry *find(const hd_vocabulary *vocabulary, const char *text, size_t size, uint64_t hash) {
    int32_t index = vocabulary->slots ? vocabulary->table[slot_of(vocabulary, text, size, hd_mix(hash))].entry : -1;
    return index < 0 ? NULL : &vocabulary->entries[index];
}

int32_t hd_vocabulary_find(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    const hd_entry *entry = find(vocabulary, text, size, hash(text, size));
    return entry ? entry->id : -1;
}

int32_t hd_vocabulary_find_model(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    return hd_vocabulary_find_hashed(vocabulary, text, size, hash(text, size));
}

int32_t hd_vocabulary_find_entry(const hd_vocabulary *vocabulary, const char *text, size_t size) {
    const hd_entry *entry = find(vocabulary, text, size, hash(text, size));
    return entry && entry->model ? (int32_t)(entry - vocabulary->entries) + 1 : 0;
}

int32_t hd_vocabulary_find_hashed(const hd_vocabulary *vocabulary, const char *text, size_t size, uint64_t hash) {
    const hd_entry *entry = find(vocabulary, text, size, hash);
    return entry && entry->model ? entry->id : -1;
}
