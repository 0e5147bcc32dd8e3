/* The JSON of completions: choices, their log-probabilities, and the events of a stream. */
#ifndef HD_SERVE_COMPLETION_TEXT_H
#define HD_SERVE_COMPLETION_TEXT_H

#include "base/buffer.h"

/* Where a choice belongs. */
typedef struct hd_completion_choice {
    size_t index;
    bool chat;
    bool log_probs; /* the results have them */
    bool tools;     /* the answer may have tool calls */
    const char *id; /* of the request: ids of tool calls begin with it */
} hd_completion_choice;

/* Appends {"id", "object", "created", "model", "system_fingerprint" without the end of the object. */
void hd_completion_head(hd_buffer *out, bool chat, bool stream, const char *id, int64_t created, const char *model);
/* Appends a finished choice of a response: `before` [before_size] is text before the answer. */
heed_status hd_choice_append(hd_buffer *out, const hd_completion_choice *choice, const char *before, size_t before_size,
                             const heed_results *results);
/* Appends {"generated_text"}. */
heed_status hd_choice_append_task(hd_buffer *out, const char *before, size_t before_size, const heed_results *results);
/* Appends a choice of a stream with text, and with `first` the role of a chat's message. */
void hd_choice_append_text(hd_buffer *out, const hd_completion_choice *choice, bool first, const char *text,
                           size_t size);
/* Appends the last choice of a stream: the reason of its end, and the text, tool calls and log-probabilities of the whole answer
 * if `whole`. */
heed_status hd_choice_append_end(hd_buffer *out, const hd_completion_choice *choice, bool whole,
                                 const heed_results *results);
/* Appends "usage". */
void hd_completion_usage(hd_buffer *out, size_t prompt, size_t generated);

#endif
