/* Byte-pair encoding (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016): a
 * word is cut into characters, and pairs of neighbours are joined in the order in which training found the merges. */
#ifndef HD_TEXT_BPE_H
#define HD_TEXT_BPE_H

#include "base/random.h"
#include "text/line.h"
#include "text/vocabulary.h"
#include "text/word.h"

/* `left` and `right` next to each other become `id`. A merge's rank is its place in the list. */
typedef struct hd_merge {
    int32_t left, right, id;
} hd_merge;

typedef struct hd_pair_entry {
    int32_t left, right, rank, id;
} hd_pair_entry;

typedef struct hd_bpe {
    heed_context *context;
    hd_merge *merges; /* [merge_count], by rank */
    size_t merge_count, merge_capacity;
    hd_pair_entry *pairs; /* [pair_slots]: the merges by the hash of their pair; left is -1 where empty */
    size_t pair_slots;
    struct hd_letter {
        uint32_t key; /* of the character and its place in the word */
        int32_t id;
    } * letters; /* [letter_slots]: the tokens of one character; id is -1 where empty */
    size_t letter_slots;
    char *prefix; /* owned, or NULL: before a character that does not begin its word (continuing_subword_prefix) */
    char *suffix; /* owned, or NULL: behind the one that ends it (end_of_word_suffix) */
    int32_t bytes[256]; /* the ids of "<0x00>" … "<0xFF>", -1 where missing */
    int32_t unknown;    /* -1: unknown characters are dropped */
    bool fuse_unknown, byte_fallback, ignore_merges;
} hd_bpe;

void hd_bpe_open(hd_bpe *bpe, heed_context *context);
void hd_bpe_close(hd_bpe *bpe);
heed_status hd_bpe_add_merge(hd_bpe *bpe, hd_merge merge);
/* Builds the tables, once the vocabulary and the merges are complete. */
heed_status hd_bpe_finish(hd_bpe *bpe, const hd_vocabulary *vocabulary);

/* BPE-dropout (Provilkov et al., "BPE-Dropout: Simple and Effective Subword Regularization", 2020): each time a
 * merge is looked for, each candidate is passed over with `probability`. The numbers are those of (key, sentence,
 * word). */
typedef struct hd_bpe_dropout {
    float probability;
    hd_random_key key;
    uint64_t sentence;
    uint32_t word;
} hd_bpe_dropout;

/* Leaves the word's tokens in room->symbols; time grows as n log n with its characters. `dropout` may be NULL. */
heed_status hd_bpe_encode(const hd_bpe *bpe, const hd_vocabulary *vocabulary, const hd_character *word, size_t count,
                          const hd_bpe_dropout *dropout, hd_word_room *room);

#endif
