/* Catching attention weights, and tensors that layers show, as a pass makes them. Passes without an observer do not pay
 * for it. */
#ifndef HD_INSPECT_CAPTURE_H
#define HD_INSPECT_CAPTURE_H

#include "autograd/pass.h"
#include "inspect/attention.h"
#include "layers/network.h"

/* Some rows of one head or of one tensor, as they came. */
typedef struct hd_caught hd_caught;

typedef struct hd_capture {
    heed_context *context;
    hd_observer observer;    /* for hd_pass.observer; what is seen is of one sequence */
    hd_arena arena;          /* what was caught */
    hd_caught *first, *last; /* in order of time */
    bool failed;             /* memory ran out; the context has the message */
} hd_capture;

void hd_capture_open(hd_capture *capture, heed_context *context);
void hd_capture_close(hd_capture *capture);

/* One pass over a text: `source` for the encoder and `fed`, what the decoder is given to read, for the decoder; a network
 * that lacks one of them does not look at its ids. The network's panels are packed (hd_network_pack). HEED_LENGTH when a
 * text has more tokens than positions. */
heed_status hd_capture_run(hd_capture *capture, hd_network *network, const int32_t *source, int64_t source_count,
                           const int32_t *fed, int64_t fed_count);

/* What was caught of one kind, in memory of `arena`: layers, heads and weights [layers, heads, queries, keys]; no layers
 * when nothing was. Rows of a head that came one after another, as a recurrent decoder makes them, are put together. */
heed_status hd_capture_map(const hd_capture *capture, hd_attention_kind kind, hd_arena *arena, hd_attention_map *map);

/* A tensor of the pass by the name that the layers show it under (layers/recurrent.c), [rows, columns] in memory of
 * `arena`; rows that came one after another are put together. No rows when none came. */
typedef struct hd_caught_rows {
    int64_t rows, columns;
    float *data;
} hd_caught_rows;
heed_status hd_capture_rows(const hd_capture *capture, const char *what, hd_arena *arena, hd_caught_rows *rows);

#endif
