/* Counts per label: expected, predicted, and both. */
#ifndef HD_MEASURE_METRICS_COUNTS_H
#define HD_MEASURE_METRICS_COUNTS_H

#include <stdint.h>

typedef struct hd_counts {
    uint64_t expected, predicted, right;
} hd_counts;

/* As percentages; 0 where there is nothing to divide by. */
static inline double hd_percentage(uint64_t part, uint64_t whole) {
    return whole ? 100.0 * (double)part / (double)whole : 0;
}
static inline double hd_precision(const hd_counts *counts) { return hd_percentage(counts->right, counts->predicted); }
static inline double hd_recall(const hd_counts *counts) { return hd_percentage(counts->right, counts->expected); }
/* The harmonic mean of the two. */
static inline double hd_f1(const hd_counts *counts) {
    return hd_percentage(2 * counts->right, counts->predicted + counts->expected);
}

#endif
