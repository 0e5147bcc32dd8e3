/* The parser of grammars in the notation of llama.cpp's GBNF:
 *
 *     # comment                       to the end of the line
 *     root ::= "yes" | "no" reason?   alternatives; a rule ends with its line, but not inside parentheses, after ::= or around |
 *     reason ::= ", " [^\n]{1,80}     * + ? {m} {m,} {m,n} repeat a text, a class, a rule or a group
 *
 * Escapes are \n \r \t \\ \" \[ \] \- \^ \xNN \uNNNN \UNNNNNNNN. A dot is any character. */
#include "decode/grammar.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NESTED = 200 }; /* parentheses */

typedef struct parser {
    hd_grammar *g;
    const char *name, *text;
    size_t size, at;
    int nested;        /* open parentheses */
    hd_buffer ranges;  /* of the class that is read: hd_code_range [] */
    hd_buffer literal; /* the text that is read */
    bool failed;       /* the message is recorded */
} parser;

/* ---- errors ---- */

/* Records `FILE: line 3, column 5: PROBLEM`, unless there was a failure before. Returns an empty part. */
static hd_grammar_part fail_at(parser *p, size_t at, const char *problem) {
    size_t line = 1, begin = 0;
    hd_grammar_part none = {0, 0};
    if (p->failed) return none;
    p->failed = true;
    for (size_t i = 0; i < at; i++)
        if (p->text[i] == '\n') line++, begin = i + 1;
    p->g->status = hd_fail(p->g->context, HEED_ARGUMENT, "%s: line %zu, column %zu: %s", p->name, line,
                           1 + hd_utf8_count(p->text + begin, at - begin), problem);
    return none;
}

static bool is_failed(const parser *p) { return p->failed || p->g->status != HEED_OK; }

/* ---- characters ---- */

static char peek(const parser *p) { return p->at < p->size ? p->text[p->at] : 0; }

static bool accept(parser *p, char c) {
    if (p->at == p->size || p->text[p->at] != c) return false;
    p->at++;
    return true;
}

/* Skips blanks and comments, and line breaks if `lines`. */
static void skip_space(parser *p, bool lines) {
    for (; p->at < p->size; p->at++) {
        char c = p->text[p->at];
        if (c == '#')
            while (p->at + 1 < p->size && p->text[p->at + 1] != '\n') p->at++;
        else if (c != ' ' && c != '\t' && c != '\r' && !(lines && c == '\n'))
            return;
    }
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int hexadecimal(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t read_digits(parser *p, size_t escape, int digits) {
    uint32_t code = 0;
    for (int i = 0; i < digits; i++, p->at++) {
        int digit = hexadecimal(peek(p));
        if (digit < 0) return fail_at(p, escape, "an escape has too few hexadecimal digits"), 0;
        code = code * 16 + (uint32_t)digit;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) fail_at(p, escape, "an escape is not a character");
    return code;
}

static uint32_t read_escape(parser *p) {
    size_t escape = p->at - 1;
    char c = peek(p);
    if (p->at < p->size) p->at++;
    switch (c) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'x':
            return read_digits(p, escape, 2);
        case 'u':
            return read_digits(p, escape, 4);
        case 'U':
            return read_digits(p, escape, 8);
        case '\\':
        case '"':
        case '[':
        case ']':
        case '-':
        case '^':
            return (uint32_t)c;
        default:
            fail_at(p, escape, "an unknown escape; a backslash is \\\\");
            return 0;
    }
}

/* One character of a text or a class. */
static uint32_t read_character(parser *p) {
    uint32_t code;
    if (accept(p, '\\')) return read_escape(p);
    p->at += hd_utf8_decode(p->text + p->at, p->size - p->at, &code);
    return code;
}

/* ---- the parts of a rule ---- */

static hd_grammar_part read_alternatives(parser *p);

static hd_grammar_part read_text(parser *p) {
    size_t begin = p->at - 1;
    hd_buffer_clear(&p->literal);
    while (!accept(p, '"')) {
        char bytes[4];
        if (is_failed(p)) return (hd_grammar_part){0, 0};
        if (p->at == p->size || peek(p) == '\n') return fail_at(p, begin, "a text has no closing quote");
        hd_buffer_append(&p->literal, bytes, hd_utf8_encode(read_character(p), bytes));
    }
    if (p->literal.failed) p->g->status = HEED_MEMORY;
    return hd_grammar_text(p->g, p->literal.data, p->literal.size);
}

/* Adds a character or a range of a class. */
static void read_range(parser *p) {
    size_t begin = p->at;
    hd_code_range range;
    range.low = range.high = read_character(p);
    if (peek(p) == '-' && p->at + 1 < p->size && p->text[p->at + 1] != ']') {
        p->at++;
        range.high = read_character(p);
    }
    if (range.low > range.high) fail_at(p, begin, "a range has its ends in the wrong order");
    hd_buffer_append(&p->ranges, &range, sizeof range);
}

static hd_grammar_part read_class(parser *p) {
    size_t begin = p->at - 1;
    bool negated = accept(p, '^');
    hd_buffer_clear(&p->ranges);
    while (!accept(p, ']')) {
        if (is_failed(p)) return (hd_grammar_part){0, 0};
        if (p->at == p->size) return fail_at(p, begin, "a class has no closing bracket");
        read_range(p);
    }
    size_t count = p->ranges.size / sizeof(hd_code_range);
    static const hd_code_range more[2];
    hd_buffer_append(&p->ranges, more, sizeof more);
    if (p->ranges.failed) p->g->status = HEED_MEMORY;
    if (is_failed(p)) return (hd_grammar_part){0, 0};
    hd_code_range *ranges = (hd_code_range *)(void *)p->ranges.data;
    count = hd_code_ranges_normalize(ranges, count, negated);
    if (!count) return fail_at(p, begin, "a class has no character");
    return hd_grammar_set(p->g, ranges, count);
}

static hd_grammar_part read_any(parser *p) {
    static const hd_code_range all[] = {{0, 0xD7FF}, {0xE000, 0x10FFFF}};
    return hd_grammar_set(p->g, all, HD_COUNT(all));
}

static hd_grammar_part read_group(parser *p) {
    size_t begin = p->at - 1;
    if (p->nested == MOST_NESTED) return fail_at(p, begin, "parentheses are nested too deeply");
    p->nested++;
    skip_space(p, true);
    hd_grammar_part part = read_alternatives(p);
    p->nested--;
    if (is_failed(p)) return part;
    return accept(p, ')') ? part : fail_at(p, p->at < p->size ? p->at : begin, "expected a closing parenthesis");
}

static int32_t read_name(parser *p) {
    size_t begin = p->at;
    while (p->at < p->size && is_name(p->text[p->at])) p->at++;
    return hd_grammar_rule_named(p->g, p->text + begin, p->at - begin, begin);
}

static bool begins_item(char c) { return c == '"' || c == '[' || c == '(' || c == '.' || is_name(c); }

static hd_grammar_part read_item(parser *p) {
    if (accept(p, '"')) return read_text(p);
    if (accept(p, '[')) return read_class(p);
    if (accept(p, '(')) return read_group(p);
    if (accept(p, '.')) return read_any(p);
    return hd_grammar_call(p->g, read_name(p));
}

/* ---- repetitions ---- */

static int32_t read_bound(parser *p) {
    size_t begin = p->at;
    int32_t bound = 0;
    if (!(peek(p) >= '0' && peek(p) <= '9')) return fail_at(p, begin, "expected a number"), 0;
    for (; peek(p) >= '0' && peek(p) <= '9'; p->at++)
        if ((bound = bound * 10 + (peek(p) - '0')) > HD_GRAMMAR_MOST_REPEATS)
            return fail_at(p, begin, "the number of repetitions is larger than 100000"), 0;
    return bound;
}

static hd_grammar_part read_braces(parser *p, hd_grammar_part part) {
    size_t begin = p->at - 1;
    skip_space(p, false);
    int32_t least = read_bound(p), most = least;
    skip_space(p, false);
    if (accept(p, ',')) {
        skip_space(p, false);
        most = peek(p) == '}' ? HD_GRAMMAR_UNBOUNDED : read_bound(p);
        skip_space(p, false);
    }
    if (is_failed(p)) return part;
    if (!accept(p, '}')) return fail_at(p, p->at < p->size ? p->at : begin, "expected a closing brace");
    if (most >= 0 && most < least) return fail_at(p, begin, "the bounds are in the wrong order");
    return hd_grammar_repeat(p->g, part, least, most);
}

static hd_grammar_part read_repetitions(parser *p, hd_grammar_part part) {
    while (!is_failed(p)) {
        skip_space(p, p->nested > 0);
        if (accept(p, '*'))
            part = hd_grammar_repeat(p->g, part, 0, HD_GRAMMAR_UNBOUNDED);
        else if (accept(p, '+'))
            part = hd_grammar_repeat(p->g, part, 1, HD_GRAMMAR_UNBOUNDED);
        else if (accept(p, '?'))
            part = hd_grammar_repeat(p->g, part, 0, 1);
        else if (accept(p, '{'))
            part = read_braces(p, part);
        else
            break;
    }
    return part;
}

/* ---- rules ---- */

static hd_grammar_part read_sequence(parser *p) {
    hd_grammar_part part = hd_grammar_empty(p->g);
    while (!is_failed(p) && begins_item(peek(p))) part = hd_grammar_then(p->g, part, read_repetitions(p, read_item(p)));
    return part;
}

/* Whether a | follows, perhaps on one of the next lines, which is then skipped. */
static bool accept_bar(parser *p) {
    size_t at = p->at;
    skip_space(p, true);
    if (accept(p, '|')) {
        skip_space(p, true);
        return true;
    }
    p->at = at;
    return false;
}

static hd_grammar_part read_alternatives(parser *p) {
    hd_grammar_part part = read_sequence(p);
    while (!is_failed(p) && accept_bar(p)) part = hd_grammar_either(p->g, part, read_sequence(p));
    if (p->nested) skip_space(p, true);
    return part;
}

static void read_rule(parser *p) {
    size_t begin = p->at;
    if (!is_name(peek(p))) {
        fail_at(p, begin, "expected the name of a rule");
        return;
    }
    int32_t rule = read_name(p);
    if (is_failed(p)) return;
    if (p->g->rules[rule].start >= 0) {
        fail_at(p, begin, "the rule is defined before");
        return;
    }
    skip_space(p, false);
    if (p->size - p->at < 3 || memcmp(p->text + p->at, "::=", 3) != 0) {
        fail_at(p, p->at, "expected ::= after the name of a rule");
        return;
    }
    p->at += 3;
    skip_space(p, true);
    hd_grammar_define(p->g, rule, read_alternatives(p));
    skip_space(p, false);
    if (!is_failed(p) && p->at < p->size && peek(p) != '\n')
        fail_at(p, p->at,
                peek(p) == '<' || peek(p) == '!' ? "heed lacks tokens in grammars: write their text in quotes"
                                                 : "expected a text, a class, a rule, a group or the next line");
}

static void read_rules(parser *p) {
    size_t invalid = 0;
    while (invalid < p->size) {
        uint32_t code;
        size_t length = hd_utf8_decode(p->text + invalid, p->size - invalid, &code);
        if (!hd_utf8_valid(p->text + invalid, length)) {
            fail_at(p, invalid, "invalid UTF-8");
            return;
        }
        invalid += length;
    }
    p->at = hd_byte_order_mark(p->text, p->size);
    for (skip_space(p, true); !is_failed(p) && p->at < p->size; skip_space(p, true)) read_rule(p);
}

/* Removes what only the parser needs, and checks the rules. */
static heed_status complete(parser *p) {
    hd_grammar *g = p->g;
    hd_grammar_problem problem;
    char text[256];
    hd_grammar_finish(g);
    g->root = hd_grammar_rule_named(g, "root", 4, p->size);
    HD_TRY(g->status);
    HD_TRY(hd_grammar_check(g, &problem));
    if (!problem.text) return HEED_OK;
    snprintf(text, sizeof text, "the rule \"%.100s\" %s", g->rules[problem.rule].name, problem.text);
    fail_at(p, g->rules[problem.rule].used, text);
    return g->status;
}

heed_status hd_grammar_parse(heed_context *context, const char *name, const char *text, size_t size,
                             hd_grammar *grammar) {
    parser p = {.g = grammar, .name = name, .text = text, .size = size};
    HD_TRY(hd_grammar_open(context, grammar));
    hd_buffer_open(&p.ranges, context);
    hd_buffer_open(&p.literal, context);
    read_rules(&p);
    heed_status status = grammar->status == HEED_OK ? complete(&p) : grammar->status;
    if (status == HEED_ARGUMENT && !p.failed) hd_fail_in(context, name);
    hd_buffer_close(&p.ranges);
    hd_buffer_close(&p.literal);
    if (status != HEED_OK) hd_grammar_close(grammar);
    return status;
}
