/* The labels in training files. */
#ifndef HD_DATA_LABELS_H
#define HD_DATA_LABELS_H

#include "base/arena.h"
#include "base/lines.h"

typedef struct hd_labels {
    char **names; /* [count], in the order of their bytes */
    size_t *seen; /* [count]: examples of each */
    size_t count, capacity, seen_capacity;
} hd_labels;

/* The label of a line: the line without leading and trailing spaces, or the last word of a line of CoNLL columns.
 * HEED_FORMAT for a label that is not UTF-8 or has a zero byte: a config cannot store it. */
heed_status hd_label_of_line(const hd_lines *lines, bool columns, const char **label, size_t *size);
/* Counts a label, which may be new. HEED_LENGTH for an implausible number of distinct labels. */
heed_status hd_labels_add(heed_context *context, hd_labels *labels, const char *label, size_t size);
/* Collects the labels of a file. A note names those with one example. Closed by hd_labels_close after success or not. */
heed_status hd_labels_collect(heed_context *context, const char *path, bool columns, hd_labels *labels);
void hd_labels_close(heed_context *context, hd_labels *labels);
/* A label's number, or −1. */
int32_t hd_labels_find(const hd_labels *labels, const char *label, size_t size);

#endif
