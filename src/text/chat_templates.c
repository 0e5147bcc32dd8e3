#include "text/chat_templates.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/json.h"

static const char suffix[] = ".jinja", folder_name[] = "additional_chat_templates";

/* ---- reading ---- */

static heed_status add(hd_chat_templates *t, const char *name, size_t name_size, const char *file, const char *text,
                       size_t size) {
    if (!hd_grow(t->context, &t->items, &t->capacity, t->count + 1, sizeof *t->items)) return HEED_MEMORY;
    hd_chat_source *it = &t->items[t->count++];
    *it = (hd_chat_source){.name = hd_copy_bytes(t->context, name, name_size),
                           .file = hd_copy_string(t->context, file),
                           .text = hd_copy_bytes(t->context, text, size),
                           .size = size};
    return it->name && it->file && it->text ? HEED_OK : HEED_MEMORY;
}

static heed_status add_file(hd_chat_templates *t, const char *folder, const char *file, const char *name, size_t size) {
    hd_buffer text;
    char *path = hd_path_join(t->context, folder, file);
    if (!path) return HEED_MEMORY;
    hd_buffer_open(&text, t->context);
    heed_status status = hd_file_exists(path) ? hd_file_read(t->context, path, &text) : HEED_OK;
    if (status == HEED_OK && hd_file_exists(path))
        status = add(t, name, size, path, text.data ? text.data : "", text.size);
    hd_buffer_close(&text);
    hd_free(t->context, path);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const hd_chat_source *)a)->name, ((const hd_chat_source *)b)->name);
}

static heed_status add_folder(hd_chat_templates *t, const char *folder) {
    char *path = hd_path_join(t->context, folder, folder_name);
    if (!path) return HEED_MEMORY;
    heed_status status = HEED_OK;
    size_t before = t->count;
    DIR *files = opendir(path);
    for (const struct dirent *entry; status == HEED_OK && files && (entry = readdir(files));) {
        size_t size = strlen(entry->d_name), end = sizeof suffix - 1;
        if (size > end && strcmp(entry->d_name + size - end, suffix) == 0)
            status = add_file(t, path, entry->d_name, entry->d_name, size - end);
    }
    if (files) closedir(files);
    if (t->count > before) qsort(t->items + before, t->count - before, sizeof *t->items, compare_names);
    hd_free(t->context, path);
    return status;
}

/* "chat_template" of the config: a text, or a list of {"name": …, "template": …}. */
static heed_status add_listed(hd_chat_templates *t, const hd_json *config) {
    const json_t *value = json_object_get(config->root, "chat_template"), *one;
    size_t i;
    if (json_is_string(value))
        return add(t, "default", 7, config->path, json_string_value(value), json_string_length(value));
    if (value && !json_is_null(value) && !json_is_array(value))
        return hd_json_expected(config, "chat_template", "a text or a list of named texts");
    json_array_foreach(value, i, one) {
        const json_t *name = json_object_get(one, "name"), *text = json_object_get(one, "template");
        if (!json_is_string(name) || !json_is_string(text))
            return hd_json_expected(config, "chat_template", "a list of names and texts");
        HD_TRY(add(t, json_string_value(name), json_string_length(name), config->path, json_string_value(text),
                   json_string_length(text)));
    }
    return HEED_OK;
}

/* Special tokens by the names of their keys: a text, or an object with "content". */
static heed_status add_tokens(hd_chat_templates *t, const hd_json *config) {
    const char *key;
    json_t *value;
    json_object_foreach(config->root, key, value) {
        size_t size = strlen(key);
        const json_t *text = json_is_object(value) ? json_object_get(value, "content") : value;
        if (size < 6 || strcmp(key + size - 6, "_token") != 0 || !json_is_string(text)) continue;
        if (json_object_get(t->tokens, key)) continue;
        if (json_object_set_new(t->tokens, key, json_stringn(json_string_value(text), json_string_length(text))) != 0)
            return hd_json_no_memory(t->context, config->path);
    }
    return HEED_OK;
}

static heed_status read_json(hd_chat_templates *t, const char *folder, const char *name, bool templates) {
    hd_json config;
    heed_status status = hd_json_open_if_any(t->context, folder, name, &config);
    if (status == HEED_OK && config.root && templates) status = add_listed(t, &config);
    if (status == HEED_OK && config.root) status = add_tokens(t, &config);
    hd_json_close(&config);
    return status;
}

static heed_status read_all(hd_chat_templates *t, const char *folder) {
    HD_TRY(add_file(t, folder, "chat_template.jinja", "default", 7));
    HD_TRY(add_folder(t, folder));
    if (!(t->tokens = json_object())) return hd_json_no_memory(t->context, folder);
    HD_TRY(read_json(t, folder, "tokenizer_config.json", t->count == 0));
    return t->count ? read_json(t, folder, "special_tokens_map.json", false) : HEED_OK;
}

heed_status hd_chat_templates_open(heed_context *context, const char *folder, hd_chat_templates **out) {
    *out = NULL;
    hd_chat_templates *t = hd_alloc_zeroed(context, 1, sizeof *t);
    if (!t) return HEED_MEMORY;
    t->context = context;
    heed_status status = read_all(t, folder);
    if (status == HEED_OK && t->count)
        *out = t;
    else
        hd_chat_templates_close(t);
    return status;
}

void hd_chat_templates_close(hd_chat_templates *t) {
    if (!t) return;
    for (size_t i = 0; i < t->count; i++) {
        hd_free(t->context, t->items[i].name);
        hd_free(t->context, t->items[i].file);
        hd_free(t->context, t->items[i].text);
    }
    hd_free(t->context, t->items);
    json_decref(t->tokens);
    hd_free(t->context, t);
}

static const hd_chat_source *find(const hd_chat_templates *t, const char *name) {
    for (size_t i = 0; t && i < t->count; i++)
        if (strcmp(t->items[i].name, name) == 0) return &t->items[i];
    return NULL;
}

const hd_chat_source *hd_chat_templates_find(const hd_chat_templates *t, bool tools) {
    const hd_chat_source *found = tools ? find(t, "tool_use") : NULL;
    return found ? found : find(t, "default");
}

/* ---- writing ---- */

static heed_status save_one(heed_context *context, const char *folder, const hd_chat_source *it) {
    bool main = strcmp(it->name, "default") == 0;
    hd_buffer file;
    char *inside = hd_path_join(context, folder, main ? "" : folder_name), *path = NULL;
    hd_buffer_open(&file, context);
    hd_buffer_format(&file, "%s%s", main ? "chat_template" : it->name, suffix);
    heed_status status = inside && !file.failed ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && strchr(it->name, '/')) /* it would leave the folder */
        status = hd_fail(context, HEED_FORMAT, "%s: a chat template has the name \"%s\"", it->file, it->name);
    if (status == HEED_OK && !main) status = hd_folder_make(context, inside);
    if (status == HEED_OK) path = hd_path_join(context, main ? folder : inside, file.data);
    if (status == HEED_OK) status = path ? hd_file_write(context, path, it->text, it->size) : HEED_MEMORY;
    hd_buffer_close(&file);
    hd_free(context, inside);
    hd_free(context, path);
    return status;
}

heed_status hd_chat_templates_save(const hd_chat_templates *t, heed_context *context, const char *folder) {
    for (size_t i = 0; t && i < t->count; i++) HD_TRY(save_one(context, folder, &t->items[i]));
    return HEED_OK;
}
