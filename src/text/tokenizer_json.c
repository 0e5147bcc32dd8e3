/* Opens a tokenizer.json: each component of the file becomes a part, or is refused by its name. The only file of this
 * room that knows the JSON library. Messages here do not name the file; hd_tokenizer_parse puts that in front. */
#include "base/file.h"
#include "formats/json.h"
#include "text/parts.h"
#include "text/unicode.h"

#include <string.h>

/* ---- fields --------------------------------------------------------------------------------------------------- */

static heed_status wrong(heed_context *context, const char *where, const char *key, const char *wanted) {
    return hd_fail(context, HEED_FORMAT, "%s: \"%s\" is not %s", where, key, wanted);
}

/* A missing or null field leaves the default that *out holds. */
static heed_status read_bool(heed_context *context, const json_t *object, const char *where, const char *key,
                             bool *out) {
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value)) return HEED_OK;
    if (!json_is_boolean(value)) return wrong(context, where, key, "true or false");
    *out = json_is_true(value);
    return HEED_OK;
}

static heed_status read_count(heed_context *context, const json_t *object, const char *where, const char *key,
                              size_t *out) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) return wrong(context, where, key, "a count");
    *out = (size_t)json_integer_value(value);
    return HEED_OK;
}

static heed_status read_string(heed_context *context, const json_t *object, const char *where, const char *key,
                               const char **text, size_t *size) {
    const json_t *value = json_object_get(object, key);
    *text = "", *size = 0;
    if (!json_is_string(value)) return wrong(context, where, key, "a string");
    *text = json_string_value(value);
    *size = json_string_length(value);
    return HEED_OK;
}

/* A string of exactly one character. */
static heed_status read_character(heed_context *context, const json_t *object, const char *where, const char *key,
                                  uint32_t *out) {
    const char *text;
    size_t size;
    HD_TRY(read_string(context, object, where, key, &text, &size));
    if (size == 0 || hd_utf8_decode(text, size, out) != size) return wrong(context, where, key, "one character");
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

/* A pattern that is a plain string: {"String": "…"}. */
static heed_status read_pattern(heed_context *context, const json_t *object, const char *where, const char **text,
                                size_t *size) {
    const json_t *pattern = json_object_get(object, "pattern");
    *text = "", *size = 0;
    if (json_object_get(pattern, "Regex"))
        return hd_fail(context, HEED_UNSUPPORTED, "%s \"%s\" with a regular expression is not supported", where,
                       json_string_value(json_object_get(object, "type")));
    return read_string(context, pattern, where, "String", text, size);
}

/* ---- lists of components -------------------------------------------------------------------------------------- */

typedef heed_status read_component(heed_tokenizer *tokenizer, const json_t *object, const char *type);

static heed_status unsupported(heed_tokenizer *tokenizer, const char *where, const char *type) {
    return hd_fail(tokenizer->context, HEED_UNSUPPORTED, "%s \"%.60s\" is not supported", where, type);
}

/* Nothing for null, the parts of a Sequence (listed under `list`) one by one, else the one component. */
static heed_status read_components(heed_tokenizer *tokenizer, const json_t *object, const char *where, const char *list,
                                   read_component *read) {
    if (!object || json_is_null(object)) return HEED_OK;
    const char *type = json_string_value(json_object_get(object, "type"));
    if (!type) return hd_fail(tokenizer->context, HEED_FORMAT, "%s has no \"type\"", where);
    if (strcmp(type, "Sequence") != 0) return read(tokenizer, object, type);
    const json_t *items = json_object_get(object, list);
    if (!json_is_array(items)) return wrong(tokenizer->context, where, list, "a list");
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
    };
    heed_context *context = tokenizer->context;
    size_t i = 0, size = 0;
    const char *text = "";
    while (i < HD_COUNT(known) && strcmp(known[i].type, type) != 0) i++;
    if (i == HD_COUNT(known)) return unsupported(tokenizer, where, type);
    hd_normalizer it = {.kind = known[i].kind, .left = true, .right = true};
    if (it.kind == HD_NORMALIZE_STRIP) {
        HD_TRY(read_bool(context, object, where, "strip_left", &it.left));
        HD_TRY(read_bool(context, object, where, "strip_right", &it.right));
    }
    if (it.kind == HD_NORMALIZE_REPLACE) {
        const char *pattern;
        size_t pattern_size;
        HD_TRY(read_pattern(context, object, where, &pattern, &pattern_size));
        HD_TRY(read_string(context, object, where, "content", &text, &size));
        HD_TRY(hd_codes_read(context, pattern, pattern_size, &it.pattern));
    }
    if (it.kind == HD_NORMALIZE_PREPEND) HD_TRY(read_string(context, object, where, "prepend", &text, &size));
    if (hd_codes_read(context, text, size, &it.content) != HEED_OK) {
        hd_free(context, it.pattern.codes);
        return HEED_MEMORY;
    }
    return hd_tokenizer_add_normalizer(tokenizer, it);
}

/* Files from before prepend_scheme say add_prefix_space. */
static heed_status read_prepend(heed_context *context, const json_t *object, const char *where, hd_prepend *out) {
    static const char *const schemes[] = {"always", "first", "never"};
    bool add_prefix_space = true;
    int scheme = HD_PREPEND_ALWAYS;
    HD_TRY(read_bool(context, object, where, "add_prefix_space", &add_prefix_space));
    HD_TRY(read_choice(context, object, where, "prepend_scheme", schemes, 3, &scheme));
    *out = add_prefix_space ? (hd_prepend)scheme : HD_PREPEND_NEVER;
    return HEED_OK;
}

static heed_status read_pre_tokenizer(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    static const char where[] = "pre_tokenizer";
    static const char *const behaviors[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                            "Contiguous"};
    heed_context *context = tokenizer->context;
    hd_pre_tokenizer it = {.behavior = HD_ISOLATED, .split = true};
    if (strcmp(type, "Metaspace") == 0) {
        it.kind = HD_PRE_METASPACE;
        HD_TRY(read_character(context, object, where, "replacement", &it.replacement));
        HD_TRY(read_prepend(context, object, where, &it.prepend));
        HD_TRY(read_bool(context, object, where, "split", &it.split));
    } else if (strcmp(type, "Punctuation") == 0) {
        int behavior = HD_ISOLATED;
        it.kind = HD_PRE_PUNCTUATION;
        HD_TRY(read_choice(context, object, where, "behavior", behaviors, HD_COUNT(behaviors), &behavior));
        it.behavior = (hd_behavior)behavior;
    } else if (strcmp(type, "Whitespace") == 0) {
        it.kind = HD_PRE_WHITESPACE;
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        it.kind = HD_PRE_WHITESPACE_SPLIT;
    } else if (strcmp(type, "Digits") == 0) {
        it.kind = HD_PRE_DIGITS;
        HD_TRY(read_bool(context, object, where, "individual_digits", &it.individual));
    } else if (strcmp(type, "CharDelimiterSplit") == 0) {
        it.kind = HD_PRE_DELIMITER;
        HD_TRY(read_character(context, object, where, "delimiter", &it.replacement));
    } else if (strcmp(type, "BertPreTokenizer") == 0) { /* the two, one after the other */
        HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, (hd_pre_tokenizer){.kind = HD_PRE_WHITESPACE_SPLIT}));
        it.kind = HD_PRE_PUNCTUATION;
    } else {
        return unsupported(tokenizer, where, type);
    }
    return hd_tokenizer_add_pre_tokenizer(tokenizer, it);
}

static heed_status read_decoder(heed_tokenizer *tokenizer, const json_t *object, const char *type) {
    static const char where[] = "decoder";
    heed_context *context = tokenizer->context;
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
        HD_TRY(read_count(context, object, where, "start", &it.start));
        HD_TRY(read_count(context, object, where, "stop", &it.stop));
    } else if (strcmp(type, "Replace") == 0) {
        const char *pattern, *content;
        it.kind = HD_DECODE_REPLACE;
        HD_TRY(read_pattern(context, object, where, &pattern, &it.pattern_size));
        HD_TRY(read_string(context, object, where, "content", &content, &it.content_size));
        it.pattern = hd_copy_bytes(context, pattern, it.pattern_size);
        it.content = hd_copy_bytes(context, content, it.content_size);
        if (!it.pattern || !it.content) {
            hd_free(context, it.pattern);
            hd_free(context, it.content);
            return HEED_MEMORY;
        }
    } else {
        return unsupported(tokenizer, where, type);
    }
    return hd_tokenizer_add_decoder(tokenizer, it);
}

/* ---- the template --------------------------------------------------------------------------------------------- */

static heed_status read_special(heed_tokenizer *tokenizer, const char *name, const json_t *object) {
    heed_context *context = tokenizer->context;
    const json_t *ids = json_object_get(object, "ids");
    if (!json_is_array(ids)) return wrong(context, "post_processor", "ids", "a list");
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
    if (!json_is_array(items)) return wrong(context, "post_processor", key, "a list");
    size_t index;
    const json_t *item;
    json_array_foreach(items, index, item) {
        const json_t *special = json_object_get(item, "SpecialToken"), *text = json_object_get(item, "Sequence");
        const char *name = json_string_value(json_object_get(special ? special : text, "id"));
        json_int_t type = json_integer_value(json_object_get(special ? special : text, "type_id"));
        hd_template_item it = {.kind = HD_TEMPLATE_SPECIAL, .type = (uint32_t)type};
        if (!name || type < 0 || type > INT32_MAX)
            return wrong(context, "post_processor", key, "a list of template pieces");
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
            return wrong(context, "post_processor", key, "a template of its texts");
        }
        HD_TRY(hd_template_add(&tokenizer->template, pair, it));
    }
    return HEED_OK;
}

static heed_status read_post_processor(heed_tokenizer *tokenizer, const json_t *object) {
    if (!object || json_is_null(object)) return HEED_OK;
    const char *type = json_string_value(json_object_get(object, "type"));
    if (!type) return hd_fail(tokenizer->context, HEED_FORMAT, "post_processor has no \"type\"");
    if (strcmp(type, "TemplateProcessing") != 0) return unsupported(tokenizer, "post_processor", type);
    json_t *specials = json_object_get(object, "special_tokens"), *special;
    const char *name;
    json_object_foreach(specials, name, special) HD_TRY(read_special(tokenizer, name, special));
    HD_TRY(read_template_items(tokenizer, json_object_get(object, "single"), "single", false));
    HD_TRY(read_template_items(tokenizer, json_object_get(object, "pair"), "pair", true));
    tokenizer->template.present = true;
    return HEED_OK;
}

/* ---- the model ------------------------------------------------------------------------------------------------ */

/* The two sides of a merge: ["a", "b"], or in older files "a b". */
static bool merge_sides(const json_t *merge, const char *side[2], size_t size[2]) {
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        for (size_t i = 0; i < 2; i++) {
            side[i] = json_string_value(json_array_get(merge, i));
            size[i] = json_string_length(json_array_get(merge, i));
        }
        return side[0] && side[1];
    }
    if (!json_is_string(merge)) return false;
    const char *text = json_string_value(merge), *space = memchr(text, ' ', json_string_length(merge));
    if (!space) return false;
    side[0] = text, size[0] = (size_t)(space - text);
    side[1] = space + 1, size[1] = json_string_length(merge) - size[0] - 1;
    return !memchr(side[1], ' ', size[1]);
}

static heed_status read_merges(heed_tokenizer *tokenizer, const json_t *merges) {
    heed_context *context = tokenizer->context;
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    if (!json_is_array(merges)) return wrong(context, "model", "merges", "a list");
    if (json_array_size(merges) > INT32_MAX) return wrong(context, "model", "merges", "of a sane length");
    hd_buffer joined;
    hd_buffer_open(&joined, context);
    heed_status status = HEED_OK;
    for (size_t i = 0; i < json_array_size(merges) && status == HEED_OK; i++) {
        const char *side[2];
        size_t size[2];
        if (!merge_sides(json_array_get(merges, i), side, size)) {
            status = hd_fail(context, HEED_FORMAT, "model: merge %zu is not a pair of tokens", i);
            break;
        }
        hd_buffer_clear(&joined);
        hd_buffer_append(&joined, side[0], size[0]);
        hd_buffer_append(&joined, side[1], size[1]);
        hd_merge merge = {hd_vocabulary_find_model(vocabulary, side[0], size[0]),
                          hd_vocabulary_find_model(vocabulary, side[1], size[1]),
                          joined.failed ? -1 : hd_vocabulary_find_model(vocabulary, joined.data, joined.size)};
        if (joined.failed)
            status = HEED_MEMORY;
        else if (merge.left < 0 || merge.right < 0 || merge.id < 0)
            status = hd_fail(context, HEED_FORMAT,
                             "model: merge %zu makes \"%.100s\" of \"%.100s\" and the rest; one of the three is not in "
                             "the vocabulary",
                             i, joined.data, side[0]);
        else
            status = hd_bpe_add_merge(&tokenizer->bpe, merge);
    }
    hd_buffer_close(&joined);
    return status;
}

static heed_status read_vocabulary(heed_tokenizer *tokenizer, json_t *vocabulary) {
    if (!json_is_object(vocabulary)) return wrong(tokenizer->context, "model", "vocab", "an object");
    const char *token;
    size_t size;
    json_t *id;
    json_object_keylen_foreach(vocabulary, token, size, id) {
        if (!json_is_integer(id))
            return hd_fail(tokenizer->context, HEED_FORMAT, "model: the id of token \"%.100s\" is not an integer",
                           token);
        HD_TRY(hd_vocabulary_add(&tokenizer->vocabulary, token, size, json_integer_value(id), true));
    }
    return HEED_OK;
}

/* What changes the model and heed lacks may only be absent, null, empty or zero. */
static heed_status refuse_field(heed_tokenizer *tokenizer, const json_t *model, const char *key) {
    const json_t *value = json_object_get(model, key);
    if (!value || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_number(value) && json_number_value(value) == 0.0))
        return HEED_OK;
    return hd_fail(tokenizer->context, HEED_UNSUPPORTED, "model \"BPE\" with \"%s\" is not supported", key);
}

static heed_status read_model(heed_tokenizer *tokenizer, const json_t *model) {
    heed_context *context = tokenizer->context;
    hd_bpe *bpe = &tokenizer->bpe;
    if (!json_is_object(model)) return hd_fail(context, HEED_FORMAT, "\"model\" is missing");
    const json_t *named = json_object_get(model, "type");
    if (named && !json_is_string(named)) return wrong(context, "model", "type", "a string");
    const char *type = named ? json_string_value(named) : json_object_get(model, "merges") ? "BPE" : "without a type";
    if (strcmp(type, "BPE") != 0) return unsupported(tokenizer, "model", type);
    HD_TRY(refuse_field(tokenizer, model, "dropout"));
    HD_TRY(refuse_field(tokenizer, model, "continuing_subword_prefix"));
    HD_TRY(refuse_field(tokenizer, model, "end_of_word_suffix"));
    HD_TRY(read_bool(context, model, "model", "fuse_unk", &bpe->fuse_unknown));
    HD_TRY(read_bool(context, model, "model", "byte_fallback", &bpe->byte_fallback));
    HD_TRY(read_bool(context, model, "model", "ignore_merges", &bpe->ignore_merges));
    HD_TRY(read_vocabulary(tokenizer, json_object_get(model, "vocab")));
    HD_TRY(read_merges(tokenizer, json_object_get(model, "merges")));
    const json_t *unknown = json_object_get(model, "unk_token");
    if (!unknown || json_is_null(unknown)) return HEED_OK;
    if (!json_is_string(unknown)) return wrong(context, "model", "unk_token", "a string");
    bpe->unknown =
        hd_vocabulary_find_model(&tokenizer->vocabulary, json_string_value(unknown), json_string_length(unknown));
    if (bpe->unknown < 0)
        return hd_fail(context, HEED_FORMAT, "model: unk_token \"%.100s\" is not in the vocabulary",
                       json_string_value(unknown));
    return HEED_OK;
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

static heed_status read_added_token(heed_tokenizer *tokenizer, const json_t *object) {
    static const char where[] = "added_tokens";
    heed_context *context = tokenizer->context;
    hd_added_token token = {0};
    const char *text;
    size_t size;
    const json_t *id = json_object_get(object, "id");
    HD_TRY(read_string(context, object, where, "content", &text, &size));
    if (!json_is_integer(id)) return wrong(context, where, "id", "an integer");
    HD_TRY(read_bool(context, object, where, "special", &token.special));
    token.normalized = !token.special;
    HD_TRY(read_bool(context, object, where, "single_word", &token.single_word));
    HD_TRY(read_bool(context, object, where, "lstrip", &token.lstrip));
    HD_TRY(read_bool(context, object, where, "rstrip", &token.rstrip));
    HD_TRY(read_bool(context, object, where, "normalized", &token.normalized));
    return hd_tokenizer_add_token(tokenizer, text, size, json_integer_value(id), token);
}

static heed_status read_tokenizer(heed_tokenizer *tokenizer, const json_t *root) {
    HD_TRY(read_model(tokenizer, json_object_get(root, "model")));
    const json_t *added = json_object_get(root, "added_tokens"), *token;
    size_t index;
    if (added && !json_is_null(added) && !json_is_array(added))
        return hd_fail(tokenizer->context, HEED_FORMAT, "\"added_tokens\" is not a list");
    json_array_foreach(added, index, token) HD_TRY(read_added_token(tokenizer, token));
    HD_TRY(
        read_components(tokenizer, json_object_get(root, "normalizer"), "normalizer", "normalizers", read_normalizer));
    HD_TRY(read_components(tokenizer, json_object_get(root, "pre_tokenizer"), "pre_tokenizer", "pretokenizers",
                           read_pre_tokenizer));
    HD_TRY(read_components(tokenizer, json_object_get(root, "decoder"), "decoder", "decoders", read_decoder));
    HD_TRY(read_post_processor(tokenizer, json_object_get(root, "post_processor")));
    return hd_tokenizer_finish(tokenizer);
}

heed_status hd_tokenizer_parse(heed_context *context, const char *name, const char *json, size_t size,
                               heed_tokenizer **out) {
    *out = NULL;
    hd_json file;
    HD_TRY(hd_json_open_bytes(context, name, json, size, HD_JSON_STRICT, &file));
    heed_tokenizer *tokenizer = hd_tokenizer_new(context);
    heed_status status = tokenizer ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK) status = read_tokenizer(tokenizer, file.root);
    if (status == HEED_OK && hd_json_has(&file, "truncation"))
        hd_note(context, "%s: its truncation is left out; heed cuts no text in silence", name);
    hd_json_close(&file);
    if (status == HEED_OK) {
        *out = tokenizer;
        return HEED_OK;
    }
    hd_tokenizer_close(tokenizer);
    return hd_fail_in(context, name);
}

heed_status hd_tokenizer_open(heed_context *context, const char *path, heed_tokenizer **out) {
    *out = NULL;
    hd_map map;
    HD_TRY(hd_map_open(context, path, &map));
    heed_status status = hd_tokenizer_parse(context, path, (const char *)map.data, map.size, out);
    hd_map_close(&map);
    return status;
}
