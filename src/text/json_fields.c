#include "text/json_fields.h"

#include "base/utf8.h"

#include <string.h>

heed_status hd_wrong_field(heed_context *context, const char *where, const char *key, const char *expected) {
    return hd_fail(context, HEED_FORMAT, "%s: \"%s\" is not %s", where, key, expected);
}

heed_status hd_unsupported_component(heed_context *context, const char *where, const char *type) {
    return hd_fail(context, HEED_UNSUPPORTED, "%s \"%.60s\" is not supported", where, type);
}

heed_status hd_read_bool(heed_context *context, const json_t *object, const char *where, const char *key, bool *out) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_boolean(value)) return hd_wrong_field(context, where, key, "true or false");
    *out = json_is_true(value);
    return HEED_OK;
}

heed_status hd_read_count(heed_context *context, const json_t *object, const char *where, const char *key,
                          size_t *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return hd_wrong_field(context, where, key, "a count");
    *out = (size_t)json_integer_value(value);
    return HEED_OK;
}

heed_status hd_read_string(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char **text, size_t *size) {
    const json_t *value = json_object_get(object, key);
    *text = "", *size = 0;
    if (!json_is_string(value)) return hd_wrong_field(context, where, key, "a string");
    *text = json_string_value(value);
    *size = json_string_length(value);
    return HEED_OK;
}

heed_status hd_read_affix(heed_context *context, const json_t *object, const char *where, const char *key, char **out) {
    const json_t *value = json_object_get(object, key);
    *out = NULL;
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return hd_wrong_field(context, where, key, "a string");
    if (json_string_length(value) == 0) return HEED_OK;
    *out = hd_copy_string(context, json_string_value(value));
    return *out ? HEED_OK : HEED_MEMORY;
}

heed_status hd_read_character(heed_context *context, const json_t *object, const char *where, const char *key,
                              uint32_t *out) {
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, object, where, key, &text, &size));
    if (size == 0 || hd_utf8_decode(text, size, out) != size)
        return hd_wrong_field(context, where, key, "one character");
    return HEED_OK;
}

heed_status hd_read_choice(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char *const *names, int *out) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return HEED_OK;
    const char *text = json_string_value(value);
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return HEED_OK;
        }
    return hd_fail(context, HEED_FORMAT, "%s: \"%s\" is \"%.60s\", which is none of its values", where, key,
                   text ? text : "?");
}
