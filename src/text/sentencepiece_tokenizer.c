#include "text/sentencepiece_tokenizer.h"

#include "text/sentencepiece_builder.h"

#include <string.h>

typedef heed_status build_class(hd_builder *it);

#define REPLACE_WHITESPACE \
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"},\"content\":\" \"}"

/* ---- classes -------------------------------------------------------------------------------------------------- */

static const char *const fairseq_roles[HD_ROLES] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"};

static heed_status build_t5(hd_builder *it) {
    bool mapped;
    int64_t sentinels;
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}));
    HD_TRY(hd_tokenizer_config_int(&it->config, "extra_ids", 100, 100000, &sentinels));
    HD_TRY(hd_build_pieces(it, 0));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_name_tokens(it, "extra_id", sentinels));
    for (int64_t i = sentinels; i-- > 0;) HD_TRY(hd_build_text(it, it->names[i], 0));
    for (int64_t i = 0; i < sentinels; i++) HD_TRY(hd_build_later(it, it->names[i]));
    HD_TRY(hd_build_set_unknown_piece(it, 2));
    HD_TRY(hd_build_charsmap(it, &mapped));
    HD_TRY(hd_build_words(it, true, "always"));
    HD_TRY(hd_build_tokens(it));
    const char *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(hd_first_text, eos, hd_second_text, eos), NULL);
}

static heed_status build_xlm_roberta(hd_builder *it) {
    bool mapped;
    HD_TRY(hd_build_read_roles(it, fairseq_roles));
    HD_TRY(hd_build_fairseq(it, HD_BOS));
    HD_TRY(hd_build_pieces(it, 3));
    HD_TRY(hd_build_role(it, HD_MASK));
    HD_TRY(hd_build_set_unknown_piece(it, 3));
    HD_TRY(hd_build_charsmap(it, &mapped));
    HD_TRY(hd_build_words(it, true, "never"));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_roberta_template(it);
}

static heed_status build_camembert(hd_builder *it) {
    bool mapped;
    HD_TRY(hd_build_read_roles(it, fairseq_roles));
    hd_build_strip_mask(it, false);
    HD_TRY(hd_build_text(it, "<s>NOTUSED", 0));
    HD_TRY(hd_build_role(it, HD_PAD));
    HD_TRY(hd_build_text(it, "</s>NOTUSED", 0));
    HD_TRY(hd_build_role(it, HD_UNKNOWN));
    HD_TRY(hd_build_text(it, "<unk>NOTUSED", -100));
    HD_TRY(hd_build_pieces(it, 1));
    HD_TRY(hd_build_role(it, HD_MASK));
    HD_TRY(hd_build_set_unknown_piece(it, 3));
    HD_TRY(hd_build_charsmap(it, &mapped));
    HD_TRY(hd_build_words(it, true, "never"));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_roberta_template(it);
}

static const char *const mbart_languages[] = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ",
    "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN",
    /* from here on, of mBART-50 alone */
    "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN",
    "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES",
    "sl_SI"};
enum { MBART_LANGUAGES = 25 };

static heed_status add_mbart_pieces(hd_builder *it, size_t languages) {
    hd_build_strip_mask(it, false);
    HD_TRY(hd_build_pieces(it, 3));
    for (size_t i = 0; i < languages; i++) {
        HD_TRY(hd_build_text(it, mbart_languages[i], 0));
        HD_TRY(hd_build_later(it, mbart_languages[i]));
    }
    HD_TRY(hd_build_role(it, HD_MASK));
    HD_TRY(hd_build_symbols(it, true));
    return hd_build_set_unknown_piece(it, 3);
}

static heed_status build_mbart(hd_builder *it) {
    HD_TRY(hd_build_read_roles(it, fairseq_roles));
    HD_TRY(hd_build_fairseq(it, HD_BOS));
    HD_TRY(add_mbart_pieces(it, MBART_LANGUAGES));
    HD_TRY(hd_build_words(it, true, "always"));
    HD_TRY(hd_build_tokens(it));
    return hd_build_language_template(it, "en_XX", true);
}

static heed_status build_mbart50(hd_builder *it) {
    bool mapped;
    HD_TRY(hd_build_read_roles(it,
                               (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}));
    HD_TRY(hd_build_fairseq(it, HD_CLASS));
    HD_TRY(add_mbart_pieces(it, HD_COUNT(mbart_languages)));
    HD_TRY(hd_build_charsmap(it, &mapped));
    if (mapped) hd_build_component(&it->normalizers, HD_REPLACE_SPACES);
    HD_TRY(hd_build_words(it, false, "always"));
    HD_TRY(hd_build_tokens(it));
    return hd_build_language_template(it, "en_XX", false);
}

/* clang-format off */
static const char nllb_languages[] =
    "ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn amh_Ethi apc_Arab arb_Arab "
    "ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn "
    "ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl "
    "cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn "
    "dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn pes_Arab fij_Latn fin_Latn "
    "fon_Latn fra_Latn fur_Latn fuv_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn "
    "heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn "
    "jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor knc_Arab knc_Latn "
    "kaz_Cyrl kbp_Latn kea_Latn khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kon_Latn kor_Hang kmr_Latn "
    "lao_Laoo lvs_Latn lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn "
    "luo_Latn lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl plt_Latn mlt_Latn mni_Beng "
    "khk_Cyrl mos_Latn mri_Latn zsm_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn "
    "nya_Latn oci_Latn gaz_Latn ory_Orya pag_Latn pan_Guru pap_Latn pol_Latn por_Latn prs_Arab pbt_Arab "
    "quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn "
    "slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn als_Latn srd_Latn srp_Cyrl ssw_Latn "
    "sun_Latn swe_Latn swh_Latn szl_Latn tam_Taml tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi "
    "taq_Latn taq_Tfng tpi_Latn tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab "
    "ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn "
    "yue_Hant zho_Hans zho_Hant zul_Latn";
/* clang-format on */

/* The tokens of all languages come last, unless the folder lists some. */
static heed_status add_nllb_languages(hd_builder *it) {
    size_t count = 0;
    for (const char *at = nllb_languages; *at; at++) count += *at == ' ';
    it->names = hd_alloc(it->context, count + 1, sizeof *it->names);
    if (!it->names) return HEED_MEMORY;
    const char *at = nllb_languages;
    for (size_t i = 0; i <= count; i++, at += strcspn(at, " "), at += strspn(at, " ")) {
        snprintf(it->names[i], sizeof it->names[i], "%.*s", (int)strcspn(at, " "), at);
        HD_TRY(hd_build_later(it, it->names[i]));
    }
    return HEED_OK;
}

static heed_status build_nllb(hd_builder *it) {
    static const hd_role first[] = {HD_BOS, HD_PAD, HD_EOS, HD_UNKNOWN};
    bool mapped, legacy;
    HD_TRY(hd_build_read_roles(it, fairseq_roles));
    hd_build_strip_mask(it, true);
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy_behaviour", false, &legacy));
    for (size_t i = 0; i < HD_COUNT(first); i++) {
        hd_token_settings token = it->roles[first[i]];
        if (token.text)
            HD_TRY(hd_vocabulary_add_again(&it->tokenizer->vocabulary, token.text, token.size,
                                           (int64_t)it->tokenizer->vocabulary.count));
    }
    HD_TRY(hd_build_bpe(it, false));
    HD_TRY(hd_build_set_unknown_token(it, it->roles[HD_UNKNOWN].text, it->roles[HD_UNKNOWN].size));
    HD_TRY(hd_build_charsmap(it, &mapped));
    if (mapped) hd_build_component(&it->normalizers, HD_REPLACE_SPACES);
    HD_TRY(hd_build_words(it, false, "always"));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(add_nllb_languages(it));
    HD_TRY(hd_build_tokens(it));
    return hd_build_language_template(it, "eng_Latn", legacy);
}

static heed_status build_albert(hd_builder *it) {
    bool mapped, lowercase, accents;
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "do_lower_case", true, &lowercase));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "keep_accents", false, &accents));
    HD_TRY(hd_build_pieces(it, 0));
    HD_TRY(hd_build_set_unknown_piece(it, 1));
    hd_build_component(&it->normalizers, "{\"type\":\"Replace\",\"pattern\":{\"String\":\"``\"},\"content\":\"\\\"\"}");
    hd_build_component(&it->normalizers, "{\"type\":\"Replace\",\"pattern\":{\"String\":\"''\"},\"content\":\"\\\"\"}");
    if (!accents) hd_build_component(&it->normalizers, "{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}");
    if (lowercase) hd_build_component(&it->normalizers, "{\"type\":\"Lowercase\"}");
    HD_TRY(hd_build_charsmap(it, &mapped));
    HD_TRY(hd_build_words(it, true, "never"));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_bert_template(it);
}

static heed_status build_deberta(hd_builder *it) {
    bool lowercase, punctuation;
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "do_lower_case", false, &lowercase));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "split_by_punct", false, &punctuation));
    HD_TRY(hd_build_pieces(it, 0));
    /* The unknown piece is found by its text, if its score is 0. */
    int64_t unknown = it->model.unknown_id;
    for (size_t i = it->model.count; i-- > 0;) {
        const hd_piece *piece = &it->model.pieces[i];
        const hd_token_settings *token = &it->roles[HD_UNKNOWN];
        if (token->text && piece->score == 0 && piece->text.size == token->size &&
            memcmp(piece->text.data, token->text, token->size) == 0)
            unknown = (int64_t)i;
    }
    HD_TRY(hd_build_set_unknown_piece(it, unknown));
    if (lowercase) hd_build_component(&it->normalizers, "{\"type\":\"Lowercase\"}");
    hd_build_component(&it->normalizers, REPLACE_WHITESPACE
                       ",{\"type\":\"NFC\"},"
                       "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}");
    if (punctuation) hd_build_component(&it->pre_tokenizers, "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}");
    HD_TRY(hd_build_words(it, false, "first"));
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_bert_template(it);
}

static heed_status build_pegasus(hd_builder *it) {
    bool mapped;
    int64_t offset;
    hd_token_settings mask;
    const char *sentence_mask;
    HD_TRY(
        hd_build_read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, "<mask_2>"}));
    HD_TRY(hd_tokenizer_config_role(&it->config, HD_MASK, "<mask_1>", &mask));
    HD_TRY(hd_tokenizer_config_string(&it->config, "mask_token_sent", NULL, &sentence_mask));
    HD_TRY(hd_tokenizer_config_int(&it->config, "offset", 103, 100000, &offset));
    HD_TRY(hd_build_role(it, HD_PAD));
    HD_TRY(hd_build_role(it, HD_EOS));
    const char *second = sentence_mask ? sentence_mask : "<mask_2>";
    if (mask.text) HD_TRY(hd_build_piece(it, mask.text, mask.size, 0));
    if (!mask.text || strcmp(mask.text, second) != 0) HD_TRY(hd_build_text(it, second, 0));
    HD_TRY(hd_build_later(it, sentence_mask ? sentence_mask : "<mask_1>"));
    HD_TRY(hd_build_name_tokens(it, "unk", offset));
    for (int64_t i = 2; i < offset; i++) {
        HD_TRY(hd_build_text(it, it->names[i], -100));
        HD_TRY(hd_build_later(it, it->names[i]));
    }
    HD_TRY(hd_build_pieces(it, 2));
    hd_unigram *unigram = &it->tokenizer->unigram;
    size_t unknown = 1;
    const hd_token_settings *token = &it->roles[HD_UNKNOWN];
    while (unknown < unigram->count && token->text &&
           (unigram->pieces[unknown].score != 0 || unigram->pieces[unknown].size != token->size ||
            memcmp(unigram->pool.data + unigram->pieces[unknown].offset, token->text, token->size) != 0))
        unknown++;
    HD_TRY(hd_build_set_unknown_piece(it, (int64_t)unknown));
    HD_TRY(hd_build_charsmap(it, &mapped));
    if (!mapped)
        hd_build_component(&it->normalizers,
                           "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\n\"},\"content\":\" \"}");
    hd_build_component(&it->normalizers, HD_REPLACE_SPACES);
    HD_TRY(hd_build_words(it, false, "always"));
    HD_TRY(hd_build_tokens(it));
    const char *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(hd_first_text, hd_second_text, eos), NULL);
}

static heed_status build_llama(hd_builder *it) {
    bool prefix, legacy;
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){"<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", true, &prefix));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy", false, &legacy));
    HD_TRY(hd_build_bpe(it, false));
    it->tokenizer->bpe.byte_fallback = true;
    hd_build_metaspace(&it->pre_tokenizers, !prefix ? "never" : legacy ? "always" : "first", false);
    hd_build_component(&it->decoders, HD_REPLACE_UNDERLINE ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}");
    if (prefix) hd_build_component(&it->decoders, "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_marks(it);
}

static heed_status build_gemma(hd_builder *it) {
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"<bos>", "<eos>", "<unk>", NULL, "<pad>", NULL, "<mask>"}));
    HD_TRY(hd_build_bpe(it, false));
    it->tokenizer->bpe.byte_fallback = true;
    HD_TRY(hd_build_set_unknown_token(it, it->roles[HD_UNKNOWN].text, it->roles[HD_UNKNOWN].size));
    hd_build_component(&it->normalizers,
                       "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}");
    hd_build_component(&it->pre_tokenizers,
                       "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\"}");
    hd_build_component(&it->decoders, HD_REPLACE_UNDERLINE ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}");
    HD_TRY(hd_build_symbols(it, true));
    HD_TRY(hd_build_tokens(it));
    return hd_build_marks(it);
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

static heed_status build(hd_builder *it) {
    size_t size, found = HD_COUNT(classes);
    const char *type = hd_tokenizer_config_model_type(&it->config);
    const char *name = hd_tokenizer_config_class(&it->config, &size);
    bool own = is_own_type(type) && name && find_class(name, size) == find_class("LlamaTokenizer", 14);
    if (name && !own) found = find_class(name, size);
    if (!name) found = find_model_type(type);
    if (found == HD_COUNT(classes)) return hd_build_own(it);
    if (!classes[found].build)
        return hd_fail(it->context, HEED_UNSUPPORTED, "the tokenizer class %s is not supported", classes[found].class);
    return classes[found].build(it);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

heed_status hd_sentencepiece_tokenizer_build(heed_context *context, const char *name, const hd_sentencepiece *model,
                                             const hd_tokenizer_config *config, heed_tokenizer **out) {
    hd_builder it;
    *out = NULL;
    heed_status status = hd_build_open(&it, context, name, model, config);
    if (status == HEED_OK) status = build(&it);
    if (status == HEED_OK) status = hd_build_finish(&it);
    if (status != HEED_OK && status != HEED_MEMORY) hd_fail_in(context, name);
    hd_build_close(&it);
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
