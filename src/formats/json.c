#include "formats/json.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"

enum { LARGEST_FILE = 1 << 30, SHOWN_BYTES = 60 };

/* ---- opening --------------------------------------------------------------------------------------------------- */

heed_status hd_json_no_memory(heed_context *context, const char *path) {
    return hd_fail(context, HEED_MEMORY, "%s: out of memory for its JSON", path);
}

/* When an allocation fails, Jansson leaves the error empty or reports a syntax error at the current token, so an error
 * is only believed if memory is still available. */
static bool is_out_of_memory(const json_error_t *error) {
    json_t *probe = json_object();
    json_decref(probe);
    return !probe || !error->text[0] || json_error_code(error) == json_error_out_of_memory;
}

static heed_status parse(const void *bytes, size_t size, hd_json_rules rules, hd_json *json) {
    heed_context *context = json->context;
    if (size > LARGEST_FILE)
        return hd_fail(context, HEED_FORMAT, "%s: %zu bytes are too many for a JSON file", json->path, size);
    json_error_t error = {.text = ""};
    size_t mark = hd_byte_order_mark(bytes, size);
    bytes = (const char *)bytes + mark, size -= mark;
    size_t flags = JSON_ALLOW_NUL | (rules == HD_JSON_STRICT ? JSON_REJECT_DUPLICATES : 0) |
                   (rules == HD_JSON_ANY_VALUE ? JSON_DECODE_ANY : 0);
    json->root = json_loadb(bytes, size, flags, &error);
    if (!json->root && rules != HD_JSON_STRICT && json_error_code(&error) == json_error_numeric_overflow)
        json->root = json_loadb(bytes, size, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (json->root) return HEED_OK;
    if (is_out_of_memory(&error)) return hd_json_no_memory(context, json->path);
    return hd_fail(context, HEED_FORMAT, "%s: line %d, column %d: %s", json->path, error.line, error.column,
                   error.text);
}

heed_status hd_json_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                               hd_json_rules rules, hd_json *json) {
    *json = (hd_json){.context = context, .index = SIZE_MAX};
    json->path = hd_copy_string(context, name);
    if (!json->path) return HEED_MEMORY;
    heed_status status = parse(bytes, size, rules, json);
    if (status != HEED_OK) hd_json_close(json);
    return status;
}

heed_status hd_json_open(heed_context *context, const char *path, hd_json *json) {
    *json = (hd_json){.context = context, .index = SIZE_MAX};
    hd_map map;
    HD_TRY(hd_map_copy(context, path, &map));
    heed_status status = hd_json_open_bytes(context, path, map.data, map.size, HD_JSON_LENIENT, json);
    hd_map_close(&map);
    if (status == HEED_OK && !json_is_object(json->root)) {
        status = hd_json_expected(json, NULL, "an object");
        hd_json_close(json);
    }
    return status;
}

heed_status hd_json_open_if_any(heed_context *context, const char *folder, const char *name, hd_json *json) {
    *json = (hd_json){.context = context, .index = SIZE_MAX};
    char *path = hd_path_join(context, folder, name);
    if (!path) return HEED_MEMORY;
    heed_status status = hd_file_exists(path) ? hd_json_open(context, path, json) : HEED_OK;
    hd_free(context, path);
    return status;
}

void hd_json_close(hd_json *json) {
    if (!json->parent) {
        json_decref(json->root);
        if (json->context) hd_free(json->context, json->path);
    }
    *json = (hd_json){.context = json->context, .index = SIZE_MAX};
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* Appends the path from the document to this value, "text_config.layers[3]"; nothing for the document itself. */
static void append_path(const hd_json *json, hd_buffer *text) {
    if (!json->parent) return;
    append_path(json->parent, text);
    if (json->index != SIZE_MAX) {
        hd_buffer_format(text, "[%zu]", json->index);
    } else {
        if (text->size) hd_buffer_byte(text, '.');
        hd_buffer_text(text, json->key);
    }
}

/* A value that is shortened in a message. */
typedef struct shown {
    hd_buffer *text;
    size_t left;
    bool cut;
} shown;

static int append_shown(const char *bytes, size_t size, void *argument) {
    shown *s = argument;
    if (size > s->left) {
        s->cut = true;
        size = s->left;
        while (size > 0 && ((unsigned char)bytes[size] & 0xC0) == 0x80) size--; /* not inside a character */
    }
    s->left = s->cut ? 0 : s->left - size;
    hd_buffer_append(s->text, bytes, size);
    return 0;
}

/* Appends a scalar, shortened if it is long, or the kind of an object or array. */
static void append_value(const json_t *value, hd_buffer *text) {
    shown s = {text, SHOWN_BYTES, false};
    if (!value) {
        hd_buffer_text(text, "missing");
    } else if (json_is_object(value)) {
        hd_buffer_text(text, json_object_size(value) ? "an object" : "an empty object");
    } else if (json_is_array(value)) {
        hd_buffer_format(text, "an array of %zu", json_array_size(value));
    } else {
        json_dump_callback(value, append_shown, &s, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (s.cut) hd_buffer_text(text, "…");
    }
}

static const json_t *look_up(const hd_json *json, const char *key) {
    const json_t *value = key ? json_object_get(json->root, key) : json->root;
    return json_is_null(value) ? NULL : value;
}

heed_status hd_json_expected(const hd_json *json, const char *key, const char *expected) {
    hd_buffer where, value;
    hd_buffer_open(&where, json->context);
    hd_buffer_open(&value, json->context);
    append_path(json, &where);
    if (key && where.size) hd_buffer_byte(&where, '.');
    if (key) hd_buffer_text(&where, key);
    append_value(look_up(json, key), &value);
    heed_status status = HEED_MEMORY;
    if (!where.failed && !value.failed) {
        const char *quote = where.size ? "\"" : "";
        status = hd_fail(json->context, HEED_FORMAT, "%s: %s%s%s is %s%s%s", json->path, quote,
                         where.size ? where.data : "the file", quote, value.data ? value.data : "",
                         expected ? ", expected " : "", expected ? expected : "");
    }
    hd_buffer_close(&where);
    hd_buffer_close(&value);
    return status;
}

/* ---- getters --------------------------------------------------------------------------------------------------- */

bool hd_json_has(const hd_json *json, const char *key) { return look_up(json, key) != NULL; }

heed_status hd_json_require(const hd_json *json, const char *key) {
    return hd_json_has(json, key) ? HEED_OK : hd_json_expected(json, key, NULL);
}

bool hd_json_value_int(const json_t *value, int64_t *out) {
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!json_is_real(value)) return false;
    double real = json_real_value(value);
    if (!(real >= -0x1p53 && real <= 0x1p53) || real != (double)(int64_t)real) return false;
    *out = (int64_t)real;
    return true;
}

static heed_status expected_int(const hd_json *json, const char *key, int64_t least, int64_t most) {
    char expected[96];
    if (least == INT64_MIN && most == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer");
    else if (most == INT64_MAX)
        snprintf(expected, sizeof expected, "an integer of at least %lld", (long long)least);
    else
        snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)least, (long long)most);
    return hd_json_expected(json, key, expected);
}

heed_status hd_json_int(const hd_json *json, const char *key, int64_t otherwise, int64_t least, int64_t most,
                        int64_t *out) {
    const json_t *value = look_up(json, key);
    int64_t found;
    *out = otherwise;
    if (!value) return HEED_OK;
    if (!hd_json_value_int(value, &found)) return hd_json_expected(json, key, "an integer");
    if (found < least || found > most) return expected_int(json, key, least, most);
    *out = found;
    return HEED_OK;
}

heed_status hd_json_float(const hd_json *json, const char *key, double otherwise, double least, double most,
                          double *out) {
    const json_t *value = look_up(json, key);
    *out = otherwise;
    if (!value) return HEED_OK;
    if (!json_is_number(value)) return hd_json_expected(json, key, "a number");
    double found = json_number_value(value);
    if (!(found >= least && found <= most)) {
        char expected[96];
        snprintf(expected, sizeof expected, "a number from %g to %g", least, most);
        return hd_json_expected(json, key, expected);
    }
    *out = found;
    return HEED_OK;
}

heed_status hd_json_bool(const hd_json *json, const char *key, bool otherwise, bool *out) {
    const json_t *value = look_up(json, key);
    *out = otherwise;
    if (!value) return HEED_OK;
    if (!json_is_boolean(value)) return hd_json_expected(json, key, "true or false");
    *out = json_is_true(value);
    return HEED_OK;
}

heed_status hd_json_string(const hd_json *json, const char *key, const char *otherwise, const char **out) {
    const json_t *value = look_up(json, key);
    *out = otherwise;
    if (!value) return HEED_OK;
    if (!json_is_string(value)) return hd_json_expected(json, key, "a string");
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) return hd_json_expected(json, key, "a string without NUL");
    *out = text;
    return HEED_OK;
}

heed_status hd_json_ints(const hd_json *json, const char *key, int64_t least, int64_t most, int64_t *out,
                         size_t capacity, size_t *count) {
    const json_t *value = look_up(json, key);
    *count = 0;
    if (!value) return HEED_OK;
    if (!json_is_array(value)) {
        int64_t one;
        if (!hd_json_value_int(value, &one)) return hd_json_expected(json, key, "an integer or an array of them");
        if (one < least || one > most) return expected_int(json, key, least, most);
        if (capacity > 0)
            out[0] = one;
        else
            return hd_json_expected(json, key, "nothing");
        *count = 1;
        return HEED_OK;
    }
    size_t size = json_array_size(value);
    if (size > capacity) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %zu integers", capacity);
        return hd_json_expected(json, key, expected);
    }
    hd_json array, element;
    HD_TRY(hd_json_array(json, key, &array, &size));
    for (size_t i = 0; i < size; i++) {
        hd_json_element(&array, i, &element);
        if (!hd_json_value_int(element.root, &out[i])) return hd_json_expected(&element, NULL, "an integer");
        if (out[i] < least || out[i] > most) return expected_int(&element, NULL, least, most);
    }
    *count = size;
    return HEED_OK;
}

/* ---- values inside --------------------------------------------------------------------------------------------- */

static hd_json inside(const hd_json *json, const char *key, const json_t *value) {
    return (hd_json){json->context, json->path, (json_t *)(uintptr_t)value, json, key, SIZE_MAX};
}

/* A missing key is an empty object or array, and Jansson's functions treat NULL as such. */
heed_status hd_json_object(const hd_json *json, const char *key, hd_json *out) {
    const json_t *value = look_up(json, key);
    *out = inside(json, key, value);
    return value && !json_is_object(value) ? hd_json_expected(json, key, "an object") : HEED_OK;
}

heed_status hd_json_array(const hd_json *json, const char *key, hd_json *out, size_t *count) {
    const json_t *value = look_up(json, key);
    *out = inside(json, key, value);
    *count = json_array_size(value);
    return value && !json_is_array(value) ? hd_json_expected(json, key, "an array") : HEED_OK;
}

void hd_json_element(const hd_json *array, size_t index, hd_json *out) {
    *out = inside(array, "", json_array_get(array->root, index));
    out->index = index;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static int append_chunk(const char *bytes, size_t size, void *buffer) {
    hd_buffer_append(buffer, bytes, size);
    return ((hd_buffer *)buffer)->failed ? -1 : 0;
}

/* Writes the fewest of 15, 16 or 17 digits that read back the same: 1e-12, not 9.9999999999999998e-13. */
static bool write_real(const json_t *value, hd_buffer *out) {
    size_t start = out->size;
    for (size_t digits = 15; digits <= 17; digits++) {
        out->size = start;
        if (json_dump_callback(value, append_chunk, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits)) != 0)
            return false;
        json_error_t error;
        json_t *back = json_loadb(out->data + start, out->size - start, JSON_DECODE_ANY, &error);
        /* 15 digits can round the largest doubles past the range; any other failure is a lack of memory. */
        if (!back && json_error_code(&error) != json_error_numeric_overflow) return false;
        bool same = json_equal(back, value);
        json_decref(back);
        if (same) break;
    }
    return true;
}

static void new_line(hd_buffer *out, int level) {
    hd_buffer_byte(out, '\n');
    for (int i = 0; i < level; i++) hd_buffer_text(out, "  ");
}

static bool write_value(const json_t *value, int level, hd_buffer *out);

static bool write_array(const json_t *array, int level, hd_buffer *out) {
    hd_buffer_byte(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0) hd_buffer_byte(out, ',');
        new_line(out, level + 1);
        if (!write_value(json_array_get(array, i), level + 1, out)) return false;
    }
    if (json_array_size(array)) new_line(out, level);
    hd_buffer_byte(out, ']');
    return true;
}

static bool write_object(json_t *object, int level, hd_buffer *out) {
    hd_buffer_byte(out, '{');
    bool first = true;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        if (!first) hd_buffer_byte(out, ',');
        first = false;
        new_line(out, level + 1);
        json_t *key = json_string_nocheck(json_object_iter_key(at));
        bool done = key && json_dump_callback(key, append_chunk, out, JSON_ENCODE_ANY) == 0;
        json_decref(key);
        hd_buffer_text(out, ": ");
        if (!done || !write_value(json_object_iter_value(at), level + 1, out)) return false;
    }
    if (!first) new_line(out, level);
    hd_buffer_byte(out, '}');
    return true;
}

static bool write_value(const json_t *value, int level, hd_buffer *out) {
    if (json_is_object(value)) return write_object((json_t *)(uintptr_t)value, level, out);
    if (json_is_array(value)) return write_array(value, level, out);
    if (json_is_real(value)) return write_real(value, out);
    return json_dump_callback(value, append_chunk, out, JSON_ENCODE_ANY) == 0;
}

heed_status hd_json_append(heed_context *context, const json_t *root, hd_buffer *buffer) {
    if (json_dump_callback(root, append_chunk, buffer, JSON_COMPACT | JSON_ENCODE_ANY) != 0 || buffer->failed)
        return hd_json_no_memory(context, "a JSON value");
    return HEED_OK;
}

heed_status hd_json_append_pretty(heed_context *context, const json_t *root, hd_buffer *buffer) {
    bool done = write_value(root, 0, buffer);
    hd_buffer_byte(buffer, '\n');
    return done && !buffer->failed ? HEED_OK : hd_json_no_memory(context, "a JSON value");
}

heed_status hd_json_write(heed_context *context, const char *path, const json_t *root) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = hd_json_append_pretty(context, root, &text);
    if (status == HEED_OK)
        status = hd_file_write(context, path, text.data, text.size);
    else
        hd_fail_in(context, path);
    hd_buffer_close(&text);
    return status;
}
