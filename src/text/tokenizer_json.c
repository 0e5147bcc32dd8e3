/* Opens a tokenizer.json: the model, the added tokens and the whole file; components_json.c reads the other components.
 * Messages do not name the file; hd_tokenizer_parse adds its name. */
#include "base/file.h"
#include "text/components_json.h"
#include "text/model_text.h"
#include "text/tokenizer.h"

#include <string.h>

/* ---- the model ------------------------------------------------------------------------------------------------ */

/* What is read of a file: its tree, or the tree without vocabulary and merges, and their text (model_text.h). */
typedef struct model_source {
    json_t *root;
    hd_json_range vocabulary, merges;
    hd_model_string strings[2]; /* scratch */
    bool irregular;             /* the text is not in the plain form */
} model_source;

/* The two sides of a merge: ["a", "b"], or in older files "a b". */
static bool merge_sides(const json_t *merge, hd_model_string sides[2]) {
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        for (size_t i = 0; i < 2; i++) {
            sides[i].bytes = json_string_value(json_array_get(merge, i));
            sides[i].size = json_string_length(json_array_get(merge, i));
        }
        return sides[0].bytes && sides[1].bytes;
    }
    if (!json_is_string(merge)) return false;
    sides[0].bytes = json_string_value(merge), sides[0].size = json_string_length(merge);
    return hd_split_merge(sides);
}

/* How many bytes of a text a message shows. */
static int shown(size_t size) { return size < 100 ? (int)size : 100; }

/* Older files may begin their merges as merges.txt does, with "#version: 0.2". */
static bool is_version_line(const json_t *merge) {
    static const char version[] = "#version";
    return json_is_string(merge) && strncmp(json_string_value(merge), version, strlen(version)) == 0;
}

/* The concatenation of two tokens; the right one, which continues a word, loses its prefix. */
static heed_status join_sides(const hd_bpe *bpe, const hd_model_string sides[2], size_t index, hd_buffer *joined) {
    size_t prefix = bpe->prefix ? strlen(bpe->prefix) : 0;
    if (sides[1].size < prefix)
        return hd_fail(bpe->context, HEED_FORMAT,
                       "model: merge %zu has \"%.*s\" on the right, without the prefix \"%s\"", index,
                       shown(sides[1].size), sides[1].bytes, bpe->prefix);
    hd_buffer_clear(joined);
    hd_buffer_append(joined, sides[0].bytes, sides[0].size);
    hd_buffer_append(joined, sides[1].bytes + prefix, sides[1].size - prefix);
    return joined->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status add_merge(heed_tokenizer *tokenizer, const hd_model_string sides[2], size_t index,
                             hd_buffer *joined) {
    HD_TRY(join_sides(&tokenizer->bpe, sides, index, joined));
    const hd_merge_text texts[] = {
        {sides[0].bytes, sides[0].size}, {sides[1].bytes, sides[1].size}, {joined->data, joined->size}};
    hd_merge found;
    if (!hd_merge_find(&tokenizer->vocabulary, texts, &found))
        return hd_fail(tokenizer->context, HEED_FORMAT,
                       "model: merge %zu makes \"%.*s\" of \"%.*s\" and the rest; one of the three is not in the "
                       "vocabulary",
                       index, shown(joined->size), joined->data, shown(sides[0].size), sides[0].bytes);
    return hd_bpe_add_merge(&tokenizer->bpe, found);
}

static heed_status read_merge_texts(heed_tokenizer *tokenizer, model_source *source, hd_buffer *joined) {
    bool more = true;
    for (size_t i = 0; more; i++) {
        if (i > INT32_MAX || !hd_model_text_merge(&source->merges, source->strings, &more)) {
            source->irregular = true;
            return HEED_FORMAT;
        }
        if (more) HD_TRY(add_merge(tokenizer, source->strings, i, joined));
    }
    return HEED_OK;
}

static heed_status read_merge_tree(heed_tokenizer *tokenizer, const json_t *merges, hd_buffer *joined) {
    heed_context *context = tokenizer->context;
    if (!json_is_array(merges)) return hd_wrong_field(context, "model", "merges", "a list");
    if (json_array_size(merges) > INT32_MAX) return hd_wrong_field(context, "model", "merges", "of a supported length");
    for (size_t i = 0; i < json_array_size(merges); i++) {
        hd_model_string sides[2];
        if (is_version_line(json_array_get(merges, i))) continue;
        if (!merge_sides(json_array_get(merges, i), sides))
            return hd_fail(context, HEED_FORMAT, "model: merge %zu is not a pair of tokens", i);
        HD_TRY(add_merge(tokenizer, sides, i, joined));
    }
    return HEED_OK;
}

static heed_status read_merges(heed_tokenizer *tokenizer, model_source *source, const json_t *merges) {
    hd_buffer joined;
    hd_buffer_open(&joined, tokenizer->context);
    heed_status status =
        source->merges.at ? read_merge_texts(tokenizer, source, &joined) : read_merge_tree(tokenizer, merges, &joined);
    hd_buffer_close(&joined);
    return status;
}

static heed_status read_vocabulary_text(heed_tokenizer *tokenizer, model_source *source) {
    hd_model_string *token = &source->strings[0];
    int64_t id;
    for (bool more = true;;) {
        if (!hd_model_text_entry(&source->vocabulary, token, &id, &more)) {
            source->irregular = true;
            return HEED_FORMAT;
        }
        if (!more) return HEED_OK;
        HD_TRY(hd_vocabulary_add(&tokenizer->vocabulary, token->bytes, token->size, id, true));
    }
}

static heed_status read_vocabulary(heed_tokenizer *tokenizer, model_source *source, json_t *vocabulary) {
    if (source->vocabulary.at) return read_vocabulary_text(tokenizer, source);
    if (!json_is_object(vocabulary)) return hd_wrong_field(tokenizer->context, "model", "vocab", "an object");
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

/* The BPE-dropout of a file is for training: it is noted, kept for saving, and not used. */
static heed_status read_dropout(heed_tokenizer *tokenizer, const json_t *model) {
    const json_t *value = json_object_get(model, "dropout");
    if (!value || json_is_null(value)) return HEED_OK;
    double dropout = json_number_value(value);
    if (!json_is_number(value) || !(dropout >= 0 && dropout <= 1))
        return hd_wrong_field(tokenizer->context, "model", "dropout", "a probability");
    tokenizer->bpe.file_dropout = (float)dropout;
    return HEED_OK;
}

/* As in tokenizers, a vocabulary may lack the unknown token until a text needs it. */
static heed_status read_unknown(heed_tokenizer *tokenizer, const json_t *model, int32_t *unknown, char **missing) {
    const char *text;
    size_t size;
    HD_TRY(hd_read_string(tokenizer->context, model, "model", "unk_token", &text, &size));
    *unknown = hd_vocabulary_find_model(&tokenizer->vocabulary, text, size);
    if (*unknown >= 0) return HEED_OK;
    *missing = hd_copy_string(tokenizer->context, text);
    return *missing ? HEED_OK : HEED_MEMORY;
}

static heed_status read_bpe(heed_tokenizer *tokenizer, model_source *source, const json_t *model) {
    heed_context *context = tokenizer->context;
    hd_bpe *bpe = &tokenizer->bpe;
    HD_TRY(read_dropout(tokenizer, model));
    HD_TRY(hd_read_affix(context, model, "model", "continuing_subword_prefix", &bpe->prefix));
    HD_TRY(hd_read_affix(context, model, "model", "end_of_word_suffix", &bpe->suffix));
    HD_TRY(hd_read_bool(context, model, "model", "fuse_unk", &bpe->fuse_unknown));
    HD_TRY(hd_read_bool(context, model, "model", "byte_fallback", &bpe->byte_fallback));
    HD_TRY(hd_read_bool(context, model, "model", "ignore_merges", &bpe->ignore_merges));
    HD_TRY(read_vocabulary(tokenizer, source, json_object_get(model, "vocab")));
    HD_TRY(read_merges(tokenizer, source, json_object_get(model, "merges")));
    const json_t *unknown = json_object_get(model, "unk_token");
    return !unknown || json_is_null(unknown) ? HEED_OK
                                             : read_unknown(tokenizer, model, &bpe->unknown, &bpe->missing_unknown);
}

static heed_status read_wordpiece(heed_tokenizer *tokenizer, model_source *source, const json_t *model) {
    hd_wordpiece *wordpiece = &tokenizer->wordpiece;
    tokenizer->model = HD_MODEL_WORDPIECE;
    HD_TRY(hd_read_affix(tokenizer->context, model, "model", "continuing_subword_prefix", &wordpiece->prefix));
    HD_TRY(hd_read_count(tokenizer->context, model, "model", "max_input_chars_per_word", &wordpiece->longest_word));
    HD_TRY(read_vocabulary(tokenizer, source, json_object_get(model, "vocab")));
    return read_unknown(tokenizer, model, &wordpiece->unknown, &wordpiece->missing_unknown);
}

static heed_status read_wordlevel(heed_tokenizer *tokenizer, model_source *source, const json_t *model) {
    hd_wordlevel *wordlevel = &tokenizer->wordlevel;
    tokenizer->model = HD_MODEL_WORDLEVEL;
    HD_TRY(read_vocabulary(tokenizer, source, json_object_get(model, "vocab")));
    return read_unknown(tokenizer, model, &wordlevel->unknown, &wordlevel->missing_unknown);
}

/* A piece of Unigram's list: ["▁the", -3.5]. */
static heed_status read_piece(heed_tokenizer *tokenizer, const json_t *piece, size_t index) {
    const json_t *text = json_array_get(piece, 0), *score = json_array_get(piece, 1);
    if (json_array_size(piece) != 2 || !json_is_string(text) || !json_is_number(score))
        return hd_fail(tokenizer->context, HEED_FORMAT, "model: entry %zu of \"vocab\" is not a token and its score",
                       index);
    const char *bytes = json_string_value(text);
    size_t size = json_string_length(text);
    HD_TRY(hd_vocabulary_add_again(&tokenizer->vocabulary, bytes, size, (int64_t)index));
    return hd_unigram_add(&tokenizer->unigram, bytes, size, json_number_value(score), (int32_t)index);
}

static heed_status read_unigram(heed_tokenizer *tokenizer, model_source *source, const json_t *model) {
    (void)source; /* its vocabulary is no object */
    hd_unigram *unigram = &tokenizer->unigram;
    const json_t *pieces = json_object_get(model, "vocab"), *unknown = json_object_get(model, "unk_id"), *piece;
    size_t index;
    tokenizer->model = HD_MODEL_UNIGRAM;
    HD_TRY(hd_read_bool(tokenizer->context, model, "model", "byte_fallback", &unigram->byte_fallback));
    if (!json_is_array(pieces)) return hd_wrong_field(tokenizer->context, "model", "vocab", "a list");
    json_array_foreach(pieces, index, piece) HD_TRY(read_piece(tokenizer, piece, index));
    if (!unknown || json_is_null(unknown)) return HEED_OK;
    unigram->unknown = json_is_integer(unknown) ? json_integer_value(unknown) : -1;
    if (unigram->unknown >= 0 && (size_t)unigram->unknown < unigram->count) return HEED_OK;
    return hd_wrong_field(tokenizer->context, "model", "unk_id", "the index of a token");
}

/* Older files have no "type": a model is the first one here whose key they have. */
static const struct {
    const char *type, *key;
    heed_status (*read)(heed_tokenizer *tokenizer, model_source *source, const json_t *model);
} models[] = {
    {"BPE", "merges", read_bpe},
    {"WordPiece", "max_input_chars_per_word", read_wordpiece},
    {"WordLevel", "unk_token", read_wordlevel},
    {"Unigram", "vocab", read_unigram},
};

static heed_status read_model(heed_tokenizer *tokenizer, model_source *source) {
    const json_t *model = json_object_get(source->root, "model");
    heed_context *context = tokenizer->context;
    if (!json_is_object(model)) return hd_fail(context, HEED_FORMAT, "\"model\" is missing");
    const json_t *type = json_object_get(model, "type");
    if (type && !json_is_string(type)) return hd_wrong_field(context, "model", "type", "a string");
    for (size_t i = 0; i < HD_COUNT(models); i++)
        if (type ? strcmp(json_string_value(type), models[i].type) == 0 : json_object_get(model, models[i].key) != NULL)
            return models[i].read(tokenizer, source, model);
    return hd_unsupported_component(context, "model", type ? json_string_value(type) : "without a type");
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

static heed_status read_added_token(heed_tokenizer *tokenizer, const json_t *object) {
    static const char where[] = "added_tokens";
    heed_context *context = tokenizer->context;
    hd_added_token token = {0};
    const char *text;
    size_t size;
    const json_t *id = json_object_get(object, "id");
    HD_TRY(hd_read_string(context, object, where, "content", &text, &size));
    if (!json_is_integer(id)) return hd_wrong_field(context, where, "id", "an integer");
    HD_TRY(hd_read_bool(context, object, where, "special", &token.special));
    token.normalized = !token.special;
    HD_TRY(hd_read_bool(context, object, where, "single_word", &token.single_word));
    HD_TRY(hd_read_bool(context, object, where, "lstrip", &token.lstrip));
    HD_TRY(hd_read_bool(context, object, where, "rstrip", &token.rstrip));
    HD_TRY(hd_read_bool(context, object, where, "normalized", &token.normalized));
    if (json_integer_value(id) < 0) return hd_wrong_field(context, where, "id", "a count");
    return hd_tokenizer_add_token(tokenizer, text, size, token);
}

/* The keys of the file; tokenizers refuses others too, and other versions. */
static heed_status check_keys(heed_context *context, json_t *root) {
    static const char *const known[] = {"version",       "truncation",     "padding", "added_tokens", "normalizer",
                                        "pre_tokenizer", "post_processor", "decoder", "model"};
    const json_t *version = json_object_get(root, "version");
    if (version && (!json_is_string(version) || strcmp(json_string_value(version), "1.0") != 0))
        return hd_fail(context, HEED_UNSUPPORTED, "its \"version\" is not \"1.0\"");
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        size_t i = 0;
        while (i < HD_COUNT(known) && strcmp(known[i], key) != 0) i++;
        if (i == HD_COUNT(known)) return hd_fail(context, HEED_UNSUPPORTED, "its key \"%.100s\" is not supported", key);
    }
    return HEED_OK;
}

static heed_status read_tokenizer(heed_tokenizer *tokenizer, model_source *source) {
    json_t *root = source->root;
    HD_TRY(check_keys(tokenizer->context, root));
    HD_TRY(read_model(tokenizer, source));
    const json_t *added = json_object_get(root, "added_tokens"), *token;
    size_t index;
    if (added && !json_is_null(added) && !json_is_array(added))
        return hd_fail(tokenizer->context, HEED_FORMAT, "\"added_tokens\" is not a list");
    json_array_foreach(added, index, token) HD_TRY(read_added_token(tokenizer, token));
    HD_TRY(hd_read_components(tokenizer, root));
    HD_TRY(hd_truncation_read(tokenizer->context, root, &tokenizer->truncation));
    HD_TRY(hd_padding_read(tokenizer->context, root, &tokenizer->padding));
    return hd_tokenizer_finish(tokenizer);
}

/* Opens the document `json`; `source` has the texts that were left out of it. */
static heed_status open_tokenizer(heed_context *context, const char *name, const char *json, size_t size,
                                  model_source *source, heed_tokenizer **out) {
    hd_json file;
    HD_TRY(hd_json_open_bytes(context, name, json, size, HD_JSON_LENIENT, &file));
    heed_tokenizer *tokenizer = hd_tokenizer_new(context);
    heed_status status = tokenizer ? HEED_OK : HEED_MEMORY;
    if (tokenizer && !(tokenizer->name = hd_copy_string(context, name))) status = HEED_MEMORY;
    source->root = file.root;
    if (status == HEED_OK) status = read_tokenizer(tokenizer, source);
    if (status == HEED_OK && tokenizer->truncation.present)
        hd_note(context, "%s: its truncation limits texts to %zu tokens; heed never truncates a text silently", name,
                tokenizer->truncation.longest);
    if (status == HEED_OK && tokenizer->bpe.file_dropout > 0)
        hd_note(context, "%s: its BPE-dropout of %g is ignored; texts are encoded without dropout", name,
                (double)tokenizer->bpe.file_dropout);
    hd_json_close(&file);
    if (status == HEED_OK) {
        *out = tokenizer;
        return HEED_OK;
    }
    hd_tokenizer_close(tokenizer);
    return source->irregular ? status : hd_fail_in(context, name);
}

enum { LARGE_FILE = 1 << 16 }; /* bytes; a smaller file is quick to read as a tree */

/* Opens a large file with vocabulary and merges as text; false if that fails for any reason but memory. */
static bool open_by_text(heed_context *context, const char *name, const char *json, size_t size, heed_status *status,
                         heed_tokenizer **out) {
    hd_buffer rest;
    model_source source = {0};
    if (size < LARGE_FILE) return false;
    hd_buffer_open(&rest, context);
    for (int i = 0; i < 2; i++) hd_buffer_open(&source.strings[i].text, context);
    *status = HEED_FORMAT;
    if (hd_model_text_find(json, size, &source.vocabulary, &source.merges, &rest))
        *status = open_tokenizer(context, name, rest.data, rest.size, &source, out);
    for (int i = 0; i < 2; i++) hd_buffer_close(&source.strings[i].text);
    hd_buffer_close(&rest);
    return *status == HEED_OK || *status == HEED_MEMORY;
}

heed_status hd_tokenizer_parse(heed_context *context, const char *name, const char *json, size_t size,
                               heed_tokenizer **out) {
    heed_status status;
    *out = NULL;
    if (open_by_text(context, name, json, size, &status, out)) return status;
    return open_tokenizer(context, name, json, size, &(model_source){0}, out);
}

heed_status hd_tokenizer_open(heed_context *context, const char *path, heed_tokenizer **out) {
    *out = NULL;
    hd_map map;
    HD_TRY(hd_map_copy(context, path, &map));
    heed_status status = hd_tokenizer_parse(context, path, (const char *)map.data, map.size, out);
    hd_map_close(&map);
    return status;
}
