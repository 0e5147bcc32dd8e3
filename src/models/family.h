/* A family: how a kind of model is written in a Hugging Face folder. A family file maps config keys to recipe fields and
 * parameters to literal weight names, and contains no arithmetic. */
#ifndef HD_MODELS_FAMILY_H
#define HD_MODELS_FAMILY_H

#include "formats/json.h"
#include "layers/network.h"
#include "text/train.h"

typedef enum hd_key_kind {
    HD_KEY_INT,      /* int64_t, at least 1 */
    HD_KEY_COUNT,    /* int64_t, at least 0 */
    HD_KEY_OPTIONAL, /* int64_t, at least 1; missing or null is 0, and 0 is left out; of one side */
    HD_KEY_ID,       /* int32_t, a token id; −1, there is none, where it is null or negative */
    HD_KEY_IDS,      /* the same, or an array of ids, of which the first is read */
    HD_KEY_FLOAT,    /* float */
    HD_KEY_SCALE,    /* float above 0 */
    HD_KEY_INVERSE,  /* the same, 1 / what is written */
    HD_KEY_BOOL,     /* bool */
    HD_KEY_NOT,      /* bool, the opposite of what is written */
    HD_KEY_CHOICE,   /* int, by the word that `choices` has for it */
    /* bool without a field: true makes the decoder of a family of decoders an encoder, whose tokens attend in both directions.
     * The family's functions and rows see the decoder. */
    HD_KEY_BIDIRECTIONAL,
    HD_KEY_CONSTANT /* no field: written as given, and when read it must be that or missing */
} hd_key_kind;

typedef struct hd_config_key {
    const char *name;
    hd_key_kind kind;
    size_t field;          /* RECIPE(…), ENCODER(…), DECODER(…) or BOTH(…) */
    const char *otherwise; /* JSON text of the value when the key is missing; NULL: the key is required. For a constant,
                            * the value. For a choice, a word. */
    const hd_choice *choices;
} hd_config_key;

/* A field of hd_recipe, one of hd_side_recipe, or the same one of both sides. */
#define RECIPE(name)     offsetof(hd_recipe, name)
#define ENCODER(name)    offsetof(hd_recipe, side[HD_ENCODER].name)
#define DECODER(name)    offsetof(hd_recipe, side[HD_DECODER].name)
#define BOTH(name)       (ENCODER(name) | HD_OF_BOTH_SIDES)
#define HD_OF_BOTH_SIDES ((size_t)1 << 16)

/* Sides to which a weight name applies, where names differ by more than the word for the side. */
typedef enum hd_name_side { HD_ANY_SIDE, HD_ENCODER_ONLY, HD_DECODER_ONLY } hd_name_side;

/* A module has a row for each form in which files store it. The first row is what heed writes. */
typedef struct hd_weight_name {
    hd_module module;
    /* With {} for the layer and {side} for "encoder" or "decoder"; without ".weight" and ".bias" where a module has both */
    const char *name;
    /* One of several matrices stored as one, concatenated along their outputs: part 0 … parts − 1; parts 0: a matrix
     * of its own. */
    int part, parts;
    bool transposed; /* stored [in, out] */
    hd_name_side only;
    bool gated; /* of the feed-forward layer beside a gate alone; before the row for one without */
} hd_weight_name;

/* Another spelling of part of a name, "LayerNorm.weight" as "LayerNorm.gamma". Where a name is not found, it is tried with
 * each set of its family's respellings. Also another name of a key. */
typedef struct hd_respelling {
    const char *now, *other;
} hd_respelling;

/* Names of two tensors that are one in the network. */
typedef struct hd_tied_pair {
    const char *one, *other;
} hd_tied_pair;

/* A class of transformers that is opened with the given head, and with what that head lacks left out: "BertForPreTraining" as a
 * masked language model. A saved folder has the class of the head. */
typedef struct hd_other_class {
    const char *name;
    hd_head head;
} hd_other_class;

typedef struct hd_family hd_family;
struct hd_family {
    /* NULL or the base family. Everything but its architectures is inherited. A key or weight name given here
     * replaces the base's. The functions run after the base's. */
    const hd_family *base;
    const char *model_type;              /* "marian" */
    const char *other_type;              /* that of folders that are opened as this type, or NULL. Not inherited. */
    const char *architectures[HD_HEADS]; /* with each head, "MarianMTModel"; NULL: there is none. Not inherited. */
    const hd_other_class *classes;       /* ending with a NULL, or NULL. Not inherited. */
    /* The start of the names of all weights below the head, "bert.", or NULL. With some heads, files have another one in its
     * place; without a head they have none. */
    const char *prefix, *prefixes[HD_HEADS];
    const hd_config_key *keys;
    size_t key_count;
    /* Keys that configs may have in place of those of the table, ending with a NULL, or NULL: {"hidden_size", "n_embd"} */
    const hd_respelling *other_keys;
    const hd_weight_name *weights;
    size_t weight_count;
    const hd_respelling *respellings; /* ending with a NULL, or NULL */
    const char *const *aliases;       /* other names of the shared embedding, NULL-terminated, or NULL */
    const hd_tied_pair *tied;         /* ending with a NULL, or NULL: a file that has both must have the same numbers */
    /* JSON text of what a new model has besides the keys' defaults, or NULL */
    const char *fresh;
    /* The tokenizer that is trained with a new model, or NULL: that of the objective. Not inherited. */
    const hd_tokenizer_kind *tokenizer;
    /* HD_BIAS_…: those that depend on the config, and that a file may lack. Not inherited. */
    unsigned optional_biases;
    bool optional_head_biases; /* a file may lack the biases of the masked head, which are then zero. Not inherited. */
    unsigned rotation; /* HD_ROTATION_…, of a config that states rotary positions (rotary.h); 0: as in the base */
    /* A file without an output table has that of the embedding, whatever the config says. Not inherited. */
    bool tied_if_missing;
    bool one_tokenizer; /* transformers ignores what a folder of this family says of another kind. Not inherited. */
    /* Sets the fields that no key describes, before the keys are read but when the head is known; may be NULL. */
    void (*complete)(hd_recipe *recipe);
    /* Reads after the keys what a table cannot describe; may be NULL. */
    heed_status (*read)(const hd_json *config, hd_recipe *recipe);
    /* Writes the same; not 0: out of memory. */
    int (*write)(const hd_recipe *recipe, json_t *config);
};

/* A family that is only a base. */
extern const hd_family hd_bart_common;
/* Every family that a config can name; the order does not matter. A new family has a row here. */
/* clang-format off */
#define HD_FAMILIES(X)  \
    X(albert)           \
    X(bart)             \
    X(bert)             \
    X(camembert)        \
    X(deberta_v2)       \
    X(distilbert)       \
    X(electra)          \
    X(gemma2)           \
    X(gemma3_text)      \
    X(gpt2)             \
    X(gpt_neo)          \
    X(granite)          \
    X(gte)              \
    X(heed_no_residual) \
    X(heed_rnn)         \
    X(llama)            \
    X(m2m_100)          \
    X(marian)           \
    X(mbart)            \
    X(mistral)          \
    X(modernbert)       \
    X(mpnet)            \
    X(mt5)              \
    X(nomic_bert)       \
    X(olmo2)            \
    X(opt)              \
    X(pegasus)          \
    X(phi3)             \
    X(qwen2)            \
    X(qwen3)            \
    X(roberta)          \
    X(smollm3)          \
    X(t5)               \
    X(umt5)             \
    X(xlm_roberta)
/* clang-format on */
#define HD_DECLARE_FAMILY(name) extern const hd_family hd_##name;
HD_FAMILIES(HD_DECLARE_FAMILY)
#undef HD_DECLARE_FAMILY
/* The same, NULL-terminated. */
extern const hd_family *const hd_families[];
/* The family of this model_type, or NULL. */
const hd_family *hd_family_named(const char *model_type);

/* Hugging Face's names of activations; where there are several for one, the first is written. */
extern const hd_choice hd_activations[];
const char *hd_activation_name(hd_activation activation);

/* The stored form of a slot's module, which is written; NULL if the family has no such module. */
const hd_weight_name *hd_family_weight(const hd_family *family, const hd_slot *slot);
/* Row `which` of the table for this module: 0 is the form that is written, and files may have one of the others. NULL: there are
 * fewer. */
const hd_weight_name *hd_family_other_weight(const hd_family *family, const hd_slot *slot, int which);
/* The class name in transformers of a model of this family with this head. */
const char *hd_family_architecture(const hd_family *family, int head);
/* The name of a slot in a row of a table (NULL: of a module without a name), appended to `out`. */
void hd_weight_name_of(const hd_weight_name *weight, const hd_slot *slot, hd_buffer *out);
/* The name that is written for a slot, without regard to the head. */
void hd_family_weight_name(const hd_family *family, const hd_slot *slot, hd_buffer *out);
/* The name under which a model with this head stores it. */
void hd_family_stored_name(const hd_family *family, int head, const hd_slot *slot, hd_buffer *out);
/* Whether two slots have the same name: the output layers of two heads, "classifier.weight". */
bool hd_family_names_alike(const hd_family *family, const hd_slot *a, const hd_slot *b);
/* Applies the given set of respellings, a bit for each, to a name; false when there are no more sets. */
bool hd_family_respell(const hd_family *family, unsigned set, hd_buffer *name);

/* Fills the recipe from a config. HEED_UNSUPPORTED names what heed lacks. */
heed_status hd_family_read(const hd_family *family, const hd_json *config, hd_recipe *recipe);
/* The special tokens of a new model; −1: there is none. */
typedef struct hd_token_ids {
    int32_t pad, eos, decoder_start;
} hd_token_ids;

/* The recipe of a new model with this head and these special tokens (NULL: the keys' defaults). What is required (sizes)
 * is 0; everything else is the keys' default. */
heed_status hd_family_default(heed_context *context, const hd_family *family, hd_head head, const hd_token_ids *ids,
                              hd_recipe *recipe);
/* The config of a recipe, as a new JSON object with model_type, architectures and every key. NULL when out of memory. */
json_t *hd_family_write(heed_context *context, const hd_family *family, const hd_recipe *recipe);
/* Whether this family can write the recipe: reading the written config back gives an equal recipe. */
heed_status hd_family_carries(heed_context *context, const hd_family *family, const hd_recipe *recipe, bool *carries);
/* The recipe with another head of the family: only the fields of the head and of the labels change. */
heed_status hd_family_change_head(heed_context *context, const hd_family *family, hd_head head, int64_t labels,
                                  hd_recipe *recipe);
/* The head of decoders in transformers that classifies texts: it scores the last state, without a bias. */
void hd_family_score_last(hd_recipe *recipe);
/* HEED_FORMAT if max_position_embeddings leaves no position after the padding token. Without the key, as in a new model whose size
 * is set later, there is one. */
heed_status hd_family_check_positions(const hd_json *config, hd_recipe *recipe);
/* Whether there are models of this family with this head and these sides. */
heed_status hd_family_has(heed_context *context, const hd_family *family, hd_head head, bool encoder, bool decoder,
                          bool *has);

#endif
