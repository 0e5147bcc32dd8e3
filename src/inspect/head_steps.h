/* One attention head of a Transformer for one query, step by step: the query q, a key k and a value v per token, the products
 * q · k, their scaling, position biases and mask, the softmax, and the weighted sum of the values. Drawn as text and JSON
 * (head_steps.c) and SVG (head_steps_svg.c). */
#ifndef HD_INSPECT_HEAD_STEPS_H
#define HD_INSPECT_HEAD_STEPS_H

#include "inspect/attention.h"
#include "inspect/picture.h"

/* A token that the query may attend to. */
typedef struct hd_head_key {
    const char *label;
    const float *key, *value; /* [width], of the model's own pass */
    double product;           /* q · k */
    double scaled;            /* times the scale */
    double bias;              /* of the distance; 0: there is none */
    double score;             /* what the softmax reads: scaled + bias, capped */
    bool masked;              /* the query does not attend to it: it has no weight */
    double weight;            /* of the model's own pass; 0 if masked */
} hd_head_key;

typedef struct hd_head_steps {
    heed_picture picture;
    const char *source, *target; /* texts; the second "" where there is none */
    hd_attention_kind kind;
    int64_t layer, layers, head, heads; /* from 1 */
    int64_t key_head, key_heads;        /* the head of keys and values, from 1 */
    int64_t width, model_width;         /* of the head, of the network */
    const char *label;                  /* of the query's token */
    int64_t index;                      /* of the query, from 0 */
    bool rotated, normalized;           /* q and k, before they are multiplied */
    bool biased, causal;
    int64_t window; /* 0: none */
    float scale, softcap;
    const float *query;  /* [width] */
    hd_head_key *keys;   /* [count] */
    const float *output; /* [width]: the sum of weight · value */
    int64_t count;
} hd_head_steps;

heed_status hd_head_steps_open(heed_context *context, hd_head_steps **steps);

heed_status hd_head_steps_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out);
heed_status hd_head_steps_json(const heed_picture *picture, hd_buffer *out);
heed_status hd_head_steps_svg(const heed_picture *picture, hd_buffer *out);

/* ---- shared by the drawings ---- */

/* "Cross-attention, layer 3 of 4, head 1 of 4: the query of rennt". */
void hd_head_steps_title(const hd_head_steps *steps, hd_buffer *out);
/* The step from products to scaled scores, "÷ √32" or "× 0.125". */
void hd_head_steps_scale(const hd_head_steps *steps, char text[48]);
/* The largest magnitude of the queries and keys, and of the values and the output. */
double hd_head_steps_largest(const hd_head_steps *steps, bool values);
/* What becomes of the output; without a final full stop. */
void hd_head_steps_end(const hd_head_steps *steps, hd_buffer *out);

#endif
