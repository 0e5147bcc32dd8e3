/* The convolution of DeBERTa's v2-xlarge: it reads the embeddings of neighbouring tokens, and its result is added to the states of
 * the first layer. */
#ifndef HD_LAYERS_CONVOLUTION_H
#define HD_LAYERS_CONVOLUTION_H

#include "layers/network.h"

/* HEED_UNSUPPORTED for a convolution that heed cannot compute. */
heed_status hd_convolution_check(heed_context *context, const hd_side_recipe *side);
/* y [tokens, width] = activation(dropout(weight · the tokens around each one + bias)), with zeros outside of the text. The weight is
 * [width, width · kernel]: the numbers of a column of x are side by side. */
hd_tensor *hd_convolve(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x, const hd_side_recipe *side,
                       float dropout, uint32_t site);

#endif
