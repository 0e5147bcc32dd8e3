/* Word alignment of a translation with its source, from cross-attention. */
#ifndef HD_INSPECT_ALIGN_H
#define HD_INSPECT_ALIGN_H

#include "models/model.h"

/* *layer, from 1, is `requested`, or for 0 the layer that usually aligns best: the last but one of a Transformer, the
 * only one of a recurrent decoder. HEED_ARGUMENT for a layer that does not exist, HEED_UNSUPPORTED for a model without
 * cross-attention. */
heed_status hd_align_layer(const heed_model *model, int64_t requested, int64_t *layer);

typedef struct hd_align_options {
    int64_t layer; /* from 1 */
    int64_t
        skipped; /* words at the beginning of the source, such as those of a prefix, that are not aligned and not counted */
    int64_t most; /* words at the beginning of the target that are aligned */
} hd_align_options;

/* Appends the alignment in Pharaoh format, "0-0 1-2 2-1": for each word of the target, in order, the source word with
 * the largest mean weight over the heads of the layer, and the target word. Words are separated by white space and
 * counted from 0. `target` is the generated translation without the token `start` and end tokens. Several contexts may use one
 * model, its panels packed. */
heed_status hd_align(heed_context *context, const heed_model *model, const hd_side_tokenizer side[HD_SIDES],
                     int32_t start, const hd_align_options *options, const char *text, size_t size,
                     const int32_t *target, int64_t count, hd_buffer *out);

#endif
