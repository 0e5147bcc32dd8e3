#include "text/jinja/operate.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"

/* ---- strings ---- */

size_t hd_jinja_find(const char *in, size_t in_size, size_t from, const char *text, size_t size) {
    if (from > in_size || size > in_size - from) return SIZE_MAX;
    const char *at = size ? memmem(in + from, in_size - from, text, size) : in + from;
    return at ? (size_t)(at - in) : SIZE_MAX;
}

static hd_jinja_value escaped(hd_jinja *j, hd_jinja_value v) {
    hd_buffer text;
    hd_buffer_open(&text, j->context);
    hd_jinja_escape(j, v, &text);
    hd_jinja_value out = hd_jinja_take(j, &text);
    out.markup = true;
    return out;
}

hd_jinja_value hd_jinja_join_two(hd_jinja *j, hd_jinja_value a, hd_jinja_value b) {
    bool markup = a.markup || b.markup;
    if (markup && !a.markup) a = escaped(j, a);
    if (markup && !b.markup) b = escaped(j, b);
    char *text = hd_jinja_alloc(j, (size_t)a.size + b.size, 1);
    if (!text) return hd_jinja_missing();
    if (a.size) memcpy(text, a.as.text, a.size);
    if (b.size) memcpy(text + a.size, b.as.text, b.size);
    hd_jinja_value joined = hd_jinja_text(j, text, (size_t)a.size + b.size);
    joined.markup = markup;
    return joined;
}

/* ---- repeating and joining ---- */

static hd_jinja_value repeat_text(hd_jinja *j, hd_jinja_value text, int64_t times) {
    size_t size;
    if (times < 0) times = 0;
    if (!hd_multiply(text.size, (size_t)times, &size)) size = SIZE_MAX;
    char *out = hd_jinja_alloc(j, size, 1);
    if (!out) return hd_jinja_missing();
    for (int64_t i = 0; i < times && text.size; i++) memcpy(out + (size_t)i * text.size, text.as.text, text.size);
    hd_jinja_value v = hd_jinja_text(j, out, size);
    v.markup = text.markup;
    return v;
}

static hd_jinja_value repeat_list(hd_jinja *j, hd_jinja_value list, int64_t times) {
    size_t count = list.as.list->count, total;
    if (times < 0) times = 0;
    if (!hd_multiply(count, (size_t)times, &total) || total > HD_JINJA_BYTES) total = SIZE_MAX / 64;
    hd_jinja_value out = hd_jinja_sequence(j, list.kind, total);
    for (size_t i = 0; !j->failed && i < total; i++) out.as.list->items[i] = list.as.list->items[i % count];
    return out;
}

static hd_jinja_value join_lists(hd_jinja *j, const hd_jinja_value a, hd_jinja_value b) {
    size_t x = a.as.list->count, y = b.as.list->count;
    hd_jinja_value out = hd_jinja_sequence(j, a.kind, x + y);
    if (j->failed) return out;
    if (x) memcpy(out.as.list->items, a.as.list->items, x * sizeof a);
    if (y) memcpy(out.as.list->items + x, b.as.list->items, y * sizeof b);
    return out;
}

/* ---- numbers ---- */

static hd_jinja_value too_large(hd_jinja *j) { return hd_jinja_fail(j, "an integer needs more than 64 bits"); }

static hd_jinja_value power_of_integers(hd_jinja *j, int64_t base, int64_t exponent) {
    if (exponent < 0) {
        if (!base) return hd_jinja_fail(j, "0.0 cannot be raised to a negative power");
        return hd_jinja_float(pow((double)base, (double)exponent));
    }
    int64_t result = 1;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1 && __builtin_mul_overflow(result, base, &result)) return too_large(j);
        if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return too_large(j);
    }
    return hd_jinja_int(result);
}

static hd_jinja_value of_integers(hd_jinja *j, hd_jinja_operator operator, int64_t a, int64_t b) {
    int64_t out = 0;
    bool overflow = false;
    switch (operator) {
        case HD_JINJA_ADD:
            overflow = __builtin_add_overflow(a, b, &out);
            break;
        case HD_JINJA_SUBTRACT:
            overflow = __builtin_sub_overflow(a, b, &out);
            break;
        case HD_JINJA_MULTIPLY:
            overflow = __builtin_mul_overflow(a, b, &out);
            break;
        case HD_JINJA_DIVIDE:
            return b ? hd_jinja_float((double)a / (double)b) : hd_jinja_fail(j, "division by zero");
        case HD_JINJA_FLOOR_DIVIDE:
            if (!b) return hd_jinja_fail(j, "integer division or modulo by zero");
            if (b == -1) {
                overflow = __builtin_sub_overflow(0, a, &out);
            } else {
                out = a / b - (a % b != 0 && (a < 0) != (b < 0));
            }
            break;
        case HD_JINJA_MODULO:
            if (!b) return hd_jinja_fail(j, "integer modulo by zero");
            out = b == -1 ? 0 : a % b;
            if (out && (out < 0) != (b < 0)) out += b;
            break;
        default:
            return power_of_integers(j, a, b);
    }
    return overflow ? too_large(j) : hd_jinja_int(out);
}

static double float_modulo(double a, double b) {
    double rest = fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) return rest + b;
    return rest != 0 ? rest : copysign(0, b);
}

static double float_floor_divide(double a, double b) {
    double rest = fmod(a, b), quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
    if (quotient == 0) return copysign(0, a / b);
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1 : whole;
}

static hd_jinja_value of_reals(hd_jinja *j, hd_jinja_operator operator, double a, double b) {
    switch (operator) {
        case HD_JINJA_ADD:
            return hd_jinja_float(a + b);
        case HD_JINJA_SUBTRACT:
            return hd_jinja_float(a - b);
        case HD_JINJA_MULTIPLY:
            return hd_jinja_float(a * b);
        case HD_JINJA_DIVIDE:
            return b != 0 ? hd_jinja_float(a / b) : hd_jinja_fail(j, "float division by zero");
        case HD_JINJA_FLOOR_DIVIDE:
            return b != 0 ? hd_jinja_float(float_floor_divide(a, b)) : hd_jinja_fail(j, "float floor division by zero");
        case HD_JINJA_MODULO:
            return b != 0 ? hd_jinja_float(float_modulo(a, b)) : hd_jinja_fail(j, "float modulo");
        default:
            break;
    }
    if (a == 0 && b < 0) return hd_jinja_fail(j, "0.0 cannot be raised to a negative power");
    if (a < 0 && floor(b) != b) return hd_jinja_fail(j, "a complex number is not supported");
    double power = pow(a, b);
    if (isinf(power) && isfinite(a) && isfinite(b)) return hd_jinja_fail(j, "(34, 'Numerical result out of range')");
    return hd_jinja_float(power);
}

hd_jinja_value hd_jinja_negate(hd_jinja *j, hd_jinja_value v, bool minus) {
    if (j->failed) return hd_jinja_missing();
    if (v.kind == HD_JINJA_FLOAT) return hd_jinja_float(minus ? -v.as.real : v.as.real);
    if (hd_jinja_is_whole(v) && minus) return of_integers(j, HD_JINJA_SUBTRACT, 0, v.as.integer);
    if (hd_jinja_is_whole(v)) return hd_jinja_int(v.as.integer);
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    return hd_jinja_fail(j, "bad operand type for unary %c: '%s'", minus ? '-' : '+', hd_jinja_type(v));
}

/* ---- two operands ---- */

static bool is_list(hd_jinja_value v) { return v.kind == HD_JINJA_LIST || v.kind == HD_JINJA_TUPLE; }

static hd_jinja_value unsupported(hd_jinja *j, hd_jinja_operator operator, hd_jinja_value a, hd_jinja_value b) {
    static const char *const signs[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
    if (operator== HD_JINJA_ADD &&(a.kind == HD_JINJA_STRING || is_list(a)))
        return hd_jinja_fail(j, "can only concatenate %s (not \"%s\") to %s", hd_jinja_type(a), hd_jinja_type(b),
                             hd_jinja_type(a));
    bool repeats = operator== HD_JINJA_MULTIPLY &&(a.kind == HD_JINJA_STRING || is_list(a));
    bool repeated = operator== HD_JINJA_MULTIPLY &&(b.kind == HD_JINJA_STRING || is_list(b));
    if (repeats || repeated)
        return hd_jinja_fail(j, "can't multiply sequence by non-int of type '%s'", hd_jinja_type(repeats ? b : a));
    return hd_jinja_fail(j, "unsupported operand type(s) for %s: '%s' and '%s'", signs[operator], hd_jinja_type(a),
                         hd_jinja_type(b));
}

hd_jinja_value hd_jinja_binary(hd_jinja *j, hd_jinja_operator operator, hd_jinja_value a, hd_jinja_value b) {
    if (j->failed) return hd_jinja_missing();
    if (hd_jinja_is_whole(a) && hd_jinja_is_whole(b)) return of_integers(j, operator, a.as.integer, b.as.integer);
    if (hd_jinja_is_number(a) && hd_jinja_is_number(b))
        return of_reals(j, operator, hd_jinja_real(a), hd_jinja_real(b));
    if (operator== HD_JINJA_MODULO && a.kind == HD_JINJA_STRING) return hd_jinja_percent(j, a, b);
    if (a.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, a);
    if (b.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, b);
    if (operator== HD_JINJA_ADD) {
        if (a.kind == HD_JINJA_STRING && b.kind == HD_JINJA_STRING) return hd_jinja_join_two(j, a, b);
        if (is_list(a) && a.kind == b.kind) return join_lists(j, a, b);
    }
    if (operator== HD_JINJA_MULTIPLY) {
        if (a.kind == HD_JINJA_STRING && hd_jinja_is_whole(b)) return repeat_text(j, a, b.as.integer);
        if (b.kind == HD_JINJA_STRING && hd_jinja_is_whole(a)) return repeat_text(j, b, a.as.integer);
        if (is_list(a) && hd_jinja_is_whole(b)) return repeat_list(j, a, b.as.integer);
        if (is_list(b) && hd_jinja_is_whole(a)) return repeat_list(j, b, a.as.integer);
    }
    return unsupported(j, operator, a, b);
}

static bool in_items(hd_jinja *j, hd_jinja_value item, hd_jinja_value v) {
    size_t count = 0;
    hd_jinja_length(v, &count);
    for (size_t i = 0; i < count && hd_jinja_step(j, 1); i++)
        if (hd_jinja_equal(j, hd_jinja_at(j, v, i), item)) return true;
    return false;
}

static bool in_iterator(hd_jinja *j, hd_jinja_value item, hd_jinja_iterator *iterator) {
    size_t count = 0;
    hd_jinja_length(iterator->source, &count);
    while (iterator->position < count && hd_jinja_step(j, 1))
        if (hd_jinja_equal(j, hd_jinja_at(j, iterator->source, iterator->position++), item)) return true;
    if (iterator->error) hd_jinja_fail_text(j, iterator->error, strlen(iterator->error));
    return false;
}

static bool contains(hd_jinja *j, hd_jinja_value item, hd_jinja_value v) {
    switch (v.kind) {
        case HD_JINJA_STRING:
            if (item.kind == HD_JINJA_STRING)
                return hd_jinja_find(v.as.text, v.size, 0, item.as.text, item.size) != SIZE_MAX;
            hd_jinja_fail(j, "'in <string>' requires string as left operand, not %s", hd_jinja_type(item));
            return false;
        case HD_JINJA_DICT:
            if (!hd_jinja_hashable(item)) hd_jinja_fail(j, "unhashable type: '%s'", hd_jinja_type(item));
            return !j->failed && hd_jinja_dict_get(v.as.dict, item);
        case HD_JINJA_LIST:
        case HD_JINJA_TUPLE:
        case HD_JINJA_RANGE:
            return in_items(j, item, v);
        case HD_JINJA_VIEW:
            if (v.as.view->kind != HD_JINJA_KEYS) return in_items(j, item, v);
            return contains(
                j, item,
                (hd_jinja_value){.kind = HD_JINJA_DICT, .as.dict = (hd_jinja_dict *)(uintptr_t)v.as.view->dict});
        case HD_JINJA_ITERATOR:
            return in_iterator(j, item, v.as.iterator);
        case HD_JINJA_UNDEFINED:
            return false;
        default:
            hd_jinja_fail(j, "argument of type '%s' is not iterable", hd_jinja_type(v));
            return false;
    }
}

bool hd_jinja_relate(hd_jinja *j, hd_jinja_operator operator, hd_jinja_value a, hd_jinja_value b) {
    static const char *const signs[] = {"<", "<=", ">", ">="};
    if (j->failed) return false;
    if (operator== HD_JINJA_EQUAL) return hd_jinja_equal(j, a, b);
    if (operator== HD_JINJA_NOT_EQUAL) return !hd_jinja_equal(j, a, b);
    if (operator== HD_JINJA_IN) return contains(j, a, b);
    if (operator== HD_JINJA_NOT_IN) return !contains(j, a, b);
    if (a.kind == HD_JINJA_UNDEFINED || b.kind == HD_JINJA_UNDEFINED) {
        hd_jinja_fail_undefined(j, a.kind == HD_JINJA_UNDEFINED ? a : b);
        return false;
    }
    int order = hd_jinja_compare(j, a, b, signs[operator - HD_JINJA_LESS]);
    switch (operator) {
        case HD_JINJA_LESS:
            return order == -1;
        case HD_JINJA_LESS_EQUAL:
            return order == -1 || order == 0;
        case HD_JINJA_GREATER:
            return order == 1;
        default:
            return order == 1 || order == 0;
    }
}

/* ---- slices ---- */

typedef struct bounds {
    int64_t start, stop, step;
    size_t count;
} bounds;

static bool read_bound(hd_jinja *j, hd_jinja_value v, int64_t otherwise, int64_t *out) {
    *out = otherwise;
    if (v.kind == HD_JINJA_MISSING || v.kind == HD_JINJA_NONE) return true;
    if (hd_jinja_is_whole(v)) return *out = v.as.integer, true;
    hd_jinja_fail(j, "slice indices must be integers or None or have an __index__ method");
    return false;
}

static int64_t clip(int64_t at, int64_t length, int64_t least, int64_t most) {
    if (at < 0) at = at < -length ? least : at + length;
    return at < least ? least : at > most ? most : at;
}

static bool read_bounds(hd_jinja *j, size_t size, hd_jinja_value start, hd_jinja_value stop, hd_jinja_value step,
                        bounds *out) {
    int64_t length = (int64_t)size, first, last;
    if (!read_bound(j, step, 1, &out->step)) return false;
    if (!out->step) return hd_jinja_fail(j, "slice step cannot be zero"), false;
    bool down = out->step < 0;
    if (!read_bound(j, start, down ? length - 1 : 0, &first) || !read_bound(j, stop, length, &last)) return false;
    first = clip(first, length, down ? -1 : 0, down ? length - 1 : length);
    if (down && (stop.kind == HD_JINJA_MISSING || stop.kind == HD_JINJA_NONE))
        last = -1;
    else
        last = clip(last, length, down ? -1 : 0, down ? length - 1 : length);
    out->start = first;
    out->stop = last;
    int64_t span = down ? first - last : last - first;
    uint64_t stride = down ? 0 - (uint64_t)out->step : (uint64_t)out->step;
    out->count = span > 0 ? (size_t)(((uint64_t)span - 1) / stride + 1) : 0;
    return true;
}

static hd_jinja_value slice_text(hd_jinja *j, hd_jinja_value text, const bounds *b) {
    hd_jinja_value out;
    if (b->step == 1) {
        size_t first = hd_utf8_offset(text.as.text, text.size, (size_t)b->start);
        size_t size = hd_utf8_offset(text.as.text + first, text.size - first, b->count);
        out = hd_jinja_text(j, text.as.text + first, size);
    } else {
        size_t length;
        hd_jinja_value list = hd_jinja_open(j, text, &length);
        char *bytes = hd_jinja_alloc(j, text.size, 1);
        size_t size = 0;
        for (size_t i = 0; bytes && i < b->count; i++) {
            hd_jinja_value one = list.as.list->items[b->start + (int64_t)i * b->step];
            memcpy(bytes + size, one.as.text, one.size);
            size += one.size;
        }
        out = bytes ? hd_jinja_text(j, bytes, size) : hd_jinja_missing();
    }
    out.markup = text.markup;
    return out;
}

hd_jinja_value hd_jinja_slice(hd_jinja *j, hd_jinja_value v, hd_jinja_value start, hd_jinja_value stop,
                              hd_jinja_value step) {
    bounds b;
    size_t length;
    if (j->failed) return hd_jinja_missing();
    if (v.kind == HD_JINJA_UNDEFINED) return hd_jinja_fail_undefined(j, v);
    if (v.kind == HD_JINJA_DICT) return hd_jinja_fail(j, "unhashable type: 'slice'");
    if (v.kind < HD_JINJA_STRING || v.kind > HD_JINJA_RANGE)
        return hd_jinja_fail(j, "'%s' object is not subscriptable", hd_jinja_type(v));
    hd_jinja_length(v, &length);
    if (!read_bounds(j, length, start, stop, step, &b)) return hd_jinja_missing();
    if (v.kind == HD_JINJA_STRING) return slice_text(j, v, &b);
    if (v.kind == HD_JINJA_RANGE) {
        const hd_jinja_range *range = v.as.range;
        hd_jinja_range *part = hd_jinja_alloc(j, 1, sizeof *part);
        if (!part) return hd_jinja_missing();
        int64_t first = range->start + b.start * range->step, stride, stop_at;
        if (__builtin_mul_overflow(b.step, range->step, &stride)) stride = b.step;
        if (__builtin_add_overflow(range->start, b.stop * range->step, &stop_at)) stop_at = first;
        *part = (hd_jinja_range){first, stop_at, stride, b.count};
        v.as.range = part;
        return v;
    }
    hd_jinja_value out = hd_jinja_sequence(j, v.kind, b.count);
    for (size_t i = 0; !j->failed && i < b.count; i++)
        out.as.list->items[i] = v.as.list->items[b.start + (int64_t)i * b.step];
    return out;
}
