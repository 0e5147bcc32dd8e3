/* The messages of a chat request, in the form that chat templates read. */
#ifndef HD_SERVE_MESSAGES_H
#define HD_SERVE_MESSAGES_H

#include <jansson.h>

#include "serve/fault.h"

/* Contents that are lists of parts become texts, and arguments of tool calls, which are JSON in a string, become objects. NULL,
 * with the fault, for a value that is not valid; the caller releases the array. */
json_t *hd_messages_read(heed_context *context, const json_t *messages, hd_fault *fault);

#endif
