#include "layers/cache.h"

#include <string.h>

void hd_cache_open(hd_cache *cache, heed_context *context, int64_t layers, int64_t heads, int64_t head_width) {
    *cache = (hd_cache){.context = context, .layers = layers, .heads = heads, .width = head_width};
}

static void free_slots(hd_cache *cache) {
    float **arrays[] = {&cache->k, &cache->v, &cache->spare_k, &cache->spare_v};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) {
        hd_free(cache->context, *arrays[i]);
        *arrays[i] = NULL;
    }
    hd_free(cache->context, cache->lengths);
    hd_free(cache->context, cache->sources);
    hd_free(cache->context, cache->keys);
    cache->lengths = NULL, cache->sources = NULL, cache->keys = NULL;
    cache->slot_capacity = cache->key_capacity = 0;
}

static void free_memory(hd_cache *cache) {
    hd_free(cache->context, cache->memory_starts);
    hd_free(cache->context, cache->memory_lengths);
    hd_free(cache->context, cache->memory_k);
    hd_free(cache->context, cache->memory_v);
    cache->memory_starts = cache->memory_lengths = NULL;
    cache->memory_k = cache->memory_v = NULL;
    cache->sentences = 0;
}

void hd_cache_close(hd_cache *cache) {
    if (!cache->context) return;
    free_slots(cache);
    free_memory(cache);
}

/* Floats of one head of one slot. */
static int64_t head_size(const hd_cache *cache) { return cache->key_capacity * cache->width; }

static int64_t place(const hd_cache *cache, int64_t layer, int64_t slot) {
    return (layer * cache->slot_capacity + slot) * cache->heads * head_size(cache);
}

/* Copies what a slot holds, panel by panel, between caches of different capacity. */
static void copy_slot(const hd_cache *from, const float *from_k, const float *from_v, int64_t slot, const hd_cache *to,
                      float *to_k, float *to_v, int64_t target) {
    int64_t keys = from->lengths[slot], panels = (keys + HD_PANEL - 1) / HD_PANEL;
    for (int64_t layer = 0; layer < from->layers; layer++)
        for (int64_t h = 0; h < from->heads; h++) {
            int64_t source = place(from, layer, slot) + h * head_size(from),
                    t = place(to, layer, target) + h * head_size(to);
            memcpy(to_k + t, from_k + source, (size_t)(panels * HD_PANEL * from->width) * sizeof(float));
            memcpy(to_v + t, from_v + source, (size_t)(keys * from->width) * sizeof(float));
        }
}

/* Room for this many slots of this many keys, keeping what is there. */
static heed_status make_room(hd_cache *cache, int64_t slots, int64_t keys) {
    if (slots <= cache->slot_capacity && keys <= cache->key_capacity) return HEED_OK;
    hd_cache old = *cache;
    cache->slot_capacity = hd_max(slots, old.slot_capacity);
    cache->key_capacity = hd_max((keys + HD_PANEL - 1) / HD_PANEL * HD_PANEL, old.key_capacity);
    size_t rows = (size_t)(cache->layers * cache->slot_capacity * cache->heads),
           row = (size_t)head_size(cache) * sizeof(float);
    size_t capacity = (size_t)cache->slot_capacity;
    cache->k = hd_alloc(cache->context, rows, row);
    cache->v = hd_alloc(cache->context, rows, row);
    cache->spare_k = hd_alloc(cache->context, rows, row);
    cache->spare_v = hd_alloc(cache->context, rows, row);
    cache->lengths = hd_alloc_zeroed(cache->context, capacity, sizeof *cache->lengths);
    cache->sources = hd_alloc_zeroed(cache->context, capacity, sizeof *cache->sources);
    cache->keys = hd_alloc(cache->context, capacity, sizeof *cache->keys);
    if (!cache->k || !cache->v || !cache->spare_k || !cache->spare_v || !cache->lengths || !cache->sources ||
        !cache->keys) {
        free_slots(cache);
        *cache = old;
        return HEED_MEMORY;
    }
    for (int64_t s = 0; s < old.slots; s++) {
        cache->lengths[s] = old.lengths[s];
        cache->sources[s] = old.sources[s];
        copy_slot(&old, old.k, old.v, s, cache, cache->k, cache->v, s);
    }
    free_slots(&old);
    return HEED_OK;
}

heed_status hd_cache_start(hd_cache *cache, const hd_layout *memory) {
    free_memory(cache);
    cache->slots = 0;
    size_t n = (size_t)memory->sequences;
    HD_TRY(make_room(cache, memory->sequences, HD_PANEL));
    cache->memory_starts = hd_alloc(cache->context, n + 1, sizeof *cache->memory_starts);
    cache->memory_lengths = hd_alloc(cache->context, n, sizeof *cache->memory_lengths);
    if (!cache->memory_starts || !cache->memory_lengths) return HEED_MEMORY;
    cache->memory_starts[0] = 0;
    for (size_t s = 0; s < n; s++) {
        cache->memory_lengths[s] = memory->starts[s + 1] - memory->starts[s];
        cache->memory_starts[s + 1] =
            cache->memory_starts[s] + (cache->memory_lengths[s] + HD_PANEL - 1) / HD_PANEL * HD_PANEL;
        cache->lengths[s] = 0;
        cache->sources[s] = (int32_t)s;
    }
    size_t floats = (size_t)(cache->memory_starts[n] * cache->heads * cache->width);
    cache->memory_k = hd_alloc(cache->context, (size_t)cache->layers, floats * sizeof(float));
    cache->memory_v = hd_alloc(cache->context, (size_t)cache->layers, floats * sizeof(float));
    if (!cache->memory_k || !cache->memory_v) return HEED_MEMORY;
    cache->sentences = cache->slots = memory->sequences;
    return HEED_OK;
}

static float *memory_of(const hd_cache *cache, float *memory, int64_t layer, int64_t sentence) {
    return memory + (layer * cache->memory_starts[cache->sentences] + cache->memory_starts[sentence]) * cache->heads *
                        cache->width;
}

/* Rows [row, row + count) of k and v [tokens, heads · width] become the keys from `first` on. */
static void put(const hd_cache *cache, const hd_tensor *k, const hd_tensor *v, int64_t row, int64_t count,
                int64_t first, int64_t stride, float *to_k, float *to_v) {
    for (int64_t r = 0; r < count; r++)
        for (int64_t h = 0; h < cache->heads; h++) {
            const float *from = k->data + (row + r) * k->columns + h * cache->width;
            int64_t key = first + r;
            float *panel = to_k + h * stride + key / HD_PANEL * HD_PANEL * cache->width + key % HD_PANEL;
            for (int64_t j = 0; j < cache->width; j++) panel[j * HD_PANEL] = from[j];
            memcpy(to_v + h * stride + key * cache->width, v->data + (row + r) * v->columns + h * cache->width,
                   (size_t)cache->width * sizeof(float));
        }
}

void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    for (int64_t s = 0; s < cache->sentences; s++) {
        int64_t stride = (cache->memory_starts[s + 1] - cache->memory_starts[s]) * cache->width;
        put(cache, k, v, k->layout->starts[s], cache->memory_lengths[s], 0, stride,
            memory_of(cache, cache->memory_k, layer, s), memory_of(cache, cache->memory_v, layer, s));
    }
}

heed_status hd_cache_reserve(hd_cache *cache, int64_t more) {
    int64_t longest = 0;
    for (int64_t s = 0; s < cache->slots; s++) longest = hd_max(longest, cache->lengths[s]);
    if (longest + more <= cache->key_capacity) return HEED_OK;
    return make_room(cache, cache->slots, hd_max(longest + more, 2 * cache->key_capacity));
}

void hd_cache_append(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    for (int64_t s = 0; s < cache->slots; s++)
        put(cache, k, v, k->layout->starts[s], k->layout->starts[s + 1] - k->layout->starts[s], cache->lengths[s],
            head_size(cache), cache->k + place(cache, layer, s), cache->v + place(cache, layer, s));
}

void hd_cache_advance(hd_cache *cache, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slots; s++) cache->lengths[s] += layout->starts[s + 1] - layout->starts[s];
}

const hd_keys *hd_cache_own(hd_cache *cache, int64_t layer, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slots; s++) {
        int64_t keys = cache->lengths[s] + layout->starts[s + 1] - layout->starts[s], stride = head_size(cache);
        cache->keys[s] =
            (hd_keys){keys, cache->k + place(cache, layer, s), cache->v + place(cache, layer, s), stride, stride};
    }
    return cache->keys;
}

const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer) {
    for (int64_t s = 0; s < cache->slots; s++) {
        int64_t sentence = cache->sources[s];
        int64_t stride = (cache->memory_starts[sentence + 1] - cache->memory_starts[sentence]) * cache->width;
        cache->keys[s] = (hd_keys){cache->memory_lengths[sentence], memory_of(cache, cache->memory_k, layer, sentence),
                                   memory_of(cache, cache->memory_v, layer, sentence), stride, stride};
    }
    return cache->keys;
}

heed_status hd_cache_reorder(hd_cache *cache, const int32_t *parents, int64_t count) {
    HD_TRY(make_room(cache, count, cache->key_capacity));
    int64_t *lengths = hd_alloc(cache->context, (size_t)cache->slot_capacity, sizeof *lengths);
    int32_t *sources = hd_alloc(cache->context, (size_t)cache->slot_capacity, sizeof *sources);
    if (!lengths || !sources) {
        hd_free(cache->context, lengths);
        hd_free(cache->context, sources);
        return HEED_MEMORY;
    }
    for (int64_t s = 0; s < count; s++) {
        lengths[s] = cache->lengths[parents[s]];
        sources[s] = cache->sources[parents[s]];
        copy_slot(cache, cache->k, cache->v, parents[s], cache, cache->spare_k, cache->spare_v, s);
    }
    hd_free(cache->context, cache->lengths);
    hd_free(cache->context, cache->sources);
    float *k = cache->k, *v = cache->v;
    cache->k = cache->spare_k, cache->v = cache->spare_v;
    cache->spare_k = k, cache->spare_v = v;
    cache->lengths = lengths, cache->sources = sources, cache->slots = count;
    return HEED_OK;
}

void hd_cache_rewind(hd_cache *cache, int64_t slot, int64_t length) {
    cache->lengths[slot] = hd_min(cache->lengths[slot], length);
}
