/* Reads the components of a tokenizer.json; those that heed lacks are refused by name. */
#include "text/components_json.h"

#include "text/unicode.h"

#include <string.h>

/* ---- lists of components -------------------------------------------------------------------------------------- */

typedef heed_status read_component(heed_tokenizer *tokenizer, const json_t *object, const char *type);

/* Reads null as no component, a Sequence as the components under `list`, and anything else as one component. */
static heed_status read_components(heed_tokenizer *tokenizer, const json_t *object, const char *where, const char *list,
                                   read_component *read) {
    if (!object || json_is_null(object)) return HEED_OK;
    const char *type = json_string_value(json_object_get(object, "type"));
    if (!type) return hd_fail(tokenizer->context, HEED_FORMAT, "%s has no \"type\"", where);
    if (strcmp(type, "Sequence") != 0) return read(tokenizer, object, type);
    const json_t *items = json_object_get(object, list);
    if (!json_is_array(items)) return hd_wrong_field(tokenizer->context, where, list, "a list");
    size_t index;
    const json_t *item;
    json_array_foreach(items, index, item) HD_TRY(read_components(tokenizer, item, where, list, read));
    return HEED_OK;
}

static heed_status read_normalizer(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    heed_context *context = tokenizer->context;
    size_t kind = hd_normalizer_find(type);
    if (kind == SIZE_MAX) return hd_unsupported_component(context, "normalizer", type);
    hd_normalizer it = {.kind = (hd_normalizer_kind)kind};
    heed_status status = hd_component_read(context, hd_normalizer_type(it.kind), object, "normalizer", &it);
    if (status == HEED_OK) return hd_tokenizer_add_normalizer(tokenizer, it);
    hd_component_close(context, hd_normalizer_type(it.kind), &it);
    return status;
}

static heed_status read_pre_tokenizer(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    heed_context *context = tokenizer->context;
    size_t kind = hd_pre_tokenizer_find(type);
    if (kind == SIZE_MAX) return hd_unsupported_component(context, "pre_tokenizer", type);
    hd_pre_tokenizer it = {.kind = (hd_pre_tokenizer_kind)kind};
    heed_status status = hd_component_read(context, hd_pre_tokenizer_type(it.kind), object, "pre_tokenizer", &it);
    if (status == HEED_OK) return hd_tokenizer_add_pre_tokenizer(tokenizer, it);
    hd_component_close(context, hd_pre_tokenizer_type(it.kind), &it);
    return status;
}

static heed_status read_decoder(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    heed_context *context = tokenizer->context;
    size_t kind = hd_token_decoder_find(type);
    if (kind == SIZE_MAX) return hd_unsupported_component(context, "decoder", type);
    hd_token_decoder it = {.kind = (hd_decoder_kind)kind};
    heed_status status = hd_component_read(context, hd_token_decoder_type(it.kind), object, "decoder", &it);
    if (status == HEED_OK) return hd_tokenizer_add_decoder(tokenizer, it);
    hd_component_close(context, hd_token_decoder_type(it.kind), &it);
    return status;
}

/* ---- post-processors ------------------------------------------------------------------------------------------ */

static heed_status read_special(heed_tokenizer *tokenizer, hd_template *template, const char *name,
                                const json_t *object) {
    heed_context *context = tokenizer->context;
    const json_t *ids = json_object_get(object, "ids");
    if (!json_is_array(ids)) return hd_wrong_field(context, "post_processor", "ids", "a list");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || !hd_vocabulary_has(&tokenizer->vocabulary, json_integer_value(id)))
            return hd_fail(context, HEED_FORMAT,
                           "post_processor: special token \"%.100s\" has an id that the vocabulary lacks", name);
    }
    hd_template_special special = {hd_copy_string(context, name),
                                   hd_alloc(context, json_array_size(ids), sizeof(int32_t)), json_array_size(ids)};
    for (size_t i = 0; special.ids && i < special.count; i++)
        special.ids[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    return hd_template_add_special(template, special);
}

static heed_status read_template_items(hd_template *template, const json_t *items, const char *key, bool pair) {
    heed_context *context = template->context;
    if (!json_is_array(items)) return hd_wrong_field(context, "post_processor", key, "a list");
    size_t index;
    const json_t *item;
    json_array_foreach(items, index, item) {
        const json_t *special = json_object_get(item, "SpecialToken"), *text = json_object_get(item, "Sequence");
        const char *name = json_string_value(json_object_get(special ? special : text, "id"));
        json_int_t type = json_integer_value(json_object_get(special ? special : text, "type_id"));
        hd_template_item it = {.kind = HD_TEMPLATE_SPECIAL, .type = (uint32_t)type};
        if (!name || type < 0 || type > INT32_MAX)
            return hd_wrong_field(context, "post_processor", key, "a list of template pieces");
        if (special) {
            it.special = hd_template_find(template, name);
            if (it.special == SIZE_MAX)
                return hd_fail(context, HEED_FORMAT,
                               "post_processor: \"%s\" names \"%.100s\", which is not among its special_tokens", key,
                               name);
        } else if (strcmp(name, "A") == 0) {
            it.kind = HD_TEMPLATE_FIRST_TEXT;
        } else if (strcmp(name, "B") == 0 && pair) {
            it.kind = HD_TEMPLATE_SECOND_TEXT;
        } else {
            return hd_wrong_field(context, "post_processor", key, "a template of its texts");
        }
        HD_TRY(hd_template_add(template, pair, it));
    }
    return HEED_OK;
}

static heed_status read_template(heed_tokenizer *tokenizer, const json_t *object, hd_template *template) {
    json_t *specials = json_object_get(object, "special_tokens"), *special;
    const char *name;
    hd_template_open(template, tokenizer->context);
    json_object_foreach(specials, name, special) HD_TRY(read_special(tokenizer, template, name, special));
    HD_TRY(read_template_items(template, json_object_get(object, "single"), "single", false));
    return read_template_items(template, json_object_get(object, "pair"), "pair", true);
}

static heed_status check_token(const heed_tokenizer *tokenizer, const char *key, hd_named_token token) {
    return !token.name || hd_vocabulary_has(&tokenizer->vocabulary, token.id)
               ? HEED_OK
               : hd_wrong_field(tokenizer->context, "post_processor", key, "a token and its id");
}

static heed_status read_fields(heed_tokenizer *tokenizer, const json_t *object, hd_post_processor *it) {
    const hd_component_type *type = hd_post_processor_type(it->kind);
    HD_TRY(hd_component_read(tokenizer->context, type, object, "post_processor", it));
    if (it->kind == HD_POST_TEMPLATE) HD_TRY(read_template(tokenizer, object, &it->template));
    HD_TRY(check_token(tokenizer, "cls", it->cls));
    return check_token(tokenizer, "sep", it->sep);
}

/* As in tokenizers, the keys decide between BertProcessing and RobertaProcessing, whatever the type says. */
static size_t kind_by_keys(const json_t *object, size_t kind) {
    if (kind != HD_POST_BERT && kind != HD_POST_ROBERTA) return kind;
    bool all = json_object_get(object, "trim_offsets") && json_object_get(object, "add_prefix_space");
    return all ? HD_POST_ROBERTA : HD_POST_BERT;
}

static heed_status read_post_processor(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    size_t kind = kind_by_keys(object, hd_post_processor_find(type));
    if (kind == SIZE_MAX) return hd_unsupported_component(tokenizer->context, "post_processor", type);
    hd_post_processor it = {.kind = (hd_post_kind)kind};
    heed_status status = read_fields(tokenizer, object, &it);
    if (status == HEED_OK) return hd_tokenizer_add_post_processor(tokenizer, it);
    hd_post_processor_close(tokenizer->context, &it);
    return status;
}

heed_status hd_read_components(heed_tokenizer *tokenizer, const json_t *root) {
    HD_TRY(
        read_components(tokenizer, json_object_get(root, "normalizer"), "normalizer", "normalizers", read_normalizer));
    HD_TRY(read_components(tokenizer, json_object_get(root, "pre_tokenizer"), "pre_tokenizer", "pretokenizers",
                           read_pre_tokenizer));
    HD_TRY(read_components(tokenizer, json_object_get(root, "decoder"), "decoder", "decoders", read_decoder));
    tokenizer->decodes = json_is_object(json_object_get(root, "decoder"));
    return read_components(tokenizer, json_object_get(root, "post_processor"), "post_processor", "processors",
                           read_post_processor);
}
