/* Lowercase as Python's str.lower has it: the full mapping of each character, and a sigma at the end of a word as the final one. */
#ifndef HD_TEXT_LOWER_H
#define HD_TEXT_LOWER_H

#include <stddef.h>
#include <stdint.h>

/* Writes the lowercase of points [count] to out [2 count], and returns its length. */
size_t hd_lowercase_text(const uint32_t *points, size_t count, uint32_t *out);

#endif
