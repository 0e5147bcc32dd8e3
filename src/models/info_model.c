/* What a model can do and needs, and what the config of a model says that does not open. */
#include "models/info.h"

#include <string.h>

/* ---- verbs ------------------------------------------------------------------------------------------------------ */

static int add_verbs(const heed_model *model, json_t *object) {
    const char *name;
    json_t *names = json_array();
    int failed = json_object_set_new(object, "verbs", names);
    for (size_t i = 0; (name = hd_model_verb(model, i)) != NULL && !failed; i++)
        failed = json_array_append_new(names, json_string(name));
    return failed;
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* Bytes of a parameter in a model that is opened to run: matrices and tables keep the stored element type, in panels of 32
 * rows where products read them (device/cpu/pack.c); vectors are float32. */
static int64_t bytes_of(const hd_parameter *p) {
    int64_t rows = p->multiplied ? (p->rows + HD_PANEL - 1) / HD_PANEL * HD_PANEL : p->rows;
    bool packed = p->rows > 1 && (p->multiplied || p->looked_up);
    return rows * p->columns * (int64_t)hd_dtype_size(packed ? p->dtype : HD_F32);
}

/* Keys and values, float32, of each layer. */
static int64_t cache_per_token(const hd_recipe *recipe) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    if (recipe->architecture == HD_RECURRENT) return 0;
    return side->layers * 2 * hd_side_key_heads(side) * hd_side_head_width(side, recipe->width) *
           (int64_t)sizeof(float);
}

int64_t hd_model_memory(const heed_model *model) {
    const hd_network *network = model->network;
    int64_t weights = (int64_t)(network->numbers.filled + network->numbers.used); /* fixed positions */
    for (int64_t i = 0; i < network->count; i++) weights += bytes_of(network->parameters[i]);
    return weights;
}

static int add_memory(const heed_model *model, json_t *object) {
    enum { TOKENS = 1000 };
    return json_object_set_new(object, "memory",
                               json_pack("{s:I, s:I}", "weights", (json_int_t)hd_model_memory(model),
                                         "cache_per_1000_tokens",
                                         (json_int_t)(TOKENS * cache_per_token(&model->network->recipe))));
}

/* ---- vectors ---------------------------------------------------------------------------------------------------- */

static int add_vectors(const heed_model *model, json_t *object) {
    const hd_embedder *e = model->embedder;
    if (!e || !e->listed) return 0;
    if (e->problem) return json_object_set_new(object, "vectors", json_pack("{s:s}", "problem", e->problem));
    json_t *poolings = json_array(), *prompts = json_object();
    int failed = !poolings || !prompts;
    bool normalized = false;
    for (int64_t i = 0; i < e->pooling_count && !failed; i++)
        failed = json_array_append_new(poolings, json_string(hd_choice_name(hd_state_poolings, e->poolings[i])));
    for (size_t i = 0; i < e->prompt_count && !failed; i++)
        if (e->prompts[i].text[0])
            failed = json_object_set_new(prompts, e->prompts[i].name, json_string(e->prompts[i].text));
    for (int64_t i = 0; i < e->step_count; i++) normalized = e->steps[i].normalizes;
    json_t *vectors =
        json_pack("{s:I, s:o, s:b, s:I, s:o, s:s?, s:s}", "dimensions", (json_int_t)e->columns, "pooling", poolings,
                  "normalized", normalized, "max_tokens", (json_int_t)e->max_tokens, "prompts", prompts,
                  "default_prompt", e->usual ? e->usual->name : NULL, "similarity", e->similarity);
    return json_object_set_new(object, "vectors", vectors) | failed;
}

int hd_info_model(const heed_model *model, json_t *object) {
    const hd_recipe *recipe = &model->network->recipe;
    int64_t longest = hd_recipe_longest(recipe);
    int failed = add_verbs(model, object);
    if (longest < INT64_MAX) failed |= json_object_set_new(object, "context_length", json_integer((json_int_t)longest));
    return failed | add_memory(model, object) | add_vectors(model, object);
}

/* ---- a config alone --------------------------------------------------------------------------------------------- */

/* A property under the names that it has in configs of different families, in that config or in its text_config. */
static const struct {
    const char *name, *keys[6];
} properties[] = {{"layers", {"num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers"}},
                  {"width", {"hidden_size", "d_model", "n_embd", "dim"}},
                  {"heads", {"num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads"}},
                  {"key_heads", {"num_key_value_heads"}},
                  {"ffn_width", {"intermediate_size", "d_ff", "n_inner", "ffn_dim", "encoder_ffn_dim", "hidden_dim"}},
                  {"vocabulary", {"vocab_size"}},
                  {"max_positions", {"max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"}}};

static const json_t *property(const json_t *config, const char *const keys[6]) {
    for (int i = 0; i < 6 && keys[i]; i++)
        if (json_is_integer(json_object_get(config, keys[i]))) return json_object_get(config, keys[i]);
    return NULL;
}

int hd_info_config(const hd_json *config, json_t *object) {
    const json_t *root = config->root, *text = json_object_get(root, "text_config");
    const char *type = json_string_value(json_object_get(root, "model_type"));
    const char *architecture = json_string_value(json_array_get(json_object_get(root, "architectures"), 0));
    json_t *numbers = json_object();
    int failed = json_object_set_new(object, "config", numbers);
    if (type) failed |= json_object_set_new(object, "model_type", json_string(type));
    if (architecture) failed |= json_object_set_new(object, "architecture", json_string(architecture));
    for (size_t i = 0; i < HD_COUNT(properties) && !failed; i++) {
        const json_t *value = property(root, properties[i].keys);
        if (!value) value = property(text, properties[i].keys);
        if (value) failed = json_object_set_new(numbers, properties[i].name, json_integer(json_integer_value(value)));
    }
    return failed;
}
