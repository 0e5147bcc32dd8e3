/* A model: an opened Hugging Face folder (weights, tokenizer, generation settings), or a new model for training. */
#ifndef HD_MODELS_MODEL_H
#define HD_MODELS_MODEL_H

#include "formats/weights.h"
#include "models/family.h"
#include "models/generation.h"
#include "models/embedding.h"
#include "models/ranking.h"
#include "text/chat_templates.h"
#include "text/tokenizer.h"

/* Roles of special tokens. */
typedef enum hd_special {
    HD_SPECIAL_BOS,
    HD_SPECIAL_EOS,
    HD_SPECIAL_UNKNOWN,
    HD_SPECIAL_PAD,
    HD_SPECIAL_CLS,
    HD_SPECIAL_SEP,
    HD_SPECIAL_MASK,
    HD_SPECIALS
} hd_special;

/* "problem_type" of a config: what the labels of a text are. */
typedef enum hd_problem {
    HD_PROBLEM_ONE_LABEL,   /* one of several: probabilities by softmax */
    HD_PROBLEM_MANY_LABELS, /* each by itself, also of a head with a single one: probabilities by sigmoid */
    HD_PROBLEM_REGRESSION   /* numbers */
} hd_problem;

/* A task that the config describes (task_params.h). */
typedef struct hd_task_params {
    const char *name;   /* "summarization", "translation_en_to_de", or of a style its name */
    const char *prefix; /* "translate English to German: "; "" for none */
    hd_generation generation;
    hd_chosen chosen;
} hd_task_params;

typedef struct heed_model {
    heed_context *context;
    struct hd_shared_model *shared; /* of handles (api.c), else NULL */
    char *folder;                   /* NULL for one made here */
    const hd_family *family;
    bool nested; /* the text model of a multimodal folder */
    hd_network *network;
    heed_tokenizer *tokenizer;        /* NULL: there is none */
    heed_tokenizer *target_tokenizer; /* of a translator whose targets have another one, else NULL */
    size_t stored[HD_DTYPES];         /* bytes of the opened weights by their element type */
    char **labels;                    /* [recipe.labels]: names of a classifier's labels; NULL without one */
    int problem;                      /* hd_problem, of a classifier of texts */
    int32_t entailment;               /* the label of natural language inference that means "follows"; −1: none */
    int32_t specials[HD_SPECIALS];    /* ids by role, −1: none; of a model with a tokenizer */
    bool typed;                       /* the network reads the token types that the tokenizer gives */
    int64_t max_length;               /* "model_max_length" of tokenizer_config.json; 0: none */
    hd_generation generation;
    hd_chat_templates *chat;        /* NULL: the folder has no chat template */
    hd_chosen chosen;
    hd_task_params *tasks; /* [task_count]: of an encoder–decoder that was opened to run (task_params.h) */
    size_t task_count;
    const char *prefix;             /* text before each input, of the config; NULL: none */
    const hd_embedder *embedder;    /* of a model with one side that was opened to run, else NULL */
    const hd_ranker *ranker;        /* of a model that can score a text for a query, else NULL */
    const struct heed_model *draft; /* of this handle: proposes tokens in its sessions; NULL: none */
} heed_model;

typedef enum hd_open_purpose {
    HD_OPEN_TO_RUN,     /* matrices and tables are packed: nothing writes to the network afterwards */
    HD_OPEN_TO_TRAIN,   /* every parameter in float32 */
    HD_OPEN_TO_DESCRIBE /* weights are found and their shapes checked, but not read */
} hd_open_purpose;

/* Opens what the user called a model (formats/model_folder.h); its files are not read afterwards. Errors name the file and the tensor: HEED_FILE,
 * HEED_FORMAT (missing, wrong shape), HEED_NUMERIC (a NaN or infinity in a weight), HEED_UNSUPPORTED. */
heed_status hd_model_open(heed_context *context, const char *name, hd_open_purpose purpose, heed_model **model);
/* The same without a tokenizer. */
heed_status hd_model_open_untokenized(heed_context *context, const char *name, hd_open_purpose purpose,
                                      heed_model **model);
/* A model of this recipe and family with first values drawn from the seed. Without a family (NULL) it is of one that carries
 * the recipe. Takes the tokenizer. HEED_UNSUPPORTED when the family, or any, does not carry the recipe. */
heed_status hd_model_make(heed_context *context, const hd_family *family, const hd_recipe *recipe,
                          heed_tokenizer *tokenizer, uint64_t seed, heed_model **model);
void hd_model_close(heed_model *model);

/* labels.c: the labels' names and problem from a config, and into one (not 0: out of memory). */
heed_status hd_labels_read(const hd_json *config, heed_model *model);
int hd_labels_write(const heed_model *model, json_t *config);
/* Scores [count] of a text's labels from their logits, by an hd_problem. */
void hd_labels_score(int problem, const float *logits, int64_t count, double *scores);
/* Copies labels for a model that was made here. */
heed_status hd_labels_set(heed_model *model, const char *const *labels);

/* specials.c: the special tokens of a model with a tokenizer, and their texts into a config (not 0: out of memory). */
heed_status hd_specials_find(heed_model *model);
int hd_specials_write(const heed_model *model, json_t *config);

/* embedder.c: reads how the folder makes vectors of texts, and `loads` the weights of dense layers. */
heed_status hd_embedder_open(heed_model *model, bool loads);
/* ranker.c: reads how the folder scores texts for a query. */
heed_status hd_ranker_open(heed_model *model);

/* describe.c: the description of an open model as lines of text, and as an object (NULL: out of memory). */
void hd_model_describe_text(const heed_model *model, hd_buffer *out);
json_t *hd_model_describe_object(const heed_model *model);
/* 1234567 as 1,234,567. */
void hd_append_count(hd_buffer *out, int64_t count);

/* stored_weight.c: HEED_UNSUPPORTED if a weight cannot be of this element type; HEED_NUMERIC if it has a NaN or an
 * infinity. */
heed_status hd_model_expect_weight(heed_context *context, const hd_stored_tensor *stored);
heed_status hd_model_expect_finite(heed_context *context, const hd_stored_tensor *stored);

/* Writes weights alone, from `data`, in this dtype. */
heed_status hd_model_save_weights(const heed_model *model, const char *path, hd_dtype dtype);
/* Reads weights alone into `data`: the same names and shapes as hd_model_save_weights writes. */
heed_status hd_model_load_weights(heed_model *model, const char *path);
/* Writes a folder that transformers opens: config.json, generation_config.json, tokenizer.json, tokenizer_config.json,
 * model.safetensors and README.md, `card`; of a model without a tokenizer, those but its two. Each file appears whole or not at
 * all. */
heed_status hd_model_save(const heed_model *model, const char *folder, hd_dtype dtype, const char *card);
/* The names of those files, from 0; NULL after the last. */
const char *hd_model_file(size_t index);

/* languages.c: the tokenizer of one side, with the language that the model's files choose for its texts. A model with one
 * side has its tokenizer on both. */
hd_side_tokenizer hd_model_side(const heed_model *model, hd_network_side side);
/* Makes translations begin in the target language that the tokenizer's files choose, unless other files choose one. */
void hd_model_begin_languages(heed_model *model);
/* The tokenizers of both sides, and in `generation` the language that translations begin in, with the languages of these
 * names; NULL: those of hd_model_side. HEED_ARGUMENT if the model has no such language; the message has the nearest. */
heed_status hd_model_choose_languages(const heed_model *model, const char *from, const char *to,
                                      hd_side_tokenizer side[HD_SIDES], hd_generation *generation);
/* HEED_ARGUMENT if the model translates into several languages and none was chosen; the message has the name of the option
 * that helps. */
heed_status hd_model_require_target(const heed_model *model, const hd_side_tokenizer side[HD_SIDES],
                                    const hd_generation *generation, const char *option);

/* Whether the model has this head, and, if it predicts tokens, an encoder and a decoder or not. */
bool hd_model_predicts(const heed_model *model, hd_head head, bool encoder, bool decoder);
/* verbs.c: verb number `index` of those that the model can run, in the order of the table of verbs; NULL after the last. */
const char *hd_model_verb(const heed_model *model, size_t index);
/* "; its verbs are fill, embed and attend", for the end of a message; "" if it has none. */
enum { HD_VERB_LIST = 256 };
void hd_model_list_verbs(const heed_model *model, char list[HD_VERB_LIST]);
/* HEED_UNSUPPORTED, `FOLDER is a BertForMaskedLM, expected a translation model; its verbs are fill, embed and attend`, unless
 * the model predicts with this head. `kind` names the models that do. */
heed_status hd_model_require(const heed_model *model, hd_head head, bool encoder, bool decoder, const char *kind);
/* The most tokens of a text, with those of the template: the network's, or fewer if the tokenizer's file truncates. */
int64_t hd_model_longest(const heed_model *model);
/* The most tokens of a window, and of a text that is cut, with those of the template: the network's limit, or fewer by
 * "model_max_length", else by the tokenizer's file. 0: there is no limit. */
int64_t hd_model_window(const heed_model *model);
/* HEED_LENGTH, `600 tokens are more than the model's 512`. */
heed_status hd_model_check_length(const heed_model *model, size_t count);
/* HEED_LENGTH, `the token "x" (70) is not one of the model's 67`, if a tokenizer that is larger than the model gave such an
 * id. */
heed_status hd_model_check_ids(const heed_model *model, const int32_t *ids, size_t count);
/* info_model.c: bytes of the weights of a model that is opened to run. */
int64_t hd_model_memory(const heed_model *model);
/* All parameters' elements. */
int64_t hd_model_parameters(const heed_model *model);

#endif
