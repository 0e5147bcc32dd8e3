#include "text/jinja/lex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "text/jinja/characters.h"
#include "text/jinja/print.h"

enum { MOST_OPEN = 1000 };

typedef struct lexer {
    hd_jinja *j;
    const char *text;
    size_t size, at;
    uint32_t line;
    bool line_start;      /* the last match ended with a line break */
    char open[MOST_OPEN]; /* the brackets that are expected */
    size_t open_count;
    hd_jinja_token *tokens; /* [count] */
    size_t count, capacity;
} lexer;

static bool fail(lexer *l, const char *message) {
    l->j->line = l->line;
    return hd_jinja_fail(l->j, "%s", message), false;
}

static void count_lines(lexer *l, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) l->line += l->text[i] == '\n';
}

static hd_jinja_token *add(lexer *l, hd_jinja_token_kind kind) {
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 256;
        hd_jinja_token *tokens = hd_jinja_alloc(l->j, capacity, sizeof *tokens);
        if (!tokens) return NULL;
        if (l->count) memcpy(tokens, l->tokens, l->count * sizeof *tokens);
        l->tokens = tokens;
        l->capacity = capacity;
    }
    hd_jinja_token *token = &l->tokens[l->count++];
    *token = (hd_jinja_token){.kind = (uint8_t)kind, .line = l->line};
    return token;
}

static bool add_text(lexer *l, hd_jinja_token_kind kind, size_t first, size_t end) {
    hd_jinja_token *token = add(l, kind);
    if (token) token->value = hd_jinja_text(l->j, l->text + first, end - first);
    return token;
}

static bool looks_at(const lexer *l, size_t at, const char *text) {
    size_t size = strlen(text);
    return at + size <= l->size && memcmp(l->text + at, text, size) == 0;
}

static size_t skip_space(const lexer *l, size_t at) {
    while (at < l->size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(l->text + at, l->size - at, &code);
        if (!hd_jinja_is_space(code)) break;
        at += bytes;
    }
    return at;
}

/* The end of a tag whose last two characters are `close`, or 0: "-%}" also takes the white space after it, and a block's
 * "%}" the line break. */
static size_t tag_end(const lexer *l, size_t at, const char *close, bool block) {
    bool minus = at < l->size && l->text[at] == '-', plus = block && at < l->size && l->text[at] == '+';
    if ((minus || plus) && looks_at(l, at + 1, close)) return minus ? skip_space(l, at + 3) : at + 3;
    if (!looks_at(l, at, close)) return 0;
    return at + 2 + (block && at + 2 < l->size && l->text[at + 2] == '\n');
}

/* ---- data between tags ---- */

/* Where the data before a tag ends. */
static size_t data_end(const lexer *l, size_t first, size_t tag, char sign, bool variable) {
    size_t start = tag;
    if (sign == '-')
        return first + hd_jinja_strip((hd_jinja_span){l->text + first, tag - first}, NULL, false, true).size;
    if (sign == '+' || variable) return tag;
    while (start > first && l->text[start - 1] != '\n') start--;
    if (start == first && !l->line_start) return tag;
    return skip_space(l, start) >= tag ? start : tag;
}

/* The end of "{% raw %}" at `tag`, or 0. */
static size_t raw_begin(const lexer *l, size_t tag) {
    size_t at = tag + 2;
    if (at < l->size && (l->text[at] == '-' || l->text[at] == '+')) at++;
    at = skip_space(l, at);
    if (!looks_at(l, at, "raw")) return 0;
    at = skip_space(l, at + 3);
    if (looks_at(l, at, "-%}")) return skip_space(l, at + 3);
    return looks_at(l, at, "%}") ? at + 2 : 0;
}

/* The end of "{% endraw %}" at `tag`, or 0. */
static size_t raw_end(const lexer *l, size_t tag) {
    size_t at = tag + 2;
    if (at < l->size && (l->text[at] == '-' || l->text[at] == '+')) at++;
    at = skip_space(l, at);
    return looks_at(l, at, "endraw") ? tag_end(l, skip_space(l, at + 6), "%}", true) : 0;
}

static char sign_after(const lexer *l, size_t tag) {
    char sign = tag + 2 < l->size ? l->text[tag + 2] : 0;
    return sign == '-' || sign == '+' ? sign : 0;
}

static bool add_data(lexer *l, size_t first, size_t end, size_t tag) {
    if (end > first && !add_text(l, HD_JINJA_DATA, first, end)) return false;
    count_lines(l, first, tag);
    return true;
}

static bool lex_raw(lexer *l, size_t first) {
    l->at = first;
    for (size_t tag = first, end; tag + 2 <= l->size; tag++) {
        if (!looks_at(l, tag, "{%") || !(end = raw_end(l, tag))) continue;
        l->line_start = l->text[first - 1] == '\n';
        if (!add_data(l, first, data_end(l, first, tag, sign_after(l, tag), false), tag)) return false;
        count_lines(l, tag, end);
        l->line_start = l->text[end - 1] == '\n';
        l->at = end;
        return true;
    }
    return fail(l, "Missing end of raw directive");
}

static bool lex_comment(lexer *l, size_t first) {
    for (size_t at = first; at + 2 <= l->size; at++) {
        size_t end = tag_end(l, at, "#}", true);
        if (!end) continue;
        count_lines(l, l->at, end);
        l->line_start = l->text[end - 1] == '\n';
        l->at = end;
        return true;
    }
    return fail(l, "Missing end of comment tag");
}

/* ---- strings and numbers ---- */

/* A number of exactly `digits` hexadecimal digits. */
static bool read_hex(const char *at, const char *end, int digits, uint32_t *code) {
    *code = 0;
    if (end - at < digits) return false;
    for (int i = 0; i < digits; i++) {
        if (!isxdigit((unsigned char)at[i])) return false;
        *code = *code * 16 + (uint32_t)(isdigit((unsigned char)at[i]) ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
    }
    return true;
}

static void append_code(uint32_t code, hd_buffer *out) {
    char bytes[4];
    if (code >= 0xD800 && code < 0xE000) code = HD_REPLACEMENT_CHARACTER;
    hd_buffer_append(out, bytes, hd_utf8_encode(code, bytes));
}

/* One escape: `at` is after the backslash. Returns what follows, or NULL. As Python's unicode-escape, to which jinja2 passes
 * other characters as escapes. */
static const char *append_escape(lexer *l, const char *at, const char *end, hd_buffer *out) {
    static const char names[] = "abfnrtv\\'\"", codes[] = "\a\b\f\n\r\t\v\\'\"";
    uint32_t code;
    const char *name = strchr(names, *at);
    int digits = *at == 'x' ? 2 : *at == 'u' ? 4 : *at == 'U' ? 8 : 0;
    if ((unsigned char)*at >= 0x80) {
        at += hd_utf8_decode(at, (size_t)(end - at), &code);
        hd_buffer_format(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
    } else if (*at == '\n') {
        at++;
    } else if (name && *at) {
        hd_buffer_byte(out, codes[name - names]);
        at++;
    } else if (digits) {
        if (!read_hex(at + 1, end, digits, &code) || code >= 0x110000)
            return fail(l, digits == 2   ? "truncated \\xXX escape"
                           : digits == 4 ? "truncated \\uXXXX escape"
                                         : "truncated \\UXXXXXXXX escape"),
                   NULL;
        append_code(code, out);
        at += 1 + digits;
    } else if (*at >= '0' && *at <= '7') {
        code = 0;
        for (int i = 0; i < 3 && at < end && *at >= '0' && *at <= '7'; i++) code = code * 8 + (uint32_t)(*at++ - '0');
        append_code(code, out);
    } else if (*at == 'N') {
        return fail(l, "heed lacks the escape \\N"), NULL;
    } else {
        hd_buffer_byte(out, '\\');
        hd_buffer_byte(out, *at++);
    }
    return at;
}

static bool add_string(lexer *l, size_t first, size_t end) {
    const char *at = l->text + first, *last = l->text + end;
    if (!memchr(at, '\\', end - first)) return add_text(l, HD_JINJA_TEXT, first, end);
    hd_buffer out;
    hd_buffer_open(&out, l->j->context);
    while (at && at < last) {
        if (*at != '\\')
            hd_buffer_byte(&out, *at++);
        else
            at = append_escape(l, at + 1, last, &out);
    }
    hd_jinja_value text = hd_jinja_take(l->j, &out);
    hd_jinja_token *token = l->j->failed ? NULL : add(l, HD_JINJA_TEXT);
    if (token) token->value = text;
    return token;
}

/* The end of the string that begins with the quote at l->at; 0 if it does not end. */
static size_t string_end(const lexer *l) {
    char quote = l->text[l->at];
    for (size_t at = l->at + 1; at < l->size; at++) {
        if (l->text[at] == '\\')
            at++;
        else if (l->text[at] == quote)
            return at + 1;
    }
    return 0;
}

/* Digits that may be separated by single underscores. */
static size_t digits_end(const lexer *l, size_t at) {
    if (at >= l->size || !isdigit((unsigned char)l->text[at])) return at;
    while (at < l->size) {
        if (isdigit((unsigned char)l->text[at]))
            at++;
        else if (l->text[at] == '_' && at + 1 < l->size && isdigit((unsigned char)l->text[at + 1]))
            at++;
        else
            break;
    }
    return at;
}

/* The end of a float at l->at; 0 if there is none. */
static size_t float_end(const lexer *l) {
    if (l->at && l->text[l->at - 1] == '.') return 0;
    size_t whole = digits_end(l, l->at), end = whole;
    if (end < l->size && l->text[end] == '.' && digits_end(l, end + 1) > end + 1) end = digits_end(l, end + 1);
    size_t exponent = end;
    if (end < l->size && (l->text[end] | 32) == 'e') {
        exponent = end + 1;
        if (exponent < l->size && (l->text[exponent] == '+' || l->text[exponent] == '-')) exponent++;
        exponent = digits_end(l, exponent) > exponent ? digits_end(l, exponent) : end;
    }
    return exponent > whole ? exponent : 0;
}

static int base_of(const lexer *l) {
    char mark = l->at + 1 < l->size && l->text[l->at] == '0' ? (char)(l->text[l->at + 1] | 32) : 0;
    return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
}

static bool is_digit_of(char c, int base) {
    return base == 16 ? isxdigit((unsigned char)c) : c >= '0' && c < '0' + base;
}

static size_t integer_end(const lexer *l, int *base) {
    *base = base_of(l);
    size_t at = l->at + 2;
    for (bool more = *base != 10; more;) {
        size_t digit = at + (at < l->size && l->text[at] == '_');
        more = digit < l->size && is_digit_of(l->text[digit], *base);
        if (more) at = digit + 1;
    }
    if (*base != 10 && at > l->at + 2) return at;
    *base = 10;
    if (l->text[l->at] != '0') return digits_end(l, l->at);
    for (at = l->at + 1; at < l->size;) {
        size_t digit = at + (l->text[at] == '_');
        if (digit >= l->size || l->text[digit] != '0') break;
        at = digit + 1;
    }
    return at;
}

static bool add_number(lexer *l, size_t *end) {
    char text[400];
    int base = 10;
    size_t size = 0, real_end = float_end(l);
    hd_jinja_value number;
    *end = real_end ? real_end : integer_end(l, &base);
    for (size_t i = l->at + (base == 10 ? 0 : 2); i < *end && size < sizeof text - 1; i++)
        if (l->text[i] != '_') text[size++] = l->text[i];
    text[size] = 0;
    if (real_end) {
        double real = 0;
        hd_read_double(text, &real);
        number = hd_jinja_float(real);
    } else {
        unsigned long long whole = strtoull(text, NULL, base);
        if (whole > INT64_MAX || size > 64) return fail(l, "an integer needs more than 64 bits");
        number = hd_jinja_int((int64_t)whole);
    }
    hd_jinja_token *token = add(l, HD_JINJA_NUMBER);
    if (token) token->value = number;
    return token;
}

/* ---- tags ---- */

static bool add_name(lexer *l, size_t end) {
    uint32_t code;
    hd_utf8_decode(l->text + l->at, end - l->at, &code);
    for (size_t at = l->at; at < end;) {
        if (at == l->at && !hd_jinja_is_name_start(code)) return fail(l, "Invalid character in identifier");
        at += hd_utf8_decode(l->text + at, end - at, &code);
        if (!hd_jinja_is_name(code)) return fail(l, "Invalid character in identifier");
    }
    return add_text(l, HD_JINJA_NAME, l->at, end);
}

static size_t word_end(const lexer *l, size_t at) {
    while (at < l->size) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(l->text + at, l->size - at, &code);
        if (!hd_jinja_is_word(code)) break;
        at += bytes;
    }
    return at;
}

static bool balance(lexer *l, char c) {
    char closing = c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : 0, message[64];
    if (closing) {
        if (l->open_count == MOST_OPEN) return fail(l, "too many brackets are open");
        l->open[l->open_count++] = closing;
    } else if (strchr(")]}", c)) {
        char expected = l->open_count ? l->open[--l->open_count] : 0;
        if (!expected) {
            snprintf(message, sizeof message, "unexpected '%c'", c);
            return fail(l, message);
        }
        if (expected != c) {
            snprintf(message, sizeof message, "unexpected '%c', expected '%c'", c, expected);
            return fail(l, message);
        }
    }
    return true;
}

static bool add_sign(lexer *l, size_t *end) {
    static const char *const twofold[] = {"//", "**", "==", "!=", ">=", "<="};
    char c = l->text[l->at], sign[3] = {c};
    size_t size = 1;
    for (size_t i = 0; i < HD_COUNT(twofold); i++)
        if (looks_at(l, l->at, twofold[i])) size = 2, sign[1] = twofold[i][1];
    if (size == 1 && (!c || !strchr("+-/*%~[](){}><=.:|,;", c))) {
        hd_jinja_value one = hd_jinja_text(l->j, l->text + l->at, hd_utf8_offset(l->text + l->at, l->size - l->at, 1));
        hd_jinja_value quoted = hd_jinja_repr_of(l->j, one);
        l->j->line = l->line;
        return hd_jinja_fail(l->j, "unexpected char %.*s at %zu", (int)quoted.size, l->j->failed ? "" : quoted.as.text,
                             hd_utf8_count(l->text, l->at)),
               false;
    }
    if (size == 1 && !balance(l, c)) return false;
    hd_jinja_token *token = add(l, HD_JINJA_SIGN);
    if (token) memcpy(token->sign, sign, sizeof sign);
    *end = l->at + size;
    return token;
}

static bool lex_one(lexer *l) {
    char c = l->text[l->at];
    size_t end = skip_space(l, l->at);
    if (end > l->at) {
        count_lines(l, l->at, end);
        l->at = end;
        return true;
    }
    uint32_t code;
    hd_utf8_decode(l->text + l->at, l->size - l->at, &code);
    if (isdigit((unsigned char)c)) {
        if (!add_number(l, &end)) return false;
    } else if (hd_jinja_is_word(code)) {
        end = word_end(l, l->at);
        if (!add_name(l, end)) return false;
    } else if ((c == '\'' || c == '"') && (end = string_end(l))) {
        if (!add_string(l, l->at + 1, end - 1)) return false;
        count_lines(l, l->at, end);
    } else if (!add_sign(l, &end)) {
        return false;
    }
    l->at = end;
    return true;
}

/* The inside of a tag, to its end or to the end of the template. */
static bool lex_tag(lexer *l, bool variable) {
    l->open_count = 0;
    while (l->at < l->size) {
        size_t end = l->open_count ? 0 : tag_end(l, l->at, variable ? "}}" : "%}", !variable);
        if (!end) {
            if (!lex_one(l)) return false;
            continue;
        }
        if (!add(l, variable ? HD_JINJA_VARIABLE_END : HD_JINJA_BLOCK_END)) return false;
        count_lines(l, l->at, end);
        l->line_start = l->text[end - 1] == '\n';
        l->at = end;
        return true;
    }
    return true;
}

/* The next tag: the place of "{{", "{%" or "{#"; the size of the text if there is none. */
static size_t find_tag(const lexer *l) {
    for (size_t at = l->at; at + 1 < l->size; at++) {
        const char *brace = memchr(l->text + at, '{', l->size - 1 - at);
        if (!brace) break;
        at = (size_t)(brace - l->text);
        if (brace[1] == '{' || brace[1] == '%' || brace[1] == '#') return at;
    }
    return l->size;
}

static bool lex_next(lexer *l) {
    size_t tag = find_tag(l), raw = 0;
    if (tag == l->size) {
        if (!add_data(l, l->at, tag, tag)) return false;
        l->at = tag;
        return true;
    }
    char kind = l->text[tag + 1], sign = sign_after(l, tag);
    if (!add_data(l, l->at, data_end(l, l->at, tag, sign, kind == '{'), tag)) return false;
    l->at = tag + 2 + (sign != 0);
    if (kind == '#') return lex_comment(l, l->at);
    if (kind == '%' && (raw = raw_begin(l, tag))) {
        count_lines(l, tag, raw);
        return lex_raw(l, raw);
    }
    if (!add(l, kind == '{' ? HD_JINJA_VARIABLE_BEGIN : HD_JINJA_BLOCK_BEGIN)) return false;
    return lex_tag(l, kind == '{');
}

const hd_jinja_token *hd_jinja_lex(hd_jinja *j, const char *text, size_t size, size_t *count) {
    lexer *l = hd_jinja_alloc(j, 1, sizeof *l);
    if (!l) return NULL;
    memset(l, 0, sizeof *l);
    l->j = j, l->text = text, l->size = size, l->line = 1, l->line_start = true;
    while (l->at < size)
        if (!lex_next(l)) return NULL;
    if (!add(l, HD_JINJA_END)) return NULL;
    *count = l->count;
    return l->tokens;
}
