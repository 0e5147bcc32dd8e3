/* Shared by all pictures in terminals: 24-bit colours, lines, and labels of a given width in cells. */
#ifndef HD_INSPECT_SCREEN_H
#define HD_INSPECT_SCREEN_H

#include "inspect/color.h"
#include "inspect/label.h"

/* Sets the text colour, or with `ground` the background colour. */
void hd_screen_set(hd_buffer *out, int ground, hd_color color);
void hd_screen_reset(hd_buffer *out);
/* One of five characters, by the share of the cell that it covers. */
const char *hd_screen_shade(double share);
/* A bar of `cells` cells, of which `share` is filled in eighths of a cell, in colour `head` (color.h) if `color`. */
void hd_screen_bar(hd_buffer *out, double share, int64_t cells, bool color, int64_t head);
void hd_screen_repeat(hd_buffer *out, const char *text, int64_t count);
/* Ends a line and removes the spaces at its end. */
void hd_screen_end_line(hd_buffer *out);

/* Character `index` of a label, with the marks that combine with it; past its end *bytes is 0. */
const char *hd_screen_character(const char *label, int64_t index, size_t *bytes);
/* The width of such a character. */
int64_t hd_screen_cells(const char *character, size_t bytes);
/* The number of these characters in a label. */
int64_t hd_screen_length(const char *label);
/* A label in `width` cells, with spaces before or after it; a longer one ends in an ellipsis. */
void hd_screen_label_right(hd_buffer *out, const char *label, int64_t width);
void hd_screen_label_left(hd_buffer *out, const char *label, int64_t width);

#endif
