/* The fixed positions of the 2017 Transformer. */
#ifndef HD_LAYERS_POSITIONS_H
#define HD_LAYERS_POSITIONS_H

#include <stdint.h>

/* table [length, width]: column j < width/2 is sin(p / 10000^(2j/width)), column width/2 + j the cosine of the same
 * (Marian's order of columns). Computed in double from polynomials of our own, so the same bits everywhere. */
void hd_sinusoids(int64_t length, int64_t width, float *table);

#endif
