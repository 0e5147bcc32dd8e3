#include "formats/model_folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/spelling.h"
#include "formats/foreign.h"
#include "formats/hub/cache.h"
#include "formats/modules.h"

enum { LONGEST_PATH = 4096 };

/* The state of a search: the folders without a model so far, and the folder that was found. */
typedef struct search {
    heed_context *context;
    const char *name;
    hd_buffer searched;
    char *found;
    char *other;        /* the first folder or file that exists, but has no model */
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
    if (folder && !is_done(s) && !s->other && (hd_folder_exists(folder) || hd_file_exists(folder)))
        s->other = folder;
    else
        hd_free(s->context, folder);
}

/* root/name, freeing `root`; NULL when memory ran out, also before. */
static char *join_owned(heed_context *context, char *root, const char *name) {
    char *joined = root ? hd_path_join(context, root, name) : NULL;
    hd_free(context, root);
    return joined;
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
        if (index == 0) models = hd_hub_setting("HEED_MODELS");
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
        if (hd_hub_is_name(entry->d_name) && is_model(list->context, root, entry->d_name, &list->failed))
            add_name(list, entry->d_name);
    if (folder) closedir(folder);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_shipped(name_list *list) {
    for (int i = 0; i < SHIPPED_ROOTS && !list->failed; i++) {
        char *root = shipped_root(list->context, i, &list->failed);
        if (root) add_models_of(list, root);
        hd_free(list->context, root);
    }
    if (list->count) qsort(list->names, list->count, sizeof *list->names, compare_names);
}

/* Appends the sorted names, each once. */
static void join_names(const name_list *list, const char *separator, hd_buffer *out) {
    for (size_t i = 0; i < list->count; i++)
        if (!i || strcmp(list->names[i], list->names[i - 1]) != 0)
            hd_buffer_format(out, "%s%s", i ? separator : "", list->names[i]);
}

static void free_names(name_list *list) {
    for (size_t i = 0; i < list->count; i++) hd_free(list->context, list->names[i]);
    hd_free(list->context, list->names);
}

heed_status hd_model_folder_list(heed_context *context, char **names) {
    name_list list = {.context = context};
    hd_buffer text;
    hd_buffer_open(&text, context);
    add_shipped(&list);
    join_names(&list, "\n", &text);
    *names = list.failed ? NULL : hd_buffer_take(&text);
    hd_buffer_close(&text);
    free_names(&list);
    return *names ? HEED_OK : HEED_MEMORY;
}

/* ---- the hub's cache ------------------------------------------------------------------------------------------- */

/* The snapshot of refs/main. Without such a ref, the repository itself, which has no config.json and is therefore reported as
 * searched. NULL when memory ran out. */
static char *snapshot(heed_context *context, const char *repository) {
    char commit[HD_COMMIT_DIGITS + 1];
    if (hd_hub_read_ref(context, repository, "main", commit) != HEED_OK) return NULL;
    if (!commit[0]) return hd_copy_string(context, repository);
    return join_owned(context, hd_path_join(context, repository, "snapshots"), commit);
}

static void try_hub(search *s) {
    bool known;
    char *cache = hd_hub_cache(s->context, &known);
    if (!known) return;
    char *path = cache ? hd_hub_repository(s->context, cache, s->name) : NULL;
    try_folder(s, path ? snapshot(s->context, path) : NULL);
    hd_free(s->context, cache);
    hd_free(s->context, path);
}

/* ---- the nearest name ------------------------------------------------------------------------------------------ */

/* Adds the names of the repositories in the hub's cache that have a model. */
static void add_cached(name_list *list) {
    bool known;
    char *cache = hd_hub_cache(list->context, &known);
    list->failed |= known && !cache;
    DIR *folder = cache ? opendir(cache) : NULL;
    const struct dirent *entry;
    hd_buffer name;
    hd_buffer_open(&name, list->context);
    while (folder && !list->failed && (entry = readdir(folder))) {
        bool named = hd_hub_repository_name(entry->d_name, &name);
        list->failed |= name.failed;
        if (!named) continue;
        char *repository = hd_path_join(list->context, cache, entry->d_name);
        char *revision = repository ? snapshot(list->context, repository) : NULL;
        list->failed |= !revision;
        if (revision && is_model(list->context, revision, ".", &list->failed)) add_name(list, name.data);
        hd_free(list->context, revision);
        hd_free(list->context, repository);
    }
    if (folder) closedir(folder);
    hd_buffer_close(&name);
    hd_free(list->context, cache);
}

/* Adds the folders with a model beside the one that `name` would be: "runs/dates" for "runs/date". */
static void add_neighbours(name_list *list, const char *name) {
    const char *slash = strrchr(name, '/');
    char *root = hd_copy_string(list->context, slash == name ? "/" : slash ? name : ".");
    size_t first = list->count;
    list->failed |= !root;
    if (root && slash > name) root[slash - name] = 0;
    if (root) add_models_of(list, root);
    for (size_t i = first; slash && root && i < list->count; i++) {
        char *joined = hd_path_join(list->context, root, list->names[i]);
        list->failed |= !joined;
        if (!joined) break;
        hd_free(list->context, list->names[i]);
        list->names[i] = joined;
    }
    hd_free(list->context, root);
}

/* The name with the fewest edits, else the shortest one that contains what was typed; NULL: none. */
static const char *nearest_name(const name_list *list, const char *typed) {
    enum { SHORTEST_PART = 3 };
    const char *nearest = NULL, *whole = NULL;
    const char *slash = strrchr(typed, '/');
    size_t edits = SIZE_MAX, size = strlen(typed), folder = slash ? (size_t)(slash - typed) + 1 : 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->names[i];
        size_t same = strncmp(name, typed, folder) == 0 ? folder : 0; /* names in one folder differ in the rest */
        if (hd_is_nearer(typed + same, size - same, name + same, &edits)) nearest = name;
        bool contains = size >= SHORTEST_PART && strstr(name, typed);
        if (contains && (!whole || strlen(name) < strlen(whole))) whole = name;
    }
    return nearest ? nearest : whole;
}

/* ` (did you mean "sst2"?)`; nothing if no name is near. False when memory ran out, as below. */
static bool append_suggestion(const search *s, hd_buffer *out) {
    name_list list = {.context = s->context};
    add_shipped(&list);
    add_cached(&list);
    add_neighbours(&list, s->name);
    const char *nearest = nearest_name(&list, s->name);
    if (nearest) hd_buffer_format(out, " (did you mean \"%s\"?)", nearest);
    free_names(&list);
    return !list.failed && !out->failed;
}

/* How to get the model, or which names there are. */
static bool append_advice(const search *s, bool suggested, hd_buffer *out) {
    name_list list = {.context = s->context};
    if (strchr(s->name, '/')) hd_buffer_format(out, " (heed pull %s fetches it)", s->name);
    if (suggested || strchr(s->name, '/')) return !out->failed;
    add_shipped(&list);
    hd_buffer_text(out, list.count ? "; the models that ship are " : "");
    join_names(&list, ", ", out);
    free_names(&list);
    return !list.failed && !out->failed;
}

/* ---- the search ------------------------------------------------------------------------------------------------ */

static heed_status no_model(const search *s, bool on_hub) {
    const char *reason = hd_folder_exists(s->name) ? "the folder has no config.json" : "no such folder";
    hd_buffer suggestion, advice;
    hd_buffer_open(&suggestion, s->context);
    hd_buffer_open(&advice, s->context);
    bool fine = hd_folder_exists(s->name) || append_suggestion(s, &suggestion);
    fine = fine && (!on_hub || append_advice(s, suggestion.size, &advice));
    const char *near = suggestion.size ? suggestion.data : "", *rest = advice.size ? advice.data : "";
    if (fine && on_hub)
        hd_fail(s->context, HEED_FILE, "no model \"%s\"%s: no config.json in %s%s", s->name, near, s->searched.data,
                rest);
    else if (fine)
        hd_fail(s->context, HEED_FILE, "%s: %s%s", s->name, reason, near);
    hd_buffer_close(&suggestion);
    hd_buffer_close(&advice);
    return fine ? HEED_FILE : HEED_MEMORY;
}

heed_status hd_model_folder_find(heed_context *context, const char *name, char **folder) {
    search s = {.context = context, .name = name};
    *folder = NULL;
    hd_buffer_open(&s.searched, context);
    if (!name[0]) return hd_fail(context, HEED_ARGUMENT, "the name of a model is empty");
    try_folder(&s, hd_copy_string(context, name));
    bool on_hub = hd_hub_is_name(name);
    if (!is_done(&s) && on_hub && !strchr(name, '/')) try_shipped(&s);
    if (!is_done(&s) && on_hub) try_hub(&s);
    heed_status status = s.failed || (s.searched.failed && !s.found) ? HEED_MEMORY : s.damage;
    if (status == HEED_OK && s.other && !s.found) status = hd_foreign_refuse(context, s.other);
    if (status == HEED_OK && !s.found) status = no_model(&s, on_hub);
    if (status == HEED_OK) *folder = s.found;
    hd_free(context, s.other);
    hd_buffer_close(&s.searched);
    return status;
}

/* Searches with one function alone. */
static heed_status find_with(void try(search *), heed_context *context, const char *name, char **folder) {
    search s = {.context = context, .name = name};
    hd_buffer_open(&s.searched, context);
    try(&s);
    *folder = s.found;
    heed_status status = s.found ? HEED_OK : HEED_MEMORY;
    if (!s.found && !s.failed && !s.searched.failed)
        status = hd_fail(context, HEED_FILE, "no model \"%s\": no config.json in %s", name,
                         s.searched.size ? s.searched.data : "any folder");
    hd_buffer_close(&s.searched);
    hd_free(context, s.other);
    return status;
}

heed_status hd_model_folder_find_shipped(heed_context *context, const char *name, char **folder) {
    return find_with(try_shipped, context, name, folder);
}

heed_status hd_model_folder_find_cached(heed_context *context, const char *name, char **folder) {
    return find_with(try_hub, context, name, folder);
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
