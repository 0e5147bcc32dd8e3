/* Formatting as in Python: "%s is %d" % values, and the format specifications of str.format. */
#ifndef HD_TEXT_JINJA_FORMAT_H
#define HD_TEXT_JINJA_FORMAT_H

#include "text/jinja/value.h"

/* `format` % `values`: a tuple of values, a dict of named ones, or one value. */
hd_jinja_value hd_jinja_percent(hd_jinja *j, hd_jinja_value format, hd_jinja_value values);
/* Appends format(v, spec[0 … size)), such as ">10" or ".2f". */
void hd_jinja_format_value(hd_jinja *j, hd_jinja_value v, const char *spec, size_t size, hd_buffer *out);
/* A number with `decimals` digits after the point, as "%.2f" prints it. */
hd_jinja_value hd_jinja_fixed(hd_jinja *j, double number, int decimals);

#endif
