/* Learns a Unigram vocabulary from counted words (Kudo, 2018): frequent substrings are the first pieces; expectation
 * maximization estimates their probabilities; then the pieces that the likelihood needs least are dropped, and so on until
 * few enough are left. The pieces are those of UnigramTrainer in Hugging Face tokenizers, but for ties that it breaks at
 * random. */
#ifndef HD_TEXT_UNIGRAM_TRAIN_H
#define HD_TEXT_UNIGRAM_TRAIN_H

#include "text/bpe_train.h"
#include "text/unigram.h"

typedef struct hd_unigram_train_options {
    size_t vocabulary_size;      /* including the tokens that `vocabulary` already has */
    size_t reserved;             /* tokens that are added later, and counted in the size */
    hd_codes alphabet;           /* characters to include even if they do not occur */
    hd_train_progress *progress; /* may be NULL */
    void *user;
} hd_unigram_train_options;

/* Adds the pieces by descending score to `vocabulary`, which may hold special tokens, and to `unigram`, where special tokens
 * have the score 0. U+0000 is left out. HEED_ARGUMENT when the characters alone are more than the vocabulary. */
heed_status hd_unigram_train(const hd_word_counts *counts, const hd_unigram_train_options *options,
                             hd_vocabulary *vocabulary, hd_unigram *unigram);

#endif
