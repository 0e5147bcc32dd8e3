/* A batch: some examples of an objective as the inputs and targets of one pass. Ragged, never padded. */
#ifndef HD_DATA_BATCH_H
#define HD_DATA_BATCH_H

#include "data/objective.h"

typedef struct hd_batch {
    hd_layout sources, decoded;        /* source ids and decoder ids per example */
    hd_layout texts;                   /* targets per example */
    int32_t *source_ids, *decoder_ids; /* NULL where the objective has none */
    int32_t *types;                    /* token types of the sources; NULL: all 0 */
    int32_t *rows;    /* [target_count]: the last states that predict the targets; NULL: all of them, or one per text */
    int32_t *targets; /* [target_count]: tokens or labels */
    int64_t target_count;
} hd_batch;

/* Writes the examples into the pass's arena, `copies` times all of them; a copy has other example numbers, and so other
 * dropout. The decoder's first input is start_token where the objective shifts the targets. False when memory ran out. */
bool hd_batch_make(hd_pass *pass, const hd_objective *objective, int32_t start_token, const hd_pair *pairs,
                   int64_t distinct, int64_t copies, hd_batch *batch);
/* The last states of a forward pass, and of them the rows that the output table scores, [target_count, width]. */
hd_tensor *hd_batch_forward(const hd_network *network, hd_pass *pass, const hd_batch *batch);

#endif
