/* Converts a model folder: its weights to another element type and to safetensors files of another size, tensor by tensor as
 * they are stored, whether heed can run the model or not. All other files that belong to the model come along. */
#include "base/float_environment.h"
#include "base/options.h"
#include "formats/model_folder.h"
#include "formats/modules.h"
#include "formats/weights.h"
#include "formats/widen.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096 /* elements at a time */, AS_STORED = 0 /* of the choices for the element type */ };

typedef struct convert_options {
    int dtype; /* AS_STORED, or 1 + hd_dtype */
    char *shard_size;
} convert_options;

#define F(field) offsetof(convert_options, field)

static const hd_setting rows[] = {
    {"dtype", HD_SETTING_CHOICE, F(dtype), "stored", 0, 0, "stored|" HD_WEIGHT_DTYPES,
     "element type of the weights; stored: each tensor keeps its own"},
    {"shard-size", HD_SETTING_STRING, F(shard_size), NULL, 0, 0, "SIZE",
     "largest file of weights, such as 500MB or 5GB; without it there is one file"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(convert_options)};

heed_status heed_convert_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct conversion {
    heed_context *context;
    const char *name; /* of the source, as the user gave it */
    bool changes;     /* floats become `dtype` */
    hd_dtype dtype;
    size_t most; /* bytes of a file of weights; SIZE_MAX: any number */
} conversion;

/* ---- one file of weights ---- */

/* Whether an element is neither an infinity nor a NaN. */
static bool is_finite(hd_dtype dtype, const void *element) {
    uint64_t bits = 0, exponent = hd_dtypes[dtype].exponent;
    memcpy(&bits, element, hd_dtype_size(dtype));
    return !exponent || (bits & exponent) != exponent;
}

static hd_dtype dtype_of(const conversion *c, const hd_stored_tensor *tensor) {
    return c->changes && hd_dtypes[tensor->dtype].widen ? c->dtype : tensor->dtype;
}

static size_t bytes_of(const conversion *c, const hd_stored_tensor *tensor) {
    return tensor->count * hd_dtype_size(dtype_of(c, tensor));
}

static heed_status refuse_number(const conversion *c, const hd_stored_tensor *tensor, size_t index) {
    float number;
    hd_widen(tensor->dtype, (const char *)tensor->data + index * hd_dtype_size(tensor->dtype), &number, 1);
    return hd_fail(c->context, HEED_NUMERIC, "%s: tensor \"%s\" has %g at element %zu, which is past the largest %s",
                   tensor->file, tensor->name, (double)number, index, hd_dtype_name(c->dtype));
}

/* Rounds to nearest even. What is an infinity or a NaN stays one, and no other number becomes one. */
static heed_status write_converted(const conversion *c, const hd_stored_tensor *tensor, hd_safetensors_writer *writer) {
    float wide[BLOCK];
    uint64_t narrow[BLOCK];
    size_t from = hd_dtype_size(tensor->dtype), to = hd_dtype_size(c->dtype);
    for (size_t start = 0; start < tensor->count; start += BLOCK) {
        size_t count = tensor->count - start < BLOCK ? tensor->count - start : BLOCK;
        const char *source = (const char *)tensor->data + start * from;
        hd_widen(tensor->dtype, source, wide, count);
        hd_narrow(c->dtype, wide, narrow, count);
        for (size_t i = 0; i < count; i++)
            if (!is_finite(c->dtype, (const char *)narrow + i * to) && is_finite(tensor->dtype, source + i * from))
                return refuse_number(c, tensor, start + i);
        HD_TRY(hd_safetensors_writer_write(writer, narrow, count * to));
    }
    return HEED_OK;
}

static heed_status write_tensor(const conversion *c, const hd_stored_tensor *tensor, hd_safetensors_writer *writer) {
    HD_TRY(hd_check_stop(c->context));
    if (dtype_of(c, tensor) != tensor->dtype) return write_converted(c, tensor, writer);
    return hd_safetensors_writer_write(writer, tensor->data, tensor->bytes);
}

/* The tensors of a file in the order in which they are written. */
static void sort_by_width(const conversion *c, const hd_stored_tensor **tensors, size_t count,
                          const hd_stored_tensor **sorted) {
    size_t at = 0;
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; i < count; i++)
            if (hd_dtype_size(dtype_of(c, tensors[i])) == size) sorted[at++] = tensors[i];
}

static heed_status write_tensors(const conversion *c, const hd_stored_tensor *const *tensors, size_t count,
                                 bool releases, hd_safetensors_writer *writer) {
    for (size_t i = 0; i < count; i++) {
        heed_status status = write_tensor(c, tensors[i], writer);
        if (status != HEED_OK) {
            hd_safetensors_writer_abandon(writer);
            return status;
        }
        if (releases) hd_map_release(tensors[i]->data, tensors[i]->bytes);
    }
    return hd_safetensors_writer_commit(writer);
}

static heed_status write_shard(const conversion *c, const char *path, const hd_stored_tensor **tensors, size_t count,
                               bool releases) {
    const hd_stored_tensor **sorted = hd_alloc(c->context, count, sizeof *sorted);
    hd_declared_tensor *declared = hd_alloc(c->context, count, sizeof *declared);
    hd_safetensors_writer writer;
    heed_status status = sorted && declared ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK) {
        sort_by_width(c, tensors, count, sorted);
        for (size_t i = 0; i < count; i++) {
            declared[i] = (hd_declared_tensor){sorted[i]->name, dtype_of(c, sorted[i]), sorted[i]->dimensions, {0}};
            memcpy(declared[i].shape, sorted[i]->shape, sizeof declared[i].shape);
        }
        status = hd_safetensors_writer_open(c->context, path, declared, count, &writer);
    }
    if (status == HEED_OK) status = write_tensors(c, sorted, count, releases, &writer);
    hd_free(c->context, sorted);
    hd_free(c->context, declared);
    return status;
}

/* ---- shards ---- */

/* The tensors of a folder, and the shard of each. */
typedef struct sharding {
    const hd_stored_tensor **tensors; /* [count] */
    size_t *shard;                    /* [count], from 0 */
    size_t count, shards;
    uint64_t bytes;
} sharding;

/* As huggingface_hub's split_state_dict_into_shards_factory: a shard takes tensors while they fit, and a tensor that is
 * larger than a shard has one of its own. */
static heed_status assign_shards(const conversion *c, const hd_weights *weights, sharding *s) {
    size_t used = 0, current = SIZE_MAX;
    for (size_t i = 0; i < s->count; i++) {
        const hd_stored_tensor *tensor = s->tensors[i] = hd_weights_at(weights, i);
        if (tensor->unread)
            return hd_fail(c->context, HEED_UNSUPPORTED, "%s: tensor \"%s\" has the dtype %s, which heed does not read",
                           tensor->file, tensor->name, tensor->unread);
        size_t bytes = bytes_of(c, tensor);
        bool alone = bytes > c->most;
        if (!alone && (current == SIZE_MAX || bytes > c->most - used)) current = s->shards++, used = 0;
        s->shard[i] = alone ? s->shards++ : current;
        if (!alone) used += bytes;
        s->bytes += bytes;
    }
    if (!s->shards) s->shards = 1;
    return HEED_OK;
}

static void name_shard(const sharding *s, size_t shard, char name[64]) {
    if (s->shards == 1)
        snprintf(name, 64, "model.safetensors");
    else
        snprintf(name, 64, "model-%05zu-of-%05zu.safetensors", shard + 1, s->shards);
}

static heed_status write_shards(const conversion *c, const char *folder, const sharding *s, bool releases) {
    const hd_stored_tensor **members = hd_alloc(c->context, s->count, sizeof *members);
    heed_status status = members ? HEED_OK : HEED_MEMORY;
    for (size_t shard = 0; shard < s->shards && status == HEED_OK; shard++) {
        size_t count = 0;
        char name[64];
        for (size_t i = 0; i < s->count; i++)
            if (s->shard[i] == shard) members[count++] = s->tensors[i];
        name_shard(s, shard, name);
        char *path = hd_path_join(c->context, folder, name);
        status = path ? write_shard(c, path, members, count, releases) : HEED_MEMORY;
        hd_free(c->context, path);
    }
    hd_free(c->context, members);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* {"metadata": {"total_size": …}, "weight_map": {…}}, sorted by name. */
static json_t *make_index(const conversion *c, const sharding *s, const char **names) {
    json_t *map = json_object();
    int failed = !map;
    for (size_t i = 0; i < s->count; i++) names[i] = s->tensors[i]->name;
    if (s->count) qsort(names, s->count, sizeof *names, compare_names);
    for (size_t i = 0; i < s->count && !failed; i++) failed = json_object_set_new(map, names[i], json_null());
    for (size_t i = 0; i < s->count && !failed; i++) {
        char file[64];
        name_shard(s, s->shard[i], file);
        failed = json_object_set_new(map, s->tensors[i]->name, json_string(file));
    }
    json_t *index =
        failed ? NULL : json_pack("{s:{s:I}, s:O}", "metadata", "total_size", (json_int_t)s->bytes, "weight_map", map);
    json_decref(map);
    if (!index) hd_json_no_memory(c->context, "model.safetensors.index.json");
    return index;
}

static heed_status write_index(const conversion *c, const char *folder, const sharding *s) {
    if (s->shards == 1) return HEED_OK;
    const char **names = hd_alloc(c->context, s->count, sizeof *names);
    char *path = hd_path_join(c->context, folder, "model.safetensors.index.json");
    json_t *index = names && path ? make_index(c, s, names) : NULL;
    heed_status status = index ? hd_json_write(c->context, path, index) : HEED_MEMORY;
    json_decref(index);
    hd_free(c->context, names);
    hd_free(c->context, path);
    return status;
}

static heed_status convert_weights(const conversion *c, const char *source, const char *target) {
    hd_weights *weights;
    HD_TRY(hd_weights_open(c->context, source, &weights));
    sharding s = {.count = hd_weights_count(weights)};
    s.tensors = hd_alloc(c->context, s.count, sizeof *s.tensors);
    s.shard = hd_alloc(c->context, s.count, sizeof *s.shard);
    heed_status status = s.tensors && s.shard ? assign_shards(c, weights, &s) : HEED_MEMORY;
    if (status == HEED_OK) status = write_shards(c, target, &s, hd_weights_are_mapped(weights));
    if (status == HEED_OK) status = write_index(c, target, &s);
    hd_free(c->context, s.tensors);
    hd_free(c->context, s.shard);
    hd_weights_close(weights);
    return status;
}

/* ---- other files ---- */

/* Endings of files of weights, in this format and in others. */
static const char *const weight_endings[] = {".safetensors", ".bin",  ".pt",   ".pth",  ".h5",
                                             ".msgpack",     ".ot",   ".gguf", ".onnx", ".onnx_data",
                                             ".tflite",      ".ckpt", ".npz",  ".pb",   ".index.json"};

static bool is_weights(const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < HD_COUNT(weight_endings); i++) {
        size_t size = strlen(weight_endings[i]);
        if (length > size && strcasecmp(name + length - size, weight_endings[i]) == 0) return true;
    }
    return false;
}

static heed_status copy_bytes(heed_context *context, const char *from, int descriptor, hd_writer *writer) {
    char block[1 << 16];
    for (size_t count;;) {
        heed_status status = hd_read(context, from, descriptor, block, sizeof block, &count);
        if (status != HEED_OK) hd_writer_abandon(writer);
        HD_TRY(status);
        if (!count) return hd_writer_commit(writer);
        HD_TRY(hd_writer_write(writer, block, count));
    }
}

static heed_status copy_file(const conversion *c, const char *from, const char *to) {
    int descriptor;
    hd_writer writer;
    HD_TRY(hd_open_to_read(c->context, from, &descriptor));
    heed_status status = hd_writer_open(c->context, to, &writer);
    if (status == HEED_OK) status = copy_bytes(c->context, from, descriptor, &writer);
    close(descriptor);
    return status;
}

/* Names the new element type where a config has one, also in the configs inside of it. */
static int rename_dtype(json_t *config, const char *name) {
    static const char *const keys[] = {"dtype", "torch_dtype"};
    int failed = 0;
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (json_is_string(json_object_get(config, keys[i])))
            failed |= json_object_set_new(config, keys[i], json_string(name));
    for (void *at = json_object_iter(config); at; at = json_object_iter_next(config, at))
        if (json_is_object(json_object_iter_value(at))) failed |= rename_dtype(json_object_iter_value(at), name);
    return failed;
}

static heed_status rewrite_config(const conversion *c, const char *from, const char *to) {
    hd_json config;
    const char *name = hd_dtypes[c->dtype].config;
    if (!c->changes) return copy_file(c, from, to);
    HD_TRY(hd_json_open(c->context, from, &config));
    heed_status status = HEED_OK;
    if (hd_json_has(&config, "quantization_config"))
        status = hd_fail(c->context, HEED_UNSUPPORTED,
                         "%s: \"quantization_config\": quantized weights cannot be converted to %s", from, name);
    bool named = json_object_get(config.root, "dtype") || json_object_get(config.root, "torch_dtype");
    if (status == HEED_OK && hd_json_has(&config, "model_type") &&
        ((!named && json_object_set_new(config.root, "dtype", json_string(name)) != 0) ||
         rename_dtype(config.root, name) != 0))
        status = hd_json_no_memory(c->context, from);
    if (status == HEED_OK) status = hd_json_write(c->context, to, config.root);
    hd_json_close(&config);
    return status;
}

static heed_status copy_named(const conversion *c, const char *source, const char *target, const char *name,
                              heed_status (*copy)(const conversion *, const char *, const char *)) {
    char *from = hd_path_join(c->context, source, name), *to = hd_path_join(c->context, target, name);
    heed_status status = from && to ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && hd_file_exists(from)) status = copy(c, from, to);
    hd_free(c->context, from);
    hd_free(c->context, to);
    return status;
}

static heed_status fail_folder(heed_context *context, const char *path, const char *what) {
    return hd_fail(context, HEED_FILE, "%s: %s: %s", path, what, strerror(errno));
}

/* Copies the files of a folder but weights and hidden ones; *weighted is true if there are weights. */
static heed_status copy_files(const conversion *c, const char *source, const char *target, bool *weighted) {
    DIR *folder = opendir(source);
    const struct dirent *entry;
    heed_status status = HEED_OK;
    if (!folder) return fail_folder(c->context, source, "cannot open");
    while (status == HEED_OK && (entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (name[0] == '.') continue;
        *weighted |= is_weights(name);
        if (!is_weights(name))
            status = copy_named(c, source, target, name, strcmp(name, "config.json") == 0 ? rewrite_config : copy_file);
    }
    closedir(folder);
    return status;
}

static heed_status convert_folder(const conversion *c, const char *source, const char *target) {
    bool weighted = false;
    HD_TRY(hd_folder_make(c->context, target));
    HD_TRY(copy_files(c, source, target, &weighted));
    return weighted ? convert_weights(c, source, target) : HEED_OK;
}

static heed_status convert_inside(const conversion *c, const char *source, const char *target, const char *name) {
    char *from = hd_path_join(c->context, source, name), *to = hd_path_join(c->context, target, name);
    heed_status status = from && to ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && hd_folder_exists(from)) status = convert_folder(c, from, to);
    hd_free(c->context, from);
    hd_free(c->context, to);
    return status;
}

/* ---- the card ---- */

/* Where the model is from: a name, without the folders of this machine. */
static const char *origin(const conversion *c) { return hd_folder_exists(c->name) ? hd_path_name(c->name) : c->name; }

static heed_status write_card(const conversion *c, const char *target) {
    hd_buffer card;
    hd_buffer_open(&card, c->context);
    char *path = hd_path_join(c->context, target, "README.md");
    heed_status status = path ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && hd_file_exists(path))
        status = hd_file_read(c->context, path, &card);
    else if (status == HEED_OK)
        hd_buffer_format(&card, "# %s\n", origin(c));
    if (card.size && card.data[card.size - 1] != '\n') hd_buffer_byte(&card, '\n');
    hd_buffer_format(&card, "\nConverted by heed " HEED_VERSION " from %s", origin(c));
    hd_buffer_format(&card, c->changes ? " to %s.\n" : ": the same numbers in other files.\n",
                     hd_dtypes[c->dtype].config);
    if (card.failed) status = HEED_MEMORY;
    if (status == HEED_OK) status = hd_file_write(c->context, path, card.data, card.size);
    hd_buffer_close(&card);
    hd_free(c->context, path);
    return status;
}

/* ---- all of it ---- */

static heed_status convert_modules(const conversion *c, const hd_modules *modules, const char *target) {
    for (size_t i = 0; i < modules->count; i++)
        if (modules->item[i].path[0]) HD_TRY(convert_inside(c, modules->root, target, modules->item[i].path));
    return HEED_OK;
}

static heed_status convert_all(const conversion *c, const char *source, const char *target) {
    hd_modules modules;
    bool listed;
    HD_TRY(hd_modules_find(c->context, source, &modules, &listed));
    const char *root = listed ? modules.root : source;
    heed_status status = convert_folder(c, root, target);
    if (status == HEED_OK) status = convert_inside(c, root, target, "additional_chat_templates");
    if (status == HEED_OK && listed) status = convert_modules(c, &modules, target);
    if (status == HEED_OK) status = write_card(c, target);
    if (listed) hd_modules_close(&modules);
    return status;
}

/* ---- the new folder ---- */

/* Removes a folder that was made here, with its files and the folders inside. */
static void remove_folder(heed_context *context, const char *path) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inside = hd_path_join(context, path, entry->d_name);
        if (inside && unlink(inside) != 0) remove_folder(context, inside);
        hd_free(context, inside);
    }
    if (folder) closedir(folder);
    rmdir(path);
}

static bool is_empty(const char *path) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int count = 0;
    while (folder && (entry = readdir(folder)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (folder) closedir(folder);
    return folder && !count;
}

/* Nothing that exists is overwritten. */
static heed_status check_target(const conversion *c, const char *target) {
    struct stat information;
    HD_TRY(hd_check_name(c->context, "folder", target));
    if (lstat(target, &information) != 0 && errno == ENOENT) return HEED_OK;
    if (is_empty(target)) return HEED_OK;
    return hd_fail(c->context, HEED_ARGUMENT, "%s: exists and is not an empty folder", target);
}

/* Makes a folder beside the target, whose name no other process has. */
static heed_status make_part(const conversion *c, const char *target, hd_buffer *part) {
    size_t length = strlen(hd_path_name(target)), before = strlen(target) - length;
    char *parent = hd_copy_bytes(c->context, target, before);
    heed_status status = parent ? HEED_OK : HEED_MEMORY;
    if (parent && before) status = hd_folder_make(c->context, parent);
    for (int attempt = 0; status == HEED_OK; attempt++) {
        hd_buffer_clear(part);
        hd_buffer_format(part, "%s.heed-%ld-%d", parent, (long)getpid(), attempt);
        if (part->failed) status = HEED_MEMORY;
        if (part->failed || mkdir(part->data, 0777) == 0) break;
        if (errno != EEXIST || attempt == 1000) status = fail_folder(c->context, part->data, "cannot make the folder");
    }
    hd_free(c->context, parent);
    return status;
}

/* The folder appears whole or not at all. */
static heed_status convert_to(const conversion *c, const char *source, const char *target) {
    hd_buffer part;
    hd_buffer_open(&part, c->context);
    heed_status status = make_part(c, target, &part);
    if (status == HEED_OK) {
        status = convert_all(c, source, part.data);
        if (status == HEED_OK && rename(part.data, target) != 0)
            status = fail_folder(c->context, target, "cannot rename into place");
        if (status != HEED_OK) remove_folder(c->context, part.data);
    }
    hd_buffer_close(&part);
    return status;
}

/* "500MB": as transformers, in decimal units. */
static heed_status read_size(heed_context *context, const char *text, size_t *bytes) {
    static const struct {
        const char *name;
        size_t bytes;
    } units[] = {{"B", 1}, {"", 1}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000}};
    size_t digits = strspn(text, "0123456789");
    *bytes = 0;
    for (size_t i = 0; i < digits && *bytes <= SIZE_MAX / 16; i++) *bytes = *bytes * 10 + (size_t)(text[i] - '0');
    for (size_t i = 0; i < HD_COUNT(units); i++)
        if (digits && strcasecmp(text + digits, units[i].name) == 0 && *bytes &&
            hd_multiply(*bytes, units[i].bytes, bytes))
            return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "shard-size is \"%s\", expected a size such as 500MB or 5GB", text);
}

static heed_status convert_model(conversion *c, const char *folder) {
    char *source, *target = hd_copy_string(c->context, folder);
    if (!target) return HEED_MEMORY;
    for (size_t end = strlen(target); end > 1 && target[end - 1] == '/';) target[--end] = 0;
    heed_status status = check_target(c, target);
    if (status == HEED_OK) status = hd_model_folder_find(c->context, c->name, &source);
    if (status == HEED_OK) {
        status = convert_to(c, source, target);
        hd_free(c->context, source);
    }
    hd_free(c->context, target);
    return status;
}

heed_status heed_convert(heed_context *context, const heed_options *options, const char *model, const char *folder) {
    convert_options settings = {0};
    conversion c = {.context = context, .most = SIZE_MAX};
    char *name = hd_copy_string(context, model);
    heed_status status = name ? hd_settings_default(context, rows, HD_COUNT(rows), &settings) : HEED_MEMORY;
    for (size_t end = name ? strlen(name) : 0; end > 1 && name[end - 1] == '/';) name[--end] = 0;
    c.name = name;
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &settings);
    if (status == HEED_OK && settings.shard_size) status = read_size(context, settings.shard_size, &c.most);
    c.changes = settings.dtype != AS_STORED;
    c.dtype = c.changes ? (hd_dtype)(settings.dtype - 1) : HD_F32;
    hd_float_environment found = hd_float_enter();
    if (status == HEED_OK) status = convert_model(&c, folder);
    hd_float_leave(found);
    hd_settings_free(context, rows, HD_COUNT(rows), &settings);
    hd_free(context, name);
    return status;
}
