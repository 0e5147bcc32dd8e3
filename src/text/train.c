#include "text/train.h"

#include "text/bpe_train.h"
#include "text/parts.h"

#include <string.h>

enum { METASPACE = 0x2581 };

static heed_status add_components(heed_tokenizer *tokenizer, const hd_tokenizer_options *options) {
    static const hd_normalizer_kind forms[] = {HD_NORMALIZE_NFC, HD_NORMALIZE_NFC, HD_NORMALIZE_NFD, HD_NORMALIZE_NFKC,
                                               HD_NORMALIZE_NFKD};
    if (options->form != HD_FORM_NONE)
        HD_TRY(hd_tokenizer_add_normalizer(tokenizer, (hd_normalizer){.kind = forms[options->form]}));
    if (options->lowercase)
        HD_TRY(hd_tokenizer_add_normalizer(tokenizer, (hd_normalizer){.kind = HD_NORMALIZE_LOWERCASE}));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(
        tokenizer,
        (hd_pre_tokenizer){
            .kind = HD_PRE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS, .split = true}));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer,
                                          (hd_pre_tokenizer){.kind = HD_PRE_PUNCTUATION, .behavior = HD_ISOLATED}));
    return hd_tokenizer_add_decoder(
        tokenizer,
        (hd_token_decoder){.kind = HD_DECODE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS});
}

static heed_status add_specials(heed_tokenizer *tokenizer, const char *const *specials, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hd_vocabulary *vocabulary = &tokenizer->vocabulary;
        size_t size = strlen(specials[i]);
        if (size == 0 || hd_vocabulary_find(vocabulary, specials[i], size) >= 0)
            return hd_fail(tokenizer->context, HEED_ARGUMENT,
                           "special token \"%.100s\" is empty, given twice or a token already", specials[i]);
        int64_t id = (int64_t)vocabulary->count;
        HD_TRY(hd_vocabulary_add(vocabulary, specials[i], size, id, true));
        HD_TRY(hd_tokenizer_add_token(tokenizer, specials[i], size, id, (hd_added_token){.special = true}));
    }
    return HEED_OK;
}

static heed_status find_special(heed_tokenizer *tokenizer, const char *name, const char *what, int32_t *id) {
    *id = hd_tokenizer_special(tokenizer, name);
    if (*id >= 0) return HEED_OK;
    return hd_fail(tokenizer->context, HEED_ARGUMENT, "the %s token \"%.100s\" is not one of the special tokens", what,
                   name);
}

static heed_status add_template(heed_tokenizer *tokenizer, const char *end_of_sentence) {
    hd_template *template = &tokenizer->template;
    int32_t id;
    HD_TRY(find_special(tokenizer, end_of_sentence, "end-of-sentence", &id));
    hd_template_special special = {hd_copy_string(tokenizer->context, end_of_sentence),
                                   hd_alloc(tokenizer->context, 1, sizeof id), 1};
    if (special.ids) special.ids[0] = id;
    HD_TRY(hd_template_add_special(template, special));
    static const hd_template_item text = {.kind = HD_TEMPLATE_FIRST_TEXT}, second = {.kind = HD_TEMPLATE_SECOND_TEXT},
                                  end = {.kind = HD_TEMPLATE_SPECIAL};
    HD_TRY(hd_template_add(template, false, text));
    HD_TRY(hd_template_add(template, false, end));
    HD_TRY(hd_template_add(template, true, text));
    HD_TRY(hd_template_add(template, true, second));
    HD_TRY(hd_template_add(template, true, end));
    template->present = true;
    return HEED_OK;
}

static heed_status count_words(heed_tokenizer *tokenizer, hd_next_line *next, void *lines, hd_word_counts *counts) {
    hd_line line, spare;
    hd_line_open(&line, tokenizer->context);
    hd_line_open(&spare, tokenizer->context);
    heed_status status = HEED_OK;
    while (status == HEED_OK) {
        const char *text = NULL;
        size_t size = 0;
        status = next(lines, &text, &size);
        if (status != HEED_OK || !text) break;
        if (size > HD_LINE_BYTES) {
            status = hd_fail(tokenizer->context, HEED_LENGTH, "a line of %zu bytes is too long", size);
            break;
        }
        hd_tokenizer_words(tokenizer, text, size, &line, &spare);
        if (line.failed) status = HEED_MEMORY;
        for (size_t i = 0; i < line.piece_count && status == HEED_OK; i++)
            status = hd_word_counts_add(counts, line.characters + line.pieces[i].first, line.pieces[i].count);
    }
    hd_line_close(&line);
    hd_line_close(&spare);
    return status;
}

static heed_status learn(heed_tokenizer *tokenizer, const hd_tokenizer_options *options, hd_next_line *next,
                         void *lines) {
    heed_context *context = tokenizer->context;
    hd_word_counts counts;
    hd_word_counts_open(&counts, context);
    hd_bpe_train_options bpe = {.vocabulary_size = options->vocabulary_size - options->last_count,
                                .min_frequency = options->min_frequency,
                                .alphabet_limit = options->alphabet_limit,
                                .progress = options->progress,
                                .user = options->user};
    heed_status status = HEED_OK;
    if (options->alphabet) status = hd_codes_read(context, options->alphabet, strlen(options->alphabet), &bpe.alphabet);
    if (status == HEED_OK) status = count_words(tokenizer, next, lines, &counts);
    if (status == HEED_OK) status = hd_bpe_train(&counts, &bpe, &tokenizer->vocabulary, &tokenizer->bpe);
    hd_free(context, bpe.alphabet.codes);
    hd_word_counts_close(&counts);
    return status;
}

static heed_status train(heed_tokenizer *tokenizer, const hd_tokenizer_options *options, hd_next_line *next,
                         void *lines) {
    heed_context *context = tokenizer->context;
    HD_TRY(add_components(tokenizer, options));
    HD_TRY(add_specials(tokenizer, options->first_specials, options->first_count));
    HD_TRY(learn(tokenizer, options, next, lines));
    HD_TRY(add_specials(tokenizer, options->last_specials, options->last_count));
    if (tokenizer->vocabulary.count > options->vocabulary_size)
        hd_note(
            context,
            "the text has so many characters that the vocabulary has %zu tokens, not %zu; alphabet_limit would help",
            tokenizer->vocabulary.count, options->vocabulary_size);
    if (options->unknown) HD_TRY(find_special(tokenizer, options->unknown, "unknown", &tokenizer->bpe.unknown));
    if (options->end_of_sentence) HD_TRY(add_template(tokenizer, options->end_of_sentence));
    return hd_tokenizer_finish(tokenizer);
}

heed_status hd_tokenizer_train(heed_context *context, const hd_tokenizer_options *options, hd_next_line *next,
                               void *lines, heed_tokenizer **out) {
    *out = NULL;
    size_t specials = options->first_count + options->last_count;
    if (options->vocabulary_size <= specials || options->vocabulary_size > HD_VOCABULARY_LIMIT)
        return hd_fail(context, HEED_ARGUMENT, "a vocabulary of %zu tokens is not between %zu special tokens and %d",
                       options->vocabulary_size, specials, HD_VOCABULARY_LIMIT);
    heed_tokenizer *tokenizer = hd_tokenizer_new(context);
    heed_status status = tokenizer ? train(tokenizer, options, next, lines) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = tokenizer;
    else
        hd_tokenizer_close(tokenizer);
    return status;
}
