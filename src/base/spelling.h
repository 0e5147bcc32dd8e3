/* The nearest word by spelling: "did you mean …?". */
#ifndef HD_BASE_SPELLING_H
#define HD_BASE_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `candidate` is nearer to word[0 … size) than the candidates before it: *edits, SIZE_MAX before the first, is the
 * fewest characters that were inserted, removed or replaced to turn the word into one of them. False too for a candidate that
 * is another word: it takes more than a third of the word's characters and one, or all of the candidate's. "_" equals "-". */
bool hd_is_nearer(const char *word, size_t size, const char *candidate, size_t *edits);

#endif
