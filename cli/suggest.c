#include "suggest.h"

#include "heed/heed.h"

suggestion suggest_for(const char *word, size_t size) { return (suggestion){word, size, SIZE_MAX, NULL}; }

void suggest(suggestion *guess, const char *candidate) {
    if (heed_word_is_nearer(guess->word, guess->size, candidate, &guess->edits)) guess->best = candidate;
}
