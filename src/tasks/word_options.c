#include "tasks/word_options.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

/* Sequences of tokens that are being collected: of the model's files, then of options. */
typedef struct collection {
    hd_buffer ids;    /* int32_t */
    hd_buffer starts; /* int32_t [count + 1] */
    hd_buffer biases; /* float [count] */
    int64_t count, of_files;
} collection;

typedef struct resolving {
    const heed_model *model;
    const heed_tokenizer *tokenizer;
    hd_arena *arena;
    hd_encoding encoding, before; /* scratch */
    hd_buffer text;
} resolving;

static heed_context *context_of(const resolving *r) { return r->model->context; }

/* ---- collections ---- */

static const int32_t *ids_of(const collection *c, int64_t i, int64_t *count) {
    const int32_t *starts = (const int32_t *)(const void *)c->starts.data;
    *count = starts[i + 1] - starts[i];
    return (const int32_t *)(const void *)c->ids.data + starts[i];
}

/* The sequence with these tokens, from `first` on; −1: there is none. */
static int64_t find_sequence(const collection *c, int64_t first, const int32_t *ids, int64_t count) {
    for (int64_t i = first; i < c->count; i++) {
        int64_t other;
        const int32_t *tokens = ids_of(c, i, &other);
        if (other == count && memcmp(tokens, ids, (size_t)count * sizeof *ids) == 0) return i;
    }
    return -1;
}

static heed_status add_sequence(collection *c, const int32_t *ids, int64_t count, float bias) {
    hd_buffer_append(&c->ids, (const char *)ids, (size_t)count * sizeof *ids);
    int32_t end = (int32_t)(c->ids.size / sizeof *ids);
    hd_buffer_append(&c->starts, (const char *)&end, sizeof end);
    hd_buffer_append(&c->biases, (const char *)&bias, sizeof bias);
    if (c->ids.failed || c->starts.failed || c->biases.failed) return HEED_MEMORY;
    c->count++;
    return HEED_OK;
}

static heed_status open_collection(heed_context *context, const hd_sequences *of_files, collection *c) {
    const int32_t zero = 0;
    *c = (collection){.count = 0};
    hd_buffer_open(&c->ids, context), hd_buffer_open(&c->starts, context), hd_buffer_open(&c->biases, context);
    hd_buffer_append(&c->starts, (const char *)&zero, sizeof zero);
    if (c->starts.failed) return HEED_MEMORY;
    for (int64_t i = 0; i < of_files->count; i++)
        HD_TRY(add_sequence(c, of_files->ids + of_files->starts[i], of_files->starts[i + 1] - of_files->starts[i],
                            of_files->biases ? of_files->biases[i] : -INFINITY));
    c->of_files = c->count;
    return HEED_OK;
}

static void close_collection(collection *c) {
    hd_buffer_close(&c->ids), hd_buffer_close(&c->starts), hd_buffer_close(&c->biases);
}

static void *copy_buffer(hd_arena *arena, const hd_buffer *buffer) {
    void *copy = hd_arena_alloc(arena, buffer->size, 1);
    if (copy && buffer->size) memcpy(copy, buffer->data, buffer->size);
    return copy;
}

static heed_status keep_collection(const collection *c, hd_arena *arena, bool biased, hd_sequences *out) {
    const int32_t *ids = copy_buffer(arena, &c->ids), *starts = copy_buffer(arena, &c->starts);
    const float *biases = biased ? copy_buffer(arena, &c->biases) : NULL;
    if (!ids || !starts || (biased && !biases)) return HEED_MEMORY;
    *out = (hd_sequences){c->count, ids, starts, biases};
    return HEED_OK;
}

/* ---- words to tokens ---- */

static heed_status encode(const resolving *r, const char *text, size_t size, hd_encoding *encoding) {
    return hd_tokenizer_encode(r->tokenizer, context_of(r), text, size, false, encoding);
}

static bool model_has(const resolving *r, const hd_ids *ids) {
    for (int64_t i = 0; i < ids->count; i++)
        if (ids->ids[i] >= hd_recipe_target_vocabulary(&r->model->network->recipe)) return false;
    return true;
}

/* The tokens of the word alone. */
static heed_status encode_alone(resolving *r, const char *option, const char *word, size_t size, hd_ids *ids) {
    int32_t unknown = hd_tokenizer_unknown(r->tokenizer);
    if (!size) return hd_fail(context_of(r), HEED_ARGUMENT, "%s is empty, expected a word", option);
    HD_TRY(encode(r, word, size, &r->encoding));
    *ids = (hd_ids){r->encoding.ids, (int64_t)r->encoding.count};
    if (!ids->count || hd_ids_have(ids, unknown))
        return hd_fail(context_of(r), HEED_ARGUMENT, "%s: the vocabulary of the model lacks \"%.*s\"", option,
                       (int)hd_min((int64_t)size, 100), word);
    if (!model_has(r, ids))
        return hd_fail(context_of(r), HEED_ARGUMENT, "%s: \"%.*s\" has a token that the model lacks", option,
                       (int)hd_min((int64_t)size, 100), word);
    return HEED_OK;
}

/* The tokens of the word after another one: those that follow the tokens of "a" in "a word". None if these differ. */
static heed_status encode_after(resolving *r, const char *word, size_t size, hd_ids *ids) {
    static const char first[] = "a ";
    *ids = (hd_ids){0};
    hd_buffer_clear(&r->text);
    hd_buffer_text(&r->text, first);
    hd_buffer_append(&r->text, word, size);
    if (r->text.failed) return HEED_MEMORY;
    HD_TRY(encode(r, first, 1, &r->before));
    HD_TRY(encode(r, r->text.data, r->text.size, &r->encoding));
    size_t before = r->before.count;
    if (r->encoding.count > before && memcmp(r->encoding.ids, r->before.ids, before * sizeof *r->before.ids) == 0)
        *ids = (hd_ids){r->encoding.ids + before, (int64_t)(r->encoding.count - before)};
    return HEED_OK;
}

/* Adds the word, alone and after another one, as its tokens may differ. */
static heed_status add_word(resolving *r, collection *c, const char *option, const char *word, size_t size,
                            float bias) {
    hd_ids ids;
    int64_t first = c->count;
    HD_TRY(encode_alone(r, option, word, size, &ids));
    for (int after = 0; after < 2; after++) {
        if (after) HD_TRY(encode_after(r, word, size, &ids));
        if (!ids.count || find_sequence(c, first, ids.ids, ids.count) >= 0) continue;
        if (find_sequence(c, c->of_files, ids.ids, ids.count) >= 0)
            return hd_fail(context_of(r), HEED_ARGUMENT, "%s has \"%.*s\" twice", option,
                           (int)hd_min((int64_t)size, 100), word);
        HD_TRY(add_sequence(c, ids.ids, ids.count, bias));
    }
    return HEED_OK;
}

/* Whether a text is a token's id: digits alone. */
static bool read_id(const char *text, size_t size, int64_t *id) {
    char digits[16];
    if (!size || size >= sizeof digits || strspn(text, "0123456789") < size) return false;
    memcpy(digits, text, size);
    digits[size] = 0;
    return hd_read_int(digits, id);
}

/* ---- biases ---- */

/* "word=number": the word, or its id, or the word in quotes, which may then be a number or contain commas. */
typedef struct bias_item {
    const char *word;
    size_t size;
    bool quoted;
    double bias;
} bias_item;

/* Reads the item at *text and moves on to the next; false if it is none. */
static bool read_item(const char **text, bias_item *item) {
    const char *at = *text, *end;
    item->quoted = *at == '"' && strstr(at + 1, "\"=");
    item->word = at + item->quoted;
    end = item->quoted ? strstr(item->word, "\"=") : strchr(at, '=');
    if (!end) return false;
    item->size = (size_t)(end - item->word);
    const char *number = end + 1 + item->quoted;
    size_t size = strcspn(number, ",");
    char copy[64];
    if (!size || size >= sizeof copy) return false;
    memcpy(copy, number, size);
    copy[size] = 0;
    *text = number + size + (number[size] == ',');
    return hd_read_double(copy, &item->bias) && isfinite((float)item->bias);
}

static heed_status add_id(const resolving *r, collection *c, int64_t id, float bias) {
    int64_t vocabulary = hd_recipe_target_vocabulary(&r->model->network->recipe);
    int32_t token = (int32_t)hd_min(id, INT32_MAX);
    if (id >= vocabulary)
        return hd_fail(context_of(r), HEED_ARGUMENT, "logit-bias: %lld is not one of the model's %lld tokens",
                       (long long)id, (long long)vocabulary);
    if (find_sequence(c, c->of_files, &token, 1) >= 0)
        return hd_fail(context_of(r), HEED_ARGUMENT, "logit-bias has token %lld twice", (long long)id);
    return add_sequence(c, &token, 1, bias);
}

static heed_status add_biases(resolving *r, collection *c, const char *value) {
    const char *text = value;
    do {
        bias_item item;
        int64_t id;
        if (!read_item(&text, &item))
            return hd_fail(context_of(r), HEED_ARGUMENT,
                           "logit-bias is \"%.200s\", expected WORD=NUMBER or ID=NUMBER, separated by commas", value);
        if (!item.quoted && read_id(item.word, item.size, &id))
            HD_TRY(add_id(r, c, id, (float)item.bias));
        else
            HD_TRY(add_word(r, c, "logit-bias", item.word, item.size, (float)item.bias));
    } while (*text);
    return HEED_OK;
}

/* Biases of the files for tokens that options have a bias for change nothing. */
static void override_biases(const collection *c) {
    float *biases = (float *)(void *)c->biases.data;
    for (int64_t i = 0; i < c->of_files; i++) {
        int64_t count;
        const int32_t *ids = ids_of(c, i, &count);
        if (find_sequence(c, c->of_files, ids, count) >= 0) biases[i] = -0.0f;
    }
}

static heed_status resolve_biases(resolving *r, const hd_string_list *values, hd_generation *g) {
    collection c;
    heed_status status = open_collection(context_of(r), &g->sequence_bias, &c);
    for (size_t i = 0; i < values->count && status == HEED_OK; i++) status = add_biases(r, &c, values->items[i]);
    if (status == HEED_OK) override_biases(&c);
    if (status == HEED_OK) status = keep_collection(&c, r->arena, true, &g->sequence_bias);
    close_collection(&c);
    return status;
}

/* ---- forbidden words ---- */

/* transformers does not forbid an end token; an option that changes nothing is refused. */
static heed_status check_forbidden(const resolving *r, const collection *c, int64_t first, const char *word,
                                   const hd_generation *g) {
    for (int64_t i = first; i < c->count; i++) {
        int64_t count;
        const int32_t *ids = ids_of(c, i, &count);
        if (count == 1 && hd_ids_have(&g->ends, ids[0]))
            return hd_fail(context_of(r), HEED_ARGUMENT,
                           "forbid: \"%.100s\" ends texts; min-new-tokens forbids it for a number of tokens", word);
    }
    return HEED_OK;
}

static heed_status resolve_forbidden(resolving *r, const hd_string_list *values, hd_generation *g) {
    collection c;
    heed_status status = open_collection(context_of(r), &g->bad_words, &c);
    for (size_t i = 0; i < values->count && status == HEED_OK; i++) {
        int64_t first = c.count;
        status = add_word(r, &c, "forbid", values->items[i], strlen(values->items[i]), -INFINITY);
        if (status == HEED_OK) status = check_forbidden(r, &c, first, values->items[i], g);
    }
    if (status == HEED_OK) status = keep_collection(&c, r->arena, false, &g->bad_words);
    close_collection(&c);
    return status;
}

/* ---- forced words ---- */

/* Alternatives are separated by bars. Each is encoded as it is after another word, where the tokenizer distinguishes that. */
static heed_status add_alternatives(resolving *r, collection *c, const char *value) {
    for (const char *word = value;; word++) {
        hd_ids ids, after;
        size_t size = strcspn(word, "|");
        HD_TRY(encode_alone(r, "force", word, size, &ids));
        HD_TRY(encode_after(r, word, size, &after));
        if (!after.count) HD_TRY(encode_alone(r, "force", word, size, &after));
        HD_TRY(add_sequence(c, after.ids, after.count, 0));
        word += size;
        if (!*word) return HEED_OK;
    }
}

static heed_status collect_forced(resolving *r, const hd_string_list *values, const hd_forced_words *of_files,
                                  collection *c, int32_t *starts) {
    for (int64_t i = 0; i <= of_files->count; i++) starts[i] = of_files->count ? of_files->starts[i] : 0;
    for (size_t i = 0; i < values->count; i++) {
        HD_TRY(add_alternatives(r, c, values->items[i]));
        starts[of_files->count + (int64_t)i + 1] = (int32_t)c->count;
    }
    return HEED_OK;
}

static heed_status resolve_forced(resolving *r, const hd_string_list *values, hd_generation *g) {
    collection c;
    hd_forced_words forced = {.count = g->forced_words.count + (int64_t)values->count};
    int32_t *starts = hd_arena_alloc(r->arena, (size_t)forced.count + 1, sizeof *starts);
    if (!starts) return HEED_MEMORY;
    heed_status status = open_collection(context_of(r), &g->forced_words.words, &c);
    if (status == HEED_OK) status = collect_forced(r, values, &g->forced_words, &c, starts);
    if (status == HEED_OK) status = keep_collection(&c, r->arena, false, &forced.words);
    close_collection(&c);
    HD_TRY(status);
    forced.starts = starts;
    g->forced_words = forced;
    if (!hd_forced_words_overlap(&forced)) return HEED_OK;
    return hd_fail(context_of(r), HEED_ARGUMENT, "force: one of several alternatives begins another one");
}

/* ---- stop strings, and forced tokens ---- */

static heed_status resolve_stops(const resolving *r, const hd_string_list *values, hd_generation *g) {
    const hd_stop_strings *of_files = &g->stop_strings;
    size_t count = (size_t)of_files->count + values->count;
    const char **texts = hd_arena_alloc(r->arena, count, sizeof *texts);
    size_t *sizes = hd_arena_alloc(r->arena, count, sizeof *sizes);
    if (!texts || !sizes) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        bool given = i >= (size_t)of_files->count;
        const char *text = given ? values->items[i - (size_t)of_files->count] : of_files->texts[i];
        sizes[i] = given ? strlen(text) : of_files->sizes[i];
        if (!sizes[i])
            return hd_fail(context_of(r), HEED_ARGUMENT, "stop is empty, expected a text that ends the output");
        char *copy = hd_arena_alloc(r->arena, sizes[i] + 1, 1);
        if (!copy) return HEED_MEMORY;
        texts[i] = memcpy(copy, text, sizes[i] + 1);
    }
    g->stop_strings = (hd_stop_strings){(int64_t)count, texts, sizes};
    return HEED_OK;
}

static heed_status resolve_token(resolving *r, const char *option, const char *value, hd_ids *out) {
    int64_t id, vocabulary = hd_recipe_target_vocabulary(&r->model->network->recipe);
    if (!value) return HEED_OK;
    *out = (hd_ids){0};
    if (strcmp(value, "none") == 0) return HEED_OK;
    if (!read_id(value, strlen(value), &id)) id = hd_tokenizer_id(r->tokenizer, value);
    if (id < 0 || id >= vocabulary)
        return hd_fail(context_of(r), HEED_ARGUMENT, "%s is \"%.200s\", expected one of the model's %lld tokens",
                       option, value, (long long)vocabulary);
    int32_t *ids = hd_arena_alloc(r->arena, 1, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    ids[0] = (int32_t)id;
    *out = (hd_ids){ids, 1};
    return HEED_OK;
}

static heed_status resolve_all(resolving *r, const hd_word_options *words, hd_generation *g) {
    if (words->forced_bos && !hd_recipe_translates(&r->model->network->recipe))
        return hd_fail(
            context_of(r), HEED_ARGUMENT,
            "forced-bos is the first token of a translation, but a language model's text begins with a prompt");
    HD_TRY(resolve_token(r, "forced-bos", words->forced_bos, &g->forced_first));
    HD_TRY(resolve_token(r, "forced-eos", words->forced_eos, &g->forced_last));
    if (words->logit_bias.count) HD_TRY(resolve_biases(r, &words->logit_bias, g));
    if (words->forbid.count) HD_TRY(resolve_forbidden(r, &words->forbid, g));
    if (words->force.count) HD_TRY(resolve_forced(r, &words->force, g));
    return words->stop.count ? resolve_stops(r, &words->stop, g) : HEED_OK;
}

heed_status hd_word_options_resolve(const heed_model *model, const heed_tokenizer *tokenizer,
                                    const hd_word_options *words, hd_arena *arena, hd_generation *generation) {
    resolving r = {.model = model, .tokenizer = tokenizer, .arena = arena};
    hd_buffer_open(&r.text, model->context);
    heed_status status = resolve_all(&r, words, generation);
    hd_encoding_close(&r.encoding);
    hd_encoding_close(&r.before);
    hd_buffer_close(&r.text);
    return status;
}
