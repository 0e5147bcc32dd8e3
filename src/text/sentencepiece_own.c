/* A tokenizer as its SentencePiece model says, for classes that transformers lacks (SpmConverter's
 * build_tokenizer_from_spm_proto in its convert_slow_tokenizer.py). */
#include "text/sentencepiece_builder.h"

#include "base/utf8.h"
#include "text/json_text.h"

#include <stdlib.h>
#include <string.h>

/* Gives pieces the texts that added_tokens_decoder has for their ids, such as names for reserved ones; but not the text of a
 * piece that keeps its own. */
static heed_status rename_pieces(hd_builder *it) {
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

static heed_status add_own_vocabulary(hd_builder *it, bool user_defined) {
    const hd_sentencepiece *model = &it->model;
    if (model->model_type == HD_SENTENCEPIECE_UNIGRAM) {
        HD_TRY(hd_build_pieces(it, 0));
        it->tokenizer->unigram.byte_fallback = model->byte_fallback;
        return hd_build_set_unknown_piece(it, model->unknown_id);
    }
    HD_TRY(rename_pieces(it));
    HD_TRY(hd_build_bpe(it, true));
    it->tokenizer->bpe.byte_fallback = model->byte_fallback;
    it->tokenizer->bpe.ignore_merges = user_defined;
    return hd_build_set_unknown_token(it, model->unknown.data, model->unknown.size);
}

void hd_build_own_spaces(hd_builder *it, bool prefix) {
    const hd_sentencepiece *model = &it->model;
    if (model->remove_extra_whitespaces)
        hd_build_component(
            &it->normalizers,
            "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\A +| +\\\\z\"},\"content\":\"\"}," HD_REPLACE_SPACES);
    if (model->escape_whitespaces)
        hd_build_component(&it->normalizers,
                           "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xE2\x96\x81\"}");
    if (model->add_dummy_prefix && prefix)
        hd_build_component(&it->normalizers,
                           "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\A\xE2\x96\x81\"},\"content\":"
                           "\"\xE2\x96\x81\xE2\x96\x81\"}");
}

static int compare_lengths(const void *a, const void *b) {
    const hd_piece *x = *(const hd_piece *const *)a, *y = *(const hd_piece *const *)b;
    size_t x_count = hd_utf8_count(x->text.data, x->text.size), y_count = hd_utf8_count(y->text.data, y->text.size);
    if (x_count != y_count) return x_count > y_count ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Splits the text around user-defined pieces, which are never merged: a pattern of all of them, longer ones first. */
static heed_status split_user_defined(hd_builder *it) {
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
    hd_build_component(&it->pre_tokenizers, "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":");
    hd_json_append_string(&it->pre_tokenizers, pattern.data, pattern.size);
    hd_buffer_text(&it->pre_tokenizers, "}}");
    heed_status status = pattern.failed ? HEED_MEMORY : HEED_OK;
    hd_buffer_close(&pattern);
    hd_free(it->context, pieces);
    return status;
}

static heed_status copy_text(hd_builder *it, hd_file_text text, char **out) {
    *out = hd_copy_bytes(it->context, text.data, text.size);
    return *out ? HEED_OK : HEED_MEMORY;
}

/* The roles whose default is a piece of the model. `texts` are freed by the caller. */
static heed_status read_own_roles(hd_builder *it, char *texts[HD_ROLES]) {
    const hd_sentencepiece *model = &it->model;
    HD_TRY(copy_text(it, model->unknown, &texts[HD_UNKNOWN]));
    if (model->bos_id >= 0) HD_TRY(copy_text(it, model->bos, &texts[HD_BOS]));
    if (model->eos_id >= 0) HD_TRY(copy_text(it, model->eos, &texts[HD_EOS]));
    HD_TRY(hd_build_read_roles(it, (const char *const *)texts));
    if (!model->add_dummy_prefix) return hd_build_tokens(it);
    /* Added tokens are found in the original text, so that each text between them gets a prefix. */
    HD_TRY(hd_tokenizer_config_added(&it->config, &it->added));
    for (size_t i = 0; i < it->added.count; i++) it->added.items[i].normalized = false;
    HD_TRY(hd_build_tokens(it));
    return HEED_OK;
}

heed_status hd_build_own(hd_builder *it) {
    const hd_sentencepiece *model = &it->model;
    bool mapped, legacy, user_defined = false;
    if (model->model_type > HD_SENTENCEPIECE_BPE)
        return hd_fail(it->context, HEED_UNSUPPORTED, "SentencePiece models of words or characters are not supported");
    for (size_t i = 0; i < model->count; i++)
        user_defined = user_defined || model->pieces[i].type == HD_PIECE_USER_DEFINED;
    HD_TRY(hd_tokenizer_config_bool(&it->config, "legacy", true, &legacy));
    HD_TRY(hd_build_symbols(it, false));
    HD_TRY(add_own_vocabulary(it, user_defined));
    HD_TRY(hd_build_charsmap(it, &mapped));
    hd_build_own_spaces(it, legacy);
    if (model->add_dummy_prefix) hd_build_metaspace(&it->pre_tokenizers, legacy ? "always" : "first", false);
    if (user_defined) HD_TRY(split_user_defined(it));
    hd_build_component(&it->decoders, HD_REPLACE_UNDERLINE);
    if (model->byte_fallback) hd_build_component(&it->decoders, "{\"type\":\"ByteFallback\"}");
    if (model->add_dummy_prefix || model->byte_fallback) hd_build_component(&it->decoders, "{\"type\":\"Fuse\"}");
    if (model->add_dummy_prefix)
        hd_build_component(&it->decoders, "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
    char *texts[HD_ROLES] = {0};
    heed_status status = read_own_roles(it, texts);
    if (status == HEED_OK) status = hd_build_marks(it);
    for (size_t i = 0; i < HD_ROLES; i++) hd_free(it->context, texts[i]);
    return status;
}
