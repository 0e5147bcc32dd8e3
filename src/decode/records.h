/* The log-probabilities of generated tokens under the network's own distribution, the softmax of its logits before any logits
 * processor and temperature, as OpenAI's API and vLLM report them. Hypotheses with a common beginning share its records. */
#ifndef HD_DECODE_RECORDS_H
#define HD_DECODE_RECORDS_H

#include "decode/score.h"

typedef struct hd_record hd_record;
struct hd_record {
    const hd_record *before;  /* of the token before; NULL: this is the first one */
    hd_continuation tokens[]; /* [1 + top]: the token, then the most probable ones; −1: there are fewer */
};

/* The record of a token after a scoring's prefix, with the `top` most probable tokens. A forced token, which is not scored, has
 * the log-probability 0. HEED_MEMORY. */
heed_status hd_record_add(hd_arena *arena, const hd_scoring *scoring, int64_t vocabulary, int32_t token, int64_t top,
                          const hd_record *before, const hd_record **record);
/* A record of these tokens [1 + top]. HEED_MEMORY. */
heed_status hd_record_copy(hd_arena *arena, const hd_continuation *tokens, int64_t top, const hd_record *before,
                           const hd_record **record);
/* The log-probabilities of the first `count` of `made` tokens, of which `last` is the last: tokens [count, 1 + top]. */
void hd_records_read(const hd_record *last, int64_t made, int64_t count, int64_t top, hd_continuation *tokens);

#endif
