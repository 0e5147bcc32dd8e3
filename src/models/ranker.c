/* Reads how a folder's logits become relevance scores, as CrossEncoder of sentence-transformers 6.2 does: the activation function
 * in config_sentence_transformers.json or config.json, and the module LogitScore of a language model. What heed lacks is no
 * error here, since other tasks can use the model: ranking is refused with the reason. */
#include "models/ranking.h"

#include "base/file.h"
#include "formats/modules.h"
#include "models/model.h"

#include <string.h>

typedef struct reading {
    heed_model *model;
    hd_ranker *ranker;
} reading;

/* ---- the activation function ---- */

/* "Sigmoid" of "torch.nn.modules.activation.Sigmoid". A function outside of torch is not loaded by sentence-transformers, which
 * then takes the usual one. */
static heed_status set_activation(const reading *r, const hd_json *json, const char *key, const char *name) {
    const char *class = strrchr(name, '.');
    if (strncmp(name, "torch.", strlen("torch.")) != 0) {
        hd_note(json->context, "%s: \"%s\" is %s, not of torch: scores are those of a sigmoid", json->path, key, name);
        return HEED_OK;
    }
    r->ranker->raw = strcmp(class, ".Identity") == 0;
    if (r->ranker->raw || strcmp(class, ".Sigmoid") == 0) return HEED_OK;
    return hd_fail(json->context, HEED_UNSUPPORTED, "%s: \"%s\" is %s, which heed lacks", json->path, key, name);
}

/* Reads the function under this key; *found says whether there is one. */
static heed_status read_activation(const reading *r, const hd_json *json, const char *key, bool *found) {
    const char *name;
    HD_TRY(hd_json_string(json, key, NULL, &name));
    *found = name;
    return name ? set_activation(r, json, key, name) : HEED_OK;
}

/* config.json: in the object "sentence_transformers", or before version 4 under a key of its own. */
static heed_status read_config(const reading *r, const hd_json *config) {
    hd_json inner;
    bool found;
    HD_TRY(hd_json_object(config, "sentence_transformers", &inner));
    HD_TRY(read_activation(r, &inner, "activation_fn", &found));
    return found ? HEED_OK : read_activation(r, config, "sbert_ce_default_activation_function", &found);
}

/* `root` is the folder of a modules.json, or NULL: without one, sentence-transformers reads the model's config alone. */
static heed_status read_activations(const reading *r, const char *root) {
    heed_context *context = r->model->context;
    hd_json json = {.context = context, .index = SIZE_MAX};
    bool found = false;
    heed_status status =
        root ? hd_json_open_if_any(context, root, "config_sentence_transformers.json", &json) : HEED_OK;
    if (status == HEED_OK && json.root) status = read_activation(r, &json, "activation_fn", &found);
    hd_json_close(&json);
    if (status != HEED_OK || found) return status;
    status = hd_json_open_if_any(context, r->model->folder, "config.json", &json);
    if (status == HEED_OK && json.root) status = read_config(r, &json);
    hd_json_close(&json);
    return status;
}

/* ---- modules ---- */

static heed_status read_token(const hd_json *json, const char *key, int64_t most, int32_t *token) {
    int64_t id = -1;
    if (hd_json_has(json, key)) HD_TRY(hd_json_int(json, key, -1, 0, most - 1, &id));
    *token = (int32_t)id;
    return HEED_OK;
}

static heed_status read_logit_score(const reading *r, const hd_modules *modules, size_t index) {
    heed_context *context = r->model->context;
    const char *input;
    hd_json json = {.context = context, .index = SIZE_MAX};
    int64_t most = r->model->network->recipe.vocabulary;
    char *path = hd_modules_path(modules, index, "config.json");
    if (!path) return HEED_MEMORY;
    heed_status status = hd_json_open(context, path, &json);
    hd_free(context, path);
    if (status == HEED_OK) status = hd_json_string(&json, "module_input_name", "causal_logits", &input);
    if (status == HEED_OK && strcmp(input, "causal_logits") != 0)
        status =
            hd_fail(context, HEED_UNSUPPORTED, "%s: \"module_input_name\" is %s, which heed lacks", json.path, input);
    if (status == HEED_OK) status = hd_json_require(&json, "true_token_id");
    if (status == HEED_OK) status = read_token(&json, "true_token_id", most, &r->ranker->yes);
    if (status == HEED_OK) status = read_token(&json, "false_token_id", most, &r->ranker->no);
    r->ranker->listed = true;
    hd_json_close(&json);
    return status;
}

static heed_status read_modules(const reading *r, const hd_modules *modules) {
    for (size_t i = 0; i < modules->count; i++) {
        const char *type = modules->item[i].type;
        if (strcmp(type, "Transformer") == 0 && i == 0) continue;
        if (strcmp(type, "LogitScore") != 0)
            return hd_fail(r->model->context, HEED_UNSUPPORTED, "%s: module %zu is \"%s\", which heed ranks without",
                           modules->json.path, i, type);
        HD_TRY(read_logit_score(r, modules, i));
    }
    return HEED_OK;
}

/* ---- the tokens of a language model ---- */

static heed_status find_token(const reading *r, const char *word, int32_t *token) {
    *token = hd_tokenizer_id(r->model->tokenizer, word);
    if (*token >= 0 && *token < r->model->network->recipe.vocabulary) return HEED_OK;
    return hd_fail(r->model->context, HEED_UNSUPPORTED,
                   "%s is not a reranker: its vocabulary has no token \"%s\", as Qwen3-Reranker has", r->model->folder,
                   word);
}

/* Those of the prompt of Qwen3-Reranker, and of its answers unless a module names others. */
static heed_status find_tokens(const reading *r) {
    static const char *const specials[] = {"<|im_start|>", "<|im_end|>"};
    int32_t token;
    for (size_t i = 0; i < HD_COUNT(specials); i++) HD_TRY(find_token(r, specials[i], &token));
    if (r->ranker->listed) return HEED_OK;
    HD_TRY(find_token(r, "yes", &r->ranker->yes));
    return find_token(r, "no", &r->ranker->no);
}

static heed_status read_ranker(const reading *r) {
    hd_modules modules;
    bool found;
    if (r->model->network->recipe.head != HD_HEAD_CLASSIFY_TEXT && !r->model->tokenizer) return HEED_OK;
    HD_TRY(hd_modules_find(r->model->context, r->model->folder, &modules, &found));
    heed_status status = found ? read_modules(r, &modules) : HEED_OK;
    if (status == HEED_OK) status = read_activations(r, found ? modules.root : NULL);
    if (found) hd_modules_close(&modules);
    if (status == HEED_OK && r->model->network->recipe.head != HD_HEAD_CLASSIFY_TEXT) status = find_tokens(r);
    return status;
}

/* A classifier with one label, or a model that predicts the next token. */
static bool can_rank(const hd_recipe *recipe) {
    bool decoder = !recipe->side[HD_ENCODER].layers && recipe->side[HD_DECODER].layers;
    if (recipe->head == HD_HEAD_CLASSIFY_TEXT) return recipe->labels == 1;
    return decoder &&
           (recipe->head == HD_HEAD_LANGUAGE || (recipe->head == HD_HEAD_NONE && hd_recipe_scores_tokens(recipe)));
}

heed_status hd_ranker_open(heed_model *model) {
    hd_arena *arena = &model->network->arena;
    if (!can_rank(&model->network->recipe) || !model->folder) return HEED_OK;
    hd_ranker *ranker = hd_arena_alloc(arena, 1, sizeof *ranker);
    if (!ranker) return HEED_MEMORY;
    *ranker = (hd_ranker){.yes = -1, .no = -1};
    heed_status status = read_ranker(&(reading){model, ranker});
    if (status == HEED_UNSUPPORTED) {
        size_t size = strlen(model->context->message) + 1;
        char *problem = hd_arena_alloc(arena, size, 1);
        if (!problem) return HEED_MEMORY;
        memcpy(problem, model->context->message, size);
        ranker->problem = problem;
        status = HEED_OK;
    }
    if (status == HEED_OK) model->ranker = ranker;
    return status;
}
