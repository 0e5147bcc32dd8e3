#include "suggest.h"

#include <string.h>

enum { LONGEST = 64 };

suggestion suggest_for(const char *word, size_t size) {
    return (suggestion){word, size, size / 3 + 2, NULL}; /* with this many edits or more it is another word */
}

/* The fewest characters to insert, remove or replace to turn one word into the other (Levenshtein, 1966), computed row by
 * row. */
static size_t edits_between(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b_size; j++) row[j] = j;
    for (size_t i = 0; i < a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t least = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            if (row[j] + 1 < least) least = row[j] + 1;
            if (diagonal + 1 < least) least = diagonal + 1;
            row[j + 1] = least;
        }
    }
    return row[b_size];
}

void suggest(suggestion *guess, const char *candidate) {
    size_t size = strlen(candidate);
    if (size > LONGEST || guess->size > LONGEST) return;
    size_t edits = edits_between(guess->word, guess->size, candidate, size);
    if (edits >= guess->fewest || edits >= size) return;
    guess->fewest = edits;
    guess->best = candidate;
}
