/* Text of users, names of files above all, as JSON has it. */
#ifndef HD_TEXT_JSON_TEXT_H
#define HD_TEXT_JSON_TEXT_H

#include <jansson.h>

#include "base/context.h"

/* A string of `text`, with U+FFFD for what is not UTF-8, which Jansson refuses; NULL when memory ran out. */
json_t *hd_json_text(heed_context *context, const char *text);

#endif
