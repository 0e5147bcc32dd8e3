#include "text/json_text.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "text/unicode.h"

static void append_code(hd_buffer *out, uint32_t code) {
    char bytes[4];
    hd_buffer_append(out, bytes, hd_utf8_encode(code, bytes));
}

json_t *hd_json_text(heed_context *context, const char *text) {
    hd_buffer valid;
    hd_buffer_open(&valid, context);
    uint32_t code;
    for (size_t at = 0, size = strlen(text); at < size;) {
        at += hd_utf8_decode(text + at, size - at, &code);
        append_code(&valid, code);
    }
    json_t *string = valid.failed ? NULL : json_stringn(valid.size ? valid.data : "", valid.size);
    hd_buffer_close(&valid);
    return string;
}

static void append_string(hd_buffer *out, const char *text, size_t size, bool page) {
    uint32_t code;
    hd_buffer_byte(out, '"');
    for (size_t at = 0; at < size;) {
        at += hd_utf8_decode(text + at, size - at, &code);
        bool quoted = code == '"' || code == '\\';
        if (code < 32 || (page && (quoted || code == '<' || hd_is_terminal_control(code)))) {
            hd_buffer_format(out, "\\u%04x", (unsigned)code);
        } else {
            if (quoted) hd_buffer_byte(out, '\\');
            append_code(out, code);
        }
    }
    hd_buffer_byte(out, '"');
}

void hd_json_append_string(hd_buffer *out, const char *text, size_t size) { append_string(out, text, size, false); }
void hd_json_append_page_string(hd_buffer *out, const char *text) { append_string(out, text, strlen(text), true); }

static void append_number(hd_buffer *out, const char *format, double number) {
    char text[32];
    if (isfinite(number))
        hd_buffer_append(out, text, (size_t)hd_print_number(text, sizeof text, format, number));
    else
        hd_buffer_text(out, "null");
}

void hd_json_append_float(hd_buffer *out, float number) { append_number(out, "%.9g", (double)number); }
void hd_json_append_double(hd_buffer *out, double number) { append_number(out, "%.17g", number); }

/* Begins a list, or separates an element from the one before it. */
static void append_separator(hd_buffer *out, int64_t index) { hd_buffer_text(out, index ? ", " : "["); }
static void end_list(hd_buffer *out, int64_t count) { hd_buffer_text(out, count ? "]" : "[]"); }

void hd_json_append_floats(hd_buffer *out, const float *numbers, int64_t count) {
    for (int64_t i = 0; i < count; i++) append_separator(out, i), hd_json_append_float(out, numbers[i]);
    end_list(out, count);
}

void hd_json_append_doubles(hd_buffer *out, const double *numbers, int64_t count) {
    for (int64_t i = 0; i < count; i++) append_separator(out, i), hd_json_append_double(out, numbers[i]);
    end_list(out, count);
}

void hd_json_append_page_strings(hd_buffer *out, const char *const *texts, int64_t count) {
    for (int64_t i = 0; i < count; i++) append_separator(out, i), hd_json_append_page_string(out, texts[i]);
    end_list(out, count);
}
