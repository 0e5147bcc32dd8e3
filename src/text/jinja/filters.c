#include "text/jinja/filters.h"

#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/case.h"
#include "text/jinja/filters_list.h"
#include "text/jinja/filters_text.h"
#include "text/jinja/format.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"

typedef hd_jinja_value value;

/* ---- filters ---- */

typedef struct filter_row {
    const char *name, *parameters; /* as in hd_jinja_bind */
    hd_jinja_filter_function *call;
    /* in place of `call`, with arguments that are not bound */
    hd_jinja_value (*call_with)(hd_jinja *j, value v, const hd_jinja_arguments *arguments);
} filter_row;

static value format(hd_jinja *j, value v, const hd_jinja_arguments *arguments) {
    value values;
    if (arguments->count && arguments->named)
        return hd_jinja_fail(j, "can't handle positional and keyword arguments at the same time");
    values = arguments->named ? hd_jinja_dict_open(j, arguments->named)
                              : hd_jinja_sequence(j, HD_JINJA_TUPLE, arguments->count);
    for (size_t i = 0; !j->failed && i < arguments->named; i++)
        hd_jinja_dict_set(j, values.as.dict, arguments->keys[i], arguments->values[i]);
    for (size_t i = 0; !j->failed && i < arguments->count; i++) values.as.list->items[i] = arguments->items[i];
    return hd_jinja_binary(j, HD_JINJA_MODULO, hd_jinja_string(j, v, true), values);
}

#define F(name) hd_jinja_filter_##name
static const filter_row filters[] = {
    {"abs", "", F(abs), NULL},
    {"attr", "name!", F(attr), NULL},
    {"batch", "linecount!,fill_with", F(batch), NULL},
    {"capitalize", "", F(capitalize), NULL},
    {"center", "width", F(center), NULL},
    {"count", "", F(length), NULL},
    {"d", "default_value,boolean", F(default), NULL},
    {"default", "default_value,boolean", F(default), NULL},
    {"dictsort", "case_sensitive,by,reverse", F(dictsort), NULL},
    {"e", "", F(escape), NULL},
    {"escape", "", F(escape), NULL},
    {"filesizeformat", "binary", F(filesizeformat), NULL},
    {"first", "", F(first), NULL},
    {"float", "default", F(float), NULL},
    {"forceescape", "", F(forceescape), NULL},
    {"format", NULL, NULL, format},
    {"groupby", "attribute!,default,case_sensitive", F(groupby), NULL},
    {"indent", "width,first,blank", F(indent), NULL},
    {"int", "default,base", F(int), NULL},
    {"items", "", F(items), NULL},
    {"join", "d,attribute", F(join), NULL},
    {"last", "", F(last), NULL},
    {"length", "", F(length), NULL},
    {"list", "", F(list), NULL},
    {"lower", "", F(lower), NULL},
    {"map", NULL, NULL, F(map)},
    {"max", "case_sensitive,attribute", F(max), NULL},
    {"min", "case_sensitive,attribute", F(min), NULL},
    {"pprint", NULL, NULL, NULL},
    {"random", NULL, NULL, NULL},
    {"reject", NULL, NULL, F(reject)},
    {"rejectattr", NULL, NULL, F(rejectattr)},
    {"replace", "old!,new!,count", F(replace), NULL},
    {"reverse", "", F(reverse), NULL},
    {"round", "precision,method", F(round), NULL},
    {"safe", "", F(safe), NULL},
    {"select", NULL, NULL, F(select)},
    {"selectattr", NULL, NULL, F(selectattr)},
    {"slice", "slices!,fill_with", F(slice), NULL},
    {"sort", "reverse,case_sensitive,attribute", F(sort), NULL},
    {"string", "", F(string), NULL},
    {"striptags", "", F(striptags), NULL},
    {"sum", "attribute,start", F(sum), NULL},
    {"title", "", F(title), NULL},
    {"tojson", "ensure_ascii,indent,separators,sort_keys", F(tojson), NULL},
    {"trim", "chars", F(trim), NULL},
    {"truncate", "length,killwords,end,leeway", F(truncate), NULL},
    {"unique", "case_sensitive,attribute", F(unique), NULL},
    {"upper", "", F(upper), NULL},
    {"urlencode", "", F(urlencode), NULL},
    {"urlize", NULL, NULL, NULL},
    {"wordcount", "", F(wordcount), NULL},
    {"wordwrap", NULL, NULL, NULL},
    {"xmlattr", "autospace", F(xmlattr), NULL},
};

static const filter_row *find_filter(value name) {
    for (size_t i = 0; i < HD_COUNT(filters); i++)
        if (hd_jinja_is_text(name, filters[i].name)) return &filters[i];
    return NULL;
}

bool hd_jinja_has_filter(hd_jinja_value name) { return find_filter(name); }

hd_jinja_value hd_jinja_call_filter(hd_jinja *j, hd_jinja_value name, hd_jinja_value v,
                                    const hd_jinja_arguments *arguments) {
    value bound[HD_JINJA_PARAMETERS];
    if (j->failed || !hd_jinja_step(j, 1)) return hd_jinja_missing();
    const filter_row *row = find_filter(name);
    if (!row) {
        value text = hd_jinja_repr_of(j, name);
        return hd_jinja_fail(j, "No filter named %.*s.", (int)text.size, j->failed ? "" : text.as.text);
    }
    if (!row->call && !row->call_with) return hd_jinja_fail(j, "heed lacks the filter \"%s\"", row->name);
    if (row->call_with) return row->call_with(j, v, arguments);
    if (!hd_jinja_bind(j, row->name, row->parameters, arguments, bound)) return hd_jinja_missing();
    return row->call(j, v, bound);
}

/* ---- tests ---- */

typedef enum test_kind {
    TEST_BOOLEAN,
    TEST_CALLABLE,
    TEST_DEFINED,
    TEST_DIVISIBLE,
    TEST_ESCAPED,
    TEST_EVEN,
    TEST_FALSE,
    TEST_FILTER,
    TEST_FLOAT,
    TEST_INTEGER,
    TEST_ITERABLE,
    TEST_LOWER,
    TEST_MAPPING,
    TEST_NONE,
    TEST_NUMBER,
    TEST_ODD,
    TEST_SAME,
    TEST_SEQUENCE,
    TEST_STRING,
    TEST_TEST,
    TEST_TRUE,
    TEST_UNDEFINED,
    TEST_UPPER,
    TEST_RELATION /* + hd_jinja_operator */
} test_kind;

static const struct test_row {
    const char *name, *parameters;
    int kind;
} tests[] = {
    {"boolean", "", TEST_BOOLEAN},
    {"callable", "", TEST_CALLABLE},
    {"defined", "", TEST_DEFINED},
    {"divisibleby", "num!", TEST_DIVISIBLE},
    {"escaped", "", TEST_ESCAPED},
    {"even", "", TEST_EVEN},
    {"false", "", TEST_FALSE},
    {"filter", "", TEST_FILTER},
    {"float", "", TEST_FLOAT},
    {"in", "seq!", TEST_RELATION + HD_JINJA_IN},
    {"integer", "", TEST_INTEGER},
    {"iterable", "", TEST_ITERABLE},
    {"lower", "", TEST_LOWER},
    {"mapping", "", TEST_MAPPING},
    {"none", "", TEST_NONE},
    {"number", "", TEST_NUMBER},
    {"odd", "", TEST_ODD},
    {"sameas", "other!", TEST_SAME},
    {"sequence", "", TEST_SEQUENCE},
    {"string", "", TEST_STRING},
    {"test", "", TEST_TEST},
    {"true", "", TEST_TRUE},
    {"undefined", "", TEST_UNDEFINED},
    {"upper", "", TEST_UPPER},
    {"==", "b!", TEST_RELATION + HD_JINJA_EQUAL},
    {"eq", "b!", TEST_RELATION + HD_JINJA_EQUAL},
    {"equalto", "b!", TEST_RELATION + HD_JINJA_EQUAL},
    {"!=", "b!", TEST_RELATION + HD_JINJA_NOT_EQUAL},
    {"ne", "b!", TEST_RELATION + HD_JINJA_NOT_EQUAL},
    {">", "b!", TEST_RELATION + HD_JINJA_GREATER},
    {"gt", "b!", TEST_RELATION + HD_JINJA_GREATER},
    {"greaterthan", "b!", TEST_RELATION + HD_JINJA_GREATER},
    {">=", "b!", TEST_RELATION + HD_JINJA_GREATER_EQUAL},
    {"ge", "b!", TEST_RELATION + HD_JINJA_GREATER_EQUAL},
    {"<", "b!", TEST_RELATION + HD_JINJA_LESS},
    {"lt", "b!", TEST_RELATION + HD_JINJA_LESS},
    {"lessthan", "b!", TEST_RELATION + HD_JINJA_LESS},
    {"<=", "b!", TEST_RELATION + HD_JINJA_LESS_EQUAL},
    {"le", "b!", TEST_RELATION + HD_JINJA_LESS_EQUAL},
};

static const struct test_row *find_test(value name) {
    for (size_t i = 0; i < HD_COUNT(tests); i++)
        if (hd_jinja_is_text(name, tests[i].name)) return &tests[i];
    return NULL;
}

bool hd_jinja_has_test(hd_jinja_value name) { return find_test(name); }

/* v % by == rest */
static bool leaves(hd_jinja *j, value v, value by, int64_t rest) {
    return hd_jinja_equal(j, hd_jinja_binary(j, HD_JINJA_MODULO, v, by), hd_jinja_int(rest));
}

static bool same_object(value a, value b) {
    if (a.kind != b.kind) return false;
    if (a.kind == HD_JINJA_STRING) return a.size == b.size && memcmp(a.as.text, b.as.text, a.size) == 0;
    return a.kind == HD_JINJA_NONE || a.as.other == b.as.other;
}

static bool run_test(hd_jinja *j, int kind, value v, value other) {
    size_t length;
    switch (kind) {
        case TEST_BOOLEAN:
            return v.kind == HD_JINJA_BOOL;
        case TEST_CALLABLE:
            return v.kind == HD_JINJA_MACRO || v.kind == HD_JINJA_FUNCTION || v.kind == HD_JINJA_METHOD ||
                   v.kind == HD_JINJA_LOOP || v.kind == HD_JINJA_JOINER || v.kind == HD_JINJA_UNDEFINED;
        case TEST_DEFINED:
            return v.kind != HD_JINJA_UNDEFINED;
        case TEST_DIVISIBLE:
            return leaves(j, v, other, 0);
        case TEST_ESCAPED:
            return v.kind == HD_JINJA_STRING && v.markup;
        case TEST_EVEN:
            return leaves(j, v, hd_jinja_int(2), 0);
        case TEST_FALSE:
            return v.kind == HD_JINJA_BOOL && !v.as.integer;
        case TEST_FILTER:
        case TEST_TEST:
            if (!hd_jinja_hashable(v)) hd_jinja_fail(j, "unhashable type: '%s'", hd_jinja_type(v));
            return v.kind == HD_JINJA_STRING && (kind == TEST_FILTER ? hd_jinja_has_filter(v) : hd_jinja_has_test(v));
        case TEST_FLOAT:
            return v.kind == HD_JINJA_FLOAT;
        case TEST_INTEGER:
            return v.kind == HD_JINJA_INT;
        case TEST_ITERABLE:
            return hd_jinja_is_iterable(v);
        case TEST_LOWER:
            return hd_jinja_has_class(hd_jinja_string(j, v, false), HD_JINJA_IS_LOWER);
        case TEST_MAPPING:
            return v.kind == HD_JINJA_DICT;
        case TEST_NONE:
            return v.kind == HD_JINJA_NONE;
        case TEST_NUMBER:
            return hd_jinja_is_number(v);
        case TEST_ODD:
            return leaves(j, v, hd_jinja_int(2), 1);
        case TEST_SAME:
            return same_object(v, other);
        case TEST_SEQUENCE:
            return hd_jinja_length(v, &length) && v.kind != HD_JINJA_VIEW;
        case TEST_STRING:
            return v.kind == HD_JINJA_STRING;
        case TEST_TRUE:
            return v.kind == HD_JINJA_BOOL && v.as.integer;
        case TEST_UNDEFINED:
            return v.kind == HD_JINJA_UNDEFINED;
        case TEST_UPPER:
            return hd_jinja_has_class(hd_jinja_string(j, v, false), HD_JINJA_IS_UPPER);
        default:
            return hd_jinja_relate(j, (hd_jinja_operator)(kind - TEST_RELATION), v, other);
    }
}

hd_jinja_value hd_jinja_call_test(hd_jinja *j, hd_jinja_value name, hd_jinja_value v,
                                  const hd_jinja_arguments *arguments) {
    value bound[HD_JINJA_PARAMETERS];
    if (j->failed || !hd_jinja_step(j, 1)) return hd_jinja_missing();
    const struct test_row *row = find_test(name);
    if (!row) {
        value text = hd_jinja_repr_of(j, name);
        return hd_jinja_fail(j, "No test named %.*s.", (int)text.size, j->failed ? "" : text.as.text);
    }
    if (!hd_jinja_bind(j, row->name, row->parameters, arguments, bound)) return hd_jinja_missing();
    return hd_jinja_bool(run_test(j, row->kind, v, bound[0]));
}
