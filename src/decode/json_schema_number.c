/* Numbers between bounds, as alternatives over their digits. */
#include "decode/json_schema_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DIGITS = 18 };
#define USUAL_LARGEST 9999999999999999 /* where a schema has no bound: 16 digits */

static void append_or(bool *any, hd_buffer *out) {
    if (*any) hd_buffer_text(out, " | ");
    *any = true;
}

static bool is_all(const char *digits, size_t count, char digit) {
    for (size_t i = 0; i < count; i++)
        if (digits[i] != digit) return false;
    return true;
}

static void append_digits(char low, char high, hd_buffer *out) {
    if (low == high)
        hd_buffer_format(out, "\"%c\"", low);
    else
        hd_buffer_format(out, "[%c-%c]", low, high);
}

/* Numbers of `count` digits from `low` to `high`: a first digit in between is followed by any digits, the outermost ones by
 * the rest of the bounds. */
static void append_same_length(const char *low, const char *high, size_t count, hd_buffer *out) {
    static const char zeros[] = "000000000000000000", nines[] = "999999999999999999";
    char first = low[0], last = high[0];
    bool any = false;
    if (count == 0) return;
    if (first == last) {
        append_digits(first, first, out);
        hd_buffer_text(out, count > 1 ? " " : "");
        append_same_length(low + 1, high + 1, count - 1, out);
        return;
    }
    bool splits_low = !is_all(low + 1, count - 1, '0'), splits_high = !is_all(high + 1, count - 1, '9');
    hd_buffer_text(out, "(");
    if (splits_low) {
        append_or(&any, out);
        append_digits(first, first, out);
        hd_buffer_text(out, " ");
        append_same_length(low + 1, nines, count - 1, out);
        first++;
    }
    if (splits_high) last--;
    if (first <= last) {
        append_or(&any, out);
        append_digits(first, last, out);
        if (count > 1) hd_buffer_format(out, " [0-9]{%zu}", count - 1);
    }
    if (splits_high) {
        append_or(&any, out);
        append_digits(high[0], high[0], out);
        hd_buffer_text(out, " ");
        append_same_length(zeros, high + 1, count - 1, out);
    }
    hd_buffer_text(out, ")");
}

/* Whole numbers from `low` to `high`, 0 ≤ low ≤ high, without leading zeros. */
static void append_range(int64_t low, int64_t high, hd_buffer *out) {
    bool any = false;
    int64_t least = 0, most = 9; /* of numbers with so many digits */
    hd_buffer_text(out, "(");
    for (size_t digits = 1; digits <= MOST_DIGITS && least <= high; digits++) {
        char first[24], last[24];
        if (low <= most) {
            snprintf(first, sizeof first, "%lld", (long long)hd_max(low, least));
            snprintf(last, sizeof last, "%lld", (long long)hd_min(high, most));
            append_or(&any, out);
            append_same_length(first, last, digits, out);
        }
        least = most + 1;
        most = most * 10 + 9;
    }
    hd_buffer_text(out, ")");
}

/* ---- bounds ---- */

/* The bounds of a schema's numbers. */
typedef struct bounds {
    double low, high;
    bool has_low, has_high, low_excluded, high_excluded;
} bounds;

static bool read_bound(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, const char *key,
                       double *bound) {
    const json_t *value = json_object_get(schema, key);
    if (!value) return false;
    if (!json_is_number(value) || fabs(json_number_value(value)) > 1e15)
        hd_schema_fail(c, place, "\"%s\" must be a number from -1e15 to 1e15", key);
    *bound = json_number_value(value);
    return true;
}

static bounds read_bounds(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema) {
    bounds b = {0};
    double low, high;
    b.has_low = read_bound(c, place, schema, "minimum", &b.low);
    b.has_high = read_bound(c, place, schema, "maximum", &b.high);
    if (read_bound(c, place, schema, "exclusiveMinimum", &low) && (!b.has_low || low >= b.low))
        b.low = low, b.has_low = b.low_excluded = true;
    if (read_bound(c, place, schema, "exclusiveMaximum", &high) && (!b.has_high || high <= b.high))
        b.high = high, b.has_high = b.high_excluded = true;
    return b;
}

/* ---- whole numbers ---- */

static void append_integers(hd_schema_compiler *c, const hd_schema_place *place, const bounds *b, hd_buffer *out) {
    int64_t low = b->has_low ? (int64_t)ceil(b->low) : -USUAL_LARGEST, high = USUAL_LARGEST;
    bool any = false;
    if (b->has_high) high = (int64_t)floor(b->high);
    if (b->low_excluded && (double)low <= b->low) low++;
    if (b->high_excluded && (double)high >= b->high) high--;
    if (low > high) {
        hd_schema_fail(c, place, "no whole number is between the bounds");
        return;
    }
    hd_buffer_text(out, "(");
    if (low < 0) {
        append_or(&any, out);
        hd_buffer_text(out, "\"-\" ");
        append_range(high < 0 ? -high : 1, -low, out);
    }
    if (high >= 0) {
        append_or(&any, out);
        append_range(hd_max(low, 0), high, out);
    }
    hd_buffer_text(out, ")");
}

/* ---- numbers with a fraction ---- */

/* Numbers between the bounds, 0 ≤ high: a whole number with a fraction is below the next whole number, so that one must still
 * be inside. */
static bool append_fractions(bounds b, const char *sign, bool *any, hd_buffer *out) {
    if (b.high < 0) return false;
    if (b.low < 0) b.low = 0, b.low_excluded = false;
    int64_t low = (int64_t)ceil(b.low), high = (int64_t)floor(b.high);
    bool skips = b.low_excluded && (double)low <= b.low, found = false;
    bool reaches = low <= high && (!skips || low < high) && !(b.high_excluded && (double)high >= b.high);
    if (skips && low < high) { /* with a fraction that is not 0 */
        append_or(any, out);
        hd_buffer_format(out, "%s ", sign);
        append_range(low, low, out);
        hd_buffer_text(out, " \".\" [0-9]{0,15} [1-9]");
        found = true;
    }
    if (low + skips < high) {
        append_or(any, out);
        hd_buffer_format(out, "%s ", sign);
        append_range(low + skips, high - 1, out);
        hd_buffer_text(out, " (\".\" [0-9]{1,16})?");
        found = true;
    }
    if (reaches) {
        append_or(any, out);
        hd_buffer_format(out, "%s ", sign);
        append_range(high, high, out);
        found = true;
    }
    return found;
}

void hd_schema_number(hd_schema_compiler *c, const hd_schema_place *place, const json_t *schema, bool integer,
                      hd_buffer *out) {
    bounds b = read_bounds(c, place, schema);
    bool any = false;
    if (c->status != HEED_OK) return;
    if (!b.has_low && !b.has_high) {
        hd_buffer_text(out, hd_schema_rule(c, integer ? HD_JSON_INTEGER : HD_JSON_NUMBER));
        return;
    }
    if (integer) {
        append_integers(c, place, &b, out);
        return;
    }
    if (!b.has_low) b.low = -(double)USUAL_LARGEST;
    if (!b.has_high) b.high = (double)USUAL_LARGEST;
    bounds mirrored = {
        .low = -b.high, .high = -b.low, .low_excluded = b.high_excluded, .high_excluded = b.low_excluded};
    hd_buffer_text(out, "(");
    bool found = append_fractions(b, "", &any, out);
    found |= b.low < 0 && append_fractions(mirrored, "\"-\"", &any, out);
    hd_buffer_text(out, ")");
    if (!found) hd_schema_fail(c, place, "heed needs a whole number between the bounds");
}
