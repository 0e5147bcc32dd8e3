/* Word alignment of a translation with its source, from cross-attention. */
#ifndef HD_INSPECT_ALIGN_H
#define HD_INSPECT_ALIGN_H

#include "models/model.h"

/* *layer, from 1, is `requested`, or for 0 the layer that usually aligns best: the last but one of a Transformer, the
 * only one of a recurrent decoder. HEED_ARGUMENT for a layer that does not exist, HEED_UNSUPPORTED for a model without
 * cross-attention. */
heed_status hd_align_layer(const heed_model *model, int64_t requested, int64_t *layer);

/* Appends the alignment in Pharaoh format, "0-0 1-2 2-1": for each word of the target, in order, the source word with
 * the largest mean weight over the heads of `layer`, and the target word. Words are separated by white space and
 * counted from 0. `target` is the generated translation without the token `start` and end tokens. Several contexts may use one
 * model, its panels packed. */
heed_status hd_align(heed_context *context, const heed_model *model, const hd_side_tokenizer side[HD_SIDES],
                     int32_t start, int64_t layer, const char *text, size_t size, const int32_t *target, int64_t count,
                     hd_buffer *out);

#endif
