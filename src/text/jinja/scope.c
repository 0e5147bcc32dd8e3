#include "text/jinja/scope.h"

#include <string.h>

#include "text/jinja/filters.h"

typedef hd_jinja_node node;
typedef hd_jinja_scope scope;
typedef hd_jinja_variable variable;

static scope *open_scope(hd_jinja *j, scope *outer, hd_jinja_function *function) {
    scope *s = hd_jinja_alloc(j, 1, sizeof *s);
    if (s) *s = (scope){.outer = outer, .function = function, .caller = -1, .named = -1, .rest = -1};
    return s;
}

static hd_jinja_function *open_function(hd_jinja *j, hd_jinja_function *outer) {
    hd_jinja_function *function = hd_jinja_alloc(j, 1, sizeof *function);
    if (function) *function = (hd_jinja_function){.outer = outer};
    return function;
}

/* ---- variables ---- */

static variable *find_here(const scope *s, hd_jinja_value name) {
    for (size_t i = 0; i < s->count; i++) {
        const hd_jinja_value other = s->variables[i].name;
        if (other.size == name.size && memcmp(other.as.text, name.as.text, name.size) == 0) return &s->variables[i];
    }
    return NULL;
}

static variable *find(const scope *s, hd_jinja_value name, const scope **where) {
    for (; s; s = s->outer) {
        variable *found = find_here(s, name);
        if (found) return *where = s, found;
    }
    return NULL;
}

static variable *define(hd_jinja *j, scope *s, hd_jinja_value name, hd_jinja_load load) {
    variable *found = find_here(s, name);
    if (!found) {
        if (s->count == s->capacity) {
            size_t capacity = s->capacity ? 2 * s->capacity : 8;
            variable *variables = hd_jinja_alloc(j, capacity, sizeof *variables);
            if (!variables) return NULL;
            if (s->count) memcpy(variables, s->variables, s->count * sizeof *variables);
            s->variables = variables;
            s->capacity = capacity;
        }
        found = &s->variables[s->count++];
        *found = (variable){.name = name, .slot = s->function->slots++};
    }
    found->load = (uint8_t)load;
    return found;
}

static int32_t hops_to(const scope *from, const hd_jinja_function *function) {
    int32_t hops = 0;
    for (const hd_jinja_function *one = from->function; one && one != function; one = one->outer) hops++;
    return hops;
}

/* Sets the load of a variable that a scope changes, as far as an outer scope has it. */
static bool alias(scope *s, variable *it) {
    const scope *where;
    const variable *outer = s->outer ? find(s->outer, it->name, &where) : NULL;
    if (!outer) return false;
    it->load = HD_JINJA_LOAD_ALIAS;
    it->outer_hops = hops_to(s, where->function);
    it->outer_slot = outer->slot;
    return true;
}

static void load(hd_jinja *j, scope *s, hd_jinja_value name) {
    const scope *where;
    if (!find(s, name, &where)) define(j, s, name, HD_JINJA_LOAD_RESOLVE);
}

static void store(hd_jinja *j, scope *s, hd_jinja_value name) {
    variable *it = find_here(s, name);
    if (!it) {
        it = define(j, s, name, HD_JINJA_LOAD_UNSET);
        if (it) alias(s, it);
    }
    if (it) it->stored = true;
}

static int32_t declare(hd_jinja *j, scope *s, hd_jinja_value name) {
    variable *it = define(j, s, name, HD_JINJA_LOAD_PARAMETER);
    if (it) it->stored = true;
    return it ? it->slot : -1;
}

/* ---- the first pass: which names a scope has ---- */

static void collect(hd_jinja *j, scope *s, const node *it);

static void collect_list(hd_jinja *j, scope *s, const node *first) {
    for (; first && !j->failed; first = first->next) collect(j, s, first);
}

static void collect_target(hd_jinja *j, scope *s, const node *it, bool parameter) {
    if (it->kind == HD_JINJA_MAKE_TUPLE)
        for (const node *child = it->list; child; child = child->next) collect_target(j, s, child, parameter);
    else if (it->kind == HD_JINJA_MEMBER)
        load(j, s, it->value);
    else if (parameter)
        declare(j, s, it->value);
    else
        store(j, s, it->value);
}

/* A variable that only some branches store keeps its outer value in the others. */
static void collect_if(hd_jinja *j, scope *s, const node *it) {
    collect(j, s, it->a);
    size_t before = s->count;
    bool *stored = hd_jinja_alloc(j, before, sizeof *stored);
    for (size_t i = 0; stored && i < before; i++) stored[i] = s->variables[i].stored;
    for (const node *branch = it; branch && !j->failed; branch = branch->rest) {
        if (branch != it && branch->a) collect(j, s, branch->a);
        collect_list(j, s, branch->list);
    }
    for (size_t i = 0; !j->failed && i < s->count; i++) {
        variable *one = &s->variables[i];
        if (!one->stored || (i < before && stored[i])) continue;
        if (!alias(s, one)) one->load = HD_JINJA_LOAD_RESOLVE;
    }
}

static void collect(hd_jinja *j, scope *s, const node *it) {
    if (!it || j->failed) return;
    switch (it->kind) {
        case HD_JINJA_VARIABLE:
            load(j, s, it->value);
            return;
        case HD_JINJA_SET:
            collect(j, s, it->b);
            collect_target(j, s, it->a, false);
            return;
        case HD_JINJA_SET_BLOCK:
            collect_target(j, s, it->a, false);
            return;
        case HD_JINJA_MACRO_BLOCK:
            store(j, s, it->value);
            return;
        case HD_JINJA_IF:
            collect_if(j, s, it);
            return;
        case HD_JINJA_FOR:
            collect(j, s, it->b);
            return;
        case HD_JINJA_CALL_BLOCK:
            collect(j, s, it->a);
            return;
        case HD_JINJA_FILTER_BLOCK:
            collect(j, s, it->b);
            return;
        case HD_JINJA_WITH:
            for (const node *pair = it->parameters; pair; pair = pair->next) collect(j, s, pair->b);
            return;
        case HD_JINJA_GENERATION:
            return;
        default:
            break;
    }
    collect(j, s, it->a);
    collect_list(j, s, it->list);
    collect(j, s, it->b);
    collect(j, s, it->c);
    if (it->kind == HD_JINJA_SLICE) collect(j, s, it->rest);
}

/* ---- the second pass: places of names, and the scopes inside ---- */

static void resolve(hd_jinja *j, scope *s, node *it);

static void resolve_list(hd_jinja *j, scope *s, node *first) {
    for (; first && !j->failed; first = first->next) resolve(j, s, first);
}

static void place(hd_jinja *j, const scope *s, node *it, hd_jinja_value name) {
    const scope *where;
    const variable *found = find(s, name, &where);
    if (!found) { /* in the filter of a set block, which jinja2 leaves out too */
        if (!j->failed) j->line = it->line;
        hd_jinja_fail(j, "Tried to resolve a name to a reference that was unknown to the frame ('%.*s')",
                      (int)name.size, name.as.text);
        return;
    }
    it->slot = found->slot;
    it->hops = hops_to(s, where->function);
}

static void place_target(hd_jinja *j, const scope *s, node *it) {
    if (it->kind == HD_JINJA_MAKE_TUPLE)
        for (node *child = it->list; child; child = child->next) place_target(j, s, child);
    else
        place(j, s, it, it->value);
}

/* Whether a body reads this name; what is stored first is another variable. */
static bool reads(const node *it, const char *name) {
    if (!it) return false;
    if (it->kind == HD_JINJA_VARIABLE) return hd_jinja_is_text(it->value, name);
    bool targets = it->kind == HD_JINJA_SET || it->kind == HD_JINJA_SET_BLOCK || it->kind == HD_JINJA_FOR;
    if ((!targets && reads(it->a, name)) || reads(it->b, name) || reads(it->c, name)) return true;
    for (const node *child = it->list; child; child = child->next)
        if (reads(child, name)) return true;
    for (const node *child = it->parameters; child; child = child->next)
        if (reads(child->kind == HD_JINJA_PAIR ? child->b : child->a, name)) return true;
    for (const node *one = it->rest; one; one = it->kind == HD_JINJA_SLICE ? NULL : one->rest) {
        if (it->kind == HD_JINJA_SLICE ? reads(one, name) : reads(one->a, name)) return true;
        for (const node *child = one->list; child && it->kind != HD_JINJA_SLICE; child = child->next)
            if (reads(child, name)) return true;
    }
    return false;
}

static bool reads_list(const node *first, const char *name) {
    for (; first; first = first->next)
        if (reads(first, name)) return true;
    return false;
}

/* The test of a loop has variables of its own: it is evaluated for an item while the body may still use the one before. */
static node *copy_target(hd_jinja *j, const node *it) {
    node *copy = hd_jinja_node_new(j, (hd_jinja_node_kind)it->kind, it->line, NULL, it->b, NULL);
    if (!copy) return NULL;
    copy->value = it->value;
    for (const node *child = it->list; child; child = child->next) hd_jinja_node_add(j, copy, copy_target(j, child));
    return copy;
}

static void resolve_for(hd_jinja *j, scope *s, node *it) {
    resolve(j, s, it->b);
    hd_jinja_function *function = it->flag ? open_function(j, s->function) : s->function;
    if (!function) return;
    it->scope = open_scope(j, s, function);
    it->test_scope = open_scope(j, s, function);
    it->else_scope = open_scope(j, s, function);
    if (j->failed) return;
    if (it->flag || reads_list(it->list, "loop")) it->slot = declare(j, it->scope, HD_JINJA_LITERAL(j, "loop"));
    collect_target(j, it->scope, it->a, true);
    collect_list(j, it->scope, it->list);
    collect_target(j, it->test_scope, it->a, true);
    collect(j, it->test_scope, it->c);
    place_target(j, it->scope, it->a);
    if (it->c && (it->parameters = copy_target(j, it->a))) place_target(j, it->test_scope, it->parameters);
    resolve_list(j, it->scope, it->list);
    resolve(j, it->test_scope, it->c);
    if (!it->rest) return;
    collect_list(j, it->else_scope, it->rest->list);
    resolve_list(j, it->else_scope, it->rest->list);
}

static int32_t declare_special(hd_jinja *j, node *it, const char *name, hd_jinja_value text) {
    for (const node *one = it->parameters; one; one = one->next)
        if (hd_jinja_is_text(one->value, name)) return -1;
    return reads_list(it->list, name) ? declare(j, it->scope, text) : -1;
}

static void resolve_macro(hd_jinja *j, scope *s, node *it) {
    hd_jinja_function *function = open_function(j, s->function);
    it->scope = function ? open_scope(j, s, function) : NULL;
    if (!it->scope) return;
    for (node *one = it->parameters; one; one = one->next) {
        one->slot = declare(j, it->scope, one->value);
        if (one->a) collect(j, it->scope, one->a);
    }
    it->scope->caller = declare_special(j, it, "caller", HD_JINJA_LITERAL(j, "caller"));
    it->scope->named = declare_special(j, it, "kwargs", HD_JINJA_LITERAL(j, "kwargs"));
    it->scope->rest = declare_special(j, it, "varargs", HD_JINJA_LITERAL(j, "varargs"));
    collect_list(j, it->scope, it->list);
    for (node *one = it->parameters; one; one = one->next) resolve(j, it->scope, one->a);
    resolve_list(j, it->scope, it->list);
}

static void resolve_body(hd_jinja *j, scope *s, node *it) {
    it->scope = open_scope(j, s, s->function);
    if (j->failed) return;
    for (node *pair = it->parameters; pair; pair = pair->next) collect_target(j, it->scope, pair->a, true);
    collect_list(j, it->scope, it->list);
    for (node *pair = it->parameters; pair; pair = pair->next) place_target(j, it->scope, pair->a);
    resolve_list(j, it->scope, it->list);
}

static void check_name(hd_jinja *j, const node *it) {
    bool filter = it->kind == HD_JINJA_FILTER;
    if (it->soft || (filter ? hd_jinja_has_filter(it->value) : hd_jinja_has_test(it->value))) return;
    if (!j->failed) j->line = it->line;
    hd_jinja_fail(j, "No %s named '%.*s'.", filter ? "filter" : "test", (int)it->value.size, it->value.as.text);
}

static void resolve(hd_jinja *j, scope *s, node *it) {
    if (!it || j->failed) return;
    switch (it->kind) {
        case HD_JINJA_VARIABLE:
            place(j, s, it, it->value);
            return;
        case HD_JINJA_FOR:
            resolve_for(j, s, it);
            return;
        case HD_JINJA_IF:
            for (node *branch = it; branch; branch = branch->rest) {
                resolve(j, s, branch->a);
                resolve_list(j, s, branch->list);
            }
            return;
        case HD_JINJA_SET:
            resolve(j, s, it->b);
            place_target(j, s, it->a);
            return;
        case HD_JINJA_SET_BLOCK:
            place_target(j, s, it->a);
            resolve_body(j, s, it);
            resolve(j, it->scope, it->b);
            return;
        case HD_JINJA_MACRO_BLOCK:
            place(j, s, it, it->value);
            resolve_macro(j, s, it);
            return;
        case HD_JINJA_CALL_BLOCK:
        case HD_JINJA_GENERATION:
            resolve(j, s, it->a);
            resolve_macro(j, s, it->b);
            return;
        case HD_JINJA_FILTER_BLOCK:
            resolve_body(j, s, it);
            resolve(j, s, it->b);
            return;
        case HD_JINJA_WITH:
            for (node *pair = it->parameters; pair; pair = pair->next) resolve(j, s, pair->b);
            resolve_body(j, s, it);
            return;
        case HD_JINJA_FILTER:
        case HD_JINJA_TEST:
            check_name(j, it);
            break;
        default:
            break;
    }
    resolve(j, s, it->a);
    resolve_list(j, s, it->list);
    resolve(j, s, it->b);
    resolve(j, s, it->c);
    if (it->kind == HD_JINJA_SLICE) resolve(j, s, it->rest);
}

bool hd_jinja_resolve_scopes(hd_jinja *j, hd_jinja_node *template) {
    hd_jinja_function *function = open_function(j, NULL);
    template->scope = function ? open_scope(j, NULL, function) : NULL;
    if (j->failed) return false;
    collect_list(j, template->scope, template->list);
    resolve_list(j, template->scope, template->list);
    return !j->failed;
}
