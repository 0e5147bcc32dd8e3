/* "Did you mean …?": the nearest of the words that there are. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

typedef struct suggestion {
    const char *word;
    size_t size, fewest;
    const char *best; /* NULL: nothing is near */
} suggestion;

suggestion suggest_for(const char *word, size_t size);
void suggest(suggestion *guess, const char *candidate);

#endif
