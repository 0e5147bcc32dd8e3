#include "text/jinja/methods.h"

#include <string.h>

#include "base/utf8.h"
#include "text/jinja/access.h"
#include "text/jinja/braces.h"
#include "text/jinja/case.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"
#include "text/jinja/text_methods.h"

typedef hd_jinja_value value;
typedef hd_jinja_value method_function(hd_jinja *j, value self, const value *a);

/* ---- strings ---- */

static value lower(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_LOWER);
}
static value upper(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_UPPER);
}
static value title(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_TITLE);
}
static value capitalize(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_CAPITALIZE);
}
static value swapcase(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_SWAPCASE);
}
static value casefold(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_map_case(j, self, HD_JINJA_CASEFOLD);
}

#define CLASS(name, which)                                                       \
    static value name(hd_jinja *j, value self, const value *a) {                 \
        return (void)j, (void)a, hd_jinja_bool(hd_jinja_has_class(self, which)); \
    }
CLASS(is_alnum, HD_JINJA_ALNUM)
CLASS(is_alpha, HD_JINJA_ALPHA)
CLASS(is_ascii, HD_JINJA_ASCII)
CLASS(is_decimal, HD_JINJA_DECIMAL)
CLASS(is_digit, HD_JINJA_DIGIT)
CLASS(is_identifier, HD_JINJA_IDENTIFIER)
CLASS(is_lower, HD_JINJA_IS_LOWER)
CLASS(is_numeric, HD_JINJA_NUMERIC)
CLASS(is_printable, HD_JINJA_PRINTABLE)
CLASS(is_space, HD_JINJA_SPACE)
CLASS(is_title, HD_JINJA_IS_TITLE)
CLASS(is_upper, HD_JINJA_IS_UPPER)

static value strip(hd_jinja *j, value self, const value *a) { return hd_jinja_strip_text(j, self, a[0], true, true); }
static value lstrip(hd_jinja *j, value self, const value *a) { return hd_jinja_strip_text(j, self, a[0], true, false); }
static value rstrip(hd_jinja *j, value self, const value *a) { return hd_jinja_strip_text(j, self, a[0], false, true); }

static value split(hd_jinja *j, value self, const value *a) {
    return hd_jinja_split(j, self, a[0], hd_jinja_need_int(j, a[1], -1), false);
}
static value rsplit(hd_jinja *j, value self, const value *a) {
    return hd_jinja_split(j, self, a[0], hd_jinja_need_int(j, a[1], -1), true);
}
static value splitlines(hd_jinja *j, value self, const value *a) {
    return hd_jinja_split_lines(j, self, hd_jinja_truth(a[0]));
}
static value replace(hd_jinja *j, value self, const value *a) {
    value old = hd_jinja_need_text(j, a[0], "replace"), new = hd_jinja_need_text(j, a[1], "replace");
    return hd_jinja_replace(j, self, old, new, hd_jinja_need_int(j, a[2], -1));
}
static value join(hd_jinja *j, value self, const value *a) {
    if (!hd_jinja_is_iterable(a[0])) return hd_jinja_fail(j, "can only join an iterable");
    return hd_jinja_join(j, self, a[0], false);
}
static value center(hd_jinja *j, value self, const value *a) {
    return hd_jinja_justify(j, self, hd_jinja_need_int(j, a[0], 0), a[1], '^');
}
static value ljust(hd_jinja *j, value self, const value *a) {
    return hd_jinja_justify(j, self, hd_jinja_need_int(j, a[0], 0), a[1], '<');
}
static value rjust(hd_jinja *j, value self, const value *a) {
    return hd_jinja_justify(j, self, hd_jinja_need_int(j, a[0], 0), a[1], '>');
}
static value zfill(hd_jinja *j, value self, const value *a) {
    return hd_jinja_zero_fill(j, self, hd_jinja_need_int(j, a[0], 0));
}
static value expandtabs(hd_jinja *j, value self, const value *a) {
    return hd_jinja_expand_tabs(j, self, hd_jinja_need_int(j, a[0], 8));
}
static value partition(hd_jinja *j, value self, const value *a) {
    return hd_jinja_partition(j, self, hd_jinja_need_text(j, a[0], "partition"), false);
}
static value rpartition(hd_jinja *j, value self, const value *a) {
    return hd_jinja_partition(j, self, hd_jinja_need_text(j, a[0], "rpartition"), true);
}

static bool begins(value text, value with) {
    return with.size <= text.size && memcmp(text.as.text, with.as.text, with.size) == 0;
}
static bool ends(value text, value with) {
    return with.size <= text.size && memcmp(text.as.text + text.size - with.size, with.as.text, with.size) == 0;
}

/* startswith or endswith of one text or of a tuple of them */
static value has_end(hd_jinja *j, value self, const value *a, const char *name, bool (*has)(value, value)) {
    size_t offset;
    value part = hd_jinja_part(j, self, a[1], a[2], &offset);
    if (j->failed) return hd_jinja_missing();
    bool several = a[0].kind == HD_JINJA_TUPLE, found = false;
    size_t count = several ? a[0].as.list->count : 1;
    for (size_t i = 0; i < count && !found; i++) {
        value one = several ? a[0].as.list->items[i] : a[0];
        if (one.kind != HD_JINJA_STRING)
            return hd_jinja_fail(j, "%s first arg must be str or a tuple of str, not %s", name, hd_jinja_type(one));
        found = part.kind == HD_JINJA_STRING && has(part, one);
    }
    return hd_jinja_bool(found);
}
static value startswith(hd_jinja *j, value self, const value *a) { return has_end(j, self, a, "startswith", begins); }
static value endswith(hd_jinja *j, value self, const value *a) { return has_end(j, self, a, "endswith", ends); }

static value removeprefix(hd_jinja *j, value self, const value *a) {
    value text = hd_jinja_need_text(j, a[0], "removeprefix");
    if (j->failed || !begins(self, text)) return self;
    self.as.text += text.size;
    self.size -= text.size;
    return self;
}
static value removesuffix(hd_jinja *j, value self, const value *a) {
    value text = hd_jinja_need_text(j, a[0], "removesuffix");
    if (!j->failed && text.size && ends(self, text)) self.size -= text.size;
    return self;
}

/* The first or the last place of a text, in characters; −1 if there is none. */
static int64_t place(hd_jinja *j, value self, const value *a, bool last, const char *name) {
    size_t offset, found = SIZE_MAX;
    value text = hd_jinja_need_text(j, a[0], name), part = hd_jinja_part(j, self, a[1], a[2], &offset);
    if (j->failed || part.kind != HD_JINJA_STRING || !hd_jinja_step(j, part.size / 16)) return -1;
    if (!last) found = hd_jinja_find(part.as.text, part.size, 0, text.as.text, text.size);
    for (size_t at = part.size; last && at >= text.size && found == SIZE_MAX; at--)
        if (memcmp(part.as.text + at - text.size, text.as.text, text.size) == 0) found = at - text.size;
    return found == SIZE_MAX ? -1 : (int64_t)(offset + hd_utf8_count(part.as.text, found));
}
static value find(hd_jinja *j, value self, const value *a) { return hd_jinja_int(place(j, self, a, false, "find")); }
static value rfind(hd_jinja *j, value self, const value *a) { return hd_jinja_int(place(j, self, a, true, "rfind")); }
static value text_index(hd_jinja *j, value self, const value *a) {
    int64_t at = place(j, self, a, false, "index");
    return at < 0 ? hd_jinja_fail(j, "substring not found") : hd_jinja_int(at);
}
static value text_rindex(hd_jinja *j, value self, const value *a) {
    int64_t at = place(j, self, a, true, "rindex");
    return at < 0 ? hd_jinja_fail(j, "substring not found") : hd_jinja_int(at);
}
static value text_count(hd_jinja *j, value self, const value *a) {
    size_t offset, at = 0, times = 0;
    value text = hd_jinja_need_text(j, a[0], "count"), part = hd_jinja_part(j, self, a[1], a[2], &offset);
    if (j->failed || part.kind != HD_JINJA_STRING) return hd_jinja_int(0);
    if (!text.size) return hd_jinja_int((int64_t)hd_utf8_count(part.as.text, part.size) + 1);
    while ((at = hd_jinja_find(part.as.text, part.size, at, text.as.text, text.size)) != SIZE_MAX) {
        times++;
        at += text.size;
    }
    return hd_jinja_int((int64_t)times);
}

static value unsupported(hd_jinja *j, value self, const value *a) {
    return (void)self, (void)a, hd_jinja_fail(j, "bytes and translation tables are not supported");
}

/* ---- lists and tuples ---- */

static value list_count(hd_jinja *j, value self, const value *a) {
    int64_t times = 0;
    size_t length = 0;
    hd_jinja_length(self, &length);
    for (size_t i = 0; i < length && hd_jinja_step(j, 1); i++)
        times += hd_jinja_equal(j, hd_jinja_at(j, self, i), a[0]);
    return hd_jinja_int(times);
}

static value list_index(hd_jinja *j, value self, const value *a) {
    size_t length = 0;
    hd_jinja_length(self, &length);
    int64_t first = hd_jinja_need_int(j, a[1], 0), end = hd_jinja_need_int(j, a[2], (int64_t)length);
    if (first < 0) first = hd_max(first + (int64_t)length, 0);
    if (end < 0) end += (int64_t)length;
    for (int64_t i = first; i < hd_min(end, (int64_t)length) && hd_jinja_step(j, 1); i++)
        if (hd_jinja_equal(j, hd_jinja_at(j, self, (size_t)i), a[0])) return hd_jinja_int(i);
    hd_jinja_value text = hd_jinja_repr_of(j, a[0]);
    return hd_jinja_fail(j, "%.*s is not in %s", (int)text.size, j->failed ? "" : text.as.text, hd_jinja_type(self));
}

static value copy(hd_jinja *j, value self, const value *a) { return (void)a, (void)j, self; } /* lists never change */

/* ---- dicts ---- */

static value items(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_view_of(j, self, HD_JINJA_ITEMS);
}
static value keys(hd_jinja *j, value self, const value *a) { return (void)a, hd_jinja_view_of(j, self, HD_JINJA_KEYS); }
static value values(hd_jinja *j, value self, const value *a) {
    return (void)a, hd_jinja_view_of(j, self, HD_JINJA_VALUES);
}
static value get(hd_jinja *j, value self, const value *a) {
    if (!hd_jinja_hashable(a[0])) return hd_jinja_fail(j, "unhashable type: '%s'", hd_jinja_type(a[0]));
    const value *found = hd_jinja_dict_get(self.as.dict, a[0]);
    return found ? *found : a[1].kind == HD_JINJA_MISSING ? hd_jinja_none() : a[1];
}
static value fromkeys(hd_jinja *j, value self, const value *a) {
    size_t count;
    value list = hd_jinja_open(j, a[0], &count), dict = hd_jinja_dict_open(j, count);
    (void)self;
    for (size_t i = 0; i < count && !j->failed; i++)
        hd_jinja_dict_set(j, dict.as.dict, hd_jinja_at(j, list, i), a[1].kind ? a[1] : hd_jinja_none());
    return dict;
}

/* ---- numbers ---- */

static value is_integer(hd_jinja *j, value self, const value *a) {
    return (void)a, (void)j, hd_jinja_bool(self.as.real == (double)(int64_t)self.as.real);
}
static value bit_length(hd_jinja *j, value self, const value *a) {
    int64_t bits = 0;
    (void)a, (void)j;
    for (uint64_t rest = self.as.integer < 0 ? 0 - (uint64_t)self.as.integer : (uint64_t)self.as.integer; rest;
         rest >>= 1)
        bits++;
    return hd_jinja_int(bits);
}

/* ---- cyclers ---- */

static value cycler_next(hd_jinja *j, value self, const value *a) {
    hd_jinja_iterator *it = self.as.iterator;
    (void)a;
    value item = hd_jinja_at(j, it->source, it->position);
    it->position = (it->position + 1) % it->source.as.list->count;
    return item;
}
static value cycler_reset(hd_jinja *j, value self, const value *a) {
    (void)a, (void)j;
    self.as.iterator->position = 0;
    return hd_jinja_none();
}

/* ---- the table ---- */

typedef struct method_row {
    const char *name, *parameters;
    method_function *call; /* NULL: the method would change its object; with `format`, the arguments are not bound */
    uint8_t kind;
    bool format;
} method_row;

#define TEXT HD_JINJA_STRING
#define LIST HD_JINJA_LIST
#define DICT HD_JINJA_DICT
static const method_row rows[] = {
    {"capitalize", "", capitalize, TEXT},
    {"casefold", "", casefold, TEXT},
    {"center", "width!,fillchar", center, TEXT},
    {"count", "sub!,start,end", text_count, TEXT},
    {"encode", "encoding,errors", unsupported, TEXT},
    {"endswith", "suffix!,start,end", endswith, TEXT},
    {"expandtabs", "tabsize", expandtabs, TEXT},
    {"find", "sub!,start,end", find, TEXT},
    {"format", "", unsupported, TEXT, true},
    {"format_map", "mapping!", unsupported, TEXT, true},
    {"index", "sub!,start,end", text_index, TEXT},
    {"isalnum", "", is_alnum, TEXT},
    {"isalpha", "", is_alpha, TEXT},
    {"isascii", "", is_ascii, TEXT},
    {"isdecimal", "", is_decimal, TEXT},
    {"isdigit", "", is_digit, TEXT},
    {"isidentifier", "", is_identifier, TEXT},
    {"islower", "", is_lower, TEXT},
    {"isnumeric", "", is_numeric, TEXT},
    {"isprintable", "", is_printable, TEXT},
    {"isspace", "", is_space, TEXT},
    {"istitle", "", is_title, TEXT},
    {"isupper", "", is_upper, TEXT},
    {"join", "iterable!", join, TEXT},
    {"ljust", "width!,fillchar", ljust, TEXT},
    {"lower", "", lower, TEXT},
    {"lstrip", "chars", lstrip, TEXT},
    {"maketrans", "x!,y,z", unsupported, TEXT},
    {"partition", "sep!", partition, TEXT},
    {"removeprefix", "prefix!", removeprefix, TEXT},
    {"removesuffix", "suffix!", removesuffix, TEXT},
    {"replace", "old!,new!,count", replace, TEXT},
    {"rfind", "sub!,start,end", rfind, TEXT},
    {"rindex", "sub!,start,end", text_rindex, TEXT},
    {"rjust", "width!,fillchar", rjust, TEXT},
    {"rpartition", "sep!", rpartition, TEXT},
    {"rsplit", "sep,maxsplit", rsplit, TEXT},
    {"rstrip", "chars", rstrip, TEXT},
    {"split", "sep,maxsplit", split, TEXT},
    {"splitlines", "keepends", splitlines, TEXT},
    {"startswith", "prefix!,start,end", startswith, TEXT},
    {"strip", "chars", strip, TEXT},
    {"swapcase", "", swapcase, TEXT},
    {"title", "", title, TEXT},
    {"translate", "table!", unsupported, TEXT},
    {"upper", "", upper, TEXT},
    {"zfill", "width!", zfill, TEXT},
    {"append", "", NULL, LIST},
    {"clear", "", NULL, LIST},
    {"copy", "", copy, LIST},
    {"count", "value!", list_count, LIST},
    {"extend", "", NULL, LIST},
    {"index", "value!,start,stop", list_index, LIST},
    {"insert", "", NULL, LIST},
    {"pop", "", NULL, LIST},
    {"remove", "", NULL, LIST},
    {"reverse", "", NULL, LIST},
    {"sort", "", NULL, LIST},
    {"count", "value!", list_count, HD_JINJA_TUPLE},
    {"index", "value!,start,stop", list_index, HD_JINJA_TUPLE},
    {"count", "value!", list_count, HD_JINJA_RANGE},
    {"index", "value!", list_index, HD_JINJA_RANGE},
    {"clear", "", NULL, DICT},
    {"copy", "", copy, DICT},
    {"fromkeys", "iterable!,value", fromkeys, DICT},
    {"get", "key!,default", get, DICT},
    {"items", "", items, DICT},
    {"keys", "", keys, DICT},
    {"pop", "", NULL, DICT},
    {"popitem", "", NULL, DICT},
    {"setdefault", "", NULL, DICT},
    {"update", "", NULL, DICT},
    {"values", "", values, DICT},
    {"is_integer", "", is_integer, HD_JINJA_FLOAT},
    {"bit_length", "", bit_length, HD_JINJA_INT},
    {"fromkeys", "iterable!,value", fromkeys, HD_JINJA_FUNCTION},
    {"next", "", cycler_next, HD_JINJA_CYCLER},
    {"reset", "", cycler_reset, HD_JINJA_CYCLER},
};

int hd_jinja_find_method(hd_jinja_value self, hd_jinja_value name) {
    for (size_t i = 0; i < HD_COUNT(rows); i++)
        if (name.size && rows[i].kind == self.kind && rows[i].name[0] == name.as.text[0] &&
            hd_jinja_is_text(name, rows[i].name))
            return rows[i].call ? (int)i : -2;
    return -1;
}

static hd_jinja_value format(hd_jinja *j, const method_row *row, value self, const hd_jinja_arguments *arguments) {
    value bound[HD_JINJA_PARAMETERS];
    if (!row->parameters[0]) return hd_jinja_format_braces(j, self, arguments, hd_jinja_missing());
    if (!hd_jinja_bind(j, row->name, row->parameters, arguments, bound)) return hd_jinja_missing();
    return hd_jinja_format_braces(j, self, &(hd_jinja_arguments){0}, bound[0]);
}

hd_jinja_value hd_jinja_call_method(hd_jinja *j, const hd_jinja_method *method, const hd_jinja_arguments *arguments) {
    const method_row *row = &rows[method->number];
    value bound[HD_JINJA_PARAMETERS];
    if (row->format) return format(j, row, method->self, arguments);
    if (!hd_jinja_bind(j, row->name, row->parameters, arguments, bound)) return hd_jinja_missing();
    return row->call(j, method->self, bound);
}
