/* Writes a tokenizer.json, field by field in the order and layout of the tokenizers package. */
#include "base/file.h"
#include "text/components.h"
#include "text/json_text.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <string.h>

static void put_token(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t id) {
    hd_json_append_string(out, hd_vocabulary_text(&tokenizer->vocabulary, id), tokenizer->vocabulary.tokens[id].size);
}

static const char *truth(bool value) { return value ? "true" : "false"; }

/* ---- components ----------------------------------------------------------------------------------------------- */

static void put_normalizer(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_normalizer *it = &tokenizer->normalizers[index];
    hd_component_write(hd_normalizer_type(it->kind), it, out);
}

static void put_pre_tokenizer(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_pre_tokenizer *it = &tokenizer->pre_tokenizers[index];
    hd_component_write(hd_pre_tokenizer_type(it->kind), it, out);
}

static void put_decoder(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_token_decoder *it = &tokenizer->decoders[index];
    hd_component_write(hd_token_decoder_type(it->kind), it, out);
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

static void put_template(hd_buffer *out, const heed_tokenizer *tokenizer, const hd_template *template) {
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

static void put_post_processor(hd_buffer *out, const heed_tokenizer *tokenizer, size_t index) {
    const hd_post_processor *it = &tokenizer->post_processors[index];
    if (it->kind == HD_POST_TEMPLATE)
        put_template(out, tokenizer, &it->template);
    else
        hd_component_write(hd_post_processor_type(it->kind), it, out);
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

/* The text of entry - 1, or that of the id if `entry` is 0. */
static void put_entry(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t entry, int32_t id) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    if (!entry) {
        put_token(out, tokenizer, id);
        return;
    }
    const hd_entry *text = &vocabulary->entries[entry - 1];
    hd_json_append_string(out, vocabulary->pool.data + text->offset, text->size);
}

/* A text that the model has for the id: that of the id may be an added token's. */
static void put_model_text(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t id) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    int32_t entry = 0;
    for (size_t i = 0; i < vocabulary->present && !vocabulary->tokens[id].model && !entry; i++)
        if (vocabulary->entries[i].model && vocabulary->entries[i].id == id) entry = (int32_t)i + 1;
    put_entry(out, tokenizer, entry, id);
}

static void put_unknown(hd_buffer *out, const heed_tokenizer *tokenizer, int32_t id, const char *missing) {
    if (id >= 0)
        put_model_text(out, tokenizer, id);
    else if (missing)
        hd_json_append_string(out, missing, strlen(missing));
    else
        hd_buffer_text(out, "null");
}

static void put_bpe(hd_buffer *out, const heed_tokenizer *tokenizer) {
    const hd_bpe *bpe = &tokenizer->bpe;
    hd_buffer_text(out, "    \"type\": \"BPE\",\n    \"dropout\": ");
    if (bpe->file_dropout > 0)
        hd_json_append_float(out, bpe->file_dropout);
    else
        hd_buffer_text(out, "null");
    hd_buffer_text(out, ",\n    \"unk_token\": ");
    put_unknown(out, tokenizer, bpe->unknown, bpe->missing_unknown);
    put_affix(out, "continuing_subword_prefix", bpe->prefix, "null");
    put_affix(out, "end_of_word_suffix", bpe->suffix, "null");
    hd_buffer_format(out, ",\n    \"fuse_unk\": %s,\n    \"byte_fallback\": %s,\n    \"ignore_merges\": %s",
                     truth(bpe->fuse_unknown), truth(bpe->byte_fallback), truth(bpe->ignore_merges));
    put_vocabulary(out, tokenizer);
    hd_buffer_text(out, ",\n    \"merges\": [");
    for (size_t i = 0; i < bpe->merge_count; i++) {
        hd_buffer_text(out, i ? ",\n      [" : "\n      [");
        const hd_merge *merge = &bpe->merges[i];
        put_entry(out, tokenizer, merge->left_entry, merge->left);
        hd_buffer_text(out, ", ");
        put_entry(out, tokenizer, merge->right_entry, merge->right);
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

static void put_wordlevel(hd_buffer *out, const heed_tokenizer *tokenizer) {
    hd_buffer_text(out, "    \"type\": \"WordLevel\",\n    \"unk_token\": ");
    put_unknown(out, tokenizer, tokenizer->wordlevel.unknown, tokenizer->wordlevel.missing_unknown);
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
    static void (*const puts[])(hd_buffer *, const heed_tokenizer *) = {[HD_MODEL_BPE] = put_bpe,
                                                                        [HD_MODEL_WORDPIECE] = put_wordpiece,
                                                                        [HD_MODEL_WORDLEVEL] = put_wordlevel,
                                                                        [HD_MODEL_UNIGRAM] = put_unigram};
    hd_buffer_text(out, "  \"model\": {\n");
    puts[tokenizer->model](out, tokenizer);
    hd_buffer_text(out, "\n  }\n}\n");
}

/* The library sentencepiece's own way, of Marian and M2M-100, has no components in a tokenizer.json. */
static bool is_writable(const heed_tokenizer *tokenizer) {
    if (tokenizer->added.has_codes) return false;
    for (size_t i = 0; i < tokenizer->normalizer_count; i++)
        if (tokenizer->normalizers[i].longest) return false;
    return !tokenizer->unigram.single_precision;
}

heed_status hd_tokenizer_check_writable(const heed_tokenizer *tokenizer, heed_context *context) {
    if (is_writable(tokenizer)) return HEED_OK;
    return hd_fail(context, HEED_UNSUPPORTED,
                   "the tokenizer of a SentencePiece model with a vocab.json cannot be written as a tokenizer.json");
}

heed_status hd_tokenizer_write(const heed_tokenizer *tokenizer, hd_buffer *out) {
    HD_TRY(hd_tokenizer_check_writable(tokenizer, out->context));
    hd_buffer_text(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": ");
    hd_truncation_write(&tokenizer->truncation, out);
    hd_buffer_text(out, ",\n  \"padding\": ");
    hd_padding_write(&tokenizer->padding, out);
    hd_buffer_text(out, ",\n");
    put_added_tokens(out, tokenizer);
    put_components(out, tokenizer, "normalizer", "normalizers", tokenizer->normalizer_count, put_normalizer);
    put_components(out, tokenizer, "pre_tokenizer", "pretokenizers", tokenizer->pre_tokenizer_count, put_pre_tokenizer);
    put_components(out, tokenizer, "post_processor", "processors", tokenizer->post_processor_count, put_post_processor);
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
