#include "text/sentencepiece_tokenizer.h"

#include "base/utf8.h"
#include "text/components_json.h"
#include "text/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a tokenizer is built from. The components are written as those of a tokenizer.json and read as such at the end. */
typedef struct builder {
    heed_context *context;
    heed_tokenizer *tokenizer;
    hd_sentencepiece model; /* a copy, whose pieces may get other texts */
    hd_tokenizer_config config;
    hd_token_settings roles[HD_ROLES];
    hd_token_list added; /* in the order in which they get ids */
    hd_token_list later; /* special tokens of the class and of the model, which come after those of the files */
    char (*names)[32];   /* owned: of numbered tokens */
    hd_buffer normalizers, pre_tokenizers, decoders; /* elements of JSON lists */
} builder;

typedef heed_status build_class(builder *it);

/* ---- components ----------------------------------------------------------------------------------------------- */

#define METASPACE      "\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":"
#define REPLACE_SPACES "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}"
#define REPLACE_WHITESPACE \
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"},\"content\":\" \"}"

static void add_component(hd_buffer *list, const char *json) {
    if (list->size) hd_buffer_byte(list, ',');
    hd_buffer_text(list, json);
}

static void add_metaspace(hd_buffer *list, const char *scheme, bool split) {
    add_component(list, "{\"type\":\"Metaspace\"," METASPACE);
    hd_buffer_format(list, "\"%s\",\"split\":%s}", scheme, split ? "true" : "false");
}

static heed_status add_charsmap(builder *it, bool *added) {
    hd_file_text bytes = it->model.charsmap;
    hd_charsmap *map;
    *added = bytes.size > 0;
    if (!*added) return HEED_OK;
    HD_TRY(hd_charsmap_open(it->context, "normalizer_spec", bytes.data, bytes.size, &map));
    add_component(&it->normalizers, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
    hd_charsmap_write(map, &it->normalizers);
    hd_buffer_text(&it->normalizers, "\"}");
    hd_charsmap_close(map);
    return HEED_OK;
}

/* "always" unless the option add_prefix_space is false. */
static heed_status add_words(builder *it, bool split_whitespace, const char *otherwise) {
    bool prefix;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", true, &prefix));
    const char *scheme = prefix ? "always" : otherwise;
    if (split_whitespace) add_component(&it->pre_tokenizers, "{\"type\":\"WhitespaceSplit\"}");
    add_metaspace(&it->pre_tokenizers, scheme, true);
    add_metaspace(&it->decoders, scheme, true);
    return HEED_OK;
}

/* ---- pieces --------------------------------------------------------------------------------------------------- */

static heed_status add_piece(builder *it, const char *text, size_t size, double score) {
    int64_t id = (int64_t)it->tokenizer->unigram.count;
    HD_TRY(hd_vocabulary_add_again(&it->tokenizer->vocabulary, text, size, id));
    return hd_unigram_add(&it->tokenizer->unigram, text, size, score, (int32_t)id);
}

/* Pieces that a class puts before or after those of the model. */
static heed_status add_text(builder *it, const char *text, double score) {
    return add_piece(it, text, strlen(text), score);
}

static heed_status add_role(builder *it, hd_role role) {
    const hd_token_settings *token = &it->roles[role];
    return token->text ? add_piece(it, token->text, token->size, 0) : HEED_OK;
}

static heed_status add_pieces(builder *it, size_t first) {
    it->tokenizer->model = HD_MODEL_UNIGRAM;
    for (size_t i = first; i < it->model.count; i++) {
        const hd_piece *piece = &it->model.pieces[i];
        HD_TRY(add_piece(it, piece->text.data, piece->text.size, (double)piece->score));
    }
    return HEED_OK;
}

static heed_status set_unknown_piece(builder *it, int64_t index) {
    if ((size_t)index >= it->tokenizer->unigram.count)
        return hd_fail(it->context, HEED_FORMAT, "it has %zu pieces, and piece %lld is to be the unknown one",
                       it->tokenizer->unigram.count, (long long)index);
    it->tokenizer->unigram.unknown = index;
    return HEED_OK;
}

/* The first four pieces of the models of fairseq. */
static heed_status add_fairseq(builder *it, hd_role first) {
    HD_TRY(add_role(it, first));
    HD_TRY(add_role(it, HD_PAD));
    HD_TRY(add_role(it, HD_EOS));
    return add_role(it, HD_UNKNOWN);
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

static heed_status add_splits(builder *it, const hd_vocabulary *pieces, const hd_piece *piece) {
    const hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    const char *text = piece->text.data;
    uint32_t code;
    int32_t id = hd_vocabulary_find_model(vocabulary, text, piece->text.size);
    for (size_t at = 0; id >= 0;) {
        at += hd_utf8_decode(text + at, piece->text.size - at, &code);
        if (at >= piece->text.size) break;
        if (hd_vocabulary_find(pieces, text, at) < 0 ||
            hd_vocabulary_find(pieces, text + at, piece->text.size - at) < 0)
            continue;
        hd_merge merge = {hd_vocabulary_find_model(vocabulary, text, at),
                          hd_vocabulary_find_model(vocabulary, text + at, piece->text.size - at), id};
        if (merge.left >= 0 && merge.right >= 0) HD_TRY(hd_bpe_add_merge(&it->tokenizer->bpe, merge));
    }
    return HEED_OK;
}

static heed_status add_ranked_merges(builder *it, bool by_score, hd_vocabulary *pieces, ranked_piece *ranks) {
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
static heed_status add_merges(builder *it, bool by_score) {
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
static heed_status add_bpe(builder *it, bool by_score) {
    hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    for (size_t i = 0; i < it->model.count; i++) {
        hd_file_text text = it->model.pieces[i].text;
        if (hd_vocabulary_find(vocabulary, text.data, text.size) < 0)
            HD_TRY(hd_vocabulary_add(vocabulary, text.data, text.size, (int64_t)vocabulary->count, true));
    }
    it->tokenizer->bpe.fuse_unknown = true;
    return add_merges(it, by_score);
}

static heed_status set_unknown_token(builder *it, const char *text, size_t size) {
    hd_bpe *bpe = &it->tokenizer->bpe;
    bpe->unknown = hd_vocabulary_find_model(&it->tokenizer->vocabulary, text, size);
    if (bpe->unknown >= 0) return HEED_OK;
    bpe->missing_unknown = hd_copy_bytes(it->context, text, size);
    return bpe->missing_unknown ? HEED_OK : HEED_MEMORY;
}

/* ---- special tokens ------------------------------------------------------------------------------------------- */

/* Texts of the roles that a class has by default, in the order of hd_role. */
static heed_status read_roles(builder *it, const char *const defaults[HD_ROLES]) {
    for (hd_role role = 0; role < HD_ROLES; role++)
        HD_TRY(hd_tokenizer_config_role(&it->config, role, defaults[role], &it->roles[role]));
    return HEED_OK;
}

/* Some classes make a mask token that is given by its text alone include the space before it. */
static void strip_mask(builder *it, bool normalized) {
    hd_token_settings *mask = &it->roles[HD_MASK];
    if (mask->plain) mask->lstrip = true, mask->normalized = normalized;
}

/* The model's control symbols and, with `user_defined`, its user-defined ones. */
static heed_status add_symbols(builder *it, bool user_defined) {
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

static heed_status add_later(builder *it, const char *text) {
    return hd_token_list_add(it->context, &it->later, hd_token_settings_of(text));
}

/* Names tokens "<before_0>" to "<before_count-1>". */
static heed_status name_tokens(builder *it, const char *before, int64_t count) {
    it->names = hd_alloc(it->context, (size_t)count, sizeof *it->names);
    for (int64_t i = 0; i < count && it->names; i++)
        snprintf(it->names[i], sizeof it->names[i], "<%s_%lld>", before, (long long)i);
    return it->names ? HEED_OK : HEED_MEMORY;
}

/* The added tokens of the files, those of the roles, and the extra ones: of the files, else of the class. */
static heed_status list_added(builder *it) {
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

static heed_status add_tokens(builder *it) {
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

/* A token of the template; one that is not in the vocabulary is the unknown token, as in transformers. */
static heed_status add_template_token(builder *it, const char *text) {
    hd_template *template = &it->tokenizer->template;
    if (hd_template_find(template, text) != SIZE_MAX) return HEED_OK;
    int32_t id = hd_tokenizer_id(it->tokenizer, text);
    if (id < 0) id = hd_tokenizer_unknown(it->tokenizer);
    if (id < 0) return hd_fail(it->context, HEED_FORMAT, "the special token \"%.100s\" is not in the vocabulary", text);
    return hd_template_add_token(template, text, id);
}

/* The texts of a pair in a template. */
static const char first_text[] = "A", second_text[] = "B";

/* Parts of a template, in order: the two texts above, and tokens; "" for a role without a token. NULL ends them. Without
 * `types` all token types are 0. */
static heed_status add_parts(builder *it, bool pair, const char *const *parts, const uint32_t *types) {
    hd_template *template = &it->tokenizer->template;
    for (size_t i = 0; parts[i]; i++) {
        hd_template_item item = {.kind = HD_TEMPLATE_FIRST_TEXT, .type = types ? types[i] : 0};
        if (parts[i] == second_text) item.kind = HD_TEMPLATE_SECOND_TEXT;
        if (parts[i] != first_text && parts[i] != second_text) {
            if (!parts[i][0]) continue;
            HD_TRY(add_template_token(it, parts[i]));
            item.kind = HD_TEMPLATE_SPECIAL;
            item.special = hd_template_find(template, parts[i]);
        }
        HD_TRY(hd_template_add(template, pair, item));
    }
    template->present = true;
    return HEED_OK;
}

/* The token of a role, or "". */
static const char *role_text(const builder *it, hd_role role) {
    return it->roles[role].text ? it->roles[role].text : "";
}

/* The template by the options add_bos_token and add_eos_token, both false by default. */
static heed_status add_marks(builder *it) {
    bool begin, end;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_bos_token", false, &begin));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_eos_token", false, &end));
    const char *bos = begin ? role_text(it, HD_BOS) : "", *eos = end ? role_text(it, HD_EOS) : "";
    const char *parts[7];
    uint32_t types[7];
    size_t count = 0, single = 0;
    for (uint32_t text = 0; text < 2; text++) {
        parts[count] = bos, types[count++] = text;
        parts[count] = text ? second_text : first_text, types[count++] = text;
        parts[count] = eos, types[count++] = text;
        if (text == 0) single = count;
    }
    parts[count] = NULL;
    HD_TRY(add_parts(it, true, parts, types));
    parts[single] = NULL;
    return add_parts(it, false, parts, types);
}

#define PARTS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

/* "<s> $A </s>" and "<s> $A </s> </s> $B </s>" with the tokens of the roles. */
static heed_status add_roberta_template(builder *it) {
    const char *bos = role_text(it, HD_BOS), *eos = role_text(it, HD_EOS);
    HD_TRY(add_parts(it, false, PARTS(bos, first_text, eos), NULL));
    return add_parts(it, true, PARTS(bos, first_text, eos, eos, second_text, eos), NULL);
}

/* "[CLS] $A [SEP]" and "[CLS] $A [SEP] $B:1 [SEP]:1". */
static heed_status add_bert_template(builder *it) {
    const char *cls = role_text(it, HD_CLASS), *sep = role_text(it, HD_SEPARATOR);
    HD_TRY(add_parts(it, false, PARTS(cls, first_text, sep), NULL));
    return add_parts(it, true, PARTS(cls, first_text, sep, second_text, sep), (const uint32_t[]){0, 0, 0, 1, 1});
}

/* The token of a language before the text, or with `after`, after the end of the text. */
static heed_status add_language_template(builder *it, const char *otherwise, bool after) {
    const char *language, *eos = role_text(it, HD_EOS);
    HD_TRY(hd_tokenizer_config_string(&it->config, "src_lang", otherwise, &language));
    if (after) {
        HD_TRY(add_parts(it, false, PARTS(first_text, eos, language), NULL));
        return add_parts(it, true, PARTS(first_text, second_text, eos, language), NULL);
    }
    HD_TRY(add_parts(it, false, PARTS(language, first_text, eos), NULL));
    return add_parts(it, true, PARTS(language, first_text, second_text, eos), NULL);
}

/* ---- classes -------------------------------------------------------------------------------------------------- */

static const char *const fairseq_roles[HD_ROLES] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"};

static heed_status build_t5(builder *it) {
    bool mapped;
    int64_t sentinels;
    HD_TRY(read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}));
    HD_TRY(hd_tokenizer_config_int(&it->config, "extra_ids", 100, 100000, &sentinels));
    HD_TRY(add_pieces(it, 0));
    HD_TRY(add_symbols(it, true));
    HD_TRY(name_tokens(it, "extra_id", sentinels));
    for (int64_t i = sentinels; i-- > 0;) HD_TRY(add_text(it, it->names[i], 0));
    for (int64_t i = 0; i < sentinels; i++) HD_TRY(add_later(it, it->names[i]));
    HD_TRY(set_unknown_piece(it, 2));
    HD_TRY(add_charsmap(it, &mapped));
    HD_TRY(add_words(it, true, "always"));
    HD_TRY(add_tokens(it));
    const char *eos = role_text(it, HD_EOS);
    HD_TRY(add_parts(it, false, PARTS(first_text, eos), NULL));
    return add_parts(it, true, PARTS(first_text, eos, second_text, eos), NULL);
}

static heed_status build_xlm_roberta(builder *it) {
    bool mapped;
    HD_TRY(read_roles(it, fairseq_roles));
    HD_TRY(add_fairseq(it, HD_BOS));
    HD_TRY(add_pieces(it, 3));
    HD_TRY(add_role(it, HD_MASK));
    HD_TRY(set_unknown_piece(it, 3));
    HD_TRY(add_charsmap(it, &mapped));
    HD_TRY(add_words(it, true, "never"));
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_roberta_template(it);
}

static heed_status build_camembert(builder *it) {
    bool mapped;
    HD_TRY(read_roles(it, fairseq_roles));
    strip_mask(it, false);
    HD_TRY(add_text(it, "<s>NOTUSED", 0));
    HD_TRY(add_role(it, HD_PAD));
    HD_TRY(add_text(it, "</s>NOTUSED", 0));
    HD_TRY(add_role(it, HD_UNKNOWN));
    HD_TRY(add_text(it, "<unk>NOTUSED", -100));
    HD_TRY(add_pieces(it, 1));
    HD_TRY(add_role(it, HD_MASK));
    HD_TRY(set_unknown_piece(it, 3));
    HD_TRY(add_charsmap(it, &mapped));
    HD_TRY(add_words(it, true, "never"));
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_roberta_template(it);
}

static const char *const mbart_languages[] = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ",
    "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN",
    /* from here on, of mBART-50 alone */
    "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN",
    "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES",
    "sl_SI"};
enum { MBART_LANGUAGES = 25 };

static heed_status add_mbart_pieces(builder *it, size_t languages) {
    strip_mask(it, false);
    HD_TRY(add_pieces(it, 3));
    for (size_t i = 0; i < languages; i++) {
        HD_TRY(add_text(it, mbart_languages[i], 0));
        HD_TRY(add_later(it, mbart_languages[i]));
    }
    HD_TRY(add_role(it, HD_MASK));
    HD_TRY(add_symbols(it, true));
    return set_unknown_piece(it, 3);
}

static heed_status build_mbart(builder *it) {
    HD_TRY(read_roles(it, fairseq_roles));
    HD_TRY(add_fairseq(it, HD_BOS));
    HD_TRY(add_mbart_pieces(it, MBART_LANGUAGES));
    HD_TRY(add_words(it, true, "always"));
    HD_TRY(add_tokens(it));
    return add_language_template(it, "en_XX", true);
}

static heed_status build_mbart50(builder *it) {
    bool mapped;
    HD_TRY(read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}));
    HD_TRY(add_fairseq(it, HD_CLASS));
    HD_TRY(add_mbart_pieces(it, HD_COUNT(mbart_languages)));
    HD_TRY(add_charsmap(it, &mapped));
    if (mapped) add_component(&it->normalizers, REPLACE_SPACES);
    HD_TRY(add_words(it, false, "always"));
    HD_TRY(add_tokens(it));
    return add_language_template(it, "en_XX", false);
}

static heed_status build_nllb(builder *it) {
    static const hd_role first[] = {HD_BOS, HD_PAD, HD_EOS, HD_UNKNOWN};
    bool mapped, legacy;
    HD_TRY(read_roles(it, fairseq_roles));
    strip_mask(it, true);
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy_behaviour", false, &legacy));
    for (size_t i = 0; i < HD_COUNT(first); i++) {
        hd_token_settings token = it->roles[first[i]];
        if (token.text)
            HD_TRY(hd_vocabulary_add_again(&it->tokenizer->vocabulary, token.text, token.size,
                                           (int64_t)it->tokenizer->vocabulary.count));
    }
    HD_TRY(add_bpe(it, false));
    HD_TRY(set_unknown_token(it, it->roles[HD_UNKNOWN].text, it->roles[HD_UNKNOWN].size));
    HD_TRY(add_charsmap(it, &mapped));
    if (mapped) add_component(&it->normalizers, REPLACE_SPACES);
    HD_TRY(add_words(it, false, "always"));
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_language_template(it, "eng_Latn", legacy);
}

static heed_status build_albert(builder *it) {
    bool mapped, lowercase, accents;
    HD_TRY(
        read_roles(it, (const char *const[HD_ROLES]){"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "do_lower_case", true, &lowercase));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "keep_accents", false, &accents));
    HD_TRY(add_pieces(it, 0));
    HD_TRY(set_unknown_piece(it, 1));
    add_component(&it->normalizers, "{\"type\":\"Replace\",\"pattern\":{\"String\":\"``\"},\"content\":\"\\\"\"}");
    add_component(&it->normalizers, "{\"type\":\"Replace\",\"pattern\":{\"String\":\"''\"},\"content\":\"\\\"\"}");
    if (!accents) add_component(&it->normalizers, "{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}");
    if (lowercase) add_component(&it->normalizers, "{\"type\":\"Lowercase\"}");
    HD_TRY(add_charsmap(it, &mapped));
    HD_TRY(add_words(it, true, "never"));
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_bert_template(it);
}

static heed_status build_deberta(builder *it) {
    bool lowercase, punctuation;
    HD_TRY(
        read_roles(it, (const char *const[HD_ROLES]){"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "do_lower_case", false, &lowercase));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "split_by_punct", false, &punctuation));
    HD_TRY(add_pieces(it, 0));
    /* The unknown piece is found by its text, if its score is 0. */
    int64_t unknown = it->model.unknown_id;
    for (size_t i = it->model.count; i-- > 0;) {
        const hd_piece *piece = &it->model.pieces[i];
        const hd_token_settings *token = &it->roles[HD_UNKNOWN];
        if (token->text && piece->score == 0 && piece->text.size == token->size &&
            memcmp(piece->text.data, token->text, token->size) == 0)
            unknown = (int64_t)i;
    }
    HD_TRY(set_unknown_piece(it, unknown));
    if (lowercase) add_component(&it->normalizers, "{\"type\":\"Lowercase\"}");
    add_component(&it->normalizers, REPLACE_WHITESPACE
                  ",{\"type\":\"NFC\"},"
                  "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}");
    if (punctuation) add_component(&it->pre_tokenizers, "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}");
    HD_TRY(add_words(it, false, "first"));
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_bert_template(it);
}

static heed_status build_pegasus(builder *it) {
    bool mapped;
    int64_t offset;
    hd_token_settings mask;
    const char *sentence_mask;
    HD_TRY(read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, "<mask_2>"}));
    HD_TRY(hd_tokenizer_config_role(&it->config, HD_MASK, "<mask_1>", &mask));
    HD_TRY(hd_tokenizer_config_string(&it->config, "mask_token_sent", NULL, &sentence_mask));
    HD_TRY(hd_tokenizer_config_int(&it->config, "offset", 103, 100000, &offset));
    HD_TRY(add_role(it, HD_PAD));
    HD_TRY(add_role(it, HD_EOS));
    const char *second = sentence_mask ? sentence_mask : "<mask_2>";
    if (mask.text) HD_TRY(add_piece(it, mask.text, mask.size, 0));
    if (!mask.text || strcmp(mask.text, second) != 0) HD_TRY(add_text(it, second, 0));
    HD_TRY(add_later(it, sentence_mask ? sentence_mask : "<mask_1>"));
    HD_TRY(name_tokens(it, "unk", offset));
    for (int64_t i = 2; i < offset; i++) {
        HD_TRY(add_text(it, it->names[i], -100));
        HD_TRY(add_later(it, it->names[i]));
    }
    HD_TRY(add_pieces(it, 2));
    hd_unigram *unigram = &it->tokenizer->unigram;
    size_t unknown = 1;
    const hd_token_settings *token = &it->roles[HD_UNKNOWN];
    while (unknown < unigram->count && token->text &&
           (unigram->pieces[unknown].score != 0 || unigram->pieces[unknown].size != token->size ||
            memcmp(unigram->pool.data + unigram->pieces[unknown].offset, token->text, token->size) != 0))
        unknown++;
    HD_TRY(set_unknown_piece(it, (int64_t)unknown));
    HD_TRY(add_charsmap(it, &mapped));
    if (!mapped)
        add_component(&it->normalizers, "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\n\"},\"content\":\" \"}");
    add_component(&it->normalizers, REPLACE_SPACES);
    HD_TRY(add_words(it, false, "always"));
    HD_TRY(add_tokens(it));
    const char *eos = role_text(it, HD_EOS);
    HD_TRY(add_parts(it, false, PARTS(first_text, eos), NULL));
    return add_parts(it, true, PARTS(first_text, second_text, eos), NULL);
}

#define REPLACE_UNDERLINE "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},\"content\":\" \"}"

static heed_status build_llama(builder *it) {
    bool prefix, legacy;
    HD_TRY(read_roles(it, (const char *const[HD_ROLES]){"<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", true, &prefix));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy", false, &legacy));
    HD_TRY(add_bpe(it, false));
    it->tokenizer->bpe.byte_fallback = true;
    add_metaspace(&it->pre_tokenizers, !prefix ? "never" : legacy ? "always" : "first", false);
    add_component(&it->decoders, REPLACE_UNDERLINE ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}");
    if (prefix) add_component(&it->decoders, "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_marks(it);
}

static heed_status build_gemma(builder *it) {
    HD_TRY(read_roles(it, (const char *const[HD_ROLES]){"<bos>", "<eos>", "<unk>", NULL, "<pad>", NULL, "<mask>"}));
    HD_TRY(add_bpe(it, false));
    it->tokenizer->bpe.byte_fallback = true;
    HD_TRY(set_unknown_token(it, it->roles[HD_UNKNOWN].text, it->roles[HD_UNKNOWN].size));
    add_component(&it->normalizers,
                  "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}");
    add_component(&it->pre_tokenizers,
                  "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\"}");
    add_component(&it->decoders, REPLACE_UNDERLINE ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}");
    HD_TRY(add_symbols(it, true));
    HD_TRY(add_tokens(it));
    return add_marks(it);
}

/* ---- any other class: what the model itself says -------------------------------------------------------------- */

/* Gives pieces the texts that added_tokens_decoder has for their ids, such as names for reserved ones; but not the text of a
 * piece that keeps its own. */
static heed_status rename_pieces(builder *it) {
    hd_vocabulary kept;
    hd_vocabulary_open(&kept, it->context);
    heed_status status = HEED_OK;
    size_t size;
    for (size_t i = 0; i < it->model.count && status == HEED_OK; i++) {
        hd_file_text text = it->model.pieces[i].text;
        if (!hd_tokenizer_config_listed(&it->config, (int64_t)i, &size))
            status = hd_vocabulary_add_again(&kept, text.data, text.size, (int64_t)i);
    }
    for (size_t i = 0; i < it->model.count && status == HEED_OK; i++) {
        const char *name = hd_tokenizer_config_listed(&it->config, (int64_t)i, &size);
        if (name && size && hd_vocabulary_find(&kept, name, size) < 0)
            it->model.pieces[i].text = (hd_file_text){name, size};
    }
    hd_vocabulary_close(&kept);
    return status;
}

static heed_status add_own_vocabulary(builder *it, bool user_defined) {
    const hd_sentencepiece *model = &it->model;
    if (model->model_type == HD_SENTENCEPIECE_UNIGRAM) {
        HD_TRY(add_pieces(it, 0));
        it->tokenizer->unigram.byte_fallback = model->byte_fallback;
        return set_unknown_piece(it, model->unknown_id);
    }
    HD_TRY(rename_pieces(it));
    HD_TRY(add_bpe(it, true));
    it->tokenizer->bpe.byte_fallback = model->byte_fallback;
    it->tokenizer->bpe.ignore_merges = user_defined;
    return set_unknown_token(it, model->unknown.data, model->unknown.size);
}

static heed_status add_own_normalizers(builder *it, bool legacy) {
    const hd_sentencepiece *model = &it->model;
    bool mapped;
    HD_TRY(add_charsmap(it, &mapped));
    if (model->remove_extra_whitespaces)
        add_component(
            &it->normalizers,
            "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\A +| +\\\\z\"},\"content\":\"\"}," REPLACE_SPACES);
    if (model->escape_whitespaces)
        add_component(&it->normalizers,
                      "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}");
    if (model->add_dummy_prefix && legacy)
        add_component(&it->normalizers,
                      "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\A\xE2\x96\x81\"},\"content\":"
                      "\"\xE2\x96\x81\xE2\x96\x81\"}");
    return HEED_OK;
}

static int compare_lengths(const void *a, const void *b) {
    const hd_piece *x = *(const hd_piece *const *)a, *y = *(const hd_piece *const *)b;
    size_t x_count = hd_utf8_count(x->text.data, x->text.size), y_count = hd_utf8_count(y->text.data, y->text.size);
    if (x_count != y_count) return x_count > y_count ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Splits the text around user-defined pieces, which are never merged: a pattern of all of them, longer ones first. */
static heed_status split_user_defined(builder *it) {
    const hd_piece **pieces = hd_alloc(it->context, it->model.count, sizeof *pieces);
    size_t count = 0;
    if (!pieces) return HEED_MEMORY;
    for (size_t i = 0; i < it->model.count; i++)
        if (it->model.pieces[i].type == HD_PIECE_USER_DEFINED) pieces[count++] = &it->model.pieces[i];
    if (count) qsort(pieces, count, sizeof *pieces, compare_lengths);
    hd_buffer pattern;
    hd_buffer_open(&pattern, it->context);
    for (size_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(&pattern, '|');
        for (size_t j = 0; j < pieces[i]->text.size; j++) {
            char c = pieces[i]->text.data[j];
            if (c && strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", c)) hd_buffer_byte(&pattern, '\\');
            hd_buffer_byte(&pattern, c);
        }
    }
    add_component(&it->pre_tokenizers, "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":");
    hd_json_append_string(&it->pre_tokenizers, pattern.data, pattern.size);
    hd_buffer_text(&it->pre_tokenizers, "}}");
    heed_status status = pattern.failed ? HEED_MEMORY : HEED_OK;
    hd_buffer_close(&pattern);
    hd_free(it->context, pieces);
    return status;
}

static heed_status copy_text(builder *it, hd_file_text text, char **out) {
    *out = hd_copy_bytes(it->context, text.data, text.size);
    return *out ? HEED_OK : HEED_MEMORY;
}

/* The roles whose default is a piece of the model. `texts` are freed by the caller. */
static heed_status read_own_roles(builder *it, char *texts[HD_ROLES]) {
    const hd_sentencepiece *model = &it->model;
    HD_TRY(copy_text(it, model->unknown, &texts[HD_UNKNOWN]));
    if (model->bos_id >= 0) HD_TRY(copy_text(it, model->bos, &texts[HD_BOS]));
    if (model->eos_id >= 0) HD_TRY(copy_text(it, model->eos, &texts[HD_EOS]));
    HD_TRY(read_roles(it, (const char *const *)texts));
    if (!model->add_dummy_prefix) return add_tokens(it);
    /* Added tokens are found in the original text, so that each text between them gets a prefix. */
    HD_TRY(hd_tokenizer_config_added(&it->config, &it->added));
    for (size_t i = 0; i < it->added.count; i++) it->added.items[i].normalized = false;
    HD_TRY(add_tokens(it));
    return HEED_OK;
}

static heed_status build_own(builder *it) {
    const hd_sentencepiece *model = &it->model;
    bool legacy, user_defined = false;
    if (model->model_type > HD_SENTENCEPIECE_BPE)
        return hd_fail(it->context, HEED_UNSUPPORTED, "SentencePiece models of words or characters are not supported");
    for (size_t i = 0; i < model->count; i++)
        user_defined = user_defined || model->pieces[i].type == HD_PIECE_USER_DEFINED;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy", true, &legacy));
    HD_TRY(add_symbols(it, false));
    HD_TRY(add_own_vocabulary(it, user_defined));
    HD_TRY(add_own_normalizers(it, legacy));
    if (model->add_dummy_prefix) add_metaspace(&it->pre_tokenizers, legacy ? "always" : "first", false);
    if (user_defined) HD_TRY(split_user_defined(it));
    add_component(&it->decoders, REPLACE_UNDERLINE);
    if (model->byte_fallback) add_component(&it->decoders, "{\"type\":\"ByteFallback\"}");
    if (model->add_dummy_prefix || model->byte_fallback) add_component(&it->decoders, "{\"type\":\"Fuse\"}");
    if (model->add_dummy_prefix)
        add_component(&it->decoders, "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    char *texts[HD_ROLES] = {0};
    heed_status status = read_own_roles(it, texts);
    if (status == HEED_OK) status = add_marks(it);
    for (size_t i = 0; i < HD_ROLES; i++) hd_free(it->context, texts[i]);
    return status;
}

/* ---- choosing the class --------------------------------------------------------------------------------------- */

/* The classes, and the model types that have a class when no file names one; "" ends them. NULL: heed lacks it. */
static const struct {
    const char *class;
    build_class *build;
    const char *model_types[12];
} classes[] = {
    {"T5Tokenizer", build_t5, {"t5", "mt5", "umt5", "switch_transformers", "musicgen", "musicgen_melody", ""}},
    {"XLMRobertaTokenizer",
     build_xlm_roberta,
     {"xlm-roberta", "xlm-roberta-xl", "gte", "new", "jina_embeddings_v3", "trocr", "xmod", ""}},
    {"CamembertTokenizer", build_camembert, {"camembert", ""}},
    {"DebertaV2Tokenizer", build_deberta, {"deberta-v2", ""}},
    {"AlbertTokenizer", build_albert, {"albert", "yoso", ""}},
    {"PegasusTokenizer", build_pegasus, {"pegasus", "pegasus_x", "bigbird_pegasus", ""}},
    {"MBartTokenizer", build_mbart, {"mbart", ""}},
    {"MBart50Tokenizer", build_mbart50, {"mbart50", ""}},
    {"NllbTokenizer", build_nllb, {"nllb", "nllb-moe", ""}},
    {"LlamaTokenizer", build_llama, {"idefics", "idefics2", ""}},
    {"GemmaTokenizer",
     build_gemma,
     {"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "recurrent_gemma", "shieldgemma2",
      "t5gemma", ""}},
    {"BarthezTokenizer", NULL, {"barthez", ""}},
    {"BigBirdTokenizer", NULL, {"big_bird", ""}},
    {"CodeLlamaTokenizer", NULL, {"code_llama", ""}},
    {"CpmTokenizer", NULL, {"cpm", ""}},
    {"FNetTokenizer", NULL, {"fnet", ""}},
    {"LayoutXLMTokenizer", NULL, {"layoutxlm", ""}},
    {"RemBertTokenizer", NULL, {"rembert", ""}},
    {"ReformerTokenizer", NULL, {"reformer", ""}},
    {"SeamlessM4TTokenizer", NULL, {"seamless_m4t", "seamless_m4t_v2", ""}},
    {"UdopTokenizer", NULL, {"udop", ""}},
    {"XGLMTokenizer", NULL, {"xglm", ""}},
    {"XLNetTokenizer", NULL, {"xlnet", ""}},
};

/* Model types whose folders name LlamaTokenizer, but are opened by what the model itself says. */
static const char own_types[] =
    " aria arctic ernie4_5 fuyu glm granite granitemoe granitemoehybrid internlm2 internlm3 jamba llava llava_next "
    "minicpm3 minicpmv ministral ministral3 mistral mistral3 mixtral nemotron olmo2 olmo3 persimmon phi3 phi3_v phimoe "
    "pixtral stablelm vipllava voxtral ";

static bool is_own_type(const char *type) {
    size_t size = strlen(type);
    for (const char *at = own_types; size && (at = strstr(at, type)); at += size)
        if (at[-1] == ' ' && at[size] == ' ') return true;
    return false;
}

static size_t find_class(const char *name, size_t size) {
    size_t i = 0;
    while (i < HD_COUNT(classes) && (strlen(classes[i].class) != size || memcmp(classes[i].class, name, size) != 0))
        i++;
    return i;
}

static size_t find_model_type(const char *type) {
    for (size_t i = 0; i < HD_COUNT(classes); i++)
        for (size_t j = 0; classes[i].model_types[j][0]; j++)
            if (strcmp(classes[i].model_types[j], type) == 0) return i;
    return HD_COUNT(classes);
}

static heed_status build(builder *it) {
    size_t size, found = HD_COUNT(classes);
    const char *type = hd_tokenizer_config_model_type(&it->config);
    const char *name = hd_tokenizer_config_class(&it->config, &size);
    bool own = is_own_type(type) && name && find_class(name, size) == find_class("LlamaTokenizer", 14);
    if (name && !own) found = find_class(name, size);
    if (!name) found = find_model_type(type);
    if (found == HD_COUNT(classes)) return build_own(it);
    if (!classes[found].build)
        return hd_fail(it->context, HEED_UNSUPPORTED, "the tokenizer class %s is not supported", classes[found].class);
    return classes[found].build(it);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static void write_list(hd_buffer *out, const char *key, const char *list, const hd_buffer *items) {
    hd_buffer_format(out, "\"%s\":{\"type\":\"Sequence\",\"%s\":[", key, list);
    hd_buffer_append(out, items->data, items->size);
    hd_buffer_text(out, "]}");
    if (items->failed) out->failed = true;
}

static heed_status read_own_components(builder *it) {
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

static void close_parts(builder *it) {
    hd_free(it->context, it->added.items);
    hd_free(it->context, it->later.items);
    hd_free(it->context, it->names);
    hd_buffer_close(&it->normalizers);
    hd_buffer_close(&it->pre_tokenizers);
    hd_buffer_close(&it->decoders);
}

heed_status hd_sentencepiece_tokenizer_build(heed_context *context, const char *name, const hd_sentencepiece *model,
                                             const hd_tokenizer_config *config, heed_tokenizer **out) {
    builder it = {.context = context, .model = *model, .config = *config, .tokenizer = hd_tokenizer_new(context)};
    hd_buffer_open(&it.normalizers, context);
    hd_buffer_open(&it.pre_tokenizers, context);
    hd_buffer_open(&it.decoders, context);
    *out = NULL;
    heed_status status = it.tokenizer ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && !(it.tokenizer->name = hd_copy_string(context, name))) status = HEED_MEMORY;
    if (status == HEED_OK) status = build(&it);
    if (status == HEED_OK) status = read_own_components(&it);
    if (status != HEED_OK && status != HEED_MEMORY) hd_fail_in(context, name);
    close_parts(&it);
    if (status == HEED_OK)
        *out = it.tokenizer;
    else
        hd_tokenizer_close(it.tokenizer);
    return status;
}

heed_status hd_sentencepiece_tokenizer_open(heed_context *context, const char *folder, const char *path,
                                            heed_tokenizer **out) {
    hd_sentencepiece model;
    hd_tokenizer_config config = {.context = context};
    *out = NULL;
    heed_status status = hd_sentencepiece_open(context, path, &model);
    if (status == HEED_OK) status = hd_tokenizer_config_open(context, folder, &config);
    if (status == HEED_OK) status = hd_sentencepiece_tokenizer_build(context, path, &model, &config, out);
    hd_sentencepiece_close(&model);
    hd_tokenizer_config_close(&config);
    return status;
}
