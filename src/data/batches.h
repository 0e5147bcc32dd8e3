/* The order of the data: which examples make up each batch, as a function of the seed, the epoch and the batch's number.
 *
 * An epoch goes through all examples in a random order, a window of them at a time; a window is sorted by length and cut
 * into batches of about equal tokens, which come in a random order. */
#ifndef HD_DATA_BATCHES_H
#define HD_DATA_BATCHES_H

#include "base/random.h"
#include "data/corpus.h"

typedef struct hd_batches {
    heed_context *context;
    const hd_corpus *corpus;
    uint64_t seed;
    int64_t window, batch_tokens;
    /* position in the data */
    uint64_t epoch, window_start; /* of the current window */
    uint64_t number;              /* batches given out in this epoch */
    uint64_t window_first;        /* number of the window's first batch */
    struct hd_batch_item *items;  /* [window]: the window's examples, by length */
    uint32_t *starts;             /* [batches + 1], in items */
    uint32_t *order;              /* [batches] */
    uint32_t batches;             /* of the window */
    uint64_t *examples;           /* the batch that was given out */
    size_t examples_capacity;
} hd_batches;

heed_status hd_batches_open(heed_context *context, const hd_corpus *corpus, uint64_t seed, int64_t window,
                            int64_t batch_tokens, hd_batches *batches);
void hd_batches_close(hd_batches *batches);
/* Goes to a batch by its number in an epoch. */
heed_status hd_batches_seek(hd_batches *batches, uint64_t epoch, uint64_t number);
/* The next batch: numbers of examples, in the order in which they are to be used; good until the next call. Rolls over
 * into the next epoch. */
heed_status hd_batches_next(hd_batches *batches, const uint64_t **examples, size_t *count);

#endif
