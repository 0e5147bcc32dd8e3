/* A word of a config that is none of the choices that heed has. */
#ifndef HD_MODELS_CHOICE_H
#define HD_MODELS_CHOICE_H

#include "formats/json.h"
#include "layers/recipe.h"

/* HEED_UNSUPPORTED, `config.json: "hidden_act" is "gelu_neww", which is none of gelu, …; the nearest is gelu_new`. */
heed_status hd_choice_refuse(const hd_json *config, const char *key, const char *word, const hd_choice *choices);

#endif
