/* A validator of JSON schemas, as far as the tests' schemas need it. */
#ifndef TESTS_JSON_SCHEMA_CHECK_H
#define TESTS_JSON_SCHEMA_CHECK_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/line.h"
#include "text/pattern.h"

static inline bool schema_type_holds(const char *type, const json_t *v) {
    if (strcmp(type, "object") == 0) return json_is_object(v);
    if (strcmp(type, "array") == 0) return json_is_array(v);
    if (strcmp(type, "string") == 0) return json_is_string(v);
    if (strcmp(type, "number") == 0) return json_is_number(v);
    if (strcmp(type, "integer") == 0) return json_is_number(v) && floor(json_number_value(v)) == json_number_value(v);
    if (strcmp(type, "boolean") == 0) return json_is_boolean(v);
    return strcmp(type, "null") == 0 && json_is_null(v);
}

static inline bool schema_types_hold(const json_t *type, const json_t *v) {
    size_t i;
    json_t *one;
    if (!type) return true;
    if (json_is_string(type)) return schema_type_holds(json_string_value(type), v);
    json_array_foreach(type, i, one) if (schema_type_holds(json_string_value(one), v)) return true;
    return false;
}

/* Where patterns have their memory. */
static heed_context *schema_context;

static inline bool schema_matches(const char *pattern, const char *text) {
    hd_pattern *expression;
    hd_line line;
    hd_matches matches;
    assert_ok(schema_context, hd_pattern_open(schema_context, "schema", pattern, strlen(pattern), false, &expression));
    hd_line_open(&line, schema_context);
    hd_matches_open(&matches, schema_context);
    hd_line_read(&line, text, strlen(text));
    assert_ok(schema_context, hd_pattern_find(expression, line.characters, line.count, &matches));
    bool found = matches.count > 0;
    hd_matches_close(&matches);
    hd_line_close(&line);
    hd_pattern_close(expression);
    return found;
}

/* The value of a number in the schema, or `otherwise`. */
static inline double schema_bound(const json_t *schema, const char *key, double otherwise) {
    const json_t *value = json_object_get(schema, key);
    return value ? json_number_value(value) : otherwise;
}

static inline bool schema_number_holds(const json_t *s, double v) {
    return v >= schema_bound(s, "minimum", -INFINITY) && v <= schema_bound(s, "maximum", INFINITY) &&
           (!json_object_get(s, "exclusiveMinimum") || v > schema_bound(s, "exclusiveMinimum", 0)) &&
           (!json_object_get(s, "exclusiveMaximum") || v < schema_bound(s, "exclusiveMaximum", 0));
}

static inline bool schema_string_holds(const json_t *s, const json_t *v) {
    static const char *const formats[][2] = {
        {"date", "^[0-9]{4}-[01][0-9]-[0-3][0-9]$"},
        {"time", "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?(Z|[-+][0-2][0-9]:[0-5][0-9])$"},
        {"date-time", "^[0-9-]{10}T[0-9:.]{8,}(Z|[-+][0-9:]{5})$"},
        {"uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}};
    const char *text = json_string_value(v), *format = json_string_value(json_object_get(s, "format"));
    double length = (double)hd_utf8_count(text, json_string_length(v));
    if (length < schema_bound(s, "minLength", 0) || length > schema_bound(s, "maxLength", INFINITY)) return false;
    for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i][0]) == 0 && !schema_matches(formats[i][1], text)) return false;
    const char *pattern = json_string_value(json_object_get(s, "pattern"));
    return !pattern || schema_matches(pattern, text);
}

static inline bool schema_holds(const json_t *root, const json_t *schema, const json_t *v);

static inline bool schema_object_holds(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *properties = json_object_get(s, "properties"), *more = json_object_get(s, "additionalProperties"),
                 *one;
    const char *key;
    json_t *value;
    size_t i;
    json_array_foreach(json_object_get(s, "required"), i,
                       one) if (!json_object_get(v, json_string_value(one))) return false;
    json_object_foreach((json_t *)(uintptr_t)v, key, value) {
        const json_t *of = json_object_get(properties, key);
        if (!schema_holds(root, of ? of : more, value)) return false;
    }
    return true;
}

static inline bool schema_array_holds(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *first = json_object_get(s, "prefixItems");
    size_t i;
    json_t *value;
    if ((double)json_array_size(v) < schema_bound(s, "minItems", 0) ||
        (double)json_array_size(v) > schema_bound(s, "maxItems", INFINITY))
        return false;
    json_array_foreach(v, i, value) {
        const json_t *of = i < json_array_size(first) ? json_array_get(first, i) : json_object_get(s, "items");
        if (!schema_holds(root, of, value)) return false;
    }
    return true;
}

/* The number of schemas of a list that the value matches. */
static inline size_t schema_count(const json_t *root, const json_t *list, const json_t *v) {
    size_t i, count = 0;
    json_t *one;
    json_array_foreach(list, i, one) count += schema_holds(root, one, v);
    return count;
}

static inline bool schema_lists(const json_t *list, const json_t *v) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) if (json_equal(one, v)) return true;
    return false;
}

/* "#" or "#/$defs/name". */
static inline const json_t *schema_reference(const json_t *root, const char *reference) {
    const char *last = strrchr(reference, '/');
    return last ? json_object_get(json_object_get(root, "$defs"), last + 1) : root;
}

/* Whether a value matches a schema; NULL: all do. */
static inline bool schema_holds(const json_t *root, const json_t *s, const json_t *v) {
    const json_t *any = json_object_get(s, "anyOf"), *one = json_object_get(s, "oneOf"),
                 *all = json_object_get(s, "allOf");
    const json_t *reference = json_object_get(s, "$ref"), *only = json_object_get(s, "const"),
                 *list = json_object_get(s, "enum");
    if (!s || json_is_true(s)) return true;
    if (json_is_false(s) || !schema_types_hold(json_object_get(s, "type"), v)) return false;
    if (reference && !schema_holds(root, schema_reference(root, json_string_value(reference)), v)) return false;
    if (any && !schema_count(root, any, v)) return false;
    if (one && schema_count(root, one, v) != 1) return false;
    if (all && schema_count(root, all, v) != json_array_size(all)) return false;
    if ((only && !json_equal(only, v)) || (list && !schema_lists(list, v))) return false;
    if (json_is_number(v)) return schema_number_holds(s, json_number_value(v));
    if (json_is_string(v)) return schema_string_holds(s, v);
    if (json_is_object(v)) return schema_object_holds(root, s, v);
    return !json_is_array(v) || schema_array_holds(root, s, v);
}

#endif
