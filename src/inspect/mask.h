/* Which keys the mask of a network hides from which queries, and which keys are special tokens. */
#ifndef HD_INSPECT_MASK_H
#define HD_INSPECT_MASK_H

#include "inspect/attention.h"
#include "inspect/words.h"
#include "layers/recipe.h"

/* Sets map->masked and map->special, in memory of the arena. The map has a row per token of `queries` and a column per token
 * of `keys`. With `joined`, the two are made for words: a word is masked where each of its tokens is, for each token of the
 * query. */
heed_status hd_attention_mask(hd_attention_map *map, const hd_recipe *recipe, const hd_words *queries,
                              const hd_words *keys, bool joined, hd_arena *arena);

#endif
