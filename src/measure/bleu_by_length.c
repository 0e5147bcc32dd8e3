/* BLEU by sentence length, for several files of translations. It shows whether a model loses quality on long
 * sentences (Bahdanau, Cho and Bengio, 2015, figure 2). */
#include "base/file.h"
#include "formats/json.h"
#include "inspect/curves.h"
#include "inspect/label.h"
#include "text/json_text.h"
#include "measure/bleu.h"

#include <stdio.h>
#include <string.h>

typedef struct bucket {
    hd_bleu **series; /* [files]; NULL while no sentence is so long */
    uint64_t sentences, words;
} bucket;

typedef struct by_length {
    const hd_measuring *call;
    int64_t width;
    bucket *buckets; /* [count]: of 1 … width words, of width + 1 … 2 width, … */
    size_t count, capacity;
    bucket all;
} by_length;

static heed_status open_bucket(const by_length *b, bucket *new) {
    if (new->series) return HEED_OK;
    new->series = hd_alloc_zeroed(b->call->context, b->call->count, sizeof *new->series);
    if (!new->series) return HEED_MEMORY;
    for (size_t i = 0; i < b->call->count; i++) HD_TRY(hd_bleu_open_for(b->call, &new->series[i]));
    return HEED_OK;
}

static void close_bucket(const by_length *b, bucket *old) {
    for (size_t i = 0; old->series && i < b->call->count; i++) hd_bleu_close(old->series[i]);
    hd_free(b->call->context, old->series);
}

/* The bucket for a number of words, opened at its first sentence. */
static heed_status find_bucket(by_length *b, uint64_t words, bucket **found) {
    size_t number = words ? (size_t)((words - 1) / (uint64_t)b->width) : 0;
    if (number >= b->count) {
        if (!hd_grow(b->call->context, &b->buckets, &b->capacity, number + 1, sizeof *b->buckets)) return HEED_MEMORY;
        memset(b->buckets + b->count, 0, (number + 1 - b->count) * sizeof *b->buckets);
        b->count = number + 1;
    }
    *found = &b->buckets[number];
    return open_bucket(b, *found);
}

static uint64_t count_words(const char *text, size_t size) {
    uint64_t count = 0;
    bool blank = true;
    for (size_t i = 0; i < size; i++) {
        bool next = text[i] == ' ' || text[i] == '\t' || text[i] == '\r';
        count += blank && !next;
        blank = next;
    }
    return count;
}

static heed_status add_sentence(const by_length *b, const hd_parallel_files *s, size_t references, uint64_t words,
                                bucket *to) {
    size_t files = b->call->count;
    for (size_t i = 0; i < files; i++)
        HD_TRY(hd_bleu_add(to->series[i], s->texts[i], s->sizes[i], s->texts + files, s->sizes + files, references));
    to->sentences++;
    to->words += words;
    return HEED_OK;
}

static heed_status read_files(by_length *b, hd_parallel_files *s) {
    const hd_bleu_settings *settings = b->call->settings;
    size_t references = settings->reference.count;
    size_t measured = settings->source ? s->count - 1 : b->call->count; /* whose words are counted */
    HD_TRY(open_bucket(b, &b->all));
    for (bool more;;) {
        bucket *found;
        HD_TRY(hd_parallel_files_next(s, &more));
        if (!more) return HEED_OK;
        uint64_t words = count_words(s->texts[measured], s->sizes[measured]);
        HD_TRY(find_bucket(b, words, &found));
        HD_TRY(add_sentence(b, s, references, words, found));
        HD_TRY(add_sentence(b, s, references, words, &b->all));
    }
}

/* ---- reports ---- */

static double score_of(const hd_bleu *bleu) {
    hd_bleu_result result;
    hd_bleu_score(bleu, &result);
    return result.score;
}

static double mean_length(const bucket *b) { return (double)b->words / (double)b->sentences; }

static void report_row(const by_length *b, const char *name, const bucket *row) {
    hd_buffer *out = b->call->out;
    hd_buffer_format(out, "\n%9s %9llu", name, (unsigned long long)row->sentences);
    for (size_t i = 0; i < b->call->count; i++) {
        for (int64_t cells = hd_text_cells(hd_path_name(b->call->files[i])); cells > 6; cells--)
            hd_buffer_byte(out, ' ');
        hd_report_number(out, "  %6.2f", score_of(row->series[i]));
    }
}

static void report_text(const by_length *b) {
    hd_buffer *out = b->call->out;
    hd_buffer_text(out, "    words sentences");
    for (size_t i = 0; i < b->call->count; i++) {
        const char *name = hd_path_name(b->call->files[i]);
        for (int64_t cells = hd_text_cells(name); cells < 6; cells++) hd_buffer_byte(out, ' ');
        hd_buffer_text(out, "  ");
        hd_buffer_visible(out, name);
    }
    for (size_t i = 0; i < b->count; i++) {
        char name[48];
        if (!b->buckets[i].sentences) continue;
        snprintf(name, sizeof name, "%lld-%lld", (long long)((int64_t)i * b->width + 1),
                 (long long)((int64_t)(i + 1) * b->width));
        report_row(b, name, &b->buckets[i]);
    }
    report_row(b, "all", &b->all);
    hd_buffer_byte(out, '\n');
    hd_bleu_signature(b->all.series[0], out);
}

static json_t *scores_json(const by_length *b, const bucket *row) {
    json_t *scores = json_array();
    int failed = 0;
    for (size_t i = 0; i < b->call->count; i++)
        failed |= json_array_append_new(scores, json_real(score_of(row->series[i])));
    if (!failed) return scores;
    json_decref(scores);
    return NULL;
}

static heed_status report_json(const by_length *b) {
    heed_context *context = b->call->context;
    json_t *names = json_array(), *buckets = json_array();
    int failed = 0;
    hd_buffer signature;
    hd_buffer_open(&signature, context);
    hd_bleu_signature(b->all.series[0], &signature);
    for (size_t i = 0; i < b->call->count; i++)
        failed |= json_array_append_new(names, hd_json_text(context, b->call->files[i]));
    for (size_t i = 0; i < b->count; i++) {
        const bucket *row = &b->buckets[i];
        if (!row->sentences) continue;
        failed |= json_array_append_new(
            buckets, json_pack("{s:I, s:I, s:I, s:f, s:o}", "from", (json_int_t)((int64_t)i * b->width + 1), "to",
                               (json_int_t)((int64_t)(i + 1) * b->width), "sentences", (json_int_t)row->sentences,
                               "mean_length", mean_length(row), "bleu", scores_json(b, row)));
    }
    const hd_bleu_settings *settings = b->call->settings;
    json_t *report = json_pack("{s:s, s:o, s:o, s:o, s:s}", "lengths_of", settings->source ? "source" : "reference",
                               "series", names, "buckets", buckets, "bleu", scores_json(b, &b->all), "signature",
                               signature.failed ? "" : signature.data);
    heed_status status = report && !failed && !signature.failed ? hd_json_append(context, report, b->call->out)
                                                                : hd_json_no_memory(context, "the report");
    json_decref(report);
    hd_buffer_close(&signature);
    return status;
}

/* The fewest sentences of a bucket that is drawn: BLEU of fewer is mostly chance. 1 if no bucket has more. */
static uint64_t fewest_drawn(const by_length *b) {
    enum { FEWEST = 30 };
    for (size_t i = 0; i < b->count; i++)
        if (b->buckets[i].sentences >= FEWEST) return FEWEST;
    return 1;
}

/* x of a point is the mean length of its sentences. */
static heed_status draw(const by_length *b) {
    heed_context *context = b->call->context;
    const hd_bleu_settings *settings = b->call->settings;
    size_t files = b->call->count, points = 0;
    hd_series *series = hd_alloc(context, files, sizeof *series);
    double *x = hd_alloc(context, b->count, sizeof *x), *y = hd_alloc(context, files * b->count, sizeof *y);
    hd_buffer picture;
    hd_buffer_open(&picture, context);
    heed_status status = series && x && y ? HEED_OK : HEED_MEMORY;
    char axis[96];
    uint64_t fewest = fewest_drawn(b);
    snprintf(axis, sizeof axis, "words of the %s%s", settings->source ? "source" : "reference",
             fewest > 1 ? ", where at least 30 sentences are so long" : "");
    for (size_t i = 0; i < b->count && status == HEED_OK; i++) {
        if (b->buckets[i].sentences < fewest) continue;
        x[points] = mean_length(&b->buckets[i]);
        for (size_t f = 0; f < files; f++) y[f * b->count + points] = score_of(b->buckets[i].series[f]);
        points++;
    }
    for (size_t f = 0; f < files && status == HEED_OK; f++)
        series[f] = (hd_series){hd_path_name(b->call->files[f]), x, y + f * b->count, (int64_t)points};
    hd_curves curves = {.title = "BLEU by sentence length",
                        .x_title = axis,
                        .y_title = "BLEU",
                        .series = series,
                        .count = (int64_t)files};
    if (status == HEED_OK) status = hd_draw_svg_curves(&curves, &picture);
    if (status == HEED_OK) status = hd_file_write(context, b->call->picture, picture.data, picture.size);
    hd_buffer_close(&picture);
    hd_free(context, series);
    hd_free(context, x);
    hd_free(context, y);
    return status;
}

static heed_status measure(const hd_measuring *m) {
    const hd_bleu_settings *settings = m->settings;
    by_length b = {.call = m, .width = settings->bucket};
    hd_parallel_files files;
    if (!m->count) return hd_fail(m->context, HEED_ARGUMENT, "files is empty: name the files of translations");
    heed_status status = hd_bleu_open_files(m, settings->source, &files);
    if (status == HEED_OK) status = read_files(&b, &files);
    if (status == HEED_OK && m->picture) status = draw(&b);
    if (status == HEED_OK && m->json) status = report_json(&b);
    if (status == HEED_OK && !m->json) report_text(&b);
    hd_parallel_files_close(&files);
    for (size_t i = 0; i < b.count; i++) close_bucket(&b, &b.buckets[i]);
    close_bucket(&b, &b.all);
    hd_free(m->context, b.buckets);
    return status;
}

heed_status heed_evaluate_bleu_by_length(heed_context *context, const heed_options *options, const char *const *files,
                                         size_t count, bool json, const char *picture, char **out) {
    hd_measuring m = {.context = context, .files = files, .count = count, .json = json, .picture = picture};
    return hd_measure(m, &hd_bleu_table, options, measure, out);
}
