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

/* What changes the probabilities of tokens before one is drawn, in this order. */
typedef enum hd_sample_stage {
    HD_SAMPLE_TEMPERATURE,
    HD_SAMPLE_TOP_K,
    HD_SAMPLE_TOP_P,
    HD_SAMPLE_MIN_P,
    HD_SAMPLE_TYPICAL_P,
    HD_SAMPLE_EPSILON_CUTOFF,
    HD_SAMPLE_ETA_CUTOFF,
    HD_SAMPLE_STAGES
} hd_sample_stage;

/* The name of a stage's option, "top-k", and whether the settings make it change anything. */
const char *hd_sample_stage_name(hd_sample_stage stage);
bool hd_sample_stage_acts(const hd_generation *generation, hd_sample_stage stage);
/* The value of its option, 4 of "top-k 4". */
double hd_sample_stage_value(const hd_generation *generation, hd_sample_stage stage);
/* Applies the stages up to and including `last` to choices as below. What they keep comes first, by descending logit; returns
 * its number. The probability of a token is its weight divided by *total. */
int64_t hd_sample_filter(const hd_generation *generation, hd_sample_stage last, hd_sample_choice *choices,
                         int64_t count, double *total);
/* Samples token `position` of the text with this number. `choices` have logits and tokens, tokens in ascending order:
 * the whole vocabulary, or with top-k at least the top_k + 1 largest logits and all that equal the last of top_k. They are
 * reordered. The log-probability is relative to the tokens that were candidates. */
hd_continuation hd_sample(const hd_generation *generation, hd_sample_choice *choices, int64_t count, int64_t position,
                          uint64_t number);

#endif
