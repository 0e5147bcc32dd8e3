#include "layers/cache.h"

#include <string.h>

void hd_cache_open(hd_cache *cache, heed_context *context, int64_t layers, int64_t heads, int64_t head_width) {
    *cache = (hd_cache){.context = context, .layers = layers, .heads = heads, .width = head_width};
}

void hd_cache_close(hd_cache *cache) {
    if (!cache->context) return;
    void *arrays[] = {cache->sentences,   cache->memory_k.data, cache->memory_v.data, cache->pool_k.data,
                      cache->pool_v.data, cache->taken,         cache->slots,         cache->spare_slots,
                      cache->lists,       cache->spare_lists,   cache->keys};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(cache->context, arrays[i]);
}

static int64_t whole_panels(int64_t keys) { return (keys + HD_PANEL - 1) / HD_PANEL * HD_PANEL; }

static bool grow_floats(hd_cache *cache, hd_cache_floats *floats, int64_t keys) {
    size_t needed;
    if (!hd_multiply((size_t)(cache->layers * cache->heads * cache->width), (size_t)keys, &needed)) needed = SIZE_MAX;
    return hd_grow(cache->context, &floats->data, &floats->capacity, needed, sizeof *floats->data);
}

/* ---- the memory ---- */

heed_status hd_cache_start(hd_cache *cache, const hd_layout *memory) {
    heed_context *context = cache->context;
    int64_t sentences = memory->sequences;
    cache->sentence_count = cache->slot_count = 0;
    cache->pool_keys = cache->list_keys = HD_PANEL;
    size_t n = (size_t)sentences;
    if (!hd_grow(context, &cache->sentences, &cache->sentence_capacity, n, sizeof *cache->sentences) ||
        !hd_grow(context, &cache->slots, &cache->slot_capacity, n, sizeof *cache->slots) ||
        !hd_grow(context, &cache->lists, &cache->list_capacity, n * HD_PANEL, sizeof *cache->lists))
        return HEED_MEMORY;
    cache->memory_keys = 0;
    for (int64_t s = 0; s < sentences; s++) {
        int64_t length = memory->starts ? memory->starts[s + 1] - memory->starts[s] : 0;
        cache->sentences[s] = (hd_cache_sentence){.memory_start = cache->memory_keys, .memory_length = length};
        cache->slots[s] = (hd_cache_slot){.sentence = (int32_t)s};
        cache->memory_keys += whole_panels(length);
    }
    if (!grow_floats(cache, &cache->memory_k, cache->memory_keys) ||
        !grow_floats(cache, &cache->memory_v, cache->memory_keys) ||
        !grow_floats(cache, &cache->pool_k, sentences * HD_PANEL) ||
        !grow_floats(cache, &cache->pool_v, sentences * HD_PANEL))
        return HEED_MEMORY;
    cache->sentence_count = cache->slot_count = sentences;
    return HEED_OK;
}

/* Where a layer's keys or values of a sentence's memory begin. */
static int64_t memory_at(const hd_cache *cache, int64_t layer, const hd_cache_sentence *sentence) {
    return (layer * cache->memory_keys + sentence->memory_start) * cache->heads * cache->width;
}

/* Row `row` of k and v [tokens, heads · width] becomes key `key` of heads that lie `stride` floats apart. */
static void put(const hd_cache *cache, const hd_tensor *k, const hd_tensor *v, int64_t row, int64_t key, int64_t stride,
                float *to_k, float *to_v) {
    to_k += key / HD_PANEL * HD_PANEL * cache->width + key % HD_PANEL;
    to_v += key * cache->width;
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

void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    for (int64_t s = 0; s < cache->sentence_count; s++) {
        const hd_cache_sentence *sentence = &cache->sentences[s];
        int64_t at = memory_at(cache, layer, sentence), stride = whole_panels(sentence->memory_length) * cache->width;
        for (int64_t i = 0; i < sentence->memory_length; i++)
            put(cache, k, v, k->layout->starts[s] + i, i, stride, cache->memory_k.data + at, cache->memory_v.data + at);
    }
}

const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_sentence *sentence = &cache->sentences[cache->slots[s].sentence];
        int64_t at = memory_at(cache, layer, sentence), stride = whole_panels(sentence->memory_length) * cache->width;
        cache->keys[s] = (hd_keys){.keys = sentence->memory_length,
                                   .k_panels = cache->memory_k.data + at,
                                   .v = cache->memory_v.data + at,
                                   .panels_stride = stride,
                                   .v_stride = stride};
    }
    return cache->keys;
}

/* ---- the pools ---- */

/* Where a layer's keys or values of a sentence's pool begin. */
static int64_t pool_at(const hd_cache *cache, int64_t layer, int64_t sentence) {
    return (layer * cache->sentence_count + sentence) * cache->heads * cache->pool_keys * cache->width;
}

/* Copies what slots still list. */
static void copy_pools(const hd_cache *cache, const float *from, int64_t pool_keys, float *to) {
    for (int64_t i = 0; i < cache->layers * cache->sentence_count; i++) {
        const hd_cache_sentence *sentence = &cache->sentences[i % cache->sentence_count];
        size_t bytes = (size_t)(whole_panels(sentence->used) * cache->width) * sizeof(float);
        for (int64_t h = i * cache->heads; bytes && h < (i + 1) * cache->heads; h++)
            memcpy(to + h * pool_keys * cache->width, from + h * cache->pool_keys * cache->width, bytes);
    }
}

static heed_status widen_pools(hd_cache *cache, int64_t pool_keys) {
    hd_cache_floats k = {0}, v = {0};
    if (!grow_floats(cache, &k, cache->sentence_count * pool_keys) ||
        !grow_floats(cache, &v, cache->sentence_count * pool_keys)) {
        hd_free(cache->context, k.data);
        return HEED_MEMORY;
    }
    copy_pools(cache, cache->pool_k.data, pool_keys, k.data);
    copy_pools(cache, cache->pool_v.data, pool_keys, v.data);
    hd_free(cache->context, cache->pool_k.data);
    hd_free(cache->context, cache->pool_v.data);
    cache->pool_k = k, cache->pool_v = v, cache->pool_keys = pool_keys;
    return HEED_OK;
}

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

/* Marks the places that slots list, and returns how large the pools must be for the keys of `layout` as well. */
static int64_t mark_taken(hd_cache *cache, const hd_layout *layout) {
    memset(cache->taken, 0, (size_t)(cache->sentence_count * cache->pool_keys) * sizeof *cache->taken);
    for (int64_t i = 0; i < cache->sentence_count; i++) {
        hd_cache_sentence *sentence = &cache->sentences[i];
        sentence->slots = sentence->live = sentence->next_free = sentence->used = 0;
        sentence->in_order = true;
    }
    int64_t needed = 0;
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        bool *taken = cache->taken + slot->sentence * cache->pool_keys;
        const int32_t *list = cache->lists + s * cache->list_keys;
        sentence->in_order &= sentence->slots++ == 0;
        for (int64_t j = 0; j < slot->length; j++) {
            sentence->live += !taken[list[j]];
            taken[list[j]] = true;
            sentence->used = hd_max(sentence->used, list[j] + 1);
            sentence->in_order &= list[j] == j;
        }
        sentence->live += layout->starts[s + 1] - layout->starts[s];
        needed = hd_max(needed, sentence->live);
    }
    return needed;
}

heed_status hd_cache_reserve(hd_cache *cache, const hd_layout *layout) {
    int64_t longest = 0;
    for (int64_t s = 0; s < cache->slot_count; s++)
        longest = hd_max(longest, cache->slots[s].length + layout->starts[s + 1] - layout->starts[s]);
    if (longest > cache->list_keys) HD_TRY(widen_lists(cache, hd_max(whole_panels(longest), 2 * cache->list_keys)));
    for (int64_t needed = cache->pool_keys;;) {
        if (needed > cache->pool_keys) HD_TRY(widen_pools(cache, hd_max(whole_panels(needed), 2 * cache->pool_keys)));
        if (!hd_grow(cache->context, &cache->taken, &cache->taken_capacity,
                     (size_t)(cache->sentence_count * cache->pool_keys), sizeof *cache->taken) ||
            !hd_grow(cache->context, &cache->keys, &cache->keys_capacity, (size_t)cache->slot_count,
                     sizeof *cache->keys))
            return HEED_MEMORY;
        needed = mark_taken(cache, layout);
        if (needed <= cache->pool_keys) break;
    }
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        bool *taken = cache->taken + slot->sentence * cache->pool_keys;
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
        int64_t at = pool_at(cache, layer, slot->sentence);
        for (int32_t row = starts[s]; row < starts[s + 1]; row++)
            put(cache, k, v, row, list[row - starts[s]], cache->pool_keys * cache->width, cache->pool_k.data + at,
                cache->pool_v.data + at);
    }
}

void hd_cache_advance(hd_cache *cache, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slot_count; s++) cache->slots[s].length += layout->starts[s + 1] - layout->starts[s];
}

const hd_keys *hd_cache_own(hd_cache *cache, int64_t layer, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        const hd_cache_sentence *sentence = &cache->sentences[slot->sentence];
        int64_t at = pool_at(cache, layer, slot->sentence), stride = cache->pool_keys * cache->width;
        cache->keys[s] = (hd_keys){.keys = slot->length + layout->starts[s + 1] - layout->starts[s],
                                   .k_panels = cache->pool_k.data + at,
                                   .v = cache->pool_v.data + at,
                                   .panels_stride = stride,
                                   .v_stride = stride,
                                   .places = sentence->in_order ? NULL : cache->lists + s * cache->list_keys,
                                   .pool = (sentence->used + 15) / 16 * 16};
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
