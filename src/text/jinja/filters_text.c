#include "text/jinja/filters_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "text/jinja/access.h"
#include "text/jinja/case.h"
#include "text/jinja/characters.h"
#include "text/jinja/format.h"
#include "text/jinja/operate.h"
#include "text/jinja/print.h"
#include "text/jinja/text_methods.h"

typedef hd_jinja_value value;

static bool is_given(value v) { return v.kind != HD_JINJA_MISSING && v.kind != HD_JINJA_NONE; }
static value as_markup(value v) {
    v.markup = v.kind == HD_JINJA_STRING;
    return v;
}

/* ---- case ---- */

value hd_jinja_filter_upper(hd_jinja *j, value v, const value *a) {
    return (void)a, hd_jinja_map_case(j, hd_jinja_string(j, v, true), HD_JINJA_UPPER);
}
value hd_jinja_filter_lower(hd_jinja *j, value v, const value *a) {
    return (void)a, hd_jinja_map_case(j, hd_jinja_string(j, v, true), HD_JINJA_LOWER);
}
value hd_jinja_filter_capitalize(hd_jinja *j, value v, const value *a) {
    return (void)a, hd_jinja_map_case(j, hd_jinja_string(j, v, true), HD_JINJA_CAPITALIZE);
}

static bool ends_word(uint32_t code) {
    return hd_jinja_is_space(code) || (code < 0x80 && code && strchr("-({[<", (int)code));
}

/* Unlike str.title, an apostrophe or a digit does not begin a word. */
value hd_jinja_filter_title(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    (void)a;
    v = hd_jinja_string(j, v, true);
    hd_buffer_open(&out, j->context);
    for (size_t at = 0; !j->failed && at < v.size;) {
        uint32_t code;
        size_t first = hd_utf8_decode(v.as.text + at, v.size - at, &code), end = at + first;
        bool between = ends_word(code);
        while (end < v.size) {
            size_t bytes = hd_utf8_decode(v.as.text + end, v.size - end, &code);
            if (ends_word(code) != between) break;
            end += bytes;
        }
        value head = hd_jinja_map_case(j, hd_jinja_text(j, v.as.text + at, first), HD_JINJA_UPPER);
        value tail = hd_jinja_map_case(j, hd_jinja_text(j, v.as.text + at + first, end - at - first), HD_JINJA_LOWER);
        hd_jinja_print(j, head, &out);
        hd_jinja_print(j, tail, &out);
        at = end;
    }
    return hd_jinja_take(j, &out);
}

/* ---- escaping ---- */

value hd_jinja_filter_escape(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    (void)a;
    hd_buffer_open(&out, j->context);
    hd_jinja_escape(j, v, &out);
    return as_markup(hd_jinja_take(j, &out));
}
value hd_jinja_filter_forceescape(hd_jinja *j, value v, const value *a) {
    return hd_jinja_filter_escape(j, hd_jinja_string(j, v, false), a);
}
value hd_jinja_filter_safe(hd_jinja *j, value v, const value *a) {
    return (void)a, as_markup(hd_jinja_string(j, v, false));
}
value hd_jinja_filter_string(hd_jinja *j, value v, const value *a) { return (void)a, hd_jinja_string(j, v, true); }

/* Removes what is from `open` to `close`, as long as both are there. */
static void remove_between(char *text, size_t *size, const char *open, const char *close) {
    size_t at = 0;
    while ((at = hd_jinja_find(text, *size, at, open, strlen(open))) != SIZE_MAX) {
        size_t end = hd_jinja_find(text, *size, at, close, strlen(close));
        if (end == SIZE_MAX) return;
        end += strlen(close);
        memmove(text + at, text + end, *size - end);
        *size -= end - at;
    }
}

static void append_entity(value v, size_t *at, hd_buffer *out) {
    static const char *const names[][2] = {{"amp;", "&"},   {"lt;", "<"},   {"gt;", ">"},
                                           {"quot;", "\""}, {"apos;", "'"}, {"nbsp;", "\u00A0"}};
    const char *rest = v.as.text + *at + 1;
    size_t left = v.size - *at - 1;
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        size_t size = strlen(names[i][0]);
        if (left < size || memcmp(rest, names[i][0], size) != 0) continue;
        hd_buffer_text(out, names[i][1]);
        *at += size + 1;
        return;
    }
    char digits[12] = {0}, utf8[4], *end;
    if (left > 1 && rest[0] == '#') {
        memcpy(digits, rest + 1, left - 1 < sizeof digits - 1 ? left - 1 : sizeof digits - 1);
        bool hex = digits[0] == 'x' || digits[0] == 'X';
        unsigned long code = strtoul(digits + hex, &end, hex ? 16 : 10);
        if (end > digits + hex && *end == ';' && code > 0x1F && code < 0x110000 && (code < 0xD800 || code > 0xDFFF)) {
            hd_buffer_append(out, utf8, hd_utf8_encode((uint32_t)code, utf8));
            *at += (size_t)(end - digits) + 3;
            return;
        }
    }
    hd_buffer_byte(out, '&');
    ++*at;
}

value hd_jinja_filter_striptags(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    (void)a;
    v = hd_jinja_string(j, v, false);
    v = hd_jinja_copy(j, v.as.text, v.size);
    if (j->failed) return v;
    size_t size = v.size;
    char *text = (char *)(uintptr_t)v.as.text;
    remove_between(text, &size, "<!--", "-->");
    remove_between(text, &size, "<", ">");
    v.size = (uint32_t)size;
    v = hd_jinja_join(j, HD_JINJA_LITERAL(j, " "), hd_jinja_split(j, v, hd_jinja_none(), -1, false), false);
    hd_buffer_open(&out, j->context);
    for (size_t at = 0; !j->failed && at < v.size;) {
        if (v.as.text[at] == '&')
            append_entity(v, &at, &out);
        else
            hd_buffer_byte(&out, v.as.text[at++]);
    }
    return hd_jinja_take(j, &out);
}

static void quote(hd_jinja *j, value v, bool query, hd_buffer *out) {
    v = hd_jinja_string(j, v, false);
    for (uint32_t i = 0; !j->failed && i < v.size; i++) {
        unsigned char c = (unsigned char)v.as.text[i];
        bool plain = (c < 0x80 && (hd_jinja_is_alpha(c) || hd_jinja_is_decimal(c) || (c && strchr("_.-~", c))));
        if (plain || (c == '/' && !query))
            hd_buffer_byte(out, (char)c);
        else if (c == ' ' && query)
            hd_buffer_byte(out, '+');
        else
            hd_buffer_format(out, "%%%02X", c);
    }
}

value hd_jinja_filter_urlencode(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    size_t count = 0;
    (void)a;
    hd_buffer_open(&out, j->context);
    bool pairs = v.kind != HD_JINJA_STRING && hd_jinja_is_iterable(v);
    if (!pairs) quote(j, v, false, &out);
    if (v.kind == HD_JINJA_DICT) v = hd_jinja_view_of(j, v, HD_JINJA_ITEMS);
    value list = pairs ? hd_jinja_open(j, v, &count) : v;
    for (size_t i = 0; i < count && hd_jinja_check_size(j, &out); i++) {
        value pair = hd_jinja_to_list(j, hd_jinja_at(j, list, i));
        if (!j->failed && pair.as.list->count != 2) hd_jinja_fail(j, "a pair is expected");
        if (j->failed) break;
        if (i) hd_buffer_byte(&out, '&');
        quote(j, pair.as.list->items[0], true, &out);
        hd_buffer_byte(&out, '=');
        quote(j, pair.as.list->items[1], true, &out);
    }
    return hd_jinja_take(j, &out);
}

value hd_jinja_filter_xmlattr(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind != HD_JINJA_DICT) return hd_jinja_fail(j, "'%s' object has no attribute 'items'", hd_jinja_type(v));
    bool spaced = a[0].kind == HD_JINJA_MISSING || hd_jinja_truth(a[0]);
    hd_buffer_open(&out, j->context);
    for (size_t i = 0; i < v.as.dict->count && !j->failed; i++) {
        value key = v.as.dict->keys[i], item = v.as.dict->values[i];
        if (item.kind == HD_JINJA_NONE || item.kind == HD_JINJA_UNDEFINED) continue;
        if (key.kind != HD_JINJA_STRING)
            hd_jinja_fail(j, "expected string or bytes-like object, got '%s'", hd_jinja_type(key));
        for (uint32_t c = 0; !j->failed && c < key.size; c++)
            if (strchr(" \t\n\r\f\v/>=", key.as.text[c]))
                hd_jinja_fail(j, "Invalid character in attribute name: '%.*s'", (int)key.size, key.as.text);
        if (j->failed) break;
        if (spaced || out.size) hd_buffer_byte(&out, ' ');
        hd_jinja_escape(j, key, &out);
        hd_buffer_text(&out, "=\"");
        hd_jinja_escape(j, item, &out);
        hd_buffer_byte(&out, '"');
    }
    return hd_jinja_take(j, &out);
}

/* ---- layout ---- */

value hd_jinja_filter_center(hd_jinja *j, value v, const value *a) {
    return hd_jinja_justify(j, hd_jinja_string(j, v, true), hd_jinja_need_int(j, a[0], 80), hd_jinja_missing(), '^');
}
value hd_jinja_filter_trim(hd_jinja *j, value v, const value *a) {
    return hd_jinja_strip_text(j, hd_jinja_string(j, v, true), a[0], true, true);
}
value hd_jinja_filter_replace(hd_jinja *j, value v, const value *a) {
    int64_t most = is_given(a[2]) ? hd_jinja_need_int(j, a[2], -1) : -1;
    return hd_jinja_replace(j, hd_jinja_string(j, v, false), hd_jinja_string(j, a[0], false),
                            hd_jinja_string(j, a[1], false), most);
}

value hd_jinja_filter_indent(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    value width = a[0];
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind != HD_JINJA_STRING)
        return hd_jinja_fail(j, "unsupported operand type(s) for +=: '%s' and 'str'", hd_jinja_type(v));
    if (width.kind != HD_JINJA_STRING)
        width = hd_jinja_binary(j, HD_JINJA_MULTIPLY, HD_JINJA_LITERAL(j, " "),
                                width.kind == HD_JINJA_MISSING ? hd_jinja_int(4) : width);
    bool first = hd_jinja_truth(a[1]), blank = hd_jinja_truth(a[2]);
    value lines = hd_jinja_split_lines(j, hd_jinja_join_two(j, v, HD_JINJA_LITERAL(j, "\n")), false);
    hd_buffer_open(&out, j->context);
    for (size_t i = 0; !j->failed && i < lines.as.list->count && hd_jinja_check_size(j, &out); i++) {
        value line = lines.as.list->items[i];
        if (i) hd_buffer_byte(&out, '\n');
        if (i ? blank || line.size : first) hd_buffer_append(&out, width.as.text, width.size);
        hd_buffer_append(&out, line.as.text, line.size);
    }
    value text = hd_jinja_take(j, &out);
    text.markup = v.markup;
    return text;
}

value hd_jinja_filter_truncate(hd_jinja *j, value v, const value *a) {
    int64_t length = hd_jinja_need_int(j, a[0], 255), leeway = is_given(a[3]) ? hd_jinja_need_int(j, a[3], 5) : 5;
    value end = a[2].kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, "...") : hd_jinja_need_text(j, a[2], "truncate");
    size_t size = 0, end_size = 0;
    if (j->failed) return hd_jinja_missing();
    hd_jinja_length(end, &end_size);
    if (length < (int64_t)end_size)
        return hd_jinja_fail(j, "expected length >= %zu, got %lld", end_size, (long long)length);
    if (leeway < 0) return hd_jinja_fail(j, "expected leeway >= 0, got %lld", (long long)leeway);
    if (!hd_jinja_length(v, &size)) return hd_jinja_fail(j, "object of type '%s' has no len()", hd_jinja_type(v));
    if ((int64_t)size <= length || (int64_t)size - length <= leeway) return v;
    v = hd_jinja_slice(j, v, hd_jinja_none(), hd_jinja_int(length - (int64_t)end_size), hd_jinja_none());
    if (!hd_jinja_truth(a[1])) {
        if (v.kind != HD_JINJA_STRING)
            return hd_jinja_fail(j, "'%s' object has no attribute 'rsplit'", hd_jinja_type(v));
        value parts = hd_jinja_split(j, v, HD_JINJA_LITERAL(j, " "), 1, true);
        if (!j->failed) v = parts.as.list->items[0];
    }
    return hd_jinja_binary(j, HD_JINJA_ADD, v, end);
}

value hd_jinja_filter_wordcount(hd_jinja *j, value v, const value *a) {
    int64_t words = 0;
    bool inside = false;
    (void)a;
    v = hd_jinja_string(j, v, true);
    for (size_t at = 0; !j->failed && at < v.size;) {
        uint32_t code;
        at += hd_utf8_decode(v.as.text + at, v.size - at, &code);
        bool word = hd_jinja_is_word(code);
        words += word && !inside;
        inside = word;
    }
    return hd_jinja_int(words);
}

/* ---- JSON ---- */

static bool read_indent(hd_jinja *j, value v, hd_jinja_json_options *o) {
    if (v.kind == HD_JINJA_STRING) return o->indent = v.as.text, o->indent_size = v.size, true;
    if (!hd_jinja_is_whole(v))
        return hd_jinja_fail(j, "can't multiply sequence by non-int of type '%s'", hd_jinja_type(v)), false;
    value spaces = hd_jinja_binary(j, HD_JINJA_MULTIPLY, HD_JINJA_LITERAL(j, " "), v);
    o->indent = spaces.as.text;
    o->indent_size = spaces.size;
    return !j->failed;
}

value hd_jinja_filter_tojson(hd_jinja *j, value v, const value *a) {
    hd_buffer out;
    hd_jinja_json_options o = {.ascii = hd_jinja_truth(a[0]), .sorted = hd_jinja_truth(a[3])};
    if (is_given(a[1]) && !read_indent(j, a[1], &o)) return hd_jinja_missing();
    o.item_separator = o.indent ? HD_JINJA_LITERAL(j, ",") : HD_JINJA_LITERAL(j, ", ");
    o.key_separator = HD_JINJA_LITERAL(j, ": ");
    if (is_given(a[2])) {
        value pair = hd_jinja_to_list(j, a[2]);
        if (!j->failed && pair.as.list->count != 2) hd_jinja_fail(j, "separators are a pair");
        if (j->failed) return hd_jinja_missing();
        o.item_separator = hd_jinja_need_text(j, pair.as.list->items[0], "tojson");
        o.key_separator = hd_jinja_need_text(j, pair.as.list->items[1], "tojson");
    }
    hd_buffer_open(&out, j->context);
    hd_jinja_json(j, v, &o, &out);
    return hd_jinja_take(j, &out);
}

/* ---- numbers ---- */

value hd_jinja_filter_abs(hd_jinja *j, value v, const value *a) {
    (void)a;
    if (v.kind == HD_JINJA_FLOAT) return hd_jinja_float(fabs(v.as.real));
    if (hd_jinja_is_whole(v)) return v.as.integer < 0 ? hd_jinja_negate(j, v, true) : hd_jinja_int(v.as.integer);
    return hd_jinja_fail(j, "bad operand type for abs(): '%s'", hd_jinja_type(v));
}

/* The text of a number as C reads it: without white space at its ends, and without "_" between digits. False if it is no
 * such text. */
static bool plain_number(value v, char out[64]) {
    hd_jinja_span it = hd_jinja_strip((hd_jinja_span){v.as.text, v.size}, NULL, true, true);
    size_t size = 0;
    if (!it.size || it.size > 60) return false;
    for (size_t i = 0; i < it.size; i++) {
        char c = it.text[i];
        bool inner = i > 0 && i + 1 < it.size && it.text[i - 1] != '_' && it.text[i + 1] != '_';
        if (!c || (c == '_' && !inner)) return false;
        if (c != '_') out[size++] = c;
    }
    out[size] = 0;
    return true;
}

static bool to_real(hd_jinja *j, value v, double *out) {
    char text[64];
    if (hd_jinja_is_number(v)) return *out = hd_jinja_real(v), true;
    if (v.kind == HD_JINJA_UNDEFINED) hd_jinja_fail_undefined(j, v);
    if (v.kind != HD_JINJA_STRING || !plain_number(v, text)) return false;
    const char *word = text + (text[0] == '-' || text[0] == '+');
    if (strncasecmp(word, "nan", 4) == 0) return *out = NAN, true;
    if (strncasecmp(word, "infinity", 9) == 0 || strncasecmp(word, "inf", 4) == 0)
        return *out = text[0] == '-' ? -INFINITY : INFINITY, true;
    return hd_read_double(text, out);
}

value hd_jinja_filter_float(hd_jinja *j, value v, const value *a) {
    double number;
    if (to_real(j, v, &number)) return hd_jinja_float(number);
    return a[0].kind == HD_JINJA_MISSING ? hd_jinja_float(0) : a[0];
}

/* int(text, base); 1 if it is a number, 0 if not, −1 if it does not fit. */
static int to_integer(value v, int64_t base, int64_t *out) {
    char text[64], *end;
    if (!plain_number(v, text)) return 0;
    bool minus = text[0] == '-';
    const char *digits = text + (minus || text[0] == '+');
    int64_t prefix = digits[0] != '0'          ? 0
                     : (digits[1] | 32) == 'x' ? 16
                     : (digits[1] | 32) == 'o' ? 8
                     : (digits[1] | 32) == 'b' ? 2
                                               : 0;
    if (prefix && (base == prefix || base == 0)) digits += 2, base = prefix;
    if (!base) base = 10;
    if (*digits == '-' || *digits == '+' || *digits == ' ' || !*digits) return 0;
    if (base == 16 && digits[0] == '0' && (digits[1] | 32) == 'x') return 0;
    unsigned long long number = strtoull(digits, &end, (int)base);
    if (*end) return 0;
    if (strlen(digits) > 20 || number > INT64_MAX) return -1;
    *out = minus ? -(int64_t)number : (int64_t)number;
    return 1;
}

value hd_jinja_filter_int(hd_jinja *j, value v, const value *a) {
    value otherwise = a[0].kind == HD_JINJA_MISSING ? hd_jinja_int(0) : a[0];
    int64_t number = 0;
    double real;
    if (hd_jinja_is_whole(v)) return hd_jinja_int(v.as.integer);
    if (v.kind == HD_JINJA_STRING) {
        int64_t base = hd_jinja_need_int(j, a[1], 10);
        if (base < 0 || base == 1 || base > 36) return hd_jinja_fail(j, "int() base must be >= 2 and <= 36, or 0");
        int status = to_integer(v, base, &number);
        if (status > 0) return hd_jinja_int(number);
        if (status < 0) return hd_jinja_fail(j, "an integer needs more than 64 bits");
    }
    if (!to_real(j, v, &real) || isnan(real) || isinf(real)) return otherwise;
    if (!(fabs(real) < 9.2e18)) return hd_jinja_fail(j, "an integer needs more than 64 bits");
    return hd_jinja_int((int64_t)real);
}

/* As Python's round: the nearest decimal, and the even one of two. */
static double round_decimal(double number, int64_t decimals) {
    char text[400];
    double rounded = number;
    if (isnan(number) || isinf(number) || decimals > 300) return number;
    if (decimals >= 0) {
        hd_print_number(text, sizeof text, "%.*f", (int)decimals, number);
        hd_read_double(text, &rounded);
        return rounded;
    }
    double unit = pow(10, (double)-decimals);
    return decimals < -300 ? copysign(0, number) : nearbyint(number / unit) * unit;
}

value hd_jinja_filter_round(hd_jinja *j, value v, const value *a) {
    value method = a[1].kind == HD_JINJA_MISSING ? HD_JINJA_LITERAL(j, "common") : a[1];
    bool up = hd_jinja_is_text(method, "ceil"), down = hd_jinja_is_text(method, "floor");
    if (!up && !down && !hd_jinja_is_text(method, "common"))
        return hd_jinja_fail(j, "method must be common, ceil or floor");
    int64_t decimals = hd_jinja_need_int(j, a[0], 0);
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (!hd_jinja_is_number(v)) return hd_jinja_fail(j, "type %s doesn't define __round__ method", hd_jinja_type(v));
    if (!up && !down && v.kind == HD_JINJA_FLOAT) return hd_jinja_float(round_decimal(v.as.real, decimals));
    if (!up && !down)
        return decimals >= 0 ? hd_jinja_int(v.as.integer)
                             : hd_jinja_int((int64_t)round_decimal((double)v.as.integer, decimals));
    value unit = hd_jinja_binary(j, HD_JINJA_POWER, hd_jinja_int(10), hd_jinja_int(decimals));
    double scaled = hd_jinja_real(hd_jinja_binary(j, HD_JINJA_MULTIPLY, v, unit));
    if (!j->failed && !(fabs(scaled) < 9.2e18)) hd_jinja_fail(j, "cannot convert a float of this size to integer");
    if (j->failed) return hd_jinja_missing();
    return hd_jinja_binary(j, HD_JINJA_DIVIDE, hd_jinja_int((int64_t)(up ? ceil(scaled) : floor(scaled))), unit);
}

value hd_jinja_filter_filesizeformat(hd_jinja *j, value v, const value *a) {
    static const char *const units[2][8] = {{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"},
                                            {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}};
    bool binary = hd_jinja_truth(a[0]);
    double bytes, base = binary ? 1024 : 1000, unit = base;
    hd_buffer out;
    if (!to_real(j, v, &bytes)) return hd_jinja_fail(j, "could not convert to float: '%s'", hd_jinja_type(v));
    if (bytes == 1) return HD_JINJA_LITERAL(j, "1 Byte");
    hd_buffer_open(&out, j->context);
    if (bytes < base) {
        hd_buffer_format(&out, "%lld Bytes", (long long)bytes);
    } else {
        size_t i = 0;
        for (unit = base * base; i < 7 && bytes >= unit; i++) unit *= base;
        value number = hd_jinja_fixed(j, base * bytes / unit, 1);
        hd_jinja_print(j, number, &out);
        hd_buffer_format(&out, " %s", units[binary][i]);
    }
    return hd_jinja_take(j, &out);
}
