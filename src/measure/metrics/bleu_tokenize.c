#include "measure/metrics/bleu_tokenize.h"

#include "text/lower.h"
#include "text/unicode.h"

#include <string.h>
#include <utf8proc.h>

const char *hd_bleu_tokenizer_option(int tokenizer) {
    static const char *const names[] = {"13a", "intl", "char", "none"};
    return tokenizer >= 0 && tokenizer < (int)HD_COUNT(names) ? names[tokenizer] : NULL;
}

const char *hd_bleu_tokenizer_name(hd_bleu_tokenizer tokenizer) { return hd_bleu_tokenizer_option((int)tokenizer); }

void hd_bleu_text_open(hd_bleu_text *text, heed_context *context) { *text = (hd_bleu_text){.context = context}; }

void hd_bleu_text_close(hd_bleu_text *text) {
    hd_free(text->context, text->points);
    hd_free(text->context, text->spare);
    hd_bleu_text_open(text, text->context);
}

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Python's str.isspace: that of Unicode, and the four separators of ASCII. */
static bool is_space(uint32_t c) {
    if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static utf8proc_category_t category(uint32_t c) { return utf8proc_category((utf8proc_int32_t)c); }

static bool is_number(uint32_t c) {
    utf8proc_category_t kind = category(c);
    return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}
static bool is_punctuation(uint32_t c) {
    utf8proc_category_t kind = category(c);
    return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}
static bool is_symbol(uint32_t c) {
    utf8proc_category_t kind = category(c);
    return kind >= UTF8PROC_CATEGORY_SM && kind <= UTF8PROC_CATEGORY_SO;
}

/* ---- passes ------------------------------------------------------------------------------------------------------- */

/* A pass reads `points` and writes `spare`, which has room for `most` times as many. Afterwards the two are swapped. */
static uint32_t *begin_pass(hd_bleu_text *text, size_t most) {
    size_t needed;
    if (!hd_multiply(text->count, most, &needed)) needed = SIZE_MAX;
    if (needed == 0) needed = 1;
    if (!hd_grow(text->context, &text->spare, &text->spare_capacity, needed, sizeof *text->spare)) return NULL;
    return text->spare;
}

static void end_pass(hd_bleu_text *text, const uint32_t *end) {
    uint32_t *points = text->points;
    size_t capacity = text->capacity;
    text->count = (size_t)(end - text->spare);
    text->points = text->spare;
    text->capacity = text->spare_capacity;
    text->spare = points;
    text->spare_capacity = capacity;
}

static heed_status lowercase_pass(hd_bleu_text *text) {
    uint32_t *out = begin_pass(text, 2);
    if (!out) return HEED_MEMORY;
    end_pass(text, out + hd_lowercase_text(text->points, text->count, out));
    return HEED_OK;
}

/* Replaces each `from` by the character `to`, or deletes it if `to` is 0. Works in place because the text never
 * grows. */
static void replace(hd_bleu_text *text, const char *from, uint32_t to) {
    size_t length = strlen(from), written = 0;
    for (size_t i = 0; i < text->count;) {
        size_t same = 0;
        while (same < length && i + same < text->count && text->points[i + same] == (uint8_t)from[same]) same++;
        if (same < length) {
            text->points[written++] = text->points[i++];
        } else {
            if (to) text->points[written++] = to;
            i += length;
        }
    }
    text->count = written;
}

typedef bool character_class(uint32_t c);

/* ` \1 ` for each character of a class. */
static heed_status isolate(hd_bleu_text *text, character_class *apart) {
    uint32_t *out = begin_pass(text, 3);
    if (!out) return HEED_MEMORY;
    for (size_t i = 0; i < text->count; i++) {
        bool spaced = apart(text->points[i]);
        if (spaced) *out++ = ' ';
        *out++ = text->points[i];
        if (spaced) *out++ = ' ';
    }
    end_pass(text, out);
    return HEED_OK;
}

/* Inserts a space into each pair of a character in `left` and one in `right`, found from the left without overlap,
 * and one more before or after the pair, as the flags say: `\1 \2 `, ` \1 \2`. */
static heed_status split_pairs(hd_bleu_text *text, character_class *left, character_class *right, bool in_front,
                               bool behind) {
    uint32_t *out = begin_pass(text, 2);
    if (!out) return HEED_MEMORY;
    for (size_t i = 0; i < text->count; i++) {
        uint32_t c = text->points[i];
        bool pair = i + 1 < text->count && left(c) && right(text->points[i + 1]);
        if (pair && in_front) *out++ = ' ';
        *out++ = c;
        if (!pair) continue;
        *out++ = ' ';
        *out++ = text->points[++i];
        if (behind) *out++ = ' ';
    }
    end_pass(text, out);
    return HEED_OK;
}

/* ---- 13a ---------------------------------------------------------------------------------------------------------- */

/* ASCII punctuation and symbols but the apostrophe, comma, dash and stop; the blank is one of them too. */
static bool is_13a_punctuation(uint32_t c) {
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') ||
           (c >= ':' && c <= '@') || c == '/';
}
static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static bool is_no_digit(uint32_t c) { return !is_digit(c); }
static bool is_stop(uint32_t c) { return c == '.' || c == ','; }
static bool is_dash(uint32_t c) { return c == '-'; }

/* A space at each end lets the pair rules match the first character and the last. */
static heed_status pad(hd_bleu_text *text) {
    uint32_t *out = begin_pass(text, 3);
    if (!out) return HEED_MEMORY;
    *out++ = ' ';
    memcpy(out, text->points, text->count * sizeof *out);
    out += text->count;
    *out++ = ' ';
    end_pass(text, out);
    return HEED_OK;
}

static heed_status tokenize_13a(hd_bleu_text *text) {
    if (text->count == 0) return HEED_OK;
    replace(text, "<skipped>", 0);
    replace(text, "-\n", 0);
    replace(text, "\n", ' ');
    replace(text, "&quot;", '"');
    replace(text, "&amp;", '&'); /* before the next two, so "&amp;lt;" becomes "<" */
    replace(text, "&lt;", '<');
    replace(text, "&gt;", '>');
    if (text->count == 0) return HEED_OK;
    HD_TRY(pad(text));
    HD_TRY(isolate(text, is_13a_punctuation));
    HD_TRY(split_pairs(text, is_no_digit, is_stop, false, true));
    HD_TRY(split_pairs(text, is_stop, is_no_digit, true, false));
    return split_pairs(text, is_digit, is_dash, false, true);
}

/* ---- intl --------------------------------------------------------------------------------------------------------- */

static bool is_no_number(uint32_t c) { return !is_number(c); }

static heed_status tokenize_intl(hd_bleu_text *text) {
    HD_TRY(split_pairs(text, is_no_number, is_punctuation, false, true));
    HD_TRY(split_pairs(text, is_punctuation, is_no_number, true, false));
    return isolate(text, is_symbol);
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static bool is_any(uint32_t c) { return c != ' '; }

heed_status hd_bleu_tokenize(hd_bleu_text *text, hd_bleu_tokenizer tokenizer, bool lowercase, const char *bytes,
                             size_t size) {
    text->count = 0;
    if (!hd_grow(text->context, &text->points, &text->capacity, size, sizeof *text->points)) return HEED_MEMORY;
    for (size_t at = 0; at < size; text->count++)
        at += hd_utf8_decode(bytes + at, size - at, &text->points[text->count]);
    if (lowercase) HD_TRY(lowercase_pass(text));
    while (text->count > 0 && is_space(text->points[text->count - 1])) text->count--;
    switch (tokenizer) {
        case HD_BLEU_13A:
            return tokenize_13a(text);
        case HD_BLEU_INTL:
            return tokenize_intl(text);
        case HD_BLEU_CHAR:
            return isolate(text, is_any);
        case HD_BLEU_NONE:
            return HEED_OK;
    }
    return HEED_OK;
}

bool hd_bleu_next_token(const hd_bleu_text *text, size_t *at, const uint32_t **token, size_t *size) {
    size_t start = *at;
    while (start < text->count && is_space(text->points[start])) start++;
    size_t end = start;
    while (end < text->count && !is_space(text->points[end])) end++;
    *at = end;
    *token = end > start ? text->points + start : NULL; /* an empty text has no points */
    *size = end - start;
    return end > start;
}
