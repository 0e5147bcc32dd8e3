/* Byte-pair encoding (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016): a
 * word is cut into characters, and pairs of neighbours are joined in the order in which training found the merges. */
#ifndef HD_TEXT_BPE_H
#define HD_TEXT_BPE_H

#include "base/random.h"
#include "text/line.h"
#include "text/vocabulary.h"

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
        uint32_t code;
        int32_t id;
    } * letters; /* [letter_slots]: the tokens of one character; id is -1 where empty */
    size_t letter_slots;
    int32_t bytes[256]; /* the ids of "<0x00>" … "<0xFF>", -1 where missing */
    int32_t unknown;    /* -1: unknown characters are dropped */
    bool fuse_unknown, byte_fallback, ignore_merges;
} hd_bpe;

void hd_bpe_open(hd_bpe *bpe, heed_context *context);
void hd_bpe_close(hd_bpe *bpe);
heed_status hd_bpe_add_merge(hd_bpe *bpe, hd_merge merge);
/* Builds the tables, once the vocabulary and the merges are complete. */
heed_status hd_bpe_finish(hd_bpe *bpe, const hd_vocabulary *vocabulary);

/* One token of a word: characters [first, first + count) of it. */
typedef struct hd_symbol {
    int32_t id; /* -1: swallowed by its left neighbour */
    uint32_t first, count;
    uint32_t previous, next; /* symbols; HD_NO_SYMBOL at the ends */
} hd_symbol;
#define HD_NO_SYMBOL UINT32_MAX

typedef struct hd_candidate {
    int32_t rank, id;
    uint32_t position;
} hd_candidate;

/* Room to work in, reused from word to word; one for each thread. */
typedef struct hd_bpe_room {
    heed_context *context;
    hd_symbol *symbols; /* the result of the last word, [count] */
    size_t count, symbol_capacity;
    hd_candidate *heap;
    size_t heap_count, heap_capacity;
    hd_candidate *skipped;
    size_t skipped_count, skipped_capacity;
    hd_buffer text;
} hd_bpe_room;

void hd_bpe_room_open(hd_bpe_room *room, heed_context *context);
void hd_bpe_room_close(hd_bpe_room *room);

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
                          const hd_bpe_dropout *dropout, hd_bpe_room *room);

#endif
