#include "text/jinja/parse_expression.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/operate.h"

typedef hd_jinja_node node;
typedef hd_jinja_parser parser;

/* ---- tokens ---- */

void *hd_jinja_parse_fail(parser *p, uint32_t line, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!p->j->failed) p->j->line = line;
    hd_jinja_fail(p->j, "%s", text);
    return NULL;
}

bool hd_jinja_parse_enter(parser *p) {
    if (p->j->failed) return false;
    if (p->depth < HD_JINJA_PARSE_DEPTH) return ++p->depth;
    return hd_jinja_parse_fail(p, p->at->line, "the template nests more than %d brackets or blocks",
                               HD_JINJA_PARSE_DEPTH);
}

bool hd_jinja_at_sign(const parser *p, const char *sign) {
    return p->at->kind == HD_JINJA_SIGN && strcmp(p->at->sign, sign) == 0;
}
bool hd_jinja_at_word(const parser *p, const char *word) {
    return p->at->kind == HD_JINJA_NAME && hd_jinja_is_text(p->at->value, word);
}
bool hd_jinja_skip_sign(parser *p, const char *sign) {
    if (p->j->failed || !hd_jinja_at_sign(p, sign)) return false;
    return p->at++;
}
bool hd_jinja_skip_word(parser *p, const char *word) {
    if (p->j->failed || !hd_jinja_at_word(p, word)) return false;
    return p->at++;
}

static void describe_kind(hd_jinja_token_kind kind, bool real, char out[64]) {
    static const char *const names[] = {"end of template",
                                        "template data / text",
                                        "begin of statement block",
                                        "end of statement block",
                                        "begin of print statement",
                                        "end of print statement",
                                        "name",
                                        "string"};
    snprintf(out, 64, "%s", kind <= HD_JINJA_TEXT ? names[kind] : real ? "float" : "integer");
}

static void describe(const hd_jinja_token *token, char out[64]) {
    if (token->kind == HD_JINJA_NAME)
        snprintf(out, 64, "%.*s", (int)(token->value.size < 60 ? token->value.size : 60), token->value.as.text);
    else if (token->kind == HD_JINJA_SIGN)
        snprintf(out, 64, "%s", token->sign);
    else
        describe_kind((hd_jinja_token_kind)token->kind, token->value.kind == HD_JINJA_FLOAT, out);
}

static bool unexpected(parser *p, const char *expected) {
    char got[64];
    describe(p->at, got);
    if (p->at->kind == HD_JINJA_END)
        hd_jinja_parse_fail(p, p->at->line, "unexpected end of template, expected '%s'.", expected);
    else
        hd_jinja_parse_fail(p, p->at->line, "expected token '%s', got '%s'", expected, got);
    return false;
}

bool hd_jinja_expect_sign(parser *p, const char *sign) {
    return hd_jinja_skip_sign(p, sign) || (!p->j->failed && unexpected(p, sign));
}
bool hd_jinja_expect_word(parser *p, const char *word) {
    return hd_jinja_skip_word(p, word) || (!p->j->failed && unexpected(p, word));
}
bool hd_jinja_expect_kind(parser *p, hd_jinja_token_kind kind) {
    char expected[64];
    if (p->j->failed) return false;
    if (p->at->kind == kind) return p->at++;
    describe_kind(kind, false, expected);
    return unexpected(p, expected);
}

static node *make(parser *p, hd_jinja_node_kind kind, uint32_t line, node *a, node *b, node *c) {
    return p->j->failed ? NULL : hd_jinja_node_new(p->j, kind, line, a, b, c);
}

static node *constant(parser *p, uint32_t line, hd_jinja_value value) {
    node *it = make(p, HD_JINJA_CONSTANT, line, NULL, NULL, NULL);
    if (it) it->value = value;
    return it;
}

static node *named(parser *p, hd_jinja_node_kind kind, uint32_t line, hd_jinja_value name, node *a) {
    node *it = make(p, kind, line, a, NULL, NULL);
    if (it) it->value = name, it->soft = p->soft;
    return it;
}

/* ---- literals ---- */

static node *parse_sequence(parser *p, hd_jinja_node_kind kind, const char *close) {
    node *list = make(p, kind, p->at->line, NULL, NULL, NULL);
    p->at++;
    while (list && !p->j->failed && !hd_jinja_at_sign(p, close)) {
        if (list->list && !hd_jinja_expect_sign(p, ",")) return NULL;
        if (hd_jinja_at_sign(p, close)) break;
        node *item = hd_jinja_parse_expression(p);
        if (kind == HD_JINJA_MAKE_DICT && item) {
            if (!hd_jinja_expect_sign(p, ":")) return NULL;
            node *value = hd_jinja_parse_expression(p);
            item = make(p, HD_JINJA_PAIR, item->line, item, value, NULL);
        }
        hd_jinja_node_add(p->j, list, item);
    }
    return hd_jinja_expect_sign(p, close) ? list : NULL;
}

static bool ends_tuple(const parser *p, const char *end) {
    return p->at->kind == HD_JINJA_VARIABLE_END || p->at->kind == HD_JINJA_BLOCK_END || hd_jinja_at_sign(p, ")") ||
           (end && hd_jinja_at_word(p, end));
}

typedef node *item_parser(parser *p, bool option);

/* Items up to `end`; one without a comma is itself. */
static node *parse_items(parser *p, item_parser *parse, bool option, const char *end, bool brackets) {
    node *first = NULL, *tuple = NULL;
    for (;;) {
        uint32_t line = p->at->line;
        if (first && !hd_jinja_expect_sign(p, ",")) return NULL;
        if (ends_tuple(p, end)) break;
        node *item = parse(p, option);
        if (!item) return NULL;
        bool more = hd_jinja_at_sign(p, ",");
        if (!first && !more) return item;
        if (!tuple) tuple = make(p, HD_JINJA_MAKE_TUPLE, line, NULL, NULL, NULL);
        if (!first) first = item;
        hd_jinja_node_add(p->j, tuple, item);
        if (!more) break;
    }
    if (!first && !brackets) {
        char got[64];
        describe(p->at, got);
        return hd_jinja_parse_fail(p, p->at->line, "Expected an expression, got '%s'", got);
    }
    return tuple ? tuple : make(p, HD_JINJA_MAKE_TUPLE, p->at->line, NULL, NULL, NULL);
}

static node *parse_or(parser *p);
static node *parse_item(parser *p, bool condition) { return condition ? hd_jinja_parse_expression(p) : parse_or(p); }

node *hd_jinja_parse_tuple(parser *p, bool condition, const char *end) {
    return parse_items(p, parse_item, condition, end, false);
}

static node *parse_strings(parser *p) {
    uint32_t line = p->at->line;
    hd_jinja_value text = (p->at++)->value;
    while (p->at->kind == HD_JINJA_TEXT && !p->j->failed) text = hd_jinja_join_two(p->j, text, (p->at++)->value);
    return constant(p, line, text);
}

static node *parse_name(parser *p, bool members) {
    const hd_jinja_token *token = p->at++;
    hd_jinja_value name = token->value;
    if (hd_jinja_is_text(name, "true") || hd_jinja_is_text(name, "True"))
        return constant(p, token->line, hd_jinja_bool(true));
    if (hd_jinja_is_text(name, "false") || hd_jinja_is_text(name, "False"))
        return constant(p, token->line, hd_jinja_bool(false));
    if (hd_jinja_is_text(name, "none") || hd_jinja_is_text(name, "None"))
        return constant(p, token->line, hd_jinja_none());
    if (!members || !hd_jinja_skip_sign(p, ".")) return named(p, HD_JINJA_VARIABLE, token->line, name, NULL);
    hd_jinja_value member = p->at->value;
    if (!hd_jinja_expect_kind(p, HD_JINJA_NAME)) return NULL;
    node *it = named(p, HD_JINJA_MEMBER, token->line, name, NULL);
    if (it) it->b = constant(p, token->line, member);
    return it;
}

static node *parse_primary(parser *p, bool members) {
    node *it = NULL;
    char got[64];
    if (!hd_jinja_parse_enter(p)) return NULL;
    if (p->at->kind == HD_JINJA_NAME) {
        it = parse_name(p, members);
    } else if (p->at->kind == HD_JINJA_TEXT) {
        it = parse_strings(p);
    } else if (p->at->kind == HD_JINJA_NUMBER) {
        it = constant(p, p->at->line, p->at->value);
        p->at++;
    } else if (hd_jinja_skip_sign(p, "(")) {
        it = parse_items(p, parse_item, true, NULL, true);
        if (!hd_jinja_expect_sign(p, ")")) it = NULL;
    } else if (hd_jinja_at_sign(p, "[")) {
        it = parse_sequence(p, HD_JINJA_MAKE_LIST, "]");
    } else if (hd_jinja_at_sign(p, "{")) {
        it = parse_sequence(p, HD_JINJA_MAKE_DICT, "}");
    } else {
        describe(p->at, got);
        hd_jinja_parse_fail(p, p->at->line, "unexpected '%s'", got);
    }
    p->depth--;
    return it;
}

/* ---- calls and subscripts ---- */

static node *parse_argument(parser *p, node *call) {
    if (p->at->kind == HD_JINJA_NAME && p->at[1].kind == HD_JINJA_SIGN && strcmp(p->at[1].sign, "=") == 0) {
        hd_jinja_value name = p->at->value;
        uint32_t line = p->at->line;
        p->at += 2;
        if (call->c) return NULL;
        node *value = hd_jinja_parse_expression(p);
        return value ? named(p, HD_JINJA_KEYWORD, line, name, value) : NULL;
    }
    if (call->b || call->c || (call->last && call->last->kind == HD_JINJA_KEYWORD)) return NULL;
    return hd_jinja_parse_expression(p);
}

/* "(a, b=c, *d, **e)" */
static node *parse_arguments(parser *p, node *call) {
    uint32_t line = p->at->line;
    bool comma = false;
    if (!hd_jinja_expect_sign(p, "(")) return NULL;
    while (call && !p->j->failed && !hd_jinja_at_sign(p, ")")) {
        if (comma && !hd_jinja_expect_sign(p, ",")) return NULL;
        if (comma && hd_jinja_at_sign(p, ")")) break;
        comma = true;
        node *argument = NULL;
        bool valid = true;
        if (hd_jinja_at_sign(p, "*")) {
            valid = !call->b && !call->c;
            p->at++;
            if (valid) call->b = argument = hd_jinja_parse_expression(p);
        } else if (hd_jinja_at_sign(p, "**")) {
            valid = !call->c;
            p->at++;
            if (valid) call->c = argument = hd_jinja_parse_expression(p);
        } else {
            argument = parse_argument(p, call);
            hd_jinja_node_add(p->j, call, argument);
        }
        if (!argument || !valid) return hd_jinja_parse_fail(p, line, "invalid syntax for function call expression");
        if (argument->depth >= call->depth) call->depth = (uint16_t)(argument->depth + 1);
    }
    return hd_jinja_expect_sign(p, ")") ? call : NULL;
}

static bool ends_bound(const parser *p) { return hd_jinja_at_sign(p, "]") || hd_jinja_at_sign(p, ","); }

/* What is in square brackets: an expression, or a slice without its subject. */
static node *parse_subscribed(parser *p) {
    uint32_t line = p->at->line;
    node *start = NULL, *stop = NULL, *step = NULL;
    if (!hd_jinja_skip_sign(p, ":")) {
        start = hd_jinja_parse_expression(p);
        if (!start || !hd_jinja_skip_sign(p, ":")) return start;
    }
    if (!hd_jinja_at_sign(p, ":") && !ends_bound(p)) stop = hd_jinja_parse_expression(p);
    if (hd_jinja_skip_sign(p, ":") && !ends_bound(p)) step = hd_jinja_parse_expression(p);
    node *slice = make(p, HD_JINJA_SLICE, line, NULL, start, stop);
    if (slice) slice->rest = step;
    return slice;
}

/* A slice that has no subject yet. */
static bool is_bare(const node *it) { return it->kind == HD_JINJA_SLICE && !it->a; }

static node *parse_brackets(parser *p, node *subject, uint32_t line) {
    node *first = NULL, *tuple = NULL;
    while (!p->j->failed && !hd_jinja_at_sign(p, "]")) {
        if (first && !hd_jinja_expect_sign(p, ",")) return NULL;
        node *item = parse_subscribed(p);
        if (!item) return NULL;
        if (first && !tuple) {
            tuple = make(p, HD_JINJA_MAKE_TUPLE, line, NULL, NULL, NULL);
            hd_jinja_node_add(p->j, tuple, first);
        }
        if (first) hd_jinja_node_add(p->j, tuple, item);
        if (!first) first = item;
        if (tuple && is_bare(item)) return hd_jinja_parse_fail(p, line, "heed lacks slices in tuples");
    }
    if (!hd_jinja_expect_sign(p, "]")) return NULL;
    if (first && !tuple && is_bare(first)) {
        first->a = subject;
        if (subject->depth >= first->depth) first->depth = (uint16_t)(subject->depth + 1);
        return first;
    }
    if (!first) first = make(p, HD_JINJA_MAKE_TUPLE, line, NULL, NULL, NULL);
    return make(p, HD_JINJA_GET_ITEM, line, subject, tuple ? tuple : first, NULL);
}

static node *parse_subscript(parser *p, node *subject) {
    uint32_t line = p->at->line;
    if (hd_jinja_skip_sign(p, "[")) return parse_brackets(p, subject, line);
    p->at++;
    hd_jinja_value name = p->at->value;
    if (p->at->kind == HD_JINJA_NAME) return p->at++, named(p, HD_JINJA_GET_ATTRIBUTE, line, name, subject);
    if (p->at->kind == HD_JINJA_NUMBER && name.kind == HD_JINJA_INT) {
        p->at++;
        return make(p, HD_JINJA_GET_ITEM, line, subject, constant(p, line, name), NULL);
    }
    return hd_jinja_parse_fail(p, p->at->line, "expected name or number");
}

static node *parse_call(parser *p, node *function) {
    return parse_arguments(p, make(p, HD_JINJA_CALL, p->at->line, function, NULL, NULL));
}

static node *parse_postfix(parser *p, node *it) {
    while (it && !p->j->failed) {
        if (hd_jinja_at_sign(p, ".") || hd_jinja_at_sign(p, "["))
            it = parse_subscript(p, it);
        else if (hd_jinja_at_sign(p, "("))
            it = parse_call(p, it);
        else
            break;
    }
    return p->j->failed ? NULL : it;
}

/* ---- filters and tests ---- */

/* "name" or "name.name" */
static bool parse_dotted(parser *p, hd_jinja_value *name) {
    *name = p->at->value;
    if (!hd_jinja_expect_kind(p, HD_JINJA_NAME)) return false;
    while (hd_jinja_skip_sign(p, ".")) {
        hd_jinja_value part = p->at->value;
        if (!hd_jinja_expect_kind(p, HD_JINJA_NAME)) return false;
        *name = hd_jinja_join_two(p->j, hd_jinja_join_two(p->j, *name, HD_JINJA_LITERAL(p->j, ".")), part);
    }
    return !p->j->failed;
}

node *hd_jinja_parse_filters(parser *p, node *subject, bool first) {
    while (!p->j->failed && (first || hd_jinja_at_sign(p, "|"))) {
        hd_jinja_value name;
        if (!first) p->at++;
        first = false;
        uint32_t line = p->at->line;
        if (!parse_dotted(p, &name)) return NULL;
        subject = named(p, HD_JINJA_FILTER, line, name, subject);
        if (hd_jinja_at_sign(p, "(")) subject = parse_arguments(p, subject);
    }
    return p->j->failed ? NULL : subject;
}

static bool begins_argument(const parser *p) {
    if (hd_jinja_at_word(p, "else") || hd_jinja_at_word(p, "or") || hd_jinja_at_word(p, "and")) return false;
    return p->at->kind == HD_JINJA_NAME || p->at->kind == HD_JINJA_TEXT || p->at->kind == HD_JINJA_NUMBER ||
           hd_jinja_at_sign(p, "[") || hd_jinja_at_sign(p, "{");
}

static node *parse_test(parser *p, node *subject) {
    uint32_t line = (p->at++)->line;
    bool negated = hd_jinja_skip_word(p, "not");
    hd_jinja_value name;
    if (!parse_dotted(p, &name)) return NULL;
    node *test = named(p, HD_JINJA_TEST, line, name, subject);
    if (hd_jinja_at_sign(p, "(")) {
        test = parse_arguments(p, test);
    } else if (begins_argument(p)) {
        if (hd_jinja_at_word(p, "is"))
            return hd_jinja_parse_fail(p, p->at->line, "You cannot chain multiple tests with is");
        hd_jinja_node_add(p->j, test, parse_postfix(p, parse_primary(p, false)));
    }
    return negated && test ? make(p, HD_JINJA_NOT, line, test, NULL, NULL) : test;
}

static node *parse_filter_expression(parser *p, node *it) {
    while (it && !p->j->failed) {
        if (hd_jinja_at_sign(p, "|"))
            it = hd_jinja_parse_filters(p, it, false);
        else if (hd_jinja_at_word(p, "is"))
            it = parse_test(p, it);
        else if (hd_jinja_at_sign(p, "("))
            it = parse_call(p, it);
        else
            break;
    }
    return p->j->failed ? NULL : it;
}

/* ---- operators, from the closest to the loosest ---- */

static node *parse_unary(parser *p, bool filters) {
    uint32_t line = p->at->line;
    node *it;
    bool minus = hd_jinja_at_sign(p, "-");
    if (minus || hd_jinja_at_sign(p, "+")) {
        if (!hd_jinja_parse_enter(p)) return NULL;
        p->at++;
        it = parse_unary(p, false);
        it = it ? make(p, minus ? HD_JINJA_MINUS : HD_JINJA_PLUS, line, it, NULL, NULL) : NULL;
        p->depth--;
    } else {
        it = parse_primary(p, false);
    }
    it = parse_postfix(p, it);
    return filters ? parse_filter_expression(p, it) : it;
}

typedef struct sign_row {
    const char *sign;
    hd_jinja_operator operator;
} sign_row;

static const sign_row *at_row(const parser *p, const sign_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (hd_jinja_at_sign(p, rows[i].sign)) return &rows[i];
    return NULL;
}

/* operand (sign operand)*, from left to right */
static node *parse_chain(parser *p, const sign_row *rows, size_t count, node *(*operand)(parser *p)) {
    uint32_t line = p->at->line;
    node *left = operand(p);
    for (const sign_row *row; left && (row = at_row(p, rows, count));) {
        p->at++;
        node *right = operand(p);
        left = right ? make(p, HD_JINJA_ARITHMETIC, line, left, right, NULL) : NULL;
        if (left) left->operator=(uint8_t) row->operator;
        line = p->at->line;
    }
    return left;
}

static node *parse_operand(parser *p) { return parse_unary(p, true); }

static node *parse_power(parser *p) {
    static const sign_row rows[] = {{"**", HD_JINJA_POWER}};
    return parse_chain(p, rows, HD_COUNT(rows), parse_operand);
}

static node *parse_product(parser *p) {
    static const sign_row rows[] = {
        {"*", HD_JINJA_MULTIPLY}, {"/", HD_JINJA_DIVIDE}, {"//", HD_JINJA_FLOOR_DIVIDE}, {"%", HD_JINJA_MODULO}};
    return parse_chain(p, rows, HD_COUNT(rows), parse_power);
}

static node *parse_concatenation(parser *p) {
    uint32_t line = p->at->line;
    node *it = parse_product(p), *list = NULL;
    while (it && !p->j->failed && hd_jinja_skip_sign(p, "~")) {
        if (!list) {
            list = make(p, HD_JINJA_CONCATENATION, line, NULL, NULL, NULL);
            hd_jinja_node_add(p->j, list, it);
        }
        hd_jinja_node_add(p->j, list, parse_product(p));
    }
    return p->j->failed ? NULL : list ? list : it;
}

static node *parse_sum(parser *p) {
    static const sign_row rows[] = {{"+", HD_JINJA_ADD}, {"-", HD_JINJA_SUBTRACT}};
    return parse_chain(p, rows, HD_COUNT(rows), parse_concatenation);
}

static bool parse_relation(parser *p, hd_jinja_operator *operator) {
    static const sign_row rows[] = {{"==", HD_JINJA_EQUAL},  {"!=", HD_JINJA_NOT_EQUAL},
                                    {"<", HD_JINJA_LESS},    {"<=", HD_JINJA_LESS_EQUAL},
                                    {">", HD_JINJA_GREATER}, {">=", HD_JINJA_GREATER_EQUAL}};
    const sign_row *row = at_row(p, rows, HD_COUNT(rows));
    if (row) return p->at++, *operator= row->operator, true;
    if (hd_jinja_skip_word(p, "in")) return *operator= HD_JINJA_IN, true;
    bool not_in =
        hd_jinja_at_word(p, "not") && p->at[1].kind == HD_JINJA_NAME && hd_jinja_is_text(p->at[1].value, "in");
    if (not_in) p->at += 2, *operator= HD_JINJA_NOT_IN;
    return not_in;
}

static node *parse_comparison(parser *p) {
    uint32_t line = p->at->line;
    node *first = parse_sum(p), *comparison = NULL;
    hd_jinja_operator operator;
    while (first && !p->j->failed && parse_relation(p, &operator)) {
        if (!comparison) comparison = make(p, HD_JINJA_COMPARISON, line, first, NULL, NULL);
        node *right = parse_sum(p), *operand = right ? make(p, HD_JINJA_OPERAND, line, right, NULL, NULL) : NULL;
        if (operand) operand->operator=(uint8_t) operator;
        hd_jinja_node_add(p->j, comparison, operand);
    }
    return p->j->failed ? NULL : comparison ? comparison : first;
}

static node *parse_not(parser *p) {
    uint32_t line = p->at->line;
    if (!hd_jinja_skip_word(p, "not")) return parse_comparison(p);
    if (!hd_jinja_parse_enter(p)) return NULL;
    node *it = parse_not(p);
    p->depth--;
    return it ? make(p, HD_JINJA_NOT, line, it, NULL, NULL) : NULL;
}

static node *parse_and(parser *p) {
    uint32_t line = p->at->line;
    node *left = parse_not(p);
    while (left && hd_jinja_skip_word(p, "and")) {
        node *right = parse_not(p);
        left = right ? make(p, HD_JINJA_AND, line, left, right, NULL) : NULL;
        line = p->at->line;
    }
    return left;
}

static node *parse_or(parser *p) {
    uint32_t line = p->at->line;
    node *left = parse_and(p);
    while (left && hd_jinja_skip_word(p, "or")) {
        node *right = parse_and(p);
        left = right ? make(p, HD_JINJA_OR, line, left, right, NULL) : NULL;
        line = p->at->line;
    }
    return left;
}

static void soften(node *it) {
    if (!it || it->soft) return;
    if (it->kind == HD_JINJA_FILTER || it->kind == HD_JINJA_TEST) it->soft = true;
    soften(it->a);
    soften(it->b);
    soften(it->c);
    if (it->kind == HD_JINJA_SLICE) soften(it->rest);
    for (node *child = it->list; child; child = child->next) soften(child);
}

node *hd_jinja_parse_expression(parser *p) {
    uint32_t line = p->at->line;
    if (!hd_jinja_parse_enter(p)) return NULL;
    node *it = parse_or(p);
    while (it && !p->j->failed && hd_jinja_skip_word(p, "if")) {
        node *test = parse_or(p), *otherwise = NULL;
        if (test && hd_jinja_skip_word(p, "else") && !(otherwise = hd_jinja_parse_expression(p))) break;
        it = test ? make(p, HD_JINJA_CONDITION, line, it, test, otherwise) : NULL;
        soften(it);
        line = p->at->line;
    }
    p->depth--;
    return p->j->failed ? NULL : it;
}

/* ---- targets ---- */

static bool can_assign(parser *p, const node *it, uint32_t line) {
    static const char *const names[] = {
        "const",   "name",    "list",   "tuple", "dict", "pair",    "condexpr", "or",      "and",  "not",    "compare",
        "operand", "binexpr", "concat", "neg",   "pos",  "getattr", "getitem",  "getitem", "call", "filter", "test"};
    if (it->kind == HD_JINJA_VARIABLE || it->kind == HD_JINJA_MEMBER) return true;
    bool valid = it->kind == HD_JINJA_MAKE_TUPLE;
    for (const node *child = it->list; valid && child; child = child->next)
        valid = child->kind == HD_JINJA_VARIABLE || child->kind == HD_JINJA_MEMBER ||
                (child->kind == HD_JINJA_MAKE_TUPLE && can_assign(p, child, line));
    if (!valid)
        hd_jinja_parse_fail(p, line, "can't assign to '%s'",
                            it->kind < HD_COUNT(names) ? names[it->kind] : "expression");
    return valid;
}

node *hd_jinja_parse_target(parser *p, bool members, const char *end) {
    node *it = parse_items(p, parse_primary, members, end, false);
    return it && can_assign(p, it, it->line) ? it : NULL;
}
