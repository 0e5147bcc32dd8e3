#include "text/jinja/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/filters.h"
#include "text/jinja/functions.h"
#include "text/jinja/methods.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"
#include "text/jinja/text_methods.h"

typedef hd_jinja_value value;
typedef hd_jinja_node node;
typedef hd_jinja_activation activation;

value *hd_jinja_slot(activation *a, int32_t hops, int32_t slot) {
    while (hops-- > 0) a = a->outer;
    return &a->slots[slot];
}

/* ---- arguments ---- */

enum { FEW = 6 };

typedef struct argument_memory {
    hd_jinja_arguments arguments;
    value items[FEW], keys[FEW], values[FEW];
} argument_memory;

static size_t count_arguments(const node *call, size_t *named) {
    size_t count = 0;
    *named = 0;
    for (const node *one = call->list; one; one = one->next) *(one->kind == HD_JINJA_KEYWORD ? named : &count) += 1;
    return count;
}

/* Room for `count` and `named` arguments, in the memory of the caller if they are few. */
static bool reserve(hd_jinja *j, argument_memory *memory, size_t count, size_t named) {
    hd_jinja_arguments *a = &memory->arguments;
    a->items = count <= FEW ? memory->items : hd_jinja_alloc(j, count, sizeof(value));
    a->keys = named <= FEW ? memory->keys : hd_jinja_alloc(j, named, sizeof(value));
    a->values = named <= FEW ? memory->values : hd_jinja_alloc(j, named, sizeof(value));
    return !j->failed;
}

static void add_named(hd_jinja *j, hd_jinja_arguments *a, value key, value item) {
    for (size_t i = 0; i < a->named; i++)
        if (hd_jinja_equal(j, a->keys[i], key))
            hd_jinja_fail(j, "got multiple values for keyword argument '%.*s'", (int)key.size, key.as.text);
    a->keys[a->named] = key;
    a->values[a->named++] = item;
}

/* *b */
static value more_items(hd_jinja *j, value sequence, size_t *count) {
    *count = 0;
    if (sequence.kind == HD_JINJA_MISSING) return sequence;
    return hd_jinja_open(j, sequence, count);
}

static bool read_arguments(hd_jinja *j, activation *act, const node *call, value caller, argument_memory *memory) {
    size_t named, count = count_arguments(call, &named), more = 0, pairs = 0;
    hd_jinja_arguments *a = &memory->arguments;
    value items[FEW];
    *a = (hd_jinja_arguments){0};
    if (!call->b && !call->c && caller.kind == HD_JINJA_MISSING) { /* nearly all calls */
        if (!reserve(j, memory, count, named)) return false;
        for (const node *one = call->list; one && !j->failed; one = one->next) {
            value item = hd_jinja_evaluate(j, act, one->kind == HD_JINJA_KEYWORD ? one->a : one);
            if (one->kind == HD_JINJA_KEYWORD)
                add_named(j, a, one->value, item);
            else
                a->items[a->count++] = item;
        }
        return !j->failed;
    }
    value *plain = count + named <= FEW ? items : hd_jinja_alloc(j, count + named, sizeof *plain);
    size_t at = 0;
    for (const node *one = call->list; one && plain && !j->failed; one = one->next)
        plain[at++] = hd_jinja_evaluate(j, act, one->kind == HD_JINJA_KEYWORD ? one->a : one);
    value rest = call->b && !j->failed ? hd_jinja_evaluate(j, act, call->b) : hd_jinja_missing();
    value dict = call->c && !j->failed ? hd_jinja_evaluate(j, act, call->c) : hd_jinja_missing();
    value list = more_items(j, rest, &more);
    if (call->c && !j->failed && dict.kind != HD_JINJA_DICT)
        hd_jinja_fail(j, "argument after ** must be a mapping, not %s", hd_jinja_type(dict));
    if (call->c && !j->failed) pairs = dict.as.dict->count;
    if (j->failed || !reserve(j, memory, count + more, named + pairs + 1)) return false;
    at = 0;
    for (const node *one = call->list; one; one = one->next, at++)
        if (one->kind != HD_JINJA_KEYWORD) a->items[a->count++] = plain[at];
    for (size_t i = 0; i < more; i++) a->items[a->count++] = hd_jinja_at(j, list, i);
    at = 0;
    for (const node *one = call->list; one; one = one->next, at++)
        if (one->kind == HD_JINJA_KEYWORD) add_named(j, a, one->value, plain[at]);
    if (caller.kind != HD_JINJA_MISSING) add_named(j, a, HD_JINJA_LITERAL(j, "caller"), caller);
    for (size_t i = 0; i < pairs && !j->failed; i++) {
        if (dict.as.dict->keys[i].kind != HD_JINJA_STRING) return hd_jinja_fail(j, "keywords must be strings"), false;
        add_named(j, a, dict.as.dict->keys[i], dict.as.dict->values[i]);
    }
    return !j->failed;
}

static value call_value(hd_jinja *j, value function, const hd_jinja_arguments *arguments) {
    switch (function.kind) {
        case HD_JINJA_METHOD:
            return hd_jinja_call_method(j, function.as.method, arguments);
        case HD_JINJA_FUNCTION:
            return hd_jinja_call_function(j, function, arguments);
        case HD_JINJA_JOINER:
            return hd_jinja_call_joiner(j, function);
        case HD_JINJA_MACRO:
        case HD_JINJA_LOOP:
            return j->call_object(j, function, arguments);
        case HD_JINJA_UNDEFINED:
            return hd_jinja_fail_undefined(j, function);
        default:
            return hd_jinja_fail(j, "'%s' object is not callable", hd_jinja_type(function));
    }
}

value hd_jinja_evaluate_call(hd_jinja *j, activation *act, const node *call, value caller) {
    argument_memory memory;
    value function = hd_jinja_evaluate(j, act, call->a);
    if (j->failed || !read_arguments(j, act, call, caller, &memory)) return hd_jinja_missing();
    j->line = call->line;
    return call_value(j, function, &memory.arguments);
}

static value apply(hd_jinja *j, activation *act, const node *it) {
    argument_memory memory;
    bool filter = it->kind == HD_JINJA_FILTER;
    value subject = hd_jinja_evaluate(j, act, it->a);
    if (j->failed || !read_arguments(j, act, it, hd_jinja_missing(), &memory)) return hd_jinja_missing();
    j->line = it->line;
    if (it->soft && !(filter ? hd_jinja_has_filter(it->value) : hd_jinja_has_test(it->value)))
        return hd_jinja_fail(j, "No %s named '%.*s' found.", filter ? "filter" : "test", (int)it->value.size,
                             it->value.as.text);
    return filter ? hd_jinja_call_filter(j, it->value, subject, &memory.arguments)
                  : hd_jinja_call_test(j, it->value, subject, &memory.arguments);
}

/* ---- expressions ---- */

static value make_list(hd_jinja *j, activation *act, const node *it, hd_jinja_kind kind) {
    size_t count = 0;
    for (const node *one = it->list; one; one = one->next) count++;
    value list = hd_jinja_sequence(j, kind, count);
    count = 0;
    for (const node *one = it->list; one && !j->failed; one = one->next)
        list.as.list->items[count++] = hd_jinja_evaluate(j, act, one);
    return list;
}

static value make_dict(hd_jinja *j, activation *act, const node *it) {
    value dict = hd_jinja_dict_open(j, 0);
    for (const node *one = it->list; one && !j->failed; one = one->next) {
        value key = hd_jinja_evaluate(j, act, one->a), item = hd_jinja_evaluate(j, act, one->b);
        hd_jinja_dict_set(j, dict.as.dict, key, item);
    }
    return dict;
}

static value concatenate(hd_jinja *j, activation *act, const node *it) {
    value list = make_list(j, act, it, HD_JINJA_LIST);
    return hd_jinja_join(j, HD_JINJA_LITERAL(j, ""), list, true);
}

static value compare(hd_jinja *j, activation *act, const node *it) {
    value left = hd_jinja_evaluate(j, act, it->a);
    bool holds = true;
    for (const node *one = it->list; one && holds && !j->failed; one = one->next) {
        value right = hd_jinja_evaluate(j, act, one->a);
        holds = hd_jinja_relate(j, (hd_jinja_operator)one->operator, left, right);
        left = right;
    }
    return hd_jinja_bool(holds);
}

static value choose(hd_jinja *j, activation *act, const node *it) {
    char hint[160], *copy;
    if (hd_jinja_truth(hd_jinja_evaluate(j, act, it->b))) return hd_jinja_evaluate(j, act, it->a);
    if (j->failed || it->c) return j->failed ? hd_jinja_missing() : hd_jinja_evaluate(j, act, it->c);
    int size =
        snprintf(hint, sizeof hint,
                 "the inline if-expression on line %u evaluated to false and no else section was defined.", it->line);
    if ((copy = hd_jinja_alloc(j, (size_t)size + 1, 1))) memcpy(copy, hint, (size_t)size + 1);
    return hd_jinja_undefined_of(j, copy, hd_jinja_missing(), hd_jinja_none());
}

static value optional(hd_jinja *j, activation *act, const node *it) {
    return it ? hd_jinja_evaluate(j, act, it) : hd_jinja_none();
}

static value slice(hd_jinja *j, activation *act, const node *it) {
    value v = hd_jinja_evaluate(j, act, it->a), start = optional(j, act, it->b), stop = optional(j, act, it->c);
    return hd_jinja_slice(j, v, start, stop, optional(j, act, it->rest));
}

static value either(hd_jinja *j, activation *act, const node *it, bool either) {
    value left = hd_jinja_evaluate(j, act, it->a);
    return j->failed || hd_jinja_truth(left) == either ? left : hd_jinja_evaluate(j, act, it->b);
}

static value variable(hd_jinja *j, activation *act, const node *it) {
    value v = *hd_jinja_slot(act, it->hops, it->slot);
    return v.kind == HD_JINJA_MISSING ? hd_jinja_undefined_of(j, NULL, v, it->value) : v;
}

static value evaluate(hd_jinja *j, activation *act, const node *it) {
    value left;
    switch (it->kind) {
        case HD_JINJA_MAKE_LIST:
            return make_list(j, act, it, HD_JINJA_LIST);
        case HD_JINJA_MAKE_TUPLE:
            return make_list(j, act, it, HD_JINJA_TUPLE);
        case HD_JINJA_MAKE_DICT:
            return make_dict(j, act, it);
        case HD_JINJA_CONDITION:
            return choose(j, act, it);
        case HD_JINJA_OR:
            return either(j, act, it, true);
        case HD_JINJA_AND:
            return either(j, act, it, false);
        case HD_JINJA_NOT:
            return hd_jinja_bool(!hd_jinja_truth(hd_jinja_evaluate(j, act, it->a)));
        case HD_JINJA_COMPARISON:
            return compare(j, act, it);
        case HD_JINJA_ARITHMETIC:
            left = hd_jinja_evaluate(j, act, it->a);
            return hd_jinja_binary(j, (hd_jinja_operator)it->operator, left, hd_jinja_evaluate(j, act, it->b));
        case HD_JINJA_CONCATENATION:
            return concatenate(j, act, it);
        case HD_JINJA_MINUS:
            return hd_jinja_negate(j, hd_jinja_evaluate(j, act, it->a), true);
        case HD_JINJA_PLUS:
            return hd_jinja_negate(j, hd_jinja_evaluate(j, act, it->a), false);
        case HD_JINJA_GET_ATTRIBUTE:
            return hd_jinja_attribute(j, hd_jinja_evaluate(j, act, it->a), it->value);
        case HD_JINJA_GET_ITEM:
            left = hd_jinja_evaluate(j, act, it->a);
            return hd_jinja_item(j, left, hd_jinja_evaluate(j, act, it->b));
        case HD_JINJA_SLICE:
            return slice(j, act, it);
        case HD_JINJA_CALL:
            return hd_jinja_evaluate_call(j, act, it, hd_jinja_missing());
        case HD_JINJA_FILTER:
        case HD_JINJA_TEST:
            return apply(j, act, it);
        case HD_JINJA_CAPTURED:
            return j->captured;
        default:
            return hd_jinja_fail(j, "an expression of kind %d", it->kind);
    }
}

value hd_jinja_evaluate(hd_jinja *j, activation *act, const node *it) {
    if (j->failed) return hd_jinja_missing();
    if (it->kind == HD_JINJA_CONSTANT) return it->value;
    if (it->kind == HD_JINJA_VARIABLE) return variable(j, act, it);
    if (!hd_jinja_step(j, 1) || !hd_jinja_enter(j)) return hd_jinja_missing();
    value v = evaluate(j, act, it);
    hd_jinja_leave(j);
    return j->failed ? hd_jinja_missing() : v;
}
