#include "formats/hub/cache.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/utf8.h"

enum { LONGEST_NAME = 96, LONGEST_COMPONENT = 255, LONGEST_PATH = 1024 };

/* ---- the environment -------------------------------------------------------------------------------------------- */

const char *hd_hub_setting(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

bool hd_hub_switch(const char *name) {
    static const char *const yes[] = {"1", "on", "yes", "true"};
    const char *value = hd_hub_setting(name);
    for (size_t i = 0; value && i < HD_COUNT(yes); i++)
        if (strcasecmp(value, yes[i]) == 0) return true;
    return false;
}

/* A path in which "~" at the start is the home folder. */
static char *expand(heed_context *context, const char *path) {
    const char *home = hd_hub_setting("HOME");
    bool tilde = path[0] == '~' && (path[1] == '/' || !path[1]);
    if (!tilde || !home) return hd_copy_string(context, path);
    return hd_path_join(context, home, path[1] ? path + 2 : "");
}

/* `folder`/name, freeing `folder`; NULL when memory ran out, also before. */
static char *join_owned(heed_context *context, char *folder, const char *name) {
    char *joined = folder ? hd_path_join(context, folder, name) : NULL;
    hd_free(context, folder);
    return joined;
}

char *hd_hub_home(heed_context *context, bool *known) {
    const char *value;
    *known = true;
    if ((value = hd_hub_setting("HF_HOME"))) return expand(context, value);
    if ((value = hd_hub_setting("XDG_CACHE_HOME"))) return join_owned(context, expand(context, value), "huggingface");
    if ((value = hd_hub_setting("HOME"))) return hd_path_join(context, value, ".cache/huggingface");
    *known = false;
    return NULL;
}

char *hd_hub_cache(heed_context *context, bool *known) {
    const char *value;
    *known = true;
    if ((value = hd_hub_setting("HF_HUB_CACHE")) || (value = hd_hub_setting("HUGGINGFACE_HUB_CACHE")))
        return expand(context, value);
    char *home = hd_hub_home(context, known);
    return *known ? join_owned(context, home, "hub") : NULL;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_name_part(const char *part, size_t size) {
    if (size == 0 || size > LONGEST_NAME || !is_word(part[0]) || !is_word(part[size - 1])) return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_word(part[i]) && part[i] != '-' && part[i] != '.') return false;
        if (i > 0 && part[i] != '_' && !is_word(part[i]) && part[i] == part[i - 1]) return false; /* "--", ".." */
    }
    return true;
}

bool hd_hub_is_name(const char *name) {
    size_t size = strlen(name), first = strcspn(name, "/");
    if (first == size) return is_name_part(name, size);
    return is_name_part(name, first) && is_name_part(name + first + 1, size - first - 1);
}

static bool is_path_component(const char *component, size_t size) {
    if (size == 0 || size > LONGEST_COMPONENT) return false;
    return !(component[0] == '.' && (size == 1 || (size == 2 && component[1] == '.')));
}

static bool has_only_safe_characters(const char *text, size_t size) {
    if (!hd_utf8_valid(text, size)) return false;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        if (code == '\\' || hd_is_terminal_control(code)) return false;
    }
    return true;
}

bool hd_hub_is_path(const char *path) {
    size_t size = strlen(path);
    if (size > LONGEST_PATH || !has_only_safe_characters(path, size)) return false;
    for (const char *at = path;; at++) {
        size_t length = strcspn(at, "/");
        if (!is_path_component(at, length)) return false;
        at += length;
        if (!*at) return true;
    }
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

static const char prefix[] = "models--";

char *hd_hub_repository(heed_context *context, const char *cache, const char *name) {
    hd_buffer folder;
    hd_buffer_open(&folder, context);
    hd_buffer_text(&folder, prefix);
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

bool hd_hub_repository_name(const char *folder, hd_buffer *name) {
    size_t skipped = strlen(prefix);
    if (strncmp(folder, prefix, skipped) != 0) return false;
    const char *owner = folder + skipped, *separator = strstr(owner, "--");
    hd_buffer_clear(name);
    hd_buffer_append(name, owner, separator ? (size_t)(separator - owner) : strlen(owner));
    if (separator) hd_buffer_format(name, "/%s", separator + 2);
    return !name->failed && hd_hub_is_name(name->data);
}

heed_status hd_hub_read_ref(heed_context *context, const char *repository, const char *revision,
                            char commit[HD_COMMIT_DIGITS + 1]) {
    commit[0] = 0;
    char *path = join_owned(context, hd_path_join(context, repository, "refs"), revision);
    if (!path) return HEED_MEMORY;
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = hd_file_exists(path) ? hd_file_read(context, path, &text) : HEED_OK;
    hd_free(context, path);
    while (text.size && strchr(" \r\n", text.data[text.size - 1])) text.data[--text.size] = 0;
    bool is_commit = text.size && text.size <= HD_COMMIT_DIGITS && strlen(text.data) == text.size &&
                     is_name_part(text.data, text.size);
    if (is_commit) memcpy(commit, text.data, text.size + 1);
    hd_buffer_close(&text);
    return status == HEED_MEMORY ? HEED_MEMORY : HEED_OK; /* a ref that cannot be read is none */
}
