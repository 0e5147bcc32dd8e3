/* The steps of a recurrent encoder–decoder as textbooks draw them: the encoder's states h, the decoder's state s, the scores
 * over h, the context vector C, the feed-forward layer on the concatenation [s; C], and the predicted word. Drawn as text
 * and JSON (steps.c) and SVG (steps_svg.c). */
#ifndef HD_INSPECT_STEPS_H
#define HD_INSPECT_STEPS_H

#include "inspect/picture.h"

/* A token with its probability at a step. */
typedef struct hd_prediction {
    const char *label;
    double probability;
} hd_prediction;

typedef struct hd_step {
    const char *read;                /* the input token */
    const float *state;              /* [width]: s of the last layer, after the step */
    const float *context;            /* [width]: C; NULL without attention */
    const float *output;             /* [width]: output of the feed-forward layer on [s; C], or on s */
    const double *scores;            /* [keys]; NULL without attention */
    const float *weights;            /* [keys]: softmax of the scores, from the model's own pass */
    const hd_prediction *candidates; /* [candidates], the most probable first */
    hd_prediction predicted;         /* the chosen token, the input of the next step */
} hd_step;

typedef struct hd_steps {
    heed_picture picture;
    const char *source, *target; /* texts */
    const char *cell, *memory;   /* "GRU", "Bahdanau's attention" */
    bool attends;                /* the decoder has attention */
    bool attends_first;          /* its query is the state before the step, not the one after it */
    int64_t layers, width, keys;
    const char *const *key_labels; /* [keys]: tokens of the source */
    const float *encoder;          /* [keys, width]: h of the encoder's last layer; NULL: not drawn */
    bool two_ways;                 /* of two directions, each in half of the columns */
    bool direct; /* the memory is the initial state, and states are scored without a feed-forward layer */
    const float *memory_vector; /* [memory_size]: encoder output that the initial state is computed from */
    int64_t memory_size;
    const float *initial; /* [width]: the state before the first step */
    hd_step *steps;       /* [count] */
    int64_t count, candidates;
} hd_steps;

heed_status hd_steps_open(heed_context *context, hd_steps **steps);

heed_status hd_steps_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out);
heed_status hd_steps_json(const heed_picture *picture, hd_buffer *out);
heed_status hd_steps_svg(const heed_picture *picture, hd_buffer *out);

/* ---- shared by the drawings ---- */

/* "GRU decoder, Bahdanau's attention: step by step". */
void hd_steps_title(const hd_steps *steps, hd_buffer *out);
/* The vector that the initial state is computed from, and what the decoder knows of the source. */
const char *hd_steps_memory(const hd_steps *steps);
const char *hd_steps_note(const hd_steps *steps);
/* The largest magnitude in all vectors: they have one scale. */
double hd_steps_largest(const hd_steps *steps);
/* [s; C] in memory of the arena, or s alone; NULL: out of memory. */
const float *hd_steps_joined(const hd_steps *steps, const hd_step *step, hd_arena *arena);

/* The score of a key for a query, before the softmax over all keys: q · k, or with a scorer s · tanh(q + k) (Bahdanau,
 * Cho and Bengio, 2015; Luong, Pham and Manning, 2015). All are [width]. */
double hd_attention_score(const float *query, const float *key, const float *scorer, int64_t width);

#endif
