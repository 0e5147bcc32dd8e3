#include "text/sentencepiece_builder.h"

#include "base/utf8.h"
#include "text/components_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- components ----------------------------------------------------------------------------------------------- */

void hd_build_component(hd_buffer *list, const char *json) {
    if (list->size) hd_buffer_byte(list, ',');
    hd_buffer_text(list, json);
}

#define METASPACE "\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":"

void hd_build_metaspace(hd_buffer *list, const char *scheme, bool split) {
    hd_build_component(list, "{\"type\":\"Metaspace\"," METASPACE);
    hd_buffer_format(list, "\"%s\",\"split\":%s}", scheme, split ? "true" : "false");
}

heed_status hd_build_charsmap(hd_builder *it, bool *added) {
    hd_file_text bytes = it->model.charsmap;
    hd_charsmap *map;
    *added = bytes.size > 0;
    if (!*added) return HEED_OK;
    HD_TRY(hd_charsmap_open(it->context, "normalizer_spec", bytes.data, bytes.size, &map));
    hd_build_component(&it->normalizers, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
    hd_charsmap_write(map, &it->normalizers);
    hd_buffer_text(&it->normalizers, "\"}");
    hd_charsmap_close(map);
    return HEED_OK;
}

/* "always" unless the option add_prefix_space is false. */
heed_status hd_build_words(hd_builder *it, bool split_whitespace, const char *otherwise) {
    bool prefix;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", true, &prefix));
    const char *scheme = prefix ? "always" : otherwise;
    if (split_whitespace) hd_build_component(&it->pre_tokenizers, "{\"type\":\"WhitespaceSplit\"}");
    hd_build_metaspace(&it->pre_tokenizers, scheme, true);
    hd_build_metaspace(&it->decoders, scheme, true);
    return HEED_OK;
}

/* ---- pieces --------------------------------------------------------------------------------------------------- */

heed_status hd_build_piece(hd_builder *it, const char *text, size_t size, double score) {
    int64_t id = (int64_t)it->tokenizer->unigram.count;
    HD_TRY(hd_vocabulary_add_again(&it->tokenizer->vocabulary, text, size, id));
    return hd_unigram_add(&it->tokenizer->unigram, text, size, score, (int32_t)id);
}

/* Pieces that a class puts before or after those of the model. */
heed_status hd_build_text(hd_builder *it, const char *text, double score) {
    return hd_build_piece(it, text, strlen(text), score);
}

heed_status hd_build_role(hd_builder *it, hd_role role) {
    const hd_token_settings *token = &it->roles[role];
    return token->text ? hd_build_piece(it, token->text, token->size, 0) : HEED_OK;
}

heed_status hd_build_pieces(hd_builder *it, size_t first) {
    it->tokenizer->model = HD_MODEL_UNIGRAM;
    for (size_t i = first; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        HD_TRY(hd_build_piece(it, piece->text.data, piece->text.size, (double)piece->score));
    }
    return HEED_OK;
}

heed_status hd_build_set_unknown_piece(hd_builder *it, int64_t index) {
    if ((size_t)index >= it->tokenizer->unigram.count)
        return hd_fail(it->context, HEED_FORMAT, "it has %zu tokens, and token %lld is to be the unknown one",
                       it->tokenizer->unigram.count, (long long)index);
    it->tokenizer->unigram.unknown = index;
    return HEED_OK;
}

/* The first four pieces of the models of fairseq. */
heed_status hd_build_fairseq(hd_builder *it, hd_role first) {
    HD_TRY(hd_build_role(it, first));
    HD_TRY(hd_build_role(it, HD_PAD));
    HD_TRY(hd_build_role(it, HD_EOS));
    return hd_build_role(it, HD_UNKNOWN);
}

/* ---- merges --------------------------------------------------------------------------------------------------- */

/* The pieces of a model by their text, for finding the merges of byte-pair encoding: a piece may be made of any two
 * pieces that it consists of, and the piece with the lower rank is made first. */
typedef struct ranked_piece {
    float score;
    uint32_t index;
} ranked_piece;

static int compare_ranks(const void *a, const void *b) {
    const ranked_piece *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static heed_status add_splits(hd_builder *it, const hd_vocabulary *pieces, const hd_piece *piece) {
    const hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    const char *text = piece->text.data;
    uint32_t code;
    for (size_t at = 0;;) {
        at += hd_utf8_decode(text + at, piece->text.size - at, &code);
        if (at >= piece->text.size) break;
        if (hd_vocabulary_find(pieces, text, at) < 0 ||
            hd_vocabulary_find(pieces, text + at, piece->text.size - at) < 0)
            continue;
        const hd_merge_text texts[] = {{text, at}, {text + at, piece->text.size - at}, {text, piece->text.size}};
        hd_merge merge;
        if (hd_merge_find(vocabulary, texts, &merge)) HD_TRY(hd_bpe_add_merge(&it->tokenizer->bpe, merge));
    }
    return HEED_OK;
}

static heed_status add_ranked_merges(hd_builder *it, bool by_score, hd_vocabulary *pieces, ranked_piece *ranks) {
    size_t count = 0;
    for (size_t i = 0; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        if (by_score && piece->type != HD_PIECE_NORMAL) continue;
        HD_TRY(hd_vocabulary_add_again(pieces, piece->text.data, piece->text.size, (int64_t)i));
        ranks[count++] = (ranked_piece){by_score ? piece->score : 0, (uint32_t)i};
    }
    if (count) qsort(ranks, count, sizeof *ranks, compare_ranks);
    for (size_t i = 0; i < count; i++) HD_TRY(add_splits(it, pieces, &it->model.pieces[ranks[i].index]));
    return HEED_OK;
}

/* `by_score`: pieces with higher scores come first, and only normal ones count; else all, in the order of the model. */
heed_status hd_build_merges(hd_builder *it, bool by_score) {
    hd_vocabulary pieces;
    ranked_piece *ranks = hd_alloc(it->context, it->model.count, sizeof *ranks);
    if (!ranks) return HEED_MEMORY;
    hd_vocabulary_open(&pieces, it->context);
    heed_status status = add_ranked_merges(it, by_score, &pieces, ranks);
    hd_vocabulary_close(&pieces);
    hd_free(it->context, ranks);
    return status;
}

/* A vocabulary of byte-pair encoding, after the tokens that it may have already. */
heed_status hd_build_bpe(hd_builder *it, bool by_score) {
    hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    for (size_t i = 0; i < it->model.count; i++) {
        hd_file_text text = it->model.pieces[i].text;
        if (hd_vocabulary_find(vocabulary, text.data, text.size) < 0)
            HD_TRY(hd_vocabulary_add(vocabulary, text.data, text.size, (int64_t)vocabulary->count, true));
    }
    it->tokenizer->bpe.fuse_unknown = true;
    return hd_build_merges(it, by_score);
}

heed_status hd_build_set_unknown_token(hd_builder *it, const char *text, size_t size) {
    hd_bpe *bpe = &it->tokenizer->bpe;
    bpe->unknown = hd_vocabulary_find_model(&it->tokenizer->vocabulary, text, size);
    if (bpe->unknown >= 0) return HEED_OK;
    bpe->missing_unknown = hd_copy_bytes(it->context, text, size);
    return bpe->missing_unknown ? HEED_OK : HEED_MEMORY;
}

/* ---- special tokens ------------------------------------------------------------------------------------------- */

/* Texts of the roles that a class has by default, in the order of hd_role. */
heed_status hd_build_read_roles(hd_builder *it, const char *const defaults[HD_ROLES]) {
    for (hd_role role = 0; role < HD_ROLES; role++)
        HD_TRY(hd_tokenizer_config_role(&it->config, role, defaults[role], &it->roles[role]));
    return HEED_OK;
}

/* Some classes make a mask token that is given by its text alone include the space before it. */
void hd_build_strip_mask(hd_builder *it, bool normalized) {
    hd_token_settings *mask = &it->roles[HD_MASK];
    if (mask->plain) mask->lstrip = true, mask->normalized = normalized;
}

/* The model's control symbols and, with `user_defined`, its user-defined ones. */
heed_status hd_build_symbols(hd_builder *it, bool user_defined) {
    for (size_t i = 0; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        bool control = piece->type == HD_PIECE_CONTROL;
        if (!control && (!user_defined || piece->type != HD_PIECE_USER_DEFINED)) continue;
        HD_TRY(hd_token_list_add(
            it->context, &it->later,
            (hd_token_settings){.text = piece->text.data, .size = piece->text.size, .special = control}));
    }
    return HEED_OK;
}

heed_status hd_build_later(hd_builder *it, const char *text) {
    return hd_token_list_add(it->context, &it->later, hd_token_settings_of(text));
}

/* Names tokens "<before_0>" to "<before_count-1>". */
heed_status hd_build_name_tokens(hd_builder *it, const char *before, int64_t count) {
    it->names = hd_alloc(it->context, (size_t)count, sizeof *it->names);
    for (int64_t i = 0; i < count && it->names; i++)
        snprintf(it->names[i], sizeof it->names[i], "<%s_%lld>", before, (long long)i);
    return it->names ? HEED_OK : HEED_MEMORY;
}

/* The added tokens of the files, those of the roles, and the extra ones: of the files, else of the class. */
static heed_status list_added(hd_builder *it) {
    bool found;
    if (!it->added.count) HD_TRY(hd_tokenizer_config_added(&it->config, &it->added));
    it->added.fixed = it->added.count;
    for (hd_role role = 0; role < HD_ROLES; role++) HD_TRY(hd_token_list_add(it->context, &it->added, it->roles[role]));
    for (size_t i = 0; i < it->added.count; i++)
        for (hd_role role = 0; role < HD_ROLES; role++)
            if (it->roles[role].text && it->roles[role].size == it->added.items[i].size &&
                memcmp(it->roles[role].text, it->added.items[i].text, it->roles[role].size) == 0)
                it->added.items[i].special = true;
    HD_TRY(hd_tokenizer_config_extra(&it->config, &it->added, &found));
    for (size_t i = 0; i < it->later.count && !found; i++)
        HD_TRY(hd_token_list_add(it->context, &it->added, it->later.items[i]));
    return HEED_OK;
}

heed_status hd_build_tokens(hd_builder *it) {
    HD_TRY(list_added(it));
    for (size_t i = 0; i < it->added.count; i++) {
        const hd_token_settings *token = &it->added.items[i];
        const hd_added_token flags = {.single_word = token->single_word,
                                      .lstrip = token->lstrip,
                                      .rstrip = token->rstrip,
                                      .normalized = token->normalized,
                                      .special = token->special};
        HD_TRY(hd_tokenizer_add_token(it->tokenizer, token->text, token->size, flags));
    }
    return HEED_OK;
}

/* ---- templates ------------------------------------------------------------------------------------------------ */

/* The template of the tokenizer, which is its first post-processor; NULL when memory ran out. */
static hd_template *template_of(hd_builder *it) {
    heed_tokenizer *tokenizer = it->tokenizer;
    if (tokenizer->post_processor_count == 0) {
        hd_post_processor template = {.kind = HD_POST_TEMPLATE};
        hd_template_open(&template.template, it->context);
        if (hd_tokenizer_add_post_processor(tokenizer, template) != HEED_OK) return NULL;
    }
    return &tokenizer->post_processors[0].template;
}

/* A token of the template; one that is not in the vocabulary is the unknown token, as in transformers. */
static heed_status add_template_token(hd_builder *it, hd_template *template, const char *text) {
    if (hd_template_find(template, text) != SIZE_MAX) return HEED_OK;
    int32_t id = hd_tokenizer_id(it->tokenizer, text);
    if (id < 0) id = hd_tokenizer_unknown(it->tokenizer);
    if (id < 0) return hd_fail(it->context, HEED_FORMAT, "the special token \"%.100s\" is not in the vocabulary", text);
    return hd_template_add_token(template, text, id);
}

const char hd_first_text[] = "A", hd_second_text[] = "B";

/* Parts of a template, in order: the two texts above, and tokens; "" for a role without a token. NULL ends them. Without
 * `types` all token types are 0. */
heed_status hd_build_parts(hd_builder *it, bool pair, const char *const *parts, const uint32_t *types) {
    hd_template *template = template_of(it);
    if (!template) return HEED_MEMORY;
    for (size_t i = 0; parts[i]; i++) {
        hd_template_item item = {.kind = HD_TEMPLATE_FIRST_TEXT, .type = types ? types[i] : 0};
        if (parts[i] == hd_second_text) item.kind = HD_TEMPLATE_SECOND_TEXT;
        if (parts[i] != hd_first_text && parts[i] != hd_second_text) {
            if (!parts[i][0]) continue;
            HD_TRY(add_template_token(it, template, parts[i]));
            item.kind = HD_TEMPLATE_SPECIAL;
            item.special = hd_template_find(template, parts[i]);
        }
        HD_TRY(hd_template_add(template, pair, item));
    }
    return HEED_OK;
}

/* The token of a role, or "". */
const char *hd_build_role_text(const hd_builder *it, hd_role role) {
    return it->roles[role].text ? it->roles[role].text : "";
}

/* The template by the options add_bos_token and add_eos_token, both false by default. */
heed_status hd_build_marks(hd_builder *it) {
    bool begin, end;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_bos_token", false, &begin));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_eos_token", false, &end));
    const char *bos = begin ? hd_build_role_text(it, HD_BOS) : "", *eos = end ? hd_build_role_text(it, HD_EOS) : "";
    const char *parts[7];
    uint32_t types[7];
    size_t count = 0, single = 0;
    for (uint32_t text = 0; text < 2; text++) {
        parts[count] = bos, types[count++] = text;
        parts[count] = text ? hd_second_text : hd_first_text, types[count++] = text;
        parts[count] = eos, types[count++] = text;
        if (text == 0) single = count;
    }
    parts[count] = NULL;
    HD_TRY(hd_build_parts(it, true, parts, types));
    parts[single] = NULL;
    return hd_build_parts(it, false, parts, types);
}

/* "<s> $A </s>" and "<s> $A </s> </s> $B </s>" with the tokens of the roles. */
heed_status hd_build_roberta_template(hd_builder *it) {
    const char *bos = hd_build_role_text(it, HD_BOS), *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(bos, hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(bos, hd_first_text, eos, eos, hd_second_text, eos), NULL);
}

/* "[CLS] $A [SEP]" and "[CLS] $A [SEP] $B:1 [SEP]:1". */
heed_status hd_build_bert_template(hd_builder *it) {
    const char *cls = hd_build_role_text(it, HD_CLASS), *sep = hd_build_role_text(it, HD_SEPARATOR);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(cls, hd_first_text, sep), NULL));
    return hd_build_parts(it, true, HD_PARTS(cls, hd_first_text, sep, hd_second_text, sep),
                          (const uint32_t[]){0, 0, 0, 1, 1});
}

/* The token of a language before the text, or with `after`, after the end of the text. */
heed_status hd_build_language_template(hd_builder *it, const char *otherwise, bool after) {
    const char *language, *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_tokenizer_config_string(&it->config, "src_lang", otherwise, &language));
    if (after) {
        HD_TRY(hd_build_parts(it, false, HD_PARTS(hd_first_text, eos, language), NULL));
        return hd_build_parts(it, true, HD_PARTS(hd_first_text, hd_second_text, eos, language), NULL);
    }
    HD_TRY(hd_build_parts(it, false, HD_PARTS(language, hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(language, hd_first_text, hd_second_text, eos), NULL);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static void write_list(hd_buffer *out, const char *key, const char *list, const hd_buffer *items) {
    hd_buffer_format(out, "\"%s\":{\"type\":\"Sequence\",\"%s\":[", key, list);
    hd_buffer_append(out, items->data, items->size);
    hd_buffer_text(out, "]}");
    if (items->failed) out->failed = true;
}

heed_status hd_build_finish(hd_builder *it) {
    hd_buffer json;
    hd_json document = {0};
    hd_buffer_open(&json, it->context);
    hd_buffer_byte(&json, '{');
    write_list(&json, "normalizer", "normalizers", &it->normalizers);
    hd_buffer_byte(&json, ',');
    write_list(&json, "pre_tokenizer", "pretokenizers", &it->pre_tokenizers);
    hd_buffer_byte(&json, ',');
    write_list(&json, "decoder", "decoders", &it->decoders);
    hd_buffer_byte(&json, '}');
    heed_status status =
        json.failed ? HEED_MEMORY
                    : hd_json_open_bytes(it->context, "components", json.data, json.size, HD_JSON_LENIENT, &document);
    if (status == HEED_OK) status = hd_read_components(it->tokenizer, document.root);
    if (status == HEED_OK) status = hd_tokenizer_finish(it->tokenizer);
    hd_json_close(&document);
    hd_buffer_close(&json);
    return status;
}

heed_status hd_build_open(hd_builder *it, heed_context *context, const char *name, const hd_sentencepiece *model,
                          const hd_tokenizer_config *config) {
    *it = (hd_builder){.context = context, .model = *model, .config = *config, .tokenizer = hd_tokenizer_new(context)};
    hd_buffer_open(&it->normalizers, context);
    hd_buffer_open(&it->pre_tokenizers, context);
    hd_buffer_open(&it->decoders, context);
    if (!it->tokenizer) return HEED_MEMORY;
    it->tokenizer->name = hd_copy_string(context, name);
    return it->tokenizer->name ? HEED_OK : HEED_MEMORY;
}

void hd_build_close(hd_builder *it) {
    hd_free(it->context, it->added.items);
    hd_free(it->context, it->later.items);
    hd_free(it->context, it->names);
    hd_buffer_close(&it->normalizers);
    hd_buffer_close(&it->pre_tokenizers);
    hd_buffer_close(&it->decoders);
}
