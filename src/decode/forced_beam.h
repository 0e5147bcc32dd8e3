/* The hypotheses that a beam search with forced words goes on with (Anderson et al., 2017; Hokamp and Liu, 2017; Post and Vilar,
 * 2018), by the rules of ConstrainedBeamSearchScorer in transformers 4.57. */
#ifndef HD_DECODE_FORCED_BEAM_H
#define HD_DECODE_FORCED_BEAM_H

#include "decode/forced.h"
#include "decode/search.h"

/* A continuation of a hypothesis. */
typedef struct hd_candidate {
    float score;  /* log p with the token */
    int32_t slot; /* the hypothesis that it continues */
    int32_t token;
} hd_candidate;

/* Adds to the `count` best continuations those by the next token of each forced word, and sorts all into banks by the number of
 * their forced tokens. The best of each bank, then the second best of each, and so on, become the first ones of `best`: at most
 * `beams`. */
heed_status hd_forced_beam(hd_search *search, hd_arena *scratch, hd_candidate *best, int64_t *count);

#endif
