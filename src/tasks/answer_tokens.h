/* The generated tokens of an answer with their log-probabilities. */
#ifndef HD_TASKS_ANSWER_TOKENS_H
#define HD_TASKS_ANSWER_TOKENS_H

#include "decode/request.h"
#include "tasks/results.h"
#include "text/spell.h"

/* Of a hypothesis whose log-probabilities were kept, with `count` tokens that are part of its text up to a stop string. All
 * memory is of the results. */
heed_status hd_answer_tokens_make(const hd_generation *generation, const hd_hypothesis *hypothesis, int64_t count,
                                  const heed_tokenizer *tokenizer, heed_results *results, hd_answer_tokens *tokens);

#endif
