/* Special tokens by their roles, whatever their text: as the folder's tokenizer_config.json or special_tokens_map.json has them,
 * else by the recipe and the tokenizer. */
#include "base/file.h"
#include "models/model.h"

#include <string.h>

/* By hd_special, in the order in which they are written. */
static const char *const keys[HD_SPECIALS] = {
    [HD_SPECIAL_BOS] = "bos_token",  [HD_SPECIAL_EOS] = "eos_token", [HD_SPECIAL_UNKNOWN] = "unk_token",
    [HD_SPECIAL_PAD] = "pad_token",  [HD_SPECIAL_CLS] = "cls_token", [HD_SPECIAL_SEP] = "sep_token",
    [HD_SPECIAL_MASK] = "mask_token"};

/* A token's text: a string, or the "content" of an object. */
static const char *text_of(const json_t *value) {
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

/* Classes of transformers 5 that are not of a family: they give a model token types only if their file lists these. */
static bool is_general(const char *class) {
    static const char *const names[] = {"PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend"};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (class && strcmp(class, names[i]) == 0) return true;
    return false;
}

/* Whether a tokenizer's inputs, if its file lists them or names such a class, include token types. */
static bool lists_types(const json_t *config, bool otherwise) {
    const json_t *names = json_object_get(config, "model_input_names"), *name;
    size_t i;
    if (!json_is_array(names))
        return otherwise && !is_general(json_string_value(json_object_get(config, "tokenizer_class")));
    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);
        if (text && strcmp(text, "token_type_ids") == 0) return otherwise;
    }
    return false;
}

/* A huge number means that there is no limit. */
static int64_t read_limit(const json_t *value, int64_t otherwise) {
    double limit = json_number_value(value);
    return limit >= 1 && limit < INT32_MAX ? (int64_t)limit : otherwise;
}

static heed_status read_file(heed_model *model, const char *name) {
    char *path = hd_path_join(model->context, model->folder, name);
    hd_json json = {0};
    if (!path) return HEED_MEMORY;
    heed_status status = hd_file_exists(path) ? hd_json_open(model->context, path, &json) : HEED_OK;
    for (int i = 0; i < HD_SPECIALS && json.root; i++) {
        const char *text = text_of(json_object_get(json.root, keys[i]));
        if (text && model->specials[i] < 0) model->specials[i] = hd_tokenizer_id(model->tokenizer, text);
    }
    model->typed = lists_types(json.root, model->typed);
    model->max_length = read_limit(json_object_get(json.root, "model_max_length"), model->max_length);
    hd_json_close(&json);
    hd_free(model->context, path);
    return status;
}

/* The tokens that the template adds: one before a text and one after it. */
static heed_status read_template(heed_model *model, int32_t *before, int32_t *after) {
    hd_encoding encoding = {0};
    heed_status status = hd_tokenizer_encode(model->tokenizer, model->context, "", 0, true, &encoding);
    bool both = status == HEED_OK && encoding.count == 2 && encoding.ids[0] != encoding.ids[1];
    *before = both ? encoding.ids[0] : -1;
    *after = both ? encoding.ids[1] : -1;
    hd_encoding_close(&encoding);
    return status;
}

static void set_missing(heed_model *model, hd_special role, int32_t id) {
    if (model->specials[role] < 0) model->specials[role] = id;
}

heed_status hd_specials_find(heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    int32_t before, after, unknown = hd_tokenizer_unknown(model->tokenizer);
    for (int i = 0; i < HD_SPECIALS; i++) model->specials[i] = -1;
    model->typed = recipe->side[HD_ENCODER].token_types > 1;
    if (model->folder) {
        HD_TRY(read_file(model, "tokenizer_config.json"));
        HD_TRY(read_file(model, "special_tokens_map.json"));
    }
    HD_TRY(read_template(model, &before, &after));
    set_missing(model, HD_SPECIAL_EOS, recipe->eos);
    set_missing(model, HD_SPECIAL_UNKNOWN, unknown);
    /* a config's pad may be a default that the tokenizer does not have */
    set_missing(model, HD_SPECIAL_PAD, recipe->pad == unknown ? -1 : recipe->pad);
    set_missing(model, HD_SPECIAL_CLS, before);
    set_missing(model, HD_SPECIAL_SEP, after);
    set_missing(model, HD_SPECIAL_CLS, hd_tokenizer_special(model->tokenizer, "[CLS]"));
    set_missing(model, HD_SPECIAL_SEP, hd_tokenizer_special(model->tokenizer, "[SEP]"));
    set_missing(model, HD_SPECIAL_MASK, hd_tokenizer_mask(model->tokenizer));
    return HEED_OK;
}

int hd_specials_write(const heed_model *model, json_t *config) {
    int failed = 0;
    for (int i = 0; i < HD_SPECIALS; i++) {
        int32_t id = model->specials[i];
        const char *token = id >= 0 ? hd_tokenizer_token(model->tokenizer, id) : NULL;
        if (token) failed |= json_object_set_new(config, keys[i], json_string(token));
    }
    return failed;
}
