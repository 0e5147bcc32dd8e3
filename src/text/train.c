#include "text/train.h"

#include "text/bpe_train.h"
#include "text/components.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/unigram_train.h"

#include <string.h>

enum { METASPACE = 0x2581 };

hd_tokenizer_options hd_tokenizer_options_of(hd_tokenizer_kind kind) {
    static const char *const marian[] = {"</s>", "<unk>"}, *const pad[] = {"<pad>"};
    static const char *const t5[] = {"<pad>", "</s>", "<unk>"};
    static const char *const bert[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static const char *const gpt[] = {"<|endoftext|>", "<unk>"};
    static const char *const roberta[] = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
    static const hd_tokenizer_options all[] = {
        [HD_KIND_BPE] = {.first_specials = marian,
                         .first_count = HD_COUNT(marian),
                         .last_specials = pad,
                         .last_count = HD_COUNT(pad),
                         .unknown = "<unk>",
                         .single = "$A </s>",
                         .pair = "$A $B </s>"},
        [HD_KIND_WORDPIECE] = {.first_specials = bert,
                               .first_count = HD_COUNT(bert),
                               .unknown = "[UNK]",
                               .single = "[CLS] $A [SEP]",
                               .pair = "[CLS] $A [SEP] $B:1 [SEP]:1"},
        [HD_KIND_BYTE_BPE] = {.first_specials = gpt, .first_count = 1},
        [HD_KIND_CHARACTERS] = {.first_specials = gpt, .first_count = HD_COUNT(gpt), .unknown = "<unk>"},
        [HD_KIND_QWEN_BYTE_BPE] = {.first_specials = gpt, .first_count = 1},
        [HD_KIND_UNIGRAM] = {.first_specials = t5,
                             .first_count = HD_COUNT(t5),
                             .unknown = "<unk>",
                             .single = "$A </s>",
                             .pair = "$A </s> $B </s>"},
        [HD_KIND_MASK_BYTE_BPE] = {.first_specials = roberta,
                                   .first_count = HD_COUNT(roberta),
                                   .left_strip = "<mask>",
                                   .unknown = "<unk>",
                                   .single = "<s> $A </s>",
                                   .pair = "<s> $A </s> </s> $B </s>"},
    };
    hd_tokenizer_options options = all[kind];
    options.kind = kind;
    return options;
}

bool hd_tokenizer_learns_line_ends(hd_tokenizer_kind kind) {
    return kind == HD_KIND_BYTE_BPE || kind == HD_KIND_QWEN_BYTE_BPE || kind == HD_KIND_CHARACTERS;
}

static bool is_byte_level(hd_tokenizer_kind kind) {
    return kind == HD_KIND_BYTE_BPE || kind == HD_KIND_MASK_BYTE_BPE || kind == HD_KIND_QWEN_BYTE_BPE;
}

/* ---- components ----------------------------------------------------------------------------------------------- */

static heed_status add_bpe_components(heed_tokenizer *tokenizer) {
    const hd_pre_tokenizer metaspace = {
        .kind = HD_PRE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS, .split = true};
    const hd_pre_tokenizer punctuation = {.kind = HD_PRE_PUNCTUATION, .behavior = HD_ISOLATED};
    const hd_token_decoder decoder = {
        .kind = HD_DECODE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS, .split = true};
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, metaspace));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, punctuation));
    return hd_tokenizer_add_decoder(tokenizer, decoder);
}

static heed_status add_unigram_components(heed_tokenizer *tokenizer) {
    const hd_pre_tokenizer metaspace = {
        .kind = HD_PRE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS, .split = true};
    const hd_token_decoder decoder = {
        .kind = HD_DECODE_METASPACE, .replacement = METASPACE, .prepend = HD_PREPEND_ALWAYS};
    tokenizer->model = HD_MODEL_UNIGRAM;
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, (hd_pre_tokenizer){.kind = HD_PRE_WHITESPACE_SPLIT}));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, metaspace));
    return hd_tokenizer_add_decoder(tokenizer, decoder);
}

static heed_status add_wordpiece_components(heed_tokenizer *tokenizer, bool lowercase) {
    heed_context *context = tokenizer->context;
    const hd_normalizer bert = {.kind = HD_NORMALIZE_BERT, .clean = true, .chinese = true, .lowercase = lowercase};
    const hd_pre_tokenizer punctuation = {.kind = HD_PRE_PUNCTUATION, .behavior = HD_ISOLATED};
    tokenizer->model = HD_MODEL_WORDPIECE;
    tokenizer->wordpiece.prefix = hd_copy_string(context, HD_WORDPIECE_PREFIX);
    if (!tokenizer->wordpiece.prefix) return HEED_MEMORY;
    HD_TRY(hd_tokenizer_add_normalizer(tokenizer, bert));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, (hd_pre_tokenizer){.kind = HD_PRE_WHITESPACE_SPLIT}));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, punctuation));
    hd_token_decoder decoder = {.kind = HD_DECODE_WORDPIECE, .cleanup = true};
    decoder.pattern = hd_copy_string(context, HD_WORDPIECE_PREFIX);
    if (!decoder.pattern) return HEED_MEMORY;
    decoder.pattern_size = strlen(decoder.pattern);
    return hd_tokenizer_add_decoder(tokenizer, decoder);
}

static const hd_token_decoder byte_decoder = {.kind = HD_DECODE_BYTE_LEVEL, .trim_offsets = true, .use_regex = true};

static heed_status add_byte_components(heed_tokenizer *tokenizer) {
    hd_pre_tokenizer words = {.kind = HD_PRE_BYTE_LEVEL, .trim_offsets = true};
    HD_TRY(hd_pattern_open(tokenizer->context, "pre_tokenizer", HD_BYTE_LEVEL_PATTERN, strlen(HD_BYTE_LEVEL_PATTERN),
                           false, &words.pattern));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, words));
    return hd_tokenizer_add_decoder(tokenizer, byte_decoder);
}

static heed_status add_qwen_components(heed_tokenizer *tokenizer) {
    hd_pre_tokenizer words = {.kind = HD_PRE_SPLIT, .behavior = HD_ISOLATED};
    HD_TRY(hd_tokenizer_add_normalizer(tokenizer, (hd_normalizer){.kind = HD_NORMALIZE_NFC}));
    HD_TRY(hd_pattern_open(tokenizer->context, "pre_tokenizer", HD_QWEN_PATTERN, strlen(HD_QWEN_PATTERN), false,
                           &words.pattern));
    HD_TRY(hd_tokenizer_add_pre_tokenizer(tokenizer, words));
    HD_TRY(
        hd_tokenizer_add_pre_tokenizer(tokenizer, (hd_pre_tokenizer){.kind = HD_PRE_BYTE_LEVEL, .trim_offsets = true}));
    return hd_tokenizer_add_decoder(tokenizer, byte_decoder);
}

static heed_status add_components(heed_tokenizer *tokenizer, const hd_tokenizer_options *options) {
    static const hd_normalizer_kind forms[] = {HD_NORMALIZE_NFC, HD_NORMALIZE_NFC, HD_NORMALIZE_NFD, HD_NORMALIZE_NFKC,
                                               HD_NORMALIZE_NFKD};
    if (options->form != HD_FORM_NONE)
        HD_TRY(hd_tokenizer_add_normalizer(tokenizer, (hd_normalizer){.kind = forms[options->form]}));
    if (options->kind == HD_KIND_WORDPIECE) return add_wordpiece_components(tokenizer, options->lowercase);
    if (options->lowercase)
        HD_TRY(hd_tokenizer_add_normalizer(tokenizer, (hd_normalizer){.kind = HD_NORMALIZE_LOWERCASE}));
    if (options->kind == HD_KIND_BPE) return add_bpe_components(tokenizer);
    if (options->kind == HD_KIND_UNIGRAM) return add_unigram_components(tokenizer);
    if (options->kind == HD_KIND_QWEN_BYTE_BPE) return add_qwen_components(tokenizer);
    if (is_byte_level(options->kind)) return add_byte_components(tokenizer);
    return hd_tokenizer_add_decoder(tokenizer, (hd_token_decoder){.kind = HD_DECODE_FUSE});
}

/* ---- special tokens ------------------------------------------------------------------------------------------- */

static heed_status add_specials(heed_tokenizer *tokenizer, const hd_tokenizer_options *options,
                                const char *const *specials, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hd_vocabulary *vocabulary = &tokenizer->vocabulary;
        size_t size = strlen(specials[i]);
        if (size == 0 || hd_vocabulary_find(vocabulary, specials[i], size) >= 0)
            return hd_fail(tokenizer->context, HEED_ARGUMENT,
                           "special token \"%.100s\" is empty, repeated or already a token", specials[i]);
        int64_t id = (int64_t)vocabulary->count;
        HD_TRY(hd_vocabulary_add(vocabulary, specials[i], size, id, true));
        bool lstrip = options->left_strip && strcmp(specials[i], options->left_strip) == 0;
        HD_TRY(
            hd_tokenizer_add_token(tokenizer, specials[i], size, (hd_added_token){.special = true, .lstrip = lstrip}));
    }
    return HEED_OK;
}

static heed_status set_unknown(heed_tokenizer *tokenizer, const char *name) {
    if (tokenizer->model == HD_MODEL_UNIGRAM) { /* ids are indices of pieces */
        tokenizer->unigram.unknown = name ? hd_tokenizer_special(tokenizer, name) : -1;
        return HEED_OK;
    }
    int32_t *unknown = tokenizer->model == HD_MODEL_BPE ? &tokenizer->bpe.unknown : &tokenizer->wordpiece.unknown;
    if (!name && tokenizer->model == HD_MODEL_BPE) return HEED_OK;
    if (name) *unknown = hd_tokenizer_special(tokenizer, name);
    if (*unknown >= 0) return HEED_OK;
    return hd_fail(tokenizer->context, HEED_ARGUMENT, "the unknown token \"%.100s\" is not one of the special tokens",
                   name ? name : "");
}

/* Adds to the template the special tokens that it names. */
static heed_status add_template_tokens(const heed_tokenizer *tokenizer, const hd_tokenizer_options *options,
                                       const char *const *specials, size_t count, hd_template *template) {
    for (size_t i = 0; i < count; i++)
        if (strstr(options->single, specials[i]) || strstr(options->pair, specials[i]))
            HD_TRY(hd_template_add_token(template, specials[i], hd_tokenizer_id(tokenizer, specials[i])));
    return HEED_OK;
}

static heed_status fill_template(const heed_tokenizer *tokenizer, const hd_tokenizer_options *options,
                                 hd_template *template) {
    HD_TRY(add_template_tokens(tokenizer, options, options->first_specials, options->first_count, template));
    HD_TRY(add_template_tokens(tokenizer, options, options->last_specials, options->last_count, template));
    HD_TRY(hd_template_add_text(template, false, options->single));
    return hd_template_add_text(template, true, options->pair);
}

static heed_status add_template(heed_tokenizer *tokenizer, const hd_tokenizer_options *options) {
    if (!options->single || !options->pair) return HEED_OK;
    hd_post_processor it = {.kind = HD_POST_TEMPLATE};
    hd_template_open(&it.template, tokenizer->context);
    heed_status status = fill_template(tokenizer, options, &it.template);
    if (status == HEED_OK) return hd_tokenizer_add_post_processor(tokenizer, it);
    hd_post_processor_close(tokenizer->context, &it);
    return status;
}

/* ---- learning ------------------------------------------------------------------------------------------------- */

/* Counts the words of a line; for HD_KIND_CHARACTERS each character is a word, so that memory does not grow with the
 * text. */
static heed_status count_line(const hd_line *line, hd_tokenizer_kind kind, hd_word_counts *counts) {
    for (size_t i = 0; i < line->segment_count; i++) {
        const hd_character *word = line->characters + line->segments[i].first;
        size_t length = line->segments[i].count, step = kind == HD_KIND_CHARACTERS ? 1 : length;
        for (size_t at = 0; at < length; at += step) HD_TRY(hd_word_counts_add(counts, word + at, step));
    }
    return HEED_OK;
}

static heed_status count_words(heed_tokenizer *tokenizer, hd_tokenizer_kind kind, hd_next_line *next, void *lines,
                               hd_word_counts *counts) {
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
        status = line.failed ? tokenizer->context->status : count_line(&line, kind, counts);
    }
    hd_line_close(&line);
    hd_line_close(&spare);
    return status;
}

/* The characters to include in any case. */
static heed_status read_alphabet(heed_context *context, const hd_tokenizer_options *options, hd_codes *out) {
    if (!is_byte_level(options->kind))
        return options->alphabet ? hd_codes_read(context, options->alphabet, strlen(options->alphabet), out) : HEED_OK;
    out->codes = hd_alloc(context, 256, sizeof *out->codes);
    if (!out->codes) return HEED_MEMORY;
    for (; out->count < 256; out->count++) out->codes[out->count] = hd_byte_character((uint8_t)out->count);
    return HEED_OK;
}

static heed_status learn_unigram(heed_tokenizer *tokenizer, const hd_tokenizer_options *options,
                                 const hd_word_counts *counts, hd_codes alphabet) {
    const hd_unigram_train_options unigram = {.vocabulary_size = options->vocabulary_size,
                                              .reserved = options->last_count,
                                              .alphabet = alphabet,
                                              .progress = options->progress,
                                              .user = options->user};
    return hd_unigram_train(counts, &unigram, &tokenizer->vocabulary, &tokenizer->unigram);
}

static heed_status learn(heed_tokenizer *tokenizer, const hd_tokenizer_options *options, hd_next_line *next,
                         void *lines) {
    heed_context *context = tokenizer->context;
    hd_word_counts counts;
    hd_bpe merges; /* of a WordPiece vocabulary, which does not keep them */
    hd_word_counts_open(&counts, context);
    hd_bpe_open(&merges, context);
    hd_bpe_train_options bpe = {.vocabulary_size = options->vocabulary_size - options->last_count,
                                .min_frequency = options->min_frequency,
                                .alphabet_limit = options->alphabet_limit,
                                .prefix = tokenizer->wordpiece.prefix,
                                .progress = options->progress,
                                .user = options->user};
    if (options->kind == HD_KIND_CHARACTERS) bpe.vocabulary_size = 0; /* the alphabet alone */
    heed_status status = read_alphabet(context, options, &bpe.alphabet);
    if (status == HEED_OK) status = count_words(tokenizer, options->kind, next, lines, &counts);
    if (status == HEED_OK && options->kind == HD_KIND_UNIGRAM)
        status = learn_unigram(tokenizer, options, &counts, bpe.alphabet);
    else if (status == HEED_OK)
        status = hd_bpe_train(&counts, &bpe, &tokenizer->vocabulary,
                              tokenizer->model == HD_MODEL_BPE ? &tokenizer->bpe : &merges);
    hd_free(context, bpe.alphabet.codes);
    hd_word_counts_close(&counts);
    hd_bpe_close(&merges);
    return status;
}

static heed_status train(heed_tokenizer *tokenizer, const hd_tokenizer_options *options, hd_next_line *next,
                         void *lines) {
    heed_context *context = tokenizer->context;
    HD_TRY(add_components(tokenizer, options));
    HD_TRY(add_specials(tokenizer, options, options->first_specials, options->first_count));
    HD_TRY(learn(tokenizer, options, next, lines));
    HD_TRY(add_specials(tokenizer, options, options->last_specials, options->last_count));
    if (tokenizer->vocabulary.count > options->vocabulary_size)
        hd_note(
            context,
            "the text's characters make the vocabulary %zu tokens instead of %zu; alphabet_limit bounds their number",
            tokenizer->vocabulary.count, options->vocabulary_size);
    HD_TRY(set_unknown(tokenizer, options->unknown));
    HD_TRY(add_template(tokenizer, options));
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
