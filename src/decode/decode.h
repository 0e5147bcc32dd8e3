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
 * memory of `arena`. One beam is greedy search, more are beam search with transformers' rules (decode/beam.c). */
heed_status hd_generate(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                        const hd_layout *sources, hd_arena *arena, hd_decoded *decoded);

/* ---- between the files of this room --------------------------------------------------------------------------- */

/* The most tokens of a target, the start token not counted. */
int64_t hd_decode_limit(const hd_decoder *decoder, const hd_generation *generation);

/* Changes a row of scores (logits, or log-probabilities) as the options and the tokens so far ask: no pad, repetition
 * penalty, no repeated n-grams, a forced end. tokens [count] begin with the start token. What may not be made is −∞. */
void hd_process_scores(const hd_decoder *decoder, const hd_generation *generation, const int32_t *tokens, int64_t count,
                       int64_t limit, float *scores);

heed_status hd_greedy(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                      const hd_layout *sources, hd_arena *arena, hd_decoded *decoded);
heed_status hd_beam_search(hd_decoder *decoder, const hd_generation *generation, const int32_t *ids,
                           const hd_layout *sources, hd_arena *arena, hd_decoded *decoded);

/* Copies a target into the arena as hypothesis `h`; tokens [count] without the start token, a final eos is left out. */
heed_status hd_keep_hypothesis(const hd_decoder *decoder, const int32_t *tokens, int64_t count, float score,
                               hd_arena *arena, hd_hypothesis *h);

#endif
