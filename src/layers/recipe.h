/* A recipe: the description from which a network is built. Both sides, encoder and decoder, are described by the
 * same struct. layers/stack.c and layers/recurrent.c run any recipe; a family file (models/) only maps config keys
 * to these fields and weights to names. */
#ifndef HD_LAYERS_RECIPE_H
#define HD_LAYERS_RECIPE_H

#include "device/types.h"

typedef enum hd_network_side {
    HD_ENCODER,
    HD_DECODER,
    HD_SIDES,
    HD_SHARED = HD_SIDES /* of a parameter: it belongs to neither side, or to both */
} hd_network_side;

typedef enum hd_architecture { HD_TRANSFORMER, HD_RECURRENT } hd_architecture;

typedef enum hd_position_kind {
    HD_POSITIONS_SINUSOIDAL, /* fixed: sines in the first half of the columns, cosines in the second */
    HD_POSITIONS_LEARNED,
    HD_POSITIONS_ROTARY, /* queries and keys are rotated (Su et al., 2021) */
    HD_POSITIONS_NONE,   /* none are added: a text may be of any length */
    /* as sinusoidal, but frequency j of the half columns is 10000^(−j / (half − 1)); the first token has the position
     * position_offset, and a padding token adds zeros (tensor2tensor, fairseq) */
    HD_POSITIONS_SINUSOIDAL_APART
} hd_position_kind;

typedef enum hd_norm_kind {
    HD_NORM_LAYER,           /* layer norm (Ba et al., 2016): (x − mean) / √(variance + ε) · gain + shift */
    HD_NORM_LAYER_UNSHIFTED, /* without the shift */
    HD_NORM_RMS,             /* x / √(mean of x² + ε) · gain (Zhang and Sennrich, 2019) */
    HD_NORM_RMS_PLUS_ONE,    /* the same with 1 + gain */
    HD_NORM_KINDS
} hd_norm_kind;

/* Placement of the norm of a sublayer f. */
typedef enum hd_norm_placement {
    HD_NORM_POST,  /* norm(x + f(x)) (Vaswani et al., 2017) */
    HD_NORM_PRE,   /* x + f(norm(x)) */
    HD_NORM_BOTH,  /* x + norm(f(norm(x))) */
    HD_NORM_AFTER, /* x + norm(f(x)) */
    HD_NORM_PLACEMENTS
} hd_norm_placement;

/* Norm of the queries and keys before they are rotated. */
typedef enum hd_query_key_norm {
    HD_QUERY_KEY_PLAIN, /* there is none */
    HD_QUERY_KEY_HEADS, /* each head has the mean of its own columns; all heads have one gain */
    HD_QUERY_KEY_ROWS   /* all heads together */
} hd_query_key_norm;

/* The name of an enum's value in a config, and its title for people. Tables end with a NULL name. */
typedef struct hd_choice {
    const char *name;
    int value;
    const char *title;
} hd_choice;

/* The first name and the title of a value; NULL for a value that the table lacks. */
const char *hd_choice_name(const hd_choice *choices, int value);
const char *hd_choice_title(const hd_choice *choices, int value);

/* The kinds of positions, by hd_position_kind: "learned". */
extern const hd_choice hd_position_kinds[];
/* The cells, "gru", and the kinds of memory, "bahdanau". */
extern const hd_choice hd_cells[];
extern const hd_choice hd_memories[];

/* Linear layers with a bias. The layers of a feed-forward sublayer before its activation are one. */
enum {
    HD_BIAS_Q = 1,
    HD_BIAS_K = 2,
    HD_BIAS_V = 4,
    HD_BIAS_OUT = 8,
    HD_BIAS_FFN_IN = 16,
    HD_BIAS_FFN_OUT = 32,
    HD_BIAS_FFN = HD_BIAS_FFN_IN | HD_BIAS_FFN_OUT,
    HD_BIAS_QKV = HD_BIAS_Q | HD_BIAS_K | HD_BIAS_V,
    HD_BIAS_ALL = HD_BIAS_QKV | HD_BIAS_OUT | HD_BIAS_FFN
};

/* The output layers. */
typedef enum hd_head {
    HD_HEAD_LANGUAGE,        /* language model: each state scores all tokens as the next one */
    HD_HEAD_MASKED,          /* masked language model: the same with one more layer, for the masked token */
    HD_HEAD_CLASSIFY_TEXT,   /* one state of the whole text scores the labels */
    HD_HEAD_CLASSIFY_TOKENS, /* each state scores the labels */
    HD_HEAD_NONE,            /* the last states themselves; a decoder may still score tokens by its embedding */
    HD_HEAD_ANSWER,          /* each state has two scores: an answer starts, or ends, with this token */
    HD_HEADS
} hd_head;

static inline bool hd_head_classifies(hd_head head) {
    return head == HD_HEAD_CLASSIFY_TEXT || head == HD_HEAD_CLASSIFY_TOKENS;
}

/* Whether each row scores the vocabulary. */
static inline bool hd_head_predicts_tokens(hd_head head) { return head == HD_HEAD_LANGUAGE || head == HD_HEAD_MASKED; }

/* One state for a whole text. */
typedef enum hd_pooling {
    HD_POOL_FIRST, /* that of its first token */
    HD_POOL_MEAN,
    HD_POOL_LAST /* of its last; in two directions, of both ends */
} hd_pooling;

/* What the decoder receives from the encoder: one vector at the start, or all states to attend to. */
typedef enum hd_memory_kind {
    HD_MEMORY_LAST,         /* the encoder's last state (Sutskever, Vinyals and Le, 2014) */
    HD_MEMORY_MEAN,         /* the mean of its states */
    HD_MEMORY_CONCATENATED, /* its concatenated states, with zeros up to max_positions of them */
    HD_MEMORY_BAHDANAU,     /* additive attention before each step (Bahdanau, Cho and Bengio, 2015) */
    HD_MEMORY_LUONG_DOT, /* attention after each step, with input feeding (Luong, Pham and Manning, 2015): score h · k, */
    HD_MEMORY_LUONG_GENERAL, /* h · W k, */
    HD_MEMORY_LUONG_CONCAT   /* s · tanh(W h + U k) */
} hd_memory_kind;

/* A set of layers of one side, which has at most HD_SET_LAYERS if a set says something of it. */
enum { HD_SET_LAYERS = 256 };
typedef struct hd_layer_set {
    uint64_t words[HD_SET_LAYERS / 64]; /* a bit per layer */
} hd_layer_set;

static inline bool hd_layer_set_has(const hd_layer_set *set, int64_t layer) {
    return layer < HD_SET_LAYERS && (set->words[layer / 64] >> layer % 64 & 1);
}
static inline void hd_layer_set_add(hd_layer_set *set, int64_t layer) {
    if (layer < HD_SET_LAYERS) set->words[layer / 64] |= (uint64_t)1 << layer % 64;
}

/* Scaling of rotary positions, for texts that are longer than those of pretraining. layers/rotary.c has the formulas. */
typedef enum hd_rotary_kind {
    HD_ROTARY_UNSCALED,
    HD_ROTARY_LINEAR,
    HD_ROTARY_DYNAMIC,  /* the base grows with the text's length (dynamic NTK) */
    HD_ROTARY_LLAMA3,   /* low frequencies are divided (Llama 3.1) */
    HD_ROTARY_YARN,     /* Peng et al., 2023 */
    HD_ROTARY_LONGROPE, /* each frequency has its own divisor; long texts have others (Ding et al., 2024) */
    HD_ROTARY_KINDS
} hd_rotary_kind;

enum { HD_MOST_ROTARY_FACTORS = 64 };

/* Relative positions of disentangled attention (He et al., 2021): a table has a state for each distance from a query to a key. A
 * score is q · k plus these summands, all with the factor of the scores. */
enum {
    HD_RELATIVE_KEYS = 1,      /* q · the distance's key ("c2p") */
    HD_RELATIVE_QUERIES = 2,   /* k · the distance's query ("p2c") */
    HD_RELATIVE_PROJECTED = 4, /* keys and queries of distances have projections of their own, not those of tokens */
    HD_RELATIVE_NORM = 8       /* there is a norm of the table */
};

/* The place of the layer that takes embeddings from their width to the network's. The last states keep the network's width, except
 * with HD_PROJECTION_TOKENS. */
typedef enum hd_projection {
    HD_PROJECTION_AFTER_NORM, /* after the embedding's norm, with a bias, where the widths differ (ELECTRA) */
    HD_PROJECTION_BEFORE_NORM, /* between the sum with positions and the norm, without a bias, where they differ (DeBERTa) */
    HD_PROJECTION_ALWAYS,      /* after the norm, with a bias, also between equal widths (ALBERT) */
    /* of a decoder's tokens, before positions are added, without a bias, where the widths differ; another layer takes the last
     * states back to the width of embeddings (OPT-350m) */
    HD_PROJECTION_TOKENS
} hd_projection;

/* Recipes are compared byte for byte (hd_recipe_equal), so the structs have no padding. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* The numbers of a scaling. Kinds that lack a number ignore it. */
typedef struct hd_rotary_scaling {
    int64_t original_positions; /* the longest text of pretraining, in tokens; of all kinds but linear */
    int kind;                   /* hd_rotary_kind */
    float factor;               /* 0, of yarn and longrope: max_positions / original_positions */
    float attention_factor;     /* of sines and cosines, of yarn and longrope; 0: it follows from the factor */
    /* llama3: frequencies with fewer waves than this in original_positions tokens are divided by the factor, */
    float low_frequency;
    float high_frequency;       /* and those with more waves than this stay as they are */
    float beta_slow, beta_fast; /* yarn: the same limits */
    float mscale, mscale_all;   /* yarn: two factors of the logarithm in the attention factor; 0: none */
    bool untruncated;           /* yarn: the range of frequencies between these is not widened to whole columns */
    uint8_t unused[3];          /* zero */
    float short_factors[HD_MOST_ROTARY_FACTORS]; /* longrope: [rotary width / 2], for texts up to original_positions */
    float long_factors[HD_MOST_ROTARY_FACTORS];  /* and for longer ones */
} hd_rotary_scaling;

/* One side. A recurrent network uses layers and max_positions only. */
typedef struct hd_side_recipe {
    int64_t layers;        /* 0: the network lacks this side */
    int64_t stored_layers; /* layers that have weights: neighbouring layers share those of one (ALBERT); 0: all */
    int64_t heads;
    int64_t key_heads;  /* heads of keys and values, each shared by heads / key_heads queries; 0: as many as heads */
    int64_t head_width; /* 0: width / heads */
    int64_t ffn_width;
    int64_t max_positions;   /* the longest text in tokens; without positions, of what is generated by default */
    int64_t position_offset; /* of learned positions: the table's row of the first token; rows before it are unused.
                              * Of HD_POSITIONS_SINUSOIDAL_APART: the position of the first token */
    /* The query at position q attends to the keys k with q − window < k and, on an encoder, k < q + window; 0: to all. */
    int64_t window;
    hd_layer_set global_layers; /* layers that attend to all keys though there is a window */
    int64_t
        relative_positions; /* distances from a query to a key that have states of their own, or share them; 0: none have */
    int64_t
        relative_span;   /* the table has so many rows for keys on each side, by buckets; 0: a row for each distance */
    int64_t token_types; /* rows of the table of segments; 0: there is none */
    int64_t
        convolution; /* tokens of the convolution beside layer 0, an odd number; 0: there is none (DeBERTa's v2-xlarge) */
    int64_t rotary_width; /* columns of a head that are rotated, the first ones; 0: all */
    hd_rotary_scaling rotary_scaling;
    hd_layer_set unrotated_layers; /* layers without positions, on a side with rotary ones */
    int activation;                /* hd_activation */
    int positions;                 /* hd_position_kind */
    int norm;                      /* hd_norm_kind */
    int norm_placement;            /* hd_norm_placement */
    int query_key_norm;            /* hd_query_key_norm */
    unsigned biases;               /* HD_BIAS_… */
    unsigned relative;             /* HD_RELATIVE_… */
    float norm_epsilon;
    float rotary_base;
    float local_rotary_base; /* of layers with a window, which are not scaled; 0: they have the angles of the others */
    float score_scale; /* of attention's scores q · k; 0: 1 / √(head width · (1 + relative keys + relative queries)) */
    float score_softcap;        /* c: scores become c · tanh(score / c); 0: they stay as they are */
    float embedding_scale;      /* of the embeddings of tokens, besides scale_embedding; 0: 1 */
    float residual_scale;       /* of each sublayer's output before it is added; 0: 1 */
    int convolution_activation; /* hd_activation */
    bool gated;                 /* feed-forward: activation(gate) · up */
    bool embedding_norm;        /* a norm after the embedding */
    bool final_norm;            /* a norm after the last layer */
    bool first_unnormed;        /* layer 0 has no norm before its attention */
    bool scale_embedding;       /* by √width */
    bool pads_unplaced; /* a padding token in a text has the position before the first, and none is counted for it */
    /* Each layer has biases of its own for position buckets; else those of layer 0 are shared. */
    bool bucket_per_layer;
    bool no_residual;  /* a sublayer's output replaces its input, and is not added to it */
    uint8_t unused[4]; /* zero */
    /* Buckets of relative positions, each with a bias of the scores (positions.h); 0: there are none. From the distance on,
     * all keys are in the last bucket. */
    int64_t position_buckets, bucket_distance;
} hd_side_recipe;

typedef struct hd_recipe {
    int64_t vocabulary, width;
    int64_t embedding_width;   /* of embeddings and of the masked head, with a projection from and to width; 0: width */
    int64_t target_vocabulary; /* the decoder has an embedding of its own, of so many tokens; 0: that of the encoder */
    int64_t labels;            /* of a head that classifies */
    hd_side_recipe side[HD_SIDES];
    int architecture;                /* hd_architecture */
    int head;                        /* hd_head */
    int head_activation;             /* of the head's dense layer, hd_activation */
    int pooling;                     /* of a head that classifies texts, hd_pooling */
    int cell;                        /* of a recurrent network, hd_cell */
    int memory;                      /* and hd_memory_kind */
    int32_t pad, eos, decoder_start; /* −1: there is none */
    float dropout, attention_dropout, activation_dropout;
    float initial_spread;     /* the config's init_std; heed itself initializes by each matrix's shape */
    float logit_scale;        /* of the logits of tokens, before their bias and cap; 0: 1 */
    float logit_softcap;      /* c: logits of tokens become c tanh(logit / c); 0: none */
    int embedding_projection; /* hd_projection */
    bool bidirectional;       /* the recurrent encoder, each direction half as wide */
    bool untied;              /* the output has a table of its own, not that of the embedding */
    bool output_bias;         /* a fixed vector added to the logits */
    bool crf;                 /* labels of tokens are predicted jointly, by a conditional random field */
    /* Recurrent: the memory is the decoder's first state, and its states are scored. There are no layers between. */
    bool direct_states;
    /* The head's layers, in this order: a dense layer with an activation, a norm, the output layer. A masked head has all of
     * them whatever head_dense and head_norm say; a language model has the output layer alone. A model without a head may
     * store a dense layer that its states do not go through (BERT's pooler). */
    bool head_dense, head_norm;
    bool head_dense_unbiased;
    bool head_output_unbiased; /* of a head other than a language model's */
    bool scale_logits;         /* of tokens, by 1 / √width besides logit_scale */
    bool pad_trained;          /* the embedding of the padding token is one as others, not fixed at zero */
    /* An encoder–decoder that reads one text on both sides: the decoder begins with the last token of the text, not with
     * decoder_start (mBART). */
    bool starts_with_last;
    bool self_attends; /* a recurrent decoder alone: each state attends to itself and those before it */
    /* Recurrent, with attention: each of the source's tokens is scored too, and may be copied (CopyNet, Gu et al., 2016). */
    bool copies;
    uint8_t unused[2]; /* zero */
} hd_recipe;

#pragma GCC diagnostic pop

/* An encoder–decoder; else there is one of the two alone. */
static inline bool hd_recipe_translates(const hd_recipe *recipe) {
    return recipe->side[HD_ENCODER].layers && recipe->side[HD_DECODER].layers;
}

/* The tokens that a decoder, or an encoder alone, reads and predicts. */
static inline int64_t hd_recipe_target_vocabulary(const hd_recipe *recipe) {
    return recipe->target_vocabulary ? recipe->target_vocabulary : recipe->vocabulary;
}

/* The side that a head is on top of. */
static inline const hd_side_recipe *hd_recipe_top(const hd_recipe *recipe) {
    return &recipe->side[recipe->side[HD_DECODER].layers ? HD_DECODER : HD_ENCODER];
}

/* Whether the network scores the vocabulary. A decoder without a head may do so by its embedding. */
static inline bool hd_recipe_scores_tokens(const hd_recipe *recipe) {
    if (recipe->head == HD_HEAD_NONE) return recipe->side[HD_DECODER].layers && !recipe->untied;
    return hd_head_predicts_tokens((hd_head)recipe->head);
}

/* Of the logits of tokens: those of labels are neither scaled nor capped. */
float hd_recipe_logit_scale(const hd_recipe *recipe);
static inline float hd_recipe_soft_cap(const hd_recipe *recipe) {
    return hd_recipe_scores_tokens(recipe) ? recipe->logit_softcap : 0;
}

/* Whether a layer takes embeddings to the network's width. */
static inline bool hd_recipe_projects(const hd_recipe *recipe) {
    bool differs = recipe->embedding_width && recipe->embedding_width != recipe->width;
    return differs || recipe->embedding_projection == HD_PROJECTION_ALWAYS;
}

static inline int64_t hd_recipe_embedding_width(const hd_recipe *recipe) {
    return recipe->embedding_width ? recipe->embedding_width : recipe->width;
}

/* Columns of the embeddings of positions and token types. */
static inline int64_t hd_recipe_position_width(const hd_recipe *recipe) {
    return recipe->embedding_projection == HD_PROJECTION_TOKENS ? recipe->width : hd_recipe_embedding_width(recipe);
}

/* Columns of the last states. */
static inline int64_t hd_recipe_state_width(const hd_recipe *recipe) {
    return recipe->embedding_projection == HD_PROJECTION_TOKENS ? hd_recipe_embedding_width(recipe) : recipe->width;
}

/* Whether tokens of the source are scored besides those of the vocabulary. */
static inline bool hd_recipe_copies(const hd_recipe *recipe) {
    return recipe->copies && hd_recipe_translates(recipe) && recipe->head == HD_HEAD_LANGUAGE;
}

/* The layer whose weights this one has. */
static inline int64_t hd_side_stored_layer(const hd_side_recipe *side, int64_t layer) {
    return side->stored_layers ? layer * side->stored_layers / side->layers : layer;
}

static inline int64_t hd_side_key_heads(const hd_side_recipe *side) {
    return side->key_heads ? side->key_heads : side->heads;
}
static inline int64_t hd_side_head_width(const hd_side_recipe *side, int64_t width) {
    return side->head_width || !side->heads ? side->head_width : width / side->heads;
}
/* Rows of the table of relative positions; 0: there is none. */
static inline int64_t hd_side_relative_rows(const hd_side_recipe *side) {
    return 2 * (side->relative_positions && side->relative_span ? side->relative_span : side->relative_positions);
}
/* The factor of attention's scores. */
float hd_side_score_scale(const hd_side_recipe *side, int64_t width);
/* The factor of the embeddings of tokens. */
float hd_side_embedding_scale(const hd_side_recipe *side, int64_t width);
/* The window of a layer; 0: the layer attends to all keys. */
static inline int64_t hd_side_window(const hd_side_recipe *side, int64_t layer) {
    return hd_layer_set_has(&side->global_layers, layer) ? 0 : side->window;
}

/* Columns of a head that are rotated. An odd number is followed by one more, which is the other half of the last pair. */
static inline int64_t hd_side_rotary_width(const hd_side_recipe *side, int64_t width) {
    return side->rotary_width ? side->rotary_width : hd_side_head_width(side, width);
}

/* Maximum length of a text on either side. */
static inline int64_t hd_recipe_max_positions(const hd_recipe *recipe) {
    const hd_side_recipe *encoder = &recipe->side[HD_ENCODER], *decoder = &recipe->side[HD_DECODER];
    if (!hd_recipe_translates(recipe)) return hd_recipe_top(recipe)->max_positions;
    return encoder->max_positions < decoder->max_positions ? encoder->max_positions : decoder->max_positions;
}

/* The maximum length of a text in tokens. It is unlimited without positions, and for a recurrent network, except with
 * concatenated states. */
static inline int64_t hd_recipe_longest(const hd_recipe *recipe) {
    bool concatenated = hd_recipe_translates(recipe) && recipe->memory == HD_MEMORY_CONCATENATED;
    bool unlimited =
        recipe->architecture == HD_RECURRENT ? !concatenated : hd_recipe_top(recipe)->positions == HD_POSITIONS_NONE;
    return unlimited ? INT64_MAX : hd_recipe_max_positions(recipe);
}

/* Whether two recipes build the same model. Fields without effect on either may differ, and so may those of training
 * (dropout, initial spread). */
bool hd_recipe_equal(const hd_recipe *a, const hd_recipe *b);

/* Sets the fields of the head, and of nothing else, to those of another recipe. */
void hd_recipe_copy_head(const hd_recipe *from, hd_recipe *to);

/* The modules of a network. A slot is a module with a side and a layer; families give names to slots. The order is
 * free.
 *
 * A row is a name and the random streams of the module's first values: of the encoder's (or of the only one, which
 * belongs to no side), and of the decoder's. These numbers are below 256 and never change, so that a seed gives the
 * same model in every version of heed. A new module takes numbers that no row has. NONE: its values begin at zero or
 * one, or there is no such module. */
/* clang-format off */
#define HD_EACH_MODULE(M, NONE)                                                                                        \
    M(EMBEDDING,                  0,   61) /* shared by source, target and output, or one of each side */              \
    M(POSITIONS,                  2,    3)                                                                             \
    M(TOKEN_TYPES,               40, NONE)                                                                             \
    M(EMBEDDING_NORM,          NONE, NONE)                                                                             \
    M(EMBEDDING_PROJECTION,      50,   90) /* of an embedding that is narrower or wider than the network */            \
    M(STATE_PROJECTION,        NONE,   91) /* of the last states, back to the width of the embedding */                \
    M(CONVOLUTION,               92, NONE) /* of the embeddings, added to the states of layer 0 */                     \
    M(CONVOLUTION_NORM,        NONE, NONE)                                                                             \
    M(RELATIVE_POSITIONS,        82, NONE) /* a row for each bucket of distances from a query to a key */              \
    M(RELATIVE_NORM,           NONE, NONE)                                                                             \
    M(RELATIVE_Q,                84, NONE) /* where the rows do not share Q and K */                                   \
    M(RELATIVE_K,                86, NONE)                                                                             \
    M(FINAL_NORM,              NONE, NONE)                                                                             \
    M(POSITION_BIAS,             80,   81) /* of position buckets */                                                   \
    M(Q,                          6,   14)                                                                             \
    M(K,                          7,   15)                                                                             \
    M(V,                          8,   16)                                                                             \
    M(OUT,                        9,   17)                                                                             \
    M(Q_NORM,                  NONE, NONE)                                                                             \
    M(K_NORM,                  NONE, NONE)                                                                             \
    M(ATTENTION_NORM,          NONE, NONE)                                                                             \
    M(ATTENTION_AFTER_NORM,    NONE, NONE) /* a second one, of the sublayer's output */                                \
    /* of cross-attention, the same as above in the same order */                                                      \
    M(CROSS_Q,                 NONE,   19)                                                                             \
    M(CROSS_K,                 NONE,   20)                                                                             \
    M(CROSS_V,                 NONE,   21)                                                                             \
    M(CROSS_OUT,               NONE,   22)                                                                             \
    M(CROSS_Q_NORM,            NONE, NONE)                                                                             \
    M(CROSS_K_NORM,            NONE, NONE)                                                                             \
    M(CROSS_NORM,              NONE, NONE)                                                                             \
    M(CROSS_AFTER_NORM,        NONE, NONE)                                                                             \
    M(FFN_UP,                    11,   24)                                                                             \
    M(FFN_GATE,                  42,   43)                                                                             \
    M(FFN_DOWN,                  12,   25)                                                                             \
    M(FFN_NORM,                NONE, NONE)                                                                             \
    M(FFN_AFTER_NORM,          NONE, NONE)                                                                             \
    M(CELL_INPUT,                27,   31) /* recurrent: a layer's gates of its input and of its state, */             \
    M(CELL_STATE,                28,   32)                                                                             \
    M(CELL_INPUT_BACKWARDS,      29, NONE) /* of a second direction */                                                 \
    M(CELL_STATE_BACKWARDS,      30, NONE)                                                                             \
    M(BRIDGE_H,                NONE,   34) /* a decoder layer's first state, from the memory */                        \
    M(BRIDGE_C,                NONE,   35)                                                                             \
    M(CONTEXT,                 NONE,   33) /* the first layer's gates of the context, or of the previous output */     \
    M(QUERY,                   NONE,   36)                                                                             \
    M(KEY,                     NONE,   37)                                                                             \
    M(SCORER,                  NONE,   38)                                                                             \
    M(COMBINE,                 NONE,   39) /* [h; C] → the output */                                                   \
    M(COPY,                    NONE,   93) /* the output → what the source's states are multiplied by */                \
    M(OUTPUT_BIAS,             NONE, NONE) /* fixed */                                                                 \
    M(TOKEN_OUTPUT,               44, NONE) /* scores tokens, where the embedding does not */                           \
    M(OUTPUT,                     44, NONE) /* scores labels of tokens */                                               \
    M(TEXT_OUTPUT,               44, NONE) /* scores labels of texts */                                                \
    M(ANSWER_OUTPUT,             44, NONE) /* scores the first and the last tokens of answers */                       \
    M(OUTPUT_LEARNED_BIAS,     NONE, NONE)                                                                             \
    M(HEAD_DENSE,                46, NONE) /* of the masked head */                                                    \
    M(HEAD_NORM,               NONE, NONE)                                                                             \
    M(POOLER,                    48, NONE) /* the dense layer of a head that classifies or answers */                  \
    M(STORED_POOLER,             48, NONE) /* of a model without a head, which computes nothing with it */             \
    M(CRF_TRANSITIONS,         NONE, NONE)                                                                             \
    M(CRF_START,               NONE, NONE)                                                                             \
    M(CRF_END,                 NONE, NONE)
/* clang-format on */

typedef enum hd_module {
#define HD_MODULE_NAME(name, encoder, decoder) HD_MODULE_##name,
    HD_EACH_MODULE(HD_MODULE_NAME, )
#undef HD_MODULE_NAME
        HD_MODULES
} hd_module;

/* The part of a module: the ending of the parameter's name. */
typedef enum hd_part {
    HD_WHOLE, /* the name without an ending */
    HD_WEIGHT,
    HD_BIAS
} hd_part;

#endif
