/* Opening a model folder: config → recipe → network → weights. */
#include "models/model.h"

#include "base/file.h"
#include "formats/model_folder.h"
#include "formats/modules.h"
#include "formats/widen.h"
#include "models/nested.h"
#include "models/task_params.h"
#include "models/unsupported.h"
#include "models/weight_names.h"
#include "text/folder.h"

#include <string.h>

/* Gives every parameter a name: that which a model with its head stores it under, and where several are stored as one, which of them
 * it is. */
static heed_status name_parameters(heed_model *model) {
    hd_network *network = model->network;
    for (int64_t i = 0; i < network->count; i++) {
        const hd_weight_name *weight = hd_family_weight(model->family, &network->slots[i]);
        hd_buffer name;
        hd_buffer_open(&name, model->context);
        hd_family_stored_name(model->family, network->recipe.head, &network->slots[i], &name);
        if (weight && weight->parts) hd_buffer_format(&name, " %d/%d", weight->part + 1, weight->parts);
        char *kept = name.failed ? NULL : hd_arena_alloc(&network->arena, name.size + 1, 1);
        if (kept) memcpy(kept, name.size ? name.data : "", name.size + 1);
        hd_buffer_close(&name);
        if (!kept) return HEED_MEMORY;
        network->parameters[i]->name = kept;
    }
    return HEED_OK;
}

/* ---- weights that are tied ---- */

static bool is_readable(const hd_stored_tensor *t) { return !t->unread && hd_dtypes[t->dtype].widen; }

static bool have_same_numbers(const hd_stored_tensor *a, const hd_stored_tensor *b) {
    enum { BLOCK = 1024 };
    float x[BLOCK], y[BLOCK];
    if (a->data == b->data) return true;
    if (a->count != b->count || !is_readable(a) || !is_readable(b)) return false;
    if (a->dtype == b->dtype) return memcmp(a->data, b->data, a->bytes) == 0;
    for (size_t i = 0; i < a->count; i += BLOCK) {
        size_t count = a->count - i < BLOCK ? a->count - i : BLOCK;
        hd_widen(a->dtype, (const char *)a->data + i * hd_dtype_size(a->dtype), x, count);
        hd_widen(b->dtype, (const char *)b->data + i * hd_dtype_size(b->dtype), y, count);
        if (memcmp(x, y, count * sizeof *x) != 0) return false;
    }
    return true;
}

static heed_status check_tied(const heed_model *model, const hd_weights *weights) {
    for (const hd_family *f = model->family; f; f = f->base)
        for (const hd_tied_pair *pair = f->tied; pair && pair->one; pair++) {
            const hd_stored_tensor *one, *other;
            HD_TRY(hd_weight_find_named(model, weights, pair->one, &one));
            HD_TRY(hd_weight_find_named(model, weights, pair->other, &other));
            if (one && other && !have_same_numbers(one, other))
                return hd_fail(model->context, HEED_UNSUPPORTED,
                               "%s: tensors \"%s\" and \"%s\" differ, but heed has one of them alone", one->file,
                               one->name, other->name);
        }
    return HEED_OK;
}

/* As in transformers, a file that has an output table other than the embedding is right, whatever the config says. */
static heed_status read_tie(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    const hd_slot table = {recipe->target_vocabulary ? HD_DECODER : HD_SHARED, HD_MODULE_EMBEDDING, .part = HD_WHOLE};
    static const hd_slot output = {HD_SHARED, HD_MODULE_TOKEN_OUTPUT, .part = HD_WEIGHT};
    const hd_stored_tensor *embedding, *head;
    if (!hd_head_predicts_tokens((hd_head)recipe->head)) return HEED_OK;
    if (!recipe->target_vocabulary) HD_TRY(check_tied(model, weights));
    if (!hd_family_weight(model->family, &output)) return HEED_OK;
    HD_TRY(hd_weight_find_spelled(model, weights, &table, &embedding));
    HD_TRY(hd_weight_find_spelled(model, weights, &output, &head));
    /* in a nested config, which of the two says so depends on the version */
    if ((model->nested || model->family->tied_if_missing) && !head) recipe->untied = false;
    if (recipe->untied) return HEED_OK;
    recipe->untied = embedding && head && !have_same_numbers(embedding, head);
    if (recipe->untied)
        hd_note(model->context, "%s: the config ties \"%s\" to \"%s\", but they differ: both are used", head->file,
                head->name, embedding->name);
    return HEED_OK;
}

/* As in transformers, a decoder whose class has no head is a language model if the file has an output table. */
static heed_status add_head(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    static const hd_slot output = {HD_SHARED, HD_MODULE_TOKEN_OUTPUT, .part = HD_WEIGHT};
    const hd_stored_tensor *table;
    bool headless = recipe->head == HD_HEAD_NONE && recipe->side[HD_DECODER].layers && recipe->untied;
    if (!headless || !model->family->architectures[HD_HEAD_LANGUAGE] || !hd_family_weight(model->family, &output))
        return HEED_OK;
    HD_TRY(hd_weight_find_spelled(model, weights, &output, &table));
    if (table) recipe->head = HD_HEAD_LANGUAGE;
    return HEED_OK;
}

/* Whether the file has a bias of any module with this bit, in any layer. */
static heed_status has_bias(const heed_model *model, const hd_weights *weights, hd_network_side side, int64_t layers,
                            unsigned bit, bool *has) {
    static const struct {
        hd_module module;
        unsigned bit;
    } modules[] = {{HD_MODULE_Q, HD_BIAS_Q},
                   {HD_MODULE_K, HD_BIAS_K},
                   {HD_MODULE_V, HD_BIAS_V},
                   {HD_MODULE_OUT, HD_BIAS_OUT},
                   {HD_MODULE_FFN_UP, HD_BIAS_FFN_IN},
                   {HD_MODULE_FFN_GATE, HD_BIAS_FFN_IN},
                   {HD_MODULE_FFN_DOWN, HD_BIAS_FFN_OUT}};
    *has = false;
    for (size_t i = 0; i < HD_COUNT(modules); i++)
        for (int64_t layer = 0; modules[i].bit == bit && layer < layers && !*has; layer++) {
            const hd_stored_tensor *stored;
            hd_slot slot = {side, modules[i].module, .layer = layer, .part = HD_BIAS};
            HD_TRY(hd_weight_find_spelled(model, weights, &slot, &stored));
            *has = stored != NULL;
        }
    return HEED_OK;
}

/* As in transformers, biases that the config states and the file lacks in all layers are zero: there are none. */
static heed_status read_biases(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    for (int side = 0; side < HD_SIDES; side++)
        for (unsigned bit = 1; bit <= HD_BIAS_ALL; bit <<= 1) {
            hd_side_recipe *r = &recipe->side[side];
            bool has;
            if (!(r->biases & model->family->optional_biases & bit)) continue;
            HD_TRY(has_bias(model, weights, (hd_network_side)side, r->layers, bit, &has));
            if (has) continue;
            r->biases &= ~bit;
            hd_note(model->context, "%s: the config states biases that no layer has; they are zero",
                    hd_weights_path(weights));
        }
    return HEED_OK;
}

/* What a parameter is stored in: a tensor, or some of its rows (of a transposed one: columns). */
typedef struct stored_rows {
    const hd_stored_tensor *tensor; /* NULL: there is none */
    int64_t rows, first;            /* all of them, and the parameter's first */
    bool transposed;
} stored_rows;

/* Biases of the masked head that the files lack are zero, in families whose files may lack them. */
static bool may_lack(const heed_model *model, const hd_slot *slot) {
    bool head = slot->module == HD_MODULE_HEAD_DENSE || slot->module == HD_MODULE_OUTPUT_LEARNED_BIAS;
    return slot->use == HD_USE_FIXED || (model->family->optional_head_biases && head && slot->part == HD_BIAS);
}

static heed_status find_stored(const heed_model *model, const hd_weights *weights, int64_t index, stored_rows *stored) {
    const hd_slot *slot = &model->network->slots[index];
    bool matrix = model->network->parameters[index]->dimensions == 2;
    const hd_weight_name *form;
    HD_TRY(hd_weight_find(model, weights, index, may_lack(model, slot), &form, &stored->tensor));
    stored->rows = hd_weight_rows(model, index, form, &stored->first);
    stored->transposed = matrix && form->transposed;
    return HEED_OK;
}

/* Checks the stored tensor's shape and element type against the parameter's. */
static heed_status expect(const heed_model *model, const stored_rows *stored, const hd_parameter *parameter) {
    int64_t shape[3], transposed[] = {parameter->columns, stored->rows};
    int dimensions = hd_parameter_shape(parameter, stored->rows, shape);
    HD_TRY(hd_stored_expect(model->context, stored->tensor, dimensions, stored->transposed ? transposed : shape));
    return hd_model_expect_weight(model->context, stored->tensor);
}

/* The first number of a parameter. */
static const char *start_of(const stored_rows *stored, const hd_parameter *parameter) {
    bool rows = parameter->dimensions == 2 && !stored->transposed;
    size_t first = (size_t)stored->first * (rows ? (size_t)parameter->columns : 1);
    return (const char *)stored->tensor->data + first * hd_dtype_size(stored->tensor->dtype);
}

/* A parameter's numbers in float32. */
static void widen(const stored_rows *stored, const hd_parameter *parameter, float *data) {
    hd_dtype dtype = stored->tensor->dtype;
    const char *start = start_of(stored, parameter);
    if (!stored->transposed) {
        hd_widen(dtype, start, data, (size_t)hd_parameter_count(parameter));
        return;
    }
    size_t size = hd_dtype_size(dtype), columns = (size_t)parameter->columns, stride = (size_t)stored->rows;
    for (size_t r = 0; r < (size_t)parameter->rows; r++)
        for (size_t c = 0; c < columns; c++)
            hd_widen(dtype, start + (c * stride + r) * size, data + r * columns + c, 1);
}

static heed_status load_data(heed_model *model, hd_parameter *parameter, const stored_rows *stored) {
    hd_network *network = model->network;
    size_t count = (size_t)hd_parameter_count(parameter), bytes = count * sizeof *parameter->data;
    if (!parameter->data) parameter->data = hd_arena_alloc(&network->numbers, count, sizeof *parameter->data);
    float *host = parameter->data ? hd_stream_map(&network->stream, parameter->data, bytes, HD_TO_WRITE) : NULL;
    if (!host) return HEED_MEMORY;
    if (stored->tensor)
        widen(stored, parameter, host);
    else
        memset(host, 0, bytes);
    hd_stream_unmap(&network->stream, host, parameter->data, bytes, HD_TO_WRITE);
    parameter->packed_stale = true;
    return network->status;
}

/* What packing reads of a matrix or table. */
static void locate(hd_parameter *parameter, const stored_rows *stored) {
    parameter->dtype = stored->tensor->dtype;
    parameter->stored = start_of(stored, parameter);
    if (stored->transposed) parameter->stored_stride = stored->rows;
}

static heed_status load_parameter(heed_model *model, const hd_weights *weights, int64_t index,
                                  hd_open_purpose purpose) {
    hd_parameter *parameter = model->network->parameters[index];
    const hd_slot *slot = &model->network->slots[index];
    stored_rows stored;
    HD_TRY(find_stored(model, weights, index, &stored));
    const hd_stored_tensor *tensor = stored.tensor;
    if (!tensor && purpose != HD_OPEN_TO_DESCRIBE) return load_data(model, parameter, &stored);
    if (tensor) HD_TRY(expect(model, &stored, parameter));
    if (purpose == HD_OPEN_TO_DESCRIBE) {
        parameter->dtype = tensor && hd_dtypes[tensor->dtype].config ? tensor->dtype : HD_F32;
        return HEED_OK;
    }
    bool packed = purpose == HD_OPEN_TO_RUN && parameter->rows > 1 && slot->use != HD_USE_SHIFT &&
                  hd_dtypes[tensor->dtype].config;
    if (packed) {
        locate(parameter, &stored);
        return HEED_OK;
    }
    HD_TRY(hd_model_expect_finite(model->context, tensor));
    HD_TRY(load_data(model, parameter, &stored));
    if (hd_weights_are_mapped(weights)) hd_map_release(tensor->data, tensor->bytes);
    return HEED_OK;
}

/* Names the first stored tensor that packing refused. */
static heed_status refuse_numbers(const heed_model *model, const hd_weights *weights) {
    for (int64_t i = 0; i < model->network->count; i++) {
        const hd_weight_name *form;
        const hd_stored_tensor *stored;
        if (!model->network->parameters[i]->stored) continue;
        HD_TRY(hd_weight_find(model, weights, i, false, &form, &stored));
        HD_TRY(hd_model_expect_finite(model->context, stored));
    }
    return HEED_NUMERIC;
}

static heed_status pack(const heed_model *model, const hd_weights *weights) {
    heed_status status = hd_network_pack_mapped(model->network, hd_weights_are_mapped(weights) ? hd_map_release : NULL);
    if (status == HEED_NUMERIC) status = refuse_numbers(model, weights);
    for (int64_t i = 0; i < model->network->count; i++) model->network->parameters[i]->stored = NULL;
    return status;
}

static heed_status load(heed_model *model, const hd_weights *weights, hd_open_purpose purpose) {
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *stored = hd_weights_at(weights, i);
        if (!stored->unread) model->stored[stored->dtype] += stored->bytes;
    }
    for (int64_t i = 0; i < model->network->count; i++) HD_TRY(load_parameter(model, weights, i, purpose));
    return purpose == HD_OPEN_TO_RUN ? pack(model, weights) : HEED_OK;
}

static heed_status read_recipe(heed_model *model, const hd_json *config, const char *model_type, hd_recipe *recipe) {
    model->family = hd_family_named(model_type);
    if (!model->family) return hd_family_refuse(config, model_type);
    return hd_family_read(model->family, config, recipe);
}

static heed_status open_network(heed_model *model, const hd_json *config, const hd_recipe *recipe) {
    if (hd_network_open(model->context, recipe, &model->network) != HEED_OK)
        return model->context->status == HEED_MEMORY ? HEED_MEMORY : hd_fail_in(model->context, config->path);
    HD_TRY(name_parameters(model));
    HD_TRY(hd_labels_read(config, model));
    return hd_generation_read(model->folder, config, &model->network->recipe, &model->network->arena,
                              &model->generation, &model->chosen);
}

/* A sentence-transformers folder often keeps the name of the head that the network was trained with, but not its weights. That
 * of an encoder–decoder has the encoder alone. */
static heed_status drop_head(heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    static const hd_module outputs[HD_HEADS] = {[HD_HEAD_LANGUAGE] = HD_MODULE_TOKEN_OUTPUT,
                                                [HD_HEAD_MASKED] = HD_MODULE_HEAD_DENSE,
                                                [HD_HEAD_CLASSIFY_TEXT] = HD_MODULE_TEXT_OUTPUT,
                                                [HD_HEAD_CLASSIFY_TOKENS] = HD_MODULE_OUTPUT,
                                                [HD_HEAD_ANSWER] = HD_MODULE_ANSWER_OUTPUT};
    static const hd_slot decoder = {HD_DECODER, HD_MODULE_Q, .part = HD_WEIGHT};
    hd_slot output = {HD_SHARED, outputs[recipe->head], .part = HD_WEIGHT};
    const hd_stored_tensor *stored;
    hd_modules modules;
    bool listed, translates = hd_recipe_translates(recipe);
    bool tied = recipe->head == HD_HEAD_LANGUAGE && !recipe->untied && !translates;
    if (recipe->head == HD_HEAD_NONE || tied || !model->family->architectures[HD_HEAD_NONE]) return HEED_OK;
    HD_TRY(hd_weight_find_spelled(model, weights, translates ? &decoder : &output, &stored));
    if (stored) return HEED_OK;
    HD_TRY(hd_modules_find(model->context, model->folder, &modules, &listed));
    if (!listed) return HEED_OK;
    hd_modules_close(&modules);
    if (translates) recipe->side[HD_DECODER] = (hd_side_recipe){0};
    return hd_family_change_head(model->context, model->family, HD_HEAD_NONE, 0, recipe);
}

/* As in transformers, a decoder's file that has an output layer for tokens is a language model, though its config names the class
 * without a head. */
static heed_status find_head(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    static const hd_slot output = {HD_SHARED, HD_MODULE_TOKEN_OUTPUT, .part = HD_WEIGHT};
    const hd_stored_tensor *stored;
    bool decodes = recipe->side[HD_DECODER].layers && model->family->architectures[HD_HEAD_LANGUAGE];
    if (recipe->head != HD_HEAD_NONE || !decodes || !hd_family_weight(model->family, &output)) return HEED_OK;
    HD_TRY(hd_weight_find_spelled(model, weights, &output, &stored));
    return stored ? hd_family_change_head(model->context, model->family, HD_HEAD_LANGUAGE, 0, recipe) : HEED_OK;
}

/* A model without a head may have a pooler, which is kept for those that read it. */
static heed_status find_pooler(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    static const hd_slot pooler = {HD_SHARED, HD_MODULE_STORED_POOLER, .part = HD_WEIGHT};
    const hd_stored_tensor *stored;
    if (recipe->head != HD_HEAD_NONE || !hd_family_weight(model->family, &pooler)) return HEED_OK;
    HD_TRY(hd_weight_find_spelled(model, weights, &pooler, &stored));
    recipe->head_dense = stored != NULL;
    return HEED_OK;
}

/* The file of weights is closed when all of it that is needed is in memory. */
static heed_status open_weighted(heed_model *model, const hd_json *config, hd_recipe *recipe, hd_open_purpose purpose) {
    hd_weights *weights;
    HD_TRY(hd_weights_open(model->context, model->folder, &weights));
    heed_status status = drop_head(model, weights, recipe);
    if (status == HEED_OK) status = find_head(model, weights, recipe);
    if (status == HEED_OK) status = find_pooler(model, weights, recipe);
    if (status == HEED_OK) status = add_head(model, weights, recipe);
    if (status == HEED_OK) status = read_tie(model, weights, recipe);
    if (status == HEED_OK) status = read_biases(model, weights, recipe);
    if (status == HEED_OK) status = open_network(model, config, recipe);
    if (status == HEED_OK && purpose == HD_OPEN_TO_RUN) status = hd_task_params_read(model, config);
    if (status == HEED_OK) status = load(model, weights, purpose);
    if (status == HEED_OK) status = hd_weights_note_extra(model, weights);
    hd_weights_close(weights);
    return status;
}

static heed_status open_config(heed_model *model, const hd_json *config, const char *model_type,
                               hd_open_purpose purpose) {
    hd_json text;
    hd_recipe recipe;
    HD_TRY(hd_nested_find(config, &text, &model_type));
    model->nested = text.root != NULL;
    if (model->nested) config = &text;
    HD_TRY(read_recipe(model, config, model_type, &recipe));
    return open_weighted(model, config, &recipe, purpose);
}

static heed_status open_folder(heed_model *model, hd_open_purpose purpose) {
    hd_json config = {0};
    const char *model_type;
    heed_status status = hd_model_config_open(model->context, model->folder, &config, &model_type);
    if (status == HEED_OK) status = open_config(model, &config, model_type, purpose);
    hd_json_close(&config);
    return status;
}

static heed_status new_model(heed_context *context, heed_model **model) {
    *model = hd_alloc_zeroed(context, 1, sizeof **model);
    if (!*model) return HEED_MEMORY;
    (*model)->context = context;
    return HEED_OK;
}

heed_status hd_model_open_untokenized(heed_context *context, const char *name, hd_open_purpose purpose,
                                      heed_model **out) {
    heed_model *model;
    *out = NULL;
    HD_TRY(new_model(context, &model));
    heed_status status = hd_model_folder_find(context, name, &model->folder);
    if (status == HEED_OK) status = open_folder(model, purpose);
    if (status == HEED_OK)
        *out = model;
    else
        hd_model_close(model);
    return status;
}

static heed_status open_embedder(heed_model *model, hd_open_purpose purpose) {
    HD_TRY(hd_embedder_open(model, purpose == HD_OPEN_TO_RUN));
    HD_TRY(hd_ranker_open(model));
    bool lowercase = model->embedder && model->embedder->lowercase;
    return lowercase ? hd_tokenizer_lowercase(model->tokenizer) : HEED_OK;
}

static heed_status open_tokenizers(heed_model *model) {
    HD_TRY(hd_tokenizer_open_folder(model->context, model->folder, &model->tokenizer));
    if (!hd_recipe_translates(&model->network->recipe)) return HEED_OK;
    hd_model_begin_languages(model);
    return hd_tokenizer_open_target(model->context, model->folder, &model->target_tokenizer);
}

heed_status hd_model_open(heed_context *context, const char *name, hd_open_purpose purpose, heed_model **out) {
    HD_TRY(hd_model_open_untokenized(context, name, purpose, out));
    heed_status status = open_tokenizers(*out);
    if (status == HEED_OK) status = hd_specials_find(*out);
    if (status == HEED_OK && (*out)->network->recipe.side[HD_DECODER].layers)
        status = hd_chat_templates_open(context, (*out)->folder, &(*out)->chat);
    if (status == HEED_OK && purpose != HD_OPEN_TO_TRAIN) status = open_embedder(*out, purpose);
    if (status == HEED_OK) return HEED_OK;
    hd_model_close(*out);
    *out = NULL;
    return status;
}

static heed_status refuse_recipe(heed_context *context, const hd_family *family, const hd_recipe *recipe) {
    const hd_side_recipe *side = hd_recipe_top(recipe);
    const char *positions =
        side->positions == HD_POSITIONS_NONE ? "no" : hd_choice_name(hd_position_kinds, side->positions);
    return hd_fail(context, HEED_UNSUPPORTED, "no model of %s%s has this structure, with %s-norm and %s positions",
                   family ? "the family " : "any family", family ? family->model_type : "",
                   side->norm_placement == HD_NORM_PRE ? "pre" : "post", positions ? positions : "unknown");
}

/* The given family if it carries the recipe; of NULL, any that does. */
static heed_status choose_family(heed_model *model, const hd_family *given, const hd_recipe *recipe) {
    bool carries = false;
    for (int i = 0; hd_families[i] && !model->family; i++) {
        if (given && hd_families[i] != given) continue;
        HD_TRY(hd_family_carries(model->context, hd_families[i], recipe, &carries));
        if (carries) model->family = hd_families[i];
    }
    return model->family ? HEED_OK : refuse_recipe(model->context, given, recipe);
}

heed_status hd_model_make(heed_context *context, const hd_family *family, const hd_recipe *recipe,
                          heed_tokenizer *tokenizer, uint64_t seed, heed_model **out) {
    heed_model *model;
    *out = NULL;
    HD_TRY(new_model(context, &model));
    heed_status status = choose_family(model, family, recipe);
    if (status == HEED_OK) status = hd_network_open(context, recipe, &model->network);
    if (status == HEED_OK) hd_generation_of(&model->network->recipe, &model->generation);
    if (status == HEED_OK) status = name_parameters(model);
    if (status == HEED_OK) status = hd_network_initialize(model->network, seed);
    model->tokenizer = tokenizer;
    if (status == HEED_OK && tokenizer) status = hd_specials_find(model);
    if (status != HEED_OK) {
        model->tokenizer = NULL; /* it stays the caller's */
        hd_model_close(model);
        return status;
    }
    *out = model;
    return HEED_OK;
}

void hd_model_close(heed_model *model) {
    if (!model) return;
    hd_network_close(model->network);
    hd_tokenizer_close(model->tokenizer);
    hd_tokenizer_close(model->target_tokenizer);
    hd_chat_templates_close(model->chat);
    hd_free(model->context, model->folder);
    hd_free(model->context, model);
}

heed_status hd_model_load_weights(heed_model *model, const char *path) {
    hd_safetensors *file;
    HD_TRY(hd_safetensors_open(model->context, path, &file));
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < model->network->count && status == HEED_OK; i++) {
        hd_parameter *parameter = model->network->parameters[i];
        const hd_stored_tensor *stored = hd_safetensors_find(file, parameter->name);
        int64_t matrix[] = {parameter->rows, parameter->columns}, vector[] = {parameter->columns};
        if (!stored)
            status = hd_fail(model->context, HEED_FORMAT, "%s: tensor \"%s\" is missing", path, parameter->name);
        else
            status = hd_stored_expect(model->context, stored, parameter->dimensions,
                                      parameter->dimensions == 2 ? matrix : vector);
        if (status == HEED_OK) status = load_data(model, parameter, &(stored_rows){.tensor = stored});
    }
    hd_safetensors_close(file);
    return status;
}

int64_t hd_model_longest(const heed_model *model) {
    int64_t longest = hd_recipe_longest(&model->network->recipe);
    const hd_truncation *truncation = model->tokenizer ? hd_tokenizer_truncation(model->tokenizer) : NULL;
    bool truncates = truncation && truncation->present && truncation->longest < INT64_MAX;
    return truncates ? hd_min(longest, (int64_t)truncation->longest) : longest;
}

int64_t hd_model_window(const heed_model *model) {
    int64_t network = hd_recipe_longest(&model->network->recipe);
    bool listed = network < INT64_MAX && model->max_length;
    int64_t longest = listed ? hd_min(network, model->max_length) : hd_model_longest(model);
    return longest < INT64_MAX ? longest : 0;
}

heed_status hd_model_check_length(const heed_model *model, size_t count) {
    int64_t longest = hd_model_longest(model);
    if ((int64_t)count <= longest) return HEED_OK;
    return hd_fail(model->context, HEED_LENGTH, "%zu tokens are more than the model's %lld", count, (long long)longest);
}

heed_status hd_model_check_ids(const heed_model *model, const int32_t *ids, size_t count) {
    int64_t vocabulary = model->network->recipe.vocabulary;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < vocabulary) continue;
        const char *token = hd_tokenizer_token(model->tokenizer, ids[i]);
        return hd_fail(model->context, HEED_LENGTH, "the token \"%s\" (%d) is not one of the model's %lld",
                       token ? token : "", ids[i], (long long)vocabulary);
    }
    return HEED_OK;
}

/* A decoder without a head whose embedding is tied is a language model, as in transformers. */
bool hd_model_predicts(const heed_model *model, hd_head head, bool encoder, bool decoder) {
    const hd_recipe *r = &model->network->recipe;
    bool by_embedding = r->head == HD_HEAD_NONE && head == HD_HEAD_LANGUAGE && hd_recipe_scores_tokens(r);
    if ((hd_head)r->head != head && !by_embedding) return false;
    if (!hd_head_predicts_tokens(head)) return true;
    return (r->side[HD_ENCODER].layers > 0) == encoder && (r->side[HD_DECODER].layers > 0) == decoder;
}

int64_t hd_model_parameters(const heed_model *model) {
    int64_t total = 0;
    for (int64_t i = 0; i < model->network->count; i++) total += hd_parameter_count(model->network->parameters[i]);
    return total;
}
