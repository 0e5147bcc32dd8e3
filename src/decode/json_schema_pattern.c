/* Regular expressions of "pattern" as grammars: the part of ECMA-262's that Python's re reads in the same way. Characters
 * stand for those of the string, and are written as in JSON. A shorthand such as \w has its ASCII characters alone, and a dot
 * no line break of any kind, so that both kinds of readers agree. */
#include "decode/json_schema_parts.h"

#include "base/utf8.h"
#include "decode/grammar.h"

#include <string.h>

enum { MOST_NESTED = 50, MOST_RANGES = 256 };

typedef struct pattern {
    hd_schema_compiler *c;
    const hd_schema_place *place;
    const char *text;
    size_t size, at;
    int nested;
} pattern;

/* Characters of a class. */
typedef struct characters {
    hd_code_range ranges[MOST_RANGES + 2];
    size_t count;
} characters;

static void fail(const pattern *p, const char *what) {
    hd_schema_fail(p->c, p->place, "\"pattern\": %s at character %zu", what, 1 + hd_utf8_count(p->text, p->at));
}

static bool is_failed(const pattern *p) { return p->c->status != HEED_OK; }

static char peek(const pattern *p) { return p->at < p->size ? p->text[p->at] : 0; }

static bool accept(pattern *p, const char *text) {
    size_t size = strlen(text);
    if (p->size - p->at < size || memcmp(p->text + p->at, text, size) != 0) return false;
    p->at += size;
    return true;
}

/* ---- classes ---- */

static void add(const pattern *p, characters *set, uint32_t low, uint32_t high) {
    if (set->count == MOST_RANGES)
        fail(p, "a class has too many ranges");
    else if (low > high)
        fail(p, "a range has its ends in the wrong order");
    else
        set->ranges[set->count++] = (hd_code_range){low, high};
}

/* Adds the characters of \d, \w, \s and their complements in ASCII; false for another letter. */
static bool add_shorthand(const pattern *p, characters *set, char letter) {
    static const struct {
        char letter;
        hd_code_range ranges[5];
    } shorthands[] = {{'d', {{'0', '9'}}},
                      {'D', {{0, '0' - 1}, {'9' + 1, 0x7F}}},
                      {'w', {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
                      {'W', {{0, '0' - 1}, {'9' + 1, '@'}, {'[', '^'}, {'`', '`'}, {'{', 0x7F}}},
                      {'s', {{'\t', '\r'}, {' ', ' '}}},
                      {'S', {{'!', 0x7E}}}};
    for (size_t i = 0; i < HD_COUNT(shorthands); i++)
        for (size_t j = 0; letter == shorthands[i].letter && j < 5; j++) {
            const hd_code_range *range = &shorthands[i].ranges[j];
            if (range->high) add(p, set, range->low, range->high);
        }
    return letter && strchr("dDwWsS", letter);
}

static int hexadecimal(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t read_digits(pattern *p, int count) {
    uint32_t code = 0;
    for (int i = 0; i < count && !is_failed(p); i++, p->at++) {
        int digit = hexadecimal(peek(p));
        if (digit < 0) fail(p, "an escape has too few hexadecimal digits");
        code = code * 16 + (uint32_t)(digit < 0 ? 0 : digit);
    }
    if (code >= 0xD800 && code <= 0xDFFF) fail(p, "half of a character");
    return code;
}

/* The character of an escape that is no shorthand, after its backslash. */
static uint32_t read_escape(pattern *p) {
    static const char letters[] = "tnrfv", codes[] = "\t\n\r\f\v";
    char c = peek(p);
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) return p->at++, (uint32_t)codes[letter - letters];
    if (accept(p, "x")) return read_digits(p, 2);
    if (accept(p, "u")) return read_digits(p, 4);
    if ((c >= '0' && c <= '9') || c == 'k') fail(p, "heed lacks references to groups,");
    if (c == 'p' || c == 'P') fail(p, "heed lacks \\p,");
    if (c == 'b' || c == 'B') fail(p, "heed lacks \\b and \\B,");
    if (!c || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) fail(p, "an unknown escape");
    uint32_t code;
    p->at += hd_utf8_decode(p->text + p->at, p->size - p->at, &code);
    return code;
}

/* One character of a class; false if it was a shorthand, which is then added. */
static bool read_class_character(pattern *p, characters *set, uint32_t *code) {
    if (!accept(p, "\\")) {
        p->at += hd_utf8_decode(p->text + p->at, p->size - p->at, code);
        return true;
    }
    if (accept(p, "b")) return *code = '\b', true; /* in a class, a backspace */
    if (add_shorthand(p, set, peek(p))) return p->at++, false;
    *code = read_escape(p);
    return true;
}

static void read_class(pattern *p, characters *set) {
    bool negated = accept(p, "^"), shorthand = false;
    if (peek(p) == ']') fail(p, "a class has no character");
    while (!is_failed(p) && !accept(p, "]")) {
        uint32_t low, high;
        if (p->at == p->size)
            fail(p, "a class has no closing bracket");
        else if (!read_class_character(p, set, &low))
            shorthand = true;
        else if (peek(p) == '-' && p->at + 1 < p->size && p->text[p->at + 1] != ']')
            p->at++,
                read_class_character(p, set, &high) ? add(p, set, low, high) : fail(p, "a range ends in a shorthand");
        else
            add(p, set, low, low);
    }
    if (negated && shorthand) add(p, set, 0x80, 0x10FFFF); /* which readers know more characters of */
    set->count = hd_code_ranges_normalize(set->ranges, set->count, negated);
}

/* ---- characters as in JSON ---- */

static void append_or(bool *any, hd_buffer *out) {
    if (*any) hd_buffer_text(out, " | ");
    *any = true;
}

static bool contains(const characters *set, uint32_t code) {
    for (size_t i = 0; i < set->count; i++)
        if (code >= set->ranges[i].low && code <= set->ranges[i].high) return true;
    return false;
}

/* Appends a class of the characters that need no escape; false if there are none. */
static bool append_plain(const characters *set, hd_buffer *out) {
    static const hd_code_range plain[] = {{' ', '!'}, {'#', '['}, {']', '~'}, {0x80, 0x10FFFF}};
    bool any = false;
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < HD_COUNT(plain); j++) {
            uint32_t low = set->ranges[i].low, high = set->ranges[i].high;
            low = low > plain[j].low ? low : plain[j].low;
            high = high < plain[j].high ? high : plain[j].high;
            if (low > high) continue;
            if (!any) hd_buffer_byte(out, '[');
            any = true;
            hd_schema_class_character(low, out);
            if (high > low) hd_buffer_byte(out, '-');
            if (high > low) hd_schema_class_character(high, out);
        }
    if (any) hd_buffer_byte(out, ']');
    return any;
}

/* Control characters other than these are left out of large sets, where they make the grammar long. */
static void append_set(const pattern *p, const characters *set, hd_buffer *out) {
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    bool small = set->count && set->ranges[set->count - 1].high - set->ranges[0].low < 0x20, any;
    hd_buffer_byte(out, '(');
    any = append_plain(set, out);
    for (size_t i = 0; escaped[i]; i++) {
        if (!contains(set, (uint32_t)escaped[i])) continue;
        append_or(&any, out);
        hd_schema_literal((char[]){'\\', letters[i]}, 2, out);
    }
    for (uint32_t code = 1; small && code <= 0x7F; code++) {
        if ((code >= 0x20 && code < 0x7F) || strchr(escaped, (int)code) || !contains(set, code)) continue;
        append_or(&any, out);
        hd_buffer_format(out, "\"\\\\u00%02X\"", code);
    }
    hd_buffer_byte(out, ')');
    if (!any) fail(p, "a class has no character that heed writes,");
}

/* ---- the parts of an expression ---- */

static void read_alternatives(pattern *p, hd_buffer *out);

static void read_group(pattern *p, hd_buffer *out) {
    if (accept(p, "?")) {
        bool named = accept(p, "P<") || (p->at + 1 < p->size && p->text[p->at] == '<' && p->text[p->at + 1] != '=' &&
                                         p->text[p->at + 1] != '!');
        if (named)
            while (peek(p) && !accept(p, ">")) p->at++;
        else if (!accept(p, ":"))
            fail(p, "heed lacks lookaround and flags,");
    }
    if (p->nested == MOST_NESTED) fail(p, "groups are nested too deeply");
    if (is_failed(p)) return;
    p->nested++;
    hd_buffer_byte(out, '(');
    read_alternatives(p, out);
    hd_buffer_byte(out, ')');
    p->nested--;
    if (!accept(p, ")")) fail(p, "a group has no closing parenthesis");
}

static void read_item(pattern *p, hd_buffer *out) {
    characters set = {.count = 0};
    if (accept(p, "(")) {
        read_group(p, out);
        return;
    }
    if (accept(p, "[")) {
        read_class(p, &set);
    } else if (accept(p, ".")) {
        add(p, &set, '\n', '\n');
        add(p, &set, '\r', '\r');
        add(p, &set, 0x2028, 0x2029);
        set.count = hd_code_ranges_normalize(set.ranges, set.count, true);
    } else if (accept(p, "\\")) {
        if (add_shorthand(p, &set, peek(p)))
            p->at++;
        else
            set.ranges[0].low = set.ranges[0].high = read_escape(p), set.count = 1;
    } else {
        p->at += hd_utf8_decode(p->text + p->at, p->size - p->at, &set.ranges[0].low);
        set.ranges[0].high = set.ranges[0].low, set.count = 1;
    }
    if (!is_failed(p)) append_set(p, &set, out);
}

static int64_t read_number(pattern *p) {
    int64_t number = 0;
    if (!(peek(p) >= '0' && peek(p) <= '9')) fail(p, "a brace that heed does not read as a repetition");
    for (; peek(p) >= '0' && peek(p) <= '9'; p->at++)
        if ((number = number * 10 + (peek(p) - '0')) > HD_GRAMMAR_MOST_REPEATS) {
            fail(p, "too many repetitions");
            break;
        }
    return number;
}

/* A lazy repetition matches the same strings. */
static void read_repetition(pattern *p, hd_buffer *out) {
    char c = peek(p);
    if (c == '*' || c == '+' || c == '?') {
        p->at++;
        hd_buffer_byte(out, c);
    } else if (accept(p, "{")) {
        int64_t least = read_number(p), most = least;
        if (accept(p, ",")) most = peek(p) == '}' ? -1 : read_number(p);
        if (!accept(p, "}")) fail(p, "a brace that heed does not read as a repetition");
        if (most >= 0 && most < least) fail(p, "bounds in the wrong order");
        hd_schema_bounds(least, most, out);
    } else {
        return;
    }
    accept(p, "?");
    c = peek(p);
    if (c == '*' || c == '+' || c == '?' || c == '{') fail(p, "a repetition of a repetition");
}

static bool ends_alternative(const pattern *p) { return p->at == p->size || peek(p) == '|' || peek(p) == ')'; }

/* A sequence of items. Outside of groups, what ^ and $ do not fix may follow or come before any text. */
static void read_sequence(pattern *p, hd_buffer *out) {
    bool outermost = p->nested == 0, begins = accept(p, "^"), ends = false;
    if (begins && !outermost) fail(p, "heed lacks ^ in groups,");
    if (outermost && !begins) hd_buffer_format(out, "%s* ", hd_schema_rule(p->c, HD_JSON_CHARACTER));
    while (!is_failed(p) && !ends_alternative(p)) {
        char c = peek(p);
        if (c == '$') {
            p->at++;
            ends = true;
            if (!outermost || !ends_alternative(p)) fail(p, "heed has $ at the end alone,");
        } else if (c == '^') {
            fail(p, "heed has ^ at the beginning alone,");
        } else if (c == '*' || c == '+' || c == '?' || c == '{') {
            fail(p, "a repetition of nothing");
        } else {
            read_item(p, out);
            read_repetition(p, out);
            hd_buffer_byte(out, ' ');
        }
    }
    if (outermost && !ends) hd_buffer_format(out, "%s*", hd_schema_rule(p->c, HD_JSON_CHARACTER));
}

static void read_alternatives(pattern *p, hd_buffer *out) {
    read_sequence(p, out);
    while (!is_failed(p) && accept(p, "|")) {
        hd_buffer_text(out, "| ");
        read_sequence(p, out);
    }
}

void hd_schema_pattern(hd_schema_compiler *c, const hd_schema_place *place, const char *text, hd_buffer *out) {
    pattern p = {.c = c, .place = place, .text = text, .size = strlen(text)};
    hd_buffer_text(out, "\"\\\"\" (");
    read_alternatives(&p, out);
    if (!is_failed(&p) && p.at < p.size) fail(&p, "a closing parenthesis without an opening one");
    hd_buffer_text(out, ") \"\\\"\"");
}
