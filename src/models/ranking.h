/* How a model's logits become relevance scores. */
#ifndef HD_MODELS_RANKING_H
#define HD_MODELS_RANKING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct hd_ranker {
    const char *problem; /* why the model cannot rank; NULL: it can */
    bool raw;            /* a score is the logit itself, else its sigmoid */
    bool listed;         /* the tokens are those of a module LogitScore */
    int32_t yes, no;     /* tokens of a language model, whose logit is that of yes, less that of no (−1: none) */
} hd_ranker;

#endif
