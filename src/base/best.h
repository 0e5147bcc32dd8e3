/* The largest of many scores, kept in order while they come in. */
#ifndef HD_BASE_BEST_H
#define HD_BASE_BEST_H

#include <stdint.h>

typedef struct hd_ranked {
    double score;
    int64_t item; /* the caller's number for it */
} hd_ranked;

/* Inserts `candidate` into best [count of capacity], which descends, and drops the last one when it is full; returns
 * the new count. Of equal scores the one inserted first comes first, so ascending items rank the lowest first. */
int64_t hd_keep_best(hd_ranked *best, int64_t count, int64_t capacity, hd_ranked candidate);

#endif
