#include "text/jinja/print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "text/jinja/characters.h"

bool hd_jinja_check_size(hd_jinja *j, const hd_buffer *out) {
    if (out->failed) hd_jinja_fail_status(j, HEED_MEMORY);
    if (!j->failed && out->size > HD_JINJA_OUTPUT)
        hd_jinja_fail(j, "the template prints more than %d MB", HD_JINJA_OUTPUT >> 20);
    return !j->failed;
}

/* ---- numbers ---- */

size_t hd_jinja_float_text(double number, char text[HD_JINJA_FLOAT_TEXT]) {
    char digits[HD_JINJA_FLOAT_TEXT];
    if (isnan(number)) return strlen(strcpy(text, "nan"));
    if (isinf(number)) return strlen(strcpy(text, number < 0 ? "-inf" : "inf"));
    double again = 0;
    for (int precision = 0; precision < 17; precision++) {
        hd_print_number(digits, sizeof digits, "%.*e", precision, number);
        if (hd_read_double(digits, &again) && again == number) break;
    }
    int exponent = atoi(strchr(digits, 'e') + 1);
    char *end = strchr(digits, 'e');
    int count = (int)(end - digits) - (digits[0] == '-') - (strchr(digits, '.') != NULL);
    if (exponent >= -4 && exponent < 16) {
        int decimals = count - 1 - exponent;
        return (size_t)hd_print_number(text, HD_JINJA_FLOAT_TEXT, "%.*f", decimals > 1 ? decimals : 1, number);
    }
    *end = 0;
    return (size_t)hd_print_number(text, HD_JINJA_FLOAT_TEXT, "%se%c%02d", digits, exponent < 0 ? '-' : '+',
                                   abs(exponent));
}

/* ---- strings ---- */

static void append_escape(uint32_t code, hd_buffer *out) {
    if (code == '\n')
        hd_buffer_text(out, "\\n");
    else if (code == '\r')
        hd_buffer_text(out, "\\r");
    else if (code == '\t')
        hd_buffer_text(out, "\\t");
    else
        hd_buffer_format(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
}

static void repr_text(hd_jinja_value v, hd_buffer *out) {
    bool single = v.size && memchr(v.as.text, '\'', v.size), twofold = v.size && memchr(v.as.text, '"', v.size);
    char quote = single && !twofold ? '"' : '\'';
    hd_buffer_byte(out, quote);
    for (size_t at = 0, bytes; at < v.size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(v.as.text + at, v.size - at, &code);
        if (code == (uint32_t)quote || code == '\\') hd_buffer_byte(out, '\\');
        if (hd_jinja_is_printable(code))
            hd_buffer_append(out, v.as.text + at, bytes);
        else
            append_escape(code, out);
    }
    hd_buffer_byte(out, quote);
}

void hd_jinja_escape(hd_jinja *j, hd_jinja_value v, hd_buffer *out) {
    if (v.kind == HD_JINJA_STRING && v.markup) {
        hd_buffer_append(out, v.as.text, v.size);
        return;
    }
    v = hd_jinja_string(j, v, false);
    for (uint32_t i = 0; !j->failed && i < v.size; i++) {
        char byte = v.as.text[i];
        const char *entity = byte == '&'    ? "&amp;"
                             : byte == '<'  ? "&lt;"
                             : byte == '>'  ? "&gt;"
                             : byte == '\'' ? "&#39;"
                             : byte == '"'  ? "&#34;"
                                            : NULL;
        if (entity)
            hd_buffer_text(out, entity);
        else
            hd_buffer_byte(out, byte);
    }
    hd_jinja_check_size(j, out);
}

/* ---- str and repr ---- */

static void repr_items(hd_jinja *j, hd_jinja_value v, hd_buffer *out) {
    size_t count = 0;
    hd_jinja_length(v, &count);
    for (size_t i = 0; i < count && hd_jinja_step(j, 1); i++) {
        if (i) hd_buffer_text(out, ", ");
        hd_jinja_repr(j, hd_jinja_at(j, v, i), out);
    }
}

static void repr_dict(hd_jinja *j, const hd_jinja_dict *dict, hd_buffer *out) {
    hd_buffer_byte(out, '{');
    for (size_t i = 0; i < dict->count && hd_jinja_step(j, 1); i++) {
        if (i) hd_buffer_text(out, ", ");
        hd_jinja_repr(j, dict->keys[i], out);
        hd_buffer_text(out, ": ");
        hd_jinja_repr(j, dict->values[i], out);
    }
    hd_buffer_byte(out, '}');
}

static void repr_range(const hd_jinja_range *range, hd_buffer *out) {
    hd_buffer_format(out, "range(%lld, %lld", (long long)range->start, (long long)range->stop);
    if (range->step != 1) hd_buffer_format(out, ", %lld", (long long)range->step);
    hd_buffer_byte(out, ')');
}

static void repr_container(hd_jinja *j, hd_jinja_value v, hd_buffer *out) {
    if (!hd_jinja_enter(j)) return;
    if (v.kind == HD_JINJA_NAMESPACE) hd_buffer_text(out, "<Namespace ");
    if (v.kind == HD_JINJA_DICT || v.kind == HD_JINJA_NAMESPACE) {
        repr_dict(j, v.as.dict, out);
        if (v.kind == HD_JINJA_NAMESPACE) hd_buffer_byte(out, '>');
    } else if (v.kind == HD_JINJA_VIEW) {
        hd_buffer_format(out, "%s([", hd_jinja_type(v));
        repr_items(j, v, out);
        hd_buffer_text(out, "])");
    } else {
        bool tuple = v.kind == HD_JINJA_TUPLE;
        hd_buffer_byte(out, tuple ? '(' : '[');
        repr_items(j, v, out);
        if (tuple && v.as.list->count == 1) hd_buffer_byte(out, ',');
        hd_buffer_byte(out, tuple ? ')' : ']');
    }
    hd_jinja_leave(j);
}

void hd_jinja_repr(hd_jinja *j, hd_jinja_value v, hd_buffer *out) {
    char number[HD_JINJA_FLOAT_TEXT];
    if (j->failed) return;
    switch (v.kind) {
        case HD_JINJA_UNDEFINED:
            hd_buffer_text(out, "Undefined");
            break;
        case HD_JINJA_NONE:
            hd_buffer_text(out, "None");
            break;
        case HD_JINJA_BOOL:
            hd_buffer_text(out, v.as.integer ? "True" : "False");
            break;
        case HD_JINJA_INT:
            hd_buffer_format(out, "%lld", (long long)v.as.integer);
            break;
        case HD_JINJA_FLOAT:
            hd_buffer_append(out, number, hd_jinja_float_text(v.as.real, number));
            break;
        case HD_JINJA_STRING:
            if (v.markup) hd_buffer_text(out, "Markup(");
            repr_text(v, out);
            if (v.markup) hd_buffer_byte(out, ')');
            break;
        case HD_JINJA_RANGE:
            repr_range(v.as.range, out);
            break;
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
        case HD_JINJA_DICT:
        case HD_JINJA_VIEW:
        case HD_JINJA_NAMESPACE:
            repr_container(j, v, out);
            break;
        case HD_JINJA_MACRO:
        case HD_JINJA_LOOP:
            j->print_object(j, v, out);
            break;
        default:
            hd_buffer_format(out, "<%s object>", hd_jinja_type(v));
            break;
    }
    hd_jinja_check_size(j, out);
}

void hd_jinja_print(hd_jinja *j, hd_jinja_value v, hd_buffer *out) {
    if (v.kind == HD_JINJA_STRING)
        hd_buffer_append(out, v.as.text, v.size);
    else if (v.kind != HD_JINJA_UNDEFINED)
        hd_jinja_repr(j, v, out);
    hd_jinja_check_size(j, out);
}

hd_jinja_value hd_jinja_string(hd_jinja *j, hd_jinja_value v, bool soft) {
    if (v.kind == HD_JINJA_STRING) {
        v.markup = soft && v.markup;
        return v;
    }
    if (v.kind == HD_JINJA_UNDEFINED) return HD_JINJA_LITERAL(j, "");
    return hd_jinja_repr_of(j, v);
}

hd_jinja_value hd_jinja_repr_of(hd_jinja *j, hd_jinja_value v) {
    hd_buffer text;
    hd_buffer_open(&text, j->context);
    hd_jinja_repr(j, v, &text);
    return hd_jinja_take(j, &text);
}

/* "str object" */
static void append_object(hd_jinja_value v, hd_buffer *out) {
    if (v.kind == HD_JINJA_NONE)
        hd_buffer_text(out, "None");
    else
        hd_buffer_format(out, "%s%s object", hd_jinja_module(v), hd_jinja_type(v));
}

hd_jinja_value hd_jinja_fail_undefined(hd_jinja *j, hd_jinja_value v) {
    const hd_jinja_undefined *it = v.as.undefined;
    hd_buffer text;
    if (j->failed) return hd_jinja_missing();
    hd_buffer_open(&text, j->context);
    if (it->hint) {
        hd_buffer_text(&text, it->hint);
    } else if (it->unsafe) {
        hd_buffer_text(&text, "access to attribute ");
        hd_jinja_repr(j, it->name, &text);
        hd_buffer_format(&text, " of '%s' object is unsafe.", hd_jinja_type(it->object));
    } else if (it->object.kind == HD_JINJA_MISSING) {
        hd_jinja_repr(j, it->name, &text);
        hd_buffer_text(&text, " is undefined");
    } else if (it->name.kind == HD_JINJA_STRING) {
        hd_buffer_byte(&text, '\'');
        append_object(it->object, &text);
        hd_buffer_text(&text, "' has no attribute ");
        hd_jinja_repr(j, it->name, &text);
    } else {
        append_object(it->object, &text);
        hd_buffer_text(&text, " has no element ");
        hd_jinja_repr(j, it->name, &text);
    }
    if (text.failed)
        hd_jinja_fail_status(j, HEED_MEMORY);
    else
        hd_jinja_fail_text(j, text.data, text.size);
    hd_buffer_close(&text);
    return hd_jinja_missing();
}

/* ---- JSON ---- */

static void json_text(hd_jinja_value v, bool ascii, hd_buffer *out) {
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    hd_buffer_byte(out, '"');
    size_t plain = 0; /* the first byte that was not appended */
    for (size_t at = 0, bytes; at < v.size; at += bytes) {
        uint32_t code = (uint8_t)v.as.text[at];
        bytes = code < 0x80 ? 1 : hd_utf8_decode(v.as.text + at, v.size - at, &code);
        if (code >= ' ' && code != '"' && code != '\\' && !(ascii && code > '~')) continue;
        hd_buffer_append(out, v.as.text + plain, at - plain);
        plain = at + bytes;
        if (code == '"' || code == '\\')
            hd_buffer_format(out, "\\%c", (char)code);
        else if (code < sizeof shorts && shorts[code])
            hd_buffer_format(out, "\\%c", shorts[code]);
        else if (code < 0x10000)
            hd_buffer_format(out, "\\u%04x", code);
        else
            hd_buffer_format(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF));
    }
    hd_buffer_append(out, v.as.text + plain, v.size - plain);
    hd_buffer_byte(out, '"');
}

static void json_float(double number, hd_buffer *out) {
    char text[HD_JINJA_FLOAT_TEXT];
    if (isnan(number))
        hd_buffer_text(out, "NaN");
    else if (isinf(number))
        hd_buffer_text(out, number < 0 ? "-Infinity" : "Infinity");
    else
        hd_buffer_append(out, text, hd_jinja_float_text(number, text));
}

static void json_line(const hd_jinja_json_options *o, int level, hd_buffer *out) {
    hd_buffer_byte(out, '\n');
    for (int i = 0; i < level; i++) hd_buffer_append(out, o->indent, o->indent_size);
}

static void json_value(hd_jinja *j, hd_jinja_value v, const hd_jinja_json_options *o, int level, hd_buffer *out);

static void json_key(hd_jinja *j, hd_jinja_value key, const hd_jinja_json_options *o, hd_buffer *out) {
    if (key.kind == HD_JINJA_STRING) {
        json_text(key, o->ascii, out);
    } else if (hd_jinja_is_number(key) || key.kind == HD_JINJA_NONE) {
        hd_buffer_byte(out, '"');
        json_value(j, key, o, 0, out);
        hd_buffer_byte(out, '"');
    } else {
        hd_jinja_fail(j, "keys must be str, int, float, bool or None, not %s", hd_jinja_type(key));
    }
}

/* The order of the keys of a dict: as inserted, or sorted as Python sorts them. */
static size_t *key_order(hd_jinja *j, const hd_jinja_dict *dict, bool sorted) {
    size_t *order = hd_jinja_alloc(j, dict->count, sizeof *order);
    for (size_t i = 0; order && i < dict->count; i++) {
        size_t at = i;
        for (; sorted && at > 0 && hd_jinja_step(j, 1); at--) {
            if (hd_jinja_compare(j, dict->keys[i], dict->keys[order[at - 1]], "<") != -1) break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return j->failed ? NULL : order;
}

static void json_dict(hd_jinja *j, const hd_jinja_dict *dict, const hd_jinja_json_options *o, int level,
                      hd_buffer *out) {
    const size_t *order = key_order(j, dict, o->sorted);
    if (!order) return;
    hd_buffer_byte(out, '{');
    for (size_t i = 0; i < dict->count && hd_jinja_step(j, 1); i++) {
        if (i) hd_buffer_append(out, o->item_separator.as.text, o->item_separator.size);
        if (o->indent) json_line(o, level + 1, out);
        json_key(j, dict->keys[order[i]], o, out);
        hd_buffer_append(out, o->key_separator.as.text, o->key_separator.size);
        json_value(j, dict->values[order[i]], o, level + 1, out);
    }
    if (o->indent && dict->count) json_line(o, level, out);
    hd_buffer_byte(out, '}');
}

static void json_list(hd_jinja *j, const hd_jinja_list *list, const hd_jinja_json_options *o, int level,
                      hd_buffer *out) {
    hd_buffer_byte(out, '[');
    for (size_t i = 0; i < list->count && hd_jinja_step(j, 1); i++) {
        if (i) hd_buffer_append(out, o->item_separator.as.text, o->item_separator.size);
        if (o->indent) json_line(o, level + 1, out);
        json_value(j, list->items[i], o, level + 1, out);
    }
    if (o->indent && list->count) json_line(o, level, out);
    hd_buffer_byte(out, ']');
}

static void json_value(hd_jinja *j, hd_jinja_value v, const hd_jinja_json_options *o, int level, hd_buffer *out) {
    if (!hd_jinja_enter(j)) return;
    switch (v.kind) {
        case HD_JINJA_NONE:
            hd_buffer_text(out, "null");
            break;
        case HD_JINJA_BOOL:
            hd_buffer_text(out, v.as.integer ? "true" : "false");
            break;
        case HD_JINJA_INT:
            hd_buffer_format(out, "%lld", (long long)v.as.integer);
            break;
        case HD_JINJA_FLOAT:
            json_float(v.as.real, out);
            break;
        case HD_JINJA_STRING:
            json_text(v, o->ascii, out);
            break;
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
            json_list(j, v.as.list, o, level, out);
            break;
        case HD_JINJA_DICT:
            json_dict(j, v.as.dict, o, level, out);
            break;
        default:
            hd_jinja_fail(j, "Object of type %s is not JSON serializable", hd_jinja_type(v));
            break;
    }
    hd_jinja_check_size(j, out);
    hd_jinja_leave(j);
}

void hd_jinja_json(hd_jinja *j, hd_jinja_value v, const hd_jinja_json_options *options, hd_buffer *out) {
    json_value(j, v, options, 0, out);
}
