/* The best next tokens of hypotheses: logits processors, softmax and selection over a row of the vocabulary each. */
#ifndef HD_DECODE_SCORE_H
#define HD_DECODE_SCORE_H

#include "layers/decoder.h"
#include "models/generation.h"

/* A token that may come next. */
typedef struct hd_continuation {
    float log_prob; /* as the logits processors leave it */
    int32_t token;
} hd_continuation;

/* A hypothesis whose next token is to be chosen. */
typedef struct hd_scoring {
    const hd_generation *generation;
    const int32_t *tokens; /* [length]: so far, with those given */
    int64_t length;
    int64_t most;          /* continuations to find; for sampling hd_scoring_open sets it */
    bool samples;          /* scores are logits */
    hd_continuation *best; /* [count], the best first; of equal ones that with the lowest id */
    int64_t count;
    const float *logits; /* [vocabulary]: in place of `best`, for sampling among all tokens; else NULL */
} hd_scoring;

/* Memory for the results of a scoring whose first four fields are set. */
heed_status hd_scoring_open(hd_scoring *scoring, hd_arena *arena);
/* After a step of the decoder in which `rows` slots were scored. The processors, as in transformers: no pad, repetition
 * penalty, no repeated n-grams; what may not come next is left out. In greedy search and sampling
 * they act on logits, in beam search on log-probabilities. `device` is an arena of the decoder's stream; results live as long as what both arenas have now. */
heed_status hd_score_next(hd_decoder *decoder, hd_scoring *scorings, int64_t rows, hd_arena *device, hd_arena *host);

#endif
