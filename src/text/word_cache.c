#include "text/word_cache.h"

#include <string.h>

#include "text/vocabulary.h"

/* The longest word in characters; the slots at first and at most; the most code points and tokens. A cache of full size
 * has 2.5 MB. */
enum { LONGEST = 32, FEWEST_SLOTS = 256, MOST_SLOTS = 1 << 15, MOST_POOL = 1 << 19 };

void hd_word_cache_open(hd_word_cache *cache, heed_context *context) { *cache = (hd_word_cache){.context = context}; }

void hd_word_cache_close(hd_word_cache *cache) {
    hd_free(cache->context, cache->slots);
    hd_free(cache->context, cache->pool);
    hd_word_cache_open(cache, cache->context);
}

uint64_t hd_word_hash(const hd_character *word, size_t length) {
    if (length > LONGEST) return 0;
    uint64_t hash = length;
    for (size_t i = 0; i < length; i++) hash = (hash ^ word[i].code) * 0x9E3779B97F4A7C15ull;
    return (hash ^ hash >> 32) | 1;
}

static size_t slot_of(const hd_word_cache *cache, uint64_t hash) {
    return (size_t)(hash >> 8) & (cache->slot_count - 1);
}

bool hd_word_cache_find(const hd_word_cache *cache, uint64_t hash, const hd_character *word, size_t length,
                        hd_word_scratch *scratch) {
    if (!cache->slot_count || !hash) return false;
    const struct hd_cached_word *slot = &cache->slots[slot_of(cache, hash)];
    if (slot->hash != (uint32_t)(hash >> 32) || slot->length != length) return false;
    const uint32_t *codes = cache->pool + slot->first, *tokens = codes + length;
    for (size_t i = 0; i < length; i++)
        if (codes[i] != word[i].code) return false;
    if (slot->count > scratch->symbol_capacity) return false;
    for (size_t i = 0; i < slot->count; i++, tokens += 2)
        scratch->symbols[i] =
            (hd_symbol){.id = (int32_t)tokens[0], .first = tokens[1] >> 16, .count = tokens[1] & 0xFFFF};
    scratch->count = slot->count;
    return true;
}

/* Forgets all words, in a larger table if there may be one. */
static heed_status clear(hd_word_cache *cache) {
    size_t slots = !cache->slot_count ? FEWEST_SLOTS : cache->slot_count * 4;
    if (slots > MOST_SLOTS) slots = MOST_SLOTS;
    cache->size = cache->used = 0;
    if (slots == cache->slot_count) {
        memset(cache->slots, 0, slots * sizeof *cache->slots);
        return HEED_OK;
    }
    hd_free(cache->context, cache->slots);
    cache->slot_count = 0;
    cache->slots = hd_alloc_zeroed(cache->context, slots, sizeof *cache->slots);
    if (!cache->slots) return HEED_MEMORY;
    cache->slot_count = slots;
    return HEED_OK;
}

heed_status hd_word_cache_add(hd_word_cache *cache, uint64_t hash, const hd_character *word, size_t length,
                              const hd_word_scratch *scratch) {
    size_t more = length + 2 * scratch->count;
    if (!hash || scratch->count > 8 * LONGEST) return HEED_OK;
    if (cache->used >= cache->slot_count / 2 && cache->slot_count < MOST_SLOTS) HD_TRY(clear(cache));
    if (cache->size + more > MOST_POOL) HD_TRY(clear(cache));
    if (!hd_grow(cache->context, &cache->pool, &cache->capacity, cache->size + more, sizeof *cache->pool))
        return HEED_MEMORY;
    cache->slots[slot_of(cache, hash)] = (struct hd_cached_word){(uint32_t)(hash >> 32), (uint32_t)cache->size,
                                                                 (uint16_t)length, (uint16_t)scratch->count};
    cache->used++;
    uint32_t *to = cache->pool + cache->size;
    for (size_t i = 0; i < length; i++) *to++ = word[i].code;
    for (size_t i = 0; i < scratch->count; i++) {
        *to++ = (uint32_t)scratch->symbols[i].id;
        *to++ = scratch->symbols[i].first << 16 | scratch->symbols[i].count;
    }
    cache->size += more;
    return HEED_OK;
}
