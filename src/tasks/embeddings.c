/* Pictures of a model's input embeddings: tokens, positions, and the nearest neighbours of a word. */
#include "base/best.h"
#include "inspect/neighbours.h"
#include "inspect/principal.h"
#include "inspect/vectors.h"
#include "inspect/words.h"
#include "layers/positions.h"
#include "layers/stack.h"
#include "tasks/inspect_settings.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_EMBEDDINGS = 40, DEFAULT_POSITIONS = 64, DEFAULT_NEIGHBOURS = 10, TITLE = 160 };

/* The embedding table of the encoder, or of the decoder where there is no encoder. */
static const hd_parameter *input_table(const heed_model *model) {
    const hd_network *network = model->network;
    return network->recipe.side[HD_ENCODER].layers ? network->source_embedding : network->target_embedding;
}

/* A picture's title: "Embeddings of the text's tokens: 4 of width 64". */
static const char *title_of(hd_arena *arena, const char *what, int64_t a, const char *of, int64_t b) {
    char *title = hd_arena_alloc(arena, TITLE, 1);
    if (title) snprintf(title, TITLE, "%s %lld%s %lld", what, (long long)a, of, (long long)b);
    return title;
}

/* Passes a finished picture to the caller; closes it after a failure. */
static heed_status finish(heed_status status, heed_picture *finished, heed_picture **picture) {
    if (status == HEED_OK)
        *picture = finished;
    else
        heed_picture_close(finished);
    return status;
}

/* ---- whole-word tokens -------------------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* Vocabularies mark the first sub-word token of a word ("▁dog", "Ġdog") or the others ("##s"); a vocabulary of
 * characters marks none. */
typedef enum word_marks { UNMARKED, FIRST_MARKED, LATER_MARKED } word_marks;

static word_marks find_marks(const heed_tokenizer *tokenizer) {
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(tokenizer); id++) {
        const char *token = hd_tokenizer_token(tokenizer, id);
        if (!token) continue;
        if (begins_with(token, "##") && token[2]) return LATER_MARKED;
        if ((begins_with(token, "▁") && token[strlen("▁")]) || (begins_with(token, "Ġ") && token[strlen("Ġ")]))
            return FIRST_MARKED;
    }
    return UNMARKED;
}

static bool begins_word(const char *token, word_marks marks) {
    if (marks == LATER_MARKED) return !begins_with(token, "##");
    return marks == UNMARKED || begins_with(token, "▁") || begins_with(token, "Ġ");
}

/* *word is the token's text without spaces around it if the token is a whole word, else NULL. A single character counts
 * as a word only in a vocabulary of characters. */
static heed_status word_of(const heed_tokenizer *tokenizer, word_marks marks, int32_t id, hd_buffer *text,
                           const char **word) {
    const char *token = hd_tokenizer_token(tokenizer, id);
    *word = NULL;
    if (!token || hd_tokenizer_is_special(tokenizer, id) || !begins_word(token, marks)) return HEED_OK;
    hd_buffer_clear(text);
    HD_TRY(hd_tokenizer_decode(tokenizer, &id, 1, true, text));
    const char *at = text->data;
    if (!at) return HEED_OK;
    while (*at == ' ') at++;
    int64_t characters = 0;
    uint32_t code;
    for (size_t i = 0, size = strlen(at); i < size; characters++) {
        i += hd_utf8_decode(at + i, size - i, &code);
        if (!hd_is_word(code)) return HEED_OK;
    }
    if (characters >= (marks == UNMARKED ? 1 : 2)) *word = at;
    return HEED_OK;
}

static const char *keep(hd_arena *arena, const char *text) {
    char *copy = hd_arena_alloc(arena, strlen(text) + 1, 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* ---- embeddings ------------------------------------------------------------------------------------------------- */

/* The first words of the vocabulary, which are the most frequent in common vocabularies. */
static heed_status first_words(const heed_tokenizer *tokenizer, int64_t most, hd_buffer *text, int32_t *ids,
                               int64_t *count) {
    word_marks marks = find_marks(tokenizer);
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(tokenizer) && *count < most; id++) {
        const char *word;
        HD_TRY(word_of(tokenizer, marks, id, text, &word));
        if (word) ids[(*count)++] = id;
    }
    return HEED_OK;
}

/* The distinct tokens of a text, in the order of their first occurrence. */
static heed_status tokens_of(const heed_model *model, const char *text, size_t size, int64_t most, int32_t *ids,
                             int64_t *count) {
    hd_encoding encoding = {0};
    heed_status status = hd_tokenizer_encode(model->tokenizer, model->context, text, size, false, &encoding);
    for (size_t i = 0; status == HEED_OK && i < encoding.count; i++) {
        bool known = false;
        for (int64_t j = 0; j < *count; j++) known |= ids[j] == encoding.ids[i];
        if (known) continue;
        if (*count == most)
            status =
                hd_fail(model->context, HEED_LENGTH, "the text has more than %lld different tokens", (long long)most);
        else
            ids[(*count)++] = encoding.ids[i];
    }
    hd_encoding_close(&encoding);
    return status;
}

static heed_status fill_embeddings(const heed_model *model, const int32_t *ids, int64_t count, bool words,
                                   hd_buffer *text, hd_vectors *v) {
    const hd_parameter *table = input_table(model);
    hd_arena *arena = &v->picture.arena;
    word_marks marks = find_marks(model->tokenizer);
    float *values = hd_arena_alloc(arena, (size_t)(count * table->columns), sizeof *values);
    double *points = hd_arena_alloc(arena, (size_t)(2 * count), sizeof *points);
    const char **labels = hd_arena_alloc(arena, (size_t)count, sizeof *labels);
    if (!values || !points || !labels) return HEED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const char *word;
        HD_TRY(word_of(model->tokenizer, marks, ids[i], text, &word));
        labels[i] = word ? keep(arena, word) : hd_token_label(model->tokenizer, ids[i], arena);
        if (!labels[i]) return HEED_MEMORY;
    }
    HD_TRY(hd_network_rows(model->context, table, ids, count, values));
    v->rows = count, v->columns = table->columns;
    v->values = values, v->points = points, v->labels = labels, v->what = "embeddings";
    v->title = title_of(
        arena, words ? "Embeddings of the vocabulary's first words:" : "Embeddings of the text's tokens:", count,
        " of width", v->columns);
    if (!v->title) return HEED_MEMORY;
    return hd_principal_components(model->context, values, count, v->columns, points, v->shares);
}

static heed_status make_embeddings(const heed_model *model, const hd_inspect_settings *settings, const char *text,
                                   size_t size, hd_vectors *v) {
    enum { MOST = 512 };
    int32_t ids[MOST];
    int64_t count = 0;
    hd_buffer word;
    hd_buffer_open(&word, model->context);
    heed_status status = text ? tokens_of(model, text, size, MOST, ids, &count)
                              : first_words(model->tokenizer, settings->count ? settings->count : DEFAULT_EMBEDDINGS,
                                            &word, ids, &count);
    if (status == HEED_OK && !count)
        status = hd_fail(model->context, HEED_ARGUMENT,
                         text ? "the text has no tokens" : "the vocabulary has no whole words");
    if (status == HEED_OK) status = fill_embeddings(model, ids, count, !text, &word, v);
    hd_buffer_close(&word);
    return status;
}

heed_status heed_inspect_embeddings(heed_model *model, const heed_options *options, const char *text, size_t size,
                                    heed_picture **picture) {
    static const char *const with_text[] = {"format", NULL}, *const without[] = {"format", "count", NULL};
    hd_inspect_settings settings;
    hd_vectors *v = NULL;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, NULL, &settings);
    if (status == HEED_OK)
        status = hd_inspect_settings_allow(model->context, options, text ? "embeddings of a text" : "embeddings",
                                           text ? with_text : without);
    if (status == HEED_OK) status = hd_vectors_open(model->context, &v);
    if (status == HEED_OK) status = make_embeddings(model, &settings, text, size, v);
    hd_inspect_settings_free(model->context, &settings);
    return finish(status, v ? &v->picture : NULL, picture);
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* The side whose positional encodings the settings select. */
static heed_status find_positions(const heed_model *model, const hd_inspect_settings *settings,
                                  hd_network_side *which) {
    const hd_network *network = model->network;
    const hd_recipe *recipe = &network->recipe;
    if (recipe->architecture == HD_RECURRENT)
        return hd_fail(model->context, HEED_UNSUPPORTED, "the model is recurrent and has no positional encodings");
    bool decoder = settings->kind == 2 || (settings->kind == 0 && !recipe->side[HD_ENCODER].layers);
    if (settings->kind == 3 || (decoder ? !recipe->side[HD_DECODER].layers : !recipe->side[HD_ENCODER].layers))
        return hd_fail(model->context, HEED_ARGUMENT, "the model has no %s with positional encodings",
                       settings->kind == 3 ? "cross-attention"
                       : decoder           ? "decoder"
                                           : "encoder");
    *which = decoder ? HD_DECODER : HD_ENCODER;
    if (recipe->side[*which].positions == HD_POSITIONS_NONE)
        return hd_fail(model->context, HEED_UNSUPPORTED, "the model adds no positional encodings");
    return HEED_OK;
}

static heed_status learned_rows(const heed_model *model, const hd_parameter *table, int64_t first, int64_t rows,
                                float *values) {
    int32_t *ids = hd_alloc(model->context, (size_t)rows, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    for (int64_t row = 0; row < rows; row++) ids[row] = (int32_t)(first + row);
    heed_status status = hd_network_rows(model->context, table, ids, rows, values);
    hd_free(model->context, ids);
    return status;
}

static heed_status make_positions(const heed_model *model, const hd_inspect_settings *settings, hd_vectors *v) {
    static const char *const notes[] = {
        [HD_POSITIONS_SINUSOIDAL] = "sines in the first half of the columns, cosines in the second",
        [HD_POSITIONS_LEARNED] = NULL,
        [HD_POSITIONS_ROTARY] = "sines and cosines of the angles by which each head's columns are turned in pairs",
        [HD_POSITIONS_SINUSOIDAL_APART] = "sines in the first half of the columns, cosines in the second"};
    const hd_recipe *recipe = &model->network->recipe;
    hd_network_side which = HD_ENCODER;
    HD_TRY(find_positions(model, settings, &which));
    const hd_side_recipe *side = &recipe->side[which];
    const hd_parameter *learned = hd_network_layer(model->network, which, 0)[HD_MODULE_POSITIONS].whole;
    v->columns = learned ? learned->columns : hd_fixed_columns(side, recipe->width);
    v->rows = hd_min(settings->count ? settings->count : DEFAULT_POSITIONS, side->max_positions);
    float *values = hd_arena_alloc(&v->picture.arena, (size_t)(v->rows * v->columns), sizeof *values);
    v->title = title_of(&v->picture.arena, hd_choice_title(hd_position_kinds, side->positions), v->rows, " of",
                        side->max_positions);
    if (!values || !v->title) return HEED_MEMORY;
    if (learned)
        HD_TRY(learned_rows(model, learned, side->position_offset, v->rows, values));
    else
        hd_fixed_positions(side, recipe->width, 0, v->rows, values);
    v->values = values, v->what = "positions", v->note = notes[side->positions];
    return HEED_OK;
}

heed_status heed_inspect_positions(heed_model *model, const heed_options *options, heed_picture **picture) {
    static const char *const allowed[] = {"format", "count", "kind", NULL};
    hd_inspect_settings settings;
    hd_vectors *v = NULL;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, NULL, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(model->context, options, "positions", allowed);
    if (status == HEED_OK) status = hd_vectors_open(model->context, &v);
    if (status == HEED_OK) status = make_positions(model, &settings, v);
    hd_inspect_settings_free(model->context, &settings);
    return finish(status, v ? &v->picture : NULL, picture);
}

/* ---- neighbours ------------------------------------------------------------------------------------------------- */

/* The token of a word: the one after a space, where the vocabulary distinguishes it, else the one without. */
static heed_status find_word(const heed_model *model, const char *word, int32_t *id) {
    hd_encoding encoding = {0};
    hd_buffer text;
    *id = -1;
    if (hd_text_is_blank(word, strlen(word)))
        return hd_fail(model->context, HEED_ARGUMENT, "nearest needs a word, but there are only spaces");
    hd_buffer_open(&text, model->context);
    hd_buffer_format(&text, " %s", word);
    heed_status status = text.failed ? HEED_MEMORY : HEED_OK;
    size_t tokens = 0;
    for (int space = 1; space >= 0 && *id < 0 && status == HEED_OK; space--) {
        status = hd_tokenizer_encode(model->tokenizer, model->context, text.data + 1 - space,
                                     text.size - 1 + (size_t)space, false, &encoding);
        if (status == HEED_OK && encoding.count == 1) *id = encoding.ids[0];
        tokens = encoding.count;
    }
    if (status == HEED_OK && *id < 0)
        status =
            hd_fail(model->context, HEED_ARGUMENT, "\"%s\" is not one token of the vocabulary but %zu", word, tokens);
    if (status == HEED_OK && *id == hd_tokenizer_unknown(model->tokenizer))
        status = hd_fail(model->context, HEED_ARGUMENT, "\"%s\" is not in the vocabulary", word);
    hd_buffer_close(&text);
    hd_encoding_close(&encoding);
    return status;
}

static double dot(const float *a, const float *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

enum { RANKED_AT_ONCE = 256 };

/* Ranks the rows [count, width] of some words. */
static heed_status rank_rows(const heed_model *model, const int32_t *ids, int64_t count, const float *query,
                             float *rows, int64_t most, hd_ranked *ranked, hd_neighbours *n) {
    const hd_parameter *table = input_table(model);
    int64_t width = table->columns;
    HD_TRY(hd_network_rows(model->context, table, ids, count, rows));
    for (int64_t i = 0; i < count; i++) {
        const float *row = rows + i * width;
        double norms = sqrt(dot(row, row, width)) * sqrt(dot(query, query, width));
        double cosine = norms > 0 ? dot(row, query, width) / norms : 0;
        hd_keep_best(ranked, &n->count, most, sizeof *ranked, &(hd_ranked){(float)cosine, ids[i]});
    }
    return HEED_OK;
}

/* Ranks the vocabulary's whole words but `own` by their cosine similarity with it: ranked [most], count → n->count. */
static heed_status rank_words(const heed_model *model, int32_t own, int64_t most, hd_ranked *ranked, hd_buffer *text,
                              hd_neighbours *n) {
    const hd_parameter *table = input_table(model);
    int64_t width = table->columns, size = hd_min((int64_t)hd_tokenizer_size(model->tokenizer), table->rows);
    word_marks marks = find_marks(model->tokenizer);
    float *query = hd_arena_alloc(&n->picture.arena, (size_t)width, sizeof *query);
    float *rows = hd_arena_alloc(&n->picture.arena, (size_t)width, RANKED_AT_ONCE * sizeof *rows);
    int32_t ids[RANKED_AT_ONCE];
    int64_t count = 0;
    if (!query || !rows) return HEED_MEMORY;
    HD_TRY(hd_network_rows(model->context, table, &own, 1, query));
    for (int32_t id = 0; id < size; id++) {
        const char *word;
        HD_TRY(word_of(model->tokenizer, marks, id, text, &word));
        if (!word || id == own) continue;
        ids[count++] = id;
        if (count == RANKED_AT_ONCE) {
            HD_TRY(rank_rows(model, ids, count, query, rows, most, ranked, n));
            count = 0;
        }
    }
    return rank_rows(model, ids, count, query, rows, most, ranked, n);
}

static heed_status set_neighbours(const heed_model *model, const hd_ranked *ranked, hd_buffer *text, hd_neighbours *n) {
    word_marks marks = find_marks(model->tokenizer);
    for (int64_t i = 0; i < n->count; i++) {
        const char *word;
        HD_TRY(word_of(model->tokenizer, marks, ranked[i].item, text, &word));
        n->nearest[i] = (hd_neighbour){keep(&n->picture.arena, word), (double)ranked[i].score};
        if (!n->nearest[i].word) return HEED_MEMORY;
    }
    return HEED_OK;
}

static heed_status make_neighbours(const heed_model *model, const hd_inspect_settings *settings, const char *word,
                                   hd_neighbours *n) {
    hd_arena *arena = &n->picture.arena;
    int64_t most = settings->count ? settings->count : DEFAULT_NEIGHBOURS;
    int32_t own;
    HD_TRY(find_word(model, word, &own));
    hd_ranked *ranked = hd_arena_alloc(arena, (size_t)most, sizeof *ranked);
    n->nearest = hd_arena_alloc(arena, (size_t)most, sizeof *n->nearest);
    n->word = keep(arena, word);
    if (!ranked || !n->nearest || !n->word) return HEED_MEMORY;
    hd_buffer text;
    hd_buffer_open(&text, model->context);
    heed_status status = rank_words(model, own, most, ranked, &text, n);
    if (status == HEED_OK) status = set_neighbours(model, ranked, &text, n);
    hd_buffer_close(&text);
    return status;
}

heed_status heed_inspect_nearest(heed_model *model, const heed_options *options, const char *word,
                                 heed_picture **picture) {
    static const char *const allowed[] = {"format", "count", NULL};
    hd_inspect_settings settings;
    hd_neighbours *n = NULL;
    *picture = NULL;
    heed_status status = hd_inspect_settings_read(model->context, options, NULL, &settings);
    if (status == HEED_OK) status = hd_inspect_settings_allow(model->context, options, "nearest words", allowed);
    if (status == HEED_OK) status = hd_neighbours_open(model->context, &n);
    if (status == HEED_OK) status = make_neighbours(model, &settings, word, n);
    hd_inspect_settings_free(model->context, &settings);
    return finish(status, n ? &n->picture : NULL, picture);
}
