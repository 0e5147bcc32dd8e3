#include "text/vocabulary_folder.h"

#include "base/lines.h"
#include "text/sentencepiece_builder.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

/* ---- files ------------------------------------------------------------------------------------------------------ */

enum { LONGEST_LINE = 1 << 20 };

/* A line's number is its token's id; white space at its end is no part of the token, and the last of equal tokens counts. */
static heed_status read_vocabulary_lines(hd_builder *it, const char *path) {
    hd_lines lines;
    HD_TRY(hd_lines_open(it->context, path, LONGEST_LINE, &lines));
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&lines)) {
        size_t size = lines.size;
        for (size_t at = 0, end = 0, length; at < lines.size; at += length) {
            uint32_t code;
            length = hd_utf8_decode(lines.text + at, lines.size - at, &code);
            if (!hd_is_whitespace(code)) end = at + length;
            size = end;
        }
        if (lines.too_long || !hd_utf8_valid(lines.text, lines.size))
            status = hd_fail(it->context, HEED_FORMAT, "%s: line %llu is not a token", path,
                             (unsigned long long)lines.number);
        else
            status = hd_vocabulary_add_again(&it->tokenizer->vocabulary, lines.text, size, (int64_t)lines.number - 1);
    }
    if (status == HEED_OK) status = lines.status;
    hd_lines_close(&lines);
    return status;
}

static heed_status read_vocabulary_object(hd_builder *it, const char *path) {
    hd_json file;
    HD_TRY(hd_json_open(it->context, path, &file));
    heed_status status = HEED_OK;
    const char *token;
    size_t size;
    json_t *id;
    json_object_keylen_foreach(file.root, token, size, id) {
        if (status != HEED_OK) break;
        status = json_is_integer(id)
                     ? hd_vocabulary_add(&it->tokenizer->vocabulary, token, size, json_integer_value(id), true)
                     : hd_fail(it->context, HEED_FORMAT, "the id of token \"%.100s\" is not an integer", token);
        if (status != HEED_OK && status != HEED_MEMORY) hd_fail_in(it->context, path);
    }
    hd_json_close(&file);
    return status;
}

static heed_status add_merge(hd_builder *it, const hd_lines *lines, hd_buffer *joined) {
    const char *space = memchr(lines->text, ' ', lines->size);
    size_t left = space ? (size_t)(space - lines->text) : 0, right = space ? lines->size - left - 1 : 0;
    if (!space || lines->too_long || memchr(space + 1, ' ', right))
        return hd_fail(it->context, HEED_FORMAT, "line %llu is not a pair of tokens",
                       (unsigned long long)lines->number);
    hd_buffer_clear(joined);
    hd_buffer_append(joined, lines->text, left);
    hd_buffer_append(joined, space + 1, right);
    if (joined->failed) return HEED_MEMORY;
    const hd_merge_text texts[] = {{lines->text, left}, {space + 1, right}, {joined->data, joined->size}};
    hd_merge merge;
    if (!hd_merge_find(&it->tokenizer->vocabulary, texts, &merge))
        return hd_fail(it->context, HEED_FORMAT,
                       "line %llu makes \"%.100s\"; one of the three tokens is not in vocab.json",
                       (unsigned long long)lines->number, joined->data);
    return hd_bpe_add_merge(&it->tokenizer->bpe, merge);
}

static heed_status read_merges(hd_builder *it, const char *path) {
    static const char version[] = "#version";
    hd_lines lines;
    hd_buffer joined;
    HD_TRY(hd_lines_open(it->context, path, LONGEST_LINE, &lines));
    hd_buffer_open(&joined, it->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK && hd_lines_next(&lines))
        if (strncmp(lines.text, version, strlen(version)) != 0) status = add_merge(it, &lines, &joined);
    if (status != HEED_OK && status != HEED_MEMORY) hd_fail_in(it->context, path);
    if (status == HEED_OK) status = lines.status;
    hd_lines_close(&lines);
    hd_buffer_close(&joined);
    return status;
}

/* ---- parts of classes ------------------------------------------------------------------------------------------- */

static const char byte_level[] = "{\"type\":\"ByteLevel\"}";

/* The post-processor of RoBERTa with the tokens of two roles. */
static heed_status add_roberta(hd_builder *it, hd_role first, hd_role last, bool trims, bool prefix_space) {
    const char *cls = hd_build_role_text(it, first), *sep = hd_build_role_text(it, last);
    hd_post_processor added = {.kind = HD_POST_ROBERTA,
                               .cls = {hd_copy_string(it->context, cls), hd_tokenizer_id(it->tokenizer, cls)},
                               .sep = {hd_copy_string(it->context, sep), hd_tokenizer_id(it->tokenizer, sep)},
                               .trims = trims,
                               .prefix_space = prefix_space};
    heed_status status = added.cls.name && added.sep.name ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK && (added.cls.id < 0 || added.sep.id < 0))
        status = hd_fail(it->context, HEED_FORMAT,
                         "a text begins with \"%.100s\" and ends with \"%.100s\", of which the "
                         "vocabulary lacks one",
                         cls, sep);
    if (status == HEED_OK) return hd_tokenizer_add_post_processor(it->tokenizer, added);
    hd_post_processor_close(it->context, &added);
    return status;
}

/* The normalizer, pre-tokenizer, decoder and unknown token of BERT. */
static heed_status add_bert(hd_builder *it) {
    bool lowercase, chinese, accents, stated = false;
    const json_t *strip = it->config.options.root ? json_object_get(it->config.options.root, "strip_accents") : NULL;
    hd_wordpiece *model = &it->tokenizer->wordpiece;
    char json[200];
    HD_TRY(hd_tokenizer_config_bool(&it->config, "do_lower_case", true, &lowercase));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "tokenize_chinese_chars", true, &chinese));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "strip_accents", false, &accents));
    stated = strip && !json_is_null(strip);
    snprintf(json, sizeof json,
             "{\"type\":\"BertNormalizer\",\"handle_chinese_chars\":%s,\"strip_accents\":%s,\"lowercase\":%s}",
             chinese ? "true" : "false",
             !stated   ? "null"
             : accents ? "true"
                       : "false",
             lowercase ? "true" : "false");
    hd_build_component(&it->normalizers, json);
    hd_build_component(&it->pre_tokenizers, "{\"type\":\"BertPreTokenizer\"}");
    hd_build_component(&it->decoders, "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}");
    it->tokenizer->model = HD_MODEL_WORDPIECE;
    model->prefix = hd_copy_string(it->context, HD_WORDPIECE_PREFIX);
    if (!model->prefix) return HEED_MEMORY;
    const hd_token_settings *unknown = &it->roles[HD_UNKNOWN];
    const char *text = unknown->text ? unknown->text : "[UNK]";
    model->unknown = hd_vocabulary_find_model(&it->tokenizer->vocabulary, text, strlen(text));
    if (model->unknown >= 0) return HEED_OK;
    model->missing_unknown = hd_copy_string(it->context, text);
    return model->missing_unknown ? HEED_OK : HEED_MEMORY;
}

/* ByteLevel, with its pattern or without. */
static void add_byte_level(hd_builder *it, bool prefix_space, bool pattern) {
    char json[120];
    snprintf(json, sizeof json, "{\"type\":\"ByteLevel\",\"add_prefix_space\":%s,\"use_regex\":%s}",
             prefix_space ? "true" : "false", pattern ? "true" : "false");
    hd_build_component(&it->pre_tokenizers, json);
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

typedef heed_status build_class(hd_builder *it);

static heed_status build_bert(hd_builder *it) {
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}));
    HD_TRY(add_bert(it));
    HD_TRY(hd_build_tokens(it));
    return hd_build_bert_template(it);
}

static heed_status build_mpnet(hd_builder *it) {
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"}));
    hd_build_strip_mask(it, false);
    HD_TRY(add_bert(it));
    HD_TRY(hd_build_tokens(it));
    return add_roberta(it, HD_CLASS, HD_SEPARATOR, true, false);
}

static heed_status build_gpt2(hd_builder *it) {
    bool prefix;
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, NULL, NULL, NULL}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", false, &prefix));
    add_byte_level(it, prefix, true);
    hd_build_component(&it->decoders, byte_level);
    HD_TRY(hd_build_tokens(it));
    return hd_build_marks(it);
}

static heed_status build_qwen(hd_builder *it) {
    bool prefix;
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){NULL, "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>", NULL, NULL}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", false, &prefix));
    hd_build_component(&it->normalizers, "{\"type\":\"NFC\"}");
    hd_build_component(&it->pre_tokenizers,
                       "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":"
                       "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "
                       "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"}}");
    add_byte_level(it, prefix, false);
    hd_build_component(&it->decoders, byte_level);
    HD_TRY(hd_build_tokens(it));
    return hd_build_marks(it);
}

static heed_status build_roberta(hd_builder *it) {
    bool prefix, trims;
    HD_TRY(hd_build_read_roles(
        it, (const char *const[HD_ROLES]){"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"}));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "add_prefix_space", false, &prefix));
    HD_TRY(hd_tokenizer_config_bool(&it->config, "trim_offsets", true, &trims));
    add_byte_level(it, prefix, true);
    hd_build_component(&it->decoders, byte_level);
    HD_TRY(hd_build_tokens(it));
    return add_roberta(it, HD_CLASS, HD_SEPARATOR, trims, prefix);
}

static heed_status build_clip(hd_builder *it) {
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){"<|startoftext|>", "<|endoftext|>", "<|endoftext|>",
                                                                 NULL, "<|endoftext|>", NULL, NULL}));
    it->tokenizer->bpe.suffix = hd_copy_string(it->context, "</w>");
    if (!it->tokenizer->bpe.suffix) return HEED_MEMORY;
    const hd_token_settings *unknown = &it->roles[HD_UNKNOWN];
    if (unknown->text) HD_TRY(hd_build_set_unknown_token(it, unknown->text, unknown->size));
    hd_build_component(&it->normalizers,
                       "{\"type\":\"NFC\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},"
                       "{\"type\":\"Lowercase\"}");
    hd_build_component(&it->pre_tokenizers,
                       "{\"type\":\"Split\",\"behavior\":\"Removed\",\"invert\":true,\"pattern\":{\"Regex\":"
                       "\"<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|"
                       "[^\\\\s\\\\p{L}\\\\p{N}]+\"}}");
    add_byte_level(it, false, true);
    /* transformers decodes the end of a word as a space. */
    hd_build_component(
        &it->decoders,
        "{\"type\":\"ByteLevel\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\"</w>\"},\"content\":\" "
        "\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1048576,\"stop\":1048576}");
    HD_TRY(hd_build_tokens(it));
    return add_roberta(it, HD_BOS, HD_EOS, false, false);
}

static heed_status build_bytes(hd_builder *it) {
    static const hd_role first[] = {HD_PAD, HD_EOS, HD_UNKNOWN};
    hd_vocabulary *vocabulary = &it->tokenizer->vocabulary;
    int64_t extra;
    bool listed;
    hd_token_list list = {0};
    HD_TRY(hd_build_read_roles(it, (const char *const[HD_ROLES]){NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL}));
    HD_TRY(hd_tokenizer_config_int(&it->config, "extra_ids", 125, 100000, &extra));
    for (size_t i = 0; i < HD_COUNT(first); i++) {
        hd_token_settings *token = &it->roles[first[i]];
        if (token->plain) token->lstrip = token->rstrip = true;
        HD_TRY(hd_vocabulary_add(vocabulary, token->text, token->size, (int64_t)i, true));
    }
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        int size = snprintf(text, sizeof text, "<0x%02X>", byte);
        HD_TRY(hd_vocabulary_add(vocabulary, text, (size_t)size, (int64_t)HD_COUNT(first) + byte, true));
    }
    it->tokenizer->bpe.byte_fallback = true;
    heed_status status = hd_tokenizer_config_extra(&it->config, &list, &listed);
    hd_free(it->context, list.items);
    HD_TRY(status);
    HD_TRY(hd_build_name_tokens(it, "extra_id", listed ? 0 : extra));
    for (int64_t i = 0; i < extra && !listed; i++) HD_TRY(hd_build_later(it, it->names[i]));
    hd_build_component(&it->decoders, "{\"type\":\"ByteFallback\",\"valid_only\":true},{\"type\":\"Fuse\"}");
    HD_TRY(hd_build_tokens(it));
    const char *eos = hd_build_role_text(it, HD_EOS);
    HD_TRY(hd_build_parts(it, false, HD_PARTS(hd_first_text, eos), NULL));
    return hd_build_parts(it, true, HD_PARTS(hd_first_text, eos, hd_second_text, eos), NULL);
}

/* ---- choosing the class ----------------------------------------------------------------------------------------- */

/* Classes by the name in tokenizer_class without a final "Fast", and the types of models whose folders name none; a space
 * on both sides of each. The first row of a kind of files is that of all other types. */
typedef struct class_row {
    build_class *build;
    const char *classes, *types;
} class_row;

static const class_row wordpiece_classes[] = {
    {build_bert,
     " BertTokenizer DistilBertTokenizer ElectraTokenizer MobileBertTokenizer ConvBertTokenizer SqueezeBertTokenizer "
     "LayoutLMTokenizer RetriBertTokenizer DPRContextEncoderTokenizer DPRQuestionEncoderTokenizer DPRReaderTokenizer "
     "RealmTokenizer LxmertTokenizer NezhaTokenizer ",
     ""},
    {build_mpnet, " MPNetTokenizer ", " mpnet "},
};

static const class_row merges_classes[] = {
    {build_gpt2, " GPT2Tokenizer ", ""},
    {build_roberta, " RobertaTokenizer BartTokenizer LongformerTokenizer LEDTokenizer MvpTokenizer ",
     " roberta bart bridgetower clap data2vec-text ibert led lilt longformer mega mra mvp roberta-prelayernorm "},
    {build_clip, " CLIPTokenizer ", " aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit sam3 xclip "},
    {build_qwen, " Qwen2Tokenizer ",
     " qwen2 qwen2_moe qwen2_vl qwen2_5_vl qwen2_audio qwen3 qwen3_moe qwen3_vl qwen3_next "},
};

/* Names that say nothing about the class. */
static const char generic[] = " PreTrainedTokenizer TokenizersBackend AutoTokenizer ";

static bool has_word(const char *list, const char *word, size_t size) {
    char spaced[128];
    int length = snprintf(spaced, sizeof spaced, " %.*s ", (int)(size < 100 ? size : 100), word);
    return size && size < 100 && length > 0 && strstr(list, spaced);
}

static heed_status choose_class(const hd_tokenizer_config *config, const class_row *rows, size_t count,
                                build_class **build) {
    size_t size;
    const char *name = hd_tokenizer_config_class(config, &size), *type = hd_tokenizer_config_model_type(config);
    bool named = name && size && !has_word(generic, name, size);
    for (size_t i = 0; i < count; i++)
        if (named ? has_word(rows[i].classes, name, size) : has_word(rows[i].types, type, strlen(type))) {
            *build = rows[i].build;
            return HEED_OK;
        }
    *build = rows[0].build;
    if (!named) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "the tokenizer class %.*s is not supported", (int)size, name);
}

typedef heed_status read_files(hd_builder *it, const char *folder, const char *path);

static heed_status build_with(hd_builder *it, build_class *build, const char *folder, const char *path,
                              read_files *read) {
    if (read) HD_TRY(read(it, folder, path));
    heed_status status = build(it);
    if (status == HEED_OK) status = hd_build_finish(it);
    return status == HEED_OK || status == HEED_MEMORY ? status : hd_fail_in(it->context, path);
}

static heed_status open_class(heed_context *context, const hd_tokenizer_config *config, build_class *build,
                              const char *folder, const char *path, read_files *read, heed_tokenizer **out) {
    hd_builder it;
    const hd_sentencepiece none = {.context = context};
    heed_status status = hd_build_open(&it, context, path, &none, config);
    if (status == HEED_OK) status = build_with(&it, build, folder, path, read);
    hd_build_close(&it);
    if (status == HEED_OK)
        *out = it.tokenizer;
    else
        hd_tokenizer_close(it.tokenizer);
    return status;
}

static heed_status open_folder(heed_context *context, const char *folder, const char *path, const class_row *rows,
                               size_t count, read_files *read, heed_tokenizer **out) {
    hd_tokenizer_config config = {.context = context};
    build_class *build;
    *out = NULL;
    heed_status status = hd_tokenizer_config_open(context, folder, &config);
    if (status == HEED_OK) {
        status = choose_class(&config, rows, count, &build);
        if (status != HEED_OK) hd_fail_in(context, folder);
    }
    if (status == HEED_OK) status = open_class(context, &config, build, folder, path, read, out);
    hd_tokenizer_config_close(&config);
    return status;
}

static heed_status read_wordpiece_files(hd_builder *it, const char *folder, const char *path) {
    (void)folder;
    return read_vocabulary_lines(it, path);
}

static heed_status read_merges_files(hd_builder *it, const char *folder, const char *path) {
    HD_TRY(read_vocabulary_object(it, path));
    char *merges = hd_path_join(it->context, folder, "merges.txt");
    if (!merges) return HEED_MEMORY;
    heed_status status = read_merges(it, merges);
    hd_free(it->context, merges);
    return status;
}

heed_status hd_wordpiece_folder_open(heed_context *context, const char *folder, const char *path,
                                     heed_tokenizer **out) {
    return open_folder(context, folder, path, wordpiece_classes, HD_COUNT(wordpiece_classes), read_wordpiece_files,
                       out);
}

heed_status hd_merges_folder_open(heed_context *context, const char *folder, const char *path, heed_tokenizer **out) {
    return open_folder(context, folder, path, merges_classes, HD_COUNT(merges_classes), read_merges_files, out);
}

heed_status hd_is_bytes_folder(heed_context *context, const char *folder, bool *is) {
    hd_tokenizer_config config = {.context = context};
    size_t size;
    heed_status status = hd_tokenizer_config_open(context, folder, &config);
    *is = false;
    if (status == HEED_OK) {
        const char *name = hd_tokenizer_config_class(&config, &size);
        *is = name ? has_word(" ByT5Tokenizer ", name, size)
                   : strcmp(hd_tokenizer_config_model_type(&config), "byt5") == 0;
    }
    hd_tokenizer_config_close(&config);
    return status;
}

heed_status hd_bytes_folder_open(heed_context *context, const char *folder, const char *path, heed_tokenizer **out) {
    hd_tokenizer_config config = {.context = context};
    *out = NULL;
    heed_status status = hd_tokenizer_config_open(context, folder, &config);
    if (status == HEED_OK) status = open_class(context, &config, build_bytes, folder, path, NULL, out);
    hd_tokenizer_config_close(&config);
    return status;
}
