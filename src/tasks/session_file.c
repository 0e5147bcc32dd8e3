#include "tasks/session_file.h"

#include <stdlib.h>
#include <string.h>

/* Bytes as hexadecimal digits: a text need not be valid UTF-8. */
static void append_bytes(hd_buffer *out, const char *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        hd_buffer_byte(out, digits[(unsigned char)bytes[i] >> 4]);
        hd_buffer_byte(out, digits[(unsigned char)bytes[i] & 15]);
    }
}

static void append_string(hd_buffer *out, const char *text) {
    if (!text) {
        hd_buffer_text(out, "null");
        return;
    }
    hd_buffer_byte(out, '"');
    append_bytes(out, text, strlen(text));
    hd_buffer_byte(out, '"');
}

char *hd_text_record_write(heed_context *context, const char *text, size_t size, uint64_t number,
                           const heed_options *options) {
    hd_buffer out;
    const char *name, *value;
    hd_buffer_open(&out, context);
    hd_buffer_format(&out, "{\"number\":\"%016llx\",\"options\":[", (unsigned long long)number);
    for (size_t i = 0; hd_options_at(options, i, &name, &value); i++) {
        hd_buffer_text(&out, i ? ",[" : "[");
        append_string(&out, name);
        hd_buffer_byte(&out, ',');
        append_string(&out, value);
        hd_buffer_byte(&out, ']');
    }
    hd_buffer_text(&out, "],\"text\":\"");
    append_bytes(&out, text, size);
    hd_buffer_text(&out, "\"}");
    return hd_buffer_take(&out);
}

static int digit_of(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* The bytes that digits spell, with a final 0; NULL in *bytes for null. */
static heed_status read_bytes(const hd_json *json, const json_t *value, char **bytes, size_t *size) {
    *bytes = NULL;
    *size = 0;
    if (json_is_null(value)) return HEED_OK;
    const char *digits = json_string_value(value);
    size_t length = json_string_length(value);
    if (!digits || length % 2) return hd_json_expected(json, NULL, "hexadecimal digits");
    char *out = *bytes = hd_alloc(json->context, length / 2 + 1, 1);
    if (!out) return HEED_MEMORY;
    for (size_t i = 0; i < length / 2; i++) {
        int high = digit_of(digits[2 * i]), low = digit_of(digits[2 * i + 1]);
        if (high < 0 || low < 0) return hd_json_expected(json, NULL, "hexadecimal digits");
        out[i] = (char)(16 * high + low);
    }
    out[length / 2] = 0;
    *size = length / 2;
    return HEED_OK;
}

static heed_status set_option(const hd_json *pair, heed_options *options) {
    char *name = NULL, *value = NULL;
    size_t size;
    heed_status status = read_bytes(pair, json_array_get(pair->root, 0), &name, &size);
    if (status == HEED_OK) status = read_bytes(pair, json_array_get(pair->root, 1), &value, &size);
    if (status == HEED_OK && !name) status = hd_json_expected(pair, NULL, "a name and a value");
    if (status == HEED_OK) status = heed_options_set(options, name, value);
    hd_free(pair->context, name);
    hd_free(pair->context, value);
    return status;
}

heed_status hd_text_record_read(const hd_json *json, hd_text_record *record) {
    const char *number;
    hd_json pairs, pair;
    size_t count;
    *record = (hd_text_record){0};
    HD_TRY(hd_json_require(json, "number"));
    HD_TRY(hd_json_string(json, "number", NULL, &number));
    record->number = strtoull(number, NULL, 16);
    HD_TRY(heed_session_options(json->context, &record->options));
    HD_TRY(hd_json_array(json, "options", &pairs, &count));
    for (size_t i = 0; i < count; i++) {
        hd_json_element(&pairs, i, &pair);
        HD_TRY(set_option(&pair, record->options));
    }
    HD_TRY(hd_json_require(json, "text"));
    return read_bytes(json, json_object_get(json->root, "text"), &record->text, &record->size);
}

void hd_text_record_close(heed_context *context, hd_text_record *record) {
    hd_free(context, record->text);
    heed_options_close(record->options);
}
