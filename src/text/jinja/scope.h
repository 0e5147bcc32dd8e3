/* Where the variables of a template live: jinja2's rules, in idtracking.py and compiler.py. A name belongs to the scope that
 * stores it, or else to the outermost one in which it is read; each scope of a loop or a block has copies of what it changes. */
#ifndef HD_TEXT_JINJA_SCOPE_H
#define HD_TEXT_JINJA_SCOPE_H

#include "text/jinja/tree.h"

/* Sets the scopes and the slots of a template's tree. False after a failure, with the line in j->line. */
bool hd_jinja_resolve_scopes(hd_jinja *j, hd_jinja_node *template);

#endif
