/* Values as text: str(), repr() and json.dumps() of Python. */
#ifndef HD_TEXT_JINJA_PRINT_H
#define HD_TEXT_JINJA_PRINT_H

#include "text/jinja/value.h"

/* Appends str() of a value: what a template prints. */
void hd_jinja_print(hd_jinja *j, hd_jinja_value v, hd_buffer *out);
/* Appends repr() of a value. */
void hd_jinja_repr(hd_jinja *j, hd_jinja_value v, hd_buffer *out);
/* str() of a value as a string; of a string the string itself, without the mark of Markup unless `soft`. */
hd_jinja_value hd_jinja_string(hd_jinja *j, hd_jinja_value v, bool soft);
hd_jinja_value hd_jinja_repr_of(hd_jinja *j, hd_jinja_value v); /* as a string */
/* Fails with the message of an undefined value, as jinja2's UndefinedError. */
hd_jinja_value hd_jinja_fail_undefined(hd_jinja *j, hd_jinja_value undefined);
/* Python's repr of a float: the fewest digits that read back as the same number. */
enum { HD_JINJA_FLOAT_TEXT = 40 };
size_t hd_jinja_float_text(double number, char text[HD_JINJA_FLOAT_TEXT]);
/* Appends a text with &, <, >, ' and " as entities, unless it is Markup. */
void hd_jinja_escape(hd_jinja *j, hd_jinja_value v, hd_buffer *out);

typedef struct hd_jinja_json_options {
    bool ascii;         /* other characters are escaped */
    bool sorted;        /* keys in order */
    const char *indent; /* one level; NULL: all on one line */
    size_t indent_size;
    hd_jinja_value item_separator, key_separator; /* strings */
} hd_jinja_json_options;

void hd_jinja_json(hd_jinja *j, hd_jinja_value v, const hd_jinja_json_options *options, hd_buffer *out);
/* Fails if `out` has more bytes than a template may print, or is out of memory. */
bool hd_jinja_check_size(hd_jinja *j, const hd_buffer *out);

#endif
