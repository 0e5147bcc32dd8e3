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

/* ---- the template --------------------------------------------------------------------------------------------- */

static heed_status read_special(heed_tokenizer *tokenizer, const char *name, const json_t *object) {
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
    return hd_template_add_special(&tokenizer->template, special);
}

static heed_status read_template_items(heed_tokenizer *tokenizer, const json_t *items, const char *key, bool pair) {
    heed_context *context = tokenizer->context;
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
            it.special = hd_template_find(&tokenizer->template, name);
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
        HD_TRY(hd_template_add(&tokenizer->template, pair, it));
    }
    return HEED_OK;
}

static heed_status read_template(heed_tokenizer *tokenizer, const json_t *object) {
    json_t *specials = json_object_get(object, "special_tokens"), *special;
    const char *name;
    json_object_foreach(specials, name, special) HD_TRY(read_special(tokenizer, name, special));
    HD_TRY(read_template_items(tokenizer, json_object_get(object, "single"), "single", false));
    return read_template_items(tokenizer, json_object_get(object, "pair"), "pair", true);
}

/* BertProcessing and RobertaProcessing are templates with the tokens "cls" and "sep". */
static heed_status read_class_and_separator(heed_tokenizer *tokenizer, const json_t *object, bool roberta) {
    static const char *const keys[] = {"cls", "sep"};
    enum { CLS, SEP };
    const uint32_t type = roberta ? 0 : 1;
    const hd_template_item cls = {HD_TEMPLATE_SPECIAL, CLS, 0}, sep = {HD_TEMPLATE_SPECIAL, SEP, 0},
                           first = {HD_TEMPLATE_FIRST_TEXT, 0, 0}, second = {HD_TEMPLATE_SECOND_TEXT, 0, type},
                           last = {HD_TEMPLATE_SPECIAL, SEP, type};
    const hd_template_item single[] = {cls, first, sep}, pair[] = {cls, first, sep, sep, second, last};
    hd_template *template = &tokenizer->template;
    for (size_t i = 0; i < HD_COUNT(keys); i++) {
        const json_t *named = json_object_get(object, keys[i]), *id = json_array_get(named, 1);
        const char *name = json_string_value(json_array_get(named, 0));
        if (!name || !json_is_integer(id) || !hd_vocabulary_has(&tokenizer->vocabulary, json_integer_value(id)))
            return hd_wrong_field(tokenizer->context, "post_processor", keys[i], "a token and its id");
        HD_TRY(hd_template_add_token(template, name, (int32_t)json_integer_value(id)));
    }
    for (size_t i = 0; i < HD_COUNT(single); i++) HD_TRY(hd_template_add(template, false, single[i]));
    for (size_t i = 0; i < HD_COUNT(pair); i++)
        if (i != 3 || roberta) HD_TRY(hd_template_add(template, true, pair[i])); /* RoBERTa has two separators */
    return HEED_OK;
}

/* At most one component that trims offsets, and at most one template. */
static heed_status read_post_processor(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    static const char where[] = "post_processor";
    heed_context *context = tokenizer->context;
    hd_template *template = &tokenizer->template;
    bool is_template = strcmp(type, "TemplateProcessing") == 0, bert = strcmp(type, "BertProcessing") == 0;
    bool roberta = strcmp(type, "RobertaProcessing") == 0, byte_level = strcmp(type, "ByteLevel") == 0;
    if (!is_template && !bert && !roberta && !byte_level) return hd_unsupported_component(context, where, type);
    if (template->present)
        return hd_fail(context, HEED_UNSUPPORTED, "post_processor \"%.60s\" after another is not supported", type);
    if (roberta || byte_level) {
        bool trims = true, prefix_space = true;
        HD_TRY(hd_read_bool(context, object, where, "trim_offsets", &trims));
        HD_TRY(hd_read_bool(context, object, where, "add_prefix_space", &prefix_space));
        if (trims && template->trims)
            return hd_fail(context, HEED_UNSUPPORTED, "post_processor: offsets trimmed twice are not supported");
        if (trims) template->trims = true, template->prefix_space = prefix_space;
    }
    if (byte_level) return HEED_OK;
    template->present = true;
    return is_template ? read_template(tokenizer, object) : read_class_and_separator(tokenizer, object, roberta);
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
