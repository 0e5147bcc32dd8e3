/* One step of a recurrent layer. */
#include "device/cpu/cpu.h"

#include <string.h>

enum { CELL_ROWS = 16, WORK = 60 }; /* rows per slice; operations per number of a gate */

static void cell(const void *argument, const hd_slice *s) {
    const hd_cell_call *c = argument;
    int64_t width = c->width, gates = hd_cell_gates(c->cell) * width, kept = hd_cell_kept(c->cell) * width;
    for (int64_t i = s->start; i < s->end; i++) {
        int64_t row = c->rows[i];
        float *h = c->h + i * width, *state = c->c + i * width;
        s->kernels->cell(&(hd_cell_step){.cell = c->cell,
                                         .width = width,
                                         .x = c->x + row * gates,
                                         .u = c->u + i * gates,
                                         .h_before = h,
                                         .h = h,
                                         .c_before = state,
                                         .c = state,
                                         .kept = c->kept ? c->kept + row * kept : NULL});
        memcpy(c->y + row * width, h, (size_t)width * sizeof *h);
    }
}

void hd_cpu_cell(hd_stream *stream, const hd_cell_call *call) {
    hd_for_slices(stream->context, call->count, CELL_ROWS, WORK * call->count * hd_cell_gates(call->cell) * call->width,
                  cell, call);
}

typedef struct cell_steps {
    const hd_cell_backward_call *call;
    const float *zeros; /* [width] */
} cell_steps;

/* An LSTM's c before the step: what the token before left, or the first one, or zeros. */
static const float *c_before(const cell_steps *steps, int64_t i) {
    const hd_cell_backward_call *c = steps->call;
    if (c->cell != HD_LSTM) return steps->zeros;
    if (c->previous) return c->kept + (c->previous[i] * hd_cell_kept(c->cell) + 4) * c->width;
    return c->first_c ? c->first_c + c->order[i] * c->width : steps->zeros;
}

static void cell_backward(const void *argument, const hd_slice *s) {
    const cell_steps *steps = argument;
    const hd_cell_backward_call *c = steps->call;
    int64_t width = c->width, gates = hd_cell_gates(c->cell) * width, kept = hd_cell_kept(c->cell) * width;
    for (int64_t i = s->start; i < s->end; i++) {
        int64_t row = c->rows[i];
        float *dh = c->dh + i * width, *du = c->du + i * gates;
        if (c->dy) s->kernels->add(width, dh, c->dy + row * width, dh);
        s->kernels->cell_backward(&(hd_cell_step){.cell = c->cell,
                                                  .width = width,
                                                  .h_before = c->before + row * width,
                                                  .c_before = c_before(steps, i),
                                                  .h = (float *)(uintptr_t)c->y + row * width,
                                                  .kept = c->kept ? (float *)(uintptr_t)c->kept + row * kept : NULL,
                                                  .dh = dh,
                                                  .dc = c->dc + i * width,
                                                  .dx = c->dx + row * gates,
                                                  .du = du,
                                                  .dh_before = dh});
        if (c->du_rows) memcpy(c->du_rows + row * gates, du, (size_t)gates * sizeof *du);
    }
}

void hd_cpu_cell_backward(hd_stream *stream, const hd_cell_backward_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    float *zeros = hd_cpu_scratch(stream, (size_t)call->width, sizeof *zeros);
    if (!zeros) return;
    memset(zeros, 0, (size_t)call->width * sizeof *zeros);
    hd_for_slices(stream->context, call->count, CELL_ROWS, WORK * call->count * hd_cell_gates(call->cell) * call->width,
                  cell_backward, &(cell_steps){call, zeros});
    hd_arena_rewind(&stream->scratch, mark);
}
