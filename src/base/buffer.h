/* A growable string of bytes, always followed by a 0. Failure is sticky: check `failed` once at the end. */
#ifndef HD_BASE_BUFFER_H
#define HD_BASE_BUFFER_H

#include "base/context.h"

typedef struct hd_buffer {
    heed_context *context;
    char *data; /* NULL until the first append */
    size_t size, capacity;
    bool failed; /* memory ran out; the context has the message */
} hd_buffer;

void hd_buffer_open(hd_buffer *buffer, heed_context *context);
void hd_buffer_append(hd_buffer *buffer, const void *bytes, size_t size);
void hd_buffer_text(hd_buffer *buffer, const char *text);
/* Appends text of which a terminal control or an invalid sequence becomes U+FFFD. */
void hd_buffer_visible(hd_buffer *buffer, const char *text);
void hd_buffer_byte(hd_buffer *buffer, char byte);
void hd_buffer_format(hd_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hd_buffer_clear(hd_buffer *buffer); /* keeps the memory */
void hd_buffer_close(hd_buffer *buffer);
/* Returns the bytes, which the caller frees with hd_free, and empties the buffer; "" when empty, NULL when failed. */
char *hd_buffer_take(hd_buffer *buffer);

#endif
