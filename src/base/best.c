#include "base/best.h"

int64_t hd_keep_best(hd_ranked *best, int64_t count, int64_t capacity, hd_ranked candidate) {
    if (count == capacity && (capacity == 0 || !(candidate.score > best[capacity - 1].score))) return count;
    int64_t at = count < capacity ? count++ : capacity - 1;
    for (; at > 0 && candidate.score > best[at - 1].score; at--) best[at] = best[at - 1];
    best[at] = candidate;
    return count;
}
