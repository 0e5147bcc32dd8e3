/* A draft: a smaller model with the same tokens, which proposes the next tokens of requests with one hypothesis (Leviathan,
 * Kalman and Matias, 2023). It chooses them as the request does, with the same random numbers, so that a similar model
 * proposes what is then sampled. Its slots are those of the session's decoder. */
#ifndef HD_DECODE_DRAFT_H
#define HD_DECODE_DRAFT_H

#include "decode/search.h"

typedef struct hd_draft {
    hd_decoder *decoder; /* NULL: there is none */
    hd_arena numbers;    /* of a pass, in device memory */
} hd_draft;

/* HEED_ARGUMENT if a network of recipe `draft` cannot propose tokens for one of `recipe`. */
heed_status hd_draft_check(heed_context *context, const hd_recipe *draft, const hd_recipe *recipe);
/* Opens the draft of a network: hd_draft_check. */
heed_status hd_draft_open(heed_context *context, const hd_network *network, const hd_network *target, hd_draft *draft);
void hd_draft_close(hd_draft *draft);
/* Proposes tokens for those searches [count] of which `drafted` [count] is more than 0: so many at most. Others keep what was
 * proposed for them. A prompt that it has not processed is cut into parts of `step_tokens`; nothing is proposed before its
 * last part. `slots`: of all searches. */
heed_status hd_draft_propose(hd_draft *draft, hd_search *const *searches, int64_t count, int64_t slots,
                             const int64_t *drafted, int64_t step_tokens, hd_arena *scratch);
/* After the search has accepted or refused proposals: its slot forgets tokens that are not those of the text. */
void hd_draft_rewind(hd_draft *draft, hd_search *search);

#endif
