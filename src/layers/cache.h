/* The keys and values of a decoding session, in the layout that the attention kernel reads.
 *
 * A slot is one hypothesis. A sequence is what the slots of one source or prompt share: the memory (keys and values of the
 * encoded source, computed once), and a pool for the keys and values of target tokens. While a sequence has one slot, key j
 * lies at index j of the pool. Copies of a slot (beams) share what they have in common: each has a list of its keys'
 * indexes in the pool, so a copy costs a list. An index in no list is free, and so is a sequence without a slot. Keys lie
 * in panels of 32, values in rows. */
#ifndef HD_LAYERS_CACHE_H
#define HD_LAYERS_CACHE_H

#include "autograd/ops/ops.h"

typedef struct hd_cache_slot {
    int32_t sequence; /* slots of one sequence are neighbours */
    int64_t length;   /* keys of the slot */
} hd_cache_slot;

/* A growable array of floats in device memory. */
typedef struct hd_cache_floats {
    float *data;
    size_t capacity;
} hd_cache_floats;

/* Keys and values of a sequence, [layers][heads][keys · width]. */
typedef struct hd_cache_pool {
    int64_t keys; /* a multiple of 32 */
    hd_cache_floats k, v;
} hd_cache_pool;

typedef struct hd_cache_sequence {
    hd_cache_pool memory, own; /* of the encoded source, and of target tokens */
    int64_t memory_length;
    int64_t used;      /* the largest index of a key in `own`, + 1 */
    int64_t slots;     /* counted while slots are reordered */
    bool in_order;     /* one slot, whose key j lies at index j: no list */
    int32_t next_free; /* of a free sequence: the next one, or −1 */
} hd_cache_sequence;

typedef struct hd_cache {
    heed_context *context;
    hd_stream *stream;            /* of the pass that reads the cache */
    int64_t layers, heads, width; /* width: of a head */
    int64_t sequence_count;       /* with those that are free */
    hd_cache_sequence *sequences; /* [sequence_count] */
    int32_t first_free;           /* or −1 */
    size_t spare_floats;          /* memory of free sequences, kept for the next ones */
    bool *taken;                  /* [keys of a pool] while free indexes are searched */
    int64_t slot_count;
    hd_cache_slot *slots, *spare_slots; /* [slot_count] */
    int64_t list_keys;                  /* capacity of a slot's list */
    int32_t *lists, *spare_lists;       /* [slot_count, list_keys]: indexes */
    hd_keys *keys;                      /* [slot_count]: for one layer's attention */
    size_t sequence_capacity, taken_capacity, slot_capacity, spare_slot_capacity, list_capacity, spare_list_capacity,
        keys_capacity;
} hd_cache;

/* The stream outlives the cache. */
void hd_cache_open(hd_cache *cache, hd_stream *stream, int64_t layers, int64_t heads, int64_t head_width);
void hd_cache_close(hd_cache *cache);

/* Adds a slot for each sequence of this layout, with room for its memory; without starts there is none. */
heed_status hd_cache_add(hd_cache *cache, const hd_layout *memory);
/* Writes one layer's memory: keys and values [tokens, heads · width] of the layout last added. */
void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v);
/* Finds room for the keys of a step; sequence i of its layout, which may be empty, belongs to slot i. Call before the
 * step. */
heed_status hd_cache_reserve(hd_cache *cache, const hd_layout *layout);
/* Writes one layer's new keys and values of that layout; returns what the layer attends to, slot by slot, with them.
 * Lengths do not change yet. */
const hd_keys *hd_cache_append(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v);
/* After all layers of a step: the slots have grown by the layout's rows. */
void hd_cache_advance(hd_cache *cache, const hd_layout *layout);
/* The memory's keys that one layer attends to, slot by slot. */
const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer);
/* Slot i becomes a copy of slot parents[i]; there are `count` slots afterwards. Slots of one sequence stay neighbours. */
heed_status hd_cache_reorder(hd_cache *cache, const int32_t *parents, int64_t count);
/* Slot `slot` keeps its first `length` keys alone. */
void hd_cache_rewind(hd_cache *cache, int64_t slot, int64_t length);
/* Slot `to`, which has no keys, gets the first `length` keys and values of slot `from`. Both are the only slots of their
 * sequences since those were added. */
heed_status hd_cache_copy(hd_cache *cache, int64_t from, int64_t to, int64_t length);
/* The keys of a slot in a layer as host rows [length, heads · width], and its values after them. Waits. */
heed_status hd_cache_read(hd_cache *cache, int64_t slot, int64_t layer, float *rows);
/* The numbers that hd_cache_read writes for one layer of a slot with `length` keys. */
static inline int64_t hd_cache_row_count(const hd_cache *cache, int64_t length) {
    return 2 * length * cache->heads * cache->width;
}
/* A slot without keys gets `length` keys and values of each layer that hd_cache_read wrote, one layer after the other. The rows
 * may have any alignment. The pass is that of the cache's stream (cache_load.c). */
heed_status hd_cache_load(hd_cache *cache, hd_pass *pass, int64_t slot, int64_t length, const void *rows);

#endif
