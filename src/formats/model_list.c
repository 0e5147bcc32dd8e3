/* heed_models: the models that ship with heed and those in the hub's cache. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "formats/hub/cache.h"
#include "formats/model_folder.h"

enum { MOST_DEPTH = 8 };

typedef struct listed {
    char *name, *family, *folder;
    uint64_t bytes;
    bool shipped;
} listed;

struct heed_models {
    heed_context *context;
    listed *items; /* [count] */
    size_t count, capacity;
};

/* ---- one model --------------------------------------------------------------------------------------------------- */

/* The bytes of the files in a folder and the folders in it; what cannot be read counts as nothing. */
static heed_status add_bytes(heed_context *context, const char *path, int depth, uint64_t *bytes) {
    DIR *folder = depth < MOST_DEPTH ? opendir(path) : NULL;
    const struct dirent *entry;
    heed_status status = HEED_OK;
    while (folder && status == HEED_OK && (entry = readdir(folder))) {
        struct stat information;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inside = hd_path_join(context, path, entry->d_name);
        if (!inside)
            status = HEED_MEMORY;
        else if (stat(inside, &information) == 0 && S_ISREG(information.st_mode))
            *bytes += (uint64_t)information.st_size;
        else if (lstat(inside, &information) == 0 && S_ISDIR(information.st_mode))
            status = add_bytes(context, inside, depth + 1, bytes);
        hd_free(context, inside);
    }
    if (folder) closedir(folder);
    return status;
}

/* The model_type of the config; "" when that cannot be read. */
static heed_status read_family(heed_context *context, const char *folder, char **family) {
    hd_json config;
    const char *type = "";
    heed_status status = hd_model_config_open(context, folder, &config, &type);
    if (status == HEED_MEMORY) return status;
    *family = hd_copy_string(context, status == HEED_OK ? type : "");
    if (status == HEED_OK) hd_json_close(&config);
    return *family ? HEED_OK : HEED_MEMORY;
}

static void free_item(heed_context *context, listed *item) {
    hd_free(context, item->name);
    hd_free(context, item->family);
    hd_free(context, item->folder);
}

/* Takes ownership of the folder. */
static heed_status add_model(heed_models *models, const char *name, char *folder, bool shipped) {
    heed_context *context = models->context;
    listed item = {.name = hd_copy_string(context, name), .folder = folder, .shipped = shipped};
    heed_status status = item.name ? read_family(context, folder, &item.family) : HEED_MEMORY;
    if (status == HEED_OK) status = add_bytes(context, folder, 0, &item.bytes);
    if (status == HEED_OK &&
        !hd_grow(context, &models->items, &models->capacity, models->count + 1, sizeof *models->items))
        status = HEED_MEMORY;
    if (status == HEED_OK)
        models->items[models->count++] = item;
    else
        free_item(context, &item);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static heed_status add_shipped(heed_models *models) {
    char *names, *folder, *rest = NULL;
    HD_TRY(hd_model_folder_list(models->context, &names));
    heed_status status = HEED_OK;
    for (char *name = strtok_r(names, "\n", &rest); name && status == HEED_OK; name = strtok_r(NULL, "\n", &rest)) {
        status = hd_model_folder_find_shipped(models->context, name, &folder);
        if (status == HEED_OK) status = add_model(models, name, folder, true);
        if (status == HEED_FILE) status = HEED_OK; /* just removed */
    }
    hd_free(models->context, names);
    return status;
}

/* A repository of which the main revision has a config.json: one that -m opens. */
static heed_status add_repository(heed_models *models, const char *entry) {
    char *folder;
    hd_buffer name;
    hd_buffer_open(&name, models->context);
    heed_status status = HEED_OK;
    if (hd_hub_repository_name(entry, &name)) {
        status = hd_model_folder_find_cached(models->context, name.data, &folder);
        if (status == HEED_OK) status = add_model(models, name.data, folder, false);
        if (status == HEED_FILE) status = HEED_OK;
    } else if (name.failed) {
        status = HEED_MEMORY;
    }
    hd_buffer_close(&name);
    return status;
}

static heed_status add_cached(heed_models *models) {
    bool known;
    char *cache = hd_hub_cache(models->context, &known);
    if (!cache) return known ? HEED_MEMORY : HEED_OK;
    DIR *folder = opendir(cache);
    const struct dirent *entry;
    heed_status status = HEED_OK;
    while (folder && status == HEED_OK && (entry = readdir(folder))) status = add_repository(models, entry->d_name);
    if (folder) closedir(folder);
    hd_free(models->context, cache);
    return status;
}

static int compare(const void *a, const void *b) {
    const listed *left = a, *right = b;
    if (left->shipped != right->shipped) return left->shipped ? -1 : 1;
    return strcmp(left->name, right->name);
}

heed_status heed_models_open(heed_context *context, heed_models **models) {
    heed_models *m = *models = hd_alloc_zeroed(context, 1, sizeof *m);
    if (!m) return HEED_MEMORY;
    m->context = context;
    heed_status status = add_shipped(m);
    if (status == HEED_OK) status = add_cached(m);
    if (status == HEED_OK && m->count) qsort(m->items, m->count, sizeof *m->items, compare);
    if (status == HEED_OK) return HEED_OK;
    heed_models_close(m);
    *models = NULL;
    return status;
}

void heed_models_close(heed_models *models) {
    if (!models) return;
    for (size_t i = 0; i < models->count; i++) free_item(models->context, &models->items[i]);
    hd_free(models->context, models->items);
    hd_free(models->context, models);
}

size_t heed_models_count(const heed_models *models) { return models->count; }

static const listed *at(const heed_models *models, size_t index) {
    return index < models->count ? &models->items[index] : NULL;
}

const char *heed_models_name(const heed_models *models, size_t index) {
    const listed *item = at(models, index);
    return item ? item->name : NULL;
}

const char *heed_models_family(const heed_models *models, size_t index) {
    const listed *item = at(models, index);
    return item ? item->family : NULL;
}

const char *heed_models_folder(const heed_models *models, size_t index) {
    const listed *item = at(models, index);
    return item ? item->folder : NULL;
}

uint64_t heed_models_bytes(const heed_models *models, size_t index) {
    const listed *item = at(models, index);
    return item ? item->bytes : 0;
}

bool heed_models_is_shipped(const heed_models *models, size_t index) {
    const listed *item = at(models, index);
    return item && item->shipped;
}
