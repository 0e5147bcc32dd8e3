/* Sentences and words of a text, by rules and without a model.
 *
 * A sentence ends, as in Unicode Standard Annex 29, after a mark such as "." or "?", the marks, quotation marks and brackets that
 * follow it, and white space; after "。" and other marks of scripts without spaces also where no space follows. These rules are
 * added:
 *
 * - A full stop ends no sentence if the next letter or digit is lowercase, or if a comma, colon, semicolon or dash follows.
 * - Nor does a full stop after an initial ("J. Smith", "z. B."), an abbreviation that words follow ("Dr.", "Mr.", "e.g.", "bzw."),
 *   or a day of the month before the month's name ("3. Mai").
 * - "!" and "?" before a closing quotation mark end no sentence if a lowercase letter follows: “Stop!” he said.
 * - A line break ends a sentence. */
#ifndef HD_TEXT_SENTENCES_H
#define HD_TEXT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The sentence that begins at byte `start` < size ends before the returned byte; *next is the first byte of the next one, after
 * white space, or `size`. */
size_t hd_sentence_end(const char *text, size_t size, size_t start, size_t *next);

/* Whether the first letter or digit of a text, before another mark that ends a sentence, is a lowercase letter. */
bool hd_text_begins_lowercase(const char *text, size_t size);

/* The end of the last of `most` words at the beginning of a text; the text's size if it has no more words. White space separates
 * words; an ideograph is a word of its own. */
size_t hd_words_end(const char *text, size_t size, int64_t most);
/* The number of words, separated by white space alone, that end before the text does: "a b " has two, "a b" has one. */
int64_t hd_words_whole(const char *text, size_t size);

#endif
