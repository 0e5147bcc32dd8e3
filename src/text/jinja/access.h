/* Attributes and items of values, by the rules of jinja2's sandbox; and the arguments of calls. */
#ifndef HD_TEXT_JINJA_ACCESS_H
#define HD_TEXT_JINJA_ACCESS_H

#include "text/jinja/value.h"

/* v.name: the attribute, else the item, else undefined. */
hd_jinja_value hd_jinja_attribute(hd_jinja *j, hd_jinja_value v, hd_jinja_value name);
/* v[key]: the item, else the attribute, else undefined. */
hd_jinja_value hd_jinja_item(hd_jinja *j, hd_jinja_value v, hd_jinja_value key);
/* The attribute alone; MISSING if there is none. */
hd_jinja_value hd_jinja_own_attribute(hd_jinja *j, hd_jinja_value v, hd_jinja_value name);
/* The item at a path "a.b.0", or at an integer; NONE is the value itself. What is undefined on the way becomes `otherwise`,
 * unless that is MISSING or NONE. */
hd_jinja_value hd_jinja_path(hd_jinja *j, hd_jinja_value v, hd_jinja_value path, hd_jinja_value otherwise);

/* Sets out[i] to the argument of parameter i, or MISSING. `parameters` are names that are separated by commas, with a "!"
 * after those that are required. `name` is that of the function. */
enum { HD_JINJA_PARAMETERS = 8 };
bool hd_jinja_bind(hd_jinja *j, const char *name, const char *parameters, const hd_jinja_arguments *arguments,
                   hd_jinja_value out[HD_JINJA_PARAMETERS]);

/* Arguments of functions: a default where they are MISSING, a failure for another type. */
hd_jinja_value hd_jinja_need_text(hd_jinja *j, hd_jinja_value v, const char *function);
int64_t hd_jinja_need_int(hd_jinja *j, hd_jinja_value v, int64_t otherwise);

#endif
