/* Expected and predicted labels: by name as they come, and by number once all are known. */
#ifndef HD_MEASURE_ANSWERS_H
#define HD_MEASURE_ANSWERS_H

#include "formats/json.h"
#include "models/model.h"
#include "data/labels.h"
#include "measure/metrics/counts.h"

typedef struct hd_answers {
    heed_context *context;
    hd_buffer names;  /* expected, 0, predicted, 0, … */
    hd_labels labels; /* of both */
    int64_t count;
    int32_t *expected, *predicted; /* [count]: numbers of labels, after hd_answers_number */
    uint64_t unknown;              /* answers for which a model has no label */
} hd_answers;

void hd_answers_open(heed_context *context, hd_answers *answers);
void hd_answers_close(hd_answers *answers);
heed_status hd_answers_add(hd_answers *answers, const char *expected, size_t expected_size, const char *predicted,
                           size_t predicted_size);
/* Notes the first label of a file that a model does not have: it can only be wrong. */
void hd_answers_check(hd_answers *answers, const heed_model *model, const char *label, size_t size, const char *path,
                      uint64_t line);
heed_status hd_answers_number(hd_answers *answers);

/* A line of a table: precision, recall, F1, how many were expected, and of what. */
void hd_report_counts_head(hd_buffer *out, const char *noun, const char *what);
void hd_report_counts(hd_buffer *out, const hd_counts *counts, const char *name);
/* {"precision", "recall", "f1", "number"}, as parts of 1; NULL without memory. */
json_t *hd_counts_json(const hd_counts *counts);
/* Appends a report, which it takes; one that is NULL, or of which a part could not be made, is out of memory. */
heed_status hd_report_json(hd_buffer *out, json_t *report, int failed);

#endif
