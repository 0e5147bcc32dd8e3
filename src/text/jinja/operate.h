/* Operators: arithmetic, comparison, membership, slices, as in Python. */
#ifndef HD_TEXT_JINJA_OPERATE_H
#define HD_TEXT_JINJA_OPERATE_H

#include "text/jinja/value.h"

typedef enum hd_jinja_operator {
    HD_JINJA_ADD,
    HD_JINJA_SUBTRACT,
    HD_JINJA_MULTIPLY,
    HD_JINJA_DIVIDE,
    HD_JINJA_FLOOR_DIVIDE,
    HD_JINJA_MODULO,
    HD_JINJA_POWER,
    HD_JINJA_EQUAL,
    HD_JINJA_NOT_EQUAL,
    HD_JINJA_LESS,
    HD_JINJA_LESS_EQUAL,
    HD_JINJA_GREATER,
    HD_JINJA_GREATER_EQUAL,
    HD_JINJA_IN,
    HD_JINJA_NOT_IN
} hd_jinja_operator;

/* One of the first seven. */
hd_jinja_value hd_jinja_binary(hd_jinja *j, hd_jinja_operator operator, hd_jinja_value a, hd_jinja_value b);
hd_jinja_value hd_jinja_negate(hd_jinja *j, hd_jinja_value v, bool minus); /* −v, or +v */
/* One of the others. */
bool hd_jinja_relate(hd_jinja *j, hd_jinja_operator operator, hd_jinja_value a, hd_jinja_value b);
/* v[start:stop:step]; what is NONE or MISSING is left out. */
hd_jinja_value hd_jinja_slice(hd_jinja *j, hd_jinja_value v, hd_jinja_value start, hd_jinja_value stop,
                              hd_jinja_value step);
/* Two strings, one after the other. */
hd_jinja_value hd_jinja_join_two(hd_jinja *j, hd_jinja_value a, hd_jinja_value b);
/* The byte offset of text[size] in `in` from byte `from` on; SIZE_MAX if it is not there. */
size_t hd_jinja_find(const char *in, size_t in_size, size_t from, const char *text, size_t size);

#endif
