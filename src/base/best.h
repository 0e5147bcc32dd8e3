/* The best few of many items: a list that descends by score. */
#ifndef HD_BASE_BEST_H
#define HD_BASE_BEST_H

#include <stddef.h>
#include <stdint.h>

/* Inserts an item after its equals among the best `most`, *count of which are there. Items are `size` bytes that begin with
 * their score, a float. Returns its index, or −1 where it is not among them; a full list loses its last item. */
int64_t hd_keep_best(void *best, int64_t *count, int64_t most, size_t size, const void *item);

#endif
