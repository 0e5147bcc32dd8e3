#include "formats/model_folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/modules.h"

enum { LONGEST_PATH = 4096 };

/* The state of a search: the folders without a model so far, and the folder that was found. */
typedef struct search {
    heed_context *context;
    const char *name;
    hd_buffer searched;
    char *found;
    bool failed;        /* memory ran out */
    heed_status damage; /* of the modules.json of a folder */
} search;

static bool is_done(const search *s) { return s->found || s->failed || s->damage != HEED_OK; }

/* The folder of the Transformer that the folder's modules.json names; NULL when there is none. */
static char *transformer_folder(search *s, const char *folder) {
    hd_modules modules;
    char *path = hd_path_join(s->context, folder, "modules.json"), *inside = NULL;
    bool exists = path && hd_file_exists(path);
    s->failed |= !path;
    hd_free(s->context, path);
    if (!exists) return NULL;
    s->damage = hd_modules_open(s->context, folder, &modules);
    if (s->damage != HEED_OK) return NULL;
    const char *name = hd_modules_transformer(&modules);
    if (name && name[0]) {
        inside = hd_path_join(s->context, folder, name);
        s->failed |= !inside;
    }
    hd_modules_close(&modules);
    return inside;
}

static bool has_config(search *s, const char *folder) {
    char *config = hd_path_join(s->context, folder, "config.json");
    s->failed |= !config;
    bool exists = config && hd_file_exists(config);
    hd_free(s->context, config);
    return exists;
}

/* Tries a folder and takes ownership of it (NULL when memory ran out); records it in `searched` if it has no model. */
static void try_folder(search *s, char *folder) {
    s->failed |= !folder;
    if (folder && has_config(s, folder)) {
        s->found = folder;
        return;
    }
    char *inside = folder && !s->failed ? transformer_folder(s, folder) : NULL;
    if (inside && has_config(s, inside))
        s->found = inside;
    else
        hd_free(s->context, inside);
    if (folder && !is_done(s)) hd_buffer_format(&s->searched, "%s%s", s->searched.size ? ", " : "", folder);
    hd_free(s->context, folder);
}

/* root/name, freeing `root`; NULL when memory ran out, also before. */
static char *join_owned(heed_context *context, char *root, const char *name) {
    char *joined = root ? hd_path_join(context, root, name) : NULL;
    hd_free(context, root);
    return joined;
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* Hub names are owner/name or a name, of letters, digits, '.', '_' and '-', so that they cannot lead to another
 * folder. */
static bool is_hub_name(const char *name) {
    int slashes = 0;
    for (const char *c = name; *c; c++) {
        bool begins = c == name || c[-1] == '/';
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';
        if (*c == '/' ? begins || ++slashes > 1 : !word && (begins || (*c != '-' && *c != '.'))) return false;
    }
    return name[0] && name[strlen(name) - 1] != '/';
}

/* ---- shipped models -------------------------------------------------------------------------------------------- */

/* "prefix" of a running prefix/bin/heed; false when it is unknown. */
static bool install_prefix(char prefix[LONGEST_PATH]) {
    ssize_t length = readlink("/proc/self/exe", prefix, LONGEST_PATH - 1);
    prefix[length > 0 ? length : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(prefix, '/');
        if (!slash) return false;
        *slash = 0;
    }
    return true;
}

enum { SHIPPED_ROOTS = 3 };

/* The index-th folder that shipped models are in, to be freed; NULL when there is none or, with *failed, when memory ran
 * out. */
static char *shipped_root(heed_context *context, int index, bool *failed) {
    char prefix[LONGEST_PATH], *root = NULL;
    const char *models = NULL;
    if (index == 1) {
        if (!install_prefix(prefix)) return NULL;
        root = hd_path_join(context, prefix[0] ? prefix : "/", "share/heed/models");
    } else {
        if (index == 0) models = setting("HEED_MODELS");
#ifdef HEED_MODELS_DIR
        if (index == 2) models = HEED_MODELS_DIR;
#endif
        if (!models) return NULL;
        root = hd_copy_string(context, models);
    }
    *failed |= !root;
    return root;
}

static void try_shipped(search *s) {
    for (int i = 0; i < SHIPPED_ROOTS && !is_done(s); i++) {
        char *root = shipped_root(s->context, i, &s->failed);
        if (root) try_folder(s, join_owned(s->context, root, s->name));
    }
}

/* ---- the list of shipped models -------------------------------------------------------------------------------- */

typedef struct name_list {
    heed_context *context;
    char **names; /* [count] */
    size_t count, capacity;
    bool failed; /* memory ran out */
} name_list;

static void add_name(name_list *list, const char *name) {
    if (!hd_grow(list->context, &list->names, &list->capacity, list->count + 1, sizeof *list->names) ||
        !(list->names[list->count] = hd_copy_string(list->context, name)))
        list->failed = true;
    else
        list->count++;
}

static bool is_model(heed_context *context, const char *root, const char *name, bool *failed) {
    char *config = join_owned(context, hd_path_join(context, root, name), "config.json");
    bool exists = config && hd_file_exists(config);
    *failed |= !config;
    hd_free(context, config);
    return exists;
}

static void add_models_of(name_list *list, const char *root) {
    DIR *folder = opendir(root); /* one that cannot be read has no models */
    const struct dirent *entry;
    while (folder && !list->failed && (entry = readdir(folder)))
        if (is_hub_name(entry->d_name) && is_model(list->context, root, entry->d_name, &list->failed))
            add_name(list, entry->d_name);
    if (folder) closedir(folder);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

heed_status hd_model_folder_list(heed_context *context, char **names) {
    name_list list = {.context = context};
    for (int i = 0; i < SHIPPED_ROOTS && !list.failed; i++) {
        char *root = shipped_root(context, i, &list.failed);
        if (root) add_models_of(&list, root);
        hd_free(context, root);
    }
    if (list.count) qsort(list.names, list.count, sizeof *list.names, compare_names);
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (size_t i = 0; i < list.count; i++) {
        if (i && strcmp(list.names[i], list.names[i - 1]) == 0) continue;
        hd_buffer_format(&text, "%s%s", text.size ? "\n" : "", list.names[i]);
    }
    *names = list.failed ? NULL : hd_buffer_take(&text);
    hd_buffer_close(&text);
    for (size_t i = 0; i < list.count; i++) hd_free(context, list.names[i]);
    hd_free(context, list.names);
    return *names ? HEED_OK : HEED_MEMORY;
}

/* ---- the hub's cache ------------------------------------------------------------------------------------------- */

/* The same rule as huggingface_hub's constants.py. *known is false when the home folder is unknown. */
static char *hub_cache(heed_context *context, bool *known) {
    const char *value;
    *known = true;
    if ((value = setting("HF_HUB_CACHE"))) return hd_copy_string(context, value);
    if ((value = setting("HF_HOME"))) return hd_path_join(context, value, "hub");
    if ((value = setting("XDG_CACHE_HOME"))) return hd_path_join(context, value, "huggingface/hub");
    if ((value = setting("HOME"))) return hd_path_join(context, value, ".cache/huggingface/hub");
    *known = false;
    return NULL;
}

/* cache/models--owner--name */
static char *repository(heed_context *context, const char *cache, const char *name) {
    hd_buffer folder;
    hd_buffer_open(&folder, context);
    hd_buffer_text(&folder, "models--");
    for (const char *c = name; *c; c++) {
        if (*c == '/')
            hd_buffer_text(&folder, "--");
        else
            hd_buffer_byte(&folder, *c);
    }
    char *taken = hd_buffer_take(&folder);
    char *path = taken ? hd_path_join(context, cache, taken) : NULL;
    hd_free(context, taken);
    return path;
}

/* repository/snapshots/REVISION, where refs/main contains the revision: a line of letters and digits. Without such a
 * ref, the repository itself, which has no config.json and is therefore reported as searched. NULL when memory ran
 * out. */
static char *snapshot(heed_context *context, const char *repository_path) {
    char *reference = hd_path_join(context, repository_path, "refs/main");
    if (!reference) return NULL;
    hd_buffer revision;
    hd_buffer_open(&revision, context);
    bool read = hd_file_exists(reference) && hd_file_read(context, reference, &revision) == HEED_OK;
    hd_free(context, reference);
    while (revision.size && strchr(" \r\n", revision.data[revision.size - 1])) revision.data[--revision.size] = 0;
    char *path = NULL;
    if (read && is_hub_name(revision.data ? revision.data : "") && !strchr(revision.data, '/'))
        path = join_owned(context, hd_path_join(context, repository_path, "snapshots"), revision.data);
    else if (!revision.failed)
        path = hd_copy_string(context, repository_path);
    hd_buffer_close(&revision);
    return path;
}

static void try_hub(search *s) {
    bool known;
    char *cache = hub_cache(s->context, &known);
    if (!known) return;
    char *path = cache ? repository(s->context, cache, s->name) : NULL;
    try_folder(s, path ? snapshot(s->context, path) : NULL);
    hd_free(s->context, cache);
    hd_free(s->context, path);
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

heed_status hd_model_folder_find(heed_context *context, const char *name, char **folder) {
    search s = {.context = context, .name = name};
    *folder = NULL;
    hd_buffer_open(&s.searched, context);
    if (!name[0]) return hd_fail(context, HEED_ARGUMENT, "the name of a model is empty");
    try_folder(&s, hd_copy_string(context, name));
    bool on_hub = is_hub_name(name);
    if (!is_done(&s) && on_hub && !strchr(name, '/')) try_shipped(&s);
    if (!is_done(&s) && on_hub) try_hub(&s);
    heed_status status = HEED_OK;
    if (s.failed || (s.searched.failed && !s.found)) {
        status = HEED_MEMORY; /* recorded already: a search fails only when memory runs out */
    } else if (s.found) {
        *folder = s.found;
    } else if (s.damage != HEED_OK) {
        status = s.damage;
    } else if (!on_hub) {
        const char *reason = hd_folder_exists(name) ? "the folder has no config.json" : "no such folder";
        status = hd_fail(context, HEED_FILE, "%s: %s", name, reason);
    } else {
        status = hd_fail(context, HEED_FILE, "no model \"%s\": no config.json in %s", name, s.searched.data);
    }
    hd_buffer_close(&s.searched);
    return status;
}

heed_status hd_model_config_open(heed_context *context, const char *folder, hd_json *config, const char **model_type) {
    *config = (hd_json){.context = context, .index = SIZE_MAX};
    char *path = hd_path_join(context, folder, "config.json");
    if (!path) return HEED_MEMORY;
    heed_status status = hd_json_open(context, path, config);
    hd_free(context, path);
    if (status != HEED_OK) return status;
    status = hd_json_require(config, "model_type");
    if (status == HEED_OK) status = hd_json_string(config, "model_type", NULL, model_type);
    if (status != HEED_OK) hd_json_close(config);
    return status;
}
