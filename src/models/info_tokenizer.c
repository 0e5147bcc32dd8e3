/* The components of a tokenizer, by the names that they have in a tokenizer.json. */
#include "base/file.h"
#include "models/info.h"

#include <string.h>

static const char *type_of(const json_t *component) {
    const char *type = json_string_value(json_object_get(component, "type"));
    return type ? type : "unnamed";
}

/* The names of a component, or of those in a Sequence, which has them under one of three keys. */
static int add_types(const json_t *component, int depth, json_t *names) {
    static const char *const keys[] = {"normalizers", "pretokenizers", "processors", "decoders"};
    if (!json_is_object(component)) return 0;
    if (strcmp(type_of(component), "Sequence") != 0 || depth > 8)
        return json_array_append_new(names, json_string(type_of(component)));
    int failed = 0;
    for (size_t i = 0; i < HD_COUNT(keys); i++) {
        const json_t *parts = json_object_get(component, keys[i]);
        for (size_t p = 0; p < json_array_size(parts); p++)
            failed |= add_types(json_array_get(parts, p), depth + 1, names);
    }
    return failed;
}

static int add_list(const json_t *root, const char *key, json_t *object) {
    json_t *names = json_array();
    return json_object_set_new(object, key, names) | (names ? add_types(json_object_get(root, key), 0, names) : -1);
}

/* Files before tokenizers 0.10 do not name the model. */
static const char *model_of(const json_t *model) {
    const char *type = json_string_value(json_object_get(model, "type"));
    if (type) return type;
    if (json_is_array(json_object_get(model, "vocab"))) return "Unigram";
    if (json_object_get(model, "merges")) return "BPE";
    return json_object_get(model, "continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

static int describe(const json_t *root, json_t *object) {
    const json_t *model = json_object_get(root, "model"), *vocabulary = json_object_get(model, "vocab");
    size_t size = json_is_array(vocabulary) ? json_array_size(vocabulary) : json_object_size(vocabulary);
    json_t *components = json_object();
    int failed = !components || add_list(root, "normalizer", components) ||
                 add_list(root, "pre_tokenizer", components) ||
                 json_object_set_new(components, "model", json_string(model_of(model))) ||
                 json_object_set_new(components, "vocabulary", json_integer((json_int_t)size)) ||
                 add_list(root, "post_processor", components) || add_list(root, "decoder", components) ||
                 json_object_set_new(components, "added_tokens",
                                     json_integer((json_int_t)json_array_size(json_object_get(root, "added_tokens"))));
    return json_object_set_new(object, "tokenizer_components", components) | failed;
}

static heed_status describe_open(heed_context *context, const heed_tokenizer *tokenizer, json_t *object) {
    hd_buffer text;
    hd_json json = {0};
    hd_buffer_open(&text, context);
    heed_status status = hd_tokenizer_write(tokenizer, &text);
    if (status == HEED_OK)
        status = hd_json_open_bytes(context, "tokenizer", text.data, text.size, HD_JSON_LENIENT, &json);
    hd_buffer_close(&text);
    HD_TRY(status);
    if (describe(json.root, object) != 0) status = hd_json_no_memory(context, "tokenizer");
    hd_json_close(&json);
    return status;
}

heed_status hd_info_tokenizer(heed_context *context, const char *path, const heed_tokenizer *tokenizer,
                              json_t *object) {
    char *file = hd_folder_exists(path) ? hd_path_join(context, path, "tokenizer.json") : hd_copy_string(context, path);
    hd_json json = {0};
    if (!file) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (hd_file_exists(file)) {
        status = hd_json_open(context, file, &json);
        if (status == HEED_OK && describe(json.root, object) != 0) status = hd_json_no_memory(context, file);
        hd_json_close(&json);
    } else if (tokenizer) {
        status = describe_open(context, tokenizer, object);
    }
    hd_free(context, file);
    return status;
}
