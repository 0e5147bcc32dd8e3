/* Opening a model folder: config → recipe → network → weights. */
#include "models/model.h"

#include "base/file.h"
#include "formats/model_folder.h"
#include "formats/widen.h"
#include "text/folder.h"

#include <string.h>

/* Gives every parameter a name: that which the family stores it under, and where several are stored as one, which of them
 * it is. */
static heed_status name_parameters(heed_model *model) {
    hd_network *network = model->network;
    for (int64_t i = 0; i < network->count; i++) {
        const hd_weight_name *weight = hd_family_weight(model->family, &network->slots[i]);
        hd_buffer name;
        hd_buffer_open(&name, model->context);
        hd_family_weight_name(model->family, &network->slots[i], &name);
        if (weight && weight->parts) hd_buffer_format(&name, " %d/%d", weight->part + 1, weight->parts);
        char *kept = name.failed ? NULL : hd_arena_alloc(&network->arena, name.size + 1, 1);
        if (kept) memcpy(kept, name.size ? name.data : "", name.size + 1);
        hd_buffer_close(&name);
        if (!kept) return HEED_MEMORY;
        network->parameters[i]->name = kept;
    }
    return HEED_OK;
}

/* Finds the stored tensor of a slot under any spelling of its name; *stored is NULL if there is none. */
static heed_status find_spelled(const heed_model *model, const hd_weights *weights, const hd_slot *slot,
                                const hd_stored_tensor **stored) {
    hd_buffer name;
    hd_buffer_open(&name, model->context);
    *stored = NULL;
    for (unsigned set = 0; !*stored && !name.failed; set++) {
        hd_buffer_clear(&name);
        if (!hd_family_respelled_name(model->family, slot, set, &name)) break;
        if (!name.failed) *stored = hd_weights_find(weights, name.data);
    }
    heed_status status = name.failed ? HEED_MEMORY : HEED_OK;
    hd_buffer_close(&name);
    return status;
}

/* The same, and the shared embedding under its other names. If there is no such tensor, it is an error unless
 * `optional`. */
static heed_status find(const heed_model *model, const hd_weights *weights, int64_t index, bool optional,
                        const hd_stored_tensor **stored) {
    const hd_slot *slot = &model->network->slots[index];
    HD_TRY(find_spelled(model, weights, slot, stored));
    bool aliased = slot->module == HD_MODULE_EMBEDDING && !model->network->recipe.untied;
    for (const hd_family *f = model->family; f && aliased; f = f->base)
        for (size_t i = 0; f->aliases && f->aliases[i] && !*stored; i++)
            *stored = hd_weights_find(weights, f->aliases[i]);
    if (*stored || optional) return HEED_OK;
    hd_buffer name;
    hd_buffer_open(&name, model->context);
    hd_family_weight_name(model->family, slot, &name);
    heed_status status = name.failed ? HEED_MEMORY : hd_weights_require(weights, name.data, stored);
    hd_buffer_close(&name);
    return status;
}

/* ---- weights that are tied ---- */

static bool is_readable(const hd_stored_tensor *t) { return hd_dtypes[t->dtype].config != NULL; }

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
            const hd_stored_tensor *one = hd_weights_find(weights, pair->one);
            const hd_stored_tensor *other = hd_weights_find(weights, pair->other);
            if (one && other && !have_same_numbers(one, other))
                return hd_fail(model->context, HEED_UNSUPPORTED,
                               "%s: tensors \"%s\" and \"%s\" differ, but heed has one of them alone", one->file,
                               one->name, other->name);
        }
    return HEED_OK;
}

/* As in transformers, a file that has an output table other than the embedding is right, whatever the config says. */
static heed_status read_tie(const heed_model *model, const hd_weights *weights, hd_recipe *recipe) {
    static const hd_slot table = {HD_SHARED, HD_MODULE_EMBEDDING, .part = HD_WHOLE};
    static const hd_slot output = {HD_SHARED, HD_MODULE_TOKEN_OUTPUT, .part = HD_WEIGHT};
    const hd_stored_tensor *embedding, *head;
    if (hd_head_classifies((hd_head)recipe->head)) return HEED_OK;
    HD_TRY(check_tied(model, weights));
    if (recipe->untied || !hd_family_weight(model->family, &output)) return HEED_OK;
    HD_TRY(find_spelled(model, weights, &table, &embedding));
    HD_TRY(find_spelled(model, weights, &output, &head));
    recipe->untied = embedding && head && !have_same_numbers(embedding, head);
    if (recipe->untied)
        hd_note(model->context, "%s: the config ties \"%s\" to \"%s\", but they differ: both are used", head->file,
                head->name, embedding->name);
    return HEED_OK;
}

/* Checks the stored tensor's shape and element type against the parameter's. */
static heed_status expect(const heed_model *model, const hd_stored_tensor *stored, const hd_parameter *parameter,
                          const hd_weight_name *weight) {
    int64_t parts = hd_max(weight->parts, 1);
    int64_t matrix[] = {parts * parameter->rows, parameter->columns}, vector[] = {parts * parameter->columns};
    int64_t transposed[] = {matrix[1], matrix[0]};
    HD_TRY(hd_stored_expect(model->context, stored, parameter->dimensions,
                            parameter->dimensions == 1 ? vector
                            : weight->transposed       ? transposed
                                                       : matrix));
    if (!hd_dtypes[stored->dtype].config)
        return hd_fail(model->context, HEED_UNSUPPORTED,
                       "%s: tensor \"%s\" is %s; heed reads weights in " HD_WEIGHT_DTYPES, stored->file, stored->name,
                       hd_dtype_name(stored->dtype));
    return HEED_OK;
}

static heed_status expect_finite(heed_context *context, const hd_stored_tensor *stored) {
    int64_t bad = hd_find_nonfinite(stored->dtype, stored->data, stored->count);
    if (bad < 0) return HEED_OK;
    int64_t width = hd_max(stored->dimensions ? stored->shape[stored->dimensions - 1] : 1, 1);
    return hd_fail(context, HEED_NUMERIC, "%s: tensor \"%s\" has a NaN or an infinity at [%lld, %lld]", stored->file,
                   stored->name, (long long)(bad / width), (long long)(bad % width));
}

/* The first number of a parameter's part of what is stored, of parts that lie one after the other. */
static const void *part_of(const hd_stored_tensor *stored, const hd_parameter *parameter,
                           const hd_weight_name *weight) {
    return (const char *)stored->data +
           (size_t)(weight->part * hd_parameter_count(parameter)) * hd_dtype_size(stored->dtype);
}

/* A parameter's numbers in float32. */
static void widen(const hd_stored_tensor *stored, const hd_parameter *parameter, const hd_weight_name *weight,
                  float *data) {
    if (!weight->transposed || parameter->dimensions == 1) {
        hd_widen(stored->dtype, part_of(stored, parameter, weight), data, (size_t)hd_parameter_count(parameter));
        return;
    }
    size_t size = hd_dtype_size(stored->dtype), rows = (size_t)parameter->rows, columns = (size_t)parameter->columns;
    size_t stride = rows * (size_t)hd_max(weight->parts, 1), first = rows * (size_t)weight->part;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            hd_widen(stored->dtype, (const char *)stored->data + (c * stride + first + r) * size,
                     data + r * columns + c, 1);
}

static heed_status load_data(heed_model *model, hd_parameter *parameter, const hd_stored_tensor *stored,
                             const hd_weight_name *weight) {
    hd_network *network = model->network;
    size_t count = (size_t)hd_parameter_count(parameter), bytes = count * sizeof *parameter->data;
    if (!parameter->data) parameter->data = hd_arena_alloc(&network->numbers, count, sizeof *parameter->data);
    float *host = parameter->data ? hd_stream_map(&network->stream, parameter->data, bytes, HD_TO_WRITE) : NULL;
    if (!host) return HEED_MEMORY;
    if (stored)
        widen(stored, parameter, weight, host);
    else
        memset(host, 0, bytes);
    hd_stream_unmap(&network->stream, host, parameter->data, bytes, HD_TO_WRITE);
    parameter->packed_stale = true;
    return network->status;
}

/* What packing reads of a matrix or table. */
static void locate(hd_parameter *parameter, const hd_stored_tensor *stored, const hd_weight_name *weight) {
    parameter->dtype = stored->dtype;
    if (weight->transposed) {
        parameter->stored_stride = parameter->rows * hd_max(weight->parts, 1);
        parameter->stored =
            (const char *)stored->data + (size_t)(weight->part * parameter->rows) * hd_dtype_size(stored->dtype);
    } else {
        parameter->stored = part_of(stored, parameter, weight);
    }
}

static heed_status load_parameter(heed_model *model, const hd_weights *weights, int64_t index,
                                  hd_open_purpose purpose) {
    hd_parameter *parameter = model->network->parameters[index];
    const hd_slot *slot = &model->network->slots[index];
    const hd_weight_name *weight = hd_family_weight(model->family, slot);
    const hd_stored_tensor *stored;
    HD_TRY(find(model, weights, index, slot->use == HD_USE_FIXED, &stored));
    if (!stored) return load_data(model, parameter, NULL, weight);
    HD_TRY(expect(model, stored, parameter, weight));
    bool packed = purpose == HD_OPEN_TO_RUN && parameter->rows > 1 && slot->use != HD_USE_SHIFT;
    if (packed) {
        locate(parameter, stored, weight);
        return HEED_OK;
    }
    HD_TRY(expect_finite(model->context, stored));
    HD_TRY(load_data(model, parameter, stored, weight));
    hd_map_release(stored->data, stored->bytes);
    return HEED_OK;
}

/* Names the first stored tensor that packing refused. */
static heed_status refuse_numbers(const heed_model *model, const hd_weights *weights) {
    for (int64_t i = 0; i < model->network->count; i++) {
        const hd_stored_tensor *stored;
        if (!model->network->parameters[i]->stored) continue;
        HD_TRY(find(model, weights, i, false, &stored));
        HD_TRY(expect_finite(model->context, stored));
    }
    return HEED_NUMERIC;
}

static heed_status pack(const heed_model *model, const hd_weights *weights) {
    heed_status status = hd_network_pack_mapped(model->network, hd_map_release);
    if (status == HEED_NUMERIC) status = refuse_numbers(model, weights);
    for (int64_t i = 0; i < model->network->count; i++) model->network->parameters[i]->stored = NULL;
    return status;
}

static heed_status load(heed_model *model, const hd_weights *weights, hd_open_purpose purpose) {
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *stored = hd_weights_at(weights, i);
        model->stored[stored->dtype] += stored->bytes;
    }
    for (int64_t i = 0; i < model->network->count; i++) HD_TRY(load_parameter(model, weights, i, purpose));
    return purpose == HD_OPEN_TO_RUN ? pack(model, weights) : HEED_OK;
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

static heed_status read_recipe(heed_model *model, const hd_json *config, const char *model_type, hd_recipe *recipe) {
    model->family = hd_family_named(model_type);
    if (!model->family) return refuse_family(model->context, config->path, model_type);
    return hd_family_read(model->family, config, recipe);
}

static heed_status open_network(heed_model *model, const hd_json *config, const hd_recipe *recipe) {
    if (hd_network_open(model->context, recipe, &model->network) != HEED_OK)
        return model->context->status == HEED_MEMORY ? HEED_MEMORY : hd_fail_in(model->context, config->path);
    HD_TRY(name_parameters(model));
    HD_TRY(hd_labels_read(config, model));
    return hd_generation_read(model->folder, config, &model->network->recipe, &model->network->arena,
                              &model->generation);
}

/* The file of weights is closed when all of it that is needed is in memory. */
static heed_status open_weighted(heed_model *model, const hd_json *config, hd_recipe *recipe, hd_open_purpose purpose) {
    hd_weights *weights;
    HD_TRY(hd_weights_open(model->context, model->folder, &weights));
    heed_status status = read_tie(model, weights, recipe);
    if (status == HEED_OK) status = open_network(model, config, recipe);
    if (status == HEED_OK) status = load(model, weights, purpose);
    hd_weights_close(weights);
    return status;
}

static heed_status open_folder(heed_model *model, hd_open_purpose purpose) {
    hd_json config = {0};
    const char *model_type;
    hd_recipe recipe;
    heed_status status = hd_model_config_open(model->context, model->folder, &config, &model_type);
    if (status == HEED_OK) status = read_recipe(model, &config, model_type, &recipe);
    if (status == HEED_OK) status = open_weighted(model, &config, &recipe, purpose);
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

heed_status hd_model_open(heed_context *context, const char *name, hd_open_purpose purpose, heed_model **out) {
    HD_TRY(hd_model_open_untokenized(context, name, purpose, out));
    heed_status status = hd_tokenizer_open_folder((*out)->context, (*out)->folder, &(*out)->tokenizer);
    if (status == HEED_OK) status = hd_specials_find(*out);
    if (status == HEED_OK) return HEED_OK;
    hd_model_close(*out);
    *out = NULL;
    return status;
}

static heed_status refuse_recipe(heed_context *context, const hd_family *family, const hd_recipe *recipe) {
    const hd_side_recipe *side = hd_recipe_top(recipe);
    const char *positions = hd_choice_name(hd_position_kinds, side->positions);
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
    hd_free(model->context, model->folder);
    hd_free(model->context, model);
}

heed_status hd_model_load_weights(heed_model *model, const char *path) {
    static const hd_weight_name plain = {0}; /* not part of a joint matrix */
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
        if (status == HEED_OK) status = load_data(model, parameter, stored, &plain);
    }
    hd_safetensors_close(file);
    return status;
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

heed_status hd_model_require(const heed_model *model, hd_head head, bool encoder, bool decoder, const char *kind) {
    const hd_recipe *r = &model->network->recipe;
    if ((hd_head)r->head == head && (r->side[HD_ENCODER].layers > 0) == encoder &&
        (r->side[HD_DECODER].layers > 0) == decoder)
        return HEED_OK;
    return hd_fail(model->context, HEED_UNSUPPORTED, "%s is a %s, expected %s",
                   model->folder ? model->folder : "the model", hd_family_architecture(model->family, r->head), kind);
}

int64_t hd_model_parameters(const heed_model *model) {
    int64_t total = 0;
    for (int64_t i = 0; i < model->network->count; i++) total += hd_parameter_count(model->network->parameters[i]);
    return total;
}
