#include "text/jinja/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { CHUNK = 1 << 14, SMALL_DICT = 8 };

/* ---- memory and failure ---- */

hd_jinja_value hd_jinja_fail_status(hd_jinja *j, heed_status status) {
    if (!j->failed) j->status = status;
    j->failed = j->limited = true;
    return hd_jinja_missing();
}

hd_jinja_value hd_jinja_fail_text(hd_jinja *j, const char *text, size_t size) {
    if (j->failed) return hd_jinja_missing();
    j->failed = true; /* an allocation must not fail on its own */
    j->status = HEED_FORMAT;
    char *copy = hd_arena_alloc(&j->arena, size + 1, 1);
    if (!copy) j->status = HEED_MEMORY;
    if (copy && size) memcpy(copy, text, size);
    if (copy) copy[size] = 0;
    j->message = copy;
    return hd_jinja_missing();
}

hd_jinja_value hd_jinja_fail(hd_jinja *j, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length = size < 0 ? 0 : (size_t)size;
    return hd_jinja_fail_text(j, text, length < sizeof text ? length : sizeof text - 1);
}

const char *hd_jinja_recover(hd_jinja *j) {
    if (!j->failed || j->limited || !j->message) return NULL;
    const char *message = j->message;
    j->failed = false;
    j->message = NULL;
    return message;
}

bool hd_jinja_step(hd_jinja *j, size_t steps) {
    if (j->failed) return false;
    if (steps < HD_JINJA_STEPS && (j->steps += (int64_t)steps) < HD_JINJA_STEPS) return true;
    j->limited = true;
    hd_jinja_fail(j, "the template takes more than %d steps", HD_JINJA_STEPS);
    return false;
}

bool hd_jinja_enter(hd_jinja *j) {
    if (j->failed) return false;
    if (j->depth < HD_JINJA_DEPTH) return ++j->depth;
    j->limited = true;
    hd_jinja_fail(j, "the template nests more than %d calls or values", HD_JINJA_DEPTH);
    return false;
}

void *hd_jinja_alloc(hd_jinja *j, size_t count, size_t size) {
    size_t bytes;
    if (j->failed) return NULL;
    if (!hd_multiply(count, size, &bytes) || bytes > (size_t)HD_JINJA_BYTES - j->allocated) {
        j->limited = true;
        hd_jinja_fail(j, "the template needs more than %d MB of memory", HD_JINJA_BYTES >> 20);
        return NULL;
    }
    bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
    j->allocated += bytes < (size_t)HD_JINJA_BYTES - j->allocated ? bytes : (size_t)HD_JINJA_BYTES - j->allocated;
    if (bytes > j->left) {
        size_t room = bytes < CHUNK / 4 ? CHUNK : bytes;
        char *chunk = hd_arena_alloc(&j->arena, room, 1);
        if (!chunk) return hd_jinja_fail_status(j, HEED_MEMORY), NULL;
        if (room == bytes) return chunk;
        j->chunk = chunk;
        j->left = room;
    }
    void *block = j->chunk;
    j->chunk += bytes;
    j->left -= bytes;
    return block;
}

/* ---- making values ---- */

hd_jinja_value hd_jinja_text(hd_jinja *j, const char *text, size_t size) {
    if (size > HD_JINJA_BYTES) return hd_jinja_fail(j, "the template makes a text of %zu bytes", size);
    return (hd_jinja_value){.kind = HD_JINJA_STRING, .size = (uint32_t)size, .as.text = text};
}

hd_jinja_value hd_jinja_copy(hd_jinja *j, const char *text, size_t size) {
    char *copy = hd_jinja_alloc(j, size, 1);
    if (!copy) return hd_jinja_missing();
    if (size) memcpy(copy, text, size);
    return hd_jinja_text(j, copy, size);
}

hd_jinja_value hd_jinja_take(hd_jinja *j, hd_buffer *buffer) {
    hd_jinja_value text =
        buffer->failed ? hd_jinja_fail_status(j, HEED_MEMORY) : hd_jinja_copy(j, buffer->data, buffer->size);
    hd_buffer_close(buffer);
    return text;
}

hd_jinja_value hd_jinja_sequence(hd_jinja *j, hd_jinja_kind kind, size_t count) {
    hd_jinja_list *list = hd_jinja_alloc(j, 1, sizeof *list);
    hd_jinja_value *items = hd_jinja_alloc(j, count, sizeof *items);
    if (!items) return hd_jinja_missing();
    if (count) memset(items, 0, count * sizeof *items);
    *list = (hd_jinja_list){count, items};
    return (hd_jinja_value){.kind = (uint8_t)kind, .as.list = list};
}

hd_jinja_value hd_jinja_pair(hd_jinja *j, hd_jinja_value first, hd_jinja_value second) {
    hd_jinja_value pair = hd_jinja_sequence(j, HD_JINJA_TUPLE, 2);
    if (j->failed) return pair;
    pair.as.list->items[0] = first;
    pair.as.list->items[1] = second;
    return pair;
}

hd_jinja_value hd_jinja_view_of(hd_jinja *j, hd_jinja_value dict, hd_jinja_view_kind kind) {
    hd_jinja_view *view = hd_jinja_alloc(j, 1, sizeof *view);
    if (!view) return hd_jinja_missing();
    *view = (hd_jinja_view){dict.as.dict, kind};
    return (hd_jinja_value){.kind = HD_JINJA_VIEW, .as.view = view};
}

hd_jinja_value hd_jinja_iterator_of(hd_jinja *j, hd_jinja_value source, const char *name) {
    hd_jinja_iterator *iterator = hd_jinja_alloc(j, 1, sizeof *iterator);
    if (!iterator) return hd_jinja_missing();
    *iterator = (hd_jinja_iterator){.source = source, .name = name};
    return (hd_jinja_value){.kind = HD_JINJA_ITERATOR, .as.iterator = iterator};
}

hd_jinja_value hd_jinja_undefined_of(hd_jinja *j, const char *hint, hd_jinja_value object, hd_jinja_value name) {
    hd_jinja_undefined *undefined = hd_jinja_alloc(j, 1, sizeof *undefined);
    if (!undefined) return hd_jinja_missing();
    *undefined = (hd_jinja_undefined){.hint = hint, .object = object, .name = name};
    return (hd_jinja_value){.kind = HD_JINJA_UNDEFINED, .as.undefined = undefined};
}

hd_jinja_value hd_jinja_unsafe(hd_jinja *j, hd_jinja_value object, hd_jinja_value name) {
    hd_jinja_value undefined = hd_jinja_undefined_of(j, NULL, object, name);
    if (!j->failed) undefined.as.undefined->unsafe = true;
    return undefined;
}

/* ---- dicts ---- */

bool hd_jinja_hashable(hd_jinja_value v) {
    if (v.kind != HD_JINJA_TUPLE) return v.kind != HD_JINJA_LIST && v.kind != HD_JINJA_DICT;
    for (size_t i = 0; i < v.as.list->count; i++)
        if (!hd_jinja_hashable(v.as.list->items[i])) return false;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t bits) { return (hash ^ bits) * 0x100000001B3u; }

/* Equal values have equal hashes: 1, 1.0 and true. */
static uint64_t hash_of(hd_jinja_value v) {
    uint64_t hash = 0xCBF29CE484222325u;
    if (v.kind == HD_JINJA_STRING) {
        for (uint32_t i = 0; i < v.size; i++) hash = mix(hash, (uint8_t)v.as.text[i]);
    } else if (hd_jinja_is_number(v)) {
        double real = hd_jinja_real(v);
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        hash = mix(hash, real == 0 ? 1 : bits);
    } else if (v.kind == HD_JINJA_TUPLE) {
        for (size_t i = 0; i < v.as.list->count; i++) hash = mix(hash, hash_of(v.as.list->items[i]));
    }
    return hash ^ hash >> 29;
}

/* Equality of keys; a NaN in a JSON text does not exist. */
static bool same_key(hd_jinja_value a, hd_jinja_value b) {
    if (a.kind == HD_JINJA_STRING && b.kind == HD_JINJA_STRING)
        return a.size == b.size && (a.as.text == b.as.text || memcmp(a.as.text, b.as.text, a.size) == 0);
    if (hd_jinja_is_whole(a) && hd_jinja_is_whole(b)) return a.as.integer == b.as.integer;
    if (hd_jinja_is_number(a) && hd_jinja_is_number(b)) return hd_jinja_real(a) == hd_jinja_real(b);
    if (a.kind != b.kind) return false;
    if (a.kind == HD_JINJA_TUPLE) {
        bool same = a.as.list->count == b.as.list->count;
        for (size_t i = 0; same && i < a.as.list->count; i++) same = same_key(a.as.list->items[i], b.as.list->items[i]);
        return same;
    }
    return a.kind == HD_JINJA_NONE || a.kind == HD_JINJA_UNDEFINED || a.as.other == b.as.other;
}

static size_t find(const hd_jinja_dict *dict, hd_jinja_value key) {
    if (dict->table) {
        for (size_t slot = hash_of(key) & dict->mask; dict->table[slot]; slot = (slot + 1) & dict->mask)
            if (same_key(dict->keys[dict->table[slot] - 1], key)) return dict->table[slot] - 1;
        return dict->count;
    }
    for (size_t i = 0; i < dict->count; i++)
        if (same_key(dict->keys[i], key)) return i;
    return dict->count;
}

static void enter(hd_jinja_dict *dict, size_t index) {
    size_t slot = hash_of(dict->keys[index]) & dict->mask;
    while (dict->table[slot]) slot = (slot + 1) & dict->mask;
    dict->table[slot] = (uint32_t)index + 1;
}

static bool reserve(hd_jinja *j, hd_jinja_dict *dict, size_t capacity) {
    size_t slots = 1;
    hd_jinja_value *keys = hd_jinja_alloc(j, capacity, sizeof *keys);
    hd_jinja_value *values = hd_jinja_alloc(j, capacity, sizeof *values);
    while (capacity > SMALL_DICT && slots < 2 * capacity) slots *= 2;
    uint32_t *table = slots > 1 ? hd_jinja_alloc(j, slots, sizeof *table) : NULL;
    if (j->failed) return false;
    if (dict->count) memcpy(keys, dict->keys, dict->count * sizeof *keys);
    if (dict->count) memcpy(values, dict->values, dict->count * sizeof *values);
    *dict = (hd_jinja_dict){dict->count, capacity, keys, values, table, slots - 1};
    if (table) memset(table, 0, slots * sizeof *table);
    for (size_t i = 0; table && i < dict->count; i++) enter(dict, i);
    return true;
}

hd_jinja_value hd_jinja_dict_open(hd_jinja *j, size_t capacity) {
    hd_jinja_dict *dict = hd_jinja_alloc(j, 1, sizeof *dict);
    if (!dict) return hd_jinja_missing();
    *dict = (hd_jinja_dict){0};
    if (capacity && !reserve(j, dict, capacity)) return hd_jinja_missing();
    return (hd_jinja_value){.kind = HD_JINJA_DICT, .as.dict = dict};
}

void hd_jinja_dict_set(hd_jinja *j, hd_jinja_dict *dict, hd_jinja_value key, hd_jinja_value value) {
    if (j->failed) return;
    if (!hd_jinja_hashable(key)) {
        hd_jinja_fail(j, "unhashable type: '%s'", hd_jinja_type(key));
        return;
    }
    size_t index = find(dict, key);
    if (index == dict->count) {
        if (dict->count == dict->capacity && !reserve(j, dict, dict->capacity ? 2 * dict->capacity : 4)) return;
        dict->keys[dict->count++] = key;
        if (dict->table) enter(dict, index);
    }
    dict->values[index] = value;
}

hd_jinja_value *hd_jinja_dict_get(const hd_jinja_dict *dict, hd_jinja_value key) {
    if (!hd_jinja_hashable(key)) return NULL;
    size_t index = find(dict, key);
    return index < dict->count ? &dict->values[index] : NULL;
}

/* ---- properties ---- */

static const char *const types[] = {
    [HD_JINJA_MISSING] = "missing",
    [HD_JINJA_UNDEFINED] = "Undefined",
    [HD_JINJA_NONE] = "NoneType",
    [HD_JINJA_BOOL] = "bool",
    [HD_JINJA_INT] = "int",
    [HD_JINJA_FLOAT] = "float",
    [HD_JINJA_STRING] = "str",
    [HD_JINJA_LIST] = "list",
    [HD_JINJA_TUPLE] = "tuple",
    [HD_JINJA_RANGE] = "range",
    [HD_JINJA_DICT] = "dict",
    [HD_JINJA_VIEW] = "dict_items",
    [HD_JINJA_ITERATOR] = "generator",
    [HD_JINJA_NAMESPACE] = "TemplateNamespace",
    [HD_JINJA_MACRO] = "Macro",
    [HD_JINJA_FUNCTION] = "function",
    [HD_JINJA_METHOD] = "builtin_function_or_method",
    [HD_JINJA_LOOP] = "LoopContext",
    [HD_JINJA_CYCLER] = "Cycler",
    [HD_JINJA_JOINER] = "Joiner",
};

const char *hd_jinja_type(hd_jinja_value v) {
    static const char *const views[] = {"dict_keys", "dict_values", "dict_items"};
    if (v.kind == HD_JINJA_VIEW) return views[v.as.view->kind];
    if (v.kind == HD_JINJA_ITERATOR) return v.as.iterator->name;
    if (v.kind == HD_JINJA_TUPLE && v.markup) return "_GroupTuple";
    return v.kind == HD_JINJA_STRING && v.markup ? "Markup" : types[v.kind];
}

const char *hd_jinja_module(hd_jinja_value v) {
    switch (v.kind) {
        case HD_JINJA_STRING:
            return v.markup ? "markupsafe." : "";
        case HD_JINJA_NAMESPACE:
            return "transformers.utils.chat_template_utils.";
        case HD_JINJA_LOOP:
        case HD_JINJA_MACRO:
            return "jinja2.runtime.";
        case HD_JINJA_CYCLER:
        case HD_JINJA_JOINER:
            return "jinja2.utils.";
        case HD_JINJA_TUPLE:
            return v.markup ? "jinja2.filters." : "";
        default:
            return "";
    }
}

bool hd_jinja_truth(hd_jinja_value v) {
    size_t length;
    switch (v.kind) {
        case HD_JINJA_MISSING:
        case HD_JINJA_UNDEFINED:
        case HD_JINJA_NONE:
            return false;
        case HD_JINJA_BOOL:
        case HD_JINJA_INT:
            return v.as.integer != 0;
        case HD_JINJA_FLOAT:
            return v.as.real != 0;
        case HD_JINJA_STRING:
            return v.size > 0;
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
        case HD_JINJA_RANGE:
        case HD_JINJA_DICT:
        case HD_JINJA_VIEW:
            return hd_jinja_length(v, &length) && length > 0;
        default:
            return true;
    }
}

bool hd_jinja_is_text(hd_jinja_value v, const char *text) {
    return v.kind == HD_JINJA_STRING && v.size == strlen(text) && memcmp(v.as.text, text, v.size) == 0;
}

/* Of an integer and a float without rounding. */
static int compare_mixed(int64_t a, double b) {
    if (b >= 9223372036854775808.0) return -1;
    if (b < -9223372036854775808.0) return 1;
    double whole = trunc(b);
    int64_t rest = (int64_t)whole;
    if (a != rest) return a < rest ? -1 : 1;
    return b > whole ? -1 : b < whole;
}

/* 2 for a NaN */
static int compare_numbers(hd_jinja_value a, hd_jinja_value b) {
    bool x = a.kind == HD_JINJA_FLOAT, y = b.kind == HD_JINJA_FLOAT;
    if ((x && isnan(a.as.real)) || (y && isnan(b.as.real))) return 2;
    if (x && y) return a.as.real < b.as.real ? -1 : a.as.real > b.as.real;
    if (x) return -compare_mixed(b.as.integer, a.as.real);
    if (y) return compare_mixed(a.as.integer, b.as.real);
    return a.as.integer < b.as.integer ? -1 : a.as.integer > b.as.integer;
}

static bool equal_lists(hd_jinja *j, const hd_jinja_list *a, const hd_jinja_list *b) {
    bool equal = a->count == b->count && hd_jinja_step(j, a->count);
    for (size_t i = 0; equal && i < a->count; i++) equal = hd_jinja_equal(j, a->items[i], b->items[i]);
    return equal;
}

static bool equal_dicts(hd_jinja *j, const hd_jinja_dict *a, const hd_jinja_dict *b) {
    bool equal = a->count == b->count && hd_jinja_step(j, a->count);
    for (size_t i = 0; equal && i < a->count; i++) {
        const hd_jinja_value *other = hd_jinja_dict_get(b, a->keys[i]);
        equal = other && hd_jinja_equal(j, a->values[i], *other);
    }
    return equal;
}

static bool equal_ranges(const hd_jinja_range *a, const hd_jinja_range *b) {
    return a->count == b->count && (!a->count || (a->start == b->start && (a->count == 1 || a->step == b->step)));
}

bool hd_jinja_equal(hd_jinja *j, hd_jinja_value a, hd_jinja_value b) {
    if (hd_jinja_is_number(a) && hd_jinja_is_number(b)) return compare_numbers(a, b) == 0;
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case HD_JINJA_STRING:
            return same_key(a, b);
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
        case HD_JINJA_DICT: {
            if (a.as.other == b.as.other) return true;
            if (!hd_jinja_enter(j)) return false;
            bool equal =
                a.kind == HD_JINJA_DICT ? equal_dicts(j, a.as.dict, b.as.dict) : equal_lists(j, a.as.list, b.as.list);
            hd_jinja_leave(j);
            return equal;
        }
        case HD_JINJA_RANGE:
            return equal_ranges(a.as.range, b.as.range);
        case HD_JINJA_NONE:
        case HD_JINJA_UNDEFINED:
            return true;
        case HD_JINJA_VIEW:
            return a.as.view->kind == b.as.view->kind && a.as.view->dict == b.as.view->dict;
        case HD_JINJA_METHOD:
            return a.as.method->number == b.as.method->number &&
                   a.as.method->self.as.other == b.as.method->self.as.other;
        default:
            return a.as.other == b.as.other;
    }
}

static int compare_text(hd_jinja_value a, hd_jinja_value b) {
    /* The order of UTF-8 is that of code points. */
    uint32_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.as.text, b.as.text, least) : 0;
    if (order == 0) order = a.size < b.size ? -1 : a.size > b.size;
    return order < 0 ? -1 : order > 0;
}

int hd_jinja_compare(hd_jinja *j, hd_jinja_value a, hd_jinja_value b, const char *operator) {
    if (hd_jinja_is_number(a) && hd_jinja_is_number(b)) return compare_numbers(a, b);
    if (a.kind == HD_JINJA_STRING && b.kind == HD_JINJA_STRING) return compare_text(a, b);
    if (a.kind == b.kind && (a.kind == HD_JINJA_LIST || a.kind == HD_JINJA_TUPLE)) {
        const hd_jinja_list *x = a.as.list, *y = b.as.list;
        if (!hd_jinja_enter(j)) return 0;
        size_t i = 0;
        while (i < x->count && i < y->count && hd_jinja_step(j, 1) && hd_jinja_equal(j, x->items[i], y->items[i])) i++;
        int order = x->count < y->count ? -1 : x->count > y->count;
        if (i < x->count && i < y->count && !j->failed) order = hd_jinja_compare(j, x->items[i], y->items[i], operator);
        hd_jinja_leave(j);
        return order;
    }
    hd_jinja_fail(j, "'%s' not supported between instances of '%s' and '%s'", operator, hd_jinja_type(a),
                  hd_jinja_type(b));
    return 0;
}

/* ---- sequences ---- */

bool hd_jinja_is_iterable(hd_jinja_value v) {
    return (v.kind >= HD_JINJA_STRING && v.kind <= HD_JINJA_ITERATOR) || v.kind == HD_JINJA_UNDEFINED ||
           v.kind == HD_JINJA_LOOP;
}

bool hd_jinja_length(hd_jinja_value v, size_t *length) {
    switch (v.kind) {
        case HD_JINJA_UNDEFINED:
            *length = 0;
            return true;
        case HD_JINJA_STRING:
            *length = hd_utf8_count(v.as.text, v.size);
            return true;
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
            *length = v.as.list->count;
            return true;
        case HD_JINJA_RANGE:
            *length = v.as.range->count;
            return true;
        case HD_JINJA_DICT:
            *length = v.as.dict->count;
            return true;
        case HD_JINJA_VIEW:
            *length = v.as.view->dict->count;
            return true;
        default:
            return false;
    }
}

hd_jinja_value hd_jinja_at(hd_jinja *j, hd_jinja_value v, size_t index) {
    if (v.kind == HD_JINJA_LIST || v.kind == HD_JINJA_TUPLE) return v.as.list->items[index];
    if (v.kind == HD_JINJA_DICT) return v.as.dict->keys[index];
    if (v.kind == HD_JINJA_RANGE) return hd_jinja_int(v.as.range->start + (int64_t)index * v.as.range->step);
    if (v.kind != HD_JINJA_VIEW) return hd_jinja_missing();
    const hd_jinja_dict *dict = v.as.view->dict;
    if (v.as.view->kind == HD_JINJA_KEYS) return dict->keys[index];
    return v.as.view->kind == HD_JINJA_VALUES ? dict->values[index]
                                              : hd_jinja_pair(j, dict->keys[index], dict->values[index]);
}

static hd_jinja_value characters(hd_jinja *j, hd_jinja_value text) {
    hd_jinja_value list = hd_jinja_sequence(j, HD_JINJA_LIST, hd_utf8_count(text.as.text, text.size));
    if (j->failed) return list;
    size_t at = 0;
    for (size_t i = 0; i < list.as.list->count; i++) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        list.as.list->items[i] = hd_jinja_text(j, text.as.text + at, bytes);
        list.as.list->items[i].markup = text.markup;
        at += bytes;
    }
    return list;
}

/* What an iterator has not returned yet. */
static hd_jinja_value rest_of(hd_jinja *j, hd_jinja_iterator *iterator) {
    size_t count = 0;
    hd_jinja_length(iterator->source, &count);
    hd_jinja_value list = hd_jinja_sequence(j, HD_JINJA_LIST, count - iterator->position);
    for (size_t i = 0; !j->failed && iterator->position < count; i++)
        list.as.list->items[i] = hd_jinja_at(j, iterator->source, iterator->position++);
    if (iterator->error) hd_jinja_fail_text(j, iterator->error, strlen(iterator->error));
    iterator->error = NULL; /* a generator that failed has ended */
    return list;
}

hd_jinja_value hd_jinja_open(hd_jinja *j, hd_jinja_value v, size_t *count) {
    *count = 0;
    if (j->failed) return hd_jinja_missing();
    switch (v.kind) {
        case HD_JINJA_STRING:
            v = characters(j, v);
            break;
        case HD_JINJA_ITERATOR:
            v = rest_of(j, v.as.iterator);
            break;
        case HD_JINJA_UNDEFINED:
            v = hd_jinja_sequence(j, HD_JINJA_LIST, 0);
            break;
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
        case HD_JINJA_RANGE:
        case HD_JINJA_DICT:
        case HD_JINJA_VIEW:
            break;
        default:
            return hd_jinja_fail(j, "'%s' object is not iterable", hd_jinja_type(v));
    }
    if (j->failed || !hd_jinja_length(v, count) || !hd_jinja_step(j, *count)) return hd_jinja_missing();
    return v;
}

hd_jinja_value hd_jinja_to_list(hd_jinja *j, hd_jinja_value v) {
    size_t count;
    hd_jinja_value source = hd_jinja_open(j, v, &count), list = hd_jinja_sequence(j, HD_JINJA_LIST, count);
    for (size_t i = 0; !j->failed && i < count; i++) list.as.list->items[i] = hd_jinja_at(j, source, i);
    return list;
}
