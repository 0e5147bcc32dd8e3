/* A vector as a strip of blocks: how far each number is from zero, and to which side. */
#ifndef HD_INSPECT_STRIP_H
#define HD_INSPECT_STRIP_H

#include "base/buffer.h"

enum { HD_STRIP_BLOCKS = 32 };

/* How many blocks `size` numbers take where there is room for `most`: of more numbers, as many are shown at equal
 * distances. */
int64_t hd_strip_blocks(int64_t size, int64_t most);

/* In a terminal, a cell a block: in colour, or how far it is from zero as a shade. `largest` is the full shade. */
void hd_strip_text(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, bool color);
/* For print, at (x, y), each block so wide and high: red below zero, blue above. */
void hd_strip_svg(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, int64_t x, int64_t y,
                  int64_t wide, int64_t high);

double hd_vector_norm(const float *values, int64_t size);
double hd_vector_largest(const float *values, int64_t size); /* the farthest from zero */

#endif
