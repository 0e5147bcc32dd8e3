#include "text/jinja/execute.h"

#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/evaluate.h"
#include "text/jinja/filters.h"
#include "text/jinja/functions.h"
#include "text/jinja/methods.h"
#include "text/jinja/print.h"

typedef hd_jinja_value value;
typedef hd_jinja_node node;
typedef hd_jinja_activation activation;

typedef enum jump { ON, BREAK, CONTINUE } jump;

static jump execute(hd_jinja *j, activation *act, const node *it);

static jump execute_list(hd_jinja *j, activation *act, const node *first) {
    jump to = ON;
    for (; first && to == ON && !j->failed; first = first->next) to = execute(j, act, first);
    return to;
}

/* ---- variables ---- */

static activation *activate(hd_jinja *j, activation *outer, const hd_jinja_function *function) {
    size_t slots = (size_t)function->slots;
    activation *act = hd_jinja_alloc(j, 1, sizeof *act + slots * sizeof(value));
    if (!act) return NULL;
    act->outer = outer;
    memset(act->slots, 0, slots * sizeof(value));
    return act;
}

static value lookup(const hd_jinja *j, value name) {
    const value *given = hd_jinja_dict_get(j->variables.as.dict, name);
    return given ? *given : hd_jinja_find_function(name);
}

static void enter_scope(hd_jinja *j, activation *act, const hd_jinja_scope *scope) {
    for (size_t i = 0; i < scope->count; i++) {
        const hd_jinja_variable *it = &scope->variables[i];
        value *slot = &act->slots[it->slot];
        if (it->load == HD_JINJA_LOAD_RESOLVE)
            *slot = lookup(j, it->name);
        else if (it->load == HD_JINJA_LOAD_ALIAS)
            *slot = *hd_jinja_slot(act, it->outer_hops, it->outer_slot);
        else if (it->load == HD_JINJA_LOAD_UNSET)
            *slot = hd_jinja_missing();
    }
}

/* ---- assignment ---- */

static bool check_namespaces(hd_jinja *j, activation *act, const node *target) {
    if (target->kind == HD_JINJA_MEMBER && hd_jinja_slot(act, target->hops, target->slot)->kind != HD_JINJA_NAMESPACE)
        hd_jinja_fail(j, "cannot assign attribute on non-namespace object");
    for (const node *one = target->list; one && !j->failed; one = one->next) check_namespaces(j, act, one);
    return !j->failed;
}

static void assign(hd_jinja *j, activation *act, const node *target, value v) {
    size_t count, wanted = 0;
    if (j->failed) return;
    if (target->kind == HD_JINJA_MEMBER) {
        value space = *hd_jinja_slot(act, target->hops, target->slot);
        if (check_namespaces(j, act, target)) hd_jinja_namespace_set(j, space, target->b->value, v);
        return;
    }
    if (target->kind != HD_JINJA_MAKE_TUPLE) {
        *hd_jinja_slot(act, target->hops, target->slot) = v;
        return;
    }
    for (const node *one = target->list; one; one = one->next) wanted++;
    if (!hd_jinja_is_iterable(v)) {
        hd_jinja_fail(j, "cannot unpack non-iterable %s object", hd_jinja_type(v));
        return;
    }
    value list = hd_jinja_open(j, v, &count);
    if (!j->failed && count < wanted)
        hd_jinja_fail(j, "not enough values to unpack (expected %zu, got %zu)", wanted, count);
    if (!j->failed && count > wanted) hd_jinja_fail(j, "too many values to unpack (expected %zu)", wanted);
    count = 0;
    for (const node *one = target->list; one && !j->failed; one = one->next)
        assign(j, act, one, hd_jinja_at(j, list, count++));
}

/* ---- captured text ---- */

/* What statements print, as a string. */
static value capture(hd_jinja *j, activation *act, const node *first, jump *to) {
    hd_buffer text, *out = j->out;
    hd_buffer_open(&text, j->context);
    j->out = &text;
    *to = execute_list(j, act, first);
    j->out = out;
    return hd_jinja_take(j, &text);
}

/* A captured text after the filter of its block. */
static value filtered(hd_jinja *j, activation *act, const node *filter, value text) {
    value outer = j->captured;
    if (!filter || j->failed) return text;
    j->captured = text;
    text = hd_jinja_evaluate(j, act, filter);
    j->captured = outer;
    return text;
}

static jump set_block(hd_jinja *j, activation *act, const node *it) {
    jump to;
    enter_scope(j, act, it->scope);
    value text = capture(j, act, it->list, &to);
    if (to != ON) return to;
    assign(j, act, it->a, filtered(j, act, it->b, text));
    return ON;
}

/* Prints what a block of a filter or a call gives, which jinja2 joins without making it a string. */
static void print_text(hd_jinja *j, value text) {
    if (!j->failed && text.kind != HD_JINJA_STRING)
        hd_jinja_fail(j, "expected str instance, %s found", hd_jinja_type(text));
    if (!j->failed) hd_jinja_print(j, text, j->out);
}

static jump filter_block(hd_jinja *j, activation *act, const node *it) {
    jump to;
    enter_scope(j, act, it->scope);
    value text = capture(j, act, it->list, &to);
    if (to != ON) return to;
    print_text(j, filtered(j, act, it->b, text));
    return ON;
}

/* ---- macros ---- */

typedef struct macro {
    const node *node;
    activation *outer;
    value name; /* MISSING: of a call block */
} macro;

static value make_macro(hd_jinja *j, activation *act, const node *it, value name) {
    macro *m = hd_jinja_alloc(j, 1, sizeof *m);
    if (!m) return hd_jinja_missing();
    *m = (macro){it, act, name};
    return (value){.kind = HD_JINJA_MACRO, .as.other = m};
}

static int name_size(const macro *m) { return m->name.kind == HD_JINJA_MISSING ? 4 : (int)m->name.size + 2; }
static const char *quoted_name(hd_jinja *j, const macro *m) {
    value text = m->name.kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, "None") : hd_jinja_repr_of(j, m->name);
    return j->failed ? "" : text.as.text;
}

/* The named argument, which is taken from those that are left; MISSING if there is none. */
static value take_named(hd_jinja_arguments *left, value name) {
    for (size_t i = 0; i < left->named; i++) {
        if (left->keys[i].size != name.size || memcmp(left->keys[i].as.text, name.as.text, name.size) != 0) continue;
        value v = left->values[i];
        memmove(left->keys + i, left->keys + i + 1, (left->named - i - 1) * sizeof v);
        memmove(left->values + i, left->values + i + 1, (left->named - i - 1) * sizeof v);
        left->named--;
        return v;
    }
    return hd_jinja_missing();
}

/* Sets what a macro gets beside its parameters: caller, kwargs and varargs. */
static void set_specials(hd_jinja *j, const macro *m, activation *act, hd_jinja_arguments *left, size_t parameters) {
    const hd_jinja_scope *scope = m->node->scope;
    if (scope->caller >= 0) {
        value caller = take_named(left, HD_JINJA_LITERAL(j, "caller"));
        if (caller.kind == HD_JINJA_MISSING || caller.kind == HD_JINJA_NONE)
            caller = hd_jinja_undefined_of(j, "No caller defined", hd_jinja_missing(), hd_jinja_none());
        act->slots[scope->caller] = caller;
    }
    if (scope->named >= 0) {
        value dict = hd_jinja_dict_open(j, left->named);
        for (size_t i = 0; i < left->named; i++) hd_jinja_dict_set(j, dict.as.dict, left->keys[i], left->values[i]);
        act->slots[scope->named] = dict;
    } else if (left->named && hd_jinja_is_text(left->keys[0], "caller")) {
        hd_jinja_fail(
            j, "macro %.*s was invoked with two values for the special caller argument. This is most likely a bug.",
            name_size(m), quoted_name(j, m));
    } else if (left->named) {
        hd_jinja_fail(j, "macro %.*s takes no keyword argument '%.*s'", name_size(m), quoted_name(j, m),
                      (int)left->keys[0].size, left->keys[0].as.text);
    }
    size_t more = left->count > parameters ? left->count - parameters : 0;
    if (scope->rest >= 0) {
        value tuple = hd_jinja_sequence(j, HD_JINJA_TUPLE, more);
        for (size_t i = 0; !j->failed && i < more; i++) tuple.as.list->items[i] = left->items[parameters + i];
        act->slots[scope->rest] = tuple;
    } else if (more) {
        hd_jinja_fail(j, "macro %.*s takes not more than %zu argument(s)", name_size(m), quoted_name(j, m), parameters);
    }
}

static void set_defaults(hd_jinja *j, activation *act, const node *it) {
    static const char before[] = "parameter ", after[] = " was not provided";
    for (const node *one = it->parameters; one && !j->failed; one = one->next) {
        value *slot = &act->slots[one->slot];
        if (slot->kind != HD_JINJA_MISSING) continue;
        if (one->a) {
            value v = hd_jinja_evaluate(j, act, one->a);
            *slot = v;
            continue;
        }
        value name = hd_jinja_repr_of(j, one->value);
        size_t size = sizeof before + name.size + sizeof after;
        char *hint = hd_jinja_alloc(j, size, 1);
        if (!hint) return;
        memcpy(hint, before, sizeof before - 1);
        memcpy(hint + sizeof before - 1, name.as.text, name.size);
        memcpy(hint + sizeof before - 1 + name.size, after, sizeof after);
        *slot = hd_jinja_undefined_of(j, hint, hd_jinja_missing(), one->value);
    }
}

static value call_macro(hd_jinja *j, const macro *m, const hd_jinja_arguments *arguments) {
    jump to;
    size_t index = 0;
    uint32_t line = j->line;
    hd_jinja_arguments left = *arguments;
    left.keys = hd_jinja_alloc(j, left.named, sizeof(value));
    left.values = hd_jinja_alloc(j, left.named, sizeof(value));
    activation *act = activate(j, m->outer, m->node->scope->function);
    if (j->failed || !act) return hd_jinja_missing();
    if (left.named) memcpy(left.keys, arguments->keys, left.named * sizeof(value));
    if (left.named) memcpy(left.values, arguments->values, left.named * sizeof(value));
    for (const node *one = m->node->parameters; one; one = one->next, index++)
        act->slots[one->slot] = index < left.count ? left.items[index] : take_named(&left, one->value);
    set_specials(j, m, act, &left, index);
    if (j->failed || !hd_jinja_enter(j)) return hd_jinja_missing();
    enter_scope(j, act, m->node->scope);
    set_defaults(j, act, m->node);
    value text = capture(j, act, m->node->list, &to);
    hd_jinja_leave(j);
    if (!j->failed) j->line = line;
    return text;
}

static void call_block(hd_jinja *j, activation *act, const node *it) {
    value caller = make_macro(j, act, it->b, hd_jinja_missing());
    print_text(j, hd_jinja_evaluate_call(j, act, it->a, caller));
}

static void generation(hd_jinja *j, activation *act, const node *it) {
    value body = make_macro(j, act, it->b, hd_jinja_missing());
    value text = j->failed ? body : call_macro(j, body.as.other, &(hd_jinja_arguments){0});
    if (!j->failed) hd_jinja_print(j, text, j->out);
}

/* ---- loops ---- */

typedef struct loop {
    const node *node;
    activation *outer; /* where the loop is, for loop(…) */
    activation *act;   /* where its variables are */
    value source;
    size_t count, position; /* of the source */
    bool whole;             /* the source has no more items that the test leaves out */
    int64_t index0, depth0;
    value current, before, after; /* MISSING: there is none */
    value changed;
} loop;

/* The next item that the test accepts; MISSING at the end. */
static value pull(hd_jinja *j, loop *l) {
    while (l->position < l->count && hd_jinja_step(j, 1)) {
        value item = hd_jinja_at(j, l->source, l->position++);
        if (l->whole) return item;
        assign(j, l->act, l->node->parameters, item);
        if (!hd_jinja_truth(hd_jinja_evaluate(j, l->act, l->node->c))) continue;
        if (l->node->a->kind == HD_JINJA_MAKE_TUPLE) { /* the test passes on what it has unpacked */
            item = hd_jinja_to_list(j, item);
            item.kind = HD_JINJA_TUPLE;
        }
        return j->failed ? hd_jinja_missing() : item;
    }
    return hd_jinja_missing();
}

static value peek(hd_jinja *j, loop *l) {
    if (l->after.kind == HD_JINJA_MISSING) l->after = pull(j, l);
    return l->after;
}

static bool advance(hd_jinja *j, loop *l) {
    value item = l->after.kind != HD_JINJA_MISSING ? l->after : pull(j, l);
    l->after = hd_jinja_missing();
    if (item.kind == HD_JINJA_MISSING || j->failed) return false;
    l->index0++;
    l->before = l->current;
    l->current = item;
    return true;
}

/* The number of items; with a test, all that are left are tested now. */
static int64_t loop_length(hd_jinja *j, loop *l) {
    if (l->whole) return (int64_t)l->count;
    size_t kept = 0;
    value rest = hd_jinja_sequence(j, HD_JINJA_LIST, l->count - l->position);
    for (value item; !j->failed && (item = pull(j, l)).kind != HD_JINJA_MISSING;) rest.as.list->items[kept++] = item;
    size_t past = (size_t)l->index0 + 1 + (l->after.kind != HD_JINJA_MISSING);
    value all = hd_jinja_sequence(j, HD_JINJA_LIST, past + kept); /* those that are past are never read again */
    if (j->failed) return 0;
    if (kept) memcpy(all.as.list->items + past, rest.as.list->items, kept * sizeof(value));
    l->source = all, l->count = past + kept, l->position = past, l->whole = true;
    return (int64_t)l->count;
}

static jump run_loop(hd_jinja *j, activation *outer, const node *it, value sequence, int64_t depth0) {
    loop *l = hd_jinja_alloc(j, 1, sizeof *l);
    if (!l) return ON;
    *l = (loop){.node = it, .outer = outer, .act = outer, .whole = !it->c, .index0 = -1, .depth0 = depth0};
    l->source = hd_jinja_open(j, sequence, &l->count);
    if (!j->failed && it->flag) l->act = activate(j, outer, it->scope->function);
    if (!j->failed && it->c) enter_scope(j, l->act, it->test_scope);
    bool completed =
        false; /* as in jinja2, the body of else also runs after a loop of which no round reached its end */
    while (!j->failed && advance(j, l)) {
        if (it->slot >= 0) l->act->slots[it->slot] = (value){.kind = HD_JINJA_LOOP, .as.other = l};
        assign(j, l->act, it->a, l->current);
        if (j->failed) return ON;
        enter_scope(j, l->act, it->scope);
        jump to = execute_list(j, l->act, it->list);
        if (to == BREAK) break;
        completed |= to == ON;
    }
    if (j->failed || completed || !it->rest) return ON;
    enter_scope(j, l->act, it->else_scope);
    return execute_list(j, l->act, it->rest->list);
}

static value call_loop(hd_jinja *j, loop *l, const hd_jinja_arguments *arguments) {
    value bound[HD_JINJA_PARAMETERS];
    hd_buffer text, *out = j->out;
    if (!hd_jinja_bind(j, "loop", "iterable!", arguments, bound)) return hd_jinja_missing();
    if (!l->node->flag) return hd_jinja_fail(j, "The loop must have the 'recursive' marker to be called recursively.");
    hd_buffer_open(&text, j->context);
    j->out = &text;
    run_loop(j, l->outer, l->node, bound[0], l->depth0 + 1);
    j->out = out;
    return hd_jinja_take(j, &text);
}

static value cycle(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    const loop *l = object;
    if (!a->count) return hd_jinja_fail(j, "no items for cycling given");
    return a->items[(size_t)l->index0 % a->count];
}

static value changed(hd_jinja *j, void *object, const hd_jinja_arguments *a) {
    loop *l = object;
    value now = hd_jinja_sequence(j, HD_JINJA_TUPLE, a->count);
    for (size_t i = 0; !j->failed && i < a->count; i++) now.as.list->items[i] = a->items[i];
    if (j->failed || (l->changed.kind != HD_JINJA_MISSING && hd_jinja_equal(j, l->changed, now)))
        return hd_jinja_bool(false);
    l->changed = now;
    return hd_jinja_bool(true);
}

static value bind(hd_jinja *j, value (*call)(hd_jinja *, void *, const hd_jinja_arguments *), void *object) {
    hd_jinja_bound *bound = hd_jinja_alloc(j, 1, sizeof *bound);
    if (!bound) return hd_jinja_missing();
    *bound = (hd_jinja_bound){call, object};
    return (value){.kind = HD_JINJA_FUNCTION, .as.other = bound};
}

static value loop_attribute(hd_jinja *j, loop *l, value name) {
    value next;
    if (hd_jinja_is_text(name, "index0")) return hd_jinja_int(l->index0);
    if (hd_jinja_is_text(name, "index")) return hd_jinja_int(l->index0 + 1);
    if (hd_jinja_is_text(name, "first")) return hd_jinja_bool(l->index0 == 0);
    if (hd_jinja_is_text(name, "last")) return hd_jinja_bool(peek(j, l).kind == HD_JINJA_MISSING);
    if (hd_jinja_is_text(name, "length")) return hd_jinja_int(loop_length(j, l));
    if (hd_jinja_is_text(name, "revindex")) return hd_jinja_int(loop_length(j, l) - l->index0);
    if (hd_jinja_is_text(name, "revindex0")) return hd_jinja_int(loop_length(j, l) - l->index0 - 1);
    if (hd_jinja_is_text(name, "depth")) return hd_jinja_int(l->depth0 + 1);
    if (hd_jinja_is_text(name, "depth0")) return hd_jinja_int(l->depth0);
    if (hd_jinja_is_text(name, "cycle")) return bind(j, cycle, l);
    if (hd_jinja_is_text(name, "changed")) return bind(j, changed, l);
    if (hd_jinja_is_text(name, "previtem"))
        return l->index0 ? l->before
                         : hd_jinja_undefined_of(j, "there is no previous item", hd_jinja_missing(), hd_jinja_none());
    if (!hd_jinja_is_text(name, "nextitem")) return hd_jinja_missing();
    next = peek(j, l);
    return next.kind != HD_JINJA_MISSING || j->failed
               ? next
               : hd_jinja_undefined_of(j, "there is no next item", hd_jinja_missing(), hd_jinja_none());
}

/* ---- what expressions need of macros and loops ---- */

static value macro_attribute(hd_jinja *j, const macro *m, value name) {
    const hd_jinja_scope *scope = m->node->scope;
    if (hd_jinja_is_text(name, "name")) return m->name.kind == HD_JINJA_MISSING ? hd_jinja_none() : m->name;
    if (hd_jinja_is_text(name, "caller")) return hd_jinja_bool(scope->caller >= 0);
    if (hd_jinja_is_text(name, "catch_kwargs")) return hd_jinja_bool(scope->named >= 0);
    if (hd_jinja_is_text(name, "catch_varargs")) return hd_jinja_bool(scope->rest >= 0);
    if (!hd_jinja_is_text(name, "arguments")) return hd_jinja_missing();
    size_t count = 0;
    for (const node *one = m->node->parameters; one; one = one->next) count++;
    value list = hd_jinja_sequence(j, HD_JINJA_TUPLE, count);
    count = 0;
    for (const node *one = m->node->parameters; one && !j->failed; one = one->next)
        list.as.list->items[count++] = one->value;
    return list;
}

static value object_attribute(hd_jinja *j, value object, value name) {
    return object.kind == HD_JINJA_LOOP ? loop_attribute(j, object.as.other, name)
                                        : macro_attribute(j, object.as.other, name);
}

static void print_object(hd_jinja *j, value object, hd_buffer *out) {
    if (object.kind == HD_JINJA_LOOP) {
        loop *l = object.as.other;
        hd_buffer_format(out, "<LoopContext %lld/%lld>", (long long)l->index0 + 1, (long long)loop_length(j, l));
        return;
    }
    const macro *m = object.as.other;
    hd_buffer_text(out, "<Macro ");
    if (m->name.kind == HD_JINJA_MISSING)
        hd_buffer_text(out, "anonymous");
    else
        hd_jinja_repr(j, m->name, out);
    hd_buffer_byte(out, '>');
}

static value call_object(hd_jinja *j, value object, const hd_jinja_arguments *arguments) {
    return object.kind == HD_JINJA_LOOP ? call_loop(j, object.as.other, arguments)
                                        : call_macro(j, object.as.other, arguments);
}

/* ---- statements ---- */

static jump choose(hd_jinja *j, activation *act, const node *it) {
    for (; it && !j->failed; it = it->rest) {
        if (it->a) j->line = it->line;
        if (!it->a || hd_jinja_truth(hd_jinja_evaluate(j, act, it->a))) return execute_list(j, act, it->list);
    }
    return ON;
}

static jump with(hd_jinja *j, activation *act, const node *it) {
    enter_scope(j, act, it->scope);
    for (const node *pair = it->parameters; pair && !j->failed; pair = pair->next)
        assign(j, act, pair->a, hd_jinja_evaluate(j, act, pair->b));
    return execute_list(j, act, it->list);
}

static void set(hd_jinja *j, activation *act, const node *it) {
    if (check_namespaces(j, act, it->a)) assign(j, act, it->a, hd_jinja_evaluate(j, act, it->b));
}

static jump execute_one(hd_jinja *j, activation *act, const node *it) {
    value v;
    switch (it->kind) {
        case HD_JINJA_PRINT:
            v = hd_jinja_evaluate(j, act, it->a);
            if (!j->failed) hd_jinja_print(j, v, j->out);
            return ON;
        case HD_JINJA_SET:
            set(j, act, it);
            return ON;
        case HD_JINJA_SET_BLOCK:
            return set_block(j, act, it);
        case HD_JINJA_FOR:
            v = hd_jinja_evaluate(j, act, it->b);
            return j->failed ? ON : run_loop(j, act, it, v, 0);
        case HD_JINJA_IF:
            return choose(j, act, it);
        case HD_JINJA_MACRO_BLOCK:
            *hd_jinja_slot(act, it->hops, it->slot) = make_macro(j, act, it, it->value);
            return ON;
        case HD_JINJA_CALL_BLOCK:
            call_block(j, act, it);
            return ON;
        case HD_JINJA_FILTER_BLOCK:
            return filter_block(j, act, it);
        case HD_JINJA_WITH:
            return with(j, act, it);
        case HD_JINJA_GENERATION:
            generation(j, act, it);
            return ON;
        case HD_JINJA_BREAK:
            return BREAK;
        default:
            return CONTINUE;
    }
}

static jump execute(hd_jinja *j, activation *act, const node *it) {
    if (!hd_jinja_step(j, 1) || !hd_jinja_enter(j)) return ON;
    j->line = it->line;
    jump to = execute_one(j, act, it);
    hd_jinja_leave(j);
    return to;
}

void hd_jinja_execute(hd_jinja *j, const hd_jinja_node *template) {
    j->print_object = print_object;
    j->object_attribute = object_attribute;
    j->call_object = call_object;
    j->find_method = hd_jinja_find_method;
    j->call_filter = hd_jinja_call_filter;
    j->call_test = hd_jinja_call_test;
    activation *act = activate(j, NULL, template->scope->function);
    if (!act) return;
    enter_scope(j, act, template->scope);
    execute_list(j, act, template->list);
}
