#include "base/spelling.h"

#include "heed/heed.h"

#include <string.h>

enum { LONGEST = 64 };

static char plain(char c) { return c == '_' ? '-' : c; }

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* The fewest characters to insert, remove or replace to turn one word into the other (Levenshtein, 1966), computed row by
 * row. b_size is at most LONGEST. */
static size_t edits_between(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b_size; j++) row[j] = j;
    for (size_t i = 0; i < a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_size; j++) {
            size_t replaced = diagonal + (plain(a[i]) != plain(b[j]));
            diagonal = row[j + 1];
            row[j + 1] = smallest(replaced, row[j] + 1, diagonal + 1);
        }
    }
    return row[b_size];
}

bool hd_is_nearer(const char *word, size_t size, const char *candidate, size_t *edits) {
    size_t length = strlen(candidate);
    if (size > LONGEST || length > LONGEST) return false;
    size_t found = edits_between(word, size, candidate, length);
    if (found >= *edits || found > size / 3 + 1 || found >= length) return false;
    *edits = found;
    return true;
}

bool heed_word_is_nearer(const char *word, size_t size, const char *candidate, size_t *edits) {
    return hd_is_nearer(word, size, candidate, edits);
}
