/* The Transformer: an encoder and a decoder built from a recipe (Vaswani et al., 2017).
 *
 * Both sides are the same struct and the same loop; the same forward code serves training and inference, and only the tape
 * and dropout differ. */
#ifndef HD_LAYERS_STACK_H
#define HD_LAYERS_STACK_H

#include "layers/cache.h"
#include "layers/stack_place.h"

typedef struct hd_stack {
    hd_network network;
    hd_stack_side side[HD_SIDES];
} hd_stack;

/* What an observer sees of each layer's attention, in the order of the layers: queries [tokens, heads · head width], and keys and
 * values [keys, key heads · head width], as they enter the scores. By kind: self-attention of the encoder, of the decoder,
 * cross-attention. */
typedef struct hd_shown_heads {
    const char *query, *key, *value;
} hd_shown_heads;
extern const hd_shown_heads hd_shown_head_names[3];

/* hd_network_open for a Transformer's recipe. */
heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
/* Its decoder (layers/decoder.h, stack_decoder.c). */
heed_status hd_stack_decoder_open(heed_context *context, const hd_network *network, hd_decoder **decoder);

/* The last states [tokens, width] of one side, or those of the selected rows. A decoder's input begins with decoder_start; its sequences attend to
 * those of `memory`, the encoder's states, one to one. With a `cache`, they follow the cached tokens and attend to
 * the cached memory. `selection` may be NULL. */
hd_tensor *hd_stack_run(const hd_stack *stack, hd_network_side side, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout, hd_tensor *memory, hd_cache *cache, const hd_selection *selection);
/* Each decoder layer's keys and values of the memory, into the cache: once per source, shared by its beams. */
heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache);

#endif
