/* Logits processors, with transformers' names, order and arithmetic. Presence and frequency penalties, which transformers
 * lacks, follow the repetition penalty, as in vLLM. Most are changes to the scores of single tokens, which the
 * device makes while it searches for the best ones (device/device.h: best_tokens). The others need all scores of a row. */
#ifndef HD_DECODE_PROCESSORS_H
#define HD_DECODE_PROCESSORS_H

#include "base/arena.h"
#include "device/device.h"
#include "models/generation.h"

/* A hypothesis whose next token is to be chosen: what processors read. */
typedef struct hd_prefix {
    const hd_generation *generation;
    const int32_t *tokens;   /* [length]: so far, with those given */
    int64_t length, given;   /* given: the tokens of the start or of the prompt */
    int64_t left;            /* tokens that may still come */
    const uint64_t *allowed; /* bit i: the constraint allows token i; NULL: there is none */
    hd_ids source;           /* of a translation, or the prompt; of hd_reads_source alone */
} hd_prefix;

/* Whether a processor reads the source. */
bool hd_reads_source(const hd_generation *generation);
/* Whether a processor needs all scores of a row:
 *
 *  - the exponential decay, which multiplies scores below and above 0 by other factors than a penalty does,
 *  - the replacement of invalid values, after which excluded tokens may come again,
 *  - log-probabilities of a beam search that are normalized again after a penalty. Without one, those after the changes are the
 *    softmax of the changed logits,
 *  - a beam search with forced words, of which the next token's score is needed though it is not among the best. */
bool hd_needs_row(const hd_generation *generation);

/* The most changes that hd_list_changes makes. */
int64_t hd_most_changes(const hd_prefix *prefix);
/* The changes to the scores of the next token by ascending token, one per token. Returns their number. */
int64_t hd_list_changes(const hd_prefix *prefix, int64_t vocabulary, hd_score_change *changes);
/* All processors on a row of logits [vocabulary]. With several beams it becomes log-probabilities. */
heed_status hd_process_row(const hd_prefix *prefix, float *row, int64_t vocabulary, hd_arena *scratch);
/* log Σ e^x; 0 for a row of −∞. */
double hd_log_sum(const float *x, int64_t count);

#endif
