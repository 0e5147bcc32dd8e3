/* Templates in the language of jinja2 3.1, as transformers configures it for chat templates: trim_blocks, lstrip_blocks, loop
 * controls, the immutable sandbox, tojson without HTML escapes, raise_exception, strftime_now and {% generation %}.
 *
 * An open template does not change: any number of threads render it, each with its own context. */
#ifndef HD_TEXT_JINJA_JINJA_H
#define HD_TEXT_JINJA_JINJA_H

#include <jansson.h>
#include <time.h>

#include "base/buffer.h"

typedef struct hd_chat_template hd_chat_template;

enum { HD_CHAT_TEMPLATE_BYTES = 1 << 20 };

/* Parses text[size]; `name` stands in messages for its file. Invalid UTF-8 becomes U+FFFD. HEED_FORMAT,
 * "NAME: line 3: expected token …", for an invalid template or one of more than HD_CHAT_TEMPLATE_BYTES; HEED_MEMORY. */
heed_status hd_chat_template_open(heed_context *context, const char *name, const char *text, size_t size,
                                  hd_chat_template **out);
void hd_chat_template_close(hd_chat_template *template); /* NULL is fine */
const char *hd_chat_template_text(const hd_chat_template *template,
                                  size_t *size); /* the text that it was opened from */

typedef struct hd_chat_template_clock {
    struct tm now;
    long microseconds;
} hd_chat_template_clock;

/* Appends the text of the template with these variables, a JSON object. `clock` NULL: the local time. HEED_FORMAT for what
 * jinja2 raises: the message is then "NAME: line 3: " and the exception's, which alone is in *raised (may be NULL) for the
 * caller to release with hd_free; and also past the limits on steps, depth, memory and size of the text. */
heed_status hd_chat_template_render(const hd_chat_template *template, heed_context *context, const json_t *variables,
                                    const hd_chat_template_clock *clock, hd_buffer *out, char **raised);

#endif
