/* heed info: describes what is in a model's folder, whether heed can open the model or not; or a single file. One object has
 * all of it, from which the lines for people are made. */
#include "models/info.h"

#include "base/file.h"
#include "base/options.h"
#include "formats/model_folder.h"
#include "formats/modules.h"
#include "formats/pytorch.h"
#include "text/json_text.h"

#include <string.h>
#include <strings.h>

typedef struct info_options {
    bool tensors;
} info_options;

static const hd_setting rows[] = {
    {"tensors", HD_SETTING_BOOL, offsetof(info_options, tensors), NULL, 0, 0, NULL,
     "name, shape, element type, bytes and file of each stored tensor"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(info_options)};

heed_status heed_info_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* What is being described. */
typedef struct info {
    heed_context *context;
    const char *path;  /* of the folder or the file */
    heed_model *model; /* NULL: it does not open, or there is none */
    json_t *object;
    hd_buffer lines; /* of the open model, for people */
    bool tensors;    /* the list of all tensors */
} info;

static heed_status no_memory(const info *i) { return hd_json_no_memory(i->context, i->path); }

static heed_status set(const info *i, const char *key, json_t *value) {
    return json_object_set_new(i->object, key, value) == 0 ? HEED_OK : no_memory(i);
}

/* ---- stored tensors --------------------------------------------------------------------------------------------- */

static const char *type_of(const hd_stored_tensor *tensor) {
    return tensor->unread ? tensor->unread : hd_dtype_name(tensor->dtype);
}

/* Tensors and bytes of each element type. */
static int add_to_type(json_t *types, const hd_stored_tensor *tensor) {
    const char *name = type_of(tensor);
    const json_t *of = json_object_get(types, name);
    json_int_t tensors = json_integer_value(json_object_get(of, "tensors"));
    json_int_t bytes = json_integer_value(json_object_get(of, "bytes"));
    return json_object_set_new(
        types, name, json_pack("{s:I, s:I}", "tensors", tensors + 1, "bytes", bytes + (json_int_t)tensor->bytes));
}

static int add_to_list(const info *i, json_t *list, const hd_stored_tensor *tensor) {
    json_t *shape = json_array();
    int failed = !shape;
    for (int d = 0; d < tensor->dimensions && !failed; d++)
        failed = json_array_append_new(shape, json_integer(tensor->shape[d]));
    json_t *entry = json_pack("{s:o, s:o, s:s, s:I, s:o}", "name", hd_json_text(i->context, tensor->name), "shape",
                              shape, "type", type_of(tensor), "bytes", (json_int_t)tensor->bytes, "file",
                              hd_json_text(i->context, hd_path_name(tensor->file)));
    return failed | json_array_append_new(list, entry);
}

/* The tensors of a file or a folder, by their index. */
typedef const hd_stored_tensor *tensor_at(const void *source, size_t index);

static heed_status add_tensors(const info *i, const void *source, size_t count, tensor_at *at) {
    json_t *types = json_object(), *list = i->tensors ? json_array() : NULL;
    json_int_t parameters = 0;
    int failed = !types || (i->tensors && !list);
    for (size_t t = 0; t < count && !failed; t++) {
        const hd_stored_tensor *tensor = at(source, t);
        failed = add_to_type(types, tensor) || (list && add_to_list(i, list, tensor) != 0);
        parameters += (json_int_t)tensor->count;
    }
    failed |= json_object_set_new(i->object, "element_types", types);
    failed |= json_object_set_new(i->object, "elements", json_integer(parameters));
    if (list) failed |= json_object_set_new(i->object, "tensors", list);
    return failed ? no_memory(i) : HEED_OK;
}

static const hd_stored_tensor *weights_at(const void *source, size_t index) { return hd_weights_at(source, index); }
static const hd_stored_tensor *safetensors_at(const void *source, size_t index) {
    return hd_safetensors_at(source, index);
}
static const hd_stored_tensor *pytorch_at(const void *source, size_t index) { return hd_pytorch_at(source, index); }

static heed_status add_weights(const info *i) {
    hd_weights *weights;
    HD_TRY(hd_weights_open(i->context, i->path, &weights));
    heed_status status = add_tensors(i, weights, hd_weights_count(weights), weights_at);
    hd_weights_close(weights);
    return status;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static heed_status add_licence(const info *i) {
    hd_modules modules;
    hd_buffer licence;
    bool listed;
    heed_status status = hd_modules_find(i->context, i->path, &modules, &listed);
    if (status == HEED_MEMORY) return status;
    listed = listed && status == HEED_OK;
    hd_buffer_open(&licence, i->context);
    status = hd_licence_find(i->context, listed ? modules.root : i->path, &licence);
    if (status == HEED_OK && licence.size) status = set(i, "license", hd_json_text(i->context, licence.data));
    hd_buffer_close(&licence);
    if (listed) hd_modules_close(&modules);
    return status;
}

static heed_status add_config(const info *i) {
    hd_json config;
    char *path = hd_path_join(i->context, i->path, "config.json");
    if (!path) return HEED_MEMORY;
    heed_status status = hd_json_open(i->context, path, &config);
    hd_free(i->context, path);
    HD_TRY(status);
    if (hd_info_config(&config, i->object) != 0) status = no_memory(i);
    hd_json_close(&config);
    return status;
}

/* Parts that cannot be read are left out: the reason why the model does not open is reported. */
static heed_status unless_memory(heed_status status) { return status == HEED_MEMORY ? status : HEED_OK; }

static heed_status describe_files(const info *i) {
    HD_TRY(unless_memory(add_weights(i)));
    HD_TRY(unless_memory(hd_info_tokenizer(i->context, i->path, i->model ? i->model->tokenizer : NULL, i->object)));
    return unless_memory(add_licence(i));
}

/* ---- models ----------------------------------------------------------------------------------------------------- */

static heed_status describe_model(info *i) {
    json_decref(i->object);
    i->object = hd_model_describe_object(i->model);
    if (!i->object || hd_info_model(i->model, i->object) != 0) return no_memory(i);
    hd_model_describe_text(i->model, &i->lines);
    return i->lines.failed ? HEED_MEMORY : describe_files(i);
}

/* Describes what can be read; returns why the model does not open. */
static heed_status describe_rest(info *i, heed_status status) {
    heed_context *context = i->context;
    char *reason = hd_copy_string(context, context->message);
    heed_status added = reason ? unless_memory(add_config(i)) : HEED_MEMORY;
    if (added == HEED_OK) added = set(i, "folder", hd_json_text(context, i->path));
    if (added == HEED_OK) added = describe_files(i);
    if (added == HEED_OK) added = set(i, "problem", hd_json_text(context, reason));
    if (added == HEED_OK) added = hd_fail(context, status, "%s", reason);
    hd_free(context, reason);
    return added;
}

static heed_status describe_found(info *i) {
    heed_status status = hd_model_open(i->context, i->path, HD_OPEN_TO_DESCRIBE, &i->model);
    if (status == HEED_MEMORY) return status;
    return status == HEED_OK ? describe_model(i) : describe_rest(i, status);
}

/* A folder without a config.json may have weights or a tokenizer. */
static heed_status describe_unnamed(info *i, heed_status status) {
    heed_context *context = i->context;
    char *reason = hd_copy_string(context, context->message);
    heed_status added = reason ? set(i, "folder", hd_json_text(context, i->path)) : HEED_MEMORY;
    if (added == HEED_OK) added = describe_files(i);
    bool has_any = json_object_get(i->object, "element_types") || json_object_get(i->object, "tokenizer_components");
    if (added == HEED_OK && !has_any) added = hd_fail(context, status, "%s", reason);
    hd_free(context, reason);
    return added;
}

/* ---- a single file ---------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *ending) {
    size_t length = strlen(text), size = strlen(ending);
    return length >= size && strcasecmp(text + length - size, ending) == 0;
}

static heed_status describe_safetensors(const info *i) {
    hd_safetensors *file;
    HD_TRY(hd_safetensors_open(i->context, i->path, &file));
    heed_status status = add_tensors(i, file, hd_safetensors_count(file), safetensors_at);
    hd_safetensors_close(file);
    return status;
}

static heed_status describe_pytorch(const info *i) {
    hd_pytorch *file;
    HD_TRY(hd_pytorch_open(i->context, i->path, &file));
    heed_status status = add_tensors(i, file, hd_pytorch_count(file), pytorch_at);
    hd_pytorch_close(file);
    return status;
}

static heed_status describe_file(const info *i) {
    HD_TRY(set(i, "file", hd_json_text(i->context, i->path)));
    if (ends_with(i->path, ".json")) return hd_info_tokenizer(i->context, i->path, NULL, i->object);
    if (ends_with(i->path, ".safetensors")) return describe_safetensors(i);
    if (ends_with(i->path, ".bin") || ends_with(i->path, ".pt") || ends_with(i->path, ".pth"))
        return describe_pytorch(i);
    return hd_fail(i->context, HEED_UNSUPPORTED,
                   "%s: heed describes folders, tokenizer.json, .safetensors and PyTorch's .bin, .pt and .pth",
                   i->path);
}

/* ---- lines for people ------------------------------------------------------------------------------------------- */

static void begin_line(hd_buffer *out, const char *name) { hd_buffer_format(out, "%-14s", name); }

static void append_number(hd_buffer *out, const json_t *object, const char *key) {
    hd_append_count(out, (int64_t)json_integer_value(json_object_get(object, key)));
}

static void append_number_line(hd_buffer *out, const char *name, const json_t *object, const char *key) {
    if (!json_object_get(object, key)) return;
    begin_line(out, name);
    append_number(out, object, key);
    hd_buffer_byte(out, '\n');
}

static void append_text_line(hd_buffer *out, const char *name, const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    if (!text) return;
    begin_line(out, name);
    hd_buffer_visible(out, text);
    hd_buffer_byte(out, '\n');
}

static void append_names(hd_buffer *out, const json_t *names) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (i) hd_buffer_text(out, ", ");
        hd_buffer_visible(out, json_string_value(json_array_get(names, i)));
    }
}

static void append_names_line(hd_buffer *out, const char *name, const json_t *object, const char *key) {
    const json_t *names = json_object_get(object, key);
    if (!json_array_size(names)) return;
    begin_line(out, name);
    append_names(out, names);
    hd_buffer_byte(out, '\n');
}

/* "93 F32, 1 I64", or with bytes "180,512 bytes F32, 8 bytes I64". */
static void append_types(hd_buffer *out, const char *name, json_t *types, const char *key, const char *unit) {
    const char *between = "";
    if (!json_object_size(types)) return;
    begin_line(out, name);
    for (void *at = json_object_iter(types); at; at = json_object_iter_next(types, at)) {
        hd_buffer_text(out, between);
        append_number(out, json_object_iter_value(at), key);
        hd_buffer_text(out, unit);
        hd_buffer_visible(out, json_object_iter_key(at));
        between = ", ";
    }
    hd_buffer_byte(out, '\n');
}

static void append_config(hd_buffer *out, const json_t *object) {
    static const char *const lines[][2] = {{"layers", "layers"},
                                           {"width", "width"},
                                           {"heads", "heads"},
                                           {"key heads", "key_heads"},
                                           {"feed-forward", "ffn_width"},
                                           {"positions", "max_positions"},
                                           {"vocabulary", "vocabulary"}};
    const json_t *config = json_object_get(object, "config");
    const char *type = json_string_value(json_object_get(object, "model_type"));
    const char *architecture = json_string_value(json_object_get(object, "architecture"));
    if (type || architecture) {
        begin_line(out, "model");
        hd_buffer_visible(out, type ? type : "unknown");
        hd_buffer_text(out, architecture ? " (" : "");
        hd_buffer_visible(out, architecture ? architecture : "");
        hd_buffer_text(out, architecture ? ")\n" : "\n");
    }
    append_text_line(out, "folder", object, "folder");
    append_text_line(out, "file", object, "file");
    append_number_line(out, "elements", object, "elements");
    append_types(out, "weights", json_object_get(object, "element_types"), "bytes", " bytes ");
    for (size_t i = 0; i < HD_COUNT(lines); i++) append_number_line(out, lines[i][0], config, lines[i][1]);
}

static void append_memory(hd_buffer *out, const json_t *object) {
    const json_t *memory = json_object_get(object, "memory");
    if (!memory) return;
    begin_line(out, "memory");
    append_number(out, memory, "weights");
    hd_buffer_text(out, " bytes of weights");
    if (json_integer_value(json_object_get(memory, "cache_per_1000_tokens"))) {
        hd_buffer_text(out, "; ");
        append_number(out, memory, "cache_per_1000_tokens");
        hd_buffer_text(out, " of keys and values per 1,000 tokens");
    }
    hd_buffer_byte(out, '\n');
}

static void append_vectors(hd_buffer *out, const json_t *object) {
    json_t *vectors = json_object_get(object, "vectors"), *prompts = json_object_get(vectors, "prompts");
    if (!json_object_get(vectors, "dimensions")) {
        append_text_line(out, "vectors", vectors, "problem");
        return;
    }
    begin_line(out, "vectors");
    append_number(out, vectors, "dimensions");
    hd_buffer_text(out, " numbers: ");
    append_names(out, json_object_get(vectors, "pooling"));
    if (json_is_true(json_object_get(vectors, "normalized"))) hd_buffer_text(out, ", normalized");
    if (json_integer_value(json_object_get(vectors, "max_tokens"))) {
        hd_buffer_text(out, "; texts of up to ");
        append_number(out, vectors, "max_tokens");
        hd_buffer_text(out, " tokens");
    }
    hd_buffer_byte(out, '\n');
    append_text_line(out, "  similarity", vectors, "similarity");
    for (void *at = json_object_iter(prompts); at; at = json_object_iter_next(prompts, at)) {
        begin_line(out, "  prompt");
        hd_buffer_visible(out, json_object_iter_key(at));
        hd_buffer_text(out, " \"");
        hd_buffer_visible(out, json_string_value(json_object_iter_value(at)));
        hd_buffer_text(out, "\"\n");
    }
}

static void append_components(hd_buffer *out, const json_t *object) {
    const json_t *components = json_object_get(object, "tokenizer_components");
    if (!components) return;
    append_names_line(out, "normalizer", components, "normalizer");
    append_names_line(out, "pre-tokenizer", components, "pre_tokenizer");
    begin_line(out, "tokens");
    hd_buffer_visible(out, json_string_value(json_object_get(components, "model")));
    hd_buffer_text(out, ", ");
    append_number(out, components, "vocabulary");
    hd_buffer_text(out, " and ");
    append_number(out, components, "added_tokens");
    hd_buffer_text(out, " added\n");
    append_names_line(out, "template", components, "post_processor");
    append_names_line(out, "decoder", components, "decoder");
}

static void append_tensors(hd_buffer *out, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tensor = json_array_get(list, i), *shape = json_object_get(tensor, "shape");
        hd_buffer_visible(out, json_string_value(json_object_get(tensor, "name")));
        hd_buffer_text(out, "\t[");
        for (size_t d = 0; d < json_array_size(shape); d++)
            hd_buffer_format(out, "%s%lld", d ? ", " : "", (long long)json_integer_value(json_array_get(shape, d)));
        hd_buffer_text(out, "]\t");
        hd_buffer_visible(out, json_string_value(json_object_get(tensor, "type")));
        hd_buffer_format(out, "\t%lld\t", (long long)json_integer_value(json_object_get(tensor, "bytes")));
        hd_buffer_visible(out, json_string_value(json_object_get(tensor, "file")));
        hd_buffer_byte(out, '\n');
    }
}

static heed_status write_lines(info *i, hd_buffer *out) {
    const json_t *object = i->object;
    if (i->model)
        hd_buffer_append(out, i->lines.data, i->lines.size);
    else
        append_config(out, object);
    append_types(out, "tensors", json_object_get(object, "element_types"), "tensors", " ");
    append_number_line(out, "context", object, "context_length");
    append_memory(out, object);
    append_components(out, object);
    append_vectors(out, object);
    append_names_line(out, "verbs", object, "verbs");
    append_text_line(out, "licence", object, "license");
    append_tensors(out, json_object_get(object, "tensors"));
    if (out->size) out->data[--out->size] = 0; /* the last line's end */
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static heed_status describe(info *i, const char *name) {
    char *folder;
    i->path = name;
    if (hd_file_exists(name)) return describe_file(i);
    heed_status status = hd_model_folder_find(i->context, name, &folder);
    if (status != HEED_OK) return status == HEED_FILE && hd_folder_exists(name) ? describe_unnamed(i, status) : status;
    i->path = folder;
    status = describe_found(i);
    i->path = name;
    hd_free(i->context, folder);
    return status;
}

/* `status` is that of the description. A failure to write it is worse. */
static heed_status write_text(info *i, bool json, heed_status status, char **text) {
    hd_buffer out;
    hd_buffer_open(&out, i->context);
    heed_status written = json ? hd_json_append(i->context, i->object, &out) : write_lines(i, &out);
    if (written == HEED_OK && !(*text = hd_buffer_take(&out))) written = HEED_MEMORY;
    hd_buffer_close(&out);
    return written == HEED_OK ? status : written;
}

heed_status heed_info(heed_context *context, const heed_options *options, const char *name, bool json, char **text) {
    info_options settings = {0};
    info i = {.context = context, .object = json_object()};
    *text = NULL;
    hd_buffer_open(&i.lines, context);
    heed_status status =
        i.object ? hd_options_apply(context, options, &table, &settings) : hd_json_no_memory(context, name);
    i.tensors = settings.tensors;
    if (status == HEED_OK) status = describe(&i, name);
    bool described = status == HEED_OK || json_object_get(i.object, "problem");
    if (described) status = write_text(&i, json, status, text);
    hd_model_close(i.model);
    json_decref(i.object);
    hd_buffer_close(&i.lines);
    return status;
}
