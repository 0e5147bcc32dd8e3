#include "measure/metrics/spans.h"

#include <string.h>

static bool outside(const char *label) { return strcmp(label, "O") == 0; }

/* Does a span begin at a word, given the label before it (NULL at the start)? */
static bool begins(const char *before, const char *label) {
    if (outside(label)) return false;
    return label[0] == 'B' || !before || outside(before) || strcmp(hd_span_kind(before), hd_span_kind(label)) != 0;
}

static bool begins_at(const char *const *names, const int32_t *labels, int64_t i) {
    return begins(i ? names[labels[i - 1]] : NULL, names[labels[i]]);
}

/* The word after the span that begins at word i. */
static int64_t end_of(const char *const *names, const int32_t *labels, int64_t i, int64_t count) {
    int64_t end = i + 1;
    while (end < count && !outside(names[labels[end]]) && !begins_at(names, labels, end)) end++;
    return end;
}

void hd_spans_add(hd_counts *counts, const int32_t *kinds, const char *const *names, const int32_t *expected,
                  const int32_t *predicted, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        bool here = begins_at(names, expected, i), there = begins_at(names, predicted, i);
        hd_counts *of_expected = kinds ? &counts[kinds[expected[i]]] : counts;
        hd_counts *of_predicted = kinds ? &counts[kinds[predicted[i]]] : counts;
        of_expected->expected += here;
        of_predicted->predicted += there;
        of_expected->right += here && there &&
                              strcmp(hd_span_kind(names[expected[i]]), hd_span_kind(names[predicted[i]])) == 0 &&
                              end_of(names, expected, i, count) == end_of(names, predicted, i, count);
    }
}
