/* The best few of many items: a list that descends by score. */
#ifndef HD_BASE_BEST_H
#define HD_BASE_BEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An item of a list of its own: a score and the caller's number for it. */
typedef struct hd_ranked {
    float score;
    int32_t item;
} hd_ranked;

static inline float hd_score_of(const char *item) {
    float score;
    memcpy(&score, item, sizeof score);
    return score;
}

/* Inserts an item after its equals among the best `most`, of which there are *count. Items are `size` bytes that begin with
 * their score, a float. Returns its index, or −1 where it is not among them; a full list loses its last item. Inline, since
 * `size` is then a constant of the caller's loop. */
static inline int64_t hd_keep_best(void *best, int64_t *count, int64_t most, size_t size, const void *item) {
    char *items = best;
    float score = hd_score_of(item);
    int64_t index = *count;
    if (index == most && (most == 0 || !(score > hd_score_of(items + (size_t)--index * size)))) return -1;
    if (*count < most) ++*count;
    for (; index > 0 && score > hd_score_of(items + (size_t)(index - 1) * size); index--)
        memcpy(items + (size_t)index * size, items + (size_t)(index - 1) * size, size);
    memcpy(items + (size_t)index * size, item, size);
    return index;
}

#endif
