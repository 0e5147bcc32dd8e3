/* A word of a config that is none of the choices that heed has. */
#ifndef HD_MODELS_CHOICE_H
#define HD_MODELS_CHOICE_H

#include "base/buffer.h"
#include "formats/json.h"
#include "layers/recipe.h"

/* Appends the choices, and if `word` is none of them, the nearest by spelling: `a, b; the nearest is b`. */
void hd_choices_list(const hd_choice *choices, const char *word, hd_buffer *out);
/* HEED_UNSUPPORTED, `config.json: "hidden_act" is "gelu_neww", which is none of gelu, …; the nearest is gelu_new`. */
heed_status hd_choice_refuse(const hd_json *config, const char *key, const char *word, const hd_choice *choices);

#endif
