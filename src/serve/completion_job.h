/* The endpoints /v1/completions and /v1/chat/completions. */
#ifndef HD_SERVE_COMPLETION_JOB_H
#define HD_SERVE_COMPLETION_JOB_H

#include "serve/state.h"

hd_serve_function hd_serve_completions, hd_serve_chat_completions;
/* The same for a body that another one was turned into. The answer has the form of Hugging Face's task "text-generation": a list of
 * {"generated_text"}, or a list of such lists if the prompts are one. */
void hd_serve_text_generation(const hd_serve_state *state, heed_context *context, hd_exchange *exchange,
                              const char *body, size_t size);

#endif
