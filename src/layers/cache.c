#include "layers/cache.h"

#include <string.h>

void hd_cache_open(hd_cache *cache, heed_context *context, int64_t layers, int64_t heads, int64_t head_width) {
    *cache =
        (hd_cache){.context = context, .layers = layers, .heads = heads, .width = head_width, .list_keys = HD_PANEL};
}

static void free_pool(hd_cache *cache, hd_cache_pool *pool) {
    hd_free(cache->context, pool->k.data);
    hd_free(cache->context, pool->v.data);
}

void hd_cache_close(hd_cache *cache) {
    if (!cache->context) return;
    for (int64_t s = 0; s < cache->sentence_count; s++) {
        free_pool(cache, &cache->sentences[s].memory);
        free_pool(cache, &cache->sentences[s].own);
    }
    void *arrays[] = {cache->sentences, cache->taken,       cache->slots, cache->spare_slots,
                      cache->lists,     cache->spare_lists, cache->keys};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(cache->context, arrays[i]);
}

static int64_t whole_panels(int64_t keys) { return (keys + HD_PANEL - 1) / HD_PANEL * HD_PANEL; }

/* ---- a pool ---- */

/* Room for so many keys; what is there is lost. */
static heed_status clear_pool(hd_cache *cache, hd_cache_pool *pool, int64_t keys) {
    size_t needed;
    if (!hd_multiply((size_t)(cache->layers * cache->heads * cache->width), (size_t)keys, &needed)) needed = SIZE_MAX;
    if (!hd_grow(cache->context, &pool->k.data, &pool->k.capacity, needed, sizeof *pool->k.data) ||
        !hd_grow(cache->context, &pool->v.data, &pool->v.capacity, needed, sizeof *pool->v.data))
        return HEED_MEMORY;
    pool->keys = keys;
    return HEED_OK;
}

/* Room for more keys; the first `used` stay. */
static heed_status widen_pool(hd_cache *cache, hd_cache_pool *pool, int64_t keys, int64_t used) {
    hd_cache_pool wide = {0};
    if (clear_pool(cache, &wide, keys) != HEED_OK) {
        free_pool(cache, &wide);
        return HEED_MEMORY;
    }
    size_t bytes = (size_t)(whole_panels(used) * cache->width) * sizeof(float);
    for (int64_t h = 0; bytes && h < cache->layers * cache->heads; h++) {
        memcpy(wide.k.data + h * keys * cache->width, pool->k.data + h * pool->keys * cache->width, bytes);
        memcpy(wide.v.data + h * keys * cache->width, pool->v.data + h * pool->keys * cache->width, bytes);
    }
    free_pool(cache, pool);
    *pool = wide;
    return HEED_OK;
}

/* Where a layer's keys or values begin. */
static int64_t layer_at(const hd_cache *cache, const hd_cache_pool *pool, int64_t layer) {
    return layer * cache->heads * pool->keys * cache->width;
}

/* Row `row` of k and v [tokens, heads · width] becomes key `key` of a layer. */
static void put(const hd_cache *cache, const hd_tensor *k, const hd_tensor *v, int64_t row, const hd_cache_pool *pool,
                int64_t layer, int64_t key) {
    int64_t at = layer_at(cache, pool, layer), stride = pool->keys * cache->width;
    float *to_k = pool->k.data + at + key / HD_PANEL * HD_PANEL * cache->width + key % HD_PANEL;
    float *to_v = pool->v.data + at + key * cache->width;
    for (int64_t h = 0; h < cache->heads; h++) {
        const float *from = k->data + row * k->columns + h * cache->width;
        for (int64_t j = 0; j < cache->width; j++) {
            float *to = to_k + h * stride + j * HD_PANEL;
            __builtin_prefetch(to + stride, 1); /* each is a line of its own, which the next head will write */
            *to = from[j];
        }
        memcpy(to_v + h * stride, v->data + row * v->columns + h * cache->width, (size_t)cache->width * sizeof(float));
    }
}

/* What attention is handed of a layer. */
static hd_keys keys_of(const hd_cache *cache, const hd_cache_pool *pool, int64_t layer, int64_t keys) {
    int64_t at = layer_at(cache, pool, layer), stride = pool->keys * cache->width;
    return (hd_keys){.keys = keys,
                     .k_panels = pool->k.data + at,
                     .v = pool->v.data + at,
                     .panels_stride = stride,
                     .v_stride = stride};
}

/* ---- the memory ---- */

/* Counts the slots of each sentence, and makes as many free sentences and slots as there are sequences. */
static heed_status make_room(hd_cache *cache, int64_t sequences) {
    heed_context *context = cache->context;
    int64_t slots = cache->slot_count + sequences, free = 0;
    for (int64_t s = 0; s < cache->sentence_count; s++) cache->sentences[s].slots = 0;
    for (int64_t s = 0; s < cache->slot_count; s++) cache->sentences[cache->slots[s].sentence].slots++;
    for (int64_t s = 0; s < cache->sentence_count; s++) free += !cache->sentences[s].slots;
    int64_t sentences = cache->sentence_count + hd_max(sequences - free, 0);
    if (!hd_grow(context, &cache->sentences, &cache->sentence_capacity, (size_t)sentences, sizeof *cache->sentences) ||
        !hd_grow(context, &cache->slots, &cache->slot_capacity, (size_t)slots, sizeof *cache->slots) ||
        !hd_grow(context, &cache->lists, &cache->list_capacity, (size_t)(slots * cache->list_keys),
                 sizeof *cache->lists))
        return HEED_MEMORY;
    while (cache->sentence_count < sentences) cache->sentences[cache->sentence_count++] = (hd_cache_sentence){0};
    return HEED_OK;
}

heed_status hd_cache_add(hd_cache *cache, const hd_layout *memory) {
    HD_TRY(make_room(cache, memory->sequences));
    for (int64_t i = 0, place = 0; i < memory->sequences; i++) {
        while (cache->sentences[place].slots) place++;
        hd_cache_sentence *sentence = &cache->sentences[place];
        sentence->memory_length = memory->starts ? memory->starts[i + 1] - memory->starts[i] : 0;
        sentence->slots = 1;
        HD_TRY(clear_pool(cache, &sentence->memory, whole_panels(sentence->memory_length)));
        HD_TRY(clear_pool(cache, &sentence->own, HD_PANEL));
        cache->slots[cache->slot_count++] = (hd_cache_slot){.sentence = (int32_t)place};
    }
    return HEED_OK;
}

void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    const hd_layout *added = k->layout;
    const hd_cache_slot *slots = cache->slots + cache->slot_count - added->sequences;
    for (int64_t i = 0; i < added->sequences; i++)
        for (int32_t row = added->starts[i]; row < added->starts[i + 1]; row++)
            put(cache, k, v, row, &cache->sentences[slots[i].sentence].memory, layer, row - added->starts[i]);
}

const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_sentence *sentence = &cache->sentences[cache->slots[s].sentence];
        cache->keys[s] = keys_of(cache, &sentence->memory, layer, sentence->memory_length);
    }
    return cache->keys;
}

/* ---- what hypotheses make ---- */

/* Room for lists of this many places in `slots` spare lists. */
static heed_status grow_spare(hd_cache *cache, int64_t slots, int64_t list_keys) {
    return hd_grow(cache->context, &cache->spare_lists, &cache->spare_list_capacity, (size_t)(slots * list_keys),
                   sizeof *cache->spare_lists)
               ? HEED_OK
               : HEED_MEMORY;
}

static void swap_lists(hd_cache *cache) {
    int32_t *lists = cache->lists;
    size_t capacity = cache->list_capacity;
    cache->lists = cache->spare_lists, cache->list_capacity = cache->spare_list_capacity;
    cache->spare_lists = lists, cache->spare_list_capacity = capacity;
}

static heed_status widen_lists(hd_cache *cache, int64_t list_keys) {
    HD_TRY(grow_spare(cache, cache->slot_count, list_keys));
    for (int64_t s = 0; s < cache->slot_count; s++)
        memcpy(cache->spare_lists + s * list_keys, cache->lists + s * cache->list_keys,
               (size_t)cache->slots[s].length * sizeof *cache->lists);
    swap_lists(cache);
    cache->list_keys = list_keys;
    return HEED_OK;
}

/* Marks the places that slots list, and counts those that each sentence needs with the keys of `layout`. */
static void mark_taken(hd_cache *cache, const hd_layout *layout) {
    memset(cache->taken, 0, (size_t)(cache->sentence_count * cache->taken_keys) * sizeof *cache->taken);
    for (int64_t i = 0; i < cache->sentence_count; i++) {
        hd_cache_sentence *sentence = &cache->sentences[i];
        sentence->slots = sentence->live = sentence->next_free = sentence->used = 0;
        sentence->in_order = true;
    }
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        bool *taken = cache->taken + slot->sentence * cache->taken_keys;
        const int32_t *list = cache->lists + s * cache->list_keys;
        sentence->in_order &= sentence->slots++ == 0;
        for (int64_t j = 0; j < slot->length; j++) {
            sentence->live += !taken[list[j]];
            taken[list[j]] = true;
            sentence->used = hd_max(sentence->used, list[j] + 1);
            sentence->in_order &= list[j] == j;
        }
        sentence->live += layout->starts[s + 1] - layout->starts[s];
    }
}

/* Widens the pools that are too small; what was marked is to be marked again when they are larger than all before. */
static heed_status widen_pools(hd_cache *cache, int64_t *largest) {
    *largest = 0;
    for (int64_t i = 0; i < cache->sentence_count; i++) {
        hd_cache_sentence *sentence = &cache->sentences[i];
        int64_t keys = hd_max(whole_panels(sentence->live), 2 * sentence->own.keys);
        if (sentence->live > sentence->own.keys) HD_TRY(widen_pool(cache, &sentence->own, keys, sentence->used));
        *largest = hd_max(*largest, sentence->own.keys);
    }
    return HEED_OK;
}

heed_status hd_cache_reserve(hd_cache *cache, const hd_layout *layout) {
    int64_t longest = 0;
    for (int64_t s = 0; s < cache->slot_count; s++)
        longest = hd_max(longest, cache->slots[s].length + layout->starts[s + 1] - layout->starts[s]);
    if (longest > cache->list_keys) HD_TRY(widen_lists(cache, hd_max(whole_panels(longest), 2 * cache->list_keys)));
    for (int64_t largest = hd_max(cache->taken_keys, HD_PANEL);;) {
        cache->taken_keys = largest;
        if (!hd_grow(cache->context, &cache->taken, &cache->taken_capacity,
                     (size_t)(cache->sentence_count * cache->taken_keys), sizeof *cache->taken) ||
            !hd_grow(cache->context, &cache->keys, &cache->keys_capacity, (size_t)cache->slot_count,
                     sizeof *cache->keys))
            return HEED_MEMORY;
        mark_taken(cache, layout);
        HD_TRY(widen_pools(cache, &largest));
        if (largest <= cache->taken_keys) break;
    }
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        bool *taken = cache->taken + slot->sentence * cache->taken_keys;
        int32_t *list = cache->lists + s * cache->list_keys + slot->length;
        for (int64_t i = 0; i < layout->starts[s + 1] - layout->starts[s]; i++) {
            while (taken[sentence->next_free]) sentence->next_free++;
            list[i] = (int32_t)sentence->next_free++;
            sentence->used = hd_max(sentence->used, sentence->next_free);
        }
    }
    return HEED_OK;
}

void hd_cache_append(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    const int32_t *starts = k->layout->starts;
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        const int32_t *list = cache->lists + s * cache->list_keys + slot->length;
        for (int32_t row = starts[s]; row < starts[s + 1]; row++)
            put(cache, k, v, row, &cache->sentences[slot->sentence].own, layer, list[row - starts[s]]);
    }
}

void hd_cache_advance(hd_cache *cache, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slot_count; s++) cache->slots[s].length += layout->starts[s + 1] - layout->starts[s];
}

const hd_keys *hd_cache_own(hd_cache *cache, int64_t layer, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        const hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        int64_t keys = slot->length + layout->starts[s + 1] - layout->starts[s];
        cache->keys[s] = keys_of(cache, &sentence->own, layer, keys);
        if (!sentence->in_order) cache->keys[s].index = cache->lists + s * cache->list_keys;
        cache->keys[s].pool_keys = (sentence->used + 15) / 16 * 16;
    }
    return cache->keys;
}

heed_status hd_cache_reorder(hd_cache *cache, const int32_t *parents, int64_t count) {
    HD_TRY(grow_spare(cache, count, cache->list_keys));
    if (!hd_grow(cache->context, &cache->spare_slots, &cache->spare_slot_capacity, (size_t)count,
                 sizeof *cache->spare_slots))
        return HEED_MEMORY;
    for (int64_t s = 0; s < count; s++) {
        cache->spare_slots[s] = cache->slots[parents[s]];
        memcpy(cache->spare_lists + s * cache->list_keys, cache->lists + parents[s] * cache->list_keys,
               (size_t)cache->slots[parents[s]].length * sizeof *cache->lists);
    }
    swap_lists(cache);
    hd_cache_slot *slots = cache->slots;
    size_t capacity = cache->slot_capacity;
    cache->slots = cache->spare_slots, cache->slot_capacity = cache->spare_slot_capacity;
    cache->spare_slots = slots, cache->spare_slot_capacity = capacity;
    cache->slot_count = count;
    return HEED_OK;
}

void hd_cache_rewind(hd_cache *cache, int64_t slot, int64_t length) {
    cache->slots[slot].length = hd_min(cache->slots[slot].length, length);
}
