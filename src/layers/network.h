/* A network: the named parameters that a recipe declares, and the functions that training and decoding call on the layers
 * built on them. The transformer's stack (stack.h) and the recurrent one (recurrent.h) each begin with it. */
#ifndef HD_LAYERS_NETWORK_H
#define HD_LAYERS_NETWORK_H

#include "autograd/ops/ops.h"
#include "layers/recipe.h"

typedef struct hd_network hd_network;
typedef struct hd_decoder hd_decoder;

/* The input of a side: token ids, or rows of numbers in place of their embeddings (image patches, audio frames). */
typedef struct hd_input {
    const int32_t *ids; /* [tokens]; NULL: rows */
    hd_tensor *rows;    /* [tokens, width] */
    const int32_t
        *types; /* [tokens]: rows of the table of token types; NULL: the first. A side without one ignores them. */
} hd_input;

/* Rows of a batch, ascending. The layout divides them among the sequences; its positions are those of the first row of
 * each sequence. */
typedef struct hd_selection {
    const int32_t *rows; /* [rows of the layout] */
    hd_layout layout;
} hd_selection;

typedef struct hd_network_class {
    /* The encoder's last states [tokens, width], or those of the selected rows. */
    hd_tensor *(*encode)(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         const hd_selection *selection);
    /* The decoder's last states [tokens, width]; sequences of `layout` belong one to one to those of `memory`, the
     * encoder's states. */
    hd_tensor *(*decode)(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                         hd_tensor *memory);
    /* A decoder (layers/decoder.h) of the network, which must outlive it and be packed (hd_network_pack). Any number
     * of decoders may run at the same time, each with its own context. */
    heed_status (*open_decoder)(heed_context *context, const hd_network *network, hd_decoder **decoder);
} hd_network_class;

/* The use of a parameter determines its initialization, its form in memory, and its training. */
typedef enum hd_use {
    HD_USE_MATRIX, /* products read it; begins uniform as Glorot and Bengio (2010) */
    HD_USE_TABLE,  /* its rows are read one by one; begins normal with variance 1 / columns, row `pad` zero */
    HD_USE_GAIN,   /* of a norm; begins at one, or at zero where one is added to it */
    HD_USE_SHIFT,  /* added; begins at zero */
    HD_USE_FIXED   /* added and never trained: −10,000 for pad, else zero */
} hd_use;

/* Identifies a parameter; a family maps slots to names. */
typedef struct hd_slot {
    hd_network_side side;
    hd_module module;
    int64_t layer;
    hd_part part;
    hd_use use;
    bool gated;     /* of the feed-forward layer beside a gate: some families give it another name */
    int64_t blocks; /* matrices concatenated along the rows, as a cell's gates are; 0: one */
} hd_slot;

static inline bool hd_slot_equal(const hd_slot *a, const hd_slot *b) {
    return a->side == b->side && a->module == b->module && a->layer == b->layer && a->part == b->part;
}

/* The parameters of a module in one layer. Those that it lacks are NULL. */
typedef struct hd_module_weights {
    hd_parameter *whole;         /* a table or a vector */
    hd_parameter *weight, *bias; /* of a linear layer; the gain and the shift of a norm */
    hd_parameter *one;           /* of a norm by 1 + gain */
    float epsilon;               /* of a norm */
} hd_module_weights;

struct hd_network {
    const hd_network_class *class;
    heed_context *context;
    hd_recipe recipe;
    hd_arena arena;            /* host memory that lives as long as the model */
    hd_stream stream;          /* where parameters are filled in and trained, by one thread at a time */
    hd_arena numbers;          /* device memory that lives as long as the model: parameters, moments, gradients */
    heed_status status;        /* of the stream */
    hd_parameter **parameters; /* [count], in the order in which they were declared */
    hd_slot *slots;            /* [count] */
    int64_t count;
    size_t parameter_capacity, slot_capacity;
    bool incomplete;                                   /* a declaration ran out of memory */
    int64_t gradient_count;                            /* floats of a gradient block of all trained parameters */
    hd_module_weights *layers[HD_SIDES + 1];           /* by side, or HD_SHARED: [layers, HD_MODULES] */
    hd_parameter *source_embedding, *target_embedding; /* one table or two */
    hd_parameter *output;      /* [classes, width]: tokens or labels that states are scored for; NULL: there are none */
    hd_parameter *output_bias; /* [classes], trained or fixed; NULL: none */
    hd_crf crf;                /* of a recipe with one */
};

/* The modules [HD_MODULES] of one layer of a side. Those that are not of a layer are in layer 0. */
static inline hd_module_weights *hd_network_layer(const hd_network *network, hd_network_side side, int64_t layer) {
    return network->layers[side] + layer * HD_MODULES;
}

static inline hd_tensor *hd_network_encode(const hd_network *network, hd_pass *pass, const hd_input *input,
                                           const hd_layout *layout) {
    return network->class->encode(network, pass, input, layout, NULL);
}
/* The last states of some rows: the same bits. The last layer computes nothing else. For inference. */
static inline hd_tensor *hd_network_encode_rows(const hd_network *network, hd_pass *pass, const hd_input *input,
                                                const hd_layout *layout, const hd_selection *selection) {
    return network->class->encode(network, pass, input, layout, selection);
}
static inline hd_tensor *hd_network_decode(const hd_network *network, hd_pass *pass, const hd_input *input,
                                           const hd_layout *layout, hd_tensor *memory) {
    return network->class->decode(network, pass, input, layout, memory);
}
/* The last states of whole texts, or of some of their rows: those of the only side. Of an encoder–decoder they are the
 * decoder's, which reads the text shifted right (BartForSequenceClassification). */
hd_tensor *hd_network_read(const hd_network *network, hd_pass *pass, const hd_input *input, const hd_layout *layout,
                           const hd_selection *selection);
static inline heed_status hd_network_decoder_open(heed_context *context, const hd_network *network,
                                                  hd_decoder **decoder) {
    return network->class->open_decoder(context, network, decoder);
}

/* Builds a recipe's network (open.c). Names, data and panels of its parameters are filled in later. */
heed_status hd_network_open(heed_context *context, const hd_recipe *recipe, hd_network **network);
void hd_network_close(hd_network *network);

/* Initializes the float32 data of every parameter from the seed, by its use. */
heed_status hd_network_initialize(hd_network *network, uint64_t seed);
/* Marks every parameter but fixed ones as trained, and assigns its offset in a block of gradients. */
void hd_network_prepare_training(hd_network *network);
/* Packs the matrices that products read and the tables without data, unless they are packed and unchanged. Afterwards passes
 * that run at the same time only read the network. */
heed_status hd_network_pack(hd_network *network);
/* The same for parameters that are stored in a mapped file, whose bytes are released as they are read (hd_map_release). */
heed_status hd_network_pack_mapped(hd_network *network, void (*release)(const void *bytes, size_t size));
/* The rows that the output layer scores: one per state, or one per sequence with HD_HEAD_CLASSIFY_TEXT. */
hd_tensor *hd_network_head(const hd_network *network, hd_pass *pass, hd_tensor *states);
/* Adds the unscaled loss of the `targets` [rows], or with HD_HEAD_ANSWER [sequences, 2], the first and the last row of each answer, given the result of hd_network_head, to *loss. `texts` says
 * which rows belong to one text. The recipe sets the soft cap. When the pass records, gradients are computed now or by the
 * backward pass. */
heed_status hd_network_loss(const hd_network *network, hd_pass *pass, hd_tensor *rows, const int32_t *targets,
                            const hd_layout *texts, const hd_cross_entropy_options *options, double *loss);
/* The most probable token or label of each row of logits; of equal ones the first. */
heed_status hd_network_choose(const hd_network *network, hd_pass *pass, const hd_tensor *logits, const hd_layout *texts,
                              int32_t *chosen);
/* Rows `ids` of a table, as float32 in host memory [count, columns]. */
heed_status hd_network_rows(heed_context *context, const hd_parameter *table, const int32_t *ids, int64_t count,
                            float *rows);
/* The token that the decoder of an encoder–decoder reads before a text of `count` tokens, if both sides read it. */
int32_t hd_recipe_token_before(const hd_recipe *recipe, const int32_t *ids, int64_t count);
/* The row of a text's states that is pooled as its last one: the last that is not padding, or of an encoder–decoder the last end
 * token, as in transformers. */
int64_t hd_recipe_last_row(const hd_recipe *recipe, const int32_t *ids, int64_t count);
/* The states, but of a head that pools the last row those rows alone, one per text. */
hd_tensor *hd_network_select_pooled(const hd_network *network, hd_pass *pass, hd_tensor *states, const int32_t *ids);
/* One row [width] per sequence. */
hd_tensor *hd_network_pool(const hd_network *network, hd_pass *pass, hd_tensor *states, hd_pooling pooling);
/* The number of tokens, labels or ends of answers that training may predict: all but a padding token that comes last and has a bias of −10,000,
 * which label smoothing must leave out. */
int64_t hd_network_classes(const hd_network *network);
/* Logits [rows, count] of the rows of hd_network_head, for tokens or labels from `first`, a multiple of 32. */
hd_tensor *hd_network_logits(const hd_network *network, hd_pass *pass, hd_tensor *states, int64_t first, int64_t count);

/* ---- layers ---- */

/* y = activation(x weightᵀ + bias). Every linear layer is applied here. */
hd_tensor *hd_apply(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x, hd_activation activation);
/* The normalized rows, or x itself where the recipe has no such norm. */
hd_tensor *hd_apply_norm(hd_pass *pass, const hd_module_weights *layer, hd_tensor *x);
/* The rows that the output table scores, times the recipe's scale of logits. Where logits have a bias, it is not scaled. */
hd_tensor *hd_scale_states(const hd_network *network, hd_pass *pass, hd_tensor *states);
/* The selected rows of x; x itself without a selection. */
hd_tensor *hd_select(hd_pass *pass, hd_tensor *x, const hd_selection *selection);
/* The input's rows, or the embeddings of its ids, times scale. */
hd_tensor *hd_embed_input(const hd_network *network, hd_pass *pass, hd_parameter *table, const hd_input *input,
                          const hd_layout *layout, float scale);

/* The module that a dropout site belongs to. The numbers key random streams: never reuse or change one. */
enum {
    HD_SITE_EMBEDDING = 0,
    HD_SITE_ATTENTION = 1,
    HD_SITE_CROSS = 2,
    HD_SITE_FFN = 3,
    HD_SITE_CELL = 4,
    HD_SITE_STATES = 5, /* of a recurrent side, after its last layer */
    HD_SITE_HEAD = 6,
    HD_SITE_CONVOLUTION = 7
};
/* The site within the module. */
enum {
    HD_SITE_OUTPUT = 0,
    HD_SITE_WEIGHTS = 1, /* attention weights */
    HD_SITE_INNER = 2,   /* after the activation */
    HD_SITE_RELATIVE = 3 /* the states of relative positions */
};

/* ---- building a network ---- */

/* `size` zeroed bytes that begin with a hd_network, its shared tables declared; NULL, with an error, on failure. */
hd_network *hd_network_new(heed_context *context, const hd_network_class *class, const hd_recipe *recipe, size_t size);
/* Declares the parameter of this slot, a part of its layer. When out of memory, returns NULL and marks the network
 * incomplete. */
hd_parameter *hd_network_declare(hd_network *network, hd_slot slot, int64_t rows, int64_t columns, int dimensions);
/* Declare the parameters of this slot's module; the slot's part and use are ignored. */
void hd_network_declare_linear(hd_network *network, hd_slot slot, int64_t out, int64_t in, bool bias);
void hd_network_declare_convolution(hd_network *network, hd_slot slot, int64_t out, int64_t in, int64_t kernel);
void hd_network_declare_norm(hd_network *network, hd_slot slot, int64_t width, hd_norm_kind kind, float epsilon);
/* Declares the recipe's output layers; last of all. */
void hd_network_declare_head(hd_network *network);
/* `count` floats of device memory that are mapped for writing (device/device.h) at *host, until hd_network_unmap. NULL, and
 * the network incomplete, on failure. */
float *hd_network_map(hd_network *network, int64_t count, float **host);
void hd_network_unmap(hd_network *network, float *host, float *numbers, int64_t count);
/* Returns the network if all declarations succeeded, else closes it. */
heed_status hd_network_finish(hd_network *built, hd_network **network);

#endif
