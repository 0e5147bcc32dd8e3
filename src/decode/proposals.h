/* Proposed tokens: guesses of a request's next tokens, which one forward pass then scores together (Leviathan, Kalman and
 * Matias, 2023). A guess costs a row of the pass, and a wrong one changes no result. */
#ifndef HD_DECODE_PROPOSALS_H
#define HD_DECODE_PROPOSALS_H

#include "models/generation.h"

/* How many tokens one source of proposals may propose for one request, by how many of its last ones were right. */
typedef struct hd_proposal_count {
    int64_t tokens; /* at most, at least 1 */
    int64_t pause;  /* steps without proposals after the last failure, */
    int64_t paused; /* of which so many are left */
} hd_proposal_count;

static inline hd_proposal_count hd_proposal_count_new(int64_t most) {
    return (hd_proposal_count){.tokens = hd_max(hd_min(most, 4), 1)};
}
/* The number of tokens to propose in this step, up to `most`; counts a step of a pause. */
int64_t hd_proposal_count_next(hd_proposal_count *count, int64_t most);
/* After a step with `proposed` tokens, of which the first `accepted` were right. */
void hd_proposal_count_update(hd_proposal_count *count, int64_t proposed, int64_t accepted, int64_t most);

/* Prompt lookup (Saxena, 2023): the longest n-gram of at least two tokens that ends tokens [length] and occurs before, or in
 * `source`; of equally long ones the last of the tokens, then the last of the source. What followed it there is proposed: up to
 * `most` tokens, written to tokens + length. Returns their number. */
int64_t hd_lookup(const hd_ids *source, int32_t *tokens, int64_t length, int64_t most);

#endif
