/* WordPiece (Schuster and Nakajima, "Japanese and Korean Voice Search", 2012) as in BERT: a word is split greedily into
 * the longest tokens from left to right; if that fails, the whole word is unknown. */
#ifndef HD_TEXT_WORDPIECE_H
#define HD_TEXT_WORDPIECE_H

#include "text/line.h"
#include "text/vocabulary.h"
#include "text/word.h"

#define HD_WORDPIECE_PREFIX "##"

typedef struct hd_wordpiece {
    heed_context *context;
    char *prefix;         /* owned: of tokens that continue a word */
    size_t longest_word;  /* in characters; longer ones are unknown */
    size_t longest_token; /* in characters */
    int32_t unknown;
    char *missing_unknown; /* owned, or NULL: as in hd_bpe */
} hd_wordpiece;

void hd_wordpiece_open(hd_wordpiece *model, heed_context *context); /* without a prefix, for words of 100 characters */
void hd_wordpiece_close(hd_wordpiece *model);
/* Call it when the vocabulary is complete. */
void hd_wordpiece_finish(hd_wordpiece *model, const hd_vocabulary *vocabulary);

/* The word's tokens are left in scratch->symbols. At most longest_token look-ups per character. */
heed_status hd_wordpiece_encode(const hd_wordpiece *model, const hd_vocabulary *vocabulary, const hd_character *word,
                                size_t count, hd_word_scratch *scratch);

#endif
