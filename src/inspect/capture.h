/* An observer that copies attention weights, and tensors that the layers report, while a pass computes them. Passes
 * without an observer have no extra cost. */
#ifndef HD_INSPECT_CAPTURE_H
#define HD_INSPECT_CAPTURE_H

#include "autograd/pass.h"
#include "inspect/attention.h"
#include "layers/network.h"

/* Rows of one head or of one tensor, as the layers reported them. */
typedef struct hd_captured hd_captured;

typedef struct hd_capture {
    heed_context *context;
    hd_observer observer;      /* for hd_pass.observer; it expects one sequence */
    hd_arena arena;            /* of all that was captured */
    hd_captured *first, *last; /* in order of time */
    bool failed;               /* memory ran out; the context has the message */
} hd_capture;

void hd_capture_open(hd_capture *capture, heed_context *context);
void hd_capture_close(hd_capture *capture);

/* One pass over a text: `source` is the encoder's input and `decoder_ids` the decoder's; a network without one of them
 * ignores its ids. The network's panels are packed (hd_network_pack). HEED_LENGTH when a text has more tokens than
 * positions. */
heed_status hd_capture_run(hd_capture *capture, hd_network *network, const int32_t *source, int64_t source_count,
                           const int32_t *decoder_ids, int64_t decoder_count);

/* The captured weights of one kind, [layers, heads, queries, keys] in memory of `arena`; 0 layers when there were none.
 * Rows of a head that were reported one after another, as by a recurrent decoder, are joined. */
heed_status hd_capture_map(const hd_capture *capture, hd_attention_kind kind, hd_arena *arena, hd_attention_map *map);

/* A captured tensor [rows, columns] in memory of `arena`, by the name that the layers report it under
 * (layers/recurrent.c). Rows that were reported one after another are joined. 0 rows when there were none. */
typedef struct hd_captured_rows {
    int64_t rows, columns;
    float *data;
} hd_captured_rows;
heed_status hd_capture_rows(const hd_capture *capture, const char *what, hd_arena *arena, hd_captured_rows *rows);

#endif
