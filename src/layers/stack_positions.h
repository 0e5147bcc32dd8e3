/* Positions of a pass through the Transformer. */
#ifndef HD_LAYERS_STACK_POSITIONS_H
#define HD_LAYERS_STACK_POSITIONS_H

#include "layers/stack_place.h"

/* Finds the positions of the pass, or computes those that the network does not store, and sets `length`. Positions past the
 * model's are left to the ops, which refuse them. False: the pass has failed. */
bool hd_stack_find_positions(hd_stack_place *at, hd_pass *pass, const hd_layout *layout);
/* The biases of the layer's scores by distance, [heads, distances]: from the last query back to the first key, and on an encoder
 * as far the other way. NULL without position buckets, and for a layer that shares those of layer 0. */
hd_tensor *hd_stack_position_bias(const hd_stack_place *at, hd_pass *pass);
/* Whether the queries of the last layer may be the selected rows alone. Positions count from the first selected row of a
 * sequence. */
bool hd_stack_may_select(const hd_stack_place *at, const hd_selection *selection);

#endif
