/* The filters and tests of jinja2 3.1, by name. */
#ifndef HD_TEXT_JINJA_FILTERS_H
#define HD_TEXT_JINJA_FILTERS_H

#include "text/jinja/value.h"

bool hd_jinja_has_filter(hd_jinja_value name);
bool hd_jinja_has_test(hd_jinja_value name);
/* v|name(arguments), and whether v is name(arguments). */
hd_jinja_value hd_jinja_call_filter(hd_jinja *j, hd_jinja_value name, hd_jinja_value v,
                                    const hd_jinja_arguments *arguments);
hd_jinja_value hd_jinja_call_test(hd_jinja *j, hd_jinja_value name, hd_jinja_value v,
                                  const hd_jinja_arguments *arguments);

#endif
