/* Opening a model folder: config → recipe → stack → weights. */
#include "models/model.h"

#include "base/file.h"
#include "formats/model_folder.h"
#include "formats/widen.h"

#include <string.h>

/* Gives every parameter the name that the family stores it under. */
static heed_status name_parameters(heed_model *model) {
    hd_network *network = model->network;
    for (int64_t i = 0; i < network->count; i++) {
        hd_buffer name;
        hd_buffer_open(&name, model->context);
        hd_family_weight_name(model->family, &network->slots[i], &name);
        char *kept = name.failed ? NULL : hd_arena_alloc(&network->arena, name.size + 1, 1);
        if (kept) memcpy(kept, name.size ? name.data : "", name.size + 1);
        hd_buffer_close(&name);
        if (!kept) return HEED_MEMORY;
        network->parameters[i].name = kept;
    }
    return HEED_OK;
}

static const hd_stored_tensor *find(const heed_model *model, const hd_weights *weights, int64_t index) {
    const hd_stored_tensor *stored = hd_weights_find(weights, model->network->parameters[index].name);
    if (stored || model->network->slots[index].role != HD_TOKEN_EMBEDDING) return stored;
    for (const hd_family *family = model->family; family; family = family->base)
        for (size_t i = 0; family->aliases && family->aliases[i]; i++)
            if ((stored = hd_weights_find(weights, family->aliases[i]))) return stored;
    return NULL;
}

static heed_status widen(heed_model *model, hd_parameter *parameter, const hd_stored_tensor *stored) {
    size_t count = (size_t)hd_parameter_count(parameter);
    if (!parameter->data) parameter->data = hd_arena_alloc(&model->network->arena, count, sizeof *parameter->data);
    if (!parameter->data) return HEED_MEMORY;
    if (stored)
        hd_widen(stored->dtype, stored->data, parameter->data, count);
    else
        memset(parameter->data, 0, count * sizeof *parameter->data);
    parameter->panels_stale = true;
    return HEED_OK;
}

static heed_status load_parameter(heed_model *model, const hd_weights *weights, int64_t index,
                                  hd_open_purpose purpose) {
    hd_parameter *parameter = &model->network->parameters[index];
    const hd_stored_tensor *stored = find(model, weights, index);
    if (!stored && model->network->slots[index].role == HD_OUTPUT_BIAS) return widen(model, parameter, NULL);
    if (!stored) HD_TRY(hd_weights_require(weights, parameter->name, &stored));
    int64_t matrix[] = {parameter->rows, parameter->columns}, vector[] = {parameter->columns};
    HD_TRY(
        hd_stored_expect(model->context, stored, parameter->dimensions, parameter->dimensions == 2 ? matrix : vector));
    if (stored->dtype != HD_F32 && stored->dtype != HD_F16 && stored->dtype != HD_BF16)
        return hd_fail(model->context, HEED_UNSUPPORTED,
                       "%s: tensor \"%s\" is %s; heed reads F32, F16 and BF16 weights", stored->file, stored->name,
                       hd_dtype_name(stored->dtype));
    int64_t bad = hd_find_nonfinite(stored->dtype, stored->data, stored->count);
    if (bad >= 0)
        return hd_fail(model->context, HEED_NUMERIC, "%s: tensor \"%s\" has a NaN or an infinity at [%lld, %lld]",
                       stored->file, stored->name, (long long)(bad / parameter->columns),
                       (long long)(bad % parameter->columns));
    if (purpose == HD_OPEN_TO_TRAIN || parameter->rows == 1) return widen(model, parameter, stored);
    parameter->stored = stored->data;
    parameter->dtype = stored->dtype;
    hd_role role = model->network->slots[index].role;
    if (role == HD_ENCODER_POSITIONS || role == HD_DECODER_POSITIONS) return HEED_OK;
    HD_TRY(hd_parameter_pack(model->context, &model->network->arena, parameter, HD_F32));
    if (role != HD_TOKEN_EMBEDDING) hd_map_release(stored->data, stored->bytes);
    return HEED_OK;
}

static const hd_family *family_of(const char *model_type) {
    for (int i = 0; hd_families[i]; i++)
        if (strcmp(hd_families[i]->model_type, model_type) == 0) return hd_families[i];
    return NULL;
}

static heed_status refuse_family(heed_context *context, const char *path, const char *model_type) {
    hd_buffer known;
    hd_buffer_open(&known, context);
    for (int i = 0; hd_families[i]; i++) hd_buffer_format(&known, "%s%s", i ? ", " : "", hd_families[i]->model_type);
    hd_fail(context, HEED_UNSUPPORTED, "%s: models of type \"%s\" are not supported; heed opens: %s", path, model_type,
            known.data ? known.data : "");
    hd_buffer_close(&known);
    return HEED_UNSUPPORTED;
}

static heed_status open_stack(heed_model *model, const hd_json *config, const char *model_type) {
    model->family = family_of(model_type);
    if (!model->family) return refuse_family(model->context, config->path, model_type);
    hd_recipe recipe;
    HD_TRY(hd_family_read(model->family, config, &recipe));
    if (hd_network_open(model->context, &recipe, &model->network) != HEED_OK)
        return model->context->status == HEED_MEMORY ? HEED_MEMORY : hd_fail_in(model->context, config->path);
    return name_parameters(model);
}

static heed_status open_tokenizer(heed_model *model) {
    char *path = hd_path_join(model->context, model->folder, "tokenizer.json");
    if (!path) return HEED_MEMORY;
    heed_status status = hd_tokenizer_open(model->context, path, &model->tokenizer);
    if (status == HEED_OK && (int64_t)hd_tokenizer_size(model->tokenizer) > model->network->recipe.vocabulary)
        status = hd_fail(model->context, HEED_FORMAT, "%s: the tokenizer has %zu tokens, but the model only %lld", path,
                         hd_tokenizer_size(model->tokenizer), (long long)model->network->recipe.vocabulary);
    hd_free(model->context, path);
    return status;
}

static heed_status open_folder(heed_model *model, hd_open_purpose purpose) {
    hd_json config = {0};
    const char *model_type;
    heed_status status = hd_model_config_open(model->context, model->folder, &config, &model_type);
    if (status == HEED_OK) status = open_stack(model, &config, model_type);
    hd_json_close(&config);
    HD_TRY(status);
    HD_TRY(hd_weights_open(model->context, model->folder, &model->weights));
    for (int64_t i = 0; i < model->network->count; i++) HD_TRY(load_parameter(model, model->weights, i, purpose));
    HD_TRY(open_tokenizer(model));
    return hd_generation_read(model->context, model->folder, &model->generation);
}

static heed_status new_model(heed_context *context, heed_model **model) {
    *model = hd_alloc_zeroed(context, 1, sizeof **model);
    if (!*model) return HEED_MEMORY;
    (*model)->context = context;
    hd_generation_default(&(*model)->generation);
    return HEED_OK;
}

heed_status hd_model_open(heed_context *context, const char *name, hd_open_purpose purpose, heed_model **out) {
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

heed_status hd_model_make(heed_context *context, const hd_recipe *recipe, heed_tokenizer *tokenizer, uint64_t seed,
                          heed_model **out) {
    heed_model *model;
    *out = NULL;
    HD_TRY(new_model(context, &model));
    for (int i = 0; hd_families[i] && !model->family; i++)
        if (hd_families[i]->carries(recipe)) model->family = hd_families[i];
    heed_status status = HEED_OK;
    if (!model->family)
        status = hd_fail(context, HEED_UNSUPPORTED,
                         "no kind of Hugging Face model can hold this recipe (%s norm, %s positions)",
                         recipe->pre_norm ? "pre" : "post", recipe->positions ? "learned" : "sinusoidal");
    if (status == HEED_OK) status = hd_network_open(context, recipe, &model->network);
    if (status == HEED_OK) status = name_parameters(model);
    if (status == HEED_OK) status = hd_network_initialize(model->network, seed);
    if (status != HEED_OK) {
        hd_model_close(model);
        return status;
    }
    model->tokenizer = tokenizer;
    *out = model;
    return HEED_OK;
}

void hd_model_close(heed_model *model) {
    if (!model) return;
    hd_network_close(model->network);
    hd_tokenizer_close(model->tokenizer);
    hd_weights_close(model->weights);
    hd_free(model->context, model->folder);
    hd_free(model->context, model);
}

heed_status hd_model_load_weights(heed_model *model, const char *path) {
    hd_safetensors *file;
    HD_TRY(hd_safetensors_open(model->context, path, &file));
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < model->network->count && status == HEED_OK; i++) {
        hd_parameter *parameter = &model->network->parameters[i];
        const hd_stored_tensor *stored = hd_safetensors_find(file, parameter->name);
        int64_t matrix[] = {parameter->rows, parameter->columns}, vector[] = {parameter->columns};
        if (!stored)
            status = hd_fail(model->context, HEED_FORMAT, "%s: tensor \"%s\" is missing", path, parameter->name);
        else
            status = hd_stored_expect(model->context, stored, parameter->dimensions,
                                      parameter->dimensions == 2 ? matrix : vector);
        if (status == HEED_OK) status = widen(model, parameter, stored);
    }
    hd_safetensors_close(file);
    return status;
}

int64_t hd_model_parameters(const heed_model *model) {
    int64_t total = 0;
    for (int64_t i = 0; i < model->network->count; i++) total += hd_parameter_count(&model->network->parameters[i]);
    return total;
}
