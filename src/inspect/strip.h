/* A vector as a strip of blocks that show the sign and magnitude of each number. */
#ifndef HD_INSPECT_STRIP_H
#define HD_INSPECT_STRIP_H

#include "base/buffer.h"

enum { HD_STRIP_BLOCKS = 32 };

/* The number of blocks for `size` numbers: `most` at the most; of more numbers, evenly spaced ones are shown. */
int64_t hd_strip_blocks(int64_t size, int64_t most);

/* For terminals, one cell per block, in colour or with the magnitude as a shade. `largest` has the full shade. */
void hd_strip_text(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, bool color);
/* SVG at (x, y), with blocks of `wide` by `high` pixels: red below zero, blue above. */
void hd_strip_svg(hd_buffer *out, const float *values, int64_t size, int64_t most, double largest, int64_t x, int64_t y,
                  int64_t wide, int64_t high);

double hd_vector_norm(const float *values, int64_t size);
double hd_vector_largest(const float *values, int64_t size); /* the largest magnitude */

#endif
