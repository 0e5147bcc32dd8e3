#include "measure/answers.h"

#include "measure/evaluate.h"

#include <string.h>

void hd_answers_open(heed_context *context, hd_answers *a) {
    *a = (hd_answers){.context = context};
    hd_buffer_open(&a->names, context);
}

void hd_answers_close(hd_answers *a) {
    hd_buffer_close(&a->names);
    hd_labels_close(a->context, &a->labels);
    hd_free(a->context, a->expected);
    hd_free(a->context, a->predicted);
}

heed_status hd_answers_add(hd_answers *a, const char *expected, size_t expected_size, const char *predicted,
                           size_t predicted_size) {
    hd_buffer_append(&a->names, expected, expected_size);
    hd_buffer_byte(&a->names, 0);
    hd_buffer_append(&a->names, predicted, predicted_size);
    hd_buffer_byte(&a->names, 0);
    if (a->names.failed) return HEED_MEMORY;
    a->count++;
    HD_TRY(hd_labels_add(a->context, &a->labels, expected, expected_size));
    return hd_labels_add(a->context, &a->labels, predicted, predicted_size);
}

void hd_answers_check(hd_answers *a, const heed_model *model, const char *label, size_t size, const char *path,
                      uint64_t line) {
    for (int64_t i = 0; i < model->network->recipe.labels; i++)
        if (strlen(model->labels[i]) == size && memcmp(model->labels[i], label, size) == 0) return;
    if (a->unknown++) return;
    hd_note(a->context, "%s: line %llu: \"%.*s\" is not a label of %s: here and further on it counts as wrong", path,
            (unsigned long long)line, (int)(size < 100 ? size : 100), label, model->folder);
}

heed_status hd_answers_number(hd_answers *a) {
    const char *name = a->names.data;
    a->expected = hd_alloc(a->context, (size_t)a->count, sizeof *a->expected);
    a->predicted = hd_alloc(a->context, (size_t)a->count, sizeof *a->predicted);
    if (!a->expected || !a->predicted) return HEED_MEMORY;
    for (int64_t i = 0; i < 2 * a->count; i++) {
        size_t size = strlen(name);
        (i % 2 ? a->predicted : a->expected)[i / 2] = hd_labels_find(&a->labels, name, size);
        name += size + 1;
    }
    return HEED_OK;
}

void hd_report_counts_head(hd_buffer *out, const char *noun, const char *what) {
    hd_buffer_format(out, "\nprecision   recall       F1 %8s  %s", noun, what);
}

void hd_report_counts(hd_buffer *out, const hd_counts *counts, const char *name) {
    hd_report_number(out, "\n%9.2f", hd_precision(counts));
    hd_report_number(out, "%9.2f", hd_recall(counts));
    hd_report_number(out, "%9.2f", hd_f1(counts));
    hd_buffer_format(out, "%9llu  ", (unsigned long long)counts->expected);
    hd_buffer_visible(out, name);
}

json_t *hd_counts_json(const hd_counts *counts) {
    return json_pack("{s:f, s:f, s:f, s:I}", "precision", hd_precision(counts) / 100, "recall", hd_recall(counts) / 100,
                     "f1", hd_f1(counts) / 100, "number", (json_int_t)counts->expected);
}

heed_status hd_report_json(hd_buffer *out, json_t *report, int failed) {
    heed_status status =
        report && !failed ? hd_json_append(out->context, report, out) : hd_json_no_memory(out->context, "the report");
    json_decref(report);
    return status;
}
