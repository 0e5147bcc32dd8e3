/* The Transformer: an encoder and a decoder built from a recipe (Vaswani et al., 2017).
 *
 * Both sides are the same struct and the same loop; the same forward code serves training and inference, and only the tape
 * and dropout differ. */
#ifndef HD_LAYERS_STACK_H
#define HD_LAYERS_STACK_H

#include "layers/cache.h"
#include "layers/network.h"

/* The norms of a sublayer; those that its placement lacks have no gain. */
typedef struct hd_sublayer_norms {
    hd_norm_layer norm;  /* before the sublayer, or post-norm after the sum */
    hd_norm_layer after; /* of the sublayer's output, before the sum */
} hd_sublayer_norms;

typedef struct hd_attention_layer {
    hd_linear_layer q, k, v, out;
    hd_norm_layer q_norm, k_norm; /* of each head; without a gain where the recipe has none */
    hd_sublayer_norms norms;
} hd_attention_layer;

typedef struct hd_ffn_layer {
    hd_linear_layer up, gate, down; /* gate: weight NULL without one */
    hd_sublayer_norms norms;
} hd_ffn_layer;

typedef struct hd_stack_layer {
    hd_attention_layer attention, cross; /* cross: of a decoder with an encoder */
    hd_ffn_layer ffn;
} hd_stack_layer;

typedef struct hd_stack_side {
    hd_parameter *embedding; /* [vocabulary, width] */
    hd_parameter *positions, *token_types;
    hd_norm_layer embedding_norm, final_norm;
    hd_stack_layer *layers; /* [layers] */
    float *sinusoids;       /* [max_positions, width], or NULL */
    float *angles;          /* [max_positions, head width]: of rotary positions, or NULL */
} hd_stack_side;

typedef struct hd_stack {
    hd_network network;
    hd_stack_side side[HD_SIDES];
} hd_stack;

/* hd_network_open for a Transformer's recipe. */
heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
/* Its decoding session (stack_decoder.c). */
heed_status hd_stack_decoder_open(heed_context *context, hd_network *network, hd_decoder **decoder);

/* The last states [tokens, width] of one side. A decoder's input begins with decoder_start; its sequences attend to
 * those of `memory`, the encoder's states, one to one. With a `cache`, they follow the cached tokens and attend to
 * the cached memory. */
hd_tensor *hd_stack_run(const hd_stack *stack, hd_network_side side, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout, hd_tensor *memory, hd_cache *cache);
/* Each decoder layer's keys and values of the memory, into the cache: once per source, shared by its beams. */
heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache);

#endif
