/* Labelled spans, as seqeval 1.2.2 counts them by default (get_entities): a span is right if its first word, its last word
 * and its kind are. A label is a tag, its first character, and a kind, what follows the first "-" after it: "B-PER",
 * "I-PER", "E-PER", "S-PER", and "O" outside of any span, in any of the schemes IO, BIO, IOE and BIOES. As there:
 *   - a label without "-" has the rest of it as its kind, and "B" alone has the kind "_";
 *   - any other tag continues a span of its kind, so that in BILOU two adjacent spans of one kind, U and U, are one. */
#ifndef HD_MEASURE_METRICS_SPANS_H
#define HD_MEASURE_METRICS_SPANS_H

#include "base/context.h"
#include "measure/metrics/counts.h"

const char *hd_span_kind(const char *label);

typedef struct hd_span_reader {
    const char *label; /* the last one; NULL at the start */
    int64_t begin;     /* the first word of the span that was begun last */
} hd_span_reader;

/* Sentences so far. Initialize with {0}. */
typedef struct hd_spans {
    hd_span_reader expected, predicted;
    int32_t expected_number, predicted_number; /* of the last word's label */
    int64_t word;                              /* words so far, and one more per sentence */
} hd_spans;

/* Adds a sentence of `count` words; names[label]. A span adds to counts[kinds[label]] of its last word's label, or with
 * `kinds` NULL to *counts. */
void hd_spans_add(hd_spans *spans, hd_counts *counts, const int32_t *kinds, const char *const *names,
                  const int32_t *expected, const int32_t *predicted, int64_t count);

#endif
