/* Learns byte-pair merges from counted words: over and over, the most frequent pair of neighbours becomes a token.
 *
 * The result is that of the BpeTrainer in Hugging Face tokenizers, merge for merge: among pairs of equal count the
 * one with the lower ids goes first. (Where a limit on the alphabet falls among characters of equal count,
 * tokenizers picks by chance; here the lower code points stay.) */
#ifndef HD_TEXT_BPE_TRAIN_H
#define HD_TEXT_BPE_TRAIN_H

#include "text/bpe.h"

/* Distinct words and how often they were seen; grows with the distinct ones only. */
typedef struct hd_word_counts {
    heed_context *context;
    int32_t *letters; /* all words, one after the other, as code points */
    size_t letter_count, letter_capacity;
    struct hd_counted_word {
        size_t first; /* in `letters` */
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

/* Told how many of how many tokens there are; false stops the training with HEED_STOPPED. */
typedef bool hd_train_progress(void *user, size_t done, size_t total);

typedef struct hd_bpe_train_options {
    size_t vocabulary_size;      /* tokens to stop at; those that `vocabulary` already holds count */
    uint64_t min_frequency;      /* a pair seen less often is not merged */
    size_t alphabet_limit;       /* the most frequent characters only; 0 for all */
    hd_codes alphabet;           /* characters to have whether they were seen or not */
    const char *prefix;          /* begins every token that does not begin a word; NULL for none */
    hd_train_progress *progress; /* may be NULL */
    void *user;
} hd_bpe_train_options;

/* Adds to `vocabulary`, which may hold special tokens, first the alphabet by code point, then, behind the prefix, what of it
 * was seen inside of words, then the merged tokens; and to `bpe` the merges. The words are used up. U+0000 is left out: JSON
 * readers refuse it in names. (tokenizers lists characters with a prefix in the order of a hash table, another one in each
 * run, and ties between pairs fall with it; here they have an order.) */
heed_status hd_bpe_train(hd_word_counts *counts, const hd_bpe_train_options *options, hd_vocabulary *vocabulary,
                         hd_bpe *bpe);

#endif
