/* Text and numbers as JSON. Text that is not UTF-8, as in file names, has U+FFFD in place of what is invalid. */
#ifndef HD_TEXT_JSON_TEXT_H
#define HD_TEXT_JSON_TEXT_H

#include <jansson.h>

#include "base/buffer.h"

/* A Jansson string; NULL when memory ran out. */
json_t *hd_json_text(heed_context *context, const char *text);

/* Appends a quoted string with the escapes that JSON requires: the quote, the backslash and control characters. */
void hd_json_append_string(hd_buffer *out, const char *text, size_t size);
/* The same for text inside a script element of an HTML page: '<', terminal controls, the quote and the backslash are \u
 * escapes. */
void hd_json_append_page_string(hd_buffer *out, const char *text);

/* Appends a number that reads back as the same float or double, or null for NaN and infinities, which JSON lacks. */
void hd_json_append_float(hd_buffer *out, float number);
void hd_json_append_double(hd_buffer *out, double number);
/* Appends [a, b, c]. */
void hd_json_append_floats(hd_buffer *out, const float *numbers, int64_t count);
void hd_json_append_doubles(hd_buffer *out, const double *numbers, int64_t count);
void hd_json_append_page_strings(hd_buffer *out, const char *const *texts, int64_t count);

#endif
