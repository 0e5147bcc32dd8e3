#include "formats/weights.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/json.h"
#include "formats/pytorch.h"

/* ---- file formats ------------------------------------------------------------------------------------------------ */

/* A kind of file, with its functions on an open one. */
typedef struct file_format {
    heed_status (*open)(heed_context *context, const char *path, void **file);
    void (*close)(void *file);
    size_t (*count)(const void *file);
    const hd_stored_tensor *(*at)(const void *file, size_t index);
    const hd_stored_tensor *(*find)(const void *file, const char *name);
    bool (*is_mapped)(const void *file);
} file_format;

#define FORMAT(name, mapped)                                                                                         \
    static heed_status open_##name(heed_context *context, const char *path, void **file) {                           \
        hd_##name *opened;                                                                                           \
        heed_status status = hd_##name##_open(context, path, &opened);                                               \
        *file = opened;                                                                                              \
        return status;                                                                                               \
    }                                                                                                                \
    static void close_##name(void *file) { hd_##name##_close(file); }                                                \
    static size_t count_##name(const void *file) { return hd_##name##_count(file); }                                 \
    static const hd_stored_tensor *at_##name(const void *file, size_t index) { return hd_##name##_at(file, index); } \
    static const hd_stored_tensor *find_##name(const void *file, const char *tensor) {                               \
        return hd_##name##_find(file, tensor);                                                                       \
    }                                                                                                                \
    static bool is_mapped_##name(const void *file) {                                                                 \
        (void)file;                                                                                                  \
        return mapped;                                                                                               \
    }                                                                                                                \
    static const file_format name##_format = {open_##name, close_##name, count_##name,                               \
                                              at_##name,   find_##name,  is_mapped_##name};

FORMAT(safetensors, true)
FORMAT(pytorch, hd_pytorch_is_mapped(file))

/* The names of a folder's weights, the first that exists is read. */
typedef struct weight_name {
    const char *name;
    const file_format *format; /* of the file, or of the shards that it names */
    bool is_index;
} weight_name;

static const weight_name weight_names[] = {
    {"model.safetensors", &safetensors_format, false}, {"model.safetensors.index.json", &safetensors_format, true},
    {"pytorch_model.bin", &pytorch_format, false},     {"pytorch_model.bin.index.json", &pytorch_format, true},
    {"pytorch_model.pt", &pytorch_format, false},      {"model.pt", &pytorch_format, false},
};

struct hd_weights {
    heed_context *context;
    char *path;
    size_t files, files_capacity;
    struct {
        char *name; /* in the folder */
        void *file; /* of `format` */
    } * file;
    const file_format *format;
    size_t count, capacity;
    const hd_stored_tensor **tensors; /* [count], in the order of the files */
    const hd_stored_tensor **by_name; /* [count] */
};

static heed_status add_tensor(hd_weights *weights, const hd_stored_tensor *tensor) {
    if (!hd_grow(weights->context, &weights->tensors, &weights->capacity, weights->count + 1, sizeof tensor))
        return HEED_MEMORY;
    weights->tensors[weights->count++] = tensor;
    return HEED_OK;
}

/* A clone of a repository without Git LFS has small texts in place of its large files. */
static heed_status refuse_pointer(heed_context *context, const char *path) {
    static const char start[] = "version https://git-lfs.github.com/spec/";
    char bytes[sizeof start - 1];
    int descriptor;
    size_t size = 0, count = 1;
    HD_TRY(hd_open_to_read(context, path, &descriptor));
    heed_status status = HEED_OK;
    while (status == HEED_OK && size < sizeof bytes && count > 0) {
        status = hd_read(context, path, descriptor, bytes + size, sizeof bytes - size, &count);
        size += status == HEED_OK ? count : 0;
    }
    close(descriptor);
    if (status != HEED_OK || size < sizeof bytes || memcmp(bytes, start, sizeof bytes) != 0) return status;
    return hd_fail(context, HEED_FORMAT, "%s: a Git LFS pointer, not the file itself; `git lfs pull` fetches it", path);
}

static heed_status add_file(hd_weights *weights, const char *folder, const char *name) {
    if (!hd_grow(weights->context, &weights->file, &weights->files_capacity, weights->files + 1, sizeof *weights->file))
        return HEED_MEMORY;
    char *path = hd_path_join(weights->context, folder, name), *copy = hd_copy_string(weights->context, name);
    void *file = NULL;
    heed_status status = path && copy ? refuse_pointer(weights->context, path) : HEED_MEMORY;
    if (status == HEED_OK) status = weights->format->open(weights->context, path, &file);
    hd_free(weights->context, path);
    if (status != HEED_OK) {
        hd_free(weights->context, copy);
        return status;
    }
    weights->file[weights->files].name = copy;
    weights->file[weights->files++].file = file;
    return HEED_OK;
}

/* ---- the index of a folder in shards --------------------------------------------------------------------------- */

/* Shards must be in the folder itself. */
static bool is_plain_name(const char *name) {
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* *index is the shard of a tensor among the open files, and opens it if necessary. Adjacent names are usually in one
 * shard, so the last one is tried first. */
static heed_status open_shard(hd_weights *weights, const char *folder, const hd_json *map, const char *tensor,
                              size_t *index) {
    const char *shard;
    HD_TRY(hd_json_require(map, tensor));
    HD_TRY(hd_json_string(map, tensor, NULL, &shard));
    if (!is_plain_name(shard)) return hd_json_expected(map, tensor, "the name of a file beside the index");
    for (size_t i = weights->files; i-- > 0;)
        if (strcmp(weights->file[i].name, shard) == 0) {
            *index = i;
            return HEED_OK;
        }
    *index = weights->files;
    char *path = hd_path_join(weights->context, folder, shard);
    if (!path) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (!hd_file_exists(path))
        status = hd_fail(weights->context, HEED_FILE, "%s: the shard \"%s\" with tensor \"%s\" is missing",
                         weights->path, shard, tensor);
    hd_free(weights->context, path);
    return status == HEED_OK ? add_file(weights, folder, shard) : status;
}

/* Does the index map this tensor to this shard? A copy in another shard is ignored. */
static bool is_mapped_here(const hd_json *map, const char *tensor, const char *shard) {
    const char *named = json_string_value(json_object_get(map->root, tensor));
    return named && strcmp(named, shard) == 0;
}

static heed_status read_map(hd_weights *weights, const char *folder, const hd_json *map) {
    for (void *at = json_object_iter(map->root); at; at = json_object_iter_next(map->root, at)) {
        const char *name = json_object_iter_key(at);
        size_t index = 0;
        HD_TRY(open_shard(weights, folder, map, name, &index));
        if (!weights->format->find(weights->file[index].file, name))
            return hd_fail(weights->context, HEED_FORMAT, "%s: tensor \"%s\" should be in \"%s\", which lacks it",
                           weights->path, name, weights->file[index].name);
    }
    for (size_t i = 0; i < weights->files; i++)
        for (size_t j = 0; j < weights->format->count(weights->file[i].file); j++) {
            const hd_stored_tensor *tensor = weights->format->at(weights->file[i].file, j);
            if (is_mapped_here(map, tensor->name, weights->file[i].name)) HD_TRY(add_tensor(weights, tensor));
        }
    return HEED_OK;
}

static heed_status open_index(hd_weights *weights, const char *folder) {
    hd_json index, map;
    HD_TRY(hd_json_open(weights->context, weights->path, &index));
    heed_status status = hd_json_require(&index, "weight_map");
    if (status == HEED_OK) status = hd_json_object(&index, "weight_map", &map);
    if (status == HEED_OK) status = read_map(weights, folder, &map);
    hd_json_close(&index);
    return status;
}

/* ---- opening and look-up ---------------------------------------------------------------------------------------- */

static heed_status open_single(hd_weights *weights, const char *folder, const char *name) {
    HD_TRY(add_file(weights, folder, name));
    const void *file = weights->file[0].file;
    for (size_t i = 0; i < weights->format->count(file); i++) HD_TRY(add_tensor(weights, weights->format->at(file, i)));
    return HEED_OK;
}

static heed_status open_any(hd_weights *weights, const char *folder) {
    for (size_t i = 0; i < HD_COUNT(weight_names); i++) {
        const weight_name *w = &weight_names[i];
        hd_free(weights->context, weights->path);
        weights->path = hd_path_join(weights->context, folder, w->name);
        if (!weights->path) return HEED_MEMORY;
        weights->format = w->format;
        if (hd_file_exists(weights->path))
            return w->is_index ? open_index(weights, folder) : open_single(weights, folder, w->name);
    }
    return hd_fail(weights->context, HEED_FILE,
                   "%s: has neither model.safetensors nor model.safetensors.index.json nor pytorch_model.bin", folder);
}

heed_status hd_weights_open(heed_context *context, const char *folder, hd_weights **out) {
    *out = NULL;
    hd_weights *weights = hd_alloc_zeroed(context, 1, sizeof *weights);
    if (!weights) return HEED_MEMORY;
    weights->context = context;
    heed_status status = open_any(weights, folder);
    if (status == HEED_OK) {
        weights->by_name = hd_alloc(context, weights->count, sizeof *weights->by_name);
        if (!weights->by_name) status = HEED_MEMORY;
    }
    if (status != HEED_OK) {
        hd_weights_close(weights);
        return status;
    }
    if (weights->count) memcpy(weights->by_name, weights->tensors, weights->count * sizeof *weights->by_name);
    hd_stored_sort(weights->by_name, weights->count);
    *out = weights;
    return HEED_OK;
}

void hd_weights_close(hd_weights *weights) {
    if (!weights) return;
    for (size_t i = 0; i < weights->files; i++) {
        weights->format->close(weights->file[i].file);
        hd_free(weights->context, weights->file[i].name);
    }
    hd_free(weights->context, weights->file);
    hd_free(weights->context, weights->tensors);
    hd_free(weights->context, weights->by_name);
    hd_free(weights->context, weights->path);
    hd_free(weights->context, weights);
}

size_t hd_weights_count(const hd_weights *weights) { return weights->count; }
const hd_stored_tensor *hd_weights_at(const hd_weights *weights, size_t index) { return weights->tensors[index]; }

bool hd_weights_are_mapped(const hd_weights *weights) {
    for (size_t i = 0; i < weights->files; i++)
        if (!weights->format->is_mapped(weights->file[i].file)) return false;
    return true;
}

const char *hd_weights_path(const hd_weights *weights) { return weights->path; }

const hd_stored_tensor *hd_weights_find(const hd_weights *weights, const char *name) {
    return hd_stored_find(weights->by_name, weights->count, name);
}

heed_status hd_weights_require(const hd_weights *weights, const char *name, const hd_stored_tensor **tensor) {
    *tensor = hd_weights_find(weights, name);
    if (*tensor) return HEED_OK;
    return hd_fail(weights->context, HEED_FORMAT, "%s: tensor \"%s\" is missing", weights->path, name);
}
