/* The distribution over the next token as bars: one column per stage of sampling, one row per token. */
#ifndef HD_INSPECT_DISTRIBUTION_H
#define HD_INSPECT_DISTRIBUTION_H

#include "inspect/picture.h"

/* The probabilities after a step of sampling, and what it keeps. */
typedef struct hd_stage {
    const char *name;            /* "top-k" */
    const char *title;           /* "top-k 4" */
    const double *probabilities; /* [rows]; 0: the token is cut away */
    double others;               /* probability of the tokens without a row */
    int64_t kept;                /* tokens of the vocabulary that are left */
} hd_stage;

typedef struct hd_distribution {
    heed_picture picture;
    const char *text;   /* the end of the text before the token */
    int64_t vocabulary; /* its number of tokens */
    int64_t rows;
    const char *const *texts;  /* [rows]: what each token adds to the text */
    const char *const *labels; /* [rows]: the same with visible white space */
    const int32_t *tokens;     /* [rows] */
    const float *logits;       /* [rows], descending */
    const hd_stage *stages;    /* [count]; the first one is the softmax of the logits */
    int64_t count;
} hd_distribution;

heed_status hd_distribution_open(heed_context *context, hd_distribution **distribution);

#endif
