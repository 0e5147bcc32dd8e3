/* WordLevel: each word of the pre-tokenizer is one token, or unknown. */
#ifndef HD_TEXT_WORDLEVEL_H
#define HD_TEXT_WORDLEVEL_H

#include "text/line.h"
#include "text/vocabulary.h"
#include "text/word.h"

typedef struct hd_wordlevel {
    heed_context *context;
    int32_t unknown;
    char *missing_unknown; /* owned, or NULL: as in hd_bpe */
} hd_wordlevel;

void hd_wordlevel_open(hd_wordlevel *model, heed_context *context);
void hd_wordlevel_close(hd_wordlevel *model);

/* The word's token is left in scratch->symbols. */
heed_status hd_wordlevel_encode(const hd_wordlevel *model, const hd_vocabulary *vocabulary, const hd_character *word,
                                size_t count, hd_word_scratch *scratch);

#endif
