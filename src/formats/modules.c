#include "formats/modules.h"

#include <string.h>

#include "base/file.h"

/* Relative, of plain names. */
static bool is_inside(const char *path) {
    if (!path[0]) return true;
    for (const char *name = path;; name = strchr(name, '/') + 1) {
        size_t size = strcspn(name, "/");
        bool dots = size <= 2 && strspn(name, ".") >= size;
        if (size == 0 || dots) return false;
        if (!name[size]) return true;
    }
}

/* "Pooling" of "sentence_transformers.models.Pooling". */
static const char *class_name(const char *type) {
    static const char package[] = "sentence_transformers.";
    return strncmp(type, package, sizeof package - 1) == 0 ? strrchr(type, '.') + 1 : type;
}

static heed_status read_module(hd_modules *modules, size_t index) {
    hd_json entry;
    const char *type, *path;
    hd_json_element(&modules->json, index, &entry);
    if (!json_is_object(entry.root)) return hd_json_expected(&entry, NULL, "an object");
    HD_TRY(hd_json_require(&entry, "type"));
    HD_TRY(hd_json_string(&entry, "type", NULL, &type));
    HD_TRY(hd_json_string(&entry, "path", "", &path));
    if (!is_inside(path)) return hd_json_expected(&entry, "path", "a folder inside of this one");
    modules->item[index].type = class_name(type);
    modules->item[index].path = path;
    return HEED_OK;
}

static heed_status read_list(hd_modules *modules) {
    const json_t *root = modules->json.root;
    if (!json_is_array(root)) return hd_json_expected(&modules->json, NULL, "an array of modules");
    modules->count = json_array_size(root);
    if (modules->count > HD_MOST_MODULES)
        return hd_fail(modules->json.context, HEED_UNSUPPORTED, "%s: %zu modules, heed reads up to %d",
                       modules->json.path, modules->count, HD_MOST_MODULES);
    for (size_t i = 0; i < modules->count; i++) HD_TRY(read_module(modules, i));
    return HEED_OK;
}

static heed_status open_list(heed_context *context, const char *path, hd_json *json) {
    hd_map map;
    HD_TRY(hd_map_copy(context, path, &map));
    heed_status status = hd_json_open_bytes(context, path, map.data, map.size, HD_JSON_LENIENT, json);
    hd_map_close(&map);
    return status;
}

heed_status hd_modules_open(heed_context *context, const char *root, hd_modules *modules) {
    *modules = (hd_modules){.root = hd_copy_string(context, root)};
    modules->json.context = context;
    char *path = modules->root ? hd_path_join(context, root, "modules.json") : NULL;
    heed_status status = path ? open_list(context, path, &modules->json) : HEED_MEMORY;
    hd_free(context, path);
    if (status == HEED_OK) status = read_list(modules);
    if (status != HEED_OK) hd_modules_close(modules);
    return status;
}

void hd_modules_close(hd_modules *modules) {
    if (modules->root) hd_free(modules->json.context, modules->root);
    hd_json_close(&modules->json);
    *modules = (hd_modules){0};
}

static heed_status open_if_any(heed_context *context, const char *root, hd_modules *modules, bool *found) {
    char *path = hd_path_join(context, root, "modules.json");
    if (!path) return HEED_MEMORY;
    *found = hd_file_exists(path);
    hd_free(context, path);
    return *found ? hd_modules_open(context, root, modules) : HEED_OK;
}

/* A damaged list beside the folder says nothing about the folder. */
static heed_status open_parent(heed_context *context, const char *parent, const char *name, hd_modules *modules,
                               bool *found) {
    heed_status status = open_if_any(context, parent, modules, found);
    if (status != HEED_OK) *found = false;
    if (status == HEED_MEMORY) return status;
    const char *transformer = *found ? hd_modules_transformer(modules) : NULL;
    if (*found && !(transformer && strcmp(transformer, name) == 0)) {
        hd_modules_close(modules);
        *found = false;
    }
    return HEED_OK;
}

heed_status hd_modules_find(heed_context *context, const char *folder, hd_modules *modules, bool *found) {
    *modules = (hd_modules){0};
    HD_TRY(open_if_any(context, folder, modules, found));
    if (*found) return HEED_OK;
    char *parent = hd_copy_string(context, folder);
    if (!parent) return HEED_MEMORY;
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/') parent[--length] = 0;
    char *slash = strrchr(parent, '/');
    heed_status status = HEED_OK;
    if (slash) {
        *slash = 0;
        status = open_parent(context, parent[0] ? parent : "/", slash + 1, modules, found);
    }
    hd_free(context, parent);
    return status;
}

const char *hd_modules_transformer(const hd_modules *modules) {
    for (size_t i = 0; i < modules->count; i++)
        if (strcmp(modules->item[i].type, "Transformer") == 0) return modules->item[i].path;
    return NULL;
}

char *hd_modules_path(const hd_modules *modules, size_t index, const char *name) {
    heed_context *context = modules->json.context;
    const char *path = modules->item[index].path;
    char *folder = path[0] ? hd_path_join(context, modules->root, path) : hd_copy_string(context, modules->root);
    if (!folder || !name) return folder;
    char *joined = hd_path_join(context, folder, name);
    hd_free(context, folder);
    return joined;
}
