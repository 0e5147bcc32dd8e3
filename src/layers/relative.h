/* Relative positions of disentangled attention (He et al., 2021): the table's states of the distances of a pass, and their keys
 * and queries in each layer. */
#ifndef HD_LAYERS_RELATIVE_H
#define HD_LAYERS_RELATIVE_H

#include "layers/network.h"

/* Distances of a pass from a query to a key. */
typedef struct hd_distances {
    int64_t farthest;           /* distances are −farthest … farthest */
    const int32_t *table_index; /* [2 farthest + 1]: the row of `states` of each */
    hd_tensor *states;          /* [rows, width]; NULL: the side has no relative positions */
} hd_distances;

/* HEED_UNSUPPORTED for relative positions that heed cannot compute. */
heed_status hd_relative_positions_check(heed_context *context, const hd_side_recipe *side);
/* The distances in the sequences of a layout; `weights` has the side's table. False when the pass failed. */
bool hd_find_distances(hd_pass *pass, const hd_side_recipe *side, const hd_module_weights *weights,
                       const hd_layout *layout, hd_distances *distances);
/* What a layer's attention adds to its scores for these distances; NULL: nothing, or the pass failed. Dropout is that of the
 * states. */
const hd_relative *hd_relative_of_layer(hd_pass *pass, const hd_side_recipe *side, const hd_module_weights *layer,
                                        const hd_distances *distances, float dropout, uint32_t site);

#endif
