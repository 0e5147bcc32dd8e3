/* Sampling: a token drawn from logits. */
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

/* Samples token `position` of the text with this number. `choices` have logits and tokens, tokens in ascending order:
 * the whole vocabulary, or with top-k at least the top_k + 1 largest logits and all that equal the last of top_k. They are reordered. The log-probability is
 * relative to the tokens that were candidates. */
hd_continuation hd_sample(const hd_generation *generation, hd_sample_choice *choices, int64_t count, int64_t position,
                          uint64_t number);

#endif
