/* Remembers the tokens of words that were encoded before: in most texts few words make up most of the text. */
#ifndef HD_TEXT_WORD_CACHE_H
#define HD_TEXT_WORD_CACHE_H

#include "text/line.h"
#include "text/word.h"

typedef struct hd_word_cache {
    heed_context *context;
    struct hd_cached_word {
        uint32_t hash;          /* its upper half */
        uint32_t first;         /* in `pool` */
        uint16_t length, count; /* characters and tokens; length 0 where empty */
    } * slots;                  /* [slot_count]: a word has one slot, by its hash, and replaces the one before */
    size_t slot_count, used;
    uint32_t *pool; /* the code points of each word, then the id of each token and its range of characters */
    size_t size, capacity;
} hd_word_cache;

void hd_word_cache_open(hd_word_cache *cache, heed_context *context);
void hd_word_cache_close(hd_word_cache *cache);

/* The hash of a word, or 0 for one that is too long to be remembered. */
uint64_t hd_word_hash(const hd_character *word, size_t length);
/* Gives `scratch` the tokens of the word, as if its model had encoded it; false when it is not here. */
bool hd_word_cache_find(const hd_word_cache *cache, uint64_t hash, const hd_character *word, size_t length,
                        hd_word_scratch *scratch);
/* Remembers the tokens in `scratch`. Memory is bounded: when it is used up, all words are forgotten. */
heed_status hd_word_cache_add(hd_word_cache *cache, uint64_t hash, const hd_character *word, size_t length,
                              const hd_word_scratch *scratch);

#endif
