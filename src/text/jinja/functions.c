#include "text/jinja/functions.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/print.h"

typedef hd_jinja_value value;

/* ---- ranges and dicts ---- */

static value range(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    int64_t numbers[3] = {0, 0, 1}, span;
    (void)object;
    if (a->named || a->count < 1 || a->count > 3)
        return hd_jinja_fail(j, "range expected from 1 to 3 arguments, got %zu", a->count);
    for (size_t i = 0; i < a->count; i++) numbers[a->count == 1 ? 1 : i] = hd_jinja_need_int(j, a->items[i], 0);
    if (!j->failed && !numbers[2]) return hd_jinja_fail(j, "range() arg 3 must not be zero");
    hd_jinja_range *it = hd_jinja_alloc(j, 1, sizeof *it);
    if (!it) return hd_jinja_missing();
    bool down = numbers[2] < 0;
    if (__builtin_sub_overflow(numbers[!down], numbers[down], &span))
        span = numbers[!down] > numbers[down] ? INT64_MAX : 0;
    uint64_t step = down ? 0 - (uint64_t)numbers[2] : (uint64_t)numbers[2];
    uint64_t count = span > 0 ? ((uint64_t)span - 1) / step + 1 : 0;
    if (count > HD_JINJA_RANGE_LIMIT)
        return hd_jinja_fail(j, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).",
                             HD_JINJA_RANGE_LIMIT);
    *it = (hd_jinja_range){numbers[0], numbers[1], numbers[2], (size_t)count};
    return (value){.kind = HD_JINJA_RANGE, .as.range = it};
}

/* dict(mapping or pairs, **named) */
static value make_dict(hd_jinja *j, const hd_jinja_arguments *a) {
    size_t count;
    value dict = hd_jinja_dict_open(j, 0);
    if (a->count > 1) return hd_jinja_fail(j, "dict expected at most 1 argument, got %zu", a->count);
    if (a->count && (a->items[0].kind == HD_JINJA_DICT || a->items[0].kind == HD_JINJA_NAMESPACE)) {
        const hd_jinja_dict *from = a->items[0].as.dict;
        for (size_t i = 0; i < from->count; i++) hd_jinja_dict_set(j, dict.as.dict, from->keys[i], from->values[i]);
    } else if (a->count) {
        value list = hd_jinja_open(j, a->items[0], &count);
        for (size_t i = 0; !j->failed && i < count; i++) {
            value pair = hd_jinja_to_list(j, hd_jinja_at(j, list, i));
            if (!j->failed && pair.as.list->count != 2)
                return hd_jinja_fail(j, "dictionary update sequence element #%zu has length %zu; 2 is required", i,
                                     pair.as.list->count);
            if (!j->failed) hd_jinja_dict_set(j, dict.as.dict, pair.as.list->items[0], pair.as.list->items[1]);
        }
    }
    for (size_t i = 0; !j->failed && i < a->named; i++) hd_jinja_dict_set(j, dict.as.dict, a->keys[i], a->values[i]);
    return dict;
}

static value dict(hd_jinja *j, void *object, const hd_jinja_arguments *a) { return (void)object, make_dict(j, a); }

static bool check_member(hd_jinja *j, value name) {
    if (name.kind != HD_JINJA_STRING || !name.size || name.as.text[0] != '_') return true;
    value quoted = hd_jinja_repr_of(j, name);
    if (j->failed) return false;
    hd_jinja_fail(
        j,
        "Chat templates cannot store underscore-prefixed attributes on a namespace, but got %.*s. Please rename "
        "the attribute.",
        (int)quoted.size, quoted.as.text);
    return false;
}

void hd_jinja_namespace_set(hd_jinja *j, value space, value name, value v) {
    if (check_member(j, name)) hd_jinja_dict_set(j, space.as.dict, name, v);
}

static value make_namespace(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    value space = make_dict(j, a);
    (void)object;
    for (size_t i = 0; !j->failed && i < space.as.dict->count; i++) check_member(j, space.as.dict->keys[i]);
    space.kind = HD_JINJA_NAMESPACE;
    return j->failed ? hd_jinja_missing() : space;
}

/* ---- objects with a state ---- */

static value stateful(hd_jinja *j, hd_jinja_kind kind, value source) {
    value v = hd_jinja_iterator_of(j, source, "");
    v.kind = (uint8_t)kind;
    return j->failed ? hd_jinja_missing() : v;
}

static value cycler(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    (void)object;
    if (!a->count) return hd_jinja_fail(j, "at least one item has to be provided");
    value list = hd_jinja_sequence(j, HD_JINJA_LIST, a->count);
    for (size_t i = 0; !j->failed && i < a->count; i++) list.as.list->items[i] = a->items[i];
    return stateful(j, HD_JINJA_CYCLER, list);
}

static value joiner(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    value bound[HD_JINJA_PARAMETERS];
    (void)object;
    if (!hd_jinja_bind(j, "joiner", "sep", a, bound)) return hd_jinja_missing();
    return stateful(j, HD_JINJA_JOINER, bound[0].kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, ", ") : bound[0]);
}

value hd_jinja_call_joiner(hd_jinja *j, value it) {
    return it.as.iterator->position++ ? it.as.iterator->source : HD_JINJA_LITERAL(j, "");
}

/* ---- failing, and the time ---- */

static value raise_exception(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    value bound[HD_JINJA_PARAMETERS];
    (void)object;
    if (!hd_jinja_bind(j, "raise_exception", "message!", a, bound)) return hd_jinja_missing();
    value text = hd_jinja_string(j, bound[0], false);
    return j->failed ? text : hd_jinja_fail_text(j, text.as.text, text.size);
}

/* A copy of the format in which %f is the microseconds and %z and %Z are empty, as for a Python datetime without a zone. */
static void prepare_format(hd_jinja *j, value format, hd_buffer *out) {
    for (uint32_t i = 0; i < format.size; i++) {
        char next = i + 1 < format.size ? format.as.text[i + 1] : 0;
        if (format.as.text[i] != '%' || !next) {
            hd_buffer_byte(out, format.as.text[i]);
            continue;
        }
        i++;
        if (next == 'f')
            hd_buffer_format(out, "%06ld", j->microseconds);
        else if (next != 'z' && next != 'Z')
            hd_buffer_format(out, "%%%c", next);
    }
    hd_buffer_byte(out, '.'); /* so that the result is never empty */
}

/* Names of months and days are English, whatever locale the program has set. */
static value strftime_now(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    value bound[HD_JINJA_PARAMETERS], text = hd_jinja_missing();
    hd_buffer format;
    (void)object;
    if (!hd_jinja_bind(j, "strftime_now", "format!", a, bound)) return text;
    value pattern = hd_jinja_need_text(j, bound[0], "strftime");
    if (j->failed) return text;
    hd_buffer_open(&format, j->context);
    prepare_format(j, pattern, &format);
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    size_t room = 256 + 64 * (size_t)pattern.size, size = 0;
    char *out = format.failed || !locale ? NULL : hd_jinja_alloc(j, room, 1);
    if (out) size = strftime_l(out, room, format.data, &j->now, locale);
    if (locale) freelocale(locale);
    if (!locale || format.failed) hd_jinja_fail_status(j, HEED_MEMORY);
    if (out && !size)
        hd_jinja_fail(j, "strftime_now: the format \"%.*s\" is too long", (int)pattern.size, pattern.as.text);
    if (size) text = hd_jinja_text(j, out, size - 1);
    hd_buffer_close(&format);
    return text;
}

static value lipsum(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    return (void)object, (void)a, hd_jinja_fail(j, "heed lacks the function \"lipsum\"");
}

/* ---- the table ---- */

static const struct {
    const char *name;
    hd_jinja_bound bound;
} rows[] = {
    {"range", {range, NULL}},
    {"dict", {dict, NULL}},
    {"namespace", {make_namespace, NULL}},
    {"cycler", {cycler, NULL}},
    {"joiner", {joiner, NULL}},
    {"raise_exception", {raise_exception, NULL}},
    {"strftime_now", {strftime_now, NULL}},
    {"lipsum", {lipsum, NULL}},
};

value hd_jinja_find_function(value name) {
    for (size_t i = 0; i < HD_COUNT(rows); i++)
        if (hd_jinja_is_text(name, rows[i].name))
            return (value){.kind = HD_JINJA_FUNCTION, .as.other = (void *)(uintptr_t)&rows[i].bound};
    return hd_jinja_missing();
}

value hd_jinja_call_function(hd_jinja *j, value function, const hd_jinja_arguments *arguments) {
    const hd_jinja_bound *bound = function.as.other;
    return bound->call(j, bound->object, arguments);
}
