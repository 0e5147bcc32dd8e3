/* Which word of a translation comes from which word of its source, by cross-attention. */
#ifndef HD_INSPECT_ALIGN_H
#define HD_INSPECT_ALIGN_H

#include "models/model.h"

/* The layer, from 1, that aligns best without having been trained to: the last but one of a transformer's, the one of a
 * recurrent decoder. `asked` 0 leaves it to the model. HEED_ARGUMENT for a layer that is not there, HEED_UNSUPPORTED for a
 * model without cross-attention. */
heed_status hd_align_layer(const heed_model *model, int64_t asked, int64_t *layer);

/* Appends the alignment in Pharaoh's form, "0-0 1-2 2-1": for each word of the target, in order, the source word with the
 * largest mean over the heads of `layer`, and the target word. Words are what blanks separate, counted from 0. `target` is
 * what the model made of the text, without start and end. Several contexts may use one model, its panels packed. */
heed_status hd_align(heed_context *context, const heed_model *model, int64_t layer, const char *text, size_t size,
                     const int32_t *target, int64_t count, hd_buffer *out);

#endif
