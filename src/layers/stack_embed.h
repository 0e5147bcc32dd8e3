/* The input of the Transformer's first layer, and the width of its last states. */
#ifndef HD_LAYERS_STACK_EMBED_H
#define HD_LAYERS_STACK_EMBED_H

#include "layers/stack_place.h"

/* The input of layer 0 [tokens, width]: embeddings of tokens, of their types and of their positions, normalized and dropped
 * out as the recipe states. */
hd_tensor *hd_stack_embed(const hd_stack_place *at, hd_pass *pass, const hd_input *input, const hd_layout *layout);
/* From the network's width back to that of embeddings, where they differ. */
hd_tensor *hd_stack_project_states(const hd_stack_place *at, hd_pass *pass, hd_tensor *x);

#endif
