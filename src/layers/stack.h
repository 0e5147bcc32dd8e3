/* The transformer: an encoder and a decoder built from a recipe (Vaswani et al., 2017).
 *
 * The same forward code serves training and inference; only the tape and dropout differ. */
#ifndef HD_LAYERS_STACK_H
#define HD_LAYERS_STACK_H

#include "autograd/ops/ops.h"
#include "layers/cache.h"
#include "layers/recipe.h"

typedef struct hd_linear_layer {
    hd_parameter *weight, *bias;
} hd_linear_layer;

typedef struct hd_norm_layer {
    hd_parameter *gain, *bias;
} hd_norm_layer;

typedef struct hd_attention_layer {
    hd_linear_layer q, k, v, out;
    hd_norm_layer norm;
} hd_attention_layer;

typedef struct hd_ffn_layer {
    hd_linear_layer up, down;
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

/* Which module of which layer a parameter is: what a family names. */
typedef struct hd_slot {
    hd_role role;
    hd_part part;
    int64_t layer;
} hd_slot;

typedef struct hd_stack {
    heed_context *context;
    hd_recipe recipe;
    hd_arena arena;           /* all that lives as long as the model */
    hd_parameter *parameters; /* [count] */
    hd_slot *slots;           /* [count] */
    int64_t count;
    int64_t gradient_count; /* floats of a block of gradients: those of all that is trained */
    hd_parameter *source_embedding, *target_embedding, *output; /* one table or several */
    hd_parameter *output_bias, *encoder_positions, *decoder_positions;
    hd_norm_layer encoder_final_norm, decoder_final_norm;
    hd_encoder_layer *encoder; /* [encoder_layers] */
    hd_decoder_layer *decoder; /* [decoder_layers] */
    float *sinusoids;          /* [max_positions, width], or NULL */
} hd_stack;

/* Declares every parameter of the recipe: names, data and panels are still to be filled in. */
heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_stack **stack);
void hd_stack_close(hd_stack *stack);

/* Float32 data for every parameter, drawn from the seed: matrices uniform as Glorot and Bengio (2010), the embedding
 * normal with variance 1 / width (row `pad` zero), gains one, biases zero, the output bias −10,000 for pad. */
heed_status hd_stack_initialize(hd_stack *stack, uint64_t seed);
/* Says that every parameter but fixed ones is trained, and gives it its place in a block of gradients. */
void hd_stack_train(hd_stack *stack);
/* Packs the matrices that products read, where that has not been done since they changed: passes that run at the same time
 * then only read the stack. */
heed_status hd_stack_pack(hd_stack *stack);

/* The encoder's last states [tokens, width] for source ids [tokens]. */
hd_tensor *hd_stack_encode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout);
/* The decoder's last states [tokens, width] for target ids that begin with decoder_start. Sequences attend to those of
 * `memory` one to one; with a `cache` they go on after what it holds and attend to its memory instead. */
hd_tensor *hd_stack_decode(const hd_stack *stack, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                           hd_tensor *memory, hd_cache *cache);
/* Each decoder layer's keys and values of the memory, into the cache: once a sentence, shared by its beams. */
heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache);
/* Logits [rows, count] of decoder states, for tokens from `first`, a multiple of 32. */
hd_tensor *hd_stack_logits(const hd_stack *stack, hd_pass *pass, hd_tensor *states, int64_t first, int64_t count);
/* The fixed bias of the logits [vocabulary], or NULL. */
const float *hd_stack_output_bias(const hd_stack *stack);

#endif
