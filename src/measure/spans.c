/* How well labelled spans, such as named entities, are found. */
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
     "the labels that are right, without a model: a word first and its label last in a line"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(spans_settings)};

heed_status heed_span_f1_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

typedef struct judging {
    const hd_measuring *call;
    hd_answers answers;
    hd_buffer lengths; /* int64: words of each sentence */
    hd_sentence wanted, found;
    hd_buffer chosen; /* int32: the model's label of each word, −1 of one that has no token */
} judging;

/* ---- answers of a file ---- */

static heed_status compare_sentences(judging *j, const hd_lines *wanted, const hd_lines *found) {
    const hd_sentence *a = &j->wanted, *b = &j->found;
    if (a->words == b->words && a->text.size == b->text.size &&
        (!a->words || memcmp(a->text.data, b->text.data, a->text.size) == 0))
        return HEED_OK;
    if (!a->words || !b->words)
        return hd_fail(j->call->context, HEED_FORMAT, "%s: line %llu: %s has no such sentence",
                       a->words ? wanted->path : found->path, (unsigned long long)(a->words ? a->line : b->line),
                       a->words ? found->path : wanted->path);
    return hd_fail(j->call->context, HEED_FORMAT, "%s: line %llu: another sentence than that from line %llu of %s",
                   found->path, (unsigned long long)b->line, (unsigned long long)a->line, wanted->path);
}

/* ---- answers of a model ---- */

static heed_status choose(void *user, const hd_encoded *e) {
    judging *j = user;
    int64_t count = 0;
    HD_TRY(hd_sentence_find_pieces(&j->wanted, e->encoding));
    const int32_t *pieces = hd_sentence_pieces(&j->wanted);
    int32_t *tokens = hd_pass_alloc(e->pass, j->wanted.words, sizeof *tokens);
    int32_t *labels = hd_pass_alloc(e->pass, j->wanted.words, sizeof *labels);
    if (!tokens || !labels) return e->pass->status;
    for (size_t i = 0; i < j->wanted.words; i++)
        if (pieces[i] >= 0) tokens[count++] = pieces[i];
    if (count && !hd_choose_labels(e, tokens, count, labels)) return e->pass->status;
    int32_t *chosen = (int32_t *)(void *)j->chosen.data;
    for (size_t i = 0, at = 0; i < j->wanted.words; i++)
        if (pieces[i] >= 0) chosen[i] = labels[at++];
    return HEED_OK;
}

static heed_status ask_model(judging *j, const hd_lines *lines) {
    const hd_sentence *s = &j->wanted;
    const char *text = s->text.data;
    const int32_t none = -1;
    heed_results *results;
    hd_buffer_clear(&j->chosen);
    for (size_t i = 0; i < s->words; i++) hd_buffer_append(&j->chosen, &none, sizeof none);
    if (j->chosen.failed) return HEED_MEMORY;
    HD_TRY(hd_encode_texts(j->call->model, HD_HEAD_CLASSIFY_TOKENS, "a token classification model", &text, &s->text.size, 1, choose, j,
                           &results));
    if (heed_results_problem(results, 0))
        hd_note(j->call->context, "%s: line %llu: %s; nothing is found in this sentence", lines->path,
                (unsigned long long)s->line, heed_results_problem(results, 0));
    heed_results_close(results);
    return HEED_OK;
}

/* ---- both ---- */

static heed_status add_sentence(judging *j, const char *path) {
    const heed_model *model = j->call->model;
    const char *wanted = j->wanted.labels.data, *found = j->found.labels.data;
    int64_t length = (int64_t)j->wanted.words;
    hd_buffer_append(&j->lengths, &length, sizeof length);
    for (int64_t i = 0; i < length; i++) {
        if (model) {
            int32_t chosen = ((const int32_t *)(const void *)j->chosen.data)[i];
            found = chosen < 0 ? "O" : model->labels[chosen];
            hd_answers_check(&j->answers, model, wanted, strlen(wanted), path, j->wanted.line + (uint64_t)i);
        }
        HD_TRY(hd_answers_add(&j->answers, wanted, strlen(wanted), found, strlen(found)));
        wanted += strlen(wanted) + 1;
        if (!model) found += strlen(found) + 1;
    }
    return j->lengths.failed ? HEED_MEMORY : HEED_OK;
}

static heed_status read_sentences(judging *j, hd_lines *wanted, hd_lines *found) {
    for (;;) {
        HD_TRY(hd_sentence_read(&j->wanted, wanted));
        if (found) {
            HD_TRY(hd_sentence_read(&j->found, found));
            HD_TRY(compare_sentences(j, wanted, found));
        }
        if (!j->wanted.words) break;
        if (!found) HD_TRY(ask_model(j, wanted));
        HD_TRY(add_sentence(j, wanted->path));
    }
    if (!j->answers.count) return hd_fail(j->call->context, HEED_FORMAT, "%s has no words", wanted->path);
    return HEED_OK;
}

static heed_status read_files(judging *j) {
    const spans_settings *settings = j->call->settings;
    hd_side_by_side files;
    const char *const paths[] = {j->call->model ? j->call->files[0] : settings->reference, j->call->files[0]};
    size_t count = j->call->model ? 1 : 2;
    heed_status status = hd_side_by_side_open(j->call->context, paths, count, &files);
    if (status == HEED_OK) status = read_sentences(j, &files.files[0], count == 2 ? &files.files[1] : NULL);
    hd_side_by_side_close(&files);
    return status;
}

/* ---- the report ---- */

/* What is told apart: kinds of spans, and which of them each label is. */
typedef struct kinds {
    hd_labels names;
    int32_t *of;       /* [labels] */
    hd_counts *counts; /* [names] */
} kinds;

static heed_status count_spans(judging *j, kinds *k) {
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
    for (int64_t at = 0; at < a->count; at += *lengths++)
        hd_spans_add(k->counts, k->of, (const char *const *)a->labels.names, a->wanted + at, a->found + at, *lengths);
    return HEED_OK;
}

static bool is_kind(const kinds *k, size_t i) { return k->counts[i].wanted || k->counts[i].found; }

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

static heed_status report(judging *j) {
    const hd_answers *a = &j->answers;
    kinds k = {.of = NULL};
    hd_counts all = {0};
    uint64_t right = 0;
    heed_status status = count_spans(j, &k);
    for (size_t i = 0; i < k.names.count && status == HEED_OK; i++) {
        all.wanted += k.counts[i].wanted;
        all.found += k.counts[i].found;
        all.right += k.counts[i].right;
    }
    for (int64_t i = 0; i < a->count; i++) right += a->wanted[i] == a->found[i];
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
                       m->model ? "with a model the file has the labels that are right: reference is one too many"
                                : "nothing to compare with: reference is not set");
    if (m->model) HD_TRY(hd_model_require(m->model, HD_HEAD_CLASSIFY_TOKENS, true, false, "a token classification model"));
    judging j = {.call = m};
    hd_answers_open(m->context, &j.answers);
    hd_sentence_open(m->context, &j.wanted);
    hd_sentence_open(m->context, &j.found);
    hd_buffer_open(&j.lengths, m->context);
    hd_buffer_open(&j.chosen, m->context);
    heed_status status = read_files(&j);
    if (status == HEED_OK) status = hd_answers_number(&j.answers);
    if (status == HEED_OK) status = report(&j);
    hd_answers_close(&j.answers);
    hd_sentence_close(&j.wanted);
    hd_sentence_close(&j.found);
    hd_buffer_close(&j.lengths);
    hd_buffer_close(&j.chosen);
    return status;
}

heed_status heed_evaluate_span_f1(heed_context *context, heed_model *model, const heed_options *options,
                                  const char *file, bool json, char **out) {
    hd_measuring m = {.context = context, .model = model, .files = &file, .count = 1, .json = json};
    return hd_measure(m, &table, options, measure, out);
}
