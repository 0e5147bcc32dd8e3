/* Learns byte-pair merges from counted words: repeatedly merges the most frequent adjacent pair into a new token.
 *
 * The merges equal those of BpeTrainer in Hugging Face tokenizers: of pairs with equal counts, the one with the lower
 * ids comes first. (Where a limit on the alphabet has to choose among characters with equal counts, tokenizers chooses
 * at random; here the lower code points stay.) */
#ifndef HD_TEXT_BPE_TRAIN_H
#define HD_TEXT_BPE_TRAIN_H

#include "text/bpe.h"

/* Distinct words and their counts. */
typedef struct hd_word_counts {
    heed_context *context;
    int32_t *codes; /* [code_count]: the code points of all words */
    size_t code_count, code_capacity;
    struct hd_counted_word {
        size_t first; /* in `codes` */
        uint32_t length;
        uint64_t count;
    } * words;
    size_t count, capacity;
    uint32_t *table; /* [slots]: word + 1 by hash, 0 where empty */
    size_t slots;
} hd_word_counts;

void hd_word_counts_open(hd_word_counts *counts, heed_context *context);
void hd_word_counts_close(hd_word_counts *counts);
heed_status hd_word_counts_add(hd_word_counts *counts, const hd_character *word, size_t length);

/* Called with the number of tokens so far and in the end; returning false stops training with HEED_STOPPED. */
typedef bool hd_train_progress(void *user, size_t done, size_t total);

typedef struct hd_bpe_train_options {
    size_t vocabulary_size;      /* including the tokens that `vocabulary` already has */
    uint64_t min_frequency;      /* less frequent pairs are not merged */
    size_t alphabet_limit;       /* the most frequent characters only; 0 for all */
    hd_codes alphabet;           /* characters to include even if they do not occur */
    const char *prefix;          /* of every token that does not begin a word; NULL for none */
    hd_train_progress *progress; /* may be NULL */
    void *user;
} hd_bpe_train_options;

/* Adds to `vocabulary`, which may hold special tokens, the alphabet by code point, then, with the prefix, the
 * characters that occur inside words, then the merged tokens; and to `bpe` the merges. The words are used up. U+0000 is
 * left out because JSON readers refuse it in names. (tokenizers lists characters with a prefix in the order of a hash
 * table, which differs from run to run and decides ties between pairs; here the order is fixed.) */
heed_status hd_bpe_train(hd_word_counts *counts, const hd_bpe_train_options *options, hd_vocabulary *vocabulary,
                         hd_bpe *bpe);

#endif
