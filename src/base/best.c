#include "base/best.h"

#include <string.h>

static float score_of(const char *item) {
    float score;
    memcpy(&score, item, sizeof score);
    return score;
}

int64_t hd_keep_best(void *best, int64_t *count, int64_t most, size_t size, const void *item) {
    char *items = best;
    float score = score_of(item);
    int64_t index = *count;
    if (index == most && (most == 0 || !(score > score_of(items + (size_t)--index * size)))) return -1;
    if (*count < most) ++*count;
    int64_t last = index;
    while (index > 0 && score > score_of(items + (size_t)(index - 1) * size)) index--;
    memmove(items + (size_t)(index + 1) * size, items + (size_t)index * size, (size_t)(last - index) * size);
    memcpy(items + (size_t)index * size, item, size);
    return index;
}
