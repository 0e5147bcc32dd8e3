/* Unigram (Kudo, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates",
 * 2018): each piece has a log-probability, and a word is split into the pieces whose sum is highest.
 *
 * hd_unigram_encode gives the result of Unigram::encode_optimized in Hugging Face tokenizers 0.23, ties included. With
 * `single_precision` sums are rounded to float, as in the library sentencepiece. */
#ifndef HD_TEXT_UNIGRAM_H
#define HD_TEXT_UNIGRAM_H

#include "text/line.h"
#include "text/trie.h"
#include "text/vocabulary.h"
#include "text/word.h"

typedef struct hd_unigram_piece {
    double score;  /* log-probability */
    int32_t id;    /* in the vocabulary */
    size_t offset; /* of its text in the pool */
    uint32_t size;
} hd_unigram_piece;

typedef struct hd_unigram {
    heed_context *context;
    hd_unigram_piece *pieces; /* [count], as listed in the file */
    size_t count, capacity;
    hd_buffer pool;
    int64_t unknown;      /* index of the piece for unknown characters, -1: none, and such characters are an error */
    uint32_t longest;     /* size of a piece */
    double unknown_score; /* of an unknown character: that of the worst piece - 10 */
    bool byte_fallback;   /* unknown text becomes tokens of its bytes, if the vocabulary has all of them */
    bool single_precision;
    int32_t bytes[256]; /* the ids of "<0x00>" … "<0xFF>", -1 where missing */
    hd_trie trie;       /* of the pieces' texts; values are indices of pieces */
} hd_unigram;

void hd_unigram_open(hd_unigram *unigram, heed_context *context);
void hd_unigram_close(hd_unigram *unigram);
heed_status hd_unigram_add(hd_unigram *unigram, const char *text, size_t size, double score, int32_t id);
/* The id of the piece for unknown characters, or -1. */
static inline int32_t hd_unigram_unknown(const hd_unigram *unigram) {
    return unigram->unknown < 0 ? -1 : unigram->pieces[unigram->unknown].id;
}
/* Builds the tables, once the vocabulary and the pieces are complete. */
heed_status hd_unigram_finish(hd_unigram *unigram, const hd_vocabulary *vocabulary);

/* The word's tokens are left in scratch->symbols, in time proportional to the word for pieces of bounded length. Adjacent
 * unknown characters are one token. HEED_FORMAT when a character is unknown and there is no piece for it. */
heed_status hd_unigram_encode(const hd_unigram *unigram, const hd_vocabulary *vocabulary, const hd_character *word,
                              size_t count, hd_word_scratch *scratch);

#endif
