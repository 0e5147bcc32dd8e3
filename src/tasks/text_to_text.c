/* heed_translate, heed_summarize and heed_rewrite: one core, whose settings come from the task. */
#include "base/utf8.h"
#include "tasks/parts.h"
#include "tasks/translate.h"
#include "text/sentences.h"

#include <string.h>

typedef struct text_range {
    size_t first, count; /* of the parts */
    size_t tail;         /* byte of a document after which it has no part */
    size_t split;        /* sentences of a document in several parts */
    int64_t tokens;      /* of a text that is no document */
    const char *problem; /* why the text has no parts, or NULL */
} text_range;

typedef struct converting {
    heed_model *model;
    const hd_decoding *settings;
    const char *const *texts;
    const size_t *sizes;
    size_t count;
    hd_text_parts parts;
    text_range *ranges; /* [count] */
    heed_results *decoded, *results;
    hd_buffer text;
} converting;

/* ---- texts to parts ---- */

static heed_status add_parts(converting *c, size_t i) {
    text_range *range = &c->ranges[i];
    const char *text = c->texts[i];
    size_t size = c->sizes[i];
    if (!c->settings->document || !size) return hd_text_parts_add_text(&c->parts, i, text, size, &range->tokens);
    return hd_text_parts_add_document(&c->parts, i, text, size, &range->tail, &range->split);
}

/* A text that the tokenizer refuses has a problem, and the others are decoded. */
static heed_status divide(converting *c) {
    for (size_t i = 0; i < c->count; i++) {
        text_range *range = &c->ranges[i];
        range->first = c->parts.count;
        heed_status status = add_parts(c, i);
        if (status == HEED_LENGTH) {
            c->parts.count = range->first;
            range->problem =
                hd_results_copy(c->results, c->model->context->message, strlen(c->model->context->message));
            status = range->problem ? HEED_OK : HEED_MEMORY;
        }
        HD_TRY(status);
        range->count = c->parts.count - range->first;
    }
    return HEED_OK;
}

/* ---- parts to texts ---- */

static heed_status note_parts(converting *c, size_t i) {
    const text_range *range = &c->ranges[i];
    long long longest = (long long)hd_model_longest(c->model);
    if (range->split)
        return hd_results_note(c->results, i,
                               "%zu sentence%s longer than the model's %lld tokens: each was translated in parts",
                               range->split, range->split == 1 ? " is" : "s are", longest);
    if (range->count > 1 && !c->settings->document)
        return hd_results_note(c->results, i, "%lld tokens are more than the model's %lld: read in %zu parts",
                               (long long)range->tokens, longest, range->count);
    for (size_t j = range->first; j < range->first + range->count; j++) {
        const char *note = heed_results_note(c->decoded, j);
        if (note) return hd_results_note(c->results, i, "%s", note);
    }
    return HEED_OK;
}

/* The first problem of a part, and the number of alternatives that all parts have. */
static const char *check_parts(const converting *c, const text_range *range, size_t *alternatives) {
    *alternatives = range->count ? SIZE_MAX : 1;
    for (size_t j = range->first; j < range->first + range->count; j++) {
        const char *problem = heed_results_problem(c->decoded, j);
        size_t count = heed_results_alternatives(c->decoded, j);
        if (problem) return problem;
        if (count < *alternatives) *alternatives = count;
    }
    return NULL;
}

static heed_status join_answer(converting *c, size_t i, size_t alternative, hd_answer *answer) {
    const text_range *range = &c->ranges[i];
    hd_buffer_clear(&c->text);
    for (size_t j = range->first; j < range->first + range->count; j++) {
        const hd_text_part *part = &c->parts.items[j];
        hd_buffer_append(&c->text, part->before, part->before_size);
        hd_text_parts_write(&c->parts, part, heed_results_text(c->decoded, j, alternative),
                            heed_results_size(c->decoded, j, alternative), &c->text);
        answer->score += heed_results_score(c->decoded, j, alternative);
    }
    if (c->settings->document) hd_buffer_append(&c->text, c->texts[i] + range->tail, c->sizes[i] - range->tail);
    if (c->text.failed) return HEED_MEMORY;
    answer->size = c->text.size;
    if (c->settings->max_words && range->count > 1)
        answer->size = hd_words_end(c->text.data, c->text.size, c->settings->max_words);
    answer->text = hd_results_copy(c->results, c->text.size ? c->text.data : "", answer->size);
    if (range->count == 1) answer->alignment = heed_results_alignment(c->decoded, range->first, alternative);
    return answer->text ? HEED_OK : HEED_MEMORY;
}

static heed_status join(converting *c, size_t i) {
    hd_result *item = &c->results->items[i];
    size_t count;
    const char *problem = c->ranges[i].problem ? c->ranges[i].problem : check_parts(c, &c->ranges[i], &count);
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

static heed_status decode_parts(converting *c) {
    size_t count = c->parts.count;
    const char **texts = hd_alloc(c->model->context, count, sizeof *texts);
    size_t *sizes = hd_alloc(c->model->context, count, sizeof *sizes);
    heed_status status = texts && sizes ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; status == HEED_OK && i < count; i++)
        texts[i] = c->parts.items[i].text, sizes[i] = c->parts.items[i].size;
    if (status == HEED_OK) status = hd_translate(c->model, c->settings, texts, sizes, count, &c->decoded);
    hd_free(c->model->context, texts);
    hd_free(c->model->context, sizes);
    return status;
}

static heed_status convert(converting *c) {
    c->ranges = hd_alloc_zeroed(c->model->context, c->count, sizeof *c->ranges);
    if (!c->ranges) return HEED_MEMORY;
    HD_TRY(divide(c));
    heed_status status = decode_parts(c);
    if (status != HEED_OK && status != HEED_STOPPED) return status;
    for (size_t i = 0; i < c->count; i++) HD_TRY(join(c, i));
    return status;
}

static heed_status convert_in_parts(heed_model *model, const hd_decoding *settings, const char *const *texts,
                                    const size_t *sizes, size_t count, heed_results **results) {
    converting c = {.model = model, .settings = settings, .texts = texts, .sizes = sizes, .count = count};
    HD_TRY(hd_results_open(model->context, count, results));
    c.results = *results;
    hd_buffer_open(&c.text, model->context);
    hd_text_parts_open(&c.parts, model, settings);
    heed_status status = convert(&c);
    heed_results_close(c.decoded);
    hd_text_parts_close(&c.parts);
    hd_buffer_close(&c.text);
    hd_free(model->context, c.ranges);
    if (status == HEED_OK || status == HEED_STOPPED) return status;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

/* A translation of a text that is too long is refused, unless the text is a document. */
static heed_status convert_sized(heed_model *model, const hd_decoding *settings, bool divides, const char *const *texts,
                                 const size_t *sizes, size_t count, heed_results **results) {
    if (divides) return convert_in_parts(model, settings, texts, sizes, count, results);
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
