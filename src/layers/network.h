/* A network: the named parameters that a recipe declares, and what training and decoding ask of the layers built on them.
 * The transformer's stack (stack.h) and the recurrent one (recurrent.h) each begin with it. */
#ifndef HD_LAYERS_NETWORK_H
#define HD_LAYERS_NETWORK_H

#include "autograd/ops/ops.h"
#include "layers/recipe.h"

typedef struct hd_network hd_network;
typedef struct hd_decoder hd_decoder;

typedef struct hd_network_class {
    /* The encoder's last states [tokens, width] for ids [tokens]. */
    hd_tensor *(*encode)(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout);
    /* The decoder's last states [tokens, width] for ids [tokens]; sequences of `layout` belong one to one to those of
     * `memory`, the encoder's states. */
    hd_tensor *(*decode)(const hd_network *network, hd_pass *pass, const int32_t *ids, const hd_layout *layout,
                         hd_tensor *memory);
    /* A decoding session (layers/decoder.h) on the network, which outlives it. Sessions on a network whose panels are all
     * packed may run at the same time, each with a context of its own. */
    heed_status (*open_decoder)(heed_context *context, hd_network *network, hd_decoder **decoder);
} hd_network_class;

/* Which module of which layer a parameter is: what a family names. */
typedef struct hd_slot {
    hd_role role;
    hd_part part;
    int64_t layer;
    int64_t blocks; /* matrices that stand one below the other in it, as a cell's gates do */
} hd_slot;

typedef struct hd_linear_layer {
    hd_parameter *weight, *bias; /* bias: NULL without one */
} hd_linear_layer;

typedef struct hd_norm_layer {
    hd_parameter *gain, *bias; /* bias: NULL of the root-mean-square norm */
} hd_norm_layer;

struct hd_network {
    const hd_network_class *class;
    heed_context *context;
    hd_recipe recipe;
    hd_arena arena;           /* all that lives as long as the model */
    hd_parameter *parameters; /* [count] */
    hd_slot *slots;           /* [count] */
    int64_t count;
    int64_t gradient_count; /* floats of a block of gradients: those of all that is trained */
    hd_parameter *source_embedding, *target_embedding; /* one table or two */
    hd_linear_layer head_dense;
    hd_norm_layer head_norm;
    hd_parameter *output;      /* [classes, width]: tokens or labels that states are scored for */
    hd_parameter *output_bias; /* [classes], trained or fixed; NULL: none */
    hd_crf crf;                /* of a recipe with one */
};

static inline hd_tensor *hd_network_encode(const hd_network *network, hd_pass *pass, const int32_t *ids,
                                           const hd_layout *layout) {
    return network->class->encode(network, pass, ids, layout);
}
static inline hd_tensor *hd_network_decode(const hd_network *network, hd_pass *pass, const int32_t *ids,
                                           const hd_layout *layout, hd_tensor *memory) {
    return network->class->decode(network, pass, ids, layout, memory);
}
static inline heed_status hd_network_decoder_open(heed_context *context, hd_network *network, hd_decoder **decoder) {
    return network->class->open_decoder(context, network, decoder);
}

/* Builds what the recipe describes: names, data and panels of the parameters are still to be filled in. */
heed_status hd_network_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
void hd_network_close(hd_network *network);

/* Float32 data for every parameter, drawn from the seed: matrices uniform as Glorot and Bengio (2010), the embedding
 * normal with variance 1 / width (row `pad` zero), gains one, biases zero, the output bias −10,000 for pad. */
heed_status hd_network_initialize(hd_network *network, uint64_t seed);
/* Says that every parameter but fixed ones is trained, and gives it its place in a block of gradients. */
void hd_network_train(hd_network *network);
/* Is this parameter a matrix that products read? Others are vectors, or tables of which rows are looked up. */
bool hd_network_multiplies(const hd_network *network, int64_t index);
/* Packs the matrices that products read, where that has not been done since they changed: passes that run at the same
 * time then only read the network. */
heed_status hd_network_pack(hd_network *network);
/* What the output's table scores: a row for each state, or with HD_HEAD_CLASSIFY_TEXT for each sequence. */
hd_tensor *hd_network_head(const hd_network *network, hd_pass *pass, hd_tensor *states);
/* Adds the loss of the answers `wanted` [rows] to what hd_network_head gives, unscaled, to *loss; `texts` says which rows
 * belong to one text. When the pass records, the gradients are made on the way, or are left for the way back. */
heed_status hd_network_loss(const hd_network *network, hd_pass *pass, hd_tensor *rows, const int32_t *wanted,
                            const hd_layout *texts, const hd_cross_entropy_options *options, double *loss);
/* The best answer of each row of logits; of equal ones the first. */
heed_status hd_network_choose(const hd_network *network, hd_pass *pass, const hd_tensor *logits, const hd_layout *texts,
                              int32_t *chosen);
/* One row [width] a sequence. */
hd_tensor *hd_network_pool(const hd_network *network, hd_pass *pass, hd_tensor *states, hd_pooling pooling);
/* How many tokens or labels there are to choose from: all but a pad that stands last. */
int64_t hd_network_classes(const hd_network *network);
/* Logits [rows, count] of what hd_network_head gives, for tokens or labels from `first`, a multiple of 32. */
hd_tensor *hd_network_logits(const hd_network *network, hd_pass *pass, hd_tensor *states, int64_t first, int64_t count);

/* ---- for those that build a network ---- */

/* `size` zeroed bytes that begin with a hd_network, with room for `most` parameters, and its shared tables declared. */
heed_status hd_network_new(heed_context *context, const hd_network_class *class, const hd_recipe *recipe, size_t size,
                           size_t most, void *network);
/* The parameter of this role, part and layer, declared now. */
hd_parameter *hd_network_declare(hd_network *network, hd_slot slot, int64_t rows, int64_t columns, int dimensions);
/* With a bias unless the recipe is without. */
hd_linear_layer hd_network_declare_linear(hd_network *network, hd_role role, int64_t layer, int64_t out, int64_t in);
hd_norm_layer hd_network_declare_norm(hd_network *network, hd_role role, int64_t layer);
/* What the recipe wants on top; last of all. */
void hd_network_declare_head(hd_network *network);

#endif
