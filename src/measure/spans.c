/* Precision, recall and F1 of labelled spans, such as named entities. */
#include "tasks/encoded.h"
#include "measure/answers.h"
#include "measure/evaluate.h"
#include "measure/metrics/spans.h"
#include "data/readers/sentence.h"

#include <string.h>

typedef struct spans_settings {
    char *reference;
} spans_settings;

static const hd_setting rows[] = {
    {"reference", HD_SETTING_STRING, offsetof(spans_settings, reference), NULL, 0, 0, "FILE",
     "without a model: file of expected labels, a word first and its label last in each line"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(spans_settings)};

heed_status heed_span_f1_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct tally {
    const hd_measuring *call;
    hd_answers answers;
    hd_buffer lengths; /* int64: words of each sentence */
    hd_sentence expected, predicted;
    hd_buffer chosen; /* int32: the model's label of each word, −1 of one that has no token */
} tally;

/* ---- answers of a file ---- */

static heed_status compare_sentences(tally *j, const hd_lines *expected, const hd_lines *predicted) {
    const hd_sentence *a = &j->expected, *b = &j->predicted;
    if (a->words == b->words && a->text.size == b->text.size &&
        (!a->words || memcmp(a->text.data, b->text.data, a->text.size) == 0))
        return HEED_OK;
    if (!a->words || !b->words)
        return hd_fail(j->call->context, HEED_FORMAT, "%s: line %llu: %s has no such sentence",
                       a->words ? expected->path : predicted->path, (unsigned long long)(a->words ? a->line : b->line),
                       a->words ? predicted->path : expected->path);
    return hd_fail(j->call->context, HEED_FORMAT, "%s: line %llu: another sentence than that from line %llu of %s",
                   predicted->path, (unsigned long long)b->line, (unsigned long long)a->line, expected->path);
}

/* ---- answers of a model ---- */

static heed_status select_words(void *user, const hd_encoded *e, int32_t *selected, int64_t *count) {
    tally *j = user;
    HD_TRY(hd_sentence_find_first_tokens(&j->expected, e->encoding));
    const int32_t *first_tokens = hd_sentence_first_tokens(&j->expected);
    for (size_t i = 0; i < j->expected.words; i++)
        if (first_tokens[i] >= 0) selected[(*count)++] = first_tokens[i];
    return HEED_OK;
}

static heed_status choose(void *user, const hd_encoded *e) {
    tally *j = user;
    if (!e->row_count) return HEED_OK;
    const int32_t *first_tokens = hd_sentence_first_tokens(&j->expected);
    int32_t *labels = hd_pass_alloc(e->pass, (size_t)e->row_count, sizeof *labels);
    if (!labels) return e->pass->status;
    HD_TRY(hd_choose_labels(e, labels));
    int32_t *chosen = (int32_t *)(void *)j->chosen.data;
    for (size_t i = 0, at = 0; i < j->expected.words; i++)
        if (first_tokens[i] >= 0) chosen[i] = labels[at++];
    return HEED_OK;
}

static heed_status predict_sentence(tally *j, const hd_lines *lines) {
    const hd_sentence *s = &j->expected;
    const char *text = s->text.data;
    const int32_t none = -1;
    heed_results *results;
    hd_buffer_clear(&j->chosen);
    for (size_t i = 0; i < s->words; i++) hd_buffer_append(&j->chosen, &none, sizeof none);
    if (j->chosen.failed) return HEED_MEMORY;
    static const hd_encoded_task task = {HD_HEAD_CLASSIFY_TOKENS, "a token classification model", select_words, choose};
    const hd_encoded_texts texts = {.texts = &text, .sizes = &s->text.size, .count = 1};
    HD_TRY(hd_encode_texts(j->call->model, &task, &texts, j, &results));
    if (heed_results_problem(results, 0))
        hd_note(j->call->context, "%s: line %llu: %s; nothing is found in this sentence", lines->path,
                (unsigned long long)s->line, heed_results_problem(results, 0));
    heed_results_close(results);
    return HEED_OK;
}

/* ---- both ---- */

static heed_status add_sentence(tally *j, const char *path) {
    const heed_model *model = j->call->model;
    const char *expected = j->expected.labels.data, *predicted = j->predicted.labels.data;
    int64_t length = (int64_t)j->expected.words;
    hd_buffer_append(&j->lengths, &length, sizeof length);
    for (int64_t i = 0; i < length; i++) {
        if (model) {
            int32_t chosen = ((const int32_t *)(const void *)j->chosen.data)[i];
            predicted = chosen < 0 ? "O" : model->labels[chosen];
            hd_answers_check(&j->answers, model, expected, strlen(expected), path, j->expected.line + (uint64_t)i);
        }
        HD_TRY(hd_answers_add(&j->answers, expected, strlen(expected), predicted, strlen(predicted)));
        expected += strlen(expected) + 1;
        if (!model) predicted += strlen(predicted) + 1;
    }
    return j->lengths.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status read_sentences(tally *j, hd_lines *expected, hd_lines *predicted) {
    for (;;) {
        HD_TRY(hd_sentence_read(&j->expected, expected));
        if (predicted) {
            HD_TRY(hd_sentence_read(&j->predicted, predicted));
            HD_TRY(compare_sentences(j, expected, predicted));
        }
        if (!j->expected.words) break;
        if (!predicted) HD_TRY(predict_sentence(j, expected));
        HD_TRY(add_sentence(j, expected->path));
    }
    if (!j->answers.count) return hd_fail(j->call->context, HEED_FORMAT, "%s has no words", expected->path);
    return HEED_OK;
}

static heed_status read_files(tally *j) {
    const spans_settings *settings = j->call->settings;
    hd_parallel_files files;
    const char *const paths[] = {j->call->model ? j->call->files[0] : settings->reference, j->call->files[0]};
    size_t count = j->call->model ? 1 : 2;
    heed_status status = hd_parallel_files_open(j->call->context, paths, count, &files);
    if (status == HEED_OK) status = read_sentences(j, &files.files[0], count == 2 ? &files.files[1] : NULL);
    hd_parallel_files_close(&files);
    return status;
}

/* ---- the report ---- */

/* The kinds of spans, and the kind of each label. */
typedef struct kinds {
    hd_labels names;
    int32_t *of;       /* [labels] */
    hd_counts *counts; /* [names] */
} kinds;

static heed_status count_spans(tally *j, kinds *k) {
    heed_context *context = j->call->context;
    const hd_answers *a = &j->answers;
    for (size_t i = 0; i < a->labels.count; i++) {
        const char *kind = hd_span_kind(a->labels.names[i]);
        HD_TRY(hd_labels_add(context, &k->names, kind, strlen(kind)));
    }
    k->of = hd_alloc(context, a->labels.count, sizeof *k->of);
    k->counts = hd_alloc_zeroed(context, k->names.count, sizeof *k->counts);
    if (!k->of || !k->counts) return HEED_MEMORY;
    for (size_t i = 0; i < a->labels.count; i++) {
        const char *kind = hd_span_kind(a->labels.names[i]);
        k->of[i] = hd_labels_find(&k->names, kind, strlen(kind));
    }
    const int64_t *lengths = (const int64_t *)(const void *)j->lengths.data;
    hd_spans spans = {0};
    for (int64_t at = 0; at < a->count; at += *lengths++)
        hd_spans_add(&spans, k->counts, k->of, (const char *const *)a->labels.names, a->expected + at,
                     a->predicted + at, *lengths);
    return HEED_OK;
}

static bool is_kind(const kinds *k, size_t i) { return k->counts[i].expected || k->counts[i].predicted; }

/* As seqeval names them. */
static heed_status report_json(const kinds *k, const hd_counts *all, double accuracy, hd_buffer *out) {
    json_t *report = json_object();
    int failed = 0;
    for (size_t i = 0; i < k->names.count; i++)
        if (is_kind(k, i)) failed |= json_object_set_new(report, k->names.names[i], hd_counts_json(&k->counts[i]));
    failed |= json_object_set_new(report, "overall_precision", json_real(hd_precision(all) / 100));
    failed |= json_object_set_new(report, "overall_recall", json_real(hd_recall(all) / 100));
    failed |= json_object_set_new(report, "overall_f1", json_real(hd_f1(all) / 100));
    failed |= json_object_set_new(report, "overall_accuracy", json_real(accuracy / 100));
    return hd_report_json(out, report, failed);
}

static void report_text(const kinds *k, const hd_counts *all, double accuracy, int64_t words, hd_buffer *out) {
    hd_report_number(out, "span F1 %.2f", hd_f1(all));
    hd_report_number(out, "  accuracy %.2f", accuracy);
    hd_buffer_format(out, "  (%lld words)", (long long)words);
    hd_report_counts_head(out, "spans", "type");
    for (size_t i = 0; i < k->names.count; i++)
        if (is_kind(k, i)) hd_report_counts(out, &k->counts[i], k->names.names[i]);
    hd_report_counts(out, all, "all");
}

static heed_status report(tally *j) {
    const hd_answers *a = &j->answers;
    kinds k = {.of = NULL};
    hd_counts all = {0};
    uint64_t right = 0;
    heed_status status = count_spans(j, &k);
    for (size_t i = 0; i < k.names.count && status == HEED_OK; i++) {
        all.expected += k.counts[i].expected;
        all.predicted += k.counts[i].predicted;
        all.right += k.counts[i].right;
    }
    for (int64_t i = 0; i < a->count; i++) right += a->expected[i] == a->predicted[i];
    double accuracy = hd_percentage(right, (uint64_t)a->count);
    if (status == HEED_OK && j->call->json) status = report_json(&k, &all, accuracy, j->call->out);
    if (status == HEED_OK && !j->call->json) report_text(&k, &all, accuracy, a->count, j->call->out);
    hd_labels_close(j->call->context, &k.names);
    hd_free(j->call->context, k.of);
    hd_free(j->call->context, k.counts);
    return status;
}

static heed_status measure(const hd_measuring *m) {
    const spans_settings *settings = m->settings;
    if (!m->model == !settings->reference)
        return hd_fail(m->context, HEED_ARGUMENT,
                       m->model ? "with a model the file has the expected labels: reference is one too many"
                                : "reference is missing: the file to compare with");
    if (m->model)
        HD_TRY(hd_model_require(m->model, HD_HEAD_CLASSIFY_TOKENS, true, false, "a token classification model"));
    tally j = {.call = m};
    hd_answers_open(m->context, &j.answers);
    hd_sentence_open(m->context, &j.expected);
    hd_sentence_open(m->context, &j.predicted);
    hd_buffer_open(&j.lengths, m->context);
    hd_buffer_open(&j.chosen, m->context);
    heed_status status = read_files(&j);
    if (status == HEED_OK) status = hd_answers_number(&j.answers);
    if (status == HEED_OK) status = report(&j);
    hd_answers_close(&j.answers);
    hd_sentence_close(&j.expected);
    hd_sentence_close(&j.predicted);
    hd_buffer_close(&j.lengths);
    hd_buffer_close(&j.chosen);
    return status;
}

heed_status heed_evaluate_span_f1(heed_context *context, heed_model *model, const heed_options *options,
                                  const char *file, bool json, char **out) {
    hd_measuring m = {.context = context, .model = model, .files = &file, .count = 1, .json = json};
    return hd_measure(m, &table, options, measure, out);
}
