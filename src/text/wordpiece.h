/* WordPiece (Schuster and Nakajima, "Japanese and Korean Voice Search", 2012) as BERT uses it: a word becomes the longest
 * token that begins it, then the longest that goes on, …; a word for which that fails is unknown as a whole. */
#ifndef HD_TEXT_WORDPIECE_H
#define HD_TEXT_WORDPIECE_H

#include "text/line.h"
#include "text/vocabulary.h"
#include "text/word.h"

#define HD_WORDPIECE_PREFIX "##"

typedef struct hd_wordpiece {
    heed_context *context;
    char *prefix;         /* owned: begins the tokens that go on a word */
    size_t longest_word;  /* in characters; longer ones are unknown */
    size_t longest_token; /* in characters */
    int32_t unknown;
} hd_wordpiece;

void hd_wordpiece_open(hd_wordpiece *model, heed_context *context); /* without a prefix, for words of 100 characters */
void hd_wordpiece_close(hd_wordpiece *model);
/* Once the vocabulary is complete. */
void hd_wordpiece_finish(hd_wordpiece *model, const hd_vocabulary *vocabulary);

/* Leaves the word's tokens in room->symbols. Looks a token up at most longest_token times a character. */
heed_status hd_wordpiece_encode(const hd_wordpiece *model, const hd_vocabulary *vocabulary, const hd_character *word,
                                size_t count, hd_word_room *room);

#endif
