/* The tokens of one word, and the scratch memory of the models that compute them. */
#ifndef HD_TEXT_WORD_H
#define HD_TEXT_WORD_H

#include "base/buffer.h"

/* One token of a word: characters [first, first + count) of it. */
typedef struct hd_symbol {
    int32_t id; /* -1: merged into the symbol before it */
    uint32_t first, count;
    uint32_t previous, next; /* indices of adjacent symbols during merging; HD_NO_SYMBOL at the ends */
} hd_symbol;
#define HD_NO_SYMBOL UINT32_MAX

/* A possible merge. */
typedef struct hd_merge_candidate {
    int32_t rank, id;
    uint32_t position;
} hd_merge_candidate;

/* Reused for all words; one per thread. */
typedef struct hd_word_scratch {
    heed_context *context;
    hd_symbol *symbols; /* the result of the last word, [count] */
    size_t count, symbol_capacity;
    hd_merge_candidate *heap;
    size_t heap_count, heap_capacity;
    hd_merge_candidate *skipped;
    size_t skipped_count, skipped_capacity;
    int32_t *last_pieces; /* of Unigram's best path to each byte of the word */
    size_t last_piece_capacity;
    double *path_scores; /* of these paths; of the bytes that a piece can still reach, a power of two */
    size_t path_score_capacity;
    hd_buffer text;
    uint64_t *hashes; /* of prefixes of the word */
    size_t hash_capacity;
} hd_word_scratch;

static inline void hd_word_scratch_open(hd_word_scratch *scratch, heed_context *context) {
    *scratch = (hd_word_scratch){.context = context};
    hd_buffer_open(&scratch->text, context);
}

static inline void hd_word_scratch_close(hd_word_scratch *scratch) {
    hd_free(scratch->context, scratch->symbols);
    hd_free(scratch->context, scratch->heap);
    hd_free(scratch->context, scratch->skipped);
    hd_free(scratch->context, scratch->hashes);
    hd_free(scratch->context, scratch->last_pieces);
    hd_free(scratch->context, scratch->path_scores);
    hd_buffer_close(&scratch->text);
    hd_word_scratch_open(scratch, scratch->context);
}

#endif
