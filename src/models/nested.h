/* The text model of a multimodal folder: what config.json has under "text_config". */
#ifndef HD_MODELS_NESTED_H
#define HD_MODELS_NESTED_H

#include "formats/json.h"

/* If the config is of no family that heed opens, but has a text model, then *text, a value inside of it, is the config of that, and
 * *model_type its type. Special tokens and quantization that the outer config states are added. Else *text has no root. */
heed_status hd_nested_find(const hd_json *config, hd_json *text, const char **model_type);

#endif
