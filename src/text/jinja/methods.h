/* The methods of strings, lists, tuples and dicts. */
#ifndef HD_TEXT_JINJA_METHODS_H
#define HD_TEXT_JINJA_METHODS_H

#include "text/jinja/value.h"

/* See hd_jinja.find_method. */
int hd_jinja_find_method(hd_jinja_value self, hd_jinja_value name);
hd_jinja_value hd_jinja_call_method(hd_jinja *j, const hd_jinja_method *method, const hd_jinja_arguments *arguments);

#endif
