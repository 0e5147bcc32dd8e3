/* Expressions: tokens to the tree. The grammar and the messages are jinja2's. */
#ifndef HD_TEXT_JINJA_PARSE_EXPRESSION_H
#define HD_TEXT_JINJA_PARSE_EXPRESSION_H

#include "text/jinja/lex.h"
#include "text/jinja/tree.h"

enum { HD_JINJA_PARSE_DEPTH = 100 };

typedef struct hd_jinja_parser {
    hd_jinja *j;
    const hd_jinja_token *at; /* the last token is END */
    int depth;
    int loops; /* loops around the statement, in its function */
    bool soft; /* inside a condition */
} hd_jinja_parser;

/* All return NULL, or false, after a failure. */
hd_jinja_node *hd_jinja_parse_expression(hd_jinja_parser *p);
/* One expression, or a tuple without parentheses that ends before the word `end` (may be NULL); with `condition`, an
 * expression may be "a if b else c". */
hd_jinja_node *hd_jinja_parse_tuple(hd_jinja_parser *p, bool condition, const char *end);
/* "|a|b" after `subject`; with `first`, the bar before the first name is missing. */
hd_jinja_node *hd_jinja_parse_filters(hd_jinja_parser *p, hd_jinja_node *subject, bool first);
/* What a statement assigns to: a name, or names, up to the word `end`; with `members`, also namespace.name. */
hd_jinja_node *hd_jinja_parse_target(hd_jinja_parser *p, bool members, const char *end);

/* The current token. */
bool hd_jinja_at_sign(const hd_jinja_parser *p, const char *sign);
bool hd_jinja_at_word(const hd_jinja_parser *p, const char *word);
bool hd_jinja_skip_sign(hd_jinja_parser *p, const char *sign);
bool hd_jinja_skip_word(hd_jinja_parser *p, const char *word);
bool hd_jinja_expect_sign(hd_jinja_parser *p, const char *sign);
bool hd_jinja_expect_word(hd_jinja_parser *p, const char *word);
bool hd_jinja_expect_kind(hd_jinja_parser *p, hd_jinja_token_kind kind);
/* Fails at the line of the current token, or at another one. */
void *hd_jinja_parse_fail(hd_jinja_parser *p, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Enters one more level of brackets or statements. */
bool hd_jinja_parse_enter(hd_jinja_parser *p);

#endif
