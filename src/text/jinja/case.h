/* Methods of Python's str that map characters or classify a text. */
#ifndef HD_TEXT_JINJA_CASE_H
#define HD_TEXT_JINJA_CASE_H

#include "text/jinja/value.h"

typedef enum hd_jinja_case {
    HD_JINJA_LOWER,
    HD_JINJA_UPPER,
    HD_JINJA_TITLE,      /* str.title: each word */
    HD_JINJA_CAPITALIZE, /* the first character in title case, the others in lower case */
    HD_JINJA_SWAPCASE,
    HD_JINJA_CASEFOLD
} hd_jinja_case;

hd_jinja_value hd_jinja_map_case(hd_jinja *j, hd_jinja_value text, hd_jinja_case how);

typedef enum hd_jinja_class {
    HD_JINJA_ALNUM,
    HD_JINJA_ALPHA,
    HD_JINJA_ASCII,
    HD_JINJA_DECIMAL,
    HD_JINJA_DIGIT,
    HD_JINJA_IDENTIFIER,
    HD_JINJA_IS_LOWER,
    HD_JINJA_NUMERIC,
    HD_JINJA_PRINTABLE,
    HD_JINJA_SPACE,
    HD_JINJA_IS_TITLE,
    HD_JINJA_IS_UPPER
} hd_jinja_class;

bool hd_jinja_has_class(hd_jinja_value text, hd_jinja_class which);

#endif
