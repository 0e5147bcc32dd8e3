/* Accuracy: the fraction of predicted labels that equal the expected ones. */
#include "measure/answers.h"
#include "measure/evaluate.h"

#include <string.h>

typedef struct accuracy_settings {
    char *reference;
} accuracy_settings;

static const hd_setting rows[] = {
    {"reference", HD_SETTING_STRING, offsetof(accuracy_settings, reference), NULL, 0, 0, "FILE",
     "expected labels, one per line"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(accuracy_settings)};

heed_status heed_accuracy_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

enum { TOGETHER = 256 };

/* Texts that a model classifies in one call. */
typedef struct classifying {
    const hd_measuring *call;
    hd_answers *answers;
    hd_buffer texts, expected; /* joined; each label followed by a 0 */
    size_t sizes[TOGETHER], count;
    uint64_t line; /* of the first */
} classifying;

static heed_status classify(classifying *c) {
    const char *texts[TOGETHER], *text = c->texts.data ? c->texts.data : "", *expected = c->expected.data;
    heed_results *results;
    for (size_t i = 0; i < c->count; text += c->sizes[i++]) texts[i] = text;
    HD_TRY(heed_classify(c->call->model, NULL, texts, c->sizes, c->count, &results));
    heed_status status = HEED_OK;
    for (size_t i = 0; i < c->count && status == HEED_OK; i++, expected += strlen(expected) + 1) {
        const char *problem = heed_results_problem(results, i), *label = heed_results_label(results, i, 0);
        if (problem)
            hd_note(c->call->context, "%s: line %llu: %s; it counts as wrong", c->call->files[0],
                    (unsigned long long)(c->line + i), problem);
        if (!label) label = "";
        status = hd_answers_add(c->answers, expected, strlen(expected), label, strlen(label));
    }
    heed_results_close(results);
    c->line += c->count;
    c->count = 0;
    hd_buffer_clear(&c->texts);
    hd_buffer_clear(&c->expected);
    return status;
}

static heed_status add_text(classifying *c, const hd_lines *text, const char *expected, size_t size) {
    hd_buffer_append(&c->texts, text->text, text->size);
    hd_buffer_append(&c->expected, expected, size);
    hd_buffer_byte(&c->expected, 0);
    if (c->texts.failed || c->expected.failed) return HEED_MEMORY;
    c->sizes[c->count++] = text->size;
    return c->count == TOGETHER ? classify(c) : HEED_OK;
}

/* Accepts the output of `heed classify`, in which the label is followed by a tab and its probability. */
static heed_status add_answer(hd_answers *answers, const hd_lines *line, const char *expected, size_t size) {
    const char *predicted, *tab;
    size_t predicted_size;
    HD_TRY(hd_label_of_line(line, false, &predicted, &predicted_size));
    if ((tab = memchr(predicted, '\t', predicted_size))) predicted_size = (size_t)(tab - predicted);
    return hd_answers_add(answers, expected, size, predicted, predicted_size);
}

static heed_status read_answers(classifying *c, hd_parallel_files *files) {
    const hd_lines *answer = &files->files[0], *reference = &files->files[1];
    bool more;
    for (;;) {
        const char *expected;
        size_t size;
        HD_TRY(hd_parallel_files_next(files, &more));
        if (!more) return c->count ? classify(c) : HEED_OK;
        HD_TRY(hd_label_of_line(reference, false, &expected, &size));
        if (!size)
            return hd_fail(files->context, HEED_FORMAT, "%s: line %llu: there is no label", reference->path,
                           (unsigned long long)reference->number);
        if (c->call->model)
            hd_answers_check(c->answers, c->call->model, expected, size, reference->path, reference->number);
        HD_TRY(c->call->model ? add_text(c, answer, expected, size) : add_answer(c->answers, answer, expected, size));
    }
}

/* ---- the report ---- */

/* [expected, predicted]: how often. Not 0: out of memory. */
static int add_confusion(const hd_answers *a, const uint64_t *pairs, json_t *report) {
    size_t n = a->labels.count;
    json_t *names = json_array(), *all = json_array();
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < n; j++) failed |= json_array_append_new(row, json_integer((json_int_t)pairs[i * n + j]));
        failed |= json_array_append_new(names, json_string(a->labels.names[i]));
        failed |= json_array_append_new(all, row);
    }
    return failed | json_object_set_new(report, "confusion", json_pack("{s:o, s:o}", "labels", names, "counts", all));
}

static heed_status report_json(const hd_answers *a, const uint64_t *pairs, const hd_counts *counts, double accuracy,
                               double macro, hd_buffer *out) {
    json_t *labels = json_object();
    int failed = 0;
    for (size_t i = 0; i < a->labels.count; i++)
        if (a->labels.names[i][0])
            failed |= json_object_set_new(labels, a->labels.names[i], hd_counts_json(&counts[i]));
    json_t *report = json_pack("{s:f, s:f, s:I, s:o}", "accuracy", accuracy / 100, "macro_f1", macro / 100, "number",
                               (json_int_t)a->count, "labels", labels);
    failed |= add_confusion(a, pairs, report);
    return hd_report_json(out, report, failed);
}

static void report_text(const hd_answers *a, const hd_counts *counts, double accuracy, double macro, hd_buffer *out) {
    hd_report_number(out, "accuracy %.2f", accuracy);
    hd_report_number(out, "  macro F1 %.2f", macro);
    hd_buffer_format(out, "  (%lld texts)", (long long)a->count);
    hd_report_counts_head(out, "texts", "label");
    for (size_t i = 0; i < a->labels.count; i++)
        if (a->labels.names[i][0]) hd_report_counts(out, &counts[i], a->labels.names[i]);
}

/* The macro F1 is the mean over all labels that were expected or predicted; no answer is no label. */
static heed_status report(const hd_measuring *m, const hd_answers *a) {
    size_t n = a->labels.count, named = 0;
    uint64_t *pairs = hd_alloc_zeroed(m->context, n * n, sizeof *pairs), right = 0;
    hd_counts *counts = hd_alloc_zeroed(m->context, n, sizeof *counts);
    heed_status status = pairs && counts ? HEED_OK : HEED_MEMORY;
    double macro = 0;
    for (int64_t i = 0; i < a->count && status == HEED_OK; i++) {
        size_t expected = (size_t)a->expected[i], predicted = (size_t)a->predicted[i];
        pairs[expected * n + predicted]++;
        counts[expected].expected++;
        counts[predicted].predicted++;
        counts[expected].right += expected == predicted;
        right += expected == predicted;
    }
    for (size_t i = 0; i < n && status == HEED_OK; i++)
        if (a->labels.names[i][0]) macro += hd_f1(&counts[i]), named++;
    macro /= named ? (double)named : 1;
    double accuracy = hd_percentage(right, (uint64_t)a->count);
    if (status == HEED_OK && m->json) status = report_json(a, pairs, counts, accuracy, macro, m->out);
    if (status == HEED_OK && !m->json) report_text(a, counts, accuracy, macro, m->out);
    hd_free(m->context, pairs);
    hd_free(m->context, counts);
    return status;
}

static heed_status measure(const hd_measuring *m) {
    const accuracy_settings *settings = m->settings;
    if (!settings->reference)
        return hd_fail(m->context, HEED_ARGUMENT, "reference is missing: the file to compare with");
    if (m->model) HD_TRY(hd_model_require(m->model, HD_HEAD_CLASSIFY_TEXT, true, false, "a text classification model"));
    if (m->model && m->model->problem != HD_PROBLEM_ONE_LABEL)
        return hd_fail(
            m->context, HEED_UNSUPPORTED,
            "%s: by its \"problem_type\" or its single label, the model does not choose one label for a text",
            m->model->folder ? m->model->folder : "the model");
    const char *const paths[] = {m->files[0], settings->reference};
    hd_answers answers;
    hd_parallel_files files;
    classifying *c = hd_alloc_zeroed(m->context, 1, sizeof *c);
    if (!c) return HEED_MEMORY;
    hd_answers_open(m->context, &answers);
    c->call = m, c->answers = &answers, c->line = 1;
    hd_buffer_open(&c->texts, m->context);
    hd_buffer_open(&c->expected, m->context);
    heed_status status = hd_parallel_files_open(m->context, paths, 2, &files);
    if (status == HEED_OK) status = read_answers(c, &files);
    if (status == HEED_OK) status = hd_answers_number(&answers);
    if (status == HEED_OK) status = report(m, &answers);
    hd_parallel_files_close(&files);
    hd_buffer_close(&c->texts);
    hd_buffer_close(&c->expected);
    hd_free(m->context, c);
    hd_answers_close(&answers);
    return status;
}

heed_status heed_evaluate_accuracy(heed_context *context, heed_model *model, const heed_options *options,
                                   const char *file, bool json, char **out) {
    hd_measuring m = {.context = context, .model = model, .files = &file, .count = 1, .json = json};
    return hd_measure(m, &table, options, measure, out);
}
