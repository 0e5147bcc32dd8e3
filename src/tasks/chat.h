/* The text that a language model continues in place of a conversation. */
#ifndef HD_TASKS_CHAT_H
#define HD_TASKS_CHAT_H

#include "base/buffer.h"

/* Replaces `text` by that of the last turns which fit beside an answer, as heed_chat_answer reads it. `max_new_tokens` 0: the
 * model's limit. Statuses and notes are those of heed_chat_answer. */
heed_status hd_chat_prompt(heed_chat *chat, int64_t max_new_tokens, hd_buffer *text);

#endif
