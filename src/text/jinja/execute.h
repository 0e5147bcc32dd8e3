/* Statements of a template, executed. */
#ifndef HD_TEXT_JINJA_EXECUTE_H
#define HD_TEXT_JINJA_EXECUTE_H

#include "text/jinja/tree.h"

/* Prints a template, whose scopes are resolved, into j->out. */
void hd_jinja_execute(hd_jinja *j, const hd_jinja_node *template);

#endif
