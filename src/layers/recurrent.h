/* The recurrent encoder–decoder that the Transformer replaced, and a decoder alone as a language model: Elman, LSTM
 * or GRU cells, one or more layers, an encoder of one direction or two, and a decoder with one of the kinds of
 * memory of hd_memory_kind. */
#ifndef HD_LAYERS_RECURRENT_H
#define HD_LAYERS_RECURRENT_H

#include "layers/cache.h"
#include "layers/network.h"

/* The state of a decoder, in a pass's arena. */
typedef struct hd_recurrent_step {
    hd_recurrent_state *states; /* [decoder_layers]: [slots, width] each */
    hd_tensor *fed;             /* [slots, width]: Luong's last output, an input of the next step */
    hd_tensor *keys, *values;   /* of the memory [tokens, width]; NULL without attention */
    const hd_layout *queries;   /* which slots attend to which sequence of the memory, or of the cache */
    hd_cache *cache;            /* earlier states that the decoder attends to; NULL: those of the pass */
} hd_recurrent_step;

/* hd_network_open for a recurrent recipe. */
heed_status hd_recurrent_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
heed_status hd_recurrent_decoder_open(heed_context *context, const hd_network *network, hd_decoder **decoder);

/* With Luong's kinds, each output is an input of the next step. */
static inline bool hd_recipe_feeds(const hd_recipe *recipe) {
    return hd_recipe_translates(recipe) &&
           (recipe->memory == HD_MEMORY_LUONG_DOT || recipe->memory == HD_MEMORY_LUONG_GENERAL ||
            recipe->memory == HD_MEMORY_LUONG_CONCAT);
}
static inline bool hd_recipe_attends(const hd_recipe *recipe) {
    return hd_recipe_feeds(recipe) || (hd_recipe_translates(recipe) && recipe->memory == HD_MEMORY_BAHDANAU);
}

hd_tensor *hd_recurrent_encode(const hd_network *network, hd_pass *pass, const hd_input *input,
                               const hd_layout *layout);
/* The decoder's initial state, one slot per sequence of the memory (with memory NULL: `slots` slots at zero). */
bool hd_recurrent_begin(const hd_network *network, hd_pass *pass, hd_tensor *memory, int64_t slots,
                        hd_recurrent_step *at);
/* The part of the first layer's gates that is computed from the tokens' embeddings, [tokens, gates · width]. */
hd_tensor *hd_recurrent_embed(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout);
/* Advances each slot by one token, given the gates [slots, gates · width] of hd_recurrent_embed; returns [slots,
 * width]. */
hd_tensor *hd_recurrent_advance(const hd_network *network, hd_pass *pass, hd_tensor *gates, hd_recurrent_step *at);
/* Without attention, advances each slot by any number of tokens. */
hd_tensor *hd_recurrent_run(const hd_network *network, hd_pass *pass, hd_tensor *gates, hd_recurrent_step *at);
/* Of a network that copies, scores the tokens of the sources for each row of its outputs, states->copies. The layout of the states
 * and that of the memory have the same sequences. Returns the states; NULL on failure. */
hd_tensor *hd_recurrent_score_copies(const hd_network *network, hd_pass *pass, hd_tensor *states, hd_tensor *memory);
hd_tensor *hd_recurrent_decode(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                               hd_tensor *memory);

#endif
