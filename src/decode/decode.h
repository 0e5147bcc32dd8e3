/* Decoding: from encoded sources to the best target sequences, on the interface of layers/decoder.h alone. */
#ifndef HD_DECODE_DECODE_H
#define HD_DECODE_DECODE_H

#include "layers/decoder.h"
#include "models/generation.h"

/* A finished target, without the start token and without the end token. */
typedef struct hd_hypothesis {
    const int32_t *ids;
    int64_t count;
    float score; /* log p / length^penalty, the length counting the end token */
} hd_hypothesis;

/* The hypotheses of one source, the best first. */
typedef struct hd_decoded {
    hd_hypothesis *best;
    int64_t count;
} hd_decoded;

/* Decodes all sources of the layout at once; a sentence that is done leaves the batch. decoded [sources] is filled with
 * memory of `kept`; what is needed on the way comes from `scratch`. One beam is greedy search, more are beam search with
 * transformers' rules (decode/beam.c). */
heed_status hd_generate(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                        const hd_layout *sources, hd_arena *scratch, hd_arena *kept, hd_decoded *decoded);

/* ---- between the files of this room --------------------------------------------------------------------------- */

/* The most tokens of a target, the start token not counted. */
int64_t hd_decode_limit(const hd_decoder *decoder, const hd_generation *generation);

/* A token that may come next, and its log-probability as the options have changed it. */
typedef struct hd_continuation {
    int32_t token;
    float gain;
} hd_continuation;

/* The best next tokens of each slot: what greedy and beam search choose from. */
typedef struct hd_continuations {
    hd_decoder *decoder;
    const hd_generation *generation;
    int64_t most, limit;   /* tokens looked for in a row; tokens of a target */
    hd_continuation *best; /* [slots, most], the best first; of equal ones that with the lowest id */
    int64_t *counts;       /* [slots] */
    hd_exp_sum *sums;      /* [slots] */
    float *held;           /* [slots, limit]: logits of tokens that the repetition penalty changes; NULL without one */
} hd_continuations;

/* Memory for so many slots. */
heed_status hd_continuations_open(hd_continuations *continuations, hd_decoder *decoder, const hd_generation *generation,
                                  int64_t slots, int64_t most, int64_t limit, hd_arena *arena);
/* After a step of the decoder. tokens [slots, stride] are those so far, `length` of each slot, with the start token. The
 * options: no pad, repetition penalty, no repeated n-grams, a forced end; what may not be made is left out. With `most`
 * 1 they act on logits, else on log-probabilities, as in transformers. */
heed_status hd_continue(hd_continuations *continuations, int64_t slots, const int32_t *tokens, int64_t stride,
                        int64_t length);

heed_status hd_greedy(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                      const hd_layout *sources, hd_arena *scratch, hd_arena *kept, hd_decoded *decoded);
heed_status hd_beam_search(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                           const hd_layout *sources, hd_arena *scratch, hd_arena *kept, hd_decoded *decoded);

/* Copies a target into `kept` as hypothesis `h`; tokens [count] without the start token, a final eos is left out. */
heed_status hd_keep_hypothesis(const hd_decoder *decoder, const int32_t *tokens, int64_t count, float score,
                               hd_arena *kept, hd_hypothesis *h);

#endif
