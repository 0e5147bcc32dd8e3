#include "base/buffer.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void hd_buffer_open(hd_buffer *buffer, heed_context *context) { *buffer = (hd_buffer){.context = context}; }

static bool reserve(hd_buffer *buffer, size_t more) {
    size_t needed;
    if (!hd_add(buffer->size, more, &needed) || !hd_add(needed, 1, &needed)) needed = SIZE_MAX;
    if (!buffer->failed && !hd_grow(buffer->context, &buffer->data, &buffer->capacity, needed, 1))
        buffer->failed = true;
    return !buffer->failed;
}

void hd_buffer_append(hd_buffer *buffer, const void *bytes, size_t size) {
    if (!reserve(buffer, size)) return;
    if (size) memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    buffer->data[buffer->size] = 0;
}

void hd_buffer_text(hd_buffer *buffer, const char *text) { hd_buffer_append(buffer, text, strlen(text)); }

void hd_buffer_visible(hd_buffer *buffer, const char *text) {
    for (size_t at = 0, size = strlen(text), bytes; at < size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text + at, size - at, &code);
        if (code == HD_REPLACEMENT_CHARACTER || hd_is_terminal_control(code))
            hd_buffer_text(buffer, "\uFFFD");
        else
            hd_buffer_append(buffer, text + at, bytes);
    }
}

void hd_buffer_byte(hd_buffer *buffer, char byte) { hd_buffer_append(buffer, &byte, 1); }

void hd_buffer_format(hd_buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

void hd_buffer_clear(hd_buffer *buffer) {
    buffer->size = 0;
    if (buffer->data) buffer->data[0] = 0;
}

void hd_buffer_close(hd_buffer *buffer) {
    hd_free(buffer->context, buffer->data);
    hd_buffer_open(buffer, buffer->context);
}

char *hd_buffer_take(hd_buffer *buffer) {
    reserve(buffer, 0);
    if (buffer->failed) {
        hd_buffer_close(buffer);
        return NULL;
    }
    buffer->data[buffer->size] = 0;
    char *data = buffer->data;
    hd_buffer_open(buffer, buffer->context);
    return data;
}
