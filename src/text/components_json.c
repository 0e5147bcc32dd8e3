/* Reads the components of a tokenizer.json; those that heed lacks are refused by name. */
#include "text/components_json.h"

#include "text/unicode.h"

#include <string.h>

/* ---- fields --------------------------------------------------------------------------------------------------- */

heed_status hd_wrong_field(heed_context *context, const char *where, const char *key, const char *expected) {
    return hd_fail(context, HEED_FORMAT, "%s: \"%s\" is not %s", where, key, expected);
}

heed_status hd_unsupported_component(heed_context *context, const char *where, const char *type) {
    return hd_fail(context, HEED_UNSUPPORTED, "%s \"%.60s\" is not supported", where, type);
}

heed_status hd_read_bool(heed_context *context, const json_t *object, const char *where, const char *key, bool *out) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_boolean(value)) return hd_wrong_field(context, where, key, "true or false");
    *out = json_is_true(value);
    return HEED_OK;
}

heed_status hd_read_count(heed_context *context, const json_t *object, const char *where, const char *key,
                          size_t *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return hd_wrong_field(context, where, key, "a count");
    *out = (size_t)json_integer_value(value);
    return HEED_OK;
}

heed_status hd_read_string(heed_context *context, const json_t *object, const char *where, const char *key,
                           const char **text, size_t *size) {
    const json_t *value = json_object_get(object, key);
    *text = "", *size = 0;
    if (!json_is_string(value)) return hd_wrong_field(context, where, key, "a string");
    *text = json_string_value(value);
    *size = json_string_length(value);
    return HEED_OK;
}

heed_status hd_read_affix(heed_context *context, const json_t *object, const char *where, const char *key, char **out) {
    const json_t *value = json_object_get(object, key);
    *out = NULL;
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return hd_wrong_field(context, where, key, "a string");
    if (json_string_length(value) == 0) return HEED_OK;
    *out = hd_copy_string(context, json_string_value(value));
    return *out ? HEED_OK : HEED_MEMORY;
}

/* A string of exactly one character. */
static heed_status read_character(heed_context *context, const json_t *object, const char *where, const char *key,
                                  uint32_t *out) {
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, object, where, key, &text, &size));
    if (size == 0 || hd_utf8_decode(text, size, out) != size)
        return hd_wrong_field(context, where, key, "one character");
    return HEED_OK;
}

/* One of `count` names; a missing field leaves the default. */
static heed_status read_choice(heed_context *context, const json_t *object, const char *where, const char *key,
                               const char *const *names, int count, int *out) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return HEED_OK;
    const char *text = json_string_value(value);
    for (int i = 0; text && i < count; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return HEED_OK;
        }
    return hd_fail(context, HEED_FORMAT, "%s: \"%s\" is \"%.60s\", which is none of its values", where, key,
                   text ? text : "?");
}

/* A pattern: {"String": "…"} or {"Regex": "…"}. */
static heed_status open_pattern(heed_context *context, const json_t *object, const char *where, hd_pattern **out) {
    const json_t *pattern = json_object_get(object, "pattern");
    bool literal = !json_object_get(pattern, "Regex");
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(context, pattern, where, literal ? "String" : "Regex", &text, &size));
    return hd_pattern_open(context, where, text, size, literal, out);
}

static heed_status read_behavior(heed_context *context, const json_t *object, const char *where, hd_behavior *out) {
    static const char *const behaviors[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                            "Contiguous"};
    int behavior = HD_ISOLATED;
    HD_TRY(read_choice(context, object, where, "behavior", behaviors, HD_COUNT(behaviors), &behavior));
    *out = (hd_behavior)behavior;
    return HEED_OK;
}

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
    static const char where[] = "normalizer";
    static const struct {
        const char *type;
        hd_normalizer_kind kind;
    } known[] = {
        {"NFC", HD_NORMALIZE_NFC},
        {"NFD", HD_NORMALIZE_NFD},
        {"NFKC", HD_NORMALIZE_NFKC},
        {"NFKD", HD_NORMALIZE_NFKD},
        {"Lowercase", HD_NORMALIZE_LOWERCASE},
        {"Strip", HD_NORMALIZE_STRIP},
        {"StripAccents", HD_NORMALIZE_STRIP_ACCENTS},
        {"Replace", HD_NORMALIZE_REPLACE},
        {"Prepend", HD_NORMALIZE_PREPEND},
        {"BertNormalizer", HD_NORMALIZE_BERT},
        {"Precompiled", HD_NORMALIZE_PRECOMPILED},
    };
    heed_context *context = tokenizer->context;
    size_t i = 0, size = 0;
    const char *text = "";
    while (i < HD_COUNT(known) && strcmp(known[i].type, type) != 0) i++;
    if (i == HD_COUNT(known)) return hd_unsupported_component(tokenizer->context, where, type);
    hd_normalizer it = {.kind = known[i].kind, .left = true, .right = true};
    if (it.kind == HD_NORMALIZE_STRIP) {
        HD_TRY(hd_read_bool(context, object, where, "strip_left", &it.left));
        HD_TRY(hd_read_bool(context, object, where, "strip_right", &it.right));
    }
    if (it.kind == HD_NORMALIZE_REPLACE) {
        HD_TRY(hd_read_string(context, object, where, "content", &text, &size));
        HD_TRY(open_pattern(context, object, where, &it.pattern));
    }
    if (it.kind == HD_NORMALIZE_BERT) {
        it.clean = it.chinese = it.lowercase = true;
        HD_TRY(hd_read_bool(context, object, where, "clean_text", &it.clean));
        HD_TRY(hd_read_bool(context, object, where, "handle_chinese_chars", &it.chinese));
        HD_TRY(hd_read_bool(context, object, where, "lowercase", &it.lowercase));
        it.unaccented = it.lowercase; /* unless the file says otherwise */
        HD_TRY(hd_read_bool(context, object, where, "strip_accents", &it.unaccented));
    }
    if (it.kind == HD_NORMALIZE_PREPEND) HD_TRY(hd_read_string(context, object, where, "prepend", &text, &size));
    if (it.kind == HD_NORMALIZE_PRECOMPILED) {
        const char *map;
        size_t map_size;
        HD_TRY(hd_read_string(context, object, where, "precompiled_charsmap", &map, &map_size));
        HD_TRY(hd_charsmap_open_text(context, where, map, map_size, &it.charsmap));
    }
    if (hd_codes_read(context, text, size, &it.content) != HEED_OK) {
        hd_pattern_close(it.pattern);
        hd_charsmap_close(it.charsmap);
        return HEED_MEMORY;
    }
    return hd_tokenizer_add_normalizer(tokenizer, it);
}

/* Older files have add_prefix_space in place of prepend_scheme. */
static heed_status read_prepend(heed_context *context, const json_t *object, const char *where, hd_prepend *out) {
    static const char *const schemes[] = {"always", "first", "never"};
    bool add_prefix_space = true;
    int scheme = HD_PREPEND_ALWAYS;
    HD_TRY(hd_read_bool(context, object, where, "add_prefix_space", &add_prefix_space));
    HD_TRY(read_choice(context, object, where, "prepend_scheme", schemes, 3, &scheme));
    *out = add_prefix_space ? (hd_prepend)scheme : HD_PREPEND_NEVER;
    return HEED_OK;
}

static heed_status read_pre_tokenizer(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    static const char where[] = "pre_tokenizer";
    heed_context *context = tokenizer->context;
    hd_pre_tokenizer it = {.behavior = HD_ISOLATED, .split = true};
    if (strcmp(type, "Metaspace") == 0) {
        it.kind = HD_PRE_METASPACE;
        HD_TRY(read_character(context, object, where, "replacement", &it.replacement));
        HD_TRY(read_prepend(context, object, where, &it.prepend));
        HD_TRY(hd_read_bool(context, object, where, "split", &it.split));
    } else if (strcmp(type, "Punctuation") == 0) {
        it.kind = HD_PRE_PUNCTUATION;
        HD_TRY(read_behavior(context, object, where, &it.behavior));
    } else if (strcmp(type, "Whitespace") == 0) {
        it.kind = HD_PRE_WHITESPACE;
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        it.kind = HD_PRE_WHITESPACE_SPLIT;
    } else if (strcmp(type, "Digits") == 0) {
        it.kind = HD_PRE_DIGITS;
        HD_TRY(hd_read_bool(context, object, where, "individual_digits", &it.individual));
    } else if (strcmp(type, "CharDelimiterSplit") == 0) {
        it.kind = HD_PRE_DELIMITER;
        HD_TRY(read_character(context, object, where, "delimiter", &it.replacement));
    } else if (strcmp(type, "BertPreTokenizer") == 0) { /* WhitespaceSplit, then Punctuation */
        HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, (hd_pre_tokenizer){.kind = HD_PRE_WHITESPACE_SPLIT}));
        it.kind = HD_PRE_PUNCTUATION;
    } else if (strcmp(type, "Split") == 0) {
        it.kind = HD_PRE_SPLIT;
        HD_TRY(read_behavior(context, object, where, &it.behavior));
        HD_TRY(hd_read_bool(context, object, where, "invert", &it.invert));
        HD_TRY(open_pattern(context, object, where, &it.pattern));
    } else if (strcmp(type, "ByteLevel") == 0) {
        bool use_regex = true;
        it.kind = HD_PRE_BYTE_LEVEL;
        it.prefix_space = true;
        HD_TRY(hd_read_bool(context, object, where, "add_prefix_space", &it.prefix_space));
        HD_TRY(hd_read_bool(context, object, where, "use_regex", &use_regex));
        if (use_regex)
            HD_TRY(hd_pattern_open(context, where, HD_BYTE_LEVEL_PATTERN, strlen(HD_BYTE_LEVEL_PATTERN), false,
                                   &it.pattern));
    } else {
        return hd_unsupported_component(tokenizer->context, where, type);
    }
    return hd_tokenizer_add_pre_tokenizer(tokenizer, it);
}

static heed_status read_decoder(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    static const char where[] = "decoder";
    heed_context *context = tokenizer->context;
    const char *pattern = "", *content = "";
    hd_token_decoder it = {0};
    if (strcmp(type, "Metaspace") == 0) {
        it.kind = HD_DECODE_METASPACE;
        HD_TRY(read_character(context, object, where, "replacement", &it.replacement));
        HD_TRY(read_prepend(context, object, where, &it.prepend));
    } else if (strcmp(type, "ByteFallback") == 0) {
        it.kind = HD_DECODE_BYTE_FALLBACK;
    } else if (strcmp(type, "Fuse") == 0) {
        it.kind = HD_DECODE_FUSE;
    } else if (strcmp(type, "Strip") == 0) {
        it.kind = HD_DECODE_STRIP;
        HD_TRY(read_character(context, object, where, "content", &it.replacement));
        HD_TRY(hd_read_count(context, object, where, "start", &it.start));
        HD_TRY(hd_read_count(context, object, where, "stop", &it.stop));
    } else if (strcmp(type, "Replace") == 0) {
        it.kind = HD_DECODE_REPLACE;
        HD_TRY(hd_read_string(context, object, where, "content", &content, &it.content_size));
        HD_TRY(open_pattern(context, object, where, &it.expression));
    } else if (strcmp(type, "WordPiece") == 0) {
        it.kind = HD_DECODE_WORDPIECE;
        it.cleanup = true;
        HD_TRY(hd_read_string(context, object, where, "prefix", &pattern, &it.pattern_size));
        HD_TRY(hd_read_bool(context, object, where, "cleanup", &it.cleanup));
    } else if (strcmp(type, "ByteLevel") == 0) {
        it.kind = HD_DECODE_BYTE_LEVEL;
    } else if (strcmp(type, "BPEDecoder") == 0) {
        it.kind = HD_DECODE_BPE;
        HD_TRY(hd_read_string(context, object, where, "suffix", &pattern, &it.pattern_size));
    } else {
        return hd_unsupported_component(tokenizer->context, where, type);
    }
    it.pattern = hd_copy_bytes(context, pattern, it.pattern_size);
    it.content = hd_copy_bytes(context, content, it.content_size);
    if (!it.pattern || !it.content) {
        hd_free(context, it.pattern);
        hd_free(context, it.content);
        hd_pattern_close(it.expression);
        return HEED_MEMORY;
    }
    return hd_tokenizer_add_decoder(tokenizer, it);
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
