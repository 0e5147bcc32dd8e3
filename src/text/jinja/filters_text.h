/* Filters that make texts and numbers. Each takes the value before the bar and its bound arguments (access.h). */
#ifndef HD_TEXT_JINJA_FILTERS_TEXT_H
#define HD_TEXT_JINJA_FILTERS_TEXT_H

#include "text/jinja/value.h"

typedef hd_jinja_value hd_jinja_filter_function(hd_jinja *j, hd_jinja_value v, const hd_jinja_value *a);

hd_jinja_filter_function hd_jinja_filter_abs, hd_jinja_filter_capitalize, hd_jinja_filter_center,
    hd_jinja_filter_escape, hd_jinja_filter_filesizeformat, hd_jinja_filter_float, hd_jinja_filter_forceescape,
    hd_jinja_filter_indent, hd_jinja_filter_int, hd_jinja_filter_lower, hd_jinja_filter_replace, hd_jinja_filter_round,
    hd_jinja_filter_safe, hd_jinja_filter_string, hd_jinja_filter_striptags, hd_jinja_filter_title,
    hd_jinja_filter_tojson, hd_jinja_filter_trim, hd_jinja_filter_truncate, hd_jinja_filter_upper,
    hd_jinja_filter_urlencode, hd_jinja_filter_wordcount, hd_jinja_filter_xmlattr;

#endif
