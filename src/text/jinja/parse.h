/* Statements: a template to the tree. */
#ifndef HD_TEXT_JINJA_PARSE_H
#define HD_TEXT_JINJA_PARSE_H

#include "text/jinja/tree.h"

/* The statements of a template as the list of the returned node, in the memory of `j`; NULL after a failure, with the line
 * in j->line. The text is as for hd_jinja_lex. */
hd_jinja_node *hd_jinja_parse(hd_jinja *j, const char *text, size_t size);

#endif
