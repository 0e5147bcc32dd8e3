/* What the generators of data sets share: random numbers that are the same everywhere, and the files of pairs. */
#ifndef EXAMPLES_PAIRS_H
#define EXAMPLES_PAIRS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static inline int below(uint64_t *state, int bound) {
    return (int)(mix(*state += 0x9E3779B97F4A7C15u) % (uint64_t)bound);
}

enum { TRAIN, VALID, TEST };

/* One in forty goes to each of the held-out sets, whatever the seed. */
static inline int set_of(uint64_t hash) { return hash % 40 == 0 ? VALID : hash % 40 == 1 ? TEST : TRAIN; }

/* Writes one pair of the set, a line each; false if what was drawn belongs to another set. */
typedef bool pair_writer(FILE *source, FILE *target, int set, uint64_t *state);

static inline bool write_pairs(pair_writer *write, FILE *source, FILE *target, int set, long count, uint64_t *state) {
    while (count > 0) count -= write(source, target, set, state);
    return fflush(source) == 0 && fflush(target) == 0 && !ferror(source) && !ferror(target);
}

static inline FILE *create_side(const char *program, const char *prefix, const char *set, const char *side) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s.%s.%s", prefix, set, side);
    FILE *file = length < (int)sizeof path ? fopen(path, "w") : NULL;
    if (!file) fprintf(stderr, "%s: cannot write %s\n", program, path);
    return file;
}

/* PREFIX.train.src and .tgt, PREFIX.valid.*, PREFIX.test.*. `numbers` are words of the command line, [SEED [TRAIN
 * [HELD-OUT]]]: without them seed 1, 20,000 pairs to train with and 500 for each of the others. False if a file could not be
 * written, which was said. */
static inline bool write_sets(const char *program, pair_writer *write, const char *prefix, int count, char **numbers) {
    static const char *const names[] = {"train", "valid", "test"};
    uint64_t state = count > 0 ? strtoull(numbers[0], NULL, 10) : 1;
    long train = count > 1 ? strtol(numbers[1], NULL, 10) : 20000,
         held_out = count > 2 ? strtol(numbers[2], NULL, 10) : 500;
    for (int set = TRAIN; set <= TEST; set++) {
        FILE *source = create_side(program, prefix, names[set], "src");
        FILE *target = source ? create_side(program, prefix, names[set], "tgt") : NULL;
        bool opened = source && target;
        bool written = opened && write_pairs(write, source, target, set, set == TRAIN ? train : held_out, &state);
        if (source && fclose(source) != 0) written = false;
        if (target && fclose(target) != 0) written = false;
        if (opened && !written) fprintf(stderr, "%s: cannot write %s.%s\n", program, prefix, names[set]);
        if (!written) return false;
    }
    return true;
}

#endif
