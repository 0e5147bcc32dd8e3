#include "layers/cache.h"

#include <string.h>

void hd_cache_open(hd_cache *cache, hd_stream *stream, int64_t layers, int64_t heads, int64_t head_width) {
    *cache = (hd_cache){.context = stream->context,
                        .stream = stream,
                        .layers = layers,
                        .heads = heads,
                        .width = head_width,
                        .first_free = -1,
                        .list_keys = HD_PANEL};
}

static void free_pool(hd_cache *cache, hd_cache_pool *pool) {
    cache->stream->device->free(cache->stream, pool->k.data);
    cache->stream->device->free(cache->stream, pool->v.data);
    *pool = (hd_cache_pool){0};
}

void hd_cache_close(hd_cache *cache) {
    if (!cache->context) return;
    for (int64_t s = 0; s < cache->sequence_count; s++) {
        free_pool(cache, &cache->sequences[s].memory);
        free_pool(cache, &cache->sequences[s].own);
    }
    void *arrays[] = {cache->sequences, cache->taken,       cache->slots, cache->spare_slots,
                      cache->lists,     cache->spare_lists, cache->keys};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(cache->context, arrays[i]);
}

static int64_t whole_panels(int64_t keys) { return (keys + HD_PANEL - 1) / HD_PANEL * HD_PANEL; }

/* ---- a pool ---- */

/* Room for so many floats, without what was there. */
static heed_status clear_floats(hd_cache *cache, hd_cache_floats *floats, size_t needed) {
    const hd_device *device = cache->stream->device;
    size_t capacity = floats->capacity, bytes;
    if (needed <= capacity) return HEED_OK;
    if (needed / 2 < capacity) needed = 2 * capacity;
    if (!hd_multiply(needed, sizeof *floats->data, &bytes)) bytes = SIZE_MAX;
    device->free(cache->stream, floats->data);
    floats->data = device->alloc(cache->stream, bytes);
    floats->capacity = floats->data ? needed : 0;
    return floats->data ? HEED_OK : HEED_MEMORY;
}

/* Room for so many keys, without what was there. */
static heed_status clear_pool(hd_cache *cache, hd_cache_pool *pool, int64_t keys) {
    size_t needed;
    if (!hd_multiply((size_t)(cache->layers * cache->heads * cache->width), (size_t)keys, &needed)) needed = SIZE_MAX;
    HD_TRY(clear_floats(cache, &pool->k, needed));
    HD_TRY(clear_floats(cache, &pool->v, needed));
    pool->keys = keys;
    return HEED_OK;
}

/* Room for more keys; the first `used` stay as they are. */
static heed_status widen_pool(hd_cache *cache, hd_cache_pool *pool, int64_t keys, int64_t used) {
    hd_cache_pool wide = {0};
    if (clear_pool(cache, &wide, keys) != HEED_OK) {
        free_pool(cache, &wide);
        return HEED_MEMORY;
    }
    hd_copy_call copy = {.rows = cache->layers * cache->heads,
                         .columns = whole_panels(used) * cache->width,
                         .x_row = pool->keys * cache->width,
                         .y_row = keys * cache->width};
    copy.x = pool->k.data, copy.y = wide.k.data;
    cache->stream->device->copy(cache->stream, &copy);
    copy.x = pool->v.data, copy.y = wide.v.data;
    cache->stream->device->copy(cache->stream, &copy);
    free_pool(cache, pool);
    *pool = wide;
    return HEED_OK;
}

/* Where a layer's keys or values begin. */
static int64_t layer_at(const hd_cache *cache, const hd_cache_pool *pool, int64_t layer) {
    return layer * cache->heads * pool->keys * cache->width;
}

/* What a layer attends to. */
static hd_keys keys_of(const hd_cache *cache, const hd_cache_pool *pool, int64_t layer, int64_t keys) {
    int64_t at = layer_at(cache, pool, layer), stride = pool->keys * cache->width;
    return (hd_keys){.keys = keys,
                     .k_panels = pool->k.data + at,
                     .v = pool->v.data + at,
                     .panels_stride = stride,
                     .v_stride = stride};
}

/* ---- sequences ---- */

/* Free sequences keep up to so many floats (64 MiB) for the next ones; more goes back to the allocator. */
enum { SPARE_FLOATS = 1 << 24 };

static size_t floats_of(const hd_cache_sequence *sequence) {
    return sequence->memory.k.capacity + sequence->memory.v.capacity + sequence->own.k.capacity +
           sequence->own.v.capacity;
}

static heed_status take_sequence(hd_cache *cache, int32_t *index) {
    *index = cache->first_free;
    if (*index >= 0) {
        cache->first_free = cache->sequences[*index].next_free;
        cache->spare_floats -= floats_of(&cache->sequences[*index]);
        return HEED_OK;
    }
    if (!hd_grow(cache->context, &cache->sequences, &cache->sequence_capacity, (size_t)cache->sequence_count + 1,
                 sizeof *cache->sequences))
        return HEED_MEMORY;
    *index = (int32_t)cache->sequence_count++;
    cache->sequences[*index] = (hd_cache_sequence){0};
    return HEED_OK;
}

static void release_sequence(hd_cache *cache, int32_t index) {
    hd_cache_sequence *sequence = &cache->sequences[index];
    if (cache->spare_floats + floats_of(sequence) > SPARE_FLOATS) {
        free_pool(cache, &sequence->memory);
        free_pool(cache, &sequence->own);
    }
    cache->spare_floats += floats_of(sequence);
    sequence->next_free = cache->first_free;
    cache->first_free = index;
}

static hd_cache_sequence *sequence_of(const hd_cache *cache, const hd_cache_slot *slot) {
    return &cache->sequences[slot->sequence];
}

heed_status hd_cache_add(hd_cache *cache, const hd_layout *memory) {
    heed_context *context = cache->context;
    int64_t slots = cache->slot_count + memory->sequences;
    if (!hd_grow(context, &cache->slots, &cache->slot_capacity, (size_t)slots, sizeof *cache->slots) ||
        !hd_grow(context, &cache->keys, &cache->keys_capacity, (size_t)slots, sizeof *cache->keys) ||
        !hd_grow(context, &cache->lists, &cache->list_capacity, (size_t)(slots * cache->list_keys),
                 sizeof *cache->lists))
        return HEED_MEMORY;
    for (int64_t i = 0; i < memory->sequences; i++) {
        int32_t index;
        HD_TRY(take_sequence(cache, &index));
        hd_cache_sequence *sequence = &cache->sequences[index];
        sequence->memory_length = memory->starts ? memory->starts[i + 1] - memory->starts[i] : 0;
        int64_t room = memory->starts ? hd_max(sequence->memory_length, 1) : 0; /* also of an empty source */
        sequence->used = 0;
        sequence->in_order = true;
        HD_TRY(clear_pool(cache, &sequence->memory, whole_panels(room)));
        HD_TRY(clear_pool(cache, &sequence->own, HD_PANEL));
        cache->slots[cache->slot_count++] = (hd_cache_slot){.sequence = index};
    }
    return HEED_OK;
}

/* Rows of k and v become the last keys of `cached`. */
static void cache_keys(hd_cache *cache, const hd_tensor *k, const hd_tensor *v, const hd_keys *cached) {
    cache->stream->device->cache_keys(cache->stream, &(hd_cache_keys_call){.columns = k->columns,
                                                                           .heads = cache->heads,
                                                                           .layout = *k->layout,
                                                                           .k = k->data,
                                                                           .v = v->data,
                                                                           .cached = cached});
}

void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    cache_keys(cache, k, v, hd_cache_memory(cache, layer) + cache->slot_count - k->layout->sequences);
}

const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[s]);
        cache->keys[s] = keys_of(cache, &sequence->memory, layer, sequence->memory_length);
    }
    return cache->keys;
}

/* ---- lists of indexes ---- */

static heed_status grow_spare_lists(hd_cache *cache, int64_t slots, int64_t list_keys) {
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

/* Makes room for lists of so many keys. */
static heed_status widen_lists(hd_cache *cache, int64_t keys) {
    if (keys <= cache->list_keys) return HEED_OK;
    int64_t list_keys = hd_max(whole_panels(keys), 2 * cache->list_keys);
    HD_TRY(grow_spare_lists(cache, cache->slot_count, list_keys));
    for (int64_t s = 0; s < cache->slot_count; s++)
        if (!sequence_of(cache, &cache->slots[s])->in_order)
            memcpy(cache->spare_lists + s * list_keys, cache->lists + s * cache->list_keys,
                   (size_t)cache->slots[s].length * sizeof *cache->lists);
    swap_lists(cache);
    cache->list_keys = list_keys;
    return HEED_OK;
}

/* ---- room for a step's keys ---- */

static int64_t rows_of(const hd_layout *layout, int64_t slot) {
    return layout->starts[slot + 1] - layout->starts[slot];
}

static heed_status widen_own(hd_cache *cache, hd_cache_sequence *sequence, int64_t keys) {
    if (keys <= sequence->own.keys) return HEED_OK;
    return widen_pool(cache, &sequence->own, hd_max(whole_panels(keys), 2 * sequence->own.keys), sequence->used);
}

static heed_status reserve_in_order(hd_cache *cache, int64_t slot, int64_t rows) {
    hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[slot]);
    sequence->used = cache->slots[slot].length; /* less than before after a rewind */
    HD_TRY(widen_own(cache, sequence, sequence->used + rows));
    sequence->used += rows;
    return HEED_OK;
}

/* Marks the indexes in the lists of slots [first, end), which are one sequence; returns how many there are. */
static int64_t mark_taken(hd_cache *cache, int64_t first, int64_t end) {
    hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[first]);
    int64_t count = 0;
    sequence->used = 0;
    for (int64_t s = first; s < end; s++) {
        const int32_t *list = cache->lists + s * cache->list_keys;
        for (int64_t j = 0; j < cache->slots[s].length; j++) {
            count += !cache->taken[list[j]];
            cache->taken[list[j]] = true;
            sequence->used = hd_max(sequence->used, list[j] + 1);
        }
    }
    return count;
}

/* For the slots [first, end) of one sequence, which have lists: new keys get the lowest free indexes. */
static heed_status reserve_listed(hd_cache *cache, int64_t first, int64_t end, const hd_layout *layout) {
    hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[first]);
    int64_t rows = layout->starts[end] - layout->starts[first], index = 0;
    size_t most = (size_t)(sequence->own.keys + rows);
    if (!hd_grow(cache->context, &cache->taken, &cache->taken_capacity, most, sizeof *cache->taken)) return HEED_MEMORY;
    memset(cache->taken, 0, most * sizeof *cache->taken);
    HD_TRY(widen_own(cache, sequence, mark_taken(cache, first, end) + rows));
    for (int64_t s = first; s < end; s++) {
        int32_t *list = cache->lists + s * cache->list_keys + cache->slots[s].length;
        for (int64_t i = 0; i < rows_of(layout, s); i++) {
            while (cache->taken[index]) index++;
            list[i] = (int32_t)index++;
        }
    }
    sequence->used = hd_max(sequence->used, index);
    return HEED_OK;
}

heed_status hd_cache_reserve(hd_cache *cache, const hd_layout *layout) {
    int64_t longest = 0; /* list */
    for (int64_t s = 0; s < cache->slot_count; s++)
        if (!sequence_of(cache, &cache->slots[s])->in_order)
            longest = hd_max(longest, cache->slots[s].length + rows_of(layout, s));
    HD_TRY(widen_lists(cache, longest));
    if (!hd_grow(cache->context, &cache->keys, &cache->keys_capacity, (size_t)cache->slot_count, sizeof *cache->keys))
        return HEED_MEMORY;
    for (int64_t s = 0, end; s < cache->slot_count; s = end) {
        for (end = s + 1; end < cache->slot_count && cache->slots[end].sequence == cache->slots[s].sequence;) end++;
        int64_t rows = layout->starts[end] - layout->starts[s];
        if (rows)
            HD_TRY(sequence_of(cache, &cache->slots[s])->in_order ? reserve_in_order(cache, s, rows)
                                                                  : reserve_listed(cache, s, end, layout));
    }
    return HEED_OK;
}

void hd_cache_advance(hd_cache *cache, const hd_layout *layout) {
    for (int64_t s = 0; s < cache->slot_count; s++) cache->slots[s].length += rows_of(layout, s);
}

const hd_keys *hd_cache_append(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v) {
    for (int64_t s = 0; s < cache->slot_count; s++) {
        const hd_cache_slot *slot = &cache->slots[s];
        const hd_cache_sequence *sequence = sequence_of(cache, slot);
        cache->keys[s] = keys_of(cache, &sequence->own, layer, slot->length + rows_of(k->layout, s));
        if (!sequence->in_order) cache->keys[s].index = cache->lists + s * cache->list_keys;
        cache->keys[s].pool_keys = (sequence->used + 15) / 16 * 16;
    }
    cache_keys(cache, k, v, cache->keys);
    return cache->keys;
}

/* ---- slots copied and dropped ---- */

/* Is spare slot s one of several of its sequence? */
static bool is_copied(const hd_cache *cache, int64_t s, int64_t count) {
    const hd_cache_slot *slots = cache->spare_slots;
    return (s > 0 && slots[s - 1].sequence == slots[s].sequence) ||
           (s + 1 < count && slots[s + 1].sequence == slots[s].sequence);
}

/* The list of spare slot s, which was slot `parent`. */
static void copy_list(hd_cache *cache, int64_t parent, int64_t s, int64_t count) {
    int32_t *list = cache->spare_lists + s * cache->list_keys;
    int64_t length = cache->spare_slots[s].length;
    if (!sequence_of(cache, &cache->spare_slots[s])->in_order)
        memcpy(list, cache->lists + parent * cache->list_keys, (size_t)length * sizeof *list);
    else if (is_copied(cache, s, count))
        for (int64_t j = 0; j < length; j++) list[j] = (int32_t)j;
}

/* Sequences that have a slot but no spare slot become free. */
static void release_dropped(hd_cache *cache, int64_t count) {
    for (int64_t s = 0; s < cache->slot_count; s++) sequence_of(cache, &cache->slots[s])->slots = 0;
    for (int64_t s = 0; s < count; s++) sequence_of(cache, &cache->spare_slots[s])->slots++;
    for (int64_t s = 0; s < cache->slot_count; s++) {
        int32_t index = cache->slots[s].sequence;
        if (cache->sequences[index].slots == 0) release_sequence(cache, index);
        cache->sequences[index].slots = -1; /* once */
    }
}

heed_status hd_cache_reorder(hd_cache *cache, const int32_t *parents, int64_t count) {
    int64_t longest = 0;
    if (!hd_grow(cache->context, &cache->spare_slots, &cache->spare_slot_capacity, (size_t)count,
                 sizeof *cache->spare_slots))
        return HEED_MEMORY;
    for (int64_t s = 0; s < count; s++) cache->spare_slots[s] = cache->slots[parents[s]];
    for (int64_t s = 0; s < count; s++)
        if (is_copied(cache, s, count)) longest = hd_max(longest, cache->spare_slots[s].length);
    HD_TRY(widen_lists(cache, longest));
    HD_TRY(grow_spare_lists(cache, count, cache->list_keys));
    for (int64_t s = 0; s < count; s++) copy_list(cache, parents[s], s, count);
    for (int64_t s = 0; s < count; s++)
        if (is_copied(cache, s, count)) sequence_of(cache, &cache->spare_slots[s])->in_order = false;
    release_dropped(cache, count);
    swap_lists(cache);
    hd_cache_slot *slots = cache->slots;
    size_t capacity = cache->slot_capacity;
    cache->slots = cache->spare_slots, cache->slot_capacity = cache->spare_slot_capacity;
    cache->spare_slots = slots, cache->spare_slot_capacity = capacity;
    cache->slot_count = count;
    return HEED_OK;
}

/* Whole panels of keys are copied: what is past the last key is overwritten before it is read. */
heed_status hd_cache_copy(hd_cache *cache, int64_t from, int64_t to, int64_t length) {
    const hd_cache_pool *source = &sequence_of(cache, &cache->slots[from])->own;
    hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[to]);
    hd_cache_pool *own = &sequence->own;
    sequence->used = 0;
    HD_TRY(widen_own(cache, sequence, length));
    hd_copy_call copy = {.rows = cache->layers * cache->heads,
                         .columns = whole_panels(length) * cache->width,
                         .x_row = source->keys * cache->width,
                         .y_row = own->keys * cache->width};
    copy.x = source->k.data, copy.y = own->k.data;
    cache->stream->device->copy(cache->stream, &copy);
    copy.columns = length * cache->width;
    copy.x = source->v.data, copy.y = own->v.data;
    cache->stream->device->copy(cache->stream, &copy);
    sequence->used = cache->slots[to].length = length;
    return HEED_OK;
}

/* The keys or values of a layer in host memory, until they are unmapped. */
static const float *map_layer(hd_cache *cache, const hd_cache_pool *pool, const float *numbers, int64_t layer) {
    size_t bytes = (size_t)(cache->heads * pool->keys * cache->width) * sizeof *numbers;
    return hd_stream_map(cache->stream, numbers + layer_at(cache, pool, layer), bytes, HD_TO_READ);
}

static void unmap_layer(hd_cache *cache, const hd_cache_pool *pool, const float *numbers, int64_t layer,
                        const float *host) {
    size_t bytes = (size_t)(cache->heads * pool->keys * cache->width) * sizeof *numbers;
    hd_stream_unmap(cache->stream, (void *)(uintptr_t)host, (void *)(uintptr_t)(numbers + layer_at(cache, pool, layer)),
                    bytes, HD_TO_READ);
}

heed_status hd_cache_read(hd_cache *cache, int64_t slot, int64_t layer, float *rows) {
    int64_t length = cache->slots[slot].length, width = cache->width, columns = cache->heads * width;
    const hd_cache_sequence *sequence = sequence_of(cache, &cache->slots[slot]);
    const hd_cache_pool *own = &sequence->own;
    const float *k = map_layer(cache, own, own->k.data, layer);
    const float *v = k ? map_layer(cache, own, own->v.data, layer) : NULL;
    for (int64_t j = 0; v && j < length; j++) {
        int64_t index = sequence->in_order ? j : cache->lists[slot * cache->list_keys + j];
        for (int64_t h = 0; h < cache->heads; h++) {
            const float *panel = k + (h * own->keys + index / HD_PANEL * HD_PANEL) * width + index % HD_PANEL;
            float *row = rows + j * columns + h * width;
            for (int64_t i = 0; i < width; i++) row[i] = panel[i * HD_PANEL];
            memcpy(row + length * columns, v + (h * own->keys + index) * width, (size_t)width * sizeof *row);
        }
    }
    if (v) unmap_layer(cache, own, own->v.data, layer, v);
    if (k) unmap_layer(cache, own, own->k.data, layer, k);
    return *cache->stream->status;
}

void hd_cache_rewind(hd_cache *cache, int64_t slot, int64_t length) {
    cache->slots[slot].length = hd_min(cache->slots[slot].length, length);
}
