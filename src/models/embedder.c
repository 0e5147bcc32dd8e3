/* Reads how a sentence-transformers folder makes vectors: modules.json, the folders of its modules, and
 * config_sentence_transformers.json. What heed lacks is no error here, since other tasks can use the model: embedding
 * is refused with the reason. */
#include "models/embedding.h"

#include "base/file.h"
#include "formats/modules.h"
#include "formats/widen.h"
#include "models/model.h"

#include <string.h>

typedef struct reading {
    heed_model *model;
    hd_embedder *embedder;
    const hd_modules *modules; /* NULL: none are listed */
    hd_arena *arena;
    bool loads; /* the weights of dense layers */
} reading;

/* A copy that lives as long as the model. */
static heed_status keep(const reading *r, const char *text, const char **kept) {
    size_t size = strlen(text) + 1;
    char *copy = hd_arena_alloc(r->arena, size, 1);
    *kept = copy;
    if (copy) memcpy(copy, text, size);
    return copy ? HEED_OK : HEED_MEMORY;
}

static heed_status open_module(const reading *r, size_t index, hd_json *json) {
    *json = (hd_json){.context = r->model->context, .index = SIZE_MAX};
    char *path = hd_modules_path(r->modules, index, "config.json");
    if (!path) return HEED_MEMORY;
    heed_status status = hd_json_open(r->model->context, path, json);
    hd_free(r->model->context, path);
    return status;
}

static heed_status lacks(const hd_json *json, const char *key, const char *value) {
    return hd_fail(json->context, HEED_UNSUPPORTED, "%s: \"%s\" is %s, which heed lacks", json->path, key, value);
}

/* ---- pooling ---- */

static heed_status add_pooling(const reading *r, const hd_json *json, const char *name) {
    const hd_choice *choice = hd_state_poolings;
    while (choice->name && strcmp(choice->name, name) != 0) choice++;
    if (!choice->name) return lacks(json, "pooling_mode", name);
    if (r->embedder->pooling_count == HD_MOST_POOLINGS)
        return hd_fail(json->context, HEED_UNSUPPORTED, "%s: more than %d poolings are joined", json->path,
                       HD_MOST_POOLINGS);
    r->embedder->poolings[r->embedder->pooling_count++] = choice->value;
    return HEED_OK;
}

/* Since version 5.6, "pooling_mode" is a name or an array of names; before, there is a boolean for each. */
static heed_status read_pooling_names(const reading *r, const hd_json *json) {
    const json_t *value = json_object_get(json->root, "pooling_mode");
    if (json_is_string(value)) return add_pooling(r, json, json_string_value(value));
    if (!json_is_array(value) || !json_array_size(value))
        return hd_json_expected(json, "pooling_mode", "a name or an array of names");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        if (!name) return hd_json_expected(json, "pooling_mode", "a name or an array of names");
        HD_TRY(add_pooling(r, json, name));
    }
    return HEED_OK;
}

/* In the order of hd_state_poolings, in which the vectors are joined. */
static const char *const pooling_keys[] = {"pooling_mode_cls_token",           "pooling_mode_max_tokens",
                                           "pooling_mode_mean_tokens",         "pooling_mode_mean_sqrt_len_tokens",
                                           "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};

static heed_status read_pooling_flags(const reading *r, const hd_json *json) {
    for (void *at = json_object_iter(json->root); at; at = json_object_iter_next(json->root, at)) {
        const char *key = json_object_iter_key(at);
        bool known = strncmp(key, "pooling_mode_", strlen("pooling_mode_")) != 0;
        for (size_t i = 0; i < HD_COUNT(pooling_keys); i++) known |= strcmp(key, pooling_keys[i]) == 0;
        if (!known && json_is_true(json_object_iter_value(at))) return lacks(json, key, "true");
    }
    for (size_t i = 0; i < HD_COUNT(pooling_keys); i++) {
        bool set;
        HD_TRY(hd_json_bool(json, pooling_keys[i], false, &set));
        if (set) HD_TRY(add_pooling(r, json, hd_state_poolings[i].name));
    }
    return r->embedder->pooling_count ? HEED_OK : add_pooling(r, json, "mean");
}

static heed_status read_pooling(const reading *r, const hd_json *json) {
    hd_embedder *s = r->embedder;
    int64_t width = hd_recipe_state_width(&r->model->network->recipe), columns;
    const char *key = hd_json_has(json, "embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension";
    bool include;
    HD_TRY(hd_json_int(json, key, width, 1, INT32_MAX, &columns));
    if (columns != width)
        return hd_fail(json->context, HEED_FORMAT, "%s: \"%s\" is %lld, but the model's width is %lld", json->path, key,
                       (long long)columns, (long long)width);
    HD_TRY(hd_json_bool(json, "include_prompt", true, &include));
    s->without_prompt = !include;
    s->pooling_count = 0;
    HD_TRY(hd_json_has(json, "pooling_mode") ? read_pooling_names(r, json) : read_pooling_flags(r, json));
    s->columns = s->pooling_count * width;
    return HEED_OK;
}

/* ---- dense layers ---- */

static const hd_choice activations[] = {
    {"Identity", HD_IDENTITY, NULL}, {"Tanh", HD_TANH, NULL},       {"GELU", HD_GELU, NULL}, {"ReLU", HD_RELU, NULL},
    {"SiLU", HD_SILU, NULL},         {"Sigmoid", HD_SIGMOID, NULL}, {NULL, 0, NULL}};

static heed_status read_activation(const hd_json *json, hd_activation *activation) {
    const char *name;
    HD_TRY(hd_json_string(json, "activation_function", "torch.nn.Tanh", &name));
    const char *class = strrchr(name, '.');
    const hd_choice *choice = activations;
    while (choice->name && (!class || strcmp(choice->name, class + 1) != 0)) choice++;
    if (!choice->name || strncmp(name, "torch.nn.", strlen("torch.nn.")) != 0)
        return lacks(json, "activation_function", name);
    *activation = (hd_activation)choice->value;
    return HEED_OK;
}

/* Modules may read and write other things than the vector of the text. */
static heed_status check_names(const hd_json *json) {
    static const char *const keys[] = {"module_input_name", "module_output_name"};
    for (size_t i = 0; i < HD_COUNT(keys); i++) {
        const char *name;
        HD_TRY(hd_json_string(json, keys[i], "sentence_embedding", &name));
        if (strcmp(name, "sentence_embedding") != 0) return lacks(json, keys[i], name);
    }
    return HEED_OK;
}

static heed_status load_parameter(const reading *r, const hd_weights *weights, const char *name, int64_t rows,
                                  int64_t columns, int dimensions, hd_parameter **out) {
    heed_context *context = r->model->context;
    hd_network *network = r->model->network;
    const hd_stored_tensor *stored;
    int64_t matrix[] = {rows, columns}, vector[] = {columns};
    HD_TRY(hd_weights_require(weights, name, &stored));
    HD_TRY(hd_stored_expect(context, stored, dimensions, dimensions == 2 ? matrix : vector));
    HD_TRY(hd_model_expect_weight(context, stored));
    HD_TRY(hd_model_expect_finite(context, stored));
    hd_parameter *p = *out = hd_arena_alloc(r->arena, 1, sizeof *p);
    if (!p) return HEED_MEMORY;
    *p = (hd_parameter){.rows = rows, .columns = columns, .dimensions = dimensions, .multiplied = dimensions == 2};
    HD_TRY(keep(r, name, &p->name));
    size_t bytes = stored->count * sizeof *p->data;
    p->data = hd_arena_alloc(&network->numbers, stored->count, sizeof *p->data);
    float *host = p->data ? hd_stream_map(&network->stream, p->data, bytes, HD_TO_WRITE) : NULL;
    if (!host) return HEED_MEMORY;
    hd_widen(stored->dtype, stored->data, host, stored->count);
    hd_stream_unmap(&network->stream, host, p->data, bytes, HD_TO_WRITE);
    HD_TRY(network->status);
    return p->multiplied ? hd_parameter_pack(context, r->arena, p) : HEED_OK;
}

static heed_status load_dense(const reading *r, size_t index, int64_t in, int64_t out, bool bias,
                              hd_embedder_step *step) {
    hd_weights *weights;
    char *folder = hd_modules_path(r->modules, index, NULL);
    if (!folder) return HEED_MEMORY;
    heed_status status = hd_weights_open(r->model->context, folder, &weights);
    hd_free(r->model->context, folder);
    HD_TRY(status);
    status = load_parameter(r, weights, "linear.weight", out, in, 2, &step->dense.weight);
    if (status == HEED_OK && bias) status = load_parameter(r, weights, "linear.bias", 1, out, 1, &step->dense.bias);
    hd_weights_close(weights);
    return status;
}

static heed_status read_dense(const reading *r, size_t index, const hd_json *json) {
    hd_embedder *s = r->embedder;
    hd_embedder_step *step = &s->steps[s->step_count];
    int64_t in, out;
    bool bias, residual;
    HD_TRY(check_names(json));
    HD_TRY(hd_json_bool(json, "use_residual", false, &residual));
    if (residual) return lacks(json, "use_residual", "true");
    HD_TRY(read_activation(json, &step->activation));
    HD_TRY(hd_json_bool(json, "bias", true, &bias));
    HD_TRY(hd_json_require(json, "in_features"));
    HD_TRY(hd_json_require(json, "out_features"));
    HD_TRY(hd_json_int(json, "in_features", 0, 1, 1 << 24, &in));
    HD_TRY(hd_json_int(json, "out_features", 0, 1, 1 << 24, &out));
    if (in != s->columns)
        return hd_fail(json->context, HEED_FORMAT, "%s: \"in_features\" is %lld, but the vector before has %lld",
                       json->path, (long long)in, (long long)s->columns);
    s->columns = out;
    if (r->loads) HD_TRY(load_dense(r, index, in, out, bias, step));
    s->step_count++;
    return HEED_OK;
}

/* ---- the list ---- */

static heed_status read_dense_module(const reading *r, size_t index) {
    hd_json json;
    heed_status status = open_module(r, index, &json);
    if (status == HEED_OK) status = read_dense(r, index, &json);
    hd_json_close(&json);
    return status;
}

static heed_status read_normalize_module(const reading *r, size_t index) {
    hd_json json;
    char *folder = hd_modules_path(r->modules, index, NULL);
    if (!folder) return HEED_MEMORY;
    heed_status status = hd_json_open_if_any(r->model->context, folder, "config.json", &json);
    hd_free(r->model->context, folder);
    if (status == HEED_OK && json.root) status = check_names(&json);
    hd_json_close(&json);
    r->embedder->steps[r->embedder->step_count++].normalizes = true;
    return status;
}

static heed_status read_pooling_module(const reading *r, size_t index) {
    hd_json json;
    heed_status status = open_module(r, index, &json);
    if (status == HEED_OK) status = read_pooling(r, &json);
    hd_json_close(&json);
    return status;
}

/* Dropout changes nothing after training. */
static heed_status read_dropout_module(const reading *r, size_t index) {
    (void)r, (void)index;
    return HEED_OK;
}

static const struct {
    const char *type;
    heed_status (*read)(const reading *r, size_t index);
} steps[] = {{"Dense", read_dense_module}, {"Normalize", read_normalize_module}, {"Dropout", read_dropout_module}};

static heed_status refuse_module(const reading *r, size_t index, const char *expected) {
    return hd_fail(r->model->context, HEED_UNSUPPORTED, "%s: module %zu is \"%s\"%s", r->modules->json.path, index,
                   index < r->modules->count ? r->modules->item[index].type : "missing", expected);
}

static bool is_type(const hd_modules *modules, size_t index, const char *type) {
    return index < modules->count && strcmp(modules->item[index].type, type) == 0;
}

static heed_status read_modules(const reading *r) {
    const hd_modules *modules = r->modules;
    if (!is_type(modules, 0, "Transformer")) return refuse_module(r, 0, ", heed makes vectors with a Transformer");
    if (!is_type(modules, 1, "Pooling")) return refuse_module(r, 1, ", heed makes vectors by Pooling after it");
    HD_TRY(read_pooling_module(r, 1));
    for (size_t i = 2; i < modules->count; i++) {
        size_t kind = 0;
        while (kind < HD_COUNT(steps) && !is_type(modules, i, steps[kind].type)) kind++;
        if (kind == HD_COUNT(steps)) return refuse_module(r, i, ", which heed lacks");
        HD_TRY(steps[kind].read(r, i));
    }
    return HEED_OK;
}

/* ---- the Transformer's own settings ---- */

/* The first of these files that exists. */
static const char *const transformer_configs[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                                  "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                                  "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                                  "sentence_xlnet_config.json"};

static heed_status read_transformer(const reading *r, const hd_json *json) {
    const char *task;
    HD_TRY(hd_json_string(json, "transformer_task", "feature-extraction", &task));
    if (strcmp(task, "feature-extraction") != 0) return lacks(json, "transformer_task", task);
    HD_TRY(hd_json_int(json, "max_seq_length", 0, 1, INT32_MAX, &r->embedder->max_tokens));
    return hd_json_bool(json, "do_lower_case", false, &r->embedder->lowercase);
}

static heed_status read_transformer_config(const reading *r) {
    hd_json json = {0};
    heed_status status = HEED_OK;
    for (size_t i = 0; i < HD_COUNT(transformer_configs) && status == HEED_OK && !json.root; i++)
        status = hd_json_open_if_any(r->model->context, r->model->folder, transformer_configs[i], &json);
    if (status == HEED_OK && json.root) status = read_transformer(r, &json);
    hd_json_close(&json);
    return status;
}

/* Without a "max_seq_length", the tokenizer's limit; a huge number means that there is none. */
static heed_status read_tokenizer_limit(const reading *r) {
    hd_json json;
    double most = 0;
    heed_status status = hd_json_open_if_any(r->model->context, r->model->folder, "tokenizer_config.json", &json);
    if (status == HEED_OK && json.root) {
        const json_t *value = json_object_get(json.root, "model_max_length");
        most = json_is_number(value) ? json_number_value(value) : 0;
        if (most >= 1 && most < INT32_MAX) r->embedder->max_tokens = (int64_t)most;
    }
    hd_json_close(&json);
    return status;
}

/* ---- prompts ---- */

/* sentence-transformers has these names even where a folder has no prompts for them. */
static const char *const usual_names[] = {"query", "document"};

static heed_status add_prompt(const reading *r, const char *name, const char *text) {
    hd_prompt *prompt = &r->embedder->prompts[r->embedder->prompt_count++];
    HD_TRY(keep(r, name, &prompt->name));
    return keep(r, text, &prompt->text);
}

const hd_prompt *hd_embedder_prompt(const hd_embedder *embedder, const char *name) {
    for (size_t i = 0; i < embedder->prompt_count; i++)
        if (strcmp(embedder->prompts[i].name, name) == 0) return &embedder->prompts[i];
    return NULL;
}

static heed_status read_prompts(const reading *r, const hd_json *json) {
    hd_json prompts;
    HD_TRY(hd_json_object(json, "prompts", &prompts));
    size_t most = json_object_size(prompts.root) + HD_COUNT(usual_names);
    r->embedder->prompts = hd_arena_alloc(r->arena, most, sizeof *r->embedder->prompts);
    if (!r->embedder->prompts) return HEED_MEMORY;
    for (void *at = json_object_iter(prompts.root); at; at = json_object_iter_next(prompts.root, at)) {
        const char *name = json_object_iter_key(at), *text;
        HD_TRY(hd_json_string(&prompts, name, "", &text));
        HD_TRY(add_prompt(r, name, text));
    }
    for (size_t i = 0; i < HD_COUNT(usual_names); i++)
        if (!hd_embedder_prompt(r->embedder, usual_names[i])) HD_TRY(add_prompt(r, usual_names[i], ""));
    return HEED_OK;
}

static heed_status read_usual_prompt(const reading *r, const hd_json *json) {
    const char *name;
    HD_TRY(hd_json_string(json, "default_prompt_name", NULL, &name));
    if (!name) return HEED_OK;
    r->embedder->usual = hd_embedder_prompt(r->embedder, name);
    if (r->embedder->usual) return HEED_OK;
    return hd_fail(json->context, HEED_UNSUPPORTED,
                   "%s: \"default_prompt_name\" is \"%s\", which is none of \"prompts\"", json->path, name);
}

static heed_status read_settings(const reading *r, const hd_json *json) {
    const char *kind, *similarity;
    HD_TRY(read_prompts(r, json));
    HD_TRY(hd_json_string(json, "similarity_fn_name", "cosine", &similarity));
    HD_TRY(keep(r, similarity, &r->embedder->similarity));
    HD_TRY(hd_json_string(json, "model_type", "SentenceTransformer", &kind));
    if (strcmp(kind, "SentenceTransformer") != 0) return lacks(json, "model_type", kind);
    return read_usual_prompt(r, json);
}

/* ---- all of it ---- */

static heed_status read_listed(const reading *r) {
    hd_json json;
    heed_status status =
        hd_json_open_if_any(r->model->context, r->modules->root, "config_sentence_transformers.json", &json);
    if (status == HEED_OK && !json.root) {
        json.root = json_object();
        if (!json.root) status = hd_json_no_memory(r->model->context, r->modules->root);
    }
    if (status == HEED_OK) status = read_settings(r, &json);
    hd_json_close(&json);
    HD_TRY(status);
    HD_TRY(read_transformer_config(r));
    return read_modules(r);
}

static heed_status read_embedder(reading *r) {
    hd_modules modules;
    HD_TRY(hd_modules_find(r->model->context, r->model->folder, &modules, &r->embedder->listed));
    heed_status status = HEED_OK;
    if (r->embedder->listed) {
        r->modules = &modules;
        status = read_listed(r);
        hd_modules_close(&modules);
    }
    if (status == HEED_OK && !r->embedder->max_tokens) status = read_tokenizer_limit(r);
    return status;
}

heed_status hd_embedder_open(heed_model *model, bool loads) {
    const hd_recipe *recipe = &model->network->recipe;
    hd_arena *arena = &model->network->arena;
    if (hd_recipe_translates(recipe)) return HEED_OK;
    hd_embedder *s = hd_arena_alloc(arena, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    *s = (hd_embedder){.poolings = {HD_STATES_MEAN}, .pooling_count = 1, .columns = hd_recipe_state_width(recipe)};
    s->similarity = "cosine";
    reading r = {.model = model, .embedder = s, .arena = arena, .loads = loads};
    heed_status status = read_embedder(&r);
    if (status == HEED_UNSUPPORTED) status = keep(&r, model->context->message, &s->problem);
    if (status == HEED_OK) model->embedder = s;
    return status;
}
