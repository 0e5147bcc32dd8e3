/* Cross entropy: rows in parallel, their losses added in order. */
#include "device/cpu/cpu.h"

enum { LOSS_ROWS = 16 }; /* per slice */

typedef struct loss_rows {
    const hd_cross_entropy_call *call;
    double *losses; /* [rows] */
} loss_rows;

static void cross_entropy(const void *argument, const hd_slice *s) {
    const loss_rows *l = argument;
    const hd_cross_entropy_call *c = l->call;
    for (int64_t r = s->start; r < s->end; r++) {
        float *row = c->logits + r * c->classes;
        if (c->agreement > 0)
            l->losses[r] = s->kernels->cross_entropy_pair(c->classes, row, row + c->rows * c->classes, c->targets[r],
                                                          c->smoothing, c->agreement, c->scale);
        else if (c->gradient)
            l->losses[r] = s->kernels->cross_entropy(c->classes, row, c->targets[r], c->smoothing, c->scale);
        else
            l->losses[r] = s->kernels->cross_entropy_loss(c->classes, row, c->targets[r], c->smoothing);
    }
}

void hd_cpu_cross_entropy(hd_stream *stream, const hd_cross_entropy_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    loss_rows l = {call, hd_cpu_scratch(stream, (size_t)call->rows, sizeof *l.losses)};
    if (!l.losses) return;
    int64_t numbers = (call->agreement > 0 ? 2 : 1) * call->rows * call->classes;
    hd_for_slices(stream->context, call->rows, LOSS_ROWS, 16 * numbers, cross_entropy, &l);
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&call->chunks, call->rows, &chunks);
    for (int64_t i = 0; i < chunks.count; i++)
        for (int64_t r = chunks.starts[i]; r < chunks.starts[i + 1]; r++) call->losses[i] += l.losses[r];
    hd_arena_rewind(&stream->scratch, mark);
}
