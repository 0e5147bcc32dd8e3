/* Fixed positions: sinusoids, which the 2017 Transformer adds, and the angles of rotary positions (layers/rotary.h). Relative
 * positions in buckets, each of which has a bias of the scores. */
#ifndef HD_LAYERS_POSITIONS_H
#define HD_LAYERS_POSITIONS_H

#include "layers/recipe.h"

/* table [count, width] of the positions p from `first` on: column j < width/2 is sin(p / 10000^(2j/width)), column width/2 + j
 * the cosine of the same (Marian's order of columns). Computed in double with base/real.h, so the same bits
 * everywhere. */
void hd_sinusoids(int64_t first, int64_t count, int64_t width, float *table);

/* The same with frequencies 10000^(−j / (half − 1)), j < half = ⌊width/2⌋; of an odd width the last column is zero
 * (HD_POSITIONS_SINUSOIDAL_APART). */
void hd_sinusoids_apart(int64_t first, int64_t count, int64_t width, float *table);

/* Whether fixed sinusoids are added to the embedding. */
static inline bool hd_is_sinusoidal(const hd_side_recipe *side) {
    return side->positions == HD_POSITIONS_SINUSOIDAL || side->positions == HD_POSITIONS_SINUSOIDAL_APART;
}
/* Columns of a side's fixed positions; 0 where they are not fixed. */
int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width);
/* The rows [count, columns] of a side's tokens from number `first` on, of a text that ends with them. */
void hd_fixed_positions(const hd_side_recipe *side, int64_t width, int64_t first, int64_t count, float *table);

/* The bucket of keys at `distance` = key − query (Raffel et al., 2020). One-sided, keys after the query are in the bucket of
 * distance 0; two-sided, they have the second half of the buckets. Half of the buckets of one side are of one distance each;
 * the others grow with the logarithm, up to `farthest`. Rounded step by step to float32 as in PyTorch. `buckets` of one side
 * are at least 2, and `farthest` is more than half of them. */
int32_t hd_position_bucket(int64_t distance, int64_t buckets, int64_t farthest, bool two_sided);

/* The row of a table of 2 · span rows for a query at `distance` = query − key (DeBERTa v2; He et al., 2021), where `farthest`
 * is the side's relative_positions. Without buckets each distance has a row, up to `farthest`. With `buckets`, distances up to
 * half of them have a row each, and the others grow with the logarithm, up to `farthest`. Rounded as in PyTorch. */
int64_t hd_relative_row(int64_t distance, int64_t buckets, int64_t farthest);

#endif
