/* The steps of a recurrent decoder as textbooks draw them: the state h, the scores over the encoder's states, the
 * context vector C, the feed-forward layer on the concatenation [h; C], and the predicted word. */
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
    const float *state;              /* [width]: h of the last layer, after the step */
    const float *context;            /* [width]: C; NULL without attention */
    const float *output;             /* [width]: output of the feed-forward layer on [h; C], or on h */
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
    const float *memory_vector;    /* [memory_size]: encoder output that the initial state is computed from */
    int64_t memory_size;
    const float *initial; /* [width]: the state before the first step */
    hd_step *steps;       /* [count] */
    int64_t count, candidates;
} hd_steps;

heed_status hd_steps_open(heed_context *context, hd_steps **steps);

/* The score of a key for a query, before the softmax over all keys: q · k, or with a scorer s · tanh(q + k) (Bahdanau,
 * Cho and Bengio, 2015; Luong, Pham and Manning, 2015). All are [width]. */
double hd_attention_score(const float *query, const float *key, const float *scorer, int64_t width);

#endif
