/* Fixed positions: those that the 2017 Transformer adds, and the angles by which rotary ones turn. */
#ifndef HD_LAYERS_POSITIONS_H
#define HD_LAYERS_POSITIONS_H

#include "layers/recipe.h"

/* table [count, width] of the positions p from `first` on: column j < width/2 is sin(p / base^(2j/width)), column width/2 + j
 * the cosine of the same (Marian's order of columns; its base, and that of most rotary models, is 10000). Computed in double
 * from polynomials of our own, so the same bits everywhere. */
void hd_sinusoids(int64_t first, int64_t count, int64_t width, double base, float *table);

/* The same with frequencies 10000^(−j / (half − 1)), j < half = ⌊width/2⌋; of an odd width the last column is zero
 * (HD_POSITIONS_SINUSOIDAL_APART). */
void hd_sinusoids_apart(int64_t first, int64_t count, int64_t width, float *table);

/* Columns of a side's fixed positions; 0 where they are not fixed. */
int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width);
/* The rows [count, columns] of a side's tokens from number `first` on. */
void hd_fixed_positions(const hd_side_recipe *side, int64_t first, int64_t count, int64_t columns, float *table);

#endif
