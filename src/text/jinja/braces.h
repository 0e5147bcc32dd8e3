/* str.format of Python: "{0.name!r:>10}". */
#ifndef HD_TEXT_JINJA_BRACES_H
#define HD_TEXT_JINJA_BRACES_H

#include "text/jinja/value.h"

/* `named` is a dict, or MISSING for the named arguments. */
hd_jinja_value hd_jinja_format_braces(hd_jinja *j, hd_jinja_value format, const hd_jinja_arguments *arguments,
                                      hd_jinja_value named);

#endif
