/* The keys and values of a decoding session, in the layout that the attention kernel reads.
 *
 * A slot is one hypothesis. Its own keys grow a token at a time; the memory's keys (of the encoded source) are computed
 * once a sentence, and slots point at them. Keys lie in panels of 32 positions, values in rows. */
#ifndef HD_LAYERS_CACHE_H
#define HD_LAYERS_CACHE_H

#include "autograd/ops/ops.h"

typedef struct hd_cache {
    heed_context *context;
    int64_t layers, heads, width;        /* width: of a head */
    int64_t slots;                       /* hypotheses now */
    int64_t slot_capacity, key_capacity; /* room: slots, and keys a slot (a multiple of 32) */
    int64_t *lengths;                    /* [slot_capacity]: keys that each slot holds */
    int32_t *sources;                    /* [slot_capacity]: which sentence's memory each slot attends to */
    float *k, *v;                        /* [layers][slot_capacity][heads][key_capacity · width] */
    float *spare_k, *spare_v;            /* the same, for reordering */
    int64_t sentences;
    int64_t *memory_starts;     /* [sentences + 1]: where each sentence begins, in keys; multiples of 32 */
    int64_t *memory_lengths;    /* [sentences] */
    float *memory_k, *memory_v; /* [layers][memory_starts[sentences] · heads · width] */
    hd_keys *keys;              /* [slot_capacity]: what one layer's attention is handed */
} hd_cache;

void hd_cache_open(hd_cache *cache, heed_context *context, int64_t layers, int64_t heads, int64_t head_width);
void hd_cache_close(hd_cache *cache);

/* Empties the cache and makes one slot a sentence, with room for a memory of this layout. */
heed_status hd_cache_start(hd_cache *cache, const hd_layout *memory);
/* Writes one layer's memory: keys and values [tokens, heads · width] of the layout given to start. */
void hd_cache_remember(hd_cache *cache, int64_t layer, const hd_tensor *k, const hd_tensor *v);
/* Room for `more` further keys in each slot. Call before a step. */
heed_status hd_cache_reserve(hd_cache *cache, int64_t more);
/* Writes one layer's new keys and values; sequence i of their layout belongs to slot i. Lengths do not move yet. */
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
