/* The angles of rotary positions (Su et al., 2021), and their scalings. */
#ifndef HD_LAYERS_ROTARY_H
#define HD_LAYERS_ROTARY_H

#include "layers/recipe.h"

/* Columns of a head that are rotated in pairs: the rotary width, made even. */
int64_t hd_rotary_columns(const hd_side_recipe *side, int64_t width);

/* All texts up to this length have the same angles, and longer ones have others; INT64_MAX: angles do not depend on the
 * text's length. */
int64_t hd_rotary_turn(const hd_side_recipe *side);

/* table [count, columns]: row i has the sines, then the cosines, of the angles of position first + i in a text of `length`
 * tokens. Column j < columns/2 turns with frequency j, which is base^(−2j / rotary width) before scaling. `local`: in layers
 * with a window, if those have a base of their own. Computed in double with base/real.h and rounded once, so the same bits
 * everywhere. */
void hd_rotary_angles(const hd_side_recipe *side, int64_t width, bool local, int64_t length, int64_t first,
                      int64_t count, float *table);

/* HEED_UNSUPPORTED or HEED_FORMAT for rotary fields that no table can be made of. */
heed_status hd_rotary_check(heed_context *context, const hd_side_recipe *side, int64_t width);

#endif
