/* The global functions of chat templates: range, dict, namespace, cycler, joiner, raise_exception and strftime_now. */
#ifndef HD_TEXT_JINJA_FUNCTIONS_H
#define HD_TEXT_JINJA_FUNCTIONS_H

#include "text/jinja/value.h"

/* MISSING if there is none of this name. */
hd_jinja_value hd_jinja_find_function(hd_jinja_value name);
hd_jinja_value hd_jinja_call_function(hd_jinja *j, hd_jinja_value function, const hd_jinja_arguments *arguments);
/* The text between items: nothing in the first call. */
hd_jinja_value hd_jinja_call_joiner(hd_jinja *j, hd_jinja_value joiner);
/* Sets an attribute of a namespace. */
void hd_jinja_namespace_set(hd_jinja *j, hd_jinja_value space, hd_jinja_value name, hd_jinja_value v);

/* A function with an object, of the evaluator. */
typedef struct hd_jinja_bound {
    hd_jinja_value (*call)(hd_jinja *j, void *object, const hd_jinja_arguments *arguments);
    void *object;
} hd_jinja_bound;

#endif
