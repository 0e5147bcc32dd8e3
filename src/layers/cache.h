/* The keys and values of a decoding session, in the layout that the attention kernel reads.
 *
 * A slot is one hypothesis. The memory's keys (of the encoded source) are computed once a sentence, and all slots of the
 * sentence point at them. The keys that hypotheses make as they grow lie in a pool, one a sentence, and a slot is a list of
 * places in it: a hypothesis is copied by copying its list, and what several have in common is kept once. A place that no
 * list names is free, and a sentence that no slot is on gives way to one that is added. Keys lie in panels of 32, values in
 * rows. */
#ifndef HD_LAYERS_CACHE_H
#define HD_LAYERS_CACHE_H

#include "autograd/ops/ops.h"

typedef struct hd_cache_slot {
    int32_t sentence; /* whose memory it attends to, and in whose pool its places are */
    int64_t length;   /* keys that it holds */
} hd_cache_slot;

/* A growable array of floats. */
typedef struct hd_cache_floats {
    float *data;
    size_t capacity;
} hd_cache_floats;

/* Keys and values of a sentence, [layers][heads][keys · width]. */
typedef struct hd_cache_pool {
    int64_t keys; /* a multiple of 32 */
    hd_cache_floats k, v;
} hd_cache_pool;

typedef struct hd_cache_sentence {
    hd_cache_pool memory, own; /* of the encoded source, and of what hypotheses make */
    int64_t memory_length;
    int64_t slots;                 /* hypotheses on it, counted when places are sought */
    int64_t live, next_free, used; /* places listed, the first that may be free, and the last in use + 1 */
    bool in_order;                 /* one slot, whose key j lies in place j */
} hd_cache_sentence;

typedef struct hd_cache {
    heed_context *context;
    int64_t layers, heads, width;       /* width: of a head */
    int64_t sentence_count;             /* those without a slot are free */
    hd_cache_sentence *sentences;       /* [sentence_count] */
    int64_t taken_keys;                 /* those of the largest pool */
    bool *taken;                        /* [sentence_count, taken_keys] while places are sought */
    int64_t slot_count;                 /* hypotheses now */
    hd_cache_slot *slots, *spare_slots; /* [slot_count] */
    int64_t list_keys;                  /* places that a slot can list */
    int32_t *lists, *spare_lists;       /* [slot_count, list_keys] */
    hd_keys *keys;                      /* [slot_count]: what one layer's attention is handed */
    size_t sentence_capacity, taken_capacity, slot_capacity, spare_slot_capacity, list_capacity, spare_list_capacity,
        keys_capacity;
} hd_cache;

void hd_cache_open(hd_cache *cache, heed_context *context, int64_t layers, int64_t heads, int64_t head_width);
void hd_cache_close(hd_cache *cache);

/* Adds a slot for each sequence of this layout, with room for its memory; without starts there is none. */
heed_status hd_cache_add(hd_cache *cache, const hd_layout *memory);
/* Writes one layer's memory: keys and values [tokens, heads · width] of the layout last added. */
void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v);
/* Finds places for the keys of a step; sequence i of its layout belongs to slot i. Call before the step. */
heed_status hd_cache_reserve(hd_cache *cache, const hd_layout *layout);
/* Writes one layer's new keys and values of that layout. Lengths do not move yet. */
void hd_cache_append(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v);
/* After all layers of a step: the slots have grown by the layout's rows. */
void hd_cache_advance(hd_cache *cache, const hd_layout *layout);
/* What one layer attends to, slot by slot: its own keys (with those just appended, `layout`) or the memory's. */
const hd_keys *hd_cache_own(hd_cache *cache, int64_t layer, const hd_layout *layout);
const hd_keys *hd_cache_memory(hd_cache *cache, int64_t layer);
/* Slot i becomes a copy of slot parents[i]; there are `count` slots afterwards. */
heed_status hd_cache_reorder(hd_cache *cache, const int32_t *parents, int64_t count);
/* Slot `slot` forgets all but its first `length` keys. */
void hd_cache_rewind(hd_cache *cache, int64_t slot, int64_t length);

#endif
