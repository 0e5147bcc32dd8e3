#include "text/tokenizer_config.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const roles[HD_ROLES] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                            "pad_token", "cls_token", "mask_token"};

/* ---- files ---------------------------------------------------------------------------------------------------- */

heed_status hd_tokenizer_config_open(heed_context *context, const char *folder, hd_tokenizer_config *config) {
    *config = (hd_tokenizer_config){.context = context};
    heed_status status = hd_json_open_if_any(context, folder, "tokenizer_config.json", &config->options);
    if (status == HEED_OK) status = hd_json_open_if_any(context, folder, "special_tokens_map.json", &config->specials);
    if (status == HEED_OK) status = hd_json_open_if_any(context, folder, "added_tokens.json", &config->added);
    if (status == HEED_OK) status = hd_json_open_if_any(context, folder, "config.json", &config->model);
    if (status != HEED_OK) hd_tokenizer_config_close(config);
    return status;
}

void hd_tokenizer_config_close(hd_tokenizer_config *config) {
    hd_json_close(&config->options);
    hd_json_close(&config->specials);
    hd_json_close(&config->added);
    hd_json_close(&config->model);
}

/* ---- options -------------------------------------------------------------------------------------------------- */

const char *hd_tokenizer_config_class(const hd_tokenizer_config *config, size_t *size) {
    const char *name = json_string_value(json_object_get(config->options.root, "tokenizer_class"));
    if (!name) name = json_string_value(json_object_get(config->model.root, "tokenizer_class"));
    *size = name ? strlen(name) : 0;
    if (*size > 4 && strcmp(name + *size - 4, "Fast") == 0) *size -= 4;
    return name;
}

const char *hd_tokenizer_config_model_type(const hd_tokenizer_config *config) {
    const char *type = json_string_value(json_object_get(config->model.root, "model_type"));
    return type ? type : "";
}

heed_status hd_tokenizer_config_bool(const hd_tokenizer_config *config, const char *key, bool otherwise, bool *out) {
    *out = otherwise;
    return config->options.root ? hd_json_bool(&config->options, key, otherwise, out) : HEED_OK;
}

heed_status hd_tokenizer_config_int(const hd_tokenizer_config *config, const char *key, int64_t otherwise, int64_t most,
                                    int64_t *out) {
    *out = otherwise;
    return config->options.root ? hd_json_int(&config->options, key, otherwise, 0, most, out) : HEED_OK;
}

heed_status hd_tokenizer_config_string(const hd_tokenizer_config *config, const char *key, const char *otherwise,
                                       const char **out) {
    *out = otherwise;
    return config->options.root ? hd_json_string(&config->options, key, otherwise, out) : HEED_OK;
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

hd_token_settings hd_token_settings_of(const char *text) {
    return (hd_token_settings){.text = text, .size = text ? strlen(text) : 0, .special = true, .plain = true};
}

static bool same_text(const hd_token_settings *a, const hd_token_settings *b) {
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

heed_status hd_token_list_add(heed_context *context, hd_token_list *list, hd_token_settings token) {
    if (!token.text || token.size == 0) return HEED_OK;
    for (size_t i = 0; i < list->count; i++) {
        if (!same_text(&list->items[i], &token)) continue;
        if (i >= list->fixed) list->items[i] = token;
        return HEED_OK;
    }
    if (!hd_grow(context, &list->items, &list->capacity, list->count + 1, sizeof token)) return HEED_MEMORY;
    list->items[list->count++] = token;
    return HEED_OK;
}

/* A token that is text, or an object with "content" and flags; other values are none. `special`: it is, whatever the
 * object says. */
static hd_token_settings read_token(const json_t *value, bool special) {
    hd_token_settings token = {.special = true, .plain = true};
    const json_t *content = json_is_string(value) ? value : json_object_get(value, "content");
    token.text = json_string_value(content);
    token.size = json_string_length(content);
    if (!json_is_object(value)) return token;
    const json_t *normalized = json_object_get(value, "normalized");
    token.plain = false;
    token.special = special || json_is_true(json_object_get(value, "special"));
    token.single_word = json_is_true(json_object_get(value, "single_word"));
    token.lstrip = json_is_true(json_object_get(value, "lstrip"));
    token.rstrip = json_is_true(json_object_get(value, "rstrip"));
    token.normalized = normalized ? json_is_true(normalized) : !token.special;
    return token;
}

static json_t *listed_tokens(const hd_tokenizer_config *config) {
    return json_object_get(config->options.root, "added_tokens_decoder");
}

const char *hd_tokenizer_config_listed(const hd_tokenizer_config *config, int64_t id, size_t *size) {
    char key[32];
    snprintf(key, sizeof key, "%lld", (long long)id);
    const json_t *content = json_object_get(json_object_get(listed_tokens(config), key), "content");
    *size = json_string_length(content);
    return json_string_value(content);
}

/* special_tokens_map.json counts where tokenizer_config.json does not list the added tokens. */
static const json_t *find_role(const hd_tokenizer_config *config, const char *key, bool *special) {
    const json_t *value = listed_tokens(config) ? NULL : json_object_get(config->specials.root, key);
    *special = value != NULL;
    return value ? value : json_object_get(config->options.root, key);
}

heed_status hd_tokenizer_config_role(const hd_tokenizer_config *config, hd_role role, const char *otherwise,
                                     hd_token_settings *out) {
    bool special;
    const json_t *value = find_role(config, roles[role], &special);
    *out = value ? read_token(value, special) : hd_token_settings_of(otherwise);
    if (!out->text) return HEED_OK;
    /* The flags are those of the list of added tokens. */
    hd_token_list list = {0};
    heed_status status = hd_tokenizer_config_added(config, &list);
    for (size_t i = 0; i < list.count; i++)
        if (same_text(&list.items[i], out)) *out = list.items[i];
    out->special = true;
    hd_free(config->context, list.items);
    return status;
}

/* An added token and the id that a file gives it, which decides the order in which it is added. */
typedef struct numbered_token {
    int64_t id;
    hd_token_settings token;
} numbered_token;

static int compare_ids(const void *a, const void *b) {
    int64_t x = ((const numbered_token *)a)->id, y = ((const numbered_token *)b)->id;
    return x < y ? -1 : x > y;
}

static bool is_special_text(const hd_tokenizer_config *config, const char *text) {
    bool special;
    for (size_t role = 0; role < HD_ROLES; role++) {
        hd_token_settings token = read_token(find_role(config, roles[role], &special), true);
        if (token.text && strcmp(token.text, text) == 0) return true;
    }
    static const char *const lists[] = {"extra_special_tokens", "additional_special_tokens"};
    for (size_t i = 0; i < HD_COUNT(lists); i++) {
        const json_t *items = find_role(config, lists[i], &special), *item;
        size_t index;
        json_array_foreach(items, index, item) {
            hd_token_settings token = read_token(item, true);
            if (token.text && strcmp(token.text, text) == 0) return true;
        }
    }
    return false;
}

static heed_status read_listed(const hd_tokenizer_config *config, json_t *tokens, numbered_token *out, size_t *count) {
    const char *id;
    json_t *value;
    json_object_foreach(tokens, id, value) {
        char *end;
        numbered_token it = {strtoll(id, &end, 10), read_token(value, false)};
        if (*end || !json_is_object(value) || !it.token.text)
            return hd_json_expected(&config->options, "added_tokens_decoder", "ids and added tokens");
        out[(*count)++] = it;
    }
    return HEED_OK;
}

static heed_status read_legacy(const hd_tokenizer_config *config, numbered_token *out, size_t *count) {
    const char *text;
    json_t *id;
    json_object_foreach(config->added.root, text, id) {
        if (!json_is_integer(id)) return hd_json_expected(&config->added, text, "an integer");
        bool special = is_special_text(config, text);
        out[(*count)++] = (numbered_token){
            json_integer_value(id), {.text = text, .size = strlen(text), .normalized = !special, .special = special}};
    }
    return HEED_OK;
}

heed_status hd_tokenizer_config_added(const hd_tokenizer_config *config, hd_token_list *list) {
    json_t *listed = listed_tokens(config);
    size_t most = listed ? json_object_size(listed) : json_object_size(config->added.root), count = 0;
    numbered_token *tokens = hd_alloc(config->context, most, sizeof *tokens);
    if (!tokens) return HEED_MEMORY;
    heed_status status = listed ? read_listed(config, listed, tokens, &count) : read_legacy(config, tokens, &count);
    if (count) qsort(tokens, count, sizeof *tokens, compare_ids);
    for (size_t i = 0; i < count && status == HEED_OK; i++)
        status = hd_token_list_add(config->context, list, tokens[i].token);
    hd_free(config->context, tokens);
    return status;
}

static bool is_token_key(const char *key) {
    size_t size = strlen(key);
    if (size < 6 || strcmp(key + size - 6, "_token") != 0) return false;
    for (size_t role = 0; role < HD_ROLES; role++)
        if (strcmp(key, roles[role]) == 0) return false;
    return true;
}

heed_status hd_tokenizer_config_extra(const hd_tokenizer_config *config, hd_token_list *list, bool *found) {
    json_t *root = config->options.root, *value;
    const char *key;
    const json_t *items = json_object_get(root, "extra_special_tokens"), *item;
    size_t index;
    json_object_foreach(root, key, value) if (is_token_key(key))
        HD_TRY(hd_token_list_add(config->context, list, read_token(value, false)));
    if (json_is_object(items)) /* named tokens */
        json_object_foreach((json_t *)(uintptr_t)items, key, value)
            HD_TRY(hd_token_list_add(config->context, list, read_token(value, false)));
    bool empty = json_array_size(items) == 0 && json_object_size(items) == 0;
    const json_t *older = json_object_get(root, "additional_special_tokens");
    if (empty && older) items = older;
    *found = json_is_array(items);
    json_array_foreach(items, index, item) HD_TRY(hd_token_list_add(config->context, list, read_token(item, false)));
    return HEED_OK;
}
