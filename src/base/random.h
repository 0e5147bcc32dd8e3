/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). A
 * number is a function of its purpose and position, not of how many were drawn before, so that dropout masks can be
 * recomputed instead of stored, and neither the number of threads nor the other sequences of a batch change a
 * sample. */
#ifndef HD_BASE_RANDOM_H
#define HD_BASE_RANDOM_H

#include <stdint.h>

/* The purpose of a number: each has a stream of its own. */
enum {
    HD_RANDOM_INITIALIZE = 1,
    HD_RANDOM_SHUFFLE,
    HD_RANDOM_DROPOUT,
    HD_RANDOM_SAMPLE,
    HD_RANDOM_GENERATE,
    HD_RANDOM_SEGMENT,
    HD_RANDOM_MASK,
    HD_RANDOM_CLUSTER
};

/* Two 32-bit keys, made from (seed, purpose, step). */
typedef struct hd_random_key {
    uint32_t word[2];
} hd_random_key;

hd_random_key hd_random_key_make(uint64_t seed, uint32_t purpose, uint64_t step);
/* One of 2^32 keys made from a key, each a stream of its own. */
hd_random_key hd_random_key_branch(hd_random_key key, uint32_t branch);

/* Four random words for the counter (column, position, example). */
void hd_philox(hd_random_key key, uint32_t column, uint32_t position, uint64_t example, uint32_t out[4]);

/* The first of those words, as a number in [0, 1) with 24 bits. */
float hd_random_uniform(hd_random_key key, uint32_t column, uint32_t position, uint64_t example);
/* Approximately standard normal: the sum of twelve uniform numbers minus 6, which uses no function that differs between
 * C libraries. Uses positions 3·position … 3·position + 2. */
float hd_random_normal(hd_random_key key, uint32_t column, uint32_t position, uint64_t example);
/* An integer in [0, bound), with negligible bias (64-bit multiply and shift). */
uint64_t hd_random_below(hd_random_key key, uint64_t index, uint64_t bound);
/* Shuffles `count` items (Fisher–Yates). */
void hd_random_shuffle(hd_random_key key, uint32_t *items, uint32_t count);

#endif
