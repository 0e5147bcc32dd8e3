#include "text/jinja/braces.h"

#include <string.h>

#include "text/jinja/access.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"

typedef struct braces {
    hd_jinja *j;
    const hd_jinja_arguments *arguments;
    hd_jinja_value named;
    int64_t next; /* of automatic numbers; −1: fields have numbers */
    bool markup;
} braces;

static void append_fields(braces *b, const char *at, const char *end, int depth, hd_buffer *out);

static hd_jinja_value argument(braces *b, const char *name, size_t size) {
    int64_t number = 0;
    size_t digits = 0;
    while (digits < size && name[digits] >= '0' && name[digits] <= '9' && digits < 10)
        number = number * 10 + (name[digits++] - '0');
    if (digits == size) {
        if (size && b->next > 0)
            return hd_jinja_fail(b->j, "cannot switch from automatic field numbering to manual field specification");
        if (!size && b->next < 0)
            return hd_jinja_fail(b->j, "cannot switch from manual field specification to automatic field numbering");
        if (!size) number = b->next++;
        if (size) b->next = -1;
        if ((size_t)number < b->arguments->count) return b->arguments->items[number];
        return hd_jinja_fail(b->j, "Replacement index %lld out of range for positional args tuple", (long long)number);
    }
    hd_jinja_value key = hd_jinja_text(b->j, name, size);
    if (b->named.kind == HD_JINJA_DICT) {
        const hd_jinja_value *value = hd_jinja_dict_get(b->named.as.dict, key);
        if (value) return *value;
    }
    for (size_t i = 0; i < b->arguments->named; i++)
        if (hd_jinja_equal(b->j, b->arguments->keys[i], key)) return b->arguments->values[i];
    return hd_jinja_fail(b->j, "'%.*s'", (int)size, name);
}

/* "name.attribute[item]" */
static hd_jinja_value field(braces *b, const char *at, const char *end) {
    size_t size = 0;
    while (at + size < end && at[size] != '.' && at[size] != '[') size++;
    hd_jinja_value v = argument(b, at, size);
    for (at += size; at < end && !b->j->failed;) {
        bool item = *at++ == '[';
        size = 0;
        while (at + size < end && (item ? at[size] != ']' : at[size] != '.' && at[size] != '[')) size++;
        if (!size || (item && at + size == end)) return hd_jinja_fail(b->j, "Empty attribute in format string");
        bool digits = item && strspn(at, "0123456789") >= size && size < 18;
        int64_t number = 0;
        for (size_t i = 0; digits && i < size; i++) number = number * 10 + (at[i] - '0');
        hd_jinja_value key = digits ? hd_jinja_int(number) : hd_jinja_text(b->j, at, size);
        v = item ? hd_jinja_item(b->j, v, key) : hd_jinja_attribute(b->j, v, key);
        at += size + item;
    }
    return v;
}

/* What is between the braces. */
static void append_field(braces *b, const char *at, const char *end, int depth, hd_buffer *out) {
    const char *name = at;
    hd_buffer spec;
    while (at < end && *at != '!' && *at != ':') at = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : at + 1;
    if (!at) {
        hd_jinja_fail(b->j, "expected '}' before end of string");
        return;
    }
    hd_jinja_value v = field(b, name, at);
    if (at < end && *at == '!') {
        char how = at + 1 < end ? at[1] : 0;
        if (!how || !strchr("rsa", how) || (at + 2 < end && at[2] != ':')) {
            hd_jinja_fail(b->j, "Unknown conversion specifier '%c'", how);
            return;
        }
        v = how == 's' ? hd_jinja_string(b->j, v, false) : hd_jinja_repr_of(b->j, v);
        at += 2;
    }
    hd_buffer_open(&spec, b->j->context);
    if (at < end) append_fields(b, at + 1, end, depth + 1, &spec);
    if (hd_jinja_check_size(b->j, &spec) && b->markup && !spec.size)
        hd_jinja_escape(b->j, v, out);
    else if (!b->j->failed)
        hd_jinja_format_value(b->j, v, spec.data ? spec.data : "", spec.size, out);
    hd_buffer_close(&spec);
}

static void append_fields(braces *b, const char *at, const char *end, int depth, hd_buffer *out) {
    if (depth > 2) {
        hd_jinja_fail(b->j, "Max string recursion exceeded");
        return;
    }
    while (at < end && hd_jinja_check_size(b->j, out)) {
        char c = *at++;
        if (c != '{' && c != '}') {
            hd_buffer_byte(out, c);
        } else if (at < end && *at == c && !(depth > 1)) {
            hd_buffer_byte(out, c);
            at++;
        } else if (c == '}') {
            hd_jinja_fail(b->j, "Single '}' encountered in format string");
        } else {
            const char *first = at;
            int open = 1;
            for (; at < end; at++) {
                open += *at == '{' ? 1 : *at == '}' ? -1 : 0;
                if (!open) break;
            }
            if (at == end) {
                hd_jinja_fail(b->j, first == end ? "Single '{' encountered in format string"
                                                 : "expected '}' before end of string");
                return;
            }
            append_field(b, first, at++, depth, out);
        }
    }
}

hd_jinja_value hd_jinja_format_braces(hd_jinja *j, hd_jinja_value format, const hd_jinja_arguments *arguments,
                                      hd_jinja_value named) {
    braces b = {.j = j, .arguments = arguments, .named = named, .markup = format.markup};
    hd_buffer out;
    hd_buffer_open(&out, j->context);
    append_fields(&b, format.as.text, format.as.text + format.size, 1, &out);
    hd_jinja_value v = hd_jinja_take(j, &out);
    v.markup = format.markup;
    return v;
}
