/* The best next tokens of hypotheses: softmax, logits processors and selection over a row of the vocabulary each. */
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
    int64_t most;          /* continuations to find */
    hd_continuation *best; /* [count], the best first; of equal ones that with the lowest id */
    int64_t count;
    /* Tokens that may not come next: [0, banned_early) before, the rest after the processor remove_invalid_values. */
    const int32_t *banned; /* [banned_count] */
    int64_t banned_count, banned_early;
    bool needs_row;
    float *logits; /* [vocabulary]: in place of `best`, where a processor needs them all (processors.h); else NULL */
    float *unpenalized; /* [length]: logits of the tokens that the repetition penalty changes; NULL without one */
    hd_exp_sum sum;
} hd_scoring;

/* Memory for the results of a scoring whose first four fields and `needs_row` are set. */
heed_status hd_scoring_open(hd_scoring *scoring, int64_t vocabulary, hd_arena *arena);
/* After a step of the decoder in which `rows` slots were scored: applies the repetition penalty, and leaves out banned
 * tokens. With `most` 1 this acts on logits, else on log-probabilities, as in transformers. A scoring that needs its row
 * gets the logits as they are. */
heed_status hd_score_next(hd_decoder *decoder, hd_scoring *scorings, int64_t rows);

#endif
