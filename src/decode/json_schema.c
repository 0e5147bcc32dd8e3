/* The compiler of JSON schemas (json-schema.org, drafts 7 to 2020-12). Where a schema accepts more than a grammar needs, the
 * grammar has less: properties come in the order of the schema, and only those that it lists unless additionalProperties is set.
 * Every keyword that limits values is obeyed or refused. */
#include "decode/json_schema.h"

#include "decode/json_schema_parts.h"
#include "formats/json.h"

#include <stdio.h>
#include <string.h>

enum { MOST_DEPTH = 100 }; /* schemas inside each other */

typedef enum json_types {
    OBJECT = 1,
    ARRAY = 2,
    STRING = 4,
    NUMBER = 8,
    INTEGER = 16,
    BOOLEAN = 32,
    NOTHING = 64, /* null */
    LACKING = 128 /* of keywords: heed lacks it */
} json_types;

static const struct {
    const char *name;
    unsigned type;
} types[] = {{"object", OBJECT},   {"array", ARRAY},     {"string", STRING}, {"number", NUMBER},
             {"integer", INTEGER}, {"boolean", BOOLEAN}, {"null", NOTHING}};

/* The keywords, and the types of the values that they limit; 0: any. */
static const struct {
    const char *name;
    unsigned type;
} keywords[] = {
    {"type", 0},
    {"enum", 0},
    {"const", 0},
    {"anyOf", 0},
    {"oneOf", 0},
    {"allOf", 0},
    {"$ref", 0},
    {"properties", OBJECT},
    {"required", OBJECT},
    {"additionalProperties", OBJECT},
    {"minProperties", OBJECT},
    {"maxProperties", OBJECT},
    {"items", ARRAY},
    {"prefixItems", ARRAY},
    {"additionalItems", ARRAY},
    {"minItems", ARRAY},
    {"maxItems", ARRAY},
    {"uniqueItems", ARRAY},
    {"minLength", STRING},
    {"maxLength", STRING},
    {"pattern", STRING},
    {"format", STRING},
    {"minimum", NUMBER},
    {"maximum", NUMBER},
    {"exclusiveMinimum", NUMBER},
    {"exclusiveMaximum", NUMBER},
    {"multipleOf", LACKING},
    {"not", LACKING},
    {"if", LACKING},
    {"then", LACKING},
    {"else", LACKING},
    {"dependentRequired", LACKING},
    {"dependentSchemas", LACKING},
    {"dependencies", LACKING},
    {"patternProperties", LACKING},
    {"propertyNames", LACKING},
    {"unevaluatedProperties", LACKING},
    {"unevaluatedItems", LACKING},
    {"contains", LACKING},
    {"minContains", LACKING},
    {"maxContains", LACKING},
    {"contentEncoding", LACKING},
    {"contentMediaType", LACKING},
    {"contentSchema", LACKING},
    {"$anchor", LACKING},
    {"$dynamicRef", LACKING},
    {"$dynamicAnchor", LACKING},
    {"$recursiveRef", LACKING},
    {"$recursiveAnchor", LACKING},
    {"nullable", LACKING},
};

/* ---- keywords ---- */

/* Refuses keywords that heed lacks, and returns the types that the others speak of. */
static unsigned check_keywords(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema) {
    unsigned spoken = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)schema, key, value) {
        size_t i = 0;
        if (hd_schema_is_annotation(key)) continue;
        while (i < HD_COUNT(keywords) && strcmp(keywords[i].name, key) != 0) i++;
        if (i == HD_COUNT(keywords))
            hd_schema_fail(c, place, "\"%.100s\" is not a keyword of JSON schemas", key);
        else if (keywords[i].type == LACKING)
            hd_schema_fail(c, place, "heed lacks the keyword \"%s\"", key);
        else
            spoken |= keywords[i].type;
    }
    return spoken;
}

static unsigned type_named(hd_schema_compiler *c, const hd_schema_place *place, const json_t *name) {
    for (size_t i = 0; json_is_string(name) && i < HD_COUNT(types); i++)
        if (strcmp(json_string_value(name), types[i].name) == 0) return types[i].type;
    hd_schema_fail(c, place, "\"type\" has a value that is not the name of a type");
    return 0;
}

/* The types of a schema's values: as "type" says, or else those that its keywords speak of; 0: any. */
static unsigned find_types(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, unsigned spoken) {
    const json_t *type = json_object_get(schema, "type"), *name;
    unsigned found = 0;
    size_t i;
    if (!type) return spoken;
    if (!json_is_array(type)) return type_named(c, place, type);
    json_array_foreach(type, i, name) found |= type_named(c, place, name);
    if (!found) hd_schema_fail(c, place, "\"type\" is an empty list");
    return found & NUMBER ? found & ~(unsigned)INTEGER : found;
}

/* ---- enum and const ---- */

static bool has_type(const json_t *value, unsigned accepted) {
    unsigned type = json_is_object(value)    ? OBJECT
                    : json_is_array(value)   ? ARRAY
                    : json_is_string(value)  ? STRING
                    : json_is_integer(value) ? NUMBER | INTEGER
                    : json_is_real(value)    ? NUMBER
                    : json_is_boolean(value) ? BOOLEAN
                                             : NOTHING;
    return !accepted || (type & accepted);
}

static void append_or(bool *any, hd_buffer *out) {
    if (*any) hd_buffer_text(out, " | ");
    *any = true;
}

/* The listed values that have one of the types. Other keywords beside them would need their values checked. */
static void compile_values(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    const json_t *list = json_object_get(schema, "enum"), *only = json_object_get(schema, "const"), *value;
    unsigned accepted = find_types(c, place, schema, 0);
    bool any = false;
    size_t i;
    const char *key;
    json_t *other;
    json_object_foreach((json_t *)(uintptr_t)schema, key, other) {
        if (!hd_schema_is_annotation(key) && strcmp(key, "enum") != 0 && strcmp(key, "const") != 0 &&
            strcmp(key, "type") != 0)
            hd_schema_fail(c, place, "heed lacks \"%s\" beside \"%s\"", key, only ? "const" : "enum");
    }
    if (list && !json_is_array(list)) hd_schema_fail(c, place, "\"enum\" is not a list");
    for (i = 0; i < (list ? json_array_size(list) : 1); i++) {
        value = list ? json_array_get(list, i) : only;
        if (!has_type(value, accepted) || (only && !json_equal(value, only))) continue;
        append_or(&any, out);
        hd_schema_constant(c, value, out);
    }
    if (!any) hd_schema_fail(c, place, "\"%s\" has no value of the type", only ? "const" : "enum");
}

/* ---- schemas of several ---- */

static void compile(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out);

static bool has_assertions(const json_t *schema, const char *except) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)schema, key,
                        value) if (strcmp(key, except) != 0 && !hd_schema_is_annotation(key)) return true;
    return false;
}

/* The rule of a reference, which may be inside its own definition. */
static void compile_reference(hd_schema_compiler *c, const hd_schema_place *place, const char *reference,
                              hd_buffer *out) {
    const json_t *known = json_object_get(c->refs, reference), *target = hd_schema_find(c, reference);
    if (known) {
        hd_buffer_text(out, json_string_value(known));
        return;
    }
    if (!target) {
        hd_schema_fail(c, place, "\"$ref\" is \"%.200s\", which is not a place in the schema", reference);
        return;
    }
    char name[64];
    hd_buffer body;
    snprintf(name, sizeof name, "ref-%d", c->next++);
    if (json_object_set_new(c->refs, reference, json_string(name)) != 0) c->status = HEED_MEMORY;
    hd_buffer_open(&body, c->context);
    compile(c, &(hd_schema_place){NULL, reference}, target, &body);
    hd_buffer_format(&c->rules, "%s ::= %s\n", name, body.data ? body.data : "");
    hd_buffer_text(out, name);
    if (body.failed) c->status = HEED_MEMORY;
    hd_buffer_close(&body);
}

/* The schema of $ref and the keywords beside it. */
static void compile_ref(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    const json_t *reference = json_object_get(schema, "$ref");
    if (!json_is_string(reference)) {
        hd_schema_fail(c, place, "\"$ref\" is not a string");
        return;
    }
    if (!has_assertions(schema, "$ref")) {
        compile_reference(c, place, json_string_value(reference), out);
        return;
    }
    const json_t *target = hd_schema_find(c, json_string_value(reference));
    if (!target)
        hd_schema_fail(c, place, "\"$ref\" is \"%.200s\", which is not a place in the schema",
                       json_string_value(reference));
    const json_t *merged = hd_schema_merge(c, place, schema, "$ref", target);
    if (merged) compile(c, place, merged, out);
}

static void compile_all(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    const json_t *list = json_object_get(schema, "allOf"), *merged = schema;
    if (json_array_size(list) == 0) hd_schema_fail(c, place, "\"allOf\" is not a list of schemas");
    for (size_t i = 0; merged && i < json_array_size(list); i++)
        merged = hd_schema_merge(c, place, merged, i ? NULL : "allOf", json_array_get(list, i));
    if (merged && c->status == HEED_OK) compile(c, place, merged, out);
}

static void check_disjoint(hd_schema_compiler *c, const hd_schema_place *place, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t j = i + 1; j < json_array_size(list); j++)
            if (!hd_schema_disjoint(c, json_array_get(list, i), json_array_get(list, j)))
                hd_schema_fail(c, place, "a value may match the schemas %zu and %zu of \"oneOf\": use \"anyOf\"", i, j);
}

/* The keywords beside anyOf or oneOf become a part of each alternative. */
static void compile_any(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, const char *key,
                        hd_buffer *out) {
    const json_t *list = json_object_get(schema, key);
    bool any = false, merges = has_assertions(schema, key);
    hd_schema_place below = {place, key};
    if (json_array_size(list) == 0) hd_schema_fail(c, place, "\"%s\" is not a list of schemas", key);
    if (strcmp(key, "oneOf") == 0) check_disjoint(c, place, list);
    for (size_t i = 0; i < json_array_size(list) && c->status == HEED_OK; i++) {
        const json_t *one = json_array_get(list, i);
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        if (merges) one = hd_schema_merge(c, &below, schema, key, one);
        append_or(&any, out);
        if (one) c->value(c, &(hd_schema_place){&below, number}, one, out);
    }
}

/* ---- values of types ---- */

static void compile_type(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, unsigned type,
                         hd_buffer *out) {
    switch (type) {
        case OBJECT:
            hd_schema_object(c, place, schema, out);
            break;
        case ARRAY:
            hd_schema_array(c, place, schema, out);
            break;
        case STRING:
            hd_schema_string(c, place, schema, out);
            break;
        case NUMBER:
        case INTEGER:
            hd_schema_number(c, place, schema, type == INTEGER, out);
            break;
        case BOOLEAN:
            hd_buffer_text(out, "\"true\" | \"false\"");
            break;
        default:
            hd_buffer_text(out, "\"null\"");
    }
}

static void compile_types(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    unsigned found = find_types(c, place, schema, check_keywords(c, place, schema));
    bool any = false;
    if (json_object_get(schema, "format") && !(found & STRING))
        hd_schema_fail(c, place, "heed has \"format\" for strings alone");
    if (!found && c->status == HEED_OK) hd_buffer_text(out, hd_schema_rule(c, HD_JSON_VALUE));
    for (size_t i = 0; i < HD_COUNT(types) && c->status == HEED_OK; i++) {
        if (!(found & types[i].type)) continue;
        append_or(&any, out);
        compile_type(c, place, schema, types[i].type, out);
    }
}

static void compile_keywords(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema,
                             hd_buffer *out) {
    check_keywords(c, place, schema);
    if (c->status != HEED_OK) return;
    if (json_object_get(schema, "$ref"))
        compile_ref(c, place, schema, out);
    else if (json_object_get(schema, "allOf"))
        compile_all(c, place, schema, out);
    else if (json_object_get(schema, "anyOf"))
        compile_any(c, place, schema, "anyOf", out);
    else if (json_object_get(schema, "oneOf"))
        compile_any(c, place, schema, "oneOf", out);
    else if (json_object_get(schema, "enum") || json_object_get(schema, "const"))
        compile_values(c, place, schema, out);
    else
        compile_types(c, place, schema, out);
}

/* Appends the body of a rule for the values of a schema. */
static void compile(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    if (c->depth == MOST_DEPTH) hd_schema_fail(c, NULL, "schemas are nested more than %d deep", MOST_DEPTH);
    if (c->status != HEED_OK) return;
    c->depth++;
    if (json_is_object(schema))
        compile_keywords(c, place, schema, out);
    else if (json_is_true(schema))
        hd_buffer_text(out, hd_schema_rule(c, HD_JSON_VALUE));
    else
        hd_schema_fail(c, place,
                       json_is_false(schema) ? "false accepts no value" : "a schema is an object, true or false");
    c->depth--;
}

/* Whether a body is the name of a rule, which can be used in its place. */
static bool is_name(const hd_buffer *body) {
    static const char others[] = " \"|()[]{}*+?.";
    return body->size && strcspn(body->data, others) == body->size;
}

static void compile_value(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    hd_buffer body;
    hd_buffer_open(&body, c->context);
    compile(c, place, schema, &body);
    if (body.failed && c->status == HEED_OK) c->status = HEED_MEMORY;
    if (c->status == HEED_OK && is_name(&body)) {
        hd_buffer_text(out, body.data);
    } else if (c->status == HEED_OK) {
        hd_buffer_format(out, "v-%d", c->next);
        hd_buffer_format(&c->rules, "v-%d ::= ", c->next++);
        hd_buffer_append(&c->rules, body.data, body.size);
        hd_buffer_byte(&c->rules, '\n');
    }
    hd_buffer_close(&body);
}

/* ---- whole grammars ---- */

/* A space may come first: many vocabularies begin words with one. */
static void compile_root(hd_schema_compiler *c, hd_buffer *grammar) {
    hd_buffer root;
    hd_buffer_open(&root, c->context);
    compile_value(c, &(hd_schema_place){NULL, "#"}, c->root, &root);
    if (c->status == HEED_OK && (root.failed || c->rules.failed)) c->status = HEED_MEMORY;
    if (c->status == HEED_OK) {
        hd_buffer_format(grammar, "root ::= \" \"? %s\n", root.data);
        hd_buffer_append(grammar, c->rules.data, c->rules.size);
        hd_schema_shared_rules(c->used, grammar);
    }
    hd_buffer_close(&root);
}

heed_status hd_json_schema_grammar(heed_context *context, const char *name, const char *schema, size_t size,
                                   hd_buffer *grammar) {
    hd_json json;
    heed_status status = hd_json_open_bytes(context, name, schema, size, HD_JSON_LENIENT, &json);
    if (status != HEED_OK) return status == HEED_FORMAT ? HEED_ARGUMENT : status;
    hd_schema_compiler c = {.context = context,
                            .value = compile_value,
                            .name = name,
                            .root = json.root,
                            .refs = json_object(),
                            .made = json_array()};
    hd_buffer_open(&c.rules, context);
    if (c.refs && c.made)
        compile_root(&c, grammar);
    else
        c.status = hd_json_no_memory(context, name);
    if (grammar->failed && c.status == HEED_OK) c.status = HEED_MEMORY;
    hd_buffer_close(&c.rules);
    json_decref(c.refs);
    json_decref(c.made);
    hd_json_close(&json);
    return c.status;
}

heed_status hd_json_object_grammar(hd_buffer *grammar) {
    hd_buffer_text(grammar, "root ::= \" \"? object\n");
    hd_schema_shared_rules(1u << HD_JSON_OBJECT, grammar);
    return grammar->failed ? HEED_MEMORY : HEED_OK;
}
