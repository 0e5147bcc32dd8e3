#include "serve/json_text.h"

#include <math.h>

#include "base/number.h"
#include "base/utf8.h"

static void append_escaped(hd_buffer *out, uint32_t code, const char *bytes, size_t size) {
    static const char named[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char encoded[4];
    if (code == '"' || code == '\\')
        hd_buffer_format(out, "\\%c", (int)code);
    else if (code < sizeof named && named[code])
        hd_buffer_format(out, "\\%c", named[code]);
    else if (code < ' ')
        hd_buffer_format(out, "\\u%04x", (unsigned)code);
    else if (code == HD_REPLACEMENT_CHARACTER)
        hd_buffer_append(out, encoded, hd_utf8_encode(code, encoded));
    else
        hd_buffer_append(out, bytes, size);
}

void hd_json_text_append(hd_buffer *out, const char *text, size_t size) {
    hd_buffer_byte(out, '"');
    for (size_t i = 0, length; i < size; i += length) {
        uint32_t code;
        length = hd_utf8_decode(text + i, size - i, &code);
        append_escaped(out, code, text + i, length);
    }
    hd_buffer_byte(out, '"');
}

void hd_json_text_append_or_null(hd_buffer *out, const char *text) {
    if (text)
        hd_json_text_append(out, text, strlen(text));
    else
        hd_buffer_text(out, "null");
}

void hd_json_text_append_float(hd_buffer *out, float number) {
    char text[32];
    hd_print_number(text, sizeof text, "%.9g", (double)number);
    hd_buffer_text(out, isfinite(number) ? text : "null");
}
