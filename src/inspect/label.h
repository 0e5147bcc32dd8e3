/* Labels: how much room they take, in pictures in which nothing may overlap, and how they are written into files. */
#ifndef HD_INSPECT_LABEL_H
#define HD_INSPECT_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* In cells of a terminal: wide characters take two, combining ones none. */
int64_t hd_text_cells(const char *text);
/* In units of the font's size: at least what any of the common sans-serif fonts takes. */
double hd_text_ems(const char *text);
/* Appends text with its XML characters escaped; U+FFFD for what is not UTF-8 and for controls, which XML lacks. */
void hd_append_xml(hd_buffer *out, const char *text);
/* Appends "text" with its quotes as JSON has it, good also inside of a script element of a page; U+FFFD for what
 * is not UTF-8. */
void hd_append_json_string(hd_buffer *out, const char *text);

/* Appends numbers that read back as the same float or double; NaN, which JSON lacks, as null. */
void hd_append_json_float(hd_buffer *out, float number);
void hd_append_json_double(hd_buffer *out, double number);
/* Appends [a, b, c]. */
void hd_append_json_floats(hd_buffer *out, const float *numbers, int64_t count);
void hd_append_json_doubles(hd_buffer *out, const double *numbers, int64_t count);
void hd_append_json_strings(hd_buffer *out, const char *const *texts, int64_t count);

#endif
