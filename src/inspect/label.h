/* The width of labels in pictures, and their XML form. */
#ifndef HD_INSPECT_LABEL_H
#define HD_INSPECT_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"

/* Width in cells of a terminal: wide characters take two, combining ones none. */
int64_t hd_text_cells(const char *text);
/* Width in units of the font size, at least that in any of the common sans-serif fonts. */
double hd_text_ems(const char *text);
/* Appends text with XML escapes, and U+FFFD for invalid UTF-8 and for control characters, which XML lacks or a terminal
 * would obey. */
void hd_append_xml(hd_buffer *out, const char *text);
void hd_append_xml_bytes(hd_buffer *out, const char *text, size_t size);

/* The code point that shows a white space character: ␣, ↵ for a line break, ⇥ for a tab. */
uint32_t hd_visible_space(uint32_t code);
/* `size` bytes in the arena, with visible white space and without control characters; NULL when memory ran out. */
const char *hd_visible_label(hd_arena *arena, const char *text, size_t size);
/* The same for a text of several words: only the spaces at its ends are made visible. */
const char *hd_text_label(hd_arena *arena, const char *text, size_t size);

#endif
