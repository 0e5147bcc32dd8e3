/* The F1 of labelled spans, as conlleval and seqeval count them: a span is right if its first word, its last and its
 * kind are. Labels are "O", or B- or I- and a kind (BIO; IO, where all are I-, is the same without neighbours). */
#ifndef HD_TRAIN_SPANS_H
#define HD_TRAIN_SPANS_H

#include "base/context.h"

typedef struct hd_span_counts {
    uint64_t wanted, found, right;
} hd_span_counts;

/* Adds a sentence of `count` words; names[label]. */
void hd_spans_add(hd_span_counts *counts, const char *const *names, const int32_t *wanted, const int32_t *found,
                  int64_t count);
/* As a percentage; 0 where there are no spans at all. */
double hd_span_f1(const hd_span_counts *counts);

#endif
