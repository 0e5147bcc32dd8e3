#include "text/jinja/access.h"

#include <string.h>

#include "base/utf8.h"
#include "text/jinja/print.h"

static bool is_dunder(hd_jinja_value name) {
    return name.size > 4 && memcmp(name.as.text, "__", 2) == 0 && memcmp(name.as.text + name.size - 2, "__", 2) == 0;
}

/* Python's own attributes of an undefined value: all others fail. Those of other values are all out of reach. */
static bool undefined_has(hd_jinja_value name) {
    static const char *const names[] = {
        "add",   "aiter",         "bool",         "call",         "class",     "complex",  "delattr",
        "dir",   "div",           "doc",          "eq",           "float",     "floordiv", "format",
        "ge",    "getattr",       "getattribute", "getitem",      "getstate",  "gt",       "hash",
        "init",  "init_subclass", "int",          "iter",         "le",        "len",      "lt",
        "mod",   "module",        "mul",          "ne",           "neg",       "new",      "pos",
        "pow",   "radd",          "rdiv",         "reduce",       "reduce_ex", "repr",     "rfloordiv",
        "rmod",  "rmul",          "rpow",         "rsub",         "rtruediv",  "setattr",  "sizeof",
        "slots", "str",           "sub",          "subclasshook", "truediv"};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (strlen(names[i]) == name.size - 4 && memcmp(names[i], name.as.text + 2, name.size - 4) == 0) return true;
    return false;
}

static hd_jinja_value method_of(hd_jinja *j, hd_jinja_value self, int number) {
    hd_jinja_method *method = hd_jinja_alloc(j, 1, sizeof *method);
    if (!method) return hd_jinja_missing();
    *method = (hd_jinja_method){self, number};
    return (hd_jinja_value){.kind = HD_JINJA_METHOD, .as.method = method};
}

hd_jinja_value hd_jinja_own_attribute(hd_jinja *j, hd_jinja_value v, hd_jinja_value name) {
    if (is_dunder(name) && (v.kind != HD_JINJA_UNDEFINED || undefined_has(name))) return hd_jinja_unsafe(j, v, name);
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind == HD_JINJA_NAMESPACE) {
        const hd_jinja_value *value = hd_jinja_dict_get(v.as.dict, name);
        return value ? *value : hd_jinja_missing();
    }
    if (v.kind == HD_JINJA_LOOP || v.kind == HD_JINJA_MACRO) return j->object_attribute(j, v, name);
    if (v.kind == HD_JINJA_CYCLER && hd_jinja_is_text(name, "current"))
        return hd_jinja_at(j, v.as.iterator->source, v.as.iterator->position);
    if (v.kind == HD_JINJA_TUPLE && v.markup) {
        if (hd_jinja_is_text(name, "grouper")) return v.as.list->items[0];
        if (hd_jinja_is_text(name, "list")) return v.as.list->items[1];
    }
    int number = j->find_method(v, name);
    if (number >= 0) return method_of(j, v, number);
    return number == -2 ? hd_jinja_unsafe(j, v, name) : hd_jinja_missing();
}

/* v[key] alone; MISSING where Python raises a TypeError or a LookupError. */
static hd_jinja_value own_item(hd_jinja *j, hd_jinja_value v, hd_jinja_value key) {
    size_t length;
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind == HD_JINJA_DICT) {
        const hd_jinja_value *value = hd_jinja_dict_get(v.as.dict, key);
        return value ? *value : hd_jinja_missing();
    }
    if (v.kind < HD_JINJA_STRING || v.kind > HD_JINJA_RANGE || !hd_jinja_is_whole(key)) return hd_jinja_missing();
    hd_jinja_length(v, &length);
    int64_t index = key.as.integer < 0 ? key.as.integer + (int64_t)length : key.as.integer;
    if (index < 0 || index >= (int64_t)length) return hd_jinja_missing();
    if (v.kind != HD_JINJA_STRING) return hd_jinja_at(j, v, (size_t)index);
    uint32_t code;
    size_t at = hd_utf8_offset(v.as.text, v.size, (size_t)index);
    hd_jinja_value one = hd_jinja_text(j, v.as.text + at, hd_utf8_decode(v.as.text + at, v.size - at, &code));
    one.markup = v.markup;
    return one;
}

hd_jinja_value hd_jinja_attribute(hd_jinja *j, hd_jinja_value v, hd_jinja_value name) {
    if (j->failed) return hd_jinja_missing();
    hd_jinja_value found = hd_jinja_own_attribute(j, v, name);
    if (found.kind == HD_JINJA_MISSING && !j->failed) found = own_item(j, v, name);
    if (found.kind != HD_JINJA_MISSING || j->failed) return found;
    return hd_jinja_undefined_of(j, NULL, v, name);
}

hd_jinja_value hd_jinja_item(hd_jinja *j, hd_jinja_value v, hd_jinja_value key) {
    if (j->failed) return hd_jinja_missing();
    hd_jinja_value found = own_item(j, v, key);
    if (found.kind == HD_JINJA_MISSING && !j->failed && key.kind == HD_JINJA_STRING)
        found = hd_jinja_own_attribute(j, v, key);
    if (found.kind != HD_JINJA_MISSING || j->failed) return found;
    return hd_jinja_undefined_of(j, NULL, v, key);
}

/* A part of a path that consists of digits is an integer. */
static hd_jinja_value path_part(hd_jinja *j, const char *text, size_t size) {
    int64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || size > 18) return hd_jinja_text(j, text, size);
        number = number * 10 + (text[i] - '0');
    }
    return size ? hd_jinja_int(number) : hd_jinja_text(j, text, size);
}

hd_jinja_value hd_jinja_path(hd_jinja *j, hd_jinja_value v, hd_jinja_value path, hd_jinja_value otherwise) {
    bool replaces = otherwise.kind != HD_JINJA_MISSING && otherwise.kind != HD_JINJA_NONE;
    if (path.kind == HD_JINJA_NONE || path.kind == HD_JINJA_MISSING) return v;
    if (path.kind != HD_JINJA_STRING) {
        v = hd_jinja_item(j, v, path);
        return replaces && v.kind == HD_JINJA_UNDEFINED ? otherwise : v;
    }
    for (const char *at = path.as.text, *end = at + path.size; !j->failed && at <= end;) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        size_t size = (size_t)((dot ? dot : end) - at);
        v = hd_jinja_item(j, v, path_part(j, at, size));
        if (replaces && v.kind == HD_JINJA_UNDEFINED) v = otherwise;
        at += size + 1;
    }
    return v;
}

/* ---- arguments ---- */

/* The next name of a list of parameters; NULL at its end. */
static const char *next_parameter(const char **list, size_t *size, bool *required) {
    const char *name = *list;
    if (!*name) return NULL;
    *size = strcspn(name, ",!");
    *required = name[*size] == '!';
    *list = name + *size + *required;
    if (**list == ',') ++*list;
    return name;
}

static bool named(hd_jinja *j, const char *name, const char *parameters, hd_jinja_value key, hd_jinja_value value,
                  hd_jinja_value out[HD_JINJA_PARAMETERS]) {
    size_t size, index = 0;
    bool required;
    for (const char *one; (one = next_parameter(&parameters, &size, &required)); index++) {
        if (size != key.size || memcmp(one, key.as.text, size) != 0) continue;
        if (out[index].kind != HD_JINJA_MISSING)
            return hd_jinja_fail(j, "%s() got multiple values for argument '%.*s'", name, (int)size, one), false;
        out[index] = value;
        return true;
    }
    hd_jinja_fail(j, "%s() got an unexpected keyword argument '%.*s'", name, (int)key.size, key.as.text);
    return false;
}

bool hd_jinja_bind(hd_jinja *j, const char *name, const char *parameters, const hd_jinja_arguments *arguments,
                   hd_jinja_value out[HD_JINJA_PARAMETERS]) {
    const char *list = parameters, *one;
    size_t count = 0, size;
    bool required;
    if (j->failed) return false;
    memset(out, 0, HD_JINJA_PARAMETERS * sizeof *out);
    for (; next_parameter(&list, &size, &required); count++)
        if (count < arguments->count) out[count] = arguments->items[count];
    if (arguments->count > count)
        return hd_jinja_fail(j, "%s() takes at most %zu arguments (%zu given)", name, count, arguments->count), false;
    for (size_t i = 0; i < arguments->named; i++)
        if (!named(j, name, parameters, arguments->keys[i], arguments->values[i], out)) return false;
    list = parameters;
    for (size_t i = 0; (one = next_parameter(&list, &size, &required)); i++)
        if (required && out[i].kind == HD_JINJA_MISSING)
            return hd_jinja_fail(j, "%s() missing 1 required positional argument: '%.*s'", name, (int)size, one), false;
    return true;
}

hd_jinja_value hd_jinja_need_text(hd_jinja *j, hd_jinja_value v, const char *function) {
    if (j->failed || v.kind == HD_JINJA_STRING) return j->failed ? hd_jinja_missing() : v;
    return hd_jinja_fail(j, "%s() argument must be str, not %s", function, hd_jinja_type(v));
}

int64_t hd_jinja_need_int(hd_jinja *j, hd_jinja_value v, int64_t otherwise) {
    if (v.kind == HD_JINJA_MISSING || j->failed) return otherwise;
    if (hd_jinja_is_whole(v)) return v.as.integer;
    if (v.kind == HD_JINJA_UNDEFINED)
        hd_jinja_fail_undefined(j, v);
    else
        hd_jinja_fail(j, "'%s' object cannot be interpreted as an integer", hd_jinja_type(v));
    return otherwise;
}
