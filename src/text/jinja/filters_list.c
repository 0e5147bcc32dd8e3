#include "text/jinja/filters_list.h"

#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/case.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"
#include "text/jinja/text_methods.h"

typedef hd_jinja_value value;

static bool is_given(value v) { return v.kind != HD_JINJA_MISSING && v.kind != HD_JINJA_NONE; }
/* A generator of the first `count` items of a list. What failed after them fails when they have been read. */
static value generator_of(hd_jinja *j, value list, size_t count) {
    const char *error = hd_jinja_recover(j);
    if (error && list.kind == HD_JINJA_MISSING) list = hd_jinja_sequence(j, HD_JINJA_LIST, count = 0);
    if (j->failed) return hd_jinja_missing();
    if (list.kind == HD_JINJA_LIST) list.as.list->count = count;
    value it = hd_jinja_iterator_of(j, list, "generator");
    if (!j->failed) it.as.iterator->error = error;
    return it;
}
static value generator(hd_jinja *j, value list) {
    size_t count = 0;
    if (!j->failed) hd_jinja_length(list, &count);
    return generator_of(j, j->failed ? hd_jinja_missing() : list, count);
}
static value put(hd_jinja *j, value list, size_t index, value item) {
    if (!j->failed) list.as.list->items[index] = item;
    return list;
}

/* ---- single items ---- */

value hd_jinja_filter_default(hd_jinja *j, value v, const value *a) {
    if (v.kind != HD_JINJA_UNDEFINED && !(hd_jinja_truth(a[1]) && !hd_jinja_truth(v))) return v;
    return a[0].kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, "") : a[0];
}

value hd_jinja_filter_attr(hd_jinja *j, value v, const value *a) {
    value name = hd_jinja_need_text(j, a[0], "attr");
    if (j->failed) return name;
    value found = hd_jinja_own_attribute(j, v, name);
    return found.kind != HD_JINJA_MISSING || j->failed ? found : hd_jinja_undefined_of(j, NULL, v, name);
}

value hd_jinja_filter_first(hd_jinja *j, value v, const value *a) {
    size_t count;
    (void)a;
    if (v.kind == HD_JINJA_ITERATOR) {
        hd_jinja_iterator *it = v.as.iterator;
        if (hd_jinja_length(it->source, &count) && it->position < count)
            return hd_jinja_at(j, it->source, it->position++);
        if (it->error) return hd_jinja_fail_text(j, it->error, strlen(it->error));
        return hd_jinja_undefined_of(j, "No first item, sequence was empty.", hd_jinja_missing(), hd_jinja_none());
    }
    value list = hd_jinja_open(j, v, &count);
    if (j->failed || count) return j->failed ? hd_jinja_missing() : hd_jinja_at(j, list, 0);
    return hd_jinja_undefined_of(j, "No first item, sequence was empty.", hd_jinja_missing(), hd_jinja_none());
}

value hd_jinja_filter_last(hd_jinja *j, value v, const value *a) {
    size_t count;
    (void)a;
    if (v.kind == HD_JINJA_ITERATOR || v.kind == HD_JINJA_LOOP || !hd_jinja_is_iterable(v))
        return hd_jinja_fail(j, "'%s' object is not reversible", hd_jinja_type(v));
    value list = hd_jinja_open(j, v, &count);
    if (j->failed || count) return j->failed ? hd_jinja_missing() : hd_jinja_at(j, list, count - 1);
    return hd_jinja_undefined_of(j, "No last item, sequence was empty.", hd_jinja_missing(), hd_jinja_none());
}

value hd_jinja_filter_length(hd_jinja *j, value v, const value *a) {
    size_t length;
    (void)a;
    if (v.kind == HD_JINJA_LOOP) return j->object_attribute(j, v, HD_JINJA_LITERAL(j, "length"));
    if (hd_jinja_length(v, &length)) return hd_jinja_int((int64_t)length);
    return hd_jinja_fail(j, "object of type '%s' has no len()", hd_jinja_type(v));
}

/* ---- lists ---- */

value hd_jinja_filter_list(hd_jinja *j, value v, const value *a) { return (void)a, hd_jinja_to_list(j, v); }

value hd_jinja_filter_join(hd_jinja *j, value v, const value *a) {
    value separator = a[0].kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, "") : hd_jinja_string(j, a[0], false);
    if (is_given(a[1])) {
        v = hd_jinja_to_list(j, v);
        for (size_t i = 0; !j->failed && i < v.as.list->count; i++)
            put(j, v, i, hd_jinja_path(j, v.as.list->items[i], a[1], hd_jinja_missing()));
    }
    return hd_jinja_join(j, separator, v, true);
}

static value backwards(hd_jinja *j, value v) {
    size_t count;
    value source = hd_jinja_open(j, v, &count), list = hd_jinja_sequence(j, HD_JINJA_LIST, count);
    for (size_t i = 0; !j->failed && i < count; i++) put(j, list, i, hd_jinja_at(j, source, count - 1 - i));
    return list;
}

value hd_jinja_filter_reverse(hd_jinja *j, value v, const value *a) {
    (void)a;
    if (v.kind == HD_JINJA_STRING) return hd_jinja_slice(j, v, hd_jinja_none(), hd_jinja_none(), hd_jinja_int(-1));
    if (!hd_jinja_is_iterable(v)) return hd_jinja_fail(j, "argument must be iterable");
    value list = backwards(j, v);
    if (v.kind == HD_JINJA_ITERATOR || j->failed) return list;
    return hd_jinja_iterator_of(j, list, v.kind == HD_JINJA_LIST ? "list_reverseiterator" : "reversed");
}

value hd_jinja_filter_items(hd_jinja *j, value v, const value *a) {
    (void)a;
    if (v.kind == HD_JINJA_UNDEFINED) return generator(j, hd_jinja_sequence(j, HD_JINJA_LIST, 0));
    if (v.kind != HD_JINJA_DICT) hd_jinja_fail(j, "Can only get item pairs from a mapping.");
    return generator(j, hd_jinja_view_of(j, v, HD_JINJA_ITEMS));
}

value hd_jinja_filter_batch(hd_jinja *j, value v, const value *a) {
    size_t count;
    int64_t size = hd_jinja_need_int(j, a[0], 0);
    value source = hd_jinja_open(j, v, &count);
    if (!j->failed && size < 1) hd_jinja_fail(j, "batches have at least one item");
    size_t batches = size > 0 ? (count + (size_t)size - 1) / (size_t)size : 0;
    value out = hd_jinja_sequence(j, HD_JINJA_LIST, batches);
    for (size_t b = 0; !j->failed && b < batches; b++) {
        size_t first = b * (size_t)size, have = (size_t)hd_min(size, (int64_t)(count - first));
        size_t room = is_given(a[1]) ? (size_t)size : have;
        value list = hd_jinja_sequence(j, HD_JINJA_LIST, room);
        for (size_t i = 0; !j->failed && i < room; i++)
            put(j, list, i, i < have ? hd_jinja_at(j, source, first + i) : a[1]);
        put(j, out, b, list);
    }
    return generator(j, out);
}

value hd_jinja_filter_slice(hd_jinja *j, value v, const value *a) {
    size_t count, at = 0;
    int64_t slices = hd_jinja_need_int(j, a[0], 0);
    value source = hd_jinja_open(j, v, &count);
    if (!j->failed && !slices) hd_jinja_fail(j, "integer division or modulo by zero");
    if (slices < 0) slices = 0;
    value out = hd_jinja_sequence(j, HD_JINJA_LIST, (size_t)slices);
    for (int64_t s = 0; !j->failed && s < slices; s++) {
        bool longer = s < (int64_t)count % slices, fills = is_given(a[1]) && !longer;
        size_t have = count / (size_t)slices + longer;
        value list = hd_jinja_sequence(j, HD_JINJA_LIST, have + fills);
        for (size_t i = 0; !j->failed && i < have; i++) put(j, list, i, hd_jinja_at(j, source, at++));
        if (fills) put(j, list, have, a[1]);
        put(j, out, (size_t)s, list);
    }
    return generator(j, out);
}

value hd_jinja_filter_sum(hd_jinja *j, value v, const value *a) {
    size_t count;
    value source = hd_jinja_open(j, v, &count), total = a[1].kind == HD_JINJA_MISSING ? hd_jinja_int(0) : a[1];
    if (total.kind == HD_JINJA_STRING) return hd_jinja_fail(j, "sum() can't sum strings [use ''.join(seq) instead]");
    for (size_t i = 0; !j->failed && i < count; i++)
        total = hd_jinja_binary(j, HD_JINJA_ADD, total,
                                hd_jinja_path(j, hd_jinja_at(j, source, i), a[0], hd_jinja_missing()));
    return total;
}

/* ---- order ---- */

/* The value that an item is compared by. */
static value key_of(hd_jinja *j, value item, value path, value otherwise, bool case_sensitive) {
    value key = hd_jinja_path(j, item, path, otherwise);
    return !case_sensitive && key.kind == HD_JINJA_STRING ? hd_jinja_map_case(j, key, HD_JINJA_LOWER) : key;
}

/* One key for each path of "a,b.c". */
static value keys_of(hd_jinja *j, value item, value paths, bool case_sensitive) {
    if (paths.kind != HD_JINJA_STRING) {
        value keys = hd_jinja_sequence(j, HD_JINJA_LIST, 1);
        return put(j, keys, 0, key_of(j, item, paths, hd_jinja_none(), case_sensitive));
    }
    value list = hd_jinja_split(j, paths, HD_JINJA_LITERAL(j, ","), -1, false);
    for (size_t i = 0; !j->failed && i < list.as.list->count; i++)
        put(j, list, i, key_of(j, item, list.as.list->items[i], hd_jinja_none(), case_sensitive));
    return list;
}

static bool precedes(hd_jinja *j, value a, value b, bool reverse) {
    return hd_jinja_relate(j, HD_JINJA_LESS, reverse ? b : a, reverse ? a : b);
}

/* Merge sort, stable in both directions: the order of indices [count] by their keys. */
static void sort(hd_jinja *j, const value *keys, size_t *order, size_t *spare, size_t count, bool reverse) {
    if (count < 2 || !hd_jinja_step(j, count)) return;
    size_t half = count / 2, left = 0, right = half;
    sort(j, keys, order, spare, half, reverse);
    sort(j, keys, order + half, spare, count - half, reverse);
    for (size_t i = 0; i < count; i++) {
        bool takes_right =
            left == half || (right < count && precedes(j, keys[order[right]], keys[order[left]], reverse));
        spare[i] = order[takes_right ? right++ : left++];
    }
    memcpy(order, spare, count * sizeof *order);
}

/* The items of a list in the order of `keys`, lists or texts of the same number. */
static value sorted(hd_jinja *j, value list, value keys, bool reverse) {
    if (j->failed) return hd_jinja_missing();
    size_t count = list.as.list->count;
    size_t *order = hd_jinja_alloc(j, count, 2 * sizeof *order);
    value out = hd_jinja_sequence(j, HD_JINJA_LIST, count);
    for (size_t i = 0; !j->failed && i < count; i++) order[i] = i;
    if (!j->failed) sort(j, keys.as.list->items, order, order + count, count, reverse);
    for (size_t i = 0; !j->failed && i < count; i++) put(j, out, i, list.as.list->items[order[i]]);
    return out;
}

value hd_jinja_filter_sort(hd_jinja *j, value v, const value *a) {
    value list = hd_jinja_to_list(j, v), keys = hd_jinja_to_list(j, list);
    for (size_t i = 0; !j->failed && i < list.as.list->count; i++)
        put(j, keys, i, keys_of(j, list.as.list->items[i], a[2], hd_jinja_truth(a[1])));
    return sorted(j, list, keys, hd_jinja_need_int(j, a[0], 0) != 0);
}

value hd_jinja_filter_dictsort(hd_jinja *j, value v, const value *a) {
    bool by_value = hd_jinja_is_text(a[1], "value");
    if (!by_value && a[1].kind != HD_JINJA_MISSING && !hd_jinja_is_text(a[1], "key"))
        return hd_jinja_fail(j, "You can only sort by either \"key\" or \"value\"");
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind != HD_JINJA_DICT) return hd_jinja_fail(j, "'%s' object has no attribute 'items'", hd_jinja_type(v));
    value list = hd_jinja_to_list(j, hd_jinja_view_of(j, v, HD_JINJA_ITEMS)), keys = hd_jinja_to_list(j, list);
    for (size_t i = 0; !j->failed && i < list.as.list->count; i++)
        put(j, keys, i,
            key_of(j, list.as.list->items[i].as.list->items[by_value], hd_jinja_none(), hd_jinja_none(),
                   hd_jinja_truth(a[0])));
    return sorted(j, list, keys, hd_jinja_need_int(j, a[2], 0) != 0);
}

static value extreme(hd_jinja *j, value v, const value *a, bool largest) {
    size_t count;
    value list = hd_jinja_open(j, v, &count), best = hd_jinja_missing(), best_key = best;
    if (!j->failed && !count)
        return hd_jinja_undefined_of(j, "No aggregated item, sequence was empty.", hd_jinja_missing(), hd_jinja_none());
    for (size_t i = 0; !j->failed && i < count; i++) {
        value item = hd_jinja_at(j, list, i), key = key_of(j, item, a[1], hd_jinja_none(), hd_jinja_truth(a[0]));
        if (i && !hd_jinja_relate(j, largest ? HD_JINJA_GREATER : HD_JINJA_LESS, key, best_key)) continue;
        best = item;
        best_key = key;
    }
    return best;
}
value hd_jinja_filter_min(hd_jinja *j, value v, const value *a) { return extreme(j, v, a, false); }
value hd_jinja_filter_max(hd_jinja *j, value v, const value *a) { return extreme(j, v, a, true); }

value hd_jinja_filter_unique(hd_jinja *j, value v, const value *a) {
    size_t count, kept = 0;
    value list = hd_jinja_open(j, v, &count), seen = hd_jinja_dict_open(j, 0);
    value out = hd_jinja_sequence(j, HD_JINJA_LIST, count);
    for (size_t i = 0; !j->failed && i < count; i++) {
        value item = hd_jinja_at(j, list, i), key = key_of(j, item, a[1], hd_jinja_none(), hd_jinja_truth(a[0]));
        size_t before = seen.as.dict->count;
        hd_jinja_dict_set(j, seen.as.dict, key, hd_jinja_none());
        if (!j->failed && seen.as.dict->count > before) put(j, out, kept++, item);
    }
    return generator_of(j, out, kept);
}

value hd_jinja_filter_groupby(hd_jinja *j, value v, const value *a) {
    bool case_sensitive = hd_jinja_truth(a[2]);
    size_t groups = 0;
    value list = hd_jinja_to_list(j, v), keys = hd_jinja_to_list(j, list);
    for (size_t i = 0; !j->failed && i < list.as.list->count; i++)
        put(j, keys, i, key_of(j, list.as.list->items[i], a[0], a[1], case_sensitive));
    list = sorted(j, list, keys, false);
    value out = hd_jinja_sequence(j, HD_JINJA_LIST, j->failed ? 0 : list.as.list->count);
    for (size_t first = 0, end; !j->failed && first < list.as.list->count; first = end) {
        const value *items = list.as.list->items;
        value key = key_of(j, items[first], a[0], a[1], case_sensitive);
        for (end = first + 1; end < list.as.list->count; end++)
            if (!hd_jinja_equal(j, key_of(j, items[end], a[0], a[1], case_sensitive), key)) break;
        value members =
            hd_jinja_slice(j, list, hd_jinja_int((int64_t)first), hd_jinja_int((int64_t)end), hd_jinja_none());
        value group = hd_jinja_pair(j, hd_jinja_path(j, items[first], a[0], a[1]), members);
        group.markup = true;
        put(j, out, groups++, group);
    }
    if (!j->failed) out.as.list->count = groups;
    return out;
}

/* ---- filters by other filters and tests ---- */

static value argument_named(const hd_jinja_arguments *arguments, const char *name) {
    for (size_t i = 0; i < arguments->named; i++)
        if (hd_jinja_is_text(arguments->keys[i], name)) return arguments->values[i];
    return hd_jinja_missing();
}

static value map_arguments(hd_jinja *j, const hd_jinja_arguments *arguments, bool *paths) {
    *paths = !arguments->count && argument_named(arguments, "attribute").kind != HD_JINJA_MISSING;
    if (!*paths && !arguments->count) return hd_jinja_fail(j, "map requires a filter argument");
    for (size_t i = 0; *paths && i < arguments->named; i++)
        if (!hd_jinja_is_text(arguments->keys[i], "attribute") && !hd_jinja_is_text(arguments->keys[i], "default"))
            return hd_jinja_fail(j, "Unexpected keyword argument '%.*s'", (int)arguments->keys[i].size,
                                 arguments->keys[i].as.text);
    return hd_jinja_none();
}

value hd_jinja_filter_map(hd_jinja *j, value v, const hd_jinja_arguments *arguments) {
    bool paths;
    size_t done = 0;
    if (!hd_jinja_truth(v)) return generator(j, hd_jinja_sequence(j, HD_JINJA_LIST, 0));
    map_arguments(j, arguments, &paths);
    value path = argument_named(arguments, "attribute"), otherwise = argument_named(arguments, "default");
    value list = hd_jinja_to_list(j, v);
    hd_jinja_arguments rest = *arguments;
    if (rest.count) rest.items++, rest.count--;
    while (!j->failed && done < list.as.list->count) {
        value item = list.as.list->items[done];
        item = paths ? hd_jinja_path(j, item, path, otherwise) : j->call_filter(j, arguments->items[0], item, &rest);
        if (!j->failed) put(j, list, done++, item);
    }
    return generator_of(j, list, done);
}

static value choose(hd_jinja *j, value v, const hd_jinja_arguments *arguments, bool by_path, bool keeps) {
    size_t kept = 0, own = by_path;
    hd_jinja_arguments rest = *arguments;
    if (!hd_jinja_truth(v)) return generator(j, hd_jinja_sequence(j, HD_JINJA_LIST, 0));
    if (by_path && !arguments->count) hd_jinja_fail(j, "Missing parameter for attribute name");
    bool tests = arguments->count > own;
    if (tests) rest.items += own + 1, rest.count -= own + 1;
    value list = hd_jinja_to_list(j, v);
    for (size_t i = 0; !j->failed && i < list.as.list->count; i++) {
        value item = list.as.list->items[i], tested = item;
        if (by_path) tested = hd_jinja_path(j, item, arguments->items[0], hd_jinja_missing());
        if (tests && !j->failed) tested = j->call_test(j, arguments->items[own], tested, &rest);
        if (!j->failed && hd_jinja_truth(tested) == keeps) put(j, list, kept++, item);
    }
    return generator_of(j, list, kept);
}

value hd_jinja_filter_select(hd_jinja *j, value v, const hd_jinja_arguments *a) { return choose(j, v, a, false, true); }
value hd_jinja_filter_reject(hd_jinja *j, value v, const hd_jinja_arguments *a) {
    return choose(j, v, a, false, false);
}
value hd_jinja_filter_selectattr(hd_jinja *j, value v, const hd_jinja_arguments *a) {
    return choose(j, v, a, true, true);
}
value hd_jinja_filter_rejectattr(hd_jinja *j, value v, const hd_jinja_arguments *a) {
    return choose(j, v, a, true, false);
}
