#include "text/component_type.h"

#include "text/charsmap.h"

#include "text/json_fields.h"
#include "text/json_text.h"
#include "text/pattern.h"
#include "text/unicode.h"

#include <string.h>

static void *at(const void *component, size_t offset) { return (char *)component + offset; }

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static heed_status read_flag(heed_context *context, const json_t *object, const char *where, const char *key,
                             hd_flag *out) {
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_null(value) && !json_is_boolean(value))
        return hd_wrong_field(context, where, key, "true, false or null");
    *out = json_is_boolean(value) ? json_is_true(value) ? HD_FLAG_TRUE : HD_FLAG_FALSE : HD_FLAG_NULL;
    return HEED_OK;
}

static heed_status read_bytes(heed_context *context, const json_t *object, const char *where, const char *key,
                              char **out, size_t *size) {
    const char *text;
    HD_TRY(hd_read_string(context, object, where, key, &text, size));
    *out = hd_copy_bytes(context, text, *size);
    return *out ? HEED_OK : HEED_MEMORY;
}

static heed_status read_text(heed_context *context, const json_t *object, const char *where, const char *key,
                             hd_codes *out) {
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, object, where, key, &text, &size));
    return hd_codes_read(context, text, size, out);
}

static heed_status read_pattern(heed_context *context, const json_t *object, const char *where, const char *key,
                                hd_pattern **out) {
    const json_t *pattern = json_object_get(object, key);
    bool literal = !json_object_get(pattern, "Regex");
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, pattern, where, literal ? "String" : "Regex", &text, &size));
    return hd_pattern_open(context, where, text, size, literal, out);
}

static heed_status read_charsmap(heed_context *context, const json_t *object, const char *where, const char *key,
                                 hd_charsmap **out) {
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, object, where, key, &text, &size));
    return hd_charsmap_open_text(context, where, text, size, out);
}

static heed_status read_fixed_pattern(heed_context *context, const json_t *object, const char *where,
                                      const hd_field *field, hd_pattern **out) {
    bool use = field->fallback;
    HD_TRY(hd_read_bool(context, object, where, field->key, &use));
    const char *text = field->choices[0];
    return use ? hd_pattern_open(context, where, text, strlen(text), false, out) : HEED_OK;
}

/* The caller checks that the vocabulary has the id. */
static heed_status read_token(heed_context *context, const json_t *object, const char *where, const char *key,
                              char **name, int32_t *out) {
    const json_t *token = json_object_get(object, key), *id = json_array_get(token, 1);
    const char *text = json_string_value(json_array_get(token, 0));
    if (!text || !json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
        return hd_wrong_field(context, where, key, "a token and its id");
    *out = (int32_t)json_integer_value(id);
    *name = hd_copy_string(context, text);
    return *name ? HEED_OK : HEED_MEMORY;
}

static heed_status read_field(heed_context *context, const json_t *object, const char *where, const hd_field *field,
                              void *component) {
    void *to = at(component, field->offset);
    switch (field->kind) {
        case HD_FIELD_BOOL:
            *(bool *)to = field->fallback;
            return hd_read_bool(context, object, where, field->key, to);
        case HD_FIELD_FLAG:
            return read_flag(context, object, where, field->key, to);
        case HD_FIELD_COUNT:
            *(size_t *)to = (size_t)field->fallback;
            if (field->fallback && !json_object_get(object, field->key)) return HEED_OK;
            return hd_read_count(context, object, where, field->key, to);
        case HD_FIELD_CHARACTER:
            return hd_read_character(context, object, where, field->key, to);
        case HD_FIELD_CHOICE:
            *(int *)to = field->fallback;
            return hd_read_choice(context, object, where, field->key, field->choices, to);
        case HD_FIELD_TEXT:
            return read_text(context, object, where, field->key, to);
        case HD_FIELD_BYTES:
            return read_bytes(context, object, where, field->key, to, at(component, field->size_offset));
        case HD_FIELD_TOKEN:
            return read_token(context, object, where, field->key, to, at(component, field->size_offset));
        case HD_FIELD_PATTERN:
            return read_pattern(context, object, where, field->key, to);
        case HD_FIELD_CHARSMAP:
            return read_charsmap(context, object, where, field->key, to);
        case HD_FIELD_FIXED_PATTERN:
            return read_fixed_pattern(context, object, where, field, to);
    }
    return HEED_OK;
}

heed_status hd_component_read(heed_context *context, const hd_component_type *type, const json_t *object,
                              const char *where, void *component) {
    for (const hd_field *field = type->fields; field->key; field++)
        HD_TRY(read_field(context, object, where, field, component));
    return type->read_more ? type->read_more(context, object, where, component) : HEED_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void put_truth(hd_buffer *out, bool value) { hd_buffer_text(out, value ? "true" : "false"); }

static void put_character(hd_buffer *out, uint32_t code) {
    char bytes[4];
    hd_json_append_string(out, bytes, hd_utf8_encode(code, bytes));
}

static void put_text(hd_buffer *out, hd_codes codes) {
    hd_buffer text;
    hd_buffer_open(&text, out->context);
    for (size_t i = 0; i < codes.count; i++) {
        char bytes[4];
        hd_buffer_append(&text, bytes, hd_utf8_encode(codes.codes[i], bytes));
    }
    hd_json_append_string(out, text.data, text.size);
    out->failed = out->failed || text.failed;
    hd_buffer_close(&text);
}

static void put_pattern(hd_buffer *out, const hd_pattern *pattern) {
    size_t size;
    const char *text = hd_pattern_text(pattern, &size);
    hd_buffer_format(out, "{\"%s\": ", hd_pattern_is_literal(pattern) ? "String" : "Regex");
    hd_json_append_string(out, text, size);
    hd_buffer_byte(out, '}');
}

static void put_named_token(hd_buffer *out, const char *name, int32_t id) {
    hd_buffer_byte(out, '[');
    hd_json_append_string(out, name, strlen(name));
    hd_buffer_format(out, ", %d]", id);
}

static void put_field(hd_buffer *out, const hd_field *field, const void *component) {
    const void *from = at(component, field->offset);
    switch (field->kind) {
        case HD_FIELD_BOOL:
            put_truth(out, *(const bool *)from);
            break;
        case HD_FIELD_FLAG:
            if (*(const hd_flag *)from == HD_FLAG_NULL)
                hd_buffer_text(out, "null");
            else
                put_truth(out, *(const hd_flag *)from == HD_FLAG_TRUE);
            break;
        case HD_FIELD_COUNT:
            hd_buffer_format(out, "%zu", *(const size_t *)from);
            break;
        case HD_FIELD_CHARACTER:
            put_character(out, *(const uint32_t *)from);
            break;
        case HD_FIELD_CHOICE:
            hd_buffer_format(out, "\"%s\"", field->choices[*(const int *)from]);
            break;
        case HD_FIELD_TEXT:
            put_text(out, *(const hd_codes *)from);
            break;
        case HD_FIELD_BYTES:
            hd_json_append_string(out, *(char *const *)from, *(size_t *)at(component, field->size_offset));
            break;
        case HD_FIELD_TOKEN:
            put_named_token(out, *(char *const *)from, *(int32_t *)at(component, field->size_offset));
            break;
        case HD_FIELD_PATTERN:
            put_pattern(out, *(hd_pattern *const *)from);
            break;
        case HD_FIELD_CHARSMAP:
            hd_buffer_byte(out, '"');
            hd_charsmap_write(*(hd_charsmap *const *)from, out);
            hd_buffer_byte(out, '"');
            break;
        case HD_FIELD_FIXED_PATTERN:
            put_truth(out, *(hd_pattern *const *)from != NULL);
            break;
    }
}

void hd_component_write_fields(const hd_component_type *type, const void *component, hd_buffer *out) {
    for (const hd_field *field = type->fields; field->key; field++) {
        hd_buffer_format(out, field == type->fields ? "\"%s\": " : ", \"%s\": ", field->key);
        put_field(out, field, component);
    }
}

void hd_component_write(const hd_component_type *type, const void *component, hd_buffer *out) {
    hd_buffer_byte(out, '{');
    if (type->name) hd_buffer_format(out, "\"type\": \"%s\"", type->name);
    if (type->name && type->fields[0].key) hd_buffer_text(out, ", ");
    hd_component_write_fields(type, component, out);
    hd_buffer_byte(out, '}');
}

/* ---- closing ---------------------------------------------------------------------------------------------------- */

void hd_component_close(heed_context *context, const hd_component_type *type, void *component) {
    for (const hd_field *field = type->fields; field->key; field++) {
        void *of = at(component, field->offset);
        if (field->kind == HD_FIELD_TEXT) hd_free(context, ((hd_codes *)of)->codes);
        if (field->kind == HD_FIELD_BYTES || field->kind == HD_FIELD_TOKEN) hd_free(context, *(char **)of);
        if (field->kind == HD_FIELD_PATTERN || field->kind == HD_FIELD_FIXED_PATTERN)
            hd_pattern_close(*(hd_pattern **)of);
        if (field->kind == HD_FIELD_CHARSMAP) hd_charsmap_close(*(hd_charsmap **)of);
    }
}
