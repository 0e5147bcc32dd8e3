/* Schemas that both hold (allOf, and keywords beside $ref or anyOf), and schemas that no value matches both of (oneOf). */
#include "decode/json_schema_parts.h"

#include "formats/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- references ---- */

/* Copies a part of a JSON pointer up to the next slash, without its escapes. Returns what follows. */
static const char *read_key(const char *at, char *key, size_t capacity) {
    size_t size = 0;
    for (; *at && *at != '/'; at++) {
        char c = *at;
        if (c == '~' && (at[1] == '0' || at[1] == '1')) c = *++at == '0' ? '~' : '/';
        if (c == '%' && at[1] && at[2]) {
            char digits[3] = {at[1], at[2], 0}, *end;
            long byte = strtol(digits, &end, 16);
            if (*end == 0) c = (char)byte, at += 2;
        }
        if (size + 1 < capacity) key[size++] = c;
    }
    key[size] = 0;
    return at;
}

const json_t *hd_schema_find(const hd_schema_compiler *c, const char *reference) {
    const json_t *found = c->root;
    char key[1024];
    if (reference[0] != '#' || (reference[1] && reference[1] != '/')) return NULL;
    for (const char *at = reference + 1; *at == '/' && found;) {
        at = read_key(at + 1, key, sizeof key);
        char *end;
        size_t index = strtoul(key, &end, 10);
        found = json_is_array(found) ? (key[0] && !*end ? json_array_get(found, index) : NULL)
                                     : json_object_get(found, key);
    }
    return found;
}

const json_t *hd_schema_follow(const hd_schema_compiler *c, const json_t *schema) {
    for (int i = 0; i < 32; i++) {
        const json_t *reference = json_object_get(schema, "$ref");
        const json_t *found = json_is_string(reference) ? hd_schema_find(c, json_string_value(reference)) : NULL;
        if (!found || json_object_size(schema) != 1) break;
        schema = found;
    }
    return schema;
}

/* ---- both ---- */

/* How the values of a keyword that both schemas have become one. */
typedef enum merging { EQUAL, LARGER, SMALLER, UNION, TYPES, BOTH, PROPERTIES, VALUES } merging;

static const struct {
    const char *name;
    merging merging;
} keywords[] = {{"minimum", LARGER},
                {"exclusiveMinimum", LARGER},
                {"minLength", LARGER},
                {"minItems", LARGER},
                {"minProperties", LARGER},
                {"maximum", SMALLER},
                {"exclusiveMaximum", SMALLER},
                {"maxLength", SMALLER},
                {"maxItems", SMALLER},
                {"maxProperties", SMALLER},
                {"required", UNION},
                {"allOf", UNION},
                {"type", TYPES},
                {"enum", VALUES},
                {"properties", PROPERTIES}};

static merging merging_of(const char *key) {
    for (size_t i = 0; i < HD_COUNT(keywords); i++)
        if (strcmp(keywords[i].name, key) == 0) return keywords[i].merging;
    return EQUAL;
}

static bool has_value(const json_t *list, const json_t *value) {
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) if (json_equal(one, value)) return true;
    return false;
}

/* A new reference to a list with the items of both; NULL: out of memory. */
static json_t *unite(const json_t *a, const json_t *b) {
    json_t *list = json_copy((json_t *)(uintptr_t)a), *value;
    size_t i;
    if (!json_is_array(list)) return list;
    json_array_foreach(b, i, value) if (!has_value(list, value)) json_array_append(list, value);
    return list;
}

static json_t *intersect(const json_t *a, const json_t *b) {
    json_t *list = json_array(), *value;
    size_t i;
    json_array_foreach(a, i, value) if (has_value(b, value)) json_array_append(list, value);
    return list;
}

static bool names_type(const json_t *types, const char *name) {
    const json_t *one;
    size_t i;
    if (json_is_string(types)) return strcmp(json_string_value(types), name) == 0;
    json_array_foreach(types, i, one) if (json_is_string(one) && strcmp(json_string_value(one), name) == 0) return true;
    return false;
}

/* Whole numbers are numbers. */
static bool accepts_type(const json_t *types, const char *name) {
    return names_type(types, name) || (strcmp(name, "integer") == 0 && names_type(types, "number"));
}

static json_t *intersect_types(const json_t *a, const json_t *b) {
    static const char *const names[] = {"object", "array", "string", "number", "integer", "boolean", "null"};
    json_t *list = json_array();
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (accepts_type(a, names[i]) && accepts_type(b, names[i])) json_array_append_new(list, json_string(names[i]));
    return list;
}

/* Properties of both must match both schemas. */
static json_t *merge_properties(const json_t *a, const json_t *b) {
    json_t *merged = json_copy((json_t *)(uintptr_t)a), *value;
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)b, key, value) {
        json_t *other = json_object_get(a, key);
        if (!other || json_equal(other, value))
            json_object_set(merged, key, value);
        else
            json_object_set_new(merged, key, json_pack("{s:[O,O]}", "allOf", other, value));
    }
    return merged;
}

/* A new reference to the value of a keyword; NULL: the two cannot be merged. */
static json_t *merge_values(const char *key, json_t *a, json_t *b) {
    bool numbers = json_is_number(a) && json_is_number(b), first = json_number_value(a) >= json_number_value(b);
    if (json_equal(a, b)) return json_incref(a);
    switch (merging_of(key)) {
        case LARGER:
            return numbers ? json_incref(first ? a : b) : NULL;
        case SMALLER:
            return numbers ? json_incref(first ? b : a) : NULL;
        case UNION:
            return unite(a, b);
        case TYPES:
            return intersect_types(a, b);
        case VALUES:
            return intersect(a, b);
        case PROPERTIES:
            return merge_properties(a, b);
        default:
            return NULL;
    }
}

/* additionalProperties limits all properties but those beside it: `a` must list those of `b`. */
static bool lists_properties(const json_t *a, const json_t *b) {
    const char *key;
    json_t *value;
    if (!json_object_get(a, "additionalProperties")) return true;
    json_object_foreach(json_object_get(b, "properties"), key, value) {
        if (!json_object_get(json_object_get(a, "properties"), key)) return false;
    }
    return true;
}

const json_t *hd_schema_merge(hd_schema_compiler *c, const hd_schema_place *place, const json_t *a, const char *skip,
                              const json_t *b) {
    const char *key;
    json_t *value, *merged = json_copy((json_t *)(uintptr_t)a);
    b = hd_schema_follow(c, b);
    if (merged && skip) json_object_del(merged, skip);
    if (!merged || json_array_append_new(c->made, merged) != 0) {
        c->status = hd_json_no_memory(c->context, c->name);
        return NULL;
    }
    if (json_is_true(b)) return merged;
    if (!json_is_object(a) || !json_is_object(b) || !lists_properties(merged, b) || !lists_properties(b, merged))
        hd_schema_fail(
            c, place, "heed cannot merge these schemas: %s",
            json_is_object(a) && json_is_object(b) ? "one has \"additionalProperties\"" : "one is not an object");
    if (c->status != HEED_OK) return NULL;
    json_object_foreach((json_t *)(uintptr_t)b, key, value) {
        json_t *other = json_object_get(merged, key), *both;
        if (hd_schema_is_annotation(key)) continue;
        both = other ? merge_values(key, other, value) : json_incref(value);
        if (!both) hd_schema_fail(c, place, "heed cannot merge two values of \"%.100s\"", key);
        if (!both) return NULL;
        json_object_set_new(merged, key, both);
    }
    return merged;
}

/* ---- disjoint schemas ---- */

/* The values that a schema lists, or NULL. */
static const json_t *listed(const json_t *schema, const json_t **only) {
    *only = json_object_get(schema, "const");
    return json_object_get(schema, "enum");
}

static bool are_values_disjoint(const json_t *a, const json_t *b) {
    const json_t *only_a, *only_b, *one;
    const json_t *list_a = listed(a, &only_a), *list_b = listed(b, &only_b);
    size_t i;
    if ((!only_a && !list_a) || (!only_b && !list_b)) return false;
    if (only_a && only_b) return !json_equal(only_a, only_b);
    if (only_a) return !has_value(list_b, only_a);
    if (only_b) return !has_value(list_a, only_b);
    json_array_foreach(list_a, i, one) if (has_value(list_b, one)) return false;
    return true;
}

static bool are_types_disjoint(const json_t *a, const json_t *b) {
    const json_t *x = json_object_get(a, "type"), *y = json_object_get(b, "type");
    if (!x || !y) return false;
    json_t *both = intersect_types(x, y);
    bool disjoint = both && json_array_size(both) == 0;
    json_decref(both);
    return disjoint;
}

static bool requires(const json_t *schema, const char *key) {
    const json_t *list = json_object_get(schema, "required"), *one;
    size_t i;
    json_array_foreach(list, i, one) if (json_is_string(one) && strcmp(json_string_value(one), key) == 0) return true;
    return false;
}

/* Whether an object that is generated for `a` lacks a property that `b` requires. */
static bool lacks_property(const json_t *a, const json_t *b) {
    const json_t *list = json_object_get(b, "required"), *one, *more = json_object_get(a, "additionalProperties");
    size_t i;
    if (!json_object_get(a, "properties") || (more && !json_is_false(more))) return false;
    json_array_foreach(list, i, one) {
        const char *key = json_string_value(one);
        if (key && !json_object_get(json_object_get(a, "properties"), key) && !requires(a, key)) return true;
    }
    return false;
}

static bool are_disjoint(hd_schema_compiler *c, const json_t *a, const json_t *b, int depth) {
    const char *key;
    json_t *value;
    a = hd_schema_follow(c, a), b = hd_schema_follow(c, b);
    if (are_types_disjoint(a, b) || are_values_disjoint(a, b)) return true;
    if (depth == 0) return false;
    json_object_foreach(json_object_get(a, "properties"), key, value) {
        const json_t *other = json_object_get(json_object_get(b, "properties"), key);
        if (other && requires(a, key) && requires(b, key) && are_disjoint(c, value, other, depth - 1)) return true;
    }
    const json_t *type_a = json_object_get(a, "type"), *type_b = json_object_get(b, "type");
    bool objects = type_a && type_b && json_is_string(type_a) && json_is_string(type_b) &&
                   names_type(type_a, "object") && names_type(type_b, "object");
    return objects && lacks_property(a, b) && lacks_property(b, a);
}

bool hd_schema_disjoint(hd_schema_compiler *c, const json_t *a, const json_t *b) { return are_disjoint(c, a, b, 4); }
