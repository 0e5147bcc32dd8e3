/* Expressions of a template, evaluated. */
#ifndef HD_TEXT_JINJA_EVALUATE_H
#define HD_TEXT_JINJA_EVALUATE_H

#include "text/jinja/tree.h"

/* The variables of a running function. */
typedef struct hd_jinja_activation {
    struct hd_jinja_activation *outer; /* of the function around it in the text */
    hd_jinja_value slots[];
} hd_jinja_activation;

hd_jinja_value *hd_jinja_slot(hd_jinja_activation *activation, int32_t hops, int32_t slot);
hd_jinja_value hd_jinja_evaluate(hd_jinja *j, hd_jinja_activation *activation, const hd_jinja_node *node);
/* A CALL, with the argument caller=… unless it is MISSING. */
hd_jinja_value hd_jinja_evaluate_call(hd_jinja *j, hd_jinja_activation *activation, const hd_jinja_node *node,
                                      hd_jinja_value caller);

#endif
