/* Writes a tokenizer.json, field by field in the order and layout of the tokenizers package. */
#include "base/file.h"
#include "text/components.h"
#include "text/json_text.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <string.h>

static void put_character(hd_buffer *out, uint32_t code) {
    char bytes[4];
    hd_json_append_string(out, bytes, hd_utf8_encode(code, bytes));
}

static void put_codes(hd_buffer *out, heed_context *context, hd_codes codes) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (size_t i = 0; i < codes.count; i++) {
        char bytes[4];
        hd_buffer_append(&text, bytes, hd_utf8_encode(codes.codes[i], bytes));
    }
    hd_json_append_string(out, text.data, text.size);
    out->failed = out->failed || text.failed;
    hd_buffer_close(&text);
}

static void put_pattern(hd_buffer *out, const hd_pattern *pattern) {
    size_t size;
    const char *text = hd_pattern_text(pattern, &size);
    hd_buffer_format(out, "{\"%s\": ", hd_pattern_is_literal(pattern) ? "String" : "Regex");
    hd_json_append_string(out, text, size);
    hd_buffer_byte(out, '}');
}

static void put_token(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t id) {
    hd_json_append_string(out, hd_vocabulary_text(&tokenizer->vocabulary, id), tokenizer->vocabulary.tokens[id].size);
}

static const char *truth(bool value) { return value ? "true" : "false"; }

static const char *scheme_name(hd_prepend prepend) {
    return prepend == HD_PREPEND_ALWAYS ? "always" : prepend == HD_PREPEND_FIRST ? "first" : "never";
}

/* The pre-tokenizer, the decoder and the post-processor ByteLevel have the same fields. */
static void put_byte_level(hd_buffer *out, bool prefix_space, bool trims, bool pattern) {
    hd_buffer_format(out,
                     "{\"type\": \"ByteLevel\", \"add_prefix_space\": %s, \"trim_offsets\": %s, \"use_regex\": %s}",
                     truth(prefix_space), truth(trims), truth(pattern));
}

/* ---- components ----------------------------------------------------------------------------------------------- */

static void put_normalizer(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_normalizer *it = &tokenizer->normalizers[index];
    switch (it->kind) {
        case HD_NORMALIZE_NFC:
            hd_buffer_text(out, "{\"type\": \"NFC\"}");
            break;
        case HD_NORMALIZE_NFD:
            hd_buffer_text(out, "{\"type\": \"NFD\"}");
            break;
        case HD_NORMALIZE_NFKC:
            hd_buffer_text(out, "{\"type\": \"NFKC\"}");
            break;
        case HD_NORMALIZE_NFKD:
            hd_buffer_text(out, "{\"type\": \"NFKD\"}");
            break;
        case HD_NORMALIZE_LOWERCASE:
            hd_buffer_text(out, "{\"type\": \"Lowercase\"}");
            break;
        case HD_NORMALIZE_STRIP:
            hd_buffer_format(out, "{\"type\": \"Strip\", \"strip_left\": %s, \"strip_right\": %s}", truth(it->left),
                             truth(it->right));
            break;
        case HD_NORMALIZE_STRIP_ACCENTS:
            hd_buffer_text(out, "{\"type\": \"StripAccents\"}");
            break;
        case HD_NORMALIZE_REPLACE:
            hd_buffer_text(out, "{\"type\": \"Replace\", \"pattern\": ");
            put_pattern(out, it->pattern);
            hd_buffer_text(out, ", \"content\": ");
            put_codes(out, out->context, it->content);
            hd_buffer_byte(out, '}');
            break;
        case HD_NORMALIZE_PREPEND:
            hd_buffer_text(out, "{\"type\": \"Prepend\", \"prepend\": ");
            put_codes(out, out->context, it->content);
            hd_buffer_byte(out, '}');
            break;
        case HD_NORMALIZE_PRECOMPILED:
            hd_buffer_text(out, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
            hd_charsmap_write(it->charsmap, out);
            hd_buffer_text(out, "\"}");
            break;
        case HD_NORMALIZE_BERT: /* null: the same as "lowercase" */
            hd_buffer_format(out,
                             "{\"type\": \"BertNormalizer\", \"clean_text\": %s, \"handle_chinese_chars\": %s, "
                             "\"strip_accents\": %s, \"lowercase\": %s}",
                             truth(it->clean), truth(it->chinese),
                             it->unaccented == it->lowercase ? "null" : truth(it->unaccented), truth(it->lowercase));
            break;
        case HD_NORMALIZE_CLEAN: /* steps of BertNormalizer alone */
        case HD_NORMALIZE_CHINESE:
        case HD_NORMALIZE_UNACCENTED:
            break;
    }
}

static void put_pre_tokenizer(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    static const char *const behaviors[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                            "Contiguous"};
    const hd_pre_tokenizer *it = &tokenizer->pre_tokenizers[index];
    switch (it->kind) {
        case HD_PRE_METASPACE:
            hd_buffer_text(out, "{\"type\": \"Metaspace\", \"replacement\": ");
            put_character(out, it->replacement);
            hd_buffer_format(out, ", \"prepend_scheme\": \"%s\", \"split\": %s}", scheme_name(it->prepend),
                             truth(it->split));
            break;
        case HD_PRE_PUNCTUATION:
            hd_buffer_format(out, "{\"type\": \"Punctuation\", \"behavior\": \"%s\"}", behaviors[it->behavior]);
            break;
        case HD_PRE_WHITESPACE:
            hd_buffer_text(out, "{\"type\": \"Whitespace\"}");
            break;
        case HD_PRE_WHITESPACE_SPLIT:
            hd_buffer_text(out, "{\"type\": \"WhitespaceSplit\"}");
            break;
        case HD_PRE_DIGITS:
            hd_buffer_format(out, "{\"type\": \"Digits\", \"individual_digits\": %s}", truth(it->individual));
            break;
        case HD_PRE_DELIMITER:
            hd_buffer_text(out, "{\"type\": \"CharDelimiterSplit\", \"delimiter\": ");
            put_character(out, it->replacement);
            hd_buffer_byte(out, '}');
            break;
        case HD_PRE_SPLIT:
            hd_buffer_text(out, "{\"type\": \"Split\", \"pattern\": ");
            put_pattern(out, it->pattern);
            hd_buffer_format(out, ", \"behavior\": \"%s\", \"invert\": %s}", behaviors[it->behavior],
                             truth(it->invert));
            break;
        case HD_PRE_BYTE_LEVEL:
            put_byte_level(out, it->prefix_space, true, it->pattern != NULL);
            break;
    }
}

static void put_decoder(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_token_decoder *it = &tokenizer->decoders[index];
    switch (it->kind) {
        case HD_DECODE_METASPACE:
            hd_buffer_text(out, "{\"type\": \"Metaspace\", \"replacement\": ");
            put_character(out, it->replacement);
            hd_buffer_format(out, ", \"prepend_scheme\": \"%s\", \"split\": true}", scheme_name(it->prepend));
            break;
        case HD_DECODE_BYTE_FALLBACK:
            hd_buffer_text(out, "{\"type\": \"ByteFallback\"}");
            break;
        case HD_DECODE_FUSE:
            hd_buffer_text(out, "{\"type\": \"Fuse\"}");
            break;
        case HD_DECODE_STRIP:
            hd_buffer_text(out, "{\"type\": \"Strip\", \"content\": ");
            put_character(out, it->replacement);
            hd_buffer_format(out, ", \"start\": %zu, \"stop\": %zu}", it->start, it->stop);
            break;
        case HD_DECODE_REPLACE:
            hd_buffer_text(out, "{\"type\": \"Replace\", \"pattern\": ");
            put_pattern(out, it->expression);
            hd_buffer_text(out, ", \"content\": ");
            hd_json_append_string(out, it->content, it->content_size);
            hd_buffer_byte(out, '}');
            break;
        case HD_DECODE_WORDPIECE:
            hd_buffer_text(out, "{\"type\": \"WordPiece\", \"prefix\": ");
            hd_json_append_string(out, it->pattern, it->pattern_size);
            hd_buffer_format(out, ", \"cleanup\": %s}", truth(it->cleanup));
            break;
        case HD_DECODE_BYTE_LEVEL:
            put_byte_level(out, false, true, true); /* a decoder ignores all of them */
            break;
        case HD_DECODE_BPE:
            hd_buffer_text(out, "{\"type\": \"BPEDecoder\", \"suffix\": ");
            hd_json_append_string(out, it->pattern, it->pattern_size);
            hd_buffer_byte(out, '}');
            break;
    }
}

typedef void put_component(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index);

static void put_components(hd_buffer *out, const heed_tokenizer *tokenizer, const char *key, const char *list,
                           size_t count, put_component *put) {
    hd_buffer_format(out, "  \"%s\": ", key);
    if (count == 0) hd_buffer_text(out, "null");
    if (count == 1) put(out, tokenizer, 0);
    if (count > 1) {
        hd_buffer_format(out, "{\n    \"type\": \"Sequence\",\n    \"%s\": [", list);
        for (size_t i = 0; i < count; i++) {
            hd_buffer_text(out, i ? ",\n      " : "\n      ");
            put(out, tokenizer, i);
        }
        hd_buffer_text(out, "\n    ]\n  }");
    }
    hd_buffer_text(out, ",\n");
}

/* ---- the template --------------------------------------------------------------------------------------------- */

static void put_template_items(hd_buffer *out, const hd_template *template, const char *key,
                               const hd_template_item *items, size_t count) {
    hd_buffer_format(out, "    \"%s\": [", key);
    for (size_t i = 0; i < count; i++) {
        hd_buffer_text(out, i ? ",\n      " : "\n      ");
        if (items[i].kind == HD_TEMPLATE_SPECIAL) {
            const char *name = template->specials[items[i].special].name;
            hd_buffer_text(out, "{\"SpecialToken\": {\"id\": ");
            hd_json_append_string(out, name, strlen(name));
        } else {
            hd_buffer_format(out, "{\"Sequence\": {\"id\": \"%s\"",
                             items[i].kind == HD_TEMPLATE_FIRST_TEXT ? "A" : "B");
        }
        hd_buffer_format(out, ", \"type_id\": %u}}", (unsigned)items[i].type);
    }
    hd_buffer_text(out, "\n    ],\n");
}

static void put_special(hd_buffer *out, const heed_tokenizer *tokenizer, const hd_template_special *special) {
    size_t length = strlen(special->name);
    hd_json_append_string(out, special->name, length);
    hd_buffer_text(out, ": {\"id\": ");
    hd_json_append_string(out, special->name, length);
    hd_buffer_text(out, ", \"ids\": [");
    for (size_t i = 0; i < special->count; i++) hd_buffer_format(out, i ? ", %d" : "%d", special->ids[i]);
    hd_buffer_text(out, "], \"tokens\": [");
    for (size_t i = 0; i < special->count; i++) {
        if (i) hd_buffer_text(out, ", ");
        put_token(out, tokenizer, special->ids[i]);
    }
    hd_buffer_text(out, "]}");
}

static void put_template(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_template *template = &tokenizer->template;
    hd_buffer_text(out, "{\n    \"type\": \"TemplateProcessing\",\n");
    put_template_items(out, template, "single", template->single, template->single_count);
    put_template_items(out, template, "pair", template->pair, template->pair_count);
    hd_buffer_text(out, "    \"special_tokens\": {");
    for (size_t i = 0; i < template->special_count; i++) {
        hd_buffer_text(out, i ? ",\n      " : "\n      ");
        put_special(out, tokenizer, &template->specials[i]);
    }
    hd_buffer_text(out, "\n    }\n  }");
}

static void put_post_processor(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_template *template = &tokenizer->template;
    bool both = template->trims && template->present;
    hd_buffer_text(out, "  \"post_processor\": ");
    if (!template->trims && !template->present) hd_buffer_text(out, "null");
    if (both) hd_buffer_text(out, "{\"type\": \"Sequence\", \"processors\": [");
    if (template->trims) put_byte_level(out, template->prefix_space, true, true);
    if (both) hd_buffer_text(out, ", ");
    if (template->present) put_template(out, tokenizer);
    if (both) hd_buffer_text(out, "]}");
    hd_buffer_text(out, ",\n");
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

static void put_added_tokens(hd_buffer *out, const heed_tokenizer *tokenizer) {
    hd_buffer_text(out, "  \"added_tokens\": [");
    for (size_t i = 0; i < tokenizer->added.count; i++) {
        const hd_added_token *token = &tokenizer->added.tokens[i];
        hd_buffer_format(out, "%s    {\"id\": %d, \"content\": ", i ? ",\n" : "\n", token->id);
        put_token(out, tokenizer, token->id);
        hd_buffer_format(out,
                         ", \"single_word\": %s, \"lstrip\": %s, \"rstrip\": %s, \"normalized\": %s, \"special\": %s}",
                         truth(token->single_word), truth(token->lstrip), truth(token->rstrip),
                         truth(token->normalized), truth(token->special));
    }
    hd_buffer_text(out, "\n  ],\n");
}

static void put_vocabulary(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const char *comma = "";
    hd_buffer_text(out, ",\n    \"vocab\": {");
    for (size_t id = 0; id < tokenizer->vocabulary.count; id++) {
        hd_token token = tokenizer->vocabulary.tokens[id];
        if (!token.present || !token.model) continue;
        hd_buffer_format(out, "%s\n      ", comma);
        put_token(out, tokenizer, (int32_t)id);
        hd_buffer_format(out, ": %zu", id);
        comma = ",";
    }
    for (size_t i = 0; i < tokenizer->vocabulary.present; i++) { /* further texts of an id */
        hd_entry entry = tokenizer->vocabulary.entries[i];
        if (!entry.model || tokenizer->vocabulary.tokens[entry.id].offset == entry.offset) continue;
        hd_buffer_format(out, "%s\n      ", comma);
        hd_json_append_string(out, tokenizer->vocabulary.pool.data + entry.offset, entry.size);
        hd_buffer_format(out, ": %d", entry.id);
        comma = ",";
    }
    hd_buffer_text(out, "\n    }");
}

/* A prefix or suffix; `none` is written for NULL. */
static void put_affix(hd_buffer *out, const char *key, const char *affix, const char *none) {
    hd_buffer_format(out, ",\n    \"%s\": ", key);
    if (affix)
        hd_json_append_string(out, affix, strlen(affix));
    else
        hd_buffer_text(out, none);
}

static void put_unknown(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t id, const char *missing) {
    if (id >= 0)
        put_token(out, tokenizer, id);
    else if (missing)
        hd_json_append_string(out, missing, strlen(missing));
    else
        hd_buffer_text(out, "null");
}

static void put_bpe(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_bpe *bpe = &tokenizer->bpe;
    hd_buffer_text(out, "    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ");
    put_unknown(out, tokenizer, bpe->unknown, bpe->missing_unknown);
    put_affix(out, "continuing_subword_prefix", bpe->prefix, "null");
    put_affix(out, "end_of_word_suffix", bpe->suffix, "null");
    hd_buffer_format(out, ",\n    \"fuse_unk\": %s,\n    \"byte_fallback\": %s,\n    \"ignore_merges\": %s",
                     truth(bpe->fuse_unknown), truth(bpe->byte_fallback), truth(bpe->ignore_merges));
    put_vocabulary(out, tokenizer);
    hd_buffer_text(out, ",\n    \"merges\": [");
    for (size_t i = 0; i < bpe->merge_count; i++) {
        hd_buffer_text(out, i ? ",\n      [" : "\n      [");
        put_token(out, tokenizer, bpe->merges[i].left);
        hd_buffer_text(out, ", ");
        put_token(out, tokenizer, bpe->merges[i].right);
        hd_buffer_byte(out, ']');
    }
    hd_buffer_text(out, "\n    ]");
}

static void put_wordpiece(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_wordpiece *wordpiece = &tokenizer->wordpiece;
    hd_buffer_text(out, "    \"type\": \"WordPiece\",\n    \"unk_token\": ");
    put_unknown(out, tokenizer, wordpiece->unknown, wordpiece->missing_unknown);
    put_affix(out, "continuing_subword_prefix", wordpiece->prefix, "\"\"");
    hd_buffer_format(out, ",\n    \"max_input_chars_per_word\": %zu", wordpiece->longest_word);
    put_vocabulary(out, tokenizer);
}

static void put_unigram(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_unigram *unigram = &tokenizer->unigram;
    hd_buffer_text(out, "    \"type\": \"Unigram\",\n    \"unk_id\": ");
    if (unigram->unknown < 0)
        hd_buffer_text(out, "null");
    else
        hd_buffer_format(out, "%lld", (long long)unigram->unknown);
    hd_buffer_text(out, ",\n    \"vocab\": [");
    for (size_t i = 0; i < unigram->count; i++) {
        const hd_unigram_piece *piece = &unigram->pieces[i];
        hd_buffer_text(out, i ? ",\n      [" : "\n      [");
        hd_json_append_string(out, piece->size ? unigram->pool.data + piece->offset : "", piece->size);
        hd_buffer_format(out, ", %.17g]", piece->score);
    }
    hd_buffer_format(out, "\n    ],\n    \"byte_fallback\": %s", truth(unigram->byte_fallback));
}

static void put_model(hd_buffer *out, const heed_tokenizer *tokenizer) {
    hd_buffer_text(out, "  \"model\": {\n");
    if (tokenizer->model == HD_MODEL_BPE)
        put_bpe(out, tokenizer);
    else if (tokenizer->model == HD_MODEL_UNIGRAM)
        put_unigram(out, tokenizer);
    else
        put_wordpiece(out, tokenizer);
    hd_buffer_text(out, "\n  }\n}\n");
}

heed_status hd_tokenizer_write(const heed_tokenizer *tokenizer, hd_buffer *out) {
    hd_buffer_text(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    put_added_tokens(out, tokenizer);
    put_components(out, tokenizer, "normalizer", "normalizers", tokenizer->normalizer_count, put_normalizer);
    put_components(out, tokenizer, "pre_tokenizer", "pretokenizers", tokenizer->pre_tokenizer_count, put_pre_tokenizer);
    put_post_processor(out, tokenizer);
    if (tokenizer->decodes && !tokenizer->decoder_count)
        hd_buffer_text(out, "  \"decoder\": {\"type\": \"Sequence\", \"decoders\": []},\n");
    else
        put_components(out, tokenizer, "decoder", "decoders", tokenizer->decoder_count, put_decoder);
    put_model(out, tokenizer);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_tokenizer_save(const heed_tokenizer *tokenizer, heed_context *context, const char *path) {
    hd_buffer out;
    hd_buffer_open(&out, context);
    heed_status status = hd_tokenizer_write(tokenizer, &out);
    if (status == HEED_OK) status = hd_file_write(context, path, out.data, out.size);
    hd_buffer_close(&out);
    return status;
}
