/* The weights of a model folder, in one file or several: the first that exists of
 *     model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json, pytorch_model.pt
 *     and model.pt.
 * An index names shards:
 *     {"metadata": {"total_size": 123}, "weight_map": {"NAME": "model-00001-of-00002.safetensors", …}}
 * A further format is opened here and returns the same hd_stored_tensor. */
#ifndef HD_FORMATS_WEIGHTS_H
#define HD_FORMATS_WEIGHTS_H

#include "formats/safetensors.h"

typedef struct hd_weights hd_weights;

/* HEED_FILE when there are no weights or a shard is missing, HEED_FORMAT when the index and the shards disagree.
 * *weights is NULL after a failure. */
heed_status hd_weights_open(heed_context *context, const char *folder, hd_weights **weights);
void hd_weights_close(hd_weights *weights); /* invalidates its tensors; NULL is allowed */

size_t hd_weights_count(const hd_weights *weights);
/* Tensor `index` in [0, count), file by file in the order of the data. */
const hd_stored_tensor *hd_weights_at(const hd_weights *weights, size_t index);
/* NULL when there is no tensor of that name. */
const hd_stored_tensor *hd_weights_find(const hd_weights *weights, const char *name);
/* The same, but HEED_FORMAT, `m/model.safetensors: tensor "x.weight" is missing`, when there is none. */
heed_status hd_weights_require(const hd_weights *weights, const char *name, const hd_stored_tensor **tensor);
/* Whether all numbers lie in mapped files, so that hd_map_release may be called for them. */
bool hd_weights_are_mapped(const hd_weights *weights);
/* The path of the file or of the index, for messages. */
const char *hd_weights_path(const hd_weights *weights);

#endif
