/* A recurrent decoder at work, one step after another, as textbooks draw it: the state, the scores over the encoder's
 * states, the context, both side by side through the layer that follows, and the word that comes out. */
#ifndef HD_INSPECT_STEPS_H
#define HD_INSPECT_STEPS_H

#include "inspect/picture.h"

/* A token that might come out of a step. */
typedef struct hd_candidate {
    const char *label;
    double probability;
} hd_candidate;

typedef struct hd_step {
    const char *read;               /* the token that goes in */
    const float *state;             /* [width]: h of the last layer, afterwards */
    const float *context;           /* [width]: C; NULL without attention */
    const float *output;            /* [width]: what the feed-forward layer makes of [h; C], or of h */
    const double *scores;           /* [keys]; NULL without attention */
    const float *weights;           /* [keys]: of the model's own pass; they sum to 1 */
    const hd_candidate *candidates; /* [candidates], the likeliest first */
    hd_candidate made;              /* the token that came out, and is read next */
} hd_step;

typedef struct hd_steps {
    heed_picture picture;
    const char *source, *target; /* texts */
    const char *cell, *memory;   /* "GRU", "Bahdanau's attention" */
    bool attends, looks_first;   /* the query is the state before the step, not the one after it */
    int64_t layers, width, keys;
    const char *const *key_labels; /* [keys]: the source's tokens */
    const float *given;            /* [given_size]: what the initial state is made from */
    int64_t given_size;
    const float *initial; /* [width]: the state before the first step */
    hd_step *steps;       /* [count] */
    int64_t count, candidates;
} hd_steps;

heed_status hd_steps_open(heed_context *context, hd_steps **steps);

/* The score of a key for a query, which the softmax over all keys makes a weight of: q · k, or with a scorer
 * s · tanh(q + k) (Bahdanau, Cho and Bengio, 2015; Luong, Pham and Manning, 2015). All are [width]. */
double hd_attention_score(const float *query, const float *key, const float *scorer, int64_t width);

#endif
