/* Tool calls in the answers of chat models. */
#ifndef HD_TASKS_TOOL_CALLS_H
#define HD_TASKS_TOOL_CALLS_H

#include "base/context.h"

/* The calls in text[size] as a JSON list of OpenAI's objects, {"type": "function", "function": {"name", "arguments"}}, for the
 * caller to free: "[]" if there is none. HEED_MEMORY. */
heed_status hd_tool_calls_read(heed_context *context, const char *text, size_t size, char **json);

#endif
