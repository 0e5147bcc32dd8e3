/* The tokens of a template, as jinja2's lexer makes them with trim_blocks and lstrip_blocks. */
#ifndef HD_TEXT_JINJA_LEX_H
#define HD_TEXT_JINJA_LEX_H

#include "text/jinja/value.h"

typedef enum hd_jinja_token_kind {
    HD_JINJA_END,
    HD_JINJA_DATA, /* text outside of tags */
    HD_JINJA_BLOCK_BEGIN,
    HD_JINJA_BLOCK_END,
    HD_JINJA_VARIABLE_BEGIN,
    HD_JINJA_VARIABLE_END,
    HD_JINJA_NAME,
    HD_JINJA_TEXT,   /* a string, without its quotes and escapes */
    HD_JINJA_NUMBER, /* an integer or a float */
    HD_JINJA_SIGN    /* an operator of one or two characters */
} hd_jinja_token_kind;

typedef struct hd_jinja_token {
    uint8_t kind;
    char sign[3]; /* of a HD_JINJA_SIGN */
    uint32_t line;
    hd_jinja_value value; /* data, name, string or number */
} hd_jinja_token;

/* The tokens of text[size], which ends with a token of kind END, in the memory of `j`. NULL after a failure, with the line in
 * j->line. The text has the line ends '\n' alone, and outlives the tokens. */
const hd_jinja_token *hd_jinja_lex(hd_jinja *j, const char *text, size_t size, size_t *count);

#endif
