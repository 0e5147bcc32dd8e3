#include "models/family.h"

#include "base/number.h"
#include "models/model.h"

#include <string.h>

const hd_family *const hd_families[] = {&hd_marian, &hd_pegasus, &hd_bert, &hd_gpt2, &hd_llama, &hd_heed_rnn, NULL};

typedef struct activation_name {
    const char *name;
    hd_activation activation;
} activation_name;

/* The first name of each activation is the one that is written. */
static const activation_name activation_names[] = {
    {"relu", HD_RELU},       {"gelu", HD_GELU},  {"gelu_new", HD_GELU_TANH}, {"gelu_pytorch_tanh", HD_GELU_TANH},
    {"silu", HD_SILU},       {"swish", HD_SILU}, {"tanh", HD_TANH},          {"sigmoid", HD_SIGMOID},
    {"linear", HD_IDENTITY},
};

const char *hd_activation_name(hd_activation activation) {
    for (size_t i = 0; i < HD_COUNT(activation_names); i++)
        if (activation_names[i].activation == activation) return activation_names[i].name;
    return "unknown";
}

const hd_weight_name *hd_family_weight(const hd_family *family, hd_role role) {
    for (; family; family = family->base)
        for (size_t i = 0; i < family->weight_count; i++)
            if (family->weights[i].role == role) return &family->weights[i];
    return NULL;
}

const char *hd_family_architecture(const hd_family *family, int head) {
    return family->architectures[head] ? family->architectures[head] : "unknown";
}

void hd_family_weight_name(const hd_family *family, const hd_slot *slot, hd_buffer *out) {
    static const char *const endings[] = {[HD_WHOLE] = "", [HD_WEIGHT] = ".weight", [HD_BIAS] = ".bias"};
    const hd_weight_name *weight = hd_family_weight(family, slot->role);
    const char *name = weight ? weight->name : "", *brace = strstr(name, "{}");
    if (brace) {
        hd_buffer_append(out, name, (size_t)(brace - name));
        hd_buffer_format(out, "%lld", (long long)slot->layer);
        name = brace + 2;
    }
    hd_buffer_text(out, name);
    hd_buffer_text(out, endings[slot->part]);
}

static heed_status read_activation(const hd_json *config, const char *key, const char *otherwise, int *activation) {
    const char *name;
    HD_TRY(hd_json_string(config, key, otherwise, &name));
    for (size_t i = 0; i < HD_COUNT(activation_names); i++)
        if (name && strcmp(activation_names[i].name, name) == 0) {
            *activation = activation_names[i].activation;
            return HEED_OK;
        }
    return hd_fail(config->context, HEED_UNSUPPORTED,
                   "%s: \"%s\" is \"%s\", which is not an activation that heed knows", config->path, key,
                   name ? name : "null");
}

/* The i-th of words that stand between bars, and its length; NULL past the last. */
static const char *choice_at(const char *choices, int i, size_t *size) {
    for (; i > 0 && choices; i--) choices = strchr(choices, '|') ? strchr(choices, '|') + 1 : NULL;
    *size = choices ? strcspn(choices, "|") : 0;
    return choices;
}

static heed_status read_choice(const hd_json *config, const hd_config_key *key, int *choice) {
    const char *name, *word;
    size_t size;
    HD_TRY(hd_json_string(config, key->name, key->otherwise, &name));
    for (int i = 0; (word = choice_at(key->choices, i, &size)); i++)
        if (name && strlen(name) == size && memcmp(name, word, size) == 0) {
            *choice = i;
            return HEED_OK;
        }
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is \"%s\", which is none of %s", config->path,
                   key->name, name ? name : "null", key->choices);
}

/* A key whose value heed takes for granted. */
static heed_status check_constant(const hd_json *config, const hd_config_key *key) {
    if (!hd_json_has(config, key->name)) return HEED_OK;
    json_t *expected = json_loads(key->otherwise, JSON_DECODE_ANY, NULL);
    if (!expected) return hd_json_no_memory(config->context, config->path);
    bool same = json_equal(expected, json_object_get(config->root, key->name)) == 1;
    json_decref(expected);
    if (same) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\" is something other than %s, which heed lacks",
                   config->path, key->name, key->otherwise);
}

/* The default of a number or a boolean, from its JSON text. */
static double default_of(const hd_config_key *key) {
    double number = 0;
    if (!key->otherwise) return number;
    if (strcmp(key->otherwise, "true") == 0) return 1;
    hd_read_double(key->otherwise, &number);
    return number;
}

static heed_status read_key(const hd_json *config, const hd_config_key *key, hd_recipe *recipe) {
    char *field = (char *)recipe + key->offset;
    double number = default_of(key);
    int64_t integer;
    if (!key->otherwise) HD_TRY(hd_json_require(config, key->name));
    switch (key->kind) {
        case HD_KEY_INT:
        case HD_KEY_COUNT:
            HD_TRY(hd_json_int(config, key->name, (int64_t)number, key->kind == HD_KEY_INT, 1 << 24, &integer));
            memcpy(field, &integer, sizeof integer);
            return HEED_OK;
        case HD_KEY_ID: {
            HD_TRY(hd_json_int(config, key->name, (int64_t)number, 0, 1 << 24, &integer));
            int32_t id = (int32_t)integer;
            memcpy(field, &id, sizeof id);
            return HEED_OK;
        }
        case HD_KEY_FLOAT: {
            HD_TRY(hd_json_float(config, key->name, number, 0, 1e30, &number));
            float value = (float)number;
            memcpy(field, &value, sizeof value);
            return HEED_OK;
        }
        case HD_KEY_BOOL: {
            bool value;
            HD_TRY(hd_json_bool(config, key->name, number != 0, &value));
            memcpy(field, &value, sizeof value);
            return HEED_OK;
        }
        case HD_KEY_ACTIVATION: {
            int activation = HD_IDENTITY;
            HD_TRY(read_activation(config, key->name, key->otherwise, &activation));
            memcpy(field, &activation, sizeof activation);
            return HEED_OK;
        }
        case HD_KEY_CHOICE: {
            int choice = 0;
            HD_TRY(read_choice(config, key, &choice));
            memcpy(field, &choice, sizeof choice);
            return HEED_OK;
        }
        case HD_KEY_CONSTANT:
            return check_constant(config, key);
    }
    return HEED_OK;
}

/* The head, by the name of the architecture; where none is named, the family's first. */
static heed_status read_head(const hd_family *family, const hd_json *config, int *head) {
    const json_t *named = json_array_get(json_object_get(config->root, "architectures"), 0);
    const char *name = named ? json_string_value(named) : NULL;
    hd_buffer known;
    hd_buffer_open(&known, config->context);
    for (int i = HD_HEADS - 1; i >= 0; i--) {
        if (!family->architectures[i]) continue;
        *head = i;
        if (name && strcmp(name, family->architectures[i]) == 0) break;
        hd_buffer_format(&known, "%s%s", known.size ? ", " : "", family->architectures[i]);
        if (i == 0) *head = i;
    }
    bool found = !name || strcmp(name, hd_family_architecture(family, *head)) == 0;
    heed_status status = found ? HEED_OK
                               : hd_fail(config->context, HEED_UNSUPPORTED,
                                         "%s: \"architectures\" names %s; of type \"%s\" heed opens %s", config->path,
                                         name, family->model_type, known.data ? known.data : "nothing");
    hd_buffer_close(&known);
    return status;
}

heed_status hd_family_read(const hd_family *family, const hd_json *config, hd_recipe *recipe) {
    *recipe = (hd_recipe){0};
    if (family->complete) family->complete(recipe);
    HD_TRY(read_head(family, config, &recipe->head));
    for (const hd_family *f = family; f; f = f->base)
        for (size_t i = 0; i < f->key_count; i++) HD_TRY(read_key(config, &f->keys[i], recipe));
    if (recipe->head >= HD_HEAD_CLASSIFY_TEXT) HD_TRY(hd_labels_count(config, &recipe->labels));
    return family->read ? family->read(config, recipe) : HEED_OK;
}

/* A float as people write it: the shortest decimal that reads back as the same float. */
static json_t *real(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        hd_print_number(text, sizeof text, "%.*g", digits, (double)value);
        float back;
        if (hd_read_float(text, &back) && back == value) break;
    }
    double wide = (double)value;
    hd_read_double(text, &wide);
    return json_real(wide);
}

static json_t *value_of(const hd_config_key *key, const hd_recipe *recipe) {
    const char *field = (const char *)recipe + key->offset;
    switch (key->kind) {
        case HD_KEY_INT:
        case HD_KEY_COUNT: {
            int64_t integer;
            memcpy(&integer, field, sizeof integer);
            return json_integer(integer);
        }
        case HD_KEY_ID: {
            int32_t id;
            memcpy(&id, field, sizeof id);
            return id < 0 ? json_null() : json_integer(id);
        }
        case HD_KEY_FLOAT: {
            float value;
            memcpy(&value, field, sizeof value);
            return real(value);
        }
        case HD_KEY_BOOL: {
            bool value;
            memcpy(&value, field, sizeof value);
            return json_boolean(value);
        }
        case HD_KEY_ACTIVATION: {
            int activation = HD_IDENTITY;
            memcpy(&activation, field, sizeof activation);
            return json_string(hd_activation_name((hd_activation)activation));
        }
        case HD_KEY_CHOICE: {
            int choice = 0;
            size_t size;
            memcpy(&choice, field, sizeof choice);
            const char *word = choice_at(key->choices, choice, &size);
            return word ? json_stringn(word, size) : NULL;
        }
        case HD_KEY_CONSTANT:
            return json_loads(key->otherwise, JSON_DECODE_ANY, NULL);
    }
    return NULL;
}

json_t *hd_family_write(heed_context *context, const hd_family *family, const hd_recipe *recipe) {
    json_t *config = json_object();
    int failed = json_object_set_new(config, "model_type", json_string(family->model_type));
    failed |=
        json_object_set_new(config, "architectures", json_pack("[s]", hd_family_architecture(family, recipe->head)));
    if (family->write) failed |= family->write(recipe, config);
    for (; family; family = family->base)
        for (size_t i = 0; i < family->key_count; i++)
            failed |= json_object_set_new(config, family->keys[i].name, value_of(&family->keys[i], recipe));
    if (!failed) return config;
    json_decref(config);
    hd_fail(context, HEED_MEMORY, "out of memory while a config was written");
    return NULL;
}
