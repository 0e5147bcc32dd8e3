/* Each decoder of a tokenizer is applied to all tokens at once, each as if it were alone in the place that it is for. */
#include "text/token_bytes.h"

#include "text/components.h"

#include <string.h>

/* ---- what decoders make of each token ---- */

/* The texts of all ids, as strings: those of invisible tokens are empty. */
static void list_tokens(const heed_tokenizer *tokenizer, const hd_token_texts *t, bool later, hd_strings *strings) {
    const hd_vocabulary *vocabulary = &tokenizer->vocabulary;
    for (int64_t id = 0; id < t->ids && !strings->failed; id++) {
        const hd_token *token = &vocabulary->tokens[id];
        if (t->visible[id] && later && !tokenizer->decodes) hd_buffer_byte(&strings->text, ' ');
        hd_strings_add(strings, vocabulary->pool.data + (t->visible[id] ? token->shown : 0),
                       t->visible[id] ? token->shown_size : 0);
    }
}

/* Replaces each string by the bytes that its characters or its spelling "<0xE2>" stand for. */
static void read_bytes(const hd_token_decoder *decoder, const hd_strings *from, hd_strings *to) {
    for (size_t i = 0; i < from->count && !to->failed; i++) {
        size_t size;
        const char *text = hd_strings_at(from, i, &size);
        int byte = decoder->kind == HD_DECODE_BYTE_FALLBACK ? hd_spelled_byte(text, size) : -1;
        if (decoder->kind == HD_DECODE_BYTE_LEVEL)
            hd_spell_bytes(text, size, &to->text);
        else if (byte < 0)
            hd_buffer_append(&to->text, text, size);
        else
            hd_buffer_byte(&to->text, (char)byte);
        hd_strings_end(to);
    }
}

/* How a chain of decoders treats the strings. */
typedef struct chain {
    bool first, last; /* what each token is treated as */
    bool fused;       /* all strings are one */
    bool bytes;       /* strings may be single bytes, which no later decoder of separate strings may read */
} chain;

/* Whether the text of a token depends on its place alone after this decoder. */
static bool is_separable(const chain *c, const hd_token_decoder *decoder) {
    switch (decoder->kind) {
        case HD_DECODE_FUSE:
            return true;
        case HD_DECODE_STRIP:
            return c->fused ? decoder->stop == 0 && decoder->start <= 1 : !c->bytes;
        default:
            return !c->fused && !c->bytes;
    }
}

/* Applies one decoder to each string of `strings` by itself; `spare` is scratch. */
static void apply(chain *c, const hd_token_decoder *decoder, hd_strings *strings, hd_strings *spare) {
    bool fused = c->fused;
    if (decoder->kind == HD_DECODE_FUSE || decoder->kind == HD_DECODE_BYTE_LEVEL) c->fused = true;
    if (decoder->kind == HD_DECODE_BYTE_FALLBACK) c->bytes = true;
    if (decoder->kind == HD_DECODE_FUSE || (fused && !c->first)) return; /* only the beginning of a text is stripped */
    hd_buffer_clear(&spare->text);
    spare->count = 0;
    if (decoder->kind == HD_DECODE_BYTE_LEVEL || decoder->kind == HD_DECODE_BYTE_FALLBACK)
        read_bytes(decoder, strings, spare);
    else
        hd_decode_separately(decoder, c->first, c->last, strings, spare);
    hd_strings kept = *strings;
    *strings = *spare;
    *spare = kept;
}

/* The texts of all tokens, each as the first one or a later one, and as the last one or not. */
static heed_status decode_all(const heed_tokenizer *tokenizer, const hd_token_texts *t, bool first, bool last,
                              hd_strings *strings) {
    chain c = {.first = first, .last = last};
    hd_strings spare;
    hd_strings_open(&spare, strings->context);
    list_tokens(tokenizer, t, !first, strings);
    heed_status status = HEED_OK;
    for (size_t i = 0; i < tokenizer->decoder_count && status == HEED_OK && !strings->failed; i++) {
        const hd_token_decoder *decoder = &tokenizer->decoders[i];
        if (is_separable(&c, decoder))
            apply(&c, decoder, strings, &spare);
        else
            status =
                hd_fail(strings->context, HEED_UNSUPPORTED,
                        "%s: decoder %zu of the tokenizer, \"%s\", follows decoders with which heed cannot constrain "
                        "texts",
                        tokenizer->name ? tokenizer->name : "tokenizer", i, hd_token_decoder_type(decoder->kind)->name);
    }
    hd_strings_close(&spare);
    if (strings->failed || strings->text.failed) return HEED_MEMORY;
    return status;
}

/* ---- making them ---- */

/* Takes the strings as the texts of a place. */
static heed_status keep_texts(hd_token_texts *t, hd_strings *strings, hd_placed_texts *p) {
    p->bytes = strings->text;
    p->ends = strings->ends;
    hd_buffer_open(&strings->text, t->context);
    strings->ends = NULL;
    strings->count = strings->capacity = 0;
    return hd_token_texts_sort(t, p);
}

/* Tokens after which a space comes before a later one. A token that the last place changes in another way has no text. */
static void find_spaced(hd_token_texts *t, const hd_strings *middle, const hd_strings *last) {
    for (int64_t id = 0; id < t->ids; id++) {
        size_t size, last_size;
        const char *text = hd_strings_at(middle, (size_t)id, &size);
        const char *last_text = hd_strings_at(last, (size_t)id, &last_size);
        t->spaced[id] = size == last_size + 1 && text[last_size] == ' ' && memcmp(text, last_text, last_size) == 0;
    }
}

static heed_status make_place(const heed_tokenizer *tokenizer, hd_token_texts *t, hd_token_place place) {
    bool ends_words = false;
    hd_strings strings, middle;
    hd_strings_open(&strings, t->context);
    hd_strings_open(&middle, t->context);
    heed_status status = decode_all(tokenizer, t, place == HD_TOKEN_FIRST, true, &strings);
    for (size_t i = 0; i < tokenizer->decoder_count; i++) ends_words |= tokenizer->decoders[i].kind == HD_DECODE_BPE;
    if (status == HEED_OK && ends_words && place == HD_TOKEN_LATER) {
        status = decode_all(tokenizer, t, false, false, &middle);
        if (status == HEED_OK) find_spaced(t, &middle, &strings);
    }
    if (status == HEED_OK) status = keep_texts(t, &strings, &t->place[place]);
    hd_strings_close(&strings);
    hd_strings_close(&middle);
    return status;
}

static heed_status make(const heed_tokenizer *tokenizer, heed_context *context, hd_token_texts **texts) {
    hd_token_texts *t = hd_alloc_zeroed(context, 1, sizeof *t);
    *texts = t;
    if (!t) return HEED_MEMORY;
    t->context = context;
    t->ids = (int64_t)tokenizer->vocabulary.count;
    for (int place = 0; place < HD_TOKEN_PLACES; place++) hd_buffer_open(&t->place[place].bytes, context);
    t->visible = hd_alloc_zeroed(context, (size_t)t->ids, sizeof *t->visible);
    t->spaced = hd_alloc_zeroed(context, (size_t)t->ids, sizeof *t->spaced);
    if (!t->visible || !t->spaced) return HEED_MEMORY;
    for (int64_t id = 0; id < t->ids; id++)
        t->visible[id] = tokenizer->vocabulary.tokens[id].present && !tokenizer->vocabulary.tokens[id].skipped;
    for (int place = 0; place < HD_TOKEN_PLACES; place++) HD_TRY(make_place(tokenizer, t, (hd_token_place)place));
    t->context = tokenizer->context;
    for (int place = 0; place < HD_TOKEN_PLACES; place++) t->place[place].bytes.context = tokenizer->context;
    return HEED_OK;
}

heed_status hd_tokenizer_texts(const heed_tokenizer *tokenizer, heed_context *context, const hd_token_texts **texts) {
    heed_tokenizer *shared = (heed_tokenizer *)(uintptr_t)tokenizer; /* as for its scratch memory, the lock is taken */
    pthread_mutex_lock(&shared->lock);
    hd_token_texts *made = NULL, *unused = NULL;
    *texts = shared->texts;
    pthread_mutex_unlock(&shared->lock);
    if (*texts) return HEED_OK;
    heed_status status = make(tokenizer, context, &made);
    if (status != HEED_OK) {
        hd_token_texts_close(made);
        return status;
    }
    pthread_mutex_lock(&shared->lock);
    if (shared->texts)
        unused = made; /* another thread made them at the same time */
    else
        shared->texts = made;
    *texts = shared->texts;
    pthread_mutex_unlock(&shared->lock);
    hd_token_texts_close(unused);
    return HEED_OK;
}
