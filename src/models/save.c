/* Writing a model folder. */
#include "base/file.h"
#include "formats/widen.h"
#include "models/model.h"
#include "models/weight_names.h"
#include "text/languages.h"

#include <string.h>

enum { BLOCK = 4096 }; /* elements narrowed at a time */

static heed_status write_numbers(const float *data, int64_t count, hd_dtype dtype, hd_safetensors_writer *writer) {
    uint32_t block[BLOCK]; /* room for any dtype that weights are written in */
    for (int64_t i = 0; i < count; i += BLOCK) {
        size_t n = (size_t)hd_min(BLOCK, count - i);
        hd_narrow(dtype, data + i, block, n);
        HD_TRY(hd_safetensors_writer_write(writer, block, n * hd_dtype_size(dtype)));
    }
    return HEED_OK;
}

static float *map(const heed_model *model, const hd_parameter *p) {
    return hd_stream_map(&model->network->stream, p->data, (size_t)hd_parameter_count(p) * sizeof *p->data, HD_TO_READ);
}

static void unmap(const heed_model *model, const hd_parameter *p, float *host) {
    size_t bytes = (size_t)hd_parameter_count(p) * sizeof *p->data;
    hd_stream_unmap(&model->network->stream, host, p->data, bytes, HD_TO_READ);
}

static heed_status write_data(const heed_model *model, const hd_parameter *p, hd_dtype dtype,
                              hd_safetensors_writer *writer) {
    float *host = map(model, p);
    if (!host) return HEED_MEMORY;
    heed_status status = write_numbers(host, hd_parameter_count(p), dtype, writer);
    unmap(model, p, host);
    return status;
}

heed_status hd_model_save_weights(const heed_model *model, const char *path, hd_dtype dtype) {
    const hd_network *network = model->network;
    hd_declared_tensor *declared = hd_alloc_zeroed(model->context, (size_t)network->count, sizeof *declared);
    if (!declared) return HEED_MEMORY;
    for (int64_t i = 0; i < network->count; i++) {
        const hd_parameter *p = network->parameters[i];
        declared[i] = (hd_declared_tensor){.name = p->name, .dtype = dtype, .dimensions = p->dimensions};
        declared[i].shape[0] = p->dimensions == 2 ? p->rows : p->columns;
        declared[i].shape[1] = p->columns;
    }
    hd_safetensors_writer writer;
    heed_status status = hd_safetensors_writer_open(model->context, path, declared, (size_t)network->count, &writer);
    hd_free(model->context, declared);
    HD_TRY(status);
    for (int64_t i = 0; i < network->count; i++) HD_TRY(write_data(model, network->parameters[i], dtype, &writer));
    return hd_safetensors_writer_commit(&writer);
}

/* ---- as the family stores them ---- */

/* Part 0 of a stored tensor leads to all of it. */
static bool leads(const heed_model *model, int64_t index) {
    return hd_family_weight(model->family, &model->network->slots[index])->part == 0;
}

/* The columns of all parts are rows of what is stored: each goes through all parts. */
static heed_status write_columns(const hd_parameter *const *parts, float *const *hosts, int count, hd_dtype dtype,
                                 hd_safetensors_writer *writer) {
    for (int64_t c = 0; c < parts[0]->columns; c++)
        for (int part = 0; part < count; part++)
            for (int64_t r = 0; r < parts[part]->rows; r++)
                HD_TRY(write_numbers(hosts[part] + r * parts[part]->columns + c, 1, dtype, writer));
    return HEED_OK;
}

enum { MOST_PARTS = 4 };

static heed_status write_stored(const heed_model *model, int64_t index, hd_dtype dtype, hd_safetensors_writer *writer) {
    const hd_weight_name *weight = hd_family_weight(model->family, &model->network->slots[index]);
    const hd_parameter *parts[MOST_PARTS] = {model->network->parameters[index]};
    int count = weight->parts ? weight->parts : 1;
    for (int part = 1; part < count; part++) parts[part] = hd_weight_part(model, index, weight, part);
    if (!weight->transposed || parts[0]->dimensions != 2) {
        for (int part = 0; part < count; part++) HD_TRY(write_data(model, parts[part], dtype, writer));
        return HEED_OK;
    }
    float *hosts[MOST_PARTS];
    heed_status status = HEED_OK;
    for (int part = 0; part < count; part++)
        if (!(hosts[part] = map(model, parts[part]))) status = HEED_MEMORY;
    if (status == HEED_OK) status = write_columns(parts, hosts, count, dtype, writer);
    for (int part = 0; part < count; part++) unmap(model, parts[part], hosts[part]);
    return status;
}

static heed_status declare_stored(const heed_model *model, hd_arena *names, hd_dtype dtype,
                                  hd_declared_tensor *declared, size_t *count) {
    const hd_network *network = model->network;
    for (int64_t i = 0; i < network->count; i++) {
        if (!leads(model, i)) continue;
        const hd_parameter *p = network->parameters[i];
        const hd_weight_name *weight = hd_family_weight(model->family, &network->slots[i]);
        int64_t first, rows = hd_weight_rows(model, i, weight, &first);
        hd_buffer name;
        hd_buffer_open(&name, model->context);
        hd_family_stored_name(model->family, network->recipe.head, &network->slots[i], &name);
        char *kept = name.failed ? NULL : hd_arena_alloc(names, name.size + 1, 1);
        if (kept) memcpy(kept, name.data, name.size + 1);
        hd_buffer_close(&name);
        if (!kept) return HEED_MEMORY;
        hd_declared_tensor *d = &declared[(*count)++];
        *d = (hd_declared_tensor){.name = kept, .dtype = dtype};
        d->dimensions = hd_parameter_shape(p, rows, d->shape);
        if (weight->transposed && p->dimensions == 2) d->shape[1] = d->shape[0], d->shape[0] = p->columns;
    }
    return HEED_OK;
}

static heed_status write_weights(const heed_model *model, const char *path, hd_dtype dtype) {
    hd_arena names;
    hd_arena_open(&names, model->context);
    size_t count = 0, most = (size_t)model->network->count;
    hd_declared_tensor *declared = hd_alloc_zeroed(model->context, most, sizeof *declared);
    heed_status status = declared ? declare_stored(model, &names, dtype, declared, &count) : HEED_MEMORY;
    hd_safetensors_writer writer;
    if (status == HEED_OK) status = hd_safetensors_writer_open(model->context, path, declared, count, &writer);
    hd_free(model->context, declared);
    hd_arena_close(&names);
    HD_TRY(status);
    for (int64_t i = 0; i < model->network->count; i++)
        if (leads(model, i)) HD_TRY(write_stored(model, i, dtype, &writer));
    return hd_safetensors_writer_commit(&writer);
}

static heed_status write_config(const heed_model *model, const char *path, hd_dtype dtype) {
    json_t *config = hd_family_write(model->context, model->family, &model->network->recipe);
    if (!config) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (json_object_set_new(config, "dtype", json_string(hd_dtypes[dtype].config)) != 0 ||
        hd_labels_write(model, config) != 0)
        status = hd_json_no_memory(model->context, path);
    if (status == HEED_OK) status = hd_json_write(model->context, path, config);
    json_decref(config);
    return status;
}

static heed_status write_tokenizer_config(const heed_model *model, const char *path, hd_dtype dtype) {
    (void)dtype;
    if (!model->tokenizer) return HEED_OK;
    const hd_recipe *recipe = &model->network->recipe;
    json_t *names = json_pack("[s, s]", "input_ids", "attention_mask");
    int failed = model->typed ? json_array_insert_new(names, 1, json_string("token_type_ids")) : 0;
    json_t *config =
        json_pack("{s:s, s:b, s:I, s:o}", "tokenizer_class", "PreTrainedTokenizerFast", "clean_up_tokenization_spaces",
                  0, "model_max_length", (json_int_t)hd_recipe_max_positions(recipe), "model_input_names", names);
    failed |= !config || hd_specials_write(model, config) || hd_languages_write(model->tokenizer, config);
    heed_status status = failed ? hd_json_no_memory(model->context, path) : hd_json_write(model->context, path, config);
    json_decref(config);
    return status;
}

static heed_status write_tokenizer(const heed_model *model, const char *path, hd_dtype dtype) {
    (void)dtype;
    return model->tokenizer ? hd_tokenizer_save(model->tokenizer, model->context, path) : HEED_OK;
}

/* In the order in which they are written. README.md has the card, and the others without a function name
 * their files themselves. Additional chat templates have names of their own. */
static const struct {
    const char *name;
    heed_status (*write)(const heed_model *, const char *, hd_dtype);
} files[] = {{"tokenizer.json", write_tokenizer},
             {"tokenizer_config.json", write_tokenizer_config},
             {"config.json", write_config},
             {"model.safetensors", write_weights},
             {"generation_config.json", NULL},
             {"chat_template.jinja", NULL},
             {"README.md", NULL}};

const char *hd_model_file(size_t index) { return index < HD_COUNT(files) ? files[index].name : NULL; }

heed_status hd_model_save(const heed_model *model, const char *folder, hd_dtype dtype, const char *card) {
    const hd_recipe *recipe = &model->network->recipe;
    HD_TRY(hd_folder_make(model->context, folder));
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        if (!files[i].write) continue;
        char *path = hd_path_join(model->context, folder, files[i].name);
        heed_status status = path ? files[i].write(model, path, dtype) : HEED_MEMORY;
        hd_free(model->context, path);
        HD_TRY(status);
    }
    if (recipe->side[HD_DECODER].layers)
        HD_TRY(hd_generation_write(model->context, folder, &model->generation, recipe));
    HD_TRY(hd_chat_templates_save(model->chat, model->context, folder));
    char *path = hd_path_join(model->context, folder, "README.md");
    heed_status status = path ? hd_file_write(model->context, path, card, strlen(card)) : HEED_MEMORY;
    hd_free(model->context, path);
    return status;
}
