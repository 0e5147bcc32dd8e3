/* A family: how a kind of model is written in a Hugging Face folder. A family file maps config keys to recipe fields
 * and parameters to literal weight names, and holds no arithmetic. */
#ifndef HD_MODELS_FAMILY_H
#define HD_MODELS_FAMILY_H

#include "formats/json.h"
#include "layers/network.h"

typedef enum hd_key_kind {
    HD_KEY_INT,        /* int64_t, at least 1 */
    HD_KEY_COUNT,      /* int64_t, at least 0 */
    HD_KEY_ID,         /* int32_t, a token id; missing is −1 */
    HD_KEY_FLOAT,      /* float */
    HD_KEY_BOOL,       /* bool */
    HD_KEY_ACTIVATION, /* int, an hd_activation by its Hugging Face name */
    HD_KEY_CHOICE,     /* int, the place of a word among `choices` */
    HD_KEY_CONSTANT    /* nothing of the recipe: written as given, and when read it must be that or missing */
} hd_key_kind;

typedef struct hd_config_key {
    const char *name;
    hd_key_kind kind;
    size_t offset;         /* in hd_recipe */
    const char *otherwise; /* JSON text of the value when the key is missing; NULL: the key is required. For a constant,
                            * the value. For a choice, a word. */
    const char *choices;   /* "first|second|…", in the order of the enum */
} hd_config_key;

typedef struct hd_weight_name {
    hd_role role;
    const char *name; /* with {} for the layer; without ".weight" and ".bias" where a module has both */
    /* One of several matrices that are stored as one, side by side in what they give: part 0, 1 … of so many; 0: by itself */
    int part, parts;
    bool transposed; /* stored [in, out] */
} hd_weight_name;

typedef struct hd_family hd_family;
struct hd_family {
    const hd_family *base;               /* whose keys, names and aliases hold too; NULL for none */
    const char *model_type;              /* "marian" */
    const char *architectures[HD_HEADS]; /* with each head, "MarianMTModel"; NULL: there is none */
    const char *prefix;                  /* of names, "bert.", which some files lack; or NULL */
    const hd_config_key *keys;
    size_t key_count;
    const hd_weight_name *weights;
    size_t weight_count;
    const char *const *aliases; /* other names that the shared embedding may be stored under, NULL-terminated */
    void (*complete)(hd_recipe *recipe); /* sets what no key says, before they are read; may be NULL */
    heed_status (*read)(const hd_json *config, hd_recipe *recipe); /* reads what no table can say; may be NULL */
    int (*write)(const hd_recipe *recipe, json_t *config);         /* writes it; not 0: out of memory */
    bool (*carries)(const hd_recipe *recipe);                      /* can this family write the recipe? */
};

/* The field of a recipe, for a hd_config_key. */
#define R(field) offsetof(hd_recipe, field)

extern const hd_family hd_bart_common, hd_marian, hd_pegasus, hd_bert, hd_gpt2, hd_llama, hd_heed_rnn;
/* Every family, NULL-terminated. */
extern const hd_family *const hd_families[];

/* Hugging Face's name of an activation, "relu". */
const char *hd_activation_name(hd_activation activation);
/* How the modules of a role are stored; NULL where the family has none. */
const hd_weight_name *hd_family_weight(const hd_family *family, hd_role role);
/* The architecture that a model of this family with such a head has. */
const char *hd_family_architecture(const hd_family *family, int head);
/* The name under which `family` stores a slot, appended to `out`. */
void hd_family_weight_name(const hd_family *family, const hd_slot *slot, hd_buffer *out);

/* Fills the recipe from a config. HEED_UNSUPPORTED names what heed lacks. */
heed_status hd_family_read(const hd_family *family, const hd_json *config, hd_recipe *recipe);
/* The config of a recipe, as a new JSON object with model_type, architectures and every key. NULL when out of memory. */
json_t *hd_family_write(heed_context *context, const hd_family *family, const hd_recipe *recipe);

#endif
