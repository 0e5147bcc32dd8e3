/* Writes pairs of digit sequences, a language with ten words and one rule of grammar:
 *
 *     digits-generate copy|reverse|sort PREFIX [LONGEST [SEED [TRAIN [HELD-OUT]]]]
 *
 * writes PREFIX.train.src and .tgt (20,000 lines each), PREFIX.valid.* and PREFIX.test.* (500 each). Every length from 1 to
 * LONGEST (12) is as likely as any other. The same seed gives the same files. A sequence of four digits or more belongs to
 * one of the three sets: what is tested was never trained on. */
#include <string.h>

#include "../pairs.h"

enum { MOST = 64 };

/* ---- the three tasks --------------------------------------------------------------------------------------------- */

typedef struct sequence {
    int count, digits[MOST];
} sequence;

static void copy(sequence *s) { (void)s; }

static void reverse(sequence *s) {
    for (int i = 0, j = s->count - 1; i < j; i++, j--) {
        int digit = s->digits[i];
        s->digits[i] = s->digits[j];
        s->digits[j] = digit;
    }
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void sort(sequence *s) { qsort(s->digits, (size_t)s->count, sizeof *s->digits, ascending); }

static const struct {
    const char *name;
    void (*apply)(sequence *);
} tasks[] = {{"copy", copy}, {"reverse", reverse}, {"sort", sort}};

static const size_t known = sizeof tasks / sizeof *tasks;
static size_t task;
static int longest = 12;

/* ---- the files --------------------------------------------------------------------------------------------------- */

/* Short sequences are too few to be kept apart. */
static bool belongs(const sequence *s, int set) {
    uint64_t hash = (uint64_t)s->count;
    for (int i = 0; i < s->count; i++) hash = mix(hash + (uint64_t)s->digits[i]);
    return s->count < 4 || set_of(hash) == set;
}

static void write_sequence(FILE *file, const sequence *s) {
    for (int i = 0; i < s->count; i++) fprintf(file, i ? " %d" : "%d", s->digits[i]);
    putc('\n', file);
}

static bool write_pair(FILE *source, FILE *target, int set, uint64_t *state) {
    sequence s = {.count = 1 + below(state, longest)};
    do /* of this length, so that all lengths are as likely in every set */
        for (int i = 0; i < s.count; i++) s.digits[i] = below(state, 10);
    while (!belongs(&s, set));
    write_sequence(source, &s);
    tasks[task].apply(&s);
    write_sequence(target, &s);
    return true;
}

int main(int count, char **arguments) {
    while (count > 2 && task < known && strcmp(arguments[1], tasks[task].name) != 0) task++;
    if (count > 3) longest = atoi(arguments[3]);
    if (count < 3 || count > 7 || task == known || longest < 1 || longest > MOST) {
        fprintf(stderr, "usage: digits-generate copy|reverse|sort PREFIX [LONGEST [SEED [TRAIN [HELD-OUT]]]]\n");
        return 2;
    }
    return write_sets("digits-generate", write_pair, arguments[2], count - 4, arguments + 4) ? 0 : 1;
}
