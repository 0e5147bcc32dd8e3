/* JSON that is written piece by piece into a buffer. */
#ifndef HD_SERVE_JSON_TEXT_H
#define HD_SERVE_JSON_TEXT_H

#include <string.h>

#include "base/buffer.h"

/* Appends text[size] as a JSON string. An invalid sequence of UTF-8 becomes U+FFFD. */
void hd_json_text_append(hd_buffer *out, const char *text, size_t size);
/* Appends a string, or null. */
void hd_json_text_append_or_null(hd_buffer *out, const char *text);
/* Appends a float with the digits that read back as the same one; null if it is not finite. */
void hd_json_text_append_float(hd_buffer *out, float number);

#endif
