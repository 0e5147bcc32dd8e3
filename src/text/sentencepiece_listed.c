/* Marian and M2M-100: the pieces of a SentencePiece model with ids of vocab.json. transformers 5.24 splits text with the library
 * sentencepiece (tokenization_marian.py, tokenization_m2m_100.py), which normalizes by the longest match, adds scores in
 * single precision and prefers user-defined pieces. */
#include "text/sentencepiece_builder.h"
#include "text/sentencepiece_tokenizer.h"

#include "base/file.h"

#include <float.h>
#include <string.h>

/* ---- the vocabulary ------------------------------------------------------------------------------------------- */

static heed_status read_list(hd_builder *it, const hd_json *list) {
    const char *text;
    size_t size;
    json_t *id;
    json_object_keylen_foreach(list->root, text, size, id) {
        if (!json_is_integer(id)) return hd_json_expected(list, text, "an id");
        HD_TRY(hd_vocabulary_add(&it->tokenizer->vocabulary, text, size, json_integer_value(id), true));
    }
    return HEED_OK;
}

static heed_status find_unknown(hd_builder *it, int32_t *unknown) {
    const hd_token_settings *token = &it->roles[HD_UNKNOWN];
    *unknown = token->text ? hd_vocabulary_find_model(&it->tokenizer->vocabulary, token->text, token->size) : -1;
    return *unknown >= 0 ? HEED_OK
                         : hd_fail(it->context, HEED_FORMAT, "the list of ids lacks the unknown token \"%.100s\"",
                                   token->text ? token->text : "");
}

/* The score that makes sentencepiece prefer a user-defined piece: by its length in bytes, and the best score. */
static double user_defined_score(const hd_piece *piece, float best) {
    return (double)((float)piece->text.size * best) - 0.1;
}

static heed_status add_unigram(hd_builder *it) {
    hd_unigram *unigram = &it->tokenizer->unigram;
    const hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    int32_t unknown;
    float best = -FLT_MAX, worst = FLT_MAX;
    HD_TRY(find_unknown(it, &unknown));
    it->tokenizer->model = HD_MODEL_UNIGRAM;
    unigram->single_precision = true;
    unigram->unknown = 0;
    for (size_t i = 0; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        if (piece->type != HD_PIECE_NORMAL) continue;
        if (piece->score > best) best = piece->score;
        if (piece->score < worst) worst = piece->score;
    }
    if (best < worst) best = worst = 0;
    /* An unknown character counts 10 less than the worst normal piece; this piece, which is never found, sees to that. */
    HD_TRY(hd_unigram_add(unigram, "", 0, (double)worst, unknown));
    for (size_t i = 0; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        if (piece->type != HD_PIECE_NORMAL && piece->type != HD_PIECE_USER_DEFINED) continue;
        int32_t id = hd_vocabulary_find_model(vocabulary, piece->text.data, piece->text.size);
        double score = piece->type == HD_PIECE_NORMAL ? (double)piece->score : user_defined_score(piece, best);
        HD_TRY(hd_unigram_add(unigram, piece->text.data, piece->text.size, score, id >= 0 ? id : unknown));
    }
    return HEED_OK;
}

static heed_status add_model(hd_builder *it) {
    if (it->model.model_type == HD_SENTENCEPIECE_UNIGRAM) return add_unigram(it);
    if (it->model.model_type != HD_SENTENCEPIECE_BPE)
        return hd_fail(it->context, HEED_UNSUPPORTED, "SentencePiece models of words or characters are not supported");
    hd_bpe *bpe = &it->tokenizer->bpe;
    bpe->fuse_unknown = true;
    HD_TRY(hd_build_merges(it, true));
    return find_unknown(it, &bpe->unknown);
}

static heed_status add_components(hd_builder *it) {
    hd_file_text bytes = it->model.charsmap;
    if (bytes.size) {
        hd_normalizer normalizer = {.kind = HD_NORMALIZE_PRECOMPILED, .longest = true};
        HD_TRY(hd_charsmap_open(it->context, "normalizer_spec", bytes.data, bytes.size, &normalizer.charsmap));
        HD_TRY(hd_tokenizer_add_normalizer(it->tokenizer, normalizer));
    }
    hd_build_own_spaces(it, true);
    /* At the end, sentencepiece takes a "▁" of the text for a space. */
    if (it->model.remove_extra_whitespaces && it->model.escape_whitespaces)
        hd_build_component(&it->normalizers,
                           "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\xE2\x96\x81+\\\\z\"},\"content\":\"\"}");
    if (it->model.add_dummy_prefix) hd_build_metaspace(&it->pre_tokenizers, "always", false);
    hd_build_metaspace(&it->decoders, "always", true);
    hd_build_component(&it->decoders,
                       "{\"type\":\"Fuse\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\A\\\\s+|\\\\s+\\\\z\"},"
                       "\"content\":\"\"}");
    return HEED_OK;
}

/* Added tokens are found in the original text. */
static heed_status add_listed_tokens(hd_builder *it) {
    HD_TRY(hd_tokenizer_config_added(&it->config, &it->added));
    for (size_t i = 0; i < it->added.count; i++) it->added.items[i].normalized = false;
    for (hd_role role = 0; role < HD_ROLES; role++) it->roles[role].normalized = false;
    return hd_build_tokens(it);
}

/* ---- Marian --------------------------------------------------------------------------------------------------- */

/* Tokens such as ">>fra<<" choose the target language; they are found where a text begins. Others are unknown tokens. */
static heed_status add_languages(hd_builder *it) {
    hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    HD_TRY(find_unknown(it, &it->tokenizer->added.unknown_code));
    it->tokenizer->added.has_codes = true;
    for (size_t i = 0, count = vocabulary->present; i < count; i++) {
        hd_entry entry = vocabulary->entries[i];
        const char *text = vocabulary->pool.data + entry.offset;
        if (entry.size < 5 || strncmp(text, ">>", 2) != 0 || strcmp(text + entry.size - 2, "<<") != 0) continue;
        HD_TRY(hd_tokenizer_add_token(it->tokenizer, text, entry.size, (hd_added_token){.leading = true}));
    }
    return HEED_OK;
}

static heed_status build_marian(hd_builder *it, const hd_json *list) {
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}));
    HD_TRY(read_list(it, list));
    HD_TRY(add_model(it));
    HD_TRY(add_components(it));
    HD_TRY(add_listed_tokens(it));
    HD_TRY(add_languages(it));
    const char *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(hd_first_text, hd_second_text, eos), NULL);
}

/* ---- M2M-100 -------------------------------------------------------------------------------------------------- */

static const char m2m_languages[] =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy "
    "id "
    "ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru sd "
    "si "
    "sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu";
static const char wmt_languages[] = "en ha is ja cs ru zh de";

/* The tokens of languages follow those of vocab.json. */
static heed_status add_language_tokens(hd_builder *it, const char *languages) {
    int64_t id = (int64_t)it->tokenizer->vocabulary.model_size;
    for (size_t size; *languages; languages += size, languages += strspn(languages, " ")) {
        char token[16];
        size = strcspn(languages, " ");
        int length = snprintf(token, sizeof token, "__%.*s__", (int)size, languages);
        HD_TRY(hd_vocabulary_add_again(&it->tokenizer->vocabulary, token, (size_t)length, id++));
        HD_TRY(hd_tokenizer_add_token(it->tokenizer, token, (size_t)length, (hd_added_token){.special = true}));
    }
    return HEED_OK;
}

/* hd_languages_open adds the template. */
static heed_status build_m2m(hd_builder *it, const hd_json *list) {
    const char *codes;
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){"<s>", "</s>", "<unk>", "</s>", "<pad>", NULL, NULL}));
    HD_TRY(hd_tokenizer_config_string(&it->config, "language_codes", "m2m100", &codes));
    bool wmt = strcmp(codes, "wmt21") == 0;
    if (!wmt && strcmp(codes, "m2m100") != 0)
        return hd_fail(it->context, HEED_UNSUPPORTED, "language_codes \"%.60s\" are not supported", codes);
    HD_TRY(read_list(it, list));
    HD_TRY(add_model(it));
    HD_TRY(add_components(it));
    HD_TRY(add_language_tokens(it, wmt ? wmt_languages : m2m_languages));
    return add_listed_tokens(it);
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static bool is_class(const hd_tokenizer_config *config, const char *class, const char *type) {
    size_t size;
    const char *name = hd_tokenizer_config_class(config, &size);
    if (!name) return strcmp(hd_tokenizer_config_model_type(config), type) == 0;
    return size == strlen(class) && memcmp(name, class, size) == 0;
}

static heed_status build(hd_builder *it, const hd_json *list) {
    if (is_class(&it->config, "MarianTokenizer", "marian")) return build_marian(it, list);
    if (is_class(&it->config, "M2M100Tokenizer", "m2m_100") || is_class(&it->config, "SMALL100Tokenizer", ""))
        return build_m2m(it, list);
    size_t size;
    const char *type = hd_tokenizer_config_model_type(&it->config),
               *name = hd_tokenizer_config_class(&it->config, &size);
    return hd_fail(it->context, HEED_UNSUPPORTED,
                   "the tokenizer class %.*s with a vocab.json and a SentencePiece model is not supported",
                   name ? (int)size : (int)strlen(type), name ? name : type);
}

static heed_status build_listed(heed_context *context, const char *path, const hd_sentencepiece *model,
                                const hd_tokenizer_config *config, const hd_json *list, heed_tokenizer **out) {
    hd_builder it;
    heed_status status = hd_build_open(&it, context, path, model, config);
    if (status == HEED_OK) status = build(&it, list);
    if (status == HEED_OK) status = hd_build_finish(&it);
    if (status != HEED_OK && status != HEED_MEMORY) hd_fail_in(context, path);
    hd_build_close(&it);
    if (status == HEED_OK)
        *out = it.tokenizer;
    else
        hd_tokenizer_close(it.tokenizer);
    return status;
}

/* `path` is the SentencePiece model, `list_name` the folder's file of ids. */
static heed_status open_listed(heed_context *context, const hd_tokenizer_config *config, const char *folder,
                               const char *path, const char *list_name, heed_tokenizer **out) {
    hd_sentencepiece model = {.context = context};
    hd_json list = {.context = context};
    char *list_path = hd_path_join(context, folder, list_name);
    heed_status status = list_path ? hd_json_open(context, list_path, &list) : HEED_MEMORY;
    if (status == HEED_OK) status = hd_sentencepiece_open(context, path, &model);
    if (status == HEED_OK) status = build_listed(context, path, &model, config, &list, out);
    hd_free(context, list_path);
    hd_json_close(&list);
    hd_sentencepiece_close(&model);
    return status;
}

heed_status hd_sentencepiece_listed_open(heed_context *context, const char *folder, const char *path,
                                         heed_tokenizer **out) {
    hd_tokenizer_config config;
    *out = NULL;
    HD_TRY(hd_tokenizer_config_open(context, folder, &config));
    heed_status status = open_listed(context, &config, folder, path, "vocab.json", out);
    hd_tokenizer_config_close(&config);
    return status;
}

/* ---- targets -------------------------------------------------------------------------------------------------- */

static heed_status have_same_bytes(heed_context *context, const char *path, const char *other, bool *same) {
    hd_map a, b;
    HD_TRY(hd_map_copy(context, path, &a));
    heed_status status = hd_map_copy(context, other, &b);
    if (status == HEED_OK) {
        *same = a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
        hd_map_close(&b);
    }
    hd_map_close(&a);
    return status;
}

static heed_status open_target(heed_context *context, const hd_tokenizer_config *config, const char *folder,
                               const char *source, const char *target, heed_tokenizer **out) {
    bool separate, same;
    HD_TRY(hd_tokenizer_config_bool(config, "separate_vocabs", false, &separate));
    if (separate) return open_listed(context, config, folder, target, "target_vocab.json", out);
    if (!hd_file_exists(target)) return HEED_OK;
    HD_TRY(have_same_bytes(context, source, target, &same));
    return same ? HEED_OK : open_listed(context, config, folder, target, "vocab.json", out);
}

heed_status hd_sentencepiece_target_open(heed_context *context, const char *folder, const char *path,
                                         heed_tokenizer **out) {
    hd_tokenizer_config config;
    *out = NULL;
    HD_TRY(hd_tokenizer_config_open(context, folder, &config));
    char *target = hd_path_join(context, folder, "target.spm");
    heed_status status = target ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && is_class(&config, "MarianTokenizer", "marian"))
        status = open_target(context, &config, folder, path, target, out);
    hd_free(context, target);
    hd_tokenizer_config_close(&config);
    return status;
}
