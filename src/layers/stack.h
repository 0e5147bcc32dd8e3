/* The transformer: an encoder and a decoder built from a recipe (Vaswani et al., 2017).
 *
 * The same forward code serves training and inference; only the tape and dropout differ. */
#ifndef HD_LAYERS_STACK_H
#define HD_LAYERS_STACK_H

#include "layers/cache.h"
#include "layers/network.h"

typedef struct hd_attention_layer {
    hd_linear_layer q, k, v, out;
    hd_norm_layer norm;
} hd_attention_layer;

typedef struct hd_ffn_layer {
    hd_linear_layer up, gate, down; /* gate: weight NULL without one */
    hd_norm_layer norm;
} hd_ffn_layer;

typedef struct hd_encoder_layer {
    hd_attention_layer attention;
    hd_ffn_layer ffn;
} hd_encoder_layer;

typedef struct hd_decoder_layer {
    hd_attention_layer attention, cross;
    hd_ffn_layer ffn;
} hd_decoder_layer;

typedef struct hd_stack {
    hd_network network;
    hd_parameter *encoder_positions, *decoder_positions, *token_types;
    hd_norm_layer embedding_norm, encoder_final_norm, decoder_final_norm;
    hd_encoder_layer *encoder; /* [encoder_layers] */
    hd_decoder_layer *decoder; /* [decoder_layers] */
    float *sinusoids;          /* [max_positions, width], or NULL */
    float *angles;             /* [max_positions, width of a head]: of rotary positions, or NULL */
} hd_stack;

/* hd_network_open for a transformer's recipe. */
heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
/* Its decoding session (stack_decoder.c). */
heed_status hd_stack_decoder_open(heed_context *context, hd_network *network, hd_decoder **decoder);

/* The encoder's last states [tokens, width] for source ids [tokens]. */
hd_tensor *hd_stack_encode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout);
/* The decoder's last states [tokens, width] for target ids that begin with decoder_start. Sequences attend to those of
 * `memory` one to one; with a `cache` they go on after what it holds and attend to its memory instead. */
hd_tensor *hd_stack_decode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                           hd_tensor *memory, hd_cache *cache);
/* Each decoder layer's keys and values of the memory, into the cache: once a sentence, shared by its beams. */
heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache);

#endif
