/* Sampling: a token drawn from a row of logits. */
#ifndef HD_DECODE_SAMPLE_H
#define HD_DECODE_SAMPLE_H

#include "decode/score.h"

/* A candidate token. */
typedef struct hd_sample_choice {
    float logit;
    int32_t token;
    double weight;   /* e^((logit − largest) / temperature) */
    double distance; /* |−log p − entropy| */
} hd_sample_choice;

/* Samples token `position` of the text with this number; `order` [vocabulary] is scratch. The log-probability is
 * relative to the tokens that were candidates. */
hd_continuation hd_sample(const hd_generation *generation, const float *logits, int64_t vocabulary, int64_t position,
                          uint64_t number, hd_sample_choice *order);

#endif
