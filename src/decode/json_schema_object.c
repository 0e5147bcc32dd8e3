/* Objects and arrays. */
#include "decode/json_schema_parts.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects ---- */

typedef struct property {
    const char *key;
    hd_buffer member; /* the body of a rule of it: its key and value */
    bool required;
} property;

typedef struct object {
    hd_schema_compiler *c;
    const hd_schema_place *place;
    const json_t *schema;
    property *properties; /* [count] */
    size_t count;
    hd_buffer more; /* an additional property; empty: none may come */
} object;

static bool is_required(const json_t *schema, const char *key) {
    const json_t *list = json_object_get(schema, "required"), *name;
    size_t i;
    json_array_foreach(list, i,
                       name) if (json_is_string(name) && strcmp(json_string_value(name), key) == 0) return true;
    return false;
}

static void add_property(object *o, const char *key, const json_t *schema, bool required) {
    property *p = &o->properties[o->count++];
    hd_schema_place properties = {o->place, "properties"}, place = {&properties, key};
    json_t *name = json_string(key);
    *p = (property){.key = key, .required = required};
    hd_buffer_open(&p->member, o->c->context);
    if (name)
        hd_schema_constant(o->c, name, &p->member);
    else
        o->c->status = HEED_MEMORY;
    hd_buffer_format(&p->member, " %s \":\" ws ", hd_schema_rule(o->c, HD_JSON_WS));
    o->c->value(o->c, &place, schema, &p->member);
    json_decref(name);
}

/* The listed properties, then those that are required alone. */
static void list_properties(object *o) {
    hd_schema_compiler *c = o->c;
    const json_t *properties = json_object_get(o->schema, "properties"),
                 *names = json_object_get(o->schema, "required");
    const json_t *more = json_object_get(o->schema, "additionalProperties"), *name;
    const char *key;
    json_t *value;
    size_t i;
    if (properties && !json_is_object(properties)) hd_schema_fail(c, o->place, "\"properties\" is not an object");
    if (names && !json_is_array(names)) hd_schema_fail(c, o->place, "\"required\" is not a list");
    o->properties = hd_alloc(c->context, json_object_size(properties) + json_array_size(names), sizeof *o->properties);
    if (!o->properties) c->status = HEED_MEMORY;
    if (c->status != HEED_OK) return;
    json_object_foreach((json_t *)(uintptr_t)properties, key, value) {
        bool required = is_required(o->schema, key);
        if (!json_is_false(value) || required) add_property(o, key, value, required);
    }
    json_array_foreach(names, i, name) {
        key = json_string_value(name);
        bool listed = key && json_object_get(properties, key);
        for (size_t j = 0; key && j < o->count; j++) listed |= strcmp(o->properties[j].key, key) == 0;
        if (!key || strlen(key) != json_string_length(name))
            hd_schema_fail(c, o->place, "\"required\" has an item that is not the name of a property");
        else if (!listed && json_is_false(more))
            hd_schema_fail(c, o->place, "the property \"%.100s\" is required, but \"additionalProperties\" is false",
                           key);
        else if (!listed)
            add_property(o, key, more ? more : json_true(), true);
    }
}

/* ---- keys of additional properties: those that are not listed ---- */

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Appends what may follow the first `depth` bytes, which the sorted keys share, in a key that is none of them. */
static void append_other_keys(char **keys, size_t count, size_t depth, hd_buffer *out) {
    bool ends = count && keys[0][depth] == 0; /* the key so far is listed */
    hd_buffer_text(out, "(");
    for (size_t i = ends, next; i < count; i = next) {
        uint32_t code, other;
        size_t size = hd_utf8_decode(keys[i] + depth, strlen(keys[i] + depth), &code);
        for (next = i + 1; next < count && keys[next][depth]; next++) {
            hd_utf8_decode(keys[next] + depth, strlen(keys[next] + depth), &other);
            if (other != code) break;
        }
        hd_schema_literal(keys[i] + depth, size, out);
        hd_buffer_text(out, " ");
        append_other_keys(keys + i, next - i, depth + size, out);
        hd_buffer_text(out, " | ");
    }
    hd_buffer_text(out, "[^\"\\\\\\x00-\\x1F\\x7F");
    for (size_t i = ends; i < count; i++) {
        uint32_t code;
        hd_utf8_decode(keys[i] + depth, strlen(keys[i] + depth), &code);
        hd_schema_class_character(code, out);
    }
    hd_buffer_text(out, ends ? "] plain*)" : "] plain*)?");
}

/* Whether a key can be written without escapes: the keys of additional properties are. */
static bool is_plain(const char *key) {
    for (; *key; key++)
        if ((unsigned char)*key < 0x20 || *key == 0x7F || *key == '"' || *key == '\\') return false;
    return true;
}

static void append_key(object *o, hd_buffer *out) {
    enum { MOST_BYTES = 200 };
    char **keys = hd_alloc(o->c->context, o->count, sizeof *keys);
    size_t count = 0;
    if (!keys) {
        o->c->status = HEED_MEMORY;
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (strlen(o->properties[i].key) > MOST_BYTES)
            hd_schema_fail(o->c, o->place,
                           "a property has a name of more than %d bytes beside \"additionalProperties\"", MOST_BYTES);
        if (is_plain(o->properties[i].key)) keys[count++] = (char *)(uintptr_t)o->properties[i].key;
    }
    if (count) qsort(keys, count, sizeof *keys, by_bytes);
    hd_schema_rule(o->c, HD_JSON_PLAIN);
    hd_buffer_text(out, "\"\\\"\" ");
    if (o->c->status == HEED_OK) append_other_keys(keys, count, 0, out);
    hd_buffer_text(out, " \"\\\"\"");
    hd_free(o->c->context, keys);
}

/* The rule of an additional property. A property that is listed as false may not come either. */
static void append_more(object *o) {
    const json_t *more = json_object_get(o->schema, "additionalProperties");
    hd_schema_place place = {o->place, "additionalProperties"};
    if (!more || json_is_false(more) || o->c->status != HEED_OK) return;
    if (json_object_size(json_object_get(o->schema, "properties")) > o->count)
        hd_schema_fail(o->c, o->place, "heed lacks a property whose schema is false beside \"additionalProperties\"");
    hd_buffer rule;
    hd_buffer_open(&rule, o->c->context);
    hd_buffer_format(&o->more, "more-%d", o->c->next);
    hd_buffer_format(&rule, "more-%d ::= ", o->c->next++);
    append_key(o, &rule);
    hd_buffer_format(&rule, " %s \":\" ws ", hd_schema_rule(o->c, HD_JSON_WS));
    o->c->value(o->c, &place, more, &rule);
    hd_buffer_byte(&rule, '\n');
    hd_buffer_append(&o->c->rules, rule.data, rule.size);
    if (rule.failed) o->c->status = HEED_MEMORY;
    hd_buffer_close(&rule);
}

/* ---- the order of the properties ---- */

/* Property i after another one. */
static void append_next(const object *o, size_t i, hd_buffer *out) {
    const property *p = &o->properties[i];
    hd_buffer_text(out, p->required ? " ws \",\" ws " : " (ws \",\" ws ");
    hd_buffer_append(out, p->member.data, p->member.size);
    if (!p->required) hd_buffer_text(out, ")?");
}

static void append_rest(const object *o, hd_buffer *out) {
    if (o->more.size) hd_buffer_format(out, " (ws \",\" ws %s)*", o->more.data);
}

/* The properties that may come first: up to the first one that is required. */
static size_t count_first(const object *o) {
    size_t i = 0;
    while (i < o->count && !o->properties[i].required) i++;
    return i;
}

/* Adds rule NAME-i for what follows property i − 1, up to the first required one, and one for the rest. */
static void add_rest_rules(const object *o, int name, size_t first) {
    hd_buffer *rules = &o->c->rules;
    for (size_t i = 1; i <= first + 1 && i <= o->count; i++) {
        hd_buffer_format(rules, "rest-%d-%zu ::=", name, i);
        if (i <= first && i < o->count) {
            append_next(o, i, rules);
            hd_buffer_format(rules, " rest-%d-%zu\n", name, i + 1);
            continue;
        }
        hd_buffer_text(rules, " \"\"");
        for (size_t j = i; j < o->count; j++) append_next(o, j, rules);
        append_rest(o, rules);
        hd_buffer_byte(rules, '\n');
    }
}

static void append_properties(const object *o, hd_buffer *out) {
    size_t first = count_first(o);
    bool optional = first == o->count, any = false; /* the object may be empty */
    int name = o->c->next++;
    hd_buffer_text(out, "\"{\" ws ");
    if (o->count || o->more.size) {
        add_rest_rules(o, name, first);
        hd_buffer_text(out, "((");
        for (size_t i = 0; i <= first && i < o->count; i++) {
            if (any) hd_buffer_text(out, " | ");
            any = true;
            hd_buffer_append(out, o->properties[i].member.data, o->properties[i].member.size);
            hd_buffer_format(out, " rest-%d-%zu", name, i + 1);
        }
        if (optional && o->more.size) hd_buffer_format(out, "%s%s", any ? " | " : "", o->more.data);
        if (optional && o->more.size) append_rest(o, out);
        hd_buffer_text(out, optional ? ") ws)? " : ") ws) ");
    }
    hd_buffer_text(out, "\"}\"");
}

/* The number of properties follows from the others, or is refused. */
static void check_counts(const object *o) {
    int64_t required = 0;
    for (size_t i = 0; i < o->count; i++) required += o->properties[i].required;
    if (hd_schema_count(o->c, o->place, o->schema, "minProperties", 0) > required)
        hd_schema_fail(o->c, o->place, "heed lacks \"minProperties\" above the number of required properties");
    if (hd_schema_count(o->c, o->place, o->schema, "maxProperties", INT64_MAX) < (int64_t)o->count ||
        (o->more.size && json_object_get(o->schema, "maxProperties")))
        hd_schema_fail(o->c, o->place, "heed lacks \"maxProperties\" below the number of properties");
}

void hd_schema_object(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    object o = {.c = c, .place = place, .schema = schema};
    if (!json_object_get(schema, "properties") && !json_object_get(schema, "required") &&
        !json_object_get(schema, "additionalProperties") && !json_object_get(schema, "minProperties") &&
        !json_object_get(schema, "maxProperties")) {
        hd_buffer_text(out, hd_schema_rule(c, HD_JSON_OBJECT));
        return;
    }
    hd_buffer_open(&o.more, c->context);
    hd_schema_rule(c, HD_JSON_WS);
    list_properties(&o);
    append_more(&o);
    if (c->status == HEED_OK) check_counts(&o);
    for (size_t i = 0; i < o.count; i++)
        if (o.properties[i].member.failed) c->status = HEED_MEMORY;
    if (c->status == HEED_OK && o.more.failed) c->status = HEED_MEMORY;
    if (c->status == HEED_OK) append_properties(&o, out);
    for (size_t i = 0; i < o.count; i++) hd_buffer_close(&o.properties[i].member);
    hd_free(c->context, o.properties);
    hd_buffer_close(&o.more);
}

/* ---- arrays ---- */

/* The schemas of the first items: "prefixItems", or a list in "items" (draft 7); NULL: none. `rest` is that of the others. */
static const json_t *first_items(const json_t *schema, const json_t **rest) {
    const json_t *items = json_object_get(schema, "items"), *first = json_object_get(schema, "prefixItems");
    if (json_is_array(items)) {
        *rest = json_object_get(schema, "additionalItems");
        return items;
    }
    *rest = items || first ? items : json_true();
    return first;
}

static void append_item(hd_schema_compiler *c, const hd_schema_place *place, const json_t *list, size_t i,
                        hd_buffer *out) {
    hd_schema_place first = {place, "prefixItems"};
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    if (i) hd_buffer_text(out, " ws \",\" ws ");
    c->value(c, &(hd_schema_place){&first, number}, json_array_get(list, i), out);
}

/* After `count` items: `least` to `most` others. */
static void append_items(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, int64_t count,
                         int64_t least, int64_t most, hd_buffer *out) {
    hd_buffer item;
    if (most == 0) return;
    hd_buffer_open(&item, c->context);
    c->value(c, &(hd_schema_place){place, "items"}, schema, &item);
    if (count == 0) hd_buffer_format(out, "%s%s", least ? "" : "(", item.data ? item.data : "");
    if (most != 1 || count) {
        hd_buffer_format(out, " (ws \",\" ws %s)", item.data ? item.data : "");
        int64_t before = count == 0;
        hd_schema_bounds(hd_max(least - before, 0), most < 0 ? -1 : most - before, out);
    }
    if (count == 0 && !least) hd_buffer_text(out, ")?");
    if (item.failed) c->status = HEED_MEMORY;
    hd_buffer_close(&item);
}

void hd_schema_array(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, hd_buffer *out) {
    const json_t *rest, *first = first_items(schema, &rest);
    int64_t least = hd_schema_count(c, place, schema, "minItems", 0);
    int64_t most = hd_schema_count(c, place, schema, "maxItems", -1), count = (int64_t)json_array_size(first);
    const json_t *unique = json_object_get(schema, "uniqueItems");
    if (unique && !json_is_false(unique)) hd_schema_fail(c, place, "heed lacks the keyword \"uniqueItems\"");
    if (first && !json_is_array(first)) hd_schema_fail(c, place, "\"prefixItems\" is not a list");
    if (most >= 0 && least > most) hd_schema_fail(c, place, "\"minItems\" is larger than \"maxItems\"");
    if (most >= 0) count = hd_min(count, most);
    if (!rest || json_is_false(rest)) most = count;
    if (most >= 0 && least > most) hd_schema_fail(c, place, "\"minItems\" is larger than the number of listed items");
    hd_schema_rule(c, HD_JSON_WS);
    hd_buffer_text(out, "\"[\" ws ");
    for (int64_t i = 0; i < count && c->status == HEED_OK; i++) append_item(c, place, first, (size_t)i, out);
    if (c->status == HEED_OK)
        append_items(c, place, rest, count, hd_max(least - count, 0), most < 0 ? -1 : most - count, out);
    hd_buffer_text(out, " ws \"]\"");
}
