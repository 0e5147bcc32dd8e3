/* Fixed positions: sinusoids, which the 2017 Transformer adds, and the angles of rotary positions (layers/rotary.h). */
#ifndef HD_LAYERS_POSITIONS_H
#define HD_LAYERS_POSITIONS_H

#include "layers/recipe.h"

/* table [count, width] of the positions p from `first` on: column j < width/2 is sin(p / 10000^(2j/width)), column width/2 + j
 * the cosine of the same (Marian's order of columns). Computed in double with base/real.h, so the same bits
 * everywhere. */
void hd_sinusoids(int64_t first, int64_t count, int64_t width, float *table);

/* Columns of a side's fixed positions, 0 where they are not fixed. */
int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width);
/* table [count, columns] of the first positions of a text of `length` tokens. */
void hd_fixed_positions(const hd_side_recipe *side, int64_t width, int64_t length, int64_t count, float *table);

#endif
