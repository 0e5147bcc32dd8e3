/* What pictures in terminals share: 24-bit colours, lines, and labels of so many cells. */
#ifndef HD_INSPECT_SCREEN_H
#define HD_INSPECT_SCREEN_H

#include "inspect/color.h"
#include "inspect/label.h"

/* The colour of what follows, or with `ground` of what is behind it. */
void hd_screen_set(hd_buffer *out, int ground, hd_color color);
void hd_screen_reset(hd_buffer *out);
/* A character that covers about this share of its cell: one of five. */
const char *hd_screen_shade(double share);
void hd_screen_repeat(hd_buffer *out, const char *text, int64_t count);
/* Ends a line, without the blanks at its end: they say nothing. */
void hd_screen_end_line(hd_buffer *out);

/* A text of any length, with U+FFFD for what would command the terminal. */
void hd_screen_text(hd_buffer *out, const char *text);

/* Character `index` of a label, with the marks that combine with it; past its end *bytes is 0. */
const char *hd_screen_character(const char *label, int64_t index, size_t *bytes);
/* How many of these a label has. */
int64_t hd_screen_length(const char *label);
/* A label in `width` cells, with blanks before it or behind it; a longer one ends in an ellipsis. */
void hd_screen_label_right(hd_buffer *out, const char *label, int64_t width);
void hd_screen_label_left(hd_buffer *out, const char *label, int64_t width);

#endif
