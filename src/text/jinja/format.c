#include "text/jinja/format.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "text/jinja/print.h"

enum { MOST_WIDTH = 1 << 20, MOST_PRECISION = 300, NUMBER_TEXT = 800 };

/* How a value is laid out: the flags of both notations. */
typedef struct layout {
    char fill[4]; /* one character */
    size_t fill_size;
    char align;    /* '<', '>', '^', '=' or 0 */
    char sign;     /* '-', '+', ' ' or 0 */
    char grouping; /* ',' or '_' or 0 */
    bool alternate, zero;
    int64_t width, precision; /* precision −1: none */
    char kind;                /* 0: none */
} layout;

static void pad(hd_jinja *j, const layout *l, const char *text, size_t size, size_t prefix, char align,
                hd_buffer *out) {
    size_t length = hd_utf8_count(text, size), missing = 0;
    if (l->width > (int64_t)length) missing = (size_t)l->width - length;
    if (!hd_jinja_step(j, missing)) return;
    size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
    if (align == '=') {
        hd_buffer_append(out, text, prefix);
        text += prefix, size -= prefix;
    }
    for (size_t i = 0; i < left; i++) hd_buffer_append(out, l->fill, l->fill_size);
    hd_buffer_append(out, text, size);
    for (size_t i = left; i < missing; i++) hd_buffer_append(out, l->fill, l->fill_size);
}

/* ---- numbers ---- */

/* Digits of an integer without its sign. */
static size_t digits_of(int64_t number, char kind, char text[NUMBER_TEXT]) {
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    unsigned base = kind == 'x' || kind == 'X' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    char reversed[72];
    size_t count = 0;
    do {
        reversed[count++] = (kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
        rest /= base;
    } while (rest);
    for (size_t i = 0; i < count; i++) text[i] = reversed[count - 1 - i];
    return count;
}

/* Inserts the grouping mark into the digits at the beginning of a number. */
static size_t group(const char *digits, size_t size, char mark, size_t every, char text[NUMBER_TEXT]) {
    size_t whole = 0, length = 0;
    while (whole < size && isxdigit((unsigned char)digits[whole])) whole++;
    for (size_t i = 0; i < whole; i++) {
        if (mark && i && (whole - i) % every == 0) text[length++] = mark;
        text[length++] = digits[i];
    }
    memcpy(text + length, digits + whole, size - whole);
    return length + size - whole;
}

static void lay_number(hd_jinja *j, const layout *l, bool negative, const char *prefix, const char *digits, size_t size,
                       hd_buffer *out) {
    char text[NUMBER_TEXT * 2];
    size_t at = 0;
    if (negative || l->sign == '+' || l->sign == ' ') text[at++] = negative ? '-' : l->sign;
    for (; *prefix; prefix++) text[at++] = *prefix;
    size_t head = at;
    at += group(digits, size, l->grouping, strchr("xXob", l->kind ? l->kind : 'd') ? 4 : 3, text + at);
    pad(j, l, text, at, head, l->align ? l->align : l->zero ? '=' : '>', out);
}

static void lay_integer(hd_jinja *j, const layout *l, int64_t number, hd_buffer *out) {
    char digits[NUMBER_TEXT];
    size_t size = digits_of(number, l->kind, digits);
    if (l->precision > (int64_t)size) { /* of "%.5d" */
        size_t zeros = (size_t)l->precision - size;
        memmove(digits + zeros, digits, size);
        memset(digits, '0', zeros);
        size += zeros;
    }
    const char *prefix = !l->alternate    ? ""
                         : l->kind == 'x' ? "0x"
                         : l->kind == 'X' ? "0X"
                         : l->kind == 'o' ? "0o"
                         : l->kind == 'b' ? "0b"
                                          : "";
    lay_number(j, l, number < 0, prefix, digits, size, out);
}

static size_t real_text(const layout *l, double number, char text[NUMBER_TEXT]) {
    char format[] = "%.*f", kind = l->kind ? l->kind : 'g';
    bool percent = kind == '%', upper = isupper((unsigned char)kind);
    if (percent) kind = 'f', number *= 100;
    if (isnan(number) || isinf(number))
        return (size_t)snprintf(text, NUMBER_TEXT, "%s%s",
                                isnan(number) ? (upper ? "NAN" : "nan")
                                : upper       ? "INF"
                                              : "inf",
                                percent ? "%" : "");
    format[3] = kind == 'n' ? 'g' : kind;
    int precision = l->precision < 0 ? 6 : (int)l->precision;
    char alternate[] = "%#.*f";
    alternate[4] = format[3];
    int size = hd_print_number(text, NUMBER_TEXT - 4, l->alternate ? alternate : format, precision, number);
    if (percent) text[size++] = '%';
    return (size_t)size;
}

static void lay_real(hd_jinja *j, const layout *l, double number, hd_buffer *out) {
    char text[NUMBER_TEXT];
    size_t size;
    bool negative = signbit(number) && !isnan(number);
    number = negative ? -number : number;
    if (l->kind || l->precision >= 0) {
        size = real_text(l, number, text);
        /* without a kind, a number has at least one decimal, as repr() */
        if (!l->kind && !memchr(text, '.', size) && !memchr(text, 'e', size) && isfinite(number)) {
            if (size < (size_t)l->precision + 1 && size + 2 < NUMBER_TEXT) memcpy(text + size, ".0", 2), size += 2;
        }
    } else {
        size = hd_jinja_float_text(number, text);
    }
    lay_number(j, l, negative, "", text, size, out);
}

hd_jinja_value hd_jinja_fixed(hd_jinja *j, double number, int decimals) {
    char text[NUMBER_TEXT];
    int size = hd_print_number(text, sizeof text, "%.*f", decimals, number);
    return hd_jinja_copy(j, text, (size_t)size);
}

/* ---- strings ---- */

static void lay_text(hd_jinja *j, const layout *l, hd_jinja_value text, hd_buffer *out) {
    if (j->failed) return;
    size_t size = text.size;
    if (l->precision >= 0) size = hd_utf8_offset(text.as.text, size, (size_t)l->precision);
    pad(j, l, text.as.text, size, 0, l->align && l->align != '=' ? l->align : '<', out);
}

/* ---- the specifications of str.format ---- */

static int64_t read_count(const char **at, const char *end) {
    int64_t count = 0;
    while (*at < end && isdigit((unsigned char)**at) && count <= MOST_WIDTH) count = count * 10 + (*(*at)++ - '0');
    return count;
}

static bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

static bool read_spec(hd_jinja *j, const char *spec, size_t size, layout *l) {
    const char *at = spec, *end = spec + size;
    uint32_t code;
    *l = (layout){.fill = " ", .fill_size = 1, .precision = -1};
    size_t bytes = size ? hd_utf8_decode(at, size, &code) : 0;
    if (bytes && bytes < size && is_align(at[bytes])) {
        memcpy(l->fill, at, bytes);
        l->fill_size = bytes;
        l->align = at[bytes];
        at += bytes + 1;
    } else if (size && is_align(*at)) {
        l->align = *at++;
    }
    if (at < end && strchr("+- ", *at)) l->sign = *at++;
    if (at < end && *at == '#') l->alternate = at++;
    if (at < end && *at == '0') {
        l->zero = at++;
        if (!l->align) l->fill[0] = '0', l->fill_size = 1;
    }
    l->width = read_count(&at, end);
    if (at < end && (*at == ',' || *at == '_')) l->grouping = *at++;
    if (at < end && *at == '.') {
        at++;
        if (at == end || !isdigit((unsigned char)*at))
            return hd_jinja_fail(j, "Format specifier missing precision"), false;
        l->precision = read_count(&at, end);
    }
    if (at < end) l->kind = *at++;
    if (at < end || l->width > MOST_WIDTH || l->precision > MOST_PRECISION)
        return hd_jinja_fail(j, "Invalid format specifier '%.*s'", (int)size, spec), false;
    return true;
}

void hd_jinja_format_value(hd_jinja *j, hd_jinja_value v, const char *spec, size_t size, hd_buffer *out) {
    layout l;
    if (j->failed) return;
    if (!size) hd_jinja_print(j, v, out);
    if (!size || !read_spec(j, spec, size, &l)) return;
    bool whole = hd_jinja_is_whole(v), number = hd_jinja_is_number(v);
    if (v.kind == HD_JINJA_STRING && (!l.kind || l.kind == 's'))
        lay_text(j, &l, v, out);
    else if (whole && l.kind == 'c')
        hd_jinja_fail(j, "the format code 'c' is not supported");
    else if (v.kind == HD_JINJA_BOOL && !l.kind)
        lay_text(j, &l, hd_jinja_string(j, v, false), out);
    else if (whole && (!l.kind || strchr("dnxXob", l.kind)))
        l.precision >= 0 ? (void)hd_jinja_fail(j, "Precision not allowed in integer format specifier")
                         : lay_integer(j, &l, v.as.integer, out);
    else if (number && (!l.kind || strchr("eEfFgGn%", l.kind)))
        lay_real(j, &l, hd_jinja_real(v), out);
    else if (number || v.kind == HD_JINJA_STRING)
        hd_jinja_fail(j, "Unknown format code '%c' for object of type '%s'", l.kind, hd_jinja_type(v));
    else
        hd_jinja_fail(j, "unsupported format string passed to %s.__format__", hd_jinja_type(v));
    hd_jinja_check_size(j, out);
}

/* ---- the notation of C ---- */

typedef struct percent {
    hd_jinja *j;
    const char *at, *end;
    hd_jinja_value values;
    size_t next; /* of a tuple's items; 1: the only value was used */
    bool named, markup;
    hd_buffer *out;
} percent;

static hd_jinja_value next_value(percent *p) {
    hd_jinja_value v = p->values;
    if (v.kind != HD_JINJA_TUPLE && p->next++ == 0) return v;
    if (v.kind == HD_JINJA_TUPLE && p->next < v.as.list->count) return v.as.list->items[p->next++];
    return hd_jinja_fail(p->j, "not enough arguments for format string");
}

static hd_jinja_value named_value(percent *p) {
    const char *first = ++p->at;
    for (int depth = 1; p->at < p->end; p->at++) {
        depth += *p->at == '(' ? 1 : *p->at == ')' ? -1 : 0;
        if (!depth) break;
    }
    if (p->at == p->end) return hd_jinja_fail(p->j, "incomplete format key");
    hd_jinja_value key = hd_jinja_text(p->j, first, (size_t)(p->at++ - first));
    if (p->values.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(p->j, p->values);
    if (p->values.kind != HD_JINJA_DICT) return hd_jinja_fail(p->j, "format requires a mapping");
    const hd_jinja_value *value = hd_jinja_dict_get(p->values.as.dict, key);
    p->named = true;
    if (value) return *value;
    hd_jinja_value quoted = hd_jinja_repr_of(p->j, key);
    return p->j->failed ? quoted : hd_jinja_fail_text(p->j, quoted.as.text, quoted.size);
}

static int64_t read_size(percent *p) {
    if (p->at == p->end || *p->at != '*') return read_count(&p->at, p->end);
    p->at++;
    hd_jinja_value v = next_value(p);
    if (p->j->failed || hd_jinja_is_whole(v)) return p->j->failed ? 0 : v.as.integer;
    hd_jinja_fail(p->j, "* needs an integer");
    return 0;
}

static void print_number(percent *p, layout *l, hd_jinja_value v) {
    bool real = strchr("eEfFgG", l->kind);
    if (v.kind == HD_JINJA_UNDEFINED) {
        hd_jinja_fail_undefined(p->j, v);
    } else if (!hd_jinja_is_number(v) || (v.kind == HD_JINJA_FLOAT && strchr("xXo", l->kind))) {
        if (real)
            hd_jinja_fail(p->j, "must be real number, not %s", hd_jinja_type(v));
        else
            hd_jinja_fail(p->j, "%%%c format: %s is required, not %s", l->kind,
                          strchr("xXo", l->kind) ? "an integer" : "a real number", hd_jinja_type(v));
    } else if (real) {
        lay_real(p->j, l, hd_jinja_real(v), p->out);
    } else {
        double number = hd_jinja_real(v);
        if (v.kind == HD_JINJA_FLOAT && !(fabs(number) < 9e18))
            hd_jinja_fail(p->j, "cannot convert a number of this size to an integer");
        if (l->kind == 'i' || l->kind == 'u') l->kind = 'd';
        lay_integer(p->j, l, v.kind == HD_JINJA_FLOAT ? (int64_t)number : v.as.integer, p->out);
    }
}

static void print_character(percent *p, const layout *l, hd_jinja_value v) {
    char bytes[4];
    size_t length = 0;
    if (v.kind == HD_JINJA_STRING && hd_jinja_length(v, &length) && length == 1)
        lay_text(p->j, l, v, p->out);
    else if (hd_jinja_is_whole(v) && v.as.integer >= 0 && v.as.integer < 0x110000)
        lay_text(p->j, l, hd_jinja_copy(p->j, bytes, hd_utf8_encode((uint32_t)v.as.integer, bytes)), p->out);
    else
        hd_jinja_fail(p->j, "%%c requires int or char");
}

static hd_jinja_value escaped(hd_jinja *j, hd_jinja_value v) {
    hd_buffer text;
    hd_buffer_open(&text, j->context);
    hd_jinja_escape(j, v, &text);
    return hd_jinja_take(j, &text);
}

static void print_one(percent *p, layout *l, hd_jinja_value v) {
    if (p->j->failed) return;
    switch (l->kind) {
        case 's':
            lay_text(p->j, l, p->markup ? escaped(p->j, v) : hd_jinja_string(p->j, v, false), p->out);
            break;
        case 'r':
        case 'a':
            lay_text(p->j, l, hd_jinja_repr_of(p->j, v), p->out);
            break;
        case 'c':
            print_character(p, l, v);
            break;
        default:
            print_number(p, l, v);
            break;
    }
}

/* What follows a percent sign. */
static void convert(percent *p, const char *start) {
    layout l = {.fill = " ", .fill_size = 1, .precision = -1};
    hd_jinja_value v = hd_jinja_missing();
    bool left = false;
    if (p->at < p->end && *p->at == '(') v = named_value(p);
    for (; p->at < p->end && strchr("-+ #0", *p->at); p->at++) {
        left |= *p->at == '-', l.alternate |= *p->at == '#', l.zero |= *p->at == '0';
        if (*p->at == '+' || (*p->at == ' ' && !l.sign)) l.sign = *p->at;
    }
    l.width = read_size(p);
    if (l.width < 0) left = true, l.width = -l.width;
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        l.precision = read_size(p);
        if (l.precision < 0) l.precision = 0;
    }
    while (p->at < p->end && strchr("hlL", *p->at)) p->at++;
    if (p->j->failed) return;
    if (l.width > MOST_WIDTH || l.precision > MOST_PRECISION) {
        hd_jinja_fail(p->j, "width or precision too big");
        return;
    }
    if (p->at == p->end) {
        hd_jinja_fail(p->j, "incomplete format");
        return;
    }
    l.kind = *p->at++;
    if (l.kind == '%') {
        hd_buffer_byte(p->out, '%');
        return;
    }
    if (!strchr("srcadiuoxXeEfFgG", l.kind)) {
        hd_jinja_fail(p->j, "unsupported format character '%c' (0x%x) at index %zu", l.kind, (unsigned char)l.kind,
                      (size_t)(p->at - 1 - start));
        return;
    }
    if (v.kind == HD_JINJA_MISSING) v = next_value(p);
    bool number = !strchr("srca", l.kind);
    l.align = left ? '<' : l.zero && number ? '=' : '>';
    if (l.zero && !left && number) l.fill[0] = '0';
    print_one(p, &l, v);
}

hd_jinja_value hd_jinja_percent(hd_jinja *j, hd_jinja_value format, hd_jinja_value values) {
    hd_buffer out;
    hd_buffer_open(&out, j->context);
    percent p = {.j = j,
                 .at = format.as.text,
                 .end = format.as.text + format.size,
                 .values = values,
                 .markup = format.markup,
                 .out = &out};
    while (p.at < p.end && hd_jinja_step(j, 1)) {
        const char *sign = memchr(p.at, '%', (size_t)(p.end - p.at)), *until = sign ? sign : p.end;
        hd_buffer_append(&out, p.at, (size_t)(until - p.at));
        p.at = sign ? sign + 1 : p.end;
        if (sign) convert(&p, format.as.text);
        hd_jinja_check_size(j, &out);
    }
    bool mapping = values.kind == HD_JINJA_DICT || values.kind == HD_JINJA_UNDEFINED || values.kind == HD_JINJA_LIST;
    size_t given = values.kind == HD_JINJA_TUPLE ? values.as.list->count : 1;
    if (!j->failed && !p.named && p.next < given && !mapping)
        hd_jinja_fail(j, "not all arguments converted during string formatting");
    hd_jinja_value text = hd_jinja_take(j, &out);
    text.markup = format.markup;
    return text;
}
