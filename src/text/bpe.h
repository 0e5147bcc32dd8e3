/* Byte-pair encoding (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016): a word is
 * split into characters, and adjacent pairs are merged in the order in which training found the merges. */
#ifndef HD_TEXT_BPE_H
#define HD_TEXT_BPE_H

#include "base/random.h"
#include "text/line.h"
#include "text/vocabulary.h"
#include "text/word.h"

/* `left` and `right` next to each other become `id`. A merge's rank is its index in the list. */
typedef struct hd_merge {
    int32_t left, right, id;
    int32_t left_entry, right_entry; /* 1 + the index of the text's entry in the vocabulary, as an id may have several
                                      * texts; 0 for the text of the id */
} hd_merge;

/* A text of a merge: the left one, the right one, or both joined. */
typedef struct hd_merge_text {
    const char *bytes; /* [size] */
    size_t size;
} hd_merge_text;

typedef struct hd_pair_entry {
    int32_t left, right, rank, id;
} hd_pair_entry;

typedef struct hd_bpe {
    heed_context *context;
    hd_merge *merges; /* [merge_count], by rank */
    size_t merge_count, merge_capacity;
    hd_pair_entry *pairs; /* [pair_slots]: the merges by the hash of their pair; left is -1 where empty */
    size_t pair_slots;
    struct hd_character_token {
        uint32_t key; /* of the character and its position in the word (bpe.c) */
        int32_t id;
    } * characters; /* [character_slots]: the tokens of single characters, by hash; id is -1 where empty */
    size_t character_slots;
    char *prefix; /* owned, or NULL: before a character that does not begin its word (continuing_subword_prefix) */
    char *suffix; /* owned, or NULL: after the last character of a word (end_of_word_suffix) */
    int32_t bytes[256];    /* the ids of "<0x00>" … "<0xFF>", -1 where missing */
    int32_t unknown;       /* -1: unknown characters are dropped */
    char *missing_unknown; /* owned, or NULL: the unknown token of a file whose vocabulary lacks it */
    bool fuse_unknown, byte_fallback, ignore_merges;
    float file_dropout; /* the file's BPE-dropout; kept for saving and not used: encoding is deterministic by default */
} hd_bpe;

void hd_bpe_open(hd_bpe *bpe, heed_context *context);
void hd_bpe_close(hd_bpe *bpe);
heed_status hd_bpe_add_merge(hd_bpe *bpe, hd_merge merge);
/* The merge of three texts; false if one of them is not a token of the model. */
bool hd_merge_find(const hd_vocabulary *vocabulary, const hd_merge_text texts[3], hd_merge *merge);
/* Builds the tables, once the vocabulary and the merges are complete. */
heed_status hd_bpe_finish(hd_bpe *bpe, const hd_vocabulary *vocabulary);

/* BPE-dropout (Provilkov et al., "BPE-Dropout: Simple and Effective Subword Regularization", 2020): at each step, each
 * candidate merge is skipped with `probability`. Random numbers are keyed by (key, example, word). */
typedef struct hd_bpe_dropout {
    float probability;
    hd_random_key key;
    uint64_t example;
    uint32_t word;
} hd_bpe_dropout;

/* The word's tokens are left in scratch->symbols, in O(n log n) for n characters. `dropout` may be NULL. */
heed_status hd_bpe_encode(const hd_bpe *bpe, const hd_vocabulary *vocabulary, const hd_character *word, size_t count,
                          const hd_bpe_dropout *dropout, hd_word_scratch *scratch);

#endif
