/* What a model takes in before it computes anything: the embeddings of tokens, and those of positions. */
#include "inspect/neighbours.h"
#include "inspect/principal.h"
#include "inspect/vectors.h"
#include "inspect/words.h"
#include "layers/stack.h"
#include "tasks/look.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { USUAL_EMBEDDINGS = 40, USUAL_POSITIONS = 64, USUAL_NEIGHBOURS = 10, TITLE = 160 };

/* The table that tokens are looked up in: the encoder's, or the decoder's where that stands alone. */
static const hd_parameter *input_table(const heed_model *model) {
    const hd_network *network = model->network;
    return network->recipe.side[HD_ENCODER].layers ? network->source_embedding : network->target_embedding;
}

/* What a picture is called, with two numbers in it. */
static const char *title_of(hd_arena *arena, const char *what, int64_t a, const char *of, int64_t b) {
    char *title = hd_arena_alloc(arena, TITLE, 1);
    if (title) snprintf(title, TITLE, "%s %lld%s %lld", what, (long long)a, of, (long long)b);
    return title;
}

/* Hands over a picture that was made, or closes it. */
static heed_status finish(heed_status status, heed_picture *made, heed_picture **picture) {
    if (status == HEED_OK)
        *picture = made;
    else
        heed_picture_close(made);
    return status;
}

/* ---- tokens that are words -------------------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* Vocabularies mark the first pieces of words ("▁dog", "Ġdog") or the later ones ("##s"); one of characters does neither. */
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

/* *word is the word that a token is by itself, without blanks around it, or NULL when it is none; single letters, of which
 * words are built, are words only where there is nothing else. */
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
    int64_t letters = 0;
    uint32_t code;
    for (size_t i = 0, size = strlen(at); i < size; letters++) {
        i += hd_utf8_decode(at + i, size - i, &code);
        if (!hd_is_word(code)) return HEED_OK;
    }
    if (letters >= (marks == UNMARKED ? 1 : 2)) *word = at;
    return HEED_OK;
}

static const char *keep(hd_arena *arena, const char *text) {
    char *copy = hd_arena_alloc(arena, strlen(text) + 1, 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* ---- embeddings ------------------------------------------------------------------------------------------------- */

/* The first words of the vocabulary: those who make one put the frequent ones first. */
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

/* Each token of a text once, in the order of the text. */
static heed_status tokens_of(const heed_model *model, const char *text, size_t size, int64_t most, int32_t *ids,
                             int64_t *count) {
    hd_encoding encoding = {0};
    heed_status status = hd_tokenizer_encode(model->tokenizer, model->context, text, size, false, &encoding);
    for (size_t i = 0; status == HEED_OK && i < encoding.count; i++) {
        bool again = false;
        for (int64_t j = 0; j < *count; j++) again |= ids[j] == encoding.ids[i];
        if (again) continue;
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
        hd_parameter_row(table, ids[i], values + i * table->columns);
    }
    v->rows = count, v->columns = table->columns;
    v->values = values, v->points = points, v->labels = labels, v->what = "embeddings";
    v->title = title_of(
        arena, words ? "Embeddings of the vocabulary's first words:" : "Embeddings of the text's tokens:", count,
        " of width", v->columns);
    if (!v->title) return HEED_MEMORY;
    return hd_principal_components(model->context, values, count, v->columns, points, v->shares);
}

static heed_status make_embeddings(const heed_model *model, const hd_look *look, const char *text, size_t size,
                                   hd_vectors *v) {
    enum { MOST = 512 };
    int32_t ids[MOST];
    int64_t count = 0;
    hd_buffer word;
    hd_buffer_open(&word, model->context);
    heed_status status =
        text ? tokens_of(model, text, size, MOST, ids, &count)
             : first_words(model->tokenizer, look->count ? look->count : USUAL_EMBEDDINGS, &word, ids, &count);
    if (status == HEED_OK && !count)
        status = hd_fail(model->context, HEED_ARGUMENT,
                         text ? "there is no text to look at" : "the vocabulary has no whole words");
    if (status == HEED_OK) status = fill_embeddings(model, ids, count, !text, &word, v);
    hd_buffer_close(&word);
    return status;
}

heed_status heed_inspect_embeddings(heed_model *model, const heed_options *options, const char *text, size_t size,
                                    heed_picture **picture) {
    static const char *const with_text[] = {"format", NULL}, *const without[] = {"format", "count", NULL};
    hd_look look;
    hd_vectors *v = NULL;
    *picture = NULL;
    heed_status status = hd_look_read(model->context, options, NULL, &look);
    if (status == HEED_OK)
        status = hd_look_allow(model->context, options, text ? "embeddings of a text" : "embeddings",
                               text ? with_text : without);
    if (status == HEED_OK) status = hd_vectors_open(model->context, &v);
    if (status == HEED_OK) status = make_embeddings(model, &look, text, size, v);
    hd_look_free(model->context, &look);
    return finish(status, v ? &v->picture : NULL, picture);
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* The table of positions that a look asks for: trained ones, or those that are computed. */
/* The side whose positions are shown. */
static heed_status find_positions(const heed_model *model, const hd_look *look, hd_network_side *which) {
    const hd_network *network = model->network;
    const hd_recipe *recipe = &network->recipe;
    if (recipe->architecture == HD_RECURRENT)
        return hd_fail(model->context, HEED_UNSUPPORTED,
                       "a recurrent model has no positions: it reads one token after another");
    bool decoder = look->kind == 2 || (look->kind == 0 && !recipe->side[HD_ENCODER].layers);
    if (look->kind == 3 || (decoder ? !recipe->side[HD_DECODER].layers : !recipe->side[HD_ENCODER].layers))
        return hd_fail(model->context, HEED_ARGUMENT, "the model has no %s with positions",
                       look->kind == 3 ? "cross-attention"
                       : decoder       ? "decoder"
                                       : "encoder");
    *which = decoder ? HD_DECODER : HD_ENCODER;
    return HEED_OK;
}

static heed_status make_positions(const heed_model *model, const hd_look *look, hd_vectors *v) {
    static const char *const notes[] = {
        [HD_POSITIONS_SINUSOIDAL] = "sines in the first half of the columns, cosines in the second",
        [HD_POSITIONS_LEARNED] = NULL,
        [HD_POSITIONS_ROTARY] = "sines and cosines of the angles by which each head's columns are turned in pairs"};
    const hd_recipe *recipe = &model->network->recipe;
    hd_network_side which = HD_ENCODER;
    HD_TRY(find_positions(model, look, &which));
    const hd_side_recipe *side = &recipe->side[which];
    const hd_stack_side *weights = &((const hd_stack *)model->network)->side[which];
    const float *fixed = weights->sinusoids ? weights->sinusoids : weights->angles;
    v->columns = weights->angles ? hd_side_head_width(side, recipe->width) : recipe->width;
    v->rows = hd_min(look->count ? look->count : USUAL_POSITIONS, side->max_positions);
    float *values = hd_arena_alloc(&v->picture.arena, (size_t)(v->rows * v->columns), sizeof *values);
    v->title = title_of(&v->picture.arena, hd_choice_title(hd_position_kinds, side->positions), v->rows, " of",
                        side->max_positions);
    if (!values || !v->title) return HEED_MEMORY;
    for (int64_t row = 0; weights->positions && row < v->rows; row++)
        hd_parameter_row(weights->positions, side->position_offset + row, values + row * v->columns);
    if (!weights->positions) memcpy(values, fixed, (size_t)(v->rows * v->columns) * sizeof *values);
    v->values = values, v->what = "positions", v->note = notes[side->positions];
    return HEED_OK;
}

heed_status heed_inspect_positions(heed_model *model, const heed_options *options, heed_picture **picture) {
    static const char *const allowed[] = {"format", "count", "kind", NULL};
    hd_look look;
    hd_vectors *v = NULL;
    *picture = NULL;
    heed_status status = hd_look_read(model->context, options, NULL, &look);
    if (status == HEED_OK) status = hd_look_allow(model->context, options, "positions", allowed);
    if (status == HEED_OK) status = hd_vectors_open(model->context, &v);
    if (status == HEED_OK) status = make_positions(model, &look, v);
    hd_look_free(model->context, &look);
    return finish(status, v ? &v->picture : NULL, picture);
}

/* ---- neighbours ------------------------------------------------------------------------------------------------- */

/* The token that a word is; behind a blank it is another in vocabularies that mark blanks. */
static heed_status find_word(const heed_model *model, const char *word, int32_t *id) {
    hd_encoding encoding = {0};
    hd_buffer text;
    *id = -1;
    if (word[strspn(word, " \t\r\n")] == 0)
        return hd_fail(model->context, HEED_ARGUMENT, "nearest to a blank is nothing");
    hd_buffer_open(&text, model->context);
    hd_buffer_format(&text, " %s", word);
    heed_status status = text.failed ? HEED_MEMORY : HEED_OK;
    size_t tokens = 0;
    for (int blank = 1; blank >= 0 && *id < 0 && status == HEED_OK; blank--) {
        status = hd_tokenizer_encode(model->tokenizer, model->context, text.data + 1 - blank,
                                     text.size - 1 + (size_t)blank, false, &encoding);
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

/* Keeps the nearest in order; of equal ones the first. */
static void insert(hd_neighbours *n, int64_t most, const char *word, double cosine) {
    int64_t at = n->count;
    if (at == most && cosine <= n->nearest[most - 1].cosine) return;
    if (at == most)
        at--;
    else
        n->count++;
    for (; at > 0 && n->nearest[at - 1].cosine < cosine; at--) n->nearest[at] = n->nearest[at - 1];
    n->nearest[at] = (hd_neighbour){word, cosine};
}

static heed_status make_neighbours(const heed_model *model, const hd_look *look, const char *word, hd_neighbours *n) {
    const hd_parameter *table = input_table(model);
    hd_arena *arena = &n->picture.arena;
    int64_t most = look->count ? look->count : USUAL_NEIGHBOURS, width = table->columns;
    word_marks marks = find_marks(model->tokenizer);
    int32_t own;
    HD_TRY(find_word(model, word, &own));
    float *query = hd_arena_alloc(arena, (size_t)width, sizeof *query),
          *row = hd_arena_alloc(arena, (size_t)width, sizeof *row);
    n->nearest = hd_arena_alloc(arena, (size_t)most, sizeof *n->nearest);
    n->word = keep(arena, word);
    if (!query || !row || !n->nearest || !n->word) return HEED_MEMORY;
    hd_parameter_row(table, own, query);
    hd_buffer text;
    hd_buffer_open(&text, model->context);
    heed_status status = HEED_OK;
    int32_t size = (int32_t)hd_min((int64_t)hd_tokenizer_size(model->tokenizer), table->rows);
    for (int32_t id = 0; id < size && status == HEED_OK; id++) {
        const char *other;
        status = word_of(model->tokenizer, marks, id, &text, &other);
        if (status != HEED_OK || !other || id == own) continue;
        hd_parameter_row(table, id, row);
        double norms = sqrt(dot(row, row, width)) * sqrt(dot(query, query, width));
        double cosine = norms > 0 ? dot(row, query, width) / norms : 0;
        if (n->count == most && cosine <= n->nearest[most - 1].cosine) continue;
        other = keep(arena, other);
        if (other)
            insert(n, most, other, cosine);
        else
            status = HEED_MEMORY;
    }
    hd_buffer_close(&text);
    return status;
}

heed_status heed_inspect_nearest(heed_model *model, const heed_options *options, const char *word,
                                 heed_picture **picture) {
    static const char *const allowed[] = {"format", "count", NULL};
    hd_look look;
    hd_neighbours *n = NULL;
    *picture = NULL;
    heed_status status = hd_look_read(model->context, options, NULL, &look);
    if (status == HEED_OK) status = hd_look_allow(model->context, options, "nearest words", allowed);
    if (status == HEED_OK) status = hd_neighbours_open(model->context, &n);
    if (status == HEED_OK) status = make_neighbours(model, &look, word, n);
    hd_look_free(model->context, &look);
    return finish(status, n ? &n->picture : NULL, picture);
}
