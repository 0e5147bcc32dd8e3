/* Filters on sequences and dicts, like those of filters_text.h. */
#ifndef HD_TEXT_JINJA_FILTERS_LIST_H
#define HD_TEXT_JINJA_FILTERS_LIST_H

#include "text/jinja/filters_text.h"

hd_jinja_filter_function hd_jinja_filter_attr, hd_jinja_filter_batch, hd_jinja_filter_default, hd_jinja_filter_dictsort,
    hd_jinja_filter_first, hd_jinja_filter_groupby, hd_jinja_filter_items, hd_jinja_filter_join, hd_jinja_filter_last,
    hd_jinja_filter_length, hd_jinja_filter_list, hd_jinja_filter_max, hd_jinja_filter_min, hd_jinja_filter_reverse,
    hd_jinja_filter_slice, hd_jinja_filter_sort, hd_jinja_filter_sum, hd_jinja_filter_unique;

/* Those that take any arguments. */
hd_jinja_value hd_jinja_filter_map(hd_jinja *j, hd_jinja_value v, const hd_jinja_arguments *arguments);
hd_jinja_value hd_jinja_filter_select(hd_jinja *j, hd_jinja_value v, const hd_jinja_arguments *arguments);
hd_jinja_value hd_jinja_filter_reject(hd_jinja *j, hd_jinja_value v, const hd_jinja_arguments *arguments);
hd_jinja_value hd_jinja_filter_selectattr(hd_jinja *j, hd_jinja_value v, const hd_jinja_arguments *arguments);
hd_jinja_value hd_jinja_filter_rejectattr(hd_jinja *j, hd_jinja_value v, const hd_jinja_arguments *arguments);

#endif
