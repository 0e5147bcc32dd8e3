/* Labelled spans, as conlleval and seqeval count them: a span is right if its first word, its last and its kind are. Labels
 * are "O", or B- or I- and a kind (BIO; IO, where all are I-, is the same without neighbours). */
#ifndef HD_MEASURE_METRICS_SPANS_H
#define HD_MEASURE_METRICS_SPANS_H

#include "base/context.h"
#include "measure/metrics/counts.h"
#include "text/iob.h"

/* Adds a sentence of `count` words; names[label]. A span adds to counts[kinds[label]] of its first word's label, or with
 * `kinds` NULL to *counts. */
void hd_spans_add(hd_counts *counts, const int32_t *kinds, const char *const *names, const int32_t *expected,
                  const int32_t *predicted, int64_t count);

#endif
