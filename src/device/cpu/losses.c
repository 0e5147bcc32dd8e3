/* Cross entropy, and what decoding reads of rows of logits: sums of exponentials and the best columns. */
#include "device/cpu/cpu.h"

#include <math.h>

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

static void exp_sums(const void *argument, const hd_slice *s) {
    const hd_exp_sums_call *c = argument;
    for (int64_t r = s->start; r < s->end; r++) {
        if (c->begin) c->sums[r] = (hd_exp_sum){.largest = -INFINITY};
        for (int64_t j = 0; j < c->columns; j += HD_EXP_PIECE)
            s->kernels->add_exponentials(hd_min(HD_EXP_PIECE, c->columns - j), c->x + r * c->columns + j, &c->sums[r]);
        if (c->log_sums) c->log_sums[r] = s->kernels->log_of_sum(&c->sums[r]);
    }
}

void hd_cpu_exp_sums(hd_stream *stream, const hd_exp_sums_call *call) {
    hd_for_slices(stream->context, call->rows, 1, 2 * call->rows * call->columns, exp_sums, call);
}

/* Columns come in ascending order, so one that equals another stays behind it. */
static void best_of_row(const hd_kernels *kernels, const hd_best_call *c, const float *x, float *values,
                        int32_t *columns) {
    for (int64_t i = 0; i < c->count; i++) values[i] = -INFINITY, columns[i] = -1;
    for (int64_t j = 0; c->count; j++) {
        j += kernels->find_above(c->columns - j, x + j, values[c->count - 1]);
        if (j >= c->columns) return;
        int64_t i = c->count - 1;
        for (; i > 0 && x[j] > values[i - 1]; i--) values[i] = values[i - 1], columns[i] = columns[i - 1];
        values[i] = x[j], columns[i] = (int32_t)j;
    }
}

static void best(const void *argument, const hd_slice *s) {
    const hd_best_call *c = argument;
    for (int64_t r = s->start; r < s->end; r++)
        best_of_row(s->kernels, c, c->x + r * c->columns, c->values + r * c->count, c->best_columns + r * c->count);
}

void hd_cpu_best(hd_stream *stream, const hd_best_call *call) {
    hd_for_slices(stream->context, call->rows, 1, call->rows * call->columns, best, call);
}
