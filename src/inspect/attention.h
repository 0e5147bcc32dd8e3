/* Captured attention: the weights of every head of every layer over one text, with words on both axes. Encoders have
 * one map, decoders one, encoder–decoders three, recurrent translation models one. */
#ifndef HD_INSPECT_ATTENTION_H
#define HD_INSPECT_ATTENTION_H

#include "base/arena.h"

/* The kinds of attention, and the names that the layers give to the observer, in the order of hd_attention_kind. */
typedef enum hd_attention_kind { HD_ENCODER_ATTENTION, HD_DECODER_ATTENTION, HD_CROSS_ATTENTION } hd_attention_kind;
enum { HD_ATTENTION_KINDS = HD_CROSS_ATTENTION + 1 };
extern const char *const hd_attention_names[HD_ATTENTION_KINDS];
/* Their titles in pictures: "Encoder self-attention". */
extern const char *const hd_attention_titles[HD_ATTENTION_KINDS];

typedef struct hd_attention_map {
    hd_attention_kind kind;
    int64_t layers, heads, queries, keys;
    const char *const *query_labels; /* [queries] */
    const char *const *key_labels;   /* [keys] */
    float *weights;                  /* [layers, heads, queries, keys] */
    /* [layers, queries, keys]: 1 where the mask hides the key from the query, so that its weight is 0 in every head; NULL:
     * every query attends to every key. */
    const uint8_t *masked;
    const uint8_t *special; /* [keys]: 1 for special tokens such as </s>; NULL: there are none */
} hd_attention_map;

struct heed_attention {
    heed_context *context;
    hd_arena arena;              /* all that follows */
    const char *source, *target; /* the texts; "" where there is none */
    hd_attention_map maps[HD_ATTENTION_KINDS];
    int64_t count; /* of maps */
};

/* The map of this kind, or NULL. */
const hd_attention_map *hd_attention_find(const heed_attention *attention, hd_attention_kind kind);
/* weights [queries, keys] of one layer and head, counted from 0; −1 is the mean of all. */
void hd_attention_mean(const hd_attention_map *map, int64_t layer, int64_t head, float *weights);
/* Whether the mask hides a key from a query in this layer, counted from 0; −1: in all of them. */
bool hd_attention_is_masked(const hd_attention_map *map, int64_t layer, int64_t query, int64_t key);

#endif
