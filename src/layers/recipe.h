/* A recipe: what a network is built from. One struct says which norm and where, which activation, which positions, what is
 * tied, or which cell and what the decoder is given; layers/stack.c and layers/recurrent.c build any of them, and a family
 * file (models/) only maps config keys to these fields and weights to names. */
#ifndef HD_LAYERS_RECIPE_H
#define HD_LAYERS_RECIPE_H

#include "device/cpu/kernels/kernels.h"

typedef enum hd_position_kind {
    HD_POSITIONS_SINUSOIDAL, /* fixed: sines in the first half of the columns, cosines in the second */
    HD_POSITIONS_LEARNED,
    HD_POSITIONS_ROTARY /* queries and keys are turned (Su et al., 2021) */
} hd_position_kind;

/* What stands on top of the last states. */
typedef enum hd_head {
    HD_HEAD_LANGUAGE,        /* each state scores all tokens: the next one */
    HD_HEAD_MASKED,          /* so it does, through one more layer: the token that was hidden there */
    HD_HEAD_CLASSIFY_TEXT,   /* one state for the whole text scores the labels */
    HD_HEAD_CLASSIFY_TOKENS, /* each state does */
    HD_HEADS
} hd_head;

/* One state for a whole text. */
typedef enum hd_pooling {
    HD_POOL_FIRST, /* that of its first token */
    HD_POOL_MEAN,
    HD_POOL_LAST /* of its last; in two directions, of both ends */
} hd_pooling;

typedef enum hd_architecture { HD_TRANSFORMER, HD_RECURRENT } hd_architecture;

/* What a recurrent decoder is given of the source: one vector to begin with, or all states to look through. */
typedef enum hd_memory_kind {
    HD_MEMORY_LAST,         /* the encoder's last state (Sutskever, Vinyals and Le, 2014) */
    HD_MEMORY_MEAN,         /* the mean of its states */
    HD_MEMORY_CONCATENATED, /* its states side by side, with zeros up to max_positions of them */
    HD_MEMORY_BAHDANAU,     /* additive attention before each step (Bahdanau, Cho and Bengio, 2015) */
    HD_MEMORY_LUONG_DOT, /* attention after each step, with input feeding (Luong, Pham and Manning, 2015): score h · k, */
    HD_MEMORY_LUONG_GENERAL, /* h · W k, */
    HD_MEMORY_LUONG_CONCAT   /* s · tanh(W h + U k) */
} hd_memory_kind;

typedef struct hd_recipe {
    hd_architecture architecture;
    int64_t vocabulary, width;
    int64_t encoder_layers, encoder_heads, encoder_ffn_width;
    int64_t decoder_layers, decoder_heads, decoder_ffn_width;
    int64_t max_positions;
    /* recurrent: */
    int cell;           /* hd_cell */
    int memory;         /* hd_memory_kind */
    bool bidirectional; /* the encoder, each direction half as wide */
    /* the transformer's: */
    int activation; /* hd_activation */
    hd_position_kind positions;
    float rotary_base;    /* of rotary positions, 10000 */
    int64_t key_heads;    /* the decoder's heads of keys and values; 0: one for each query's */
    int64_t token_types;  /* rows of the table of segments; 0: there is none */
    bool embedding_norm;  /* a norm after the embedding */
    bool rms_norm;        /* the root-mean-square norm, without biases */
    bool gated;           /* feed-forward: activation(gate) · up */
    bool without_biases;  /* of linear layers */
    bool untied;          /* the output has a table of its own */
    bool pre_norm;        /* norm before each sublayer, and once more at the end of each stack */
    bool scale_embedding; /* by √width */
    bool output_bias;     /* a fixed vector added to the logits */
    float norm_epsilon;
    float dropout, attention_dropout, activation_dropout;
    float initial_spread;            /* the config's init_std; heed itself initialises by each matrix's shape */
    int head, pooling;               /* hd_head, hd_pooling */
    int64_t labels;                  /* of a head that classifies */
    bool crf;                        /* labels of tokens are told together, by a conditional random field */
    int32_t pad, eos, decoder_start; /* −1: there is none */
} hd_recipe;

/* An encoder–decoder; else there is one of the two alone. */
static inline bool hd_recipe_translates(const hd_recipe *recipe) {
    return recipe->encoder_layers && recipe->decoder_layers;
}

/* The longest text in tokens: a recurrent model has no end of positions, but where it lays all states side by side. */
static inline int64_t hd_recipe_longest(const hd_recipe *recipe) {
    bool side_by_side = hd_recipe_translates(recipe) && recipe->memory == HD_MEMORY_CONCATENATED;
    return recipe->architecture == HD_RECURRENT && !side_by_side ? INT64_MAX : recipe->max_positions;
}

/* The modules of a network. A family gives each the name that it is stored under, with {} for the layer's number. */
typedef enum hd_role {
    HD_TOKEN_EMBEDDING, /* shared by source, target and output */
    HD_OUTPUT_BIAS,
    HD_ENCODER_POSITIONS,
    HD_DECODER_POSITIONS,
    HD_ENCODER_FINAL_NORM,
    HD_DECODER_FINAL_NORM,
    HD_ENCODER_Q, /* from here on one a layer */
    HD_ENCODER_K,
    HD_ENCODER_V,
    HD_ENCODER_OUT,
    HD_ENCODER_ATTENTION_NORM,
    HD_ENCODER_FFN_UP,
    HD_ENCODER_FFN_DOWN,
    HD_ENCODER_FFN_NORM,
    HD_DECODER_Q,
    HD_DECODER_K,
    HD_DECODER_V,
    HD_DECODER_OUT,
    HD_DECODER_ATTENTION_NORM,
    HD_CROSS_Q,
    HD_CROSS_K,
    HD_CROSS_V,
    HD_CROSS_OUT,
    HD_CROSS_NORM,
    HD_DECODER_FFN_UP,
    HD_DECODER_FFN_DOWN,
    HD_DECODER_FFN_NORM,
    HD_ENCODER_INPUT, /* the recurrent ones: a layer's gates of its input and of its state, */
    HD_ENCODER_STATE,
    HD_ENCODER_INPUT_BACKWARDS, /* of a second direction, */
    HD_ENCODER_STATE_BACKWARDS,
    HD_DECODER_INPUT,
    HD_DECODER_STATE,
    HD_DECODER_CONTEXT, /* and the first layer's of the context, or of the fed output */
    HD_BRIDGE_H,        /* a decoder layer's first state, from the memory */
    HD_BRIDGE_C,
    HD_QUERY,
    HD_KEY,
    HD_SCORER,
    HD_COMBINE, /* [h; C] → the output */
    HD_TOKEN_TYPES,
    HD_EMBEDDING_NORM,
    HD_ENCODER_FFN_GATE,
    HD_DECODER_FFN_GATE,
    HD_OUTPUT, /* of its own */
    HD_OUTPUT_LEARNED_BIAS,
    HD_HEAD_DENSE, /* before words that were hidden are told */
    HD_HEAD_NORM,
    HD_POOLER, /* before texts are told apart */
    HD_CRF_TRANSITIONS,
    HD_CRF_START,
    HD_CRF_END,
    HD_ROLES
} hd_role;

/* What of a module a parameter is: its name's ending. */
typedef enum hd_part {
    HD_WHOLE, /* the name stands by itself */
    HD_WEIGHT,
    HD_BIAS
} hd_part;

#endif
