/* "Did you mean …?": the candidate with the fewest edits. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

typedef struct suggestion {
    const char *word;
    size_t size, edits;
    const char *best; /* NULL: no candidate is close enough */
} suggestion;

suggestion suggest_for(const char *word, size_t size);
void suggest(suggestion *guess, const char *candidate);

#endif
