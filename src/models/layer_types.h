/* The attention window in a config, and the layers that have it: "sliding_window" and "layer_types" of transformers. */
#ifndef HD_MODELS_LAYER_TYPES_H
#define HD_MODELS_LAYER_TYPES_H

#include "formats/json.h"
#include "layers/recipe.h"

/* Reads the side's window under `key`; null: there is none. */
heed_status hd_window_read(const hd_json *config, const char *key, int64_t otherwise, hd_side_recipe *side);

/* The global layers of a config that does not list them: the layers i with i mod `every` = `which`. */
void hd_layer_types_every(hd_side_recipe *side, int64_t every, int64_t which);
/* Reads "layer_types", if there is one, in place of the global layers that the side has: "full_attention" or "sliding_attention"
 * per layer. HEED_UNSUPPORTED names another kind. */
heed_status hd_layer_types_read(const hd_json *config, hd_side_recipe *side);
/* Writes the list; not 0: out of memory. */
int hd_layer_types_write(const hd_side_recipe *side, json_t *config);

/* The window of Qwen2 and Qwen3, which has no effect unless "use_sliding_window" is true. Without a list, the layers from
 * "max_window_layers" on have it. */
heed_status hd_switched_window_read(const hd_json *config, hd_side_recipe *side);
/* Writes the same; not 0: out of memory. */
int hd_switched_window_write(const hd_side_recipe *side, json_t *config);

#endif
