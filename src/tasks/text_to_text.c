/* heed_translate, heed_summarize and heed_rewrite: one core, whose settings come from the task. */
#include "base/utf8.h"
#include "tasks/pieces.h"
#include "tasks/translate.h"
#include "text/sentences.h"

#include <string.h>

typedef struct text_part {
    size_t first, count; /* of the pieces */
    size_t tail;         /* byte of a document after which it has no piece */
    size_t split;        /* sentences of a document in several pieces */
    int64_t tokens;      /* of a text that is no document */
    const char *problem; /* why the text has no pieces, or NULL */
} text_part;

typedef struct converting {
    heed_model *model;
    const hd_decoding *settings;
    const char *const *texts;
    const size_t *sizes;
    size_t count;
    hd_pieces pieces;
    text_part *parts; /* [count] */
    heed_results *decoded, *results;
    hd_buffer text;
} converting;

/* ---- texts to pieces ---- */

static heed_status add_pieces(converting *c, size_t i) {
    text_part *part = &c->parts[i];
    const char *text = c->texts[i];
    size_t size = c->sizes[i];
    if (!c->settings->document || !size) return hd_pieces_add_parts(&c->pieces, i, text, size, &part->tokens);
    return hd_pieces_add_document(&c->pieces, i, text, size, &part->tail, &part->split);
}

/* A text that the tokenizer refuses has a problem, and the others are decoded. */
static heed_status divide(converting *c) {
    for (size_t i = 0; i < c->count; i++) {
        text_part *part = &c->parts[i];
        part->first = c->pieces.count;
        heed_status status = add_pieces(c, i);
        if (status == HEED_LENGTH) {
            c->pieces.count = part->first;
            part->problem = hd_results_copy(c->results, c->model->context->message, strlen(c->model->context->message));
            status = part->problem ? HEED_OK : HEED_MEMORY;
        }
        HD_TRY(status);
        part->count = c->pieces.count - part->first;
    }
    return HEED_OK;
}

/* ---- pieces to texts ---- */

static heed_status note_parts(converting *c, size_t i) {
    const text_part *part = &c->parts[i];
    long long longest = (long long)hd_model_longest(c->model);
    if (part->split)
        return hd_results_note(c->results, i,
                               "%zu sentence%s longer than the model's %lld tokens: each was translated in parts",
                               part->split, part->split == 1 ? " is" : "s are", longest);
    if (part->count > 1 && !c->settings->document)
        return hd_results_note(c->results, i, "%lld tokens are more than the model's %lld: read in %zu parts",
                               (long long)part->tokens, longest, part->count);
    for (size_t j = part->first; j < part->first + part->count; j++) {
        const char *note = heed_results_note(c->decoded, j);
        if (note) return hd_results_note(c->results, i, "%s", note);
    }
    return HEED_OK;
}

/* The first problem of a piece, and the number of alternatives that all pieces have. */
static const char *check_pieces(const converting *c, const text_part *part, size_t *alternatives) {
    *alternatives = part->count ? SIZE_MAX : 1;
    for (size_t j = part->first; j < part->first + part->count; j++) {
        const char *problem = heed_results_problem(c->decoded, j);
        size_t count = heed_results_alternatives(c->decoded, j);
        if (problem) return problem;
        if (count < *alternatives) *alternatives = count;
    }
    return NULL;
}

static heed_status join_answer(converting *c, size_t i, size_t alternative, hd_answer *answer) {
    const text_part *part = &c->parts[i];
    hd_buffer_clear(&c->text);
    for (size_t j = part->first; j < part->first + part->count; j++) {
        const hd_piece *piece = &c->pieces.items[j];
        hd_buffer_append(&c->text, piece->before, piece->before_size);
        hd_pieces_write(&c->pieces, piece, heed_results_text(c->decoded, j, alternative),
                        heed_results_size(c->decoded, j, alternative), &c->text);
        answer->score += heed_results_score(c->decoded, j, alternative);
    }
    if (c->settings->document) hd_buffer_append(&c->text, c->texts[i] + part->tail, c->sizes[i] - part->tail);
    if (c->text.failed) return HEED_MEMORY;
    answer->size = c->text.size;
    if (c->settings->max_words && part->count > 1)
        answer->size = hd_words_end(c->text.data, c->text.size, c->settings->max_words);
    answer->text = hd_results_copy(c->results, c->text.size ? c->text.data : "", answer->size);
    if (part->count == 1) answer->alignment = heed_results_alignment(c->decoded, part->first, alternative);
    return answer->text ? HEED_OK : HEED_MEMORY;
}

static heed_status join(converting *c, size_t i) {
    hd_result *item = &c->results->items[i];
    size_t count;
    const char *problem = c->parts[i].problem ? c->parts[i].problem : check_pieces(c, &c->parts[i], &count);
    if (problem) return hd_results_problem(c->results, i, problem);
    HD_TRY(note_parts(c, i));
    item->answers = hd_arena_alloc(&c->results->arena, count, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    for (size_t j = 0; j < count; j++) {
        item->answers[j] = (hd_answer){.text = NULL};
        HD_TRY(join_answer(c, i, j, &item->answers[j]));
    }
    item->count = count;
    return HEED_OK;
}

/* ---- the whole ---- */

static heed_status decode_pieces(converting *c) {
    size_t count = c->pieces.count;
    const char **texts = hd_alloc(c->model->context, count, sizeof *texts);
    size_t *sizes = hd_alloc(c->model->context, count, sizeof *sizes);
    heed_status status = texts && sizes ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; status == HEED_OK && i < count; i++)
        texts[i] = c->pieces.items[i].text, sizes[i] = c->pieces.items[i].size;
    if (status == HEED_OK) status = hd_translate(c->model, c->settings, texts, sizes, count, &c->decoded);
    hd_free(c->model->context, texts);
    hd_free(c->model->context, sizes);
    return status;
}

static heed_status convert(converting *c) {
    c->parts = hd_alloc_zeroed(c->model->context, c->count, sizeof *c->parts);
    if (!c->parts) return HEED_MEMORY;
    HD_TRY(divide(c));
    heed_status status = decode_pieces(c);
    if (status != HEED_OK && status != HEED_STOPPED) return status;
    for (size_t i = 0; i < c->count; i++) HD_TRY(join(c, i));
    return status;
}

static heed_status convert_in_pieces(heed_model *model, const hd_decoding *settings, const char *const *texts,
                                     const size_t *sizes, size_t count, heed_results **results) {
    converting c = {.model = model, .settings = settings, .texts = texts, .sizes = sizes, .count = count};
    HD_TRY(hd_results_open(model->context, count, results));
    c.results = *results;
    hd_buffer_open(&c.text, model->context);
    hd_pieces_open(&c.pieces, model, settings);
    heed_status status = convert(&c);
    heed_results_close(c.decoded);
    hd_pieces_close(&c.pieces);
    hd_buffer_close(&c.text);
    hd_free(model->context, c.parts);
    if (status == HEED_OK || status == HEED_STOPPED) return status;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

/* A translation of a text that is too long is refused, unless the text is a document. */
static heed_status convert_sized(heed_model *model, const hd_decoding *settings, bool divides, const char *const *texts,
                                 const size_t *sizes, size_t count, heed_results **results) {
    if (divides) return convert_in_pieces(model, settings, texts, sizes, count, results);
    return hd_translate(model, settings, texts, sizes, count, results);
}

/* Texts that are NULL are empty, and without sizes each ends with a 0. */
static heed_status convert_all(heed_model *model, const hd_decoding *settings, bool divides, const char *const *texts,
                               const size_t *sizes, size_t count, heed_results **results) {
    const char **found = hd_alloc(model->context, count, sizeof *found);
    size_t *measured = hd_alloc(model->context, count, sizeof *measured);
    heed_status status = found && measured ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; status == HEED_OK && i < count; i++) {
        found[i] = texts[i] ? texts[i] : "";
        measured[i] = !texts[i] ? 0 : sizes ? sizes[i] : strlen(texts[i]);
    }
    if (status == HEED_OK) status = convert_sized(model, settings, divides, found, measured, count, results);
    hd_free(model->context, found);
    hd_free(model->context, measured);
    return status;
}

static heed_status run(heed_model *model, const heed_options *options, const hd_option_table *table, const char *kind,
                       const char *const *texts, const size_t *sizes, size_t count, heed_results **results) {
    hd_decoding settings;
    *results = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, true, true, kind));
    heed_status status = hd_decoding_open(model, options, table, &settings);
    if (status == HEED_OK) status = hd_model_require_target(model, settings.side, &settings.generation, "to");
    if (status == HEED_OK) status = hd_results_check(model->context, texts, count);
    bool divides = table != &hd_translate_table || settings.document;
    if (status == HEED_OK) status = convert_all(model, &settings, divides, texts, sizes, count, results);
    hd_decoding_close(model->context, &settings);
    return status;
}

heed_status heed_translate(heed_model *model, const heed_options *options, const char *const *texts,
                           const size_t *sizes, size_t count, heed_results **results) {
    return run(model, options, &hd_translate_table, "a translation model", texts, sizes, count, results);
}

heed_status heed_summarize(heed_model *model, const heed_options *options, const char *const *texts,
                           const size_t *sizes, size_t count, heed_results **results) {
    return run(model, options, &hd_summarize_table, "an encoder-decoder such as BART or T5", texts, sizes, count,
               results);
}

heed_status heed_rewrite(heed_model *model, const heed_options *options, const char *const *texts, const size_t *sizes,
                         size_t count, heed_results **results) {
    return run(model, options, &hd_rewrite_table, "an encoder-decoder such as BART or T5", texts, sizes, count,
               results);
}
