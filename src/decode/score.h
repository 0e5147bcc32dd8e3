/* The best next tokens of hypotheses: logits processors, softmax and selection over a row of the vocabulary each. */
#ifndef HD_DECODE_SCORE_H
#define HD_DECODE_SCORE_H

#include "decode/processors.h"
#include "layers/decoder.h"

/* A token that may come next. */
typedef struct hd_continuation {
    float log_prob; /* as the logits processors leave it */
    int32_t token;
} hd_continuation;

/* A hypothesis whose next token is to be chosen. */
typedef struct hd_scoring {
    hd_prefix prefix;
    int64_t most;          /* continuations to find; for sampling hd_scoring_open sets it */
    bool samples;          /* scores are logits */
    bool needs_row;        /* a processor needs all logits (processors.h) */
    hd_continuation *best; /* [count], the best first; of equal ones that with the lowest id */
    int64_t count;
    /* [vocabulary]: in place of `best`, for sampling among all tokens or among more equal ones than were found; else NULL */
    const float *logits;
    const float
        *row; /* [vocabulary]: the scores of all tokens, of a search that needs them and does not sample; else NULL */
    const float *raw; /* [vocabulary]: the network's logits, where log-probabilities are kept; else NULL */
} hd_scoring;

/* Memory for the results of a scoring whose prefix and `most` are set. */
heed_status hd_scoring_open(hd_scoring *scoring, hd_arena *arena);
/* After a step of the decoder in which `rows` slots were scored: applies the logits processors and finds the best tokens that
 * may come next. In greedy search and sampling processors act on logits, in beam search on log-probabilities, as in
 * transformers. `device` is an arena of the decoder's stream; results live as long as what both arenas have now. */
heed_status hd_score_next(hd_decoder *decoder, hd_scoring *scorings, int64_t rows, hd_arena *device, hd_arena *host);

#endif
