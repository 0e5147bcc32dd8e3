#include "text/components.h"
#include "text/token_texts.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/word_cache.h"

#include <string.h>

/* ---- scratch memory --------------------------------------------------------------------------------------------- */

/* A token of a text, before post-processing. */
typedef struct text_token {
    int32_t id;
    uint32_t start, end;
    uint32_t word;          /* its number in the text */
    uint32_t before, after; /* white space at the ends of its text, in characters; only if offsets are trimmed */
} text_token;

typedef struct text_tokens {
    text_token *items; /* [count] */
    size_t count, capacity;
    size_t first, last; /* tokens [first, last) are left by truncation */
    uint32_t *bytes;    /* [characters + 1]: where each character begins, for offsets in bytes */
    size_t byte_capacity;
} text_tokens;

/* What one call needs; the next one reuses it. */
typedef struct hd_encoding_scratch {
    struct hd_encoding_scratch *next; /* in the list of idle ones */
    heed_context context;             /* with the allocator of the tokenizer, which frees it */
    hd_line line, other, spare;
    hd_matches matches;
    hd_word_scratch word;
    hd_word_cache cache;
    uint32_t words; /* segments so far, in both texts of a pair */
    text_tokens texts[2];
} scratch_memory;

enum { IDLE_CHARACTERS = 1 << 20 }; /* lines of longer texts are freed as soon as they have been read */

static void free_if_long(hd_line *line) {
    if (line->capacity > IDLE_CHARACTERS) hd_line_close(line);
}

static void close_scratch(scratch_memory *scratch) {
    heed_context context = scratch->context;
    hd_line_close(&scratch->line);
    hd_line_close(&scratch->other);
    hd_line_close(&scratch->spare);
    hd_matches_close(&scratch->matches);
    hd_word_scratch_close(&scratch->word);
    hd_word_cache_close(&scratch->cache);
    for (int i = 0; i < 2; i++) {
        hd_free(&context, scratch->texts[i].items);
        hd_free(&context, scratch->texts[i].bytes);
    }
    hd_free(&context, scratch);
}

/* ---- opening and closing --------------------------------------------------------------------------------------- */

heed_tokenizer *hd_tokenizer_new(heed_context *context) {
    heed_tokenizer *tokenizer = hd_alloc_zeroed(context, 1, sizeof *tokenizer);
    if (!tokenizer) return NULL;
    tokenizer->context = context;
    pthread_mutex_init(&tokenizer->lock, NULL);
    hd_vocabulary_open(&tokenizer->vocabulary, context);
    hd_bpe_open(&tokenizer->bpe, context);
    hd_wordpiece_open(&tokenizer->wordpiece, context);
    hd_wordlevel_open(&tokenizer->wordlevel, context);
    hd_unigram_open(&tokenizer->unigram, context);
    hd_added_open(&tokenizer->added, context);
    return tokenizer;
}

static void close_normalizer(heed_context *context, hd_normalizer *normalizer) {
    hd_component_close(context, hd_normalizer_type(normalizer->kind), normalizer);
}

static void close_pre_tokenizer(heed_context *context, hd_pre_tokenizer *pre_tokenizer) {
    hd_component_close(context, hd_pre_tokenizer_type(pre_tokenizer->kind), pre_tokenizer);
}

static void close_decoder(heed_context *context, hd_token_decoder *decoder) {
    hd_component_close(context, hd_token_decoder_type(decoder->kind), decoder);
}

void hd_tokenizer_close(heed_tokenizer *tokenizer) {
    if (!tokenizer) return;
    heed_context *context = tokenizer->context;
    hd_vocabulary_close(&tokenizer->vocabulary);
    hd_bpe_close(&tokenizer->bpe);
    hd_wordpiece_close(&tokenizer->wordpiece);
    hd_wordlevel_close(&tokenizer->wordlevel);
    hd_unigram_close(&tokenizer->unigram);
    hd_added_close(&tokenizer->added);
    for (int i = 0; i < 4; i++) hd_arrangement_close(context, &tokenizer->arrangements[i / 2][i % 2]);
    hd_padding_close(context, &tokenizer->padding);
    for (size_t i = 0; i < tokenizer->normalizer_count; i++) close_normalizer(context, &tokenizer->normalizers[i]);
    for (size_t i = 0; i < tokenizer->pre_tokenizer_count; i++)
        close_pre_tokenizer(context, &tokenizer->pre_tokenizers[i]);
    for (size_t i = 0; i < tokenizer->decoder_count; i++) close_decoder(context, &tokenizer->decoders[i]);
    for (size_t i = 0; i < tokenizer->post_processor_count; i++)
        hd_post_processor_close(context, &tokenizer->post_processors[i]);
    hd_free(context, tokenizer->post_processors);
    hd_free(context, tokenizer->languages.ids);
    hd_free(context, tokenizer->normalizers);
    hd_free(context, tokenizer->pre_tokenizers);
    hd_free(context, tokenizer->decoders);
    for (scratch_memory *next; tokenizer->idle; tokenizer->idle = next) {
        next = tokenizer->idle->next;
        close_scratch(tokenizer->idle);
    }
    hd_token_texts_close(tokenizer->texts);
    pthread_mutex_destroy(&tokenizer->lock);
    hd_free(context, tokenizer->name);
    hd_free(context, tokenizer);
}

heed_status hd_tokenizer_add_normalizer(heed_tokenizer *tokenizer, hd_normalizer normalizer) {
    if (!hd_grow(tokenizer->context, &tokenizer->normalizers, &tokenizer->normalizer_capacity,
                 tokenizer->normalizer_count + 1, sizeof normalizer)) {
        close_normalizer(tokenizer->context, &normalizer);
        return HEED_MEMORY;
    }
    tokenizer->normalizers[tokenizer->normalizer_count++] = normalizer;
    return HEED_OK;
}

heed_status hd_tokenizer_add_pre_tokenizer(heed_tokenizer *tokenizer, hd_pre_tokenizer pre_tokenizer) {
    if (!hd_grow(tokenizer->context, &tokenizer->pre_tokenizers, &tokenizer->pre_tokenizer_capacity,
                 tokenizer->pre_tokenizer_count + 1, sizeof pre_tokenizer)) {
        close_pre_tokenizer(tokenizer->context, &pre_tokenizer);
        return HEED_MEMORY;
    }
    tokenizer->pre_tokenizers[tokenizer->pre_tokenizer_count++] = pre_tokenizer;
    return HEED_OK;
}

heed_status hd_tokenizer_add_decoder(heed_tokenizer *tokenizer, hd_token_decoder decoder) {
    if (!hd_grow(tokenizer->context, &tokenizer->decoders, &tokenizer->decoder_capacity, tokenizer->decoder_count + 1,
                 sizeof decoder)) {
        close_decoder(tokenizer->context, &decoder);
        return HEED_MEMORY;
    }
    tokenizer->decoders[tokenizer->decoder_count++] = decoder;
    tokenizer->decodes = true;
    return HEED_OK;
}

heed_status hd_tokenizer_add_post_processor(heed_tokenizer *tokenizer, hd_post_processor post_processor) {
    if (!hd_grow(tokenizer->context, &tokenizer->post_processors, &tokenizer->post_processor_capacity,
                 tokenizer->post_processor_count + 1, sizeof post_processor)) {
        hd_post_processor_close(tokenizer->context, &post_processor);
        return HEED_MEMORY;
    }
    tokenizer->post_processors[tokenizer->post_processor_count++] = post_processor;
    return HEED_OK;
}

heed_status hd_tokenizer_add_token(heed_tokenizer *tokenizer, const char *text, size_t size, hd_added_token token) {
    hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    if (size == 0) return HEED_OK;
    int64_t id = hd_vocabulary_find(vocabulary, text, size);
    if (id < 0) { /* after the last added token, or after as many as the model has tokens */
        id = (int64_t)vocabulary->model_size;
        if (id < tokenizer->next_added) id = tokenizer->next_added;
        HD_TRY(hd_vocabulary_add(vocabulary, text, size, id, false));
    }
    hd_token *entry = &vocabulary->tokens[id];
    entry->special = entry->special || token.special;
    token.id = (int32_t)id;
    if (id >= tokenizer->next_added) tokenizer->next_added = id + 1;
    HD_TRY(hd_codes_read(tokenizer->context, text, size, &token.pattern));
    if (entry->added) { /* listed again: the last counts */
        hd_added_replace(&tokenizer->added, entry->added - 1, token);
        return HEED_OK;
    }
    entry->added = (uint32_t)tokenizer->added.count + 1;
    return hd_added_add(&tokenizer->added, token);
}

/* An added token that is searched for in normalized text is normalized itself, and is decoded in that form. */
static heed_status normalize_token(heed_tokenizer *tokenizer, hd_added_token *token, hd_line *text, hd_line *spare,
                                   hd_line *result) {
    hd_line_clear(text), hd_line_clear(result);
    for (size_t i = 0; i < token->pattern.count; i++) hd_line_put(text, token->pattern.codes[i], 0, 0);
    hd_normalize(tokenizer->normalizers, tokenizer->normalizer_count, text->characters, text->count, spare, result);
    if (text->failed || result->failed) return tokenizer->context->status;
    hd_buffer bytes;
    hd_buffer_open(&bytes, tokenizer->context);
    for (size_t i = 0; i < result->count; i++) {
        char character[4];
        hd_buffer_append(&bytes, character, hd_utf8_encode(result->characters[i].code, character));
    }
    hd_codes pattern = {0};
    heed_status status =
        bytes.failed ? HEED_MEMORY : hd_codes_read(tokenizer->context, bytes.data, bytes.size, &pattern);
    if (status == HEED_OK) {
        hd_free(tokenizer->context, token->pattern.codes);
        token->pattern = pattern;
        status = hd_vocabulary_set_decoded(&tokenizer->vocabulary, token->id, bytes.data, bytes.size);
    }
    hd_buffer_close(&bytes);
    return status;
}

static heed_status normalize_tokens(heed_tokenizer *tokenizer) {
    if (tokenizer->normalizer_count == 0) return HEED_OK;
    hd_line text, spare, result;
    hd_line_open(&text, tokenizer->context);
    hd_line_open(&spare, tokenizer->context);
    hd_line_open(&result, tokenizer->context);
    heed_status status = HEED_OK;
    for (size_t i = 0; i < tokenizer->added.count && status == HEED_OK; i++)
        if (tokenizer->added.tokens[i].normalized)
            status = normalize_token(tokenizer, &tokenizer->added.tokens[i], &text, &spare, &result);
    hd_line_close(&text);
    hd_line_close(&spare);
    hd_line_close(&result);
    return status;
}

heed_status hd_tokenizer_lowercase(heed_tokenizer *tokenizer) {
    for (size_t i = 0; i < tokenizer->normalizer_count; i++)
        if (tokenizer->normalizers[i].kind == HD_NORMALIZE_LOWERCASE) return HEED_OK;
    hd_normalizer lowercase = {.kind = HD_NORMALIZE_LOWERCASE};
    HD_TRY(hd_tokenizer_add_normalizer(tokenizer, lowercase));
    memmove(tokenizer->normalizers + 1, tokenizer->normalizers, (tokenizer->normalizer_count - 1) * sizeof lowercase);
    tokenizer->normalizers[0] = lowercase;
    return HEED_OK;
}

/* As in tokenizers, a token is left out of decoded text if its decoded form is that of a special token: a special token
 * that a normalizer changes is not left out. */
static void find_skipped(heed_tokenizer *tokenizer) {
    hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    for (size_t i = 0; i < tokenizer->added.count; i++) {
        hd_token *token = &vocabulary->tokens[tokenizer->added.tokens[i].id];
        int32_t same = hd_vocabulary_find(vocabulary, vocabulary->pool.data + token->shown, token->shown_size);
        token->skipped = same >= 0 && vocabulary->tokens[same].special;
    }
}

static heed_status arrange(heed_tokenizer *tokenizer) {
    for (int i = 0; i < 4; i++)
        HD_TRY(hd_post_arrange(tokenizer->context, tokenizer->post_processors, tokenizer->post_processor_count, i / 2,
                               i % 2, &tokenizer->arrangements[i / 2][i % 2]));
    return HEED_OK;
}

heed_status hd_tokenizer_finish(heed_tokenizer *tokenizer) {
    HD_TRY(arrange(tokenizer));
    HD_TRY(normalize_tokens(tokenizer));
    find_skipped(tokenizer);
    HD_TRY(hd_added_finish(&tokenizer->added));
    if (tokenizer->model == HD_MODEL_BPE) return hd_bpe_finish(&tokenizer->bpe, &tokenizer->vocabulary);
    if (tokenizer->model == HD_MODEL_WORDPIECE) hd_wordpiece_finish(&tokenizer->wordpiece, &tokenizer->vocabulary);
    if (tokenizer->model == HD_MODEL_UNIGRAM) return hd_unigram_finish(&tokenizer->unigram, &tokenizer->vocabulary);
    return HEED_OK;
}

heed_status hd_tokenizer_set_post_processor(heed_tokenizer *tokenizer, hd_post_processor post_processor) {
    heed_context *context = tokenizer->context;
    for (size_t i = 0; i < tokenizer->post_processor_count; i++)
        hd_post_processor_close(context, &tokenizer->post_processors[i]);
    tokenizer->post_processor_count = 0;
    HD_TRY(hd_tokenizer_add_post_processor(tokenizer, post_processor));
    for (int i = 0; i < 4; i++) hd_arrangement_close(context, &tokenizer->arrangements[i / 2][i % 2]);
    return arrange(tokenizer);
}

/* ---- text to ids ---------------------------------------------------------------------------------------------- */

void hd_encoding_close(hd_encoding *encoding) {
    heed_context *context = encoding->context;
    if (!context) return;
    hd_free(context, encoding->ids);
    hd_free(context, encoding->starts);
    hd_free(context, encoding->ends);
    hd_free(context, encoding->types);
    hd_free(context, encoding->words);
    *encoding = (hd_encoding){0};
}

static scratch_memory *open_scratch(heed_context *context) {
    scratch_memory *scratch = hd_alloc_zeroed(context, 1, sizeof *scratch);
    if (!scratch) return NULL;
    scratch->context = hd_context_worker(context, 1);
    hd_line_open(&scratch->line, &scratch->context);
    hd_line_open(&scratch->other, &scratch->context);
    hd_line_open(&scratch->spare, &scratch->context);
    hd_matches_open(&scratch->matches, &scratch->context);
    hd_word_scratch_open(&scratch->word, &scratch->context);
    hd_word_cache_open(&scratch->cache, &scratch->context);
    return scratch;
}

/* Takes scratch memory for a call, or NULL when memory ran out. */
static scratch_memory *take_scratch(const heed_tokenizer *tokenizer, heed_context *context) {
    heed_tokenizer *owner = (heed_tokenizer *)tokenizer; /* of the list, which is no part of what it computes */
    pthread_mutex_lock(&owner->lock);
    scratch_memory *scratch = owner->idle;
    if (scratch) owner->idle = scratch->next;
    pthread_mutex_unlock(&owner->lock);
    if (scratch) return scratch;
    heed_context worker = hd_context_worker(tokenizer->context, 1);
    scratch = open_scratch(&worker);
    if (!scratch) hd_fail_as(context, &worker, HEED_MEMORY);
    return scratch;
}

static void give_scratch(const heed_tokenizer *tokenizer, scratch_memory *scratch) {
    heed_tokenizer *owner = (heed_tokenizer *)tokenizer;
    if (scratch->texts[0].capacity > IDLE_CHARACTERS || scratch->texts[1].capacity > IDLE_CHARACTERS) {
        close_scratch(scratch);
        return;
    }
    pthread_mutex_lock(&owner->lock);
    scratch->next = owner->idle;
    owner->idle = scratch;
    pthread_mutex_unlock(&owner->lock);
}

static bool has_room(const hd_encoding *out, size_t needed) {
    return needed <= out->ids_capacity && needed <= out->starts_capacity && needed <= out->ends_capacity &&
           needed <= out->types_capacity && needed <= out->words_capacity;
}

static heed_status reserve(hd_encoding *out, size_t more) {
    size_t needed;
    if (!hd_add(out->count, more, &needed)) needed = SIZE_MAX;
    if (has_room(out, needed)) return HEED_OK;
    if (!hd_grow(out->context, &out->ids, &out->ids_capacity, needed, sizeof *out->ids) ||
        !hd_grow(out->context, &out->starts, &out->starts_capacity, needed, sizeof *out->starts) ||
        !hd_grow(out->context, &out->ends, &out->ends_capacity, needed, sizeof *out->ends) ||
        !hd_grow(out->context, &out->types, &out->types_capacity, needed, sizeof *out->types) ||
        !hd_grow(out->context, &out->words, &out->words_capacity, needed, sizeof *out->words))
        return HEED_MEMORY;
    return HEED_OK;
}

static void put(hd_encoding *out, const text_token *token, uint32_t type) {
    out->ids[out->count] = token->id;
    out->starts[out->count] = token->start;
    out->ends[out->count] = token->end;
    out->types[out->count] = type;
    out->words[out->count] = token->word;
    out->count++;
}

static void pre_tokenize(const heed_tokenizer *tokenizer, hd_matches *matches, hd_line *line, hd_line *other) {
    for (size_t i = 0; i < tokenizer->pre_tokenizer_count; i++)
        hd_pre_tokenize(&tokenizer->pre_tokenizers[i], matches, line, other);
}

/* Splits the text at added tokens, normalizes the segments between them, and splits these at normalized added
 * tokens. */
static void find_added(const heed_tokenizer *tokenizer, bool special_as_text, hd_line *line, hd_line *other,
                       hd_line *spare) {
    const hd_added *added = &tokenizer->added;
    if (added->raw_count || added->has_codes) {
        line->segment_count = 0;
        hd_added_split(added, false, special_as_text, line, 0, line->count);
    }
    if (tokenizer->normalizer_count == 0 && added->normalized_count == 0) return;
    hd_line_clear(other);
    for (size_t i = 0; i < line->segment_count && !other->failed; i++) {
        hd_segment segment = line->segments[i];
        const hd_character *text = line->characters + segment.first;
        size_t first = other->count;
        if (segment.id >= 0) {
            hd_line_append(other, text, segment.count);
            hd_line_add_segment(other, first, segment.count, segment.id);
            continue;
        }
        hd_normalize(tokenizer->normalizers, tokenizer->normalizer_count, text, segment.count, spare, other);
        hd_added_split(added, true, special_as_text, other, first, other->count - first);
    }
    other->failed = other->failed || line->failed;
    hd_line_swap(line, other);
}

void hd_tokenizer_words(const heed_tokenizer *tokenizer, const char *text, size_t size, hd_line *line, hd_line *spare) {
    hd_line_read(line, text, size);
    if (tokenizer->normalizer_count && line->count) {
        hd_line scratch;
        hd_line_open(&scratch, line->context);
        hd_line_clear(spare);
        hd_normalize(tokenizer->normalizers, tokenizer->normalizer_count, line->characters, line->count, &scratch,
                     spare);
        hd_line_add_segment(spare, 0, spare->count, -1);
        spare->failed = spare->failed || line->failed;
        hd_line_swap(line, spare);
        hd_line_close(&scratch);
    }
    hd_matches matches;
    hd_matches_open(&matches, line->context);
    pre_tokenize(tokenizer, &matches, line, spare);
    hd_matches_close(&matches);
}

static bool is_space(uint32_t code) { return code == hd_byte_character(' ') || hd_is_whitespace(code); }

/* Counts the white space at both ends of a token's text. */
static void count_spaces(const char *text, size_t size, text_token *token) {
    bool spaces = true; /* all characters so far */
    for (size_t at = 0; at < size;) {
        uint32_t code;
        at += hd_utf8_decode(text + at, size - at, &code);
        token->after = is_space(code) ? token->after + 1 : 0;
        spaces = spaces && token->after > 0;
        token->before += spaces;
    }
}

/* Removes the white space from the offsets, which may leave nothing. `begins`: the token is the first of its piece. A single
 * space at the front may be that of the pre-tokenizer. */
static void trim_token(bool prefix_space, bool begins, text_token *token) {
    uint32_t before = token->before;
    if (before == 1 && prefix_space && (begins || token->start == 0)) before = 0;
    token->start = token->end - token->start < before ? token->end : token->start + before;
    if (token->end >= token->after)
        token->end = token->end - token->start < token->after ? token->start : token->end - token->after;
}

static void trim_text(const hd_arrangement *arrangement, int number, text_tokens *text) {
    for (size_t t = 0; t < arrangement->trim_count; t++) {
        const hd_trim *trim = &arrangement->trims[t];
        for (size_t i = text->first; i < text->last; i++)
            trim_token(trim->prefix_space, trim->begins[number] && i == text->first, &text->items[i]);
    }
}

static heed_status encode_new_word(const heed_tokenizer *tokenizer, const hd_line *line, hd_segment segment,
                                   const hd_bpe_dropout *dropout, hd_word_scratch *scratch) {
    const hd_character *word = line->characters + segment.first;
    if (tokenizer->model == HD_MODEL_WORDPIECE)
        return hd_wordpiece_encode(&tokenizer->wordpiece, &tokenizer->vocabulary, word, segment.count, scratch);
    if (tokenizer->model == HD_MODEL_WORDLEVEL)
        return hd_wordlevel_encode(&tokenizer->wordlevel, &tokenizer->vocabulary, word, segment.count, scratch);
    if (tokenizer->model == HD_MODEL_UNIGRAM)
        return hd_unigram_encode(&tokenizer->unigram, &tokenizer->vocabulary, word, segment.count, scratch);
    return hd_bpe_encode(&tokenizer->bpe, &tokenizer->vocabulary, word, segment.count, dropout, scratch);
}

static heed_status encode_word(const heed_tokenizer *tokenizer, const hd_line *line, hd_segment segment,
                               const hd_bpe_dropout *dropout, scratch_memory *scratch) {
    const hd_character *word = line->characters + segment.first;
    uint64_t hash = dropout ? 0 : hd_word_hash(word, segment.count);
    if (hd_word_cache_find(&scratch->cache, hash, word, segment.count, &scratch->word)) return HEED_OK;
    HD_TRY(encode_new_word(tokenizer, line, segment, dropout, &scratch->word));
    return hd_word_cache_add(&scratch->cache, hash, word, segment.count, &scratch->word);
}

static heed_status add_token(heed_context *context, text_tokens *tokens, text_token token) {
    if (!hd_grow(context, &tokens->items, &tokens->capacity, tokens->count + 1, sizeof token)) return HEED_MEMORY;
    tokens->items[tokens->count++] = token;
    return HEED_OK;
}

/* Adds the tokens of the word that was encoded last. */
static heed_status add_word(const heed_tokenizer *tokenizer, const hd_line *line, size_t number, bool trims,
                            const hd_word_scratch *scratch, text_tokens *tokens) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    const hd_character *word = line->characters + line->segments[number].first;
    size_t needed;
    if (!hd_add(tokens->count, scratch->count, &needed)) needed = SIZE_MAX;
    if (needed > tokens->capacity &&
        !hd_grow(scratch->context, &tokens->items, &tokens->capacity, needed, sizeof *tokens->items))
        return HEED_MEMORY;
    for (size_t i = 0; i < scratch->count; i++) {
        hd_symbol symbol = scratch->symbols[i];
        text_token token = {.id = symbol.id,
                            .start = word[symbol.first].start,
                            .end = word[symbol.first + symbol.count - 1].end,
                            .word = (uint32_t)number};
        if (trims) count_spaces(hd_vocabulary_text(vocabulary, symbol.id), vocabulary->tokens[symbol.id].size, &token);
        tokens->items[tokens->count++] = token;
    }
    return HEED_OK;
}

static heed_status add_added(const hd_line *line, size_t number, bool trims, hd_buffer *text, text_tokens *tokens) {
    hd_segment segment = line->segments[number];
    const hd_character *characters = line->characters + segment.first;
    text_token token = {.id = segment.id,
                        .start = characters[0].start,
                        .end = characters[segment.count - 1].end,
                        .word = (uint32_t)number};
    if (trims) { /* its text includes the white space that it covers */
        hd_buffer_clear(text);
        for (size_t i = 0; i < segment.count; i++) {
            char bytes[4];
            hd_buffer_append(text, bytes, hd_utf8_encode(characters[i].code, bytes));
        }
        if (text->failed) return HEED_MEMORY;
        count_spaces(text->data, text->size, &token);
    }
    return add_token(line->context, tokens, token);
}

static heed_status encode_text(const heed_tokenizer *tokenizer, const char *text, size_t size, bool trims,
                               const hd_encode_options *options, scratch_memory *scratch, text_tokens *tokens) {
    hd_line *line = &scratch->line;
    tokens->count = 0;
    hd_line_read(line, text, size);
    find_added(tokenizer, options->special_as_text, line, &scratch->other, &scratch->spare);
    pre_tokenize(tokenizer, &scratch->matches, line, &scratch->other);
    if (line->failed) return line->context->status;
    free_if_long(&scratch->other);
    free_if_long(&scratch->spare);
    hd_bpe_dropout dropout = {options->dropout, options->key, options->example, 0};
    for (size_t i = 0; i < line->segment_count; i++) {
        hd_segment segment = line->segments[i];
        dropout.word = scratch->words++;
        if (segment.id >= 0) {
            HD_TRY(add_added(line, i, trims, &scratch->word.text, tokens));
            continue;
        }
        HD_TRY(encode_word(tokenizer, line, segment, options->dropout > 0 ? &dropout : NULL, scratch));
        HD_TRY(add_word(tokenizer, line, i, trims, &scratch->word, tokens));
    }
    free_if_long(line);
    return HEED_OK;
}

static heed_status truncate(const hd_truncation *truncation, const hd_arrangement *arrangement, bool pair,
                            scratch_memory *scratch, hd_encoding *out) {
    text_tokens *texts = scratch->texts;
    size_t counts[2] = {texts[0].count, pair ? texts[1].count : 0}, kept[2] = {counts[0], counts[1]};
    if (truncation) {
        if (truncation->longest < arrangement->special_count)
            return hd_fail(out->context, HEED_LENGTH, "the %zu special tokens around a text are more than %zu tokens",
                           arrangement->special_count, truncation->longest);
        HD_TRY(hd_truncate(out->context, truncation, pair, truncation->longest - arrangement->special_count, counts,
                           kept));
    }
    for (int i = 0; i < 2; i++) {
        bool left = truncation && truncation->direction == HD_TRUNCATE_LEFT;
        texts[i].first = left ? counts[i] - kept[i] : 0;
        texts[i].last = texts[i].first + kept[i];
        out->cut[i] = counts[i] - kept[i];
    }
    return HEED_OK;
}

/* Turns the offsets of a text's tokens from characters into bytes. */
static heed_status count_bytes(heed_context *context, const char *text, size_t size, text_tokens *tokens) {
    if (!hd_grow(context, &tokens->bytes, &tokens->byte_capacity, size + 1, sizeof *tokens->bytes)) return HEED_MEMORY;
    size_t characters = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        tokens->bytes[characters++] = (uint32_t)at;
        at += hd_utf8_decode(text + at, size - at, &code);
    }
    tokens->bytes[characters] = (uint32_t)size;
    for (size_t i = tokens->first; i < tokens->last; i++) {
        tokens->items[i].start = tokens->bytes[tokens->items[i].start];
        tokens->items[i].end = tokens->bytes[tokens->items[i].end];
    }
    return HEED_OK;
}

static heed_status put_special(hd_encoding *out, int32_t id, uint32_t type) {
    HD_TRY(reserve(out, 1));
    put(out, &(text_token){.id = id, .word = HD_NO_WORD}, type);
    return HEED_OK;
}

/* The token of the template that names the language is replaced by `language`; with −1 it is left out, with 0 it stays. */
static heed_status assemble(const heed_tokenizer *tokenizer, const hd_arrangement *arrangement, int32_t language,
                            const scratch_memory *scratch, hd_encoding *out) {
    int32_t own = tokenizer->languages.style && language ? tokenizer->languages.source : INT32_MIN;
    out->firsts[0] = out->firsts[1] = out->counts[0] = out->counts[1] = 0;
    if (own == -1 && language > 0) HD_TRY(put_special(out, language, 0));
    for (size_t i = 0; i < arrangement->count; i++) {
        const hd_arranged *item = &arrangement->items[i];
        if (item->kind == HD_ARRANGED_SPECIAL) {
            int32_t id = item->id == own ? language : item->id;
            if (id >= 0) HD_TRY(put_special(out, id, item->type));
            continue;
        }
        const text_tokens *text = &scratch->texts[item->kind];
        HD_TRY(reserve(out, text->last - text->first));
        out->firsts[item->kind] = out->count;
        out->counts[item->kind] = text->last - text->first;
        for (size_t t = text->first; t < text->last; t++) put(out, &text->items[t], item->type);
    }
    return HEED_OK;
}

/* Puts the file's name before the message about a text that it cannot encode. */
static heed_status name_file(const heed_tokenizer *tokenizer, heed_context *context, heed_status status) {
    return status == HEED_OK || status == HEED_MEMORY || !tokenizer->name ? status
                                                                          : hd_fail_in(context, tokenizer->name);
}

static heed_status encode_all(const heed_tokenizer *tokenizer, const char *text, size_t size,
                              const hd_encode_options *options, scratch_memory *scratch, hd_encoding *out) {
    bool pair = options->second != NULL;
    const hd_arrangement *arrangement = &tokenizer->arrangements[pair][options->add_special];
    bool trims = arrangement->trim_count > 0;
    scratch->words = 0;
    HD_TRY(encode_text(tokenizer, text, size, trims, options, scratch, &scratch->texts[0]));
    if (pair)
        HD_TRY(
            encode_text(tokenizer, options->second, options->second_size, trims, options, scratch, &scratch->texts[1]));
    HD_TRY(truncate(options->truncation, arrangement, pair, scratch, out));
    for (int i = 0; i <= pair; i++) trim_text(arrangement, i, &scratch->texts[i]);
    if (options->byte_offsets) {
        HD_TRY(count_bytes(&scratch->context, text, size, &scratch->texts[0]));
        if (pair) HD_TRY(count_bytes(&scratch->context, options->second, options->second_size, &scratch->texts[1]));
    }
    return assemble(tokenizer, arrangement, options->add_special ? options->language : 0, scratch, out);
}

const hd_truncation *hd_tokenizer_truncation(const heed_tokenizer *tokenizer) { return &tokenizer->truncation; }

heed_status hd_tokenizer_encode_with(const heed_tokenizer *tokenizer, heed_context *context, const char *text,
                                     size_t size, const hd_encode_options *options, hd_encoding *out) {
    size_t longest = options->second && options->second_size > size ? options->second_size : size;
    if (longest > HD_LINE_BYTES)
        return hd_fail(context, HEED_LENGTH, "a text of %zu bytes is too long; the limit is %d", longest,
                       HD_LINE_BYTES);
    if (!out->context) out->context = context;
    out->count = 0;
    scratch_memory *scratch = take_scratch(tokenizer, out->context);
    if (!scratch) return HEED_MEMORY;
    hd_encode_options all = *options;
    all.special_as_text = options->special_as_text || context->special_as_text;
    heed_status status = encode_all(tokenizer, text, size, &all, scratch, out);
    if (scratch->context.status == HEED_OK) {
        give_scratch(tokenizer, scratch);
    } else { /* its lines and buffers have failed for good */
        hd_fail_as(out->context, &scratch->context, status);
        close_scratch(scratch);
    }
    return name_file(tokenizer, out->context, status);
}

heed_status hd_tokenizer_encode(const heed_tokenizer *tokenizer, heed_context *context, const char *text, size_t size,
                                bool add_special, hd_encoding *out) {
    return hd_tokenizer_encode_with(tokenizer, context, text, size, &(hd_encode_options){.add_special = add_special},
                                    out);
}

heed_status hd_side_encode(const hd_side_tokenizer *side, heed_context *context, const char *text, size_t size,
                           hd_encoding *out) {
    const hd_encode_options options = {.add_special = true, .language = side->language};
    return hd_tokenizer_encode_with(side->tokenizer, context, text, size, &options, out);
}

/* ---- ids to text ---------------------------------------------------------------------------------------------- */

heed_status hd_tokenizer_join(const heed_tokenizer *tokenizer, hd_strings *strings, hd_buffer *out) {
    if (!tokenizer->decodes) {
        hd_strings_append_joined(strings, " ", out);
        return out->failed || strings->failed ? HEED_MEMORY : HEED_OK;
    }
    HD_TRY(hd_decode_tokens(tokenizer->decoders, tokenizer->decoder_count, strings));
    hd_buffer_append(out, strings->text.data, strings->text.size);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_tokenizer_decode(const heed_tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip_special,
                                hd_buffer *out) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    hd_strings strings;
    hd_strings_open(&strings, out->context);
    for (size_t i = 0; i < count && !strings.failed; i++) {
        if (!hd_vocabulary_has(vocabulary, ids[i])) continue;
        hd_token token = vocabulary->tokens[ids[i]];
        if (token.skipped && skip_special) continue;
        hd_strings_add(&strings, vocabulary->pool.data + token.shown, token.shown_size);
    }
    heed_status status = hd_tokenizer_join(tokenizer, &strings, out);
    hd_strings_close(&strings);
    return status;
}

heed_status hd_tokenizer_decode_range(const heed_tokenizer *tokenizer, const hd_encoding *encoding, size_t first,
                                      size_t end, const char *text, size_t size, hd_buffer *out) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    int32_t unknown = hd_tokenizer_unknown(tokenizer);
    hd_strings strings;
    hd_strings_open(&strings, out->context);
    for (size_t i = first; i < end && !strings.failed; i++) {
        if (!hd_vocabulary_has(vocabulary, encoding->ids[i])) continue;
        hd_token token = vocabulary->tokens[encoding->ids[i]];
        if (encoding->ids[i] != unknown) {
            hd_strings_add(&strings, vocabulary->pool.data + token.shown, token.shown_size);
            continue;
        }
        size_t from = hd_utf8_offset(text, size, encoding->starts[i]);
        hd_strings_add(&strings, text + from, hd_utf8_offset(text, size, encoding->ends[i]) - from);
    }
    heed_status status = hd_tokenizer_join(tokenizer, &strings, out);
    hd_strings_close(&strings);
    return status;
}

/* ---- vocabulary ----------------------------------------------------------------------------------------------- */

size_t hd_tokenizer_size(const heed_tokenizer *tokenizer) { return tokenizer->vocabulary.count; }

int32_t hd_tokenizer_id(const heed_tokenizer *tokenizer, const char *token) {
    return hd_vocabulary_find(&tokenizer->vocabulary, token, strlen(token));
}

const char *hd_tokenizer_token(const heed_tokenizer *tokenizer, int32_t id) {
    return hd_vocabulary_has(&tokenizer->vocabulary, id) ? hd_vocabulary_text(&tokenizer->vocabulary, id) : NULL;
}

bool hd_tokenizer_is_special(const heed_tokenizer *tokenizer, int32_t id) {
    return hd_vocabulary_has(&tokenizer->vocabulary, id) && tokenizer->vocabulary.tokens[id].special;
}

int32_t hd_tokenizer_special(const heed_tokenizer *tokenizer, const char *token) {
    int32_t id = hd_tokenizer_id(tokenizer, token);
    return hd_tokenizer_is_special(tokenizer, id) ? id : -1;
}

int32_t hd_tokenizer_mask(const heed_tokenizer *tokenizer) {
    int32_t id = hd_tokenizer_id(tokenizer, "[MASK]");
    return id >= 0 ? id : hd_tokenizer_id(tokenizer, "<mask>");
}

int32_t hd_tokenizer_unknown(const heed_tokenizer *tokenizer) {
    if (tokenizer->model == HD_MODEL_WORDLEVEL) return tokenizer->wordlevel.unknown;
    if (tokenizer->model == HD_MODEL_UNIGRAM) return hd_unigram_unknown(&tokenizer->unigram);
    return tokenizer->model == HD_MODEL_BPE ? tokenizer->bpe.unknown : tokenizer->wordpiece.unknown;
}

static bool begins_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

bool hd_tokenizer_marks_continuations(const heed_tokenizer *tokenizer) {
    if (tokenizer->model == HD_MODEL_WORDPIECE) return tokenizer->wordpiece.prefix && tokenizer->wordpiece.prefix[0];
    return tokenizer->model == HD_MODEL_BPE && tokenizer->bpe.prefix && tokenizer->bpe.prefix[0];
}

bool hd_tokenizer_continues_word(const heed_tokenizer *tokenizer, const hd_encoding *e, size_t i) {
    const char *token = hd_tokenizer_token(tokenizer, e->ids[i]);
    if (i == 0 || !token || e->starts[i] != e->ends[i - 1]) return false;
    if (tokenizer->model == HD_MODEL_WORDLEVEL) return false;
    if (tokenizer->model == HD_MODEL_WORDPIECE) return begins_with(token, "##");
    return !begins_with(token, "\u2581") && !begins_with(token, "\u0120");
}
