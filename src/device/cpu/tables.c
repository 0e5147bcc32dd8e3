/* Rows that are moved: copied, gathered, scattered; looked up in a table of tokens or positions. */
#include "device/cpu/cpu.h"
#include "device/cpu/pack.h"

#include <stdlib.h>
#include <string.h>

static void copy(const void *argument, const hd_slice *s) {
    const hd_copy_call *c = argument;
    for (int64_t r = s->start; r < s->end; r++) {
        const float *x = c->x + r * c->x_row;
        float *y = c->y + r * c->y_row;
        if (c->add)
            s->kernels->add(c->columns, y, x, y);
        else
            memcpy(y, x, (size_t)c->columns * sizeof *y);
    }
}

void hd_cpu_copy(hd_stream *stream, const hd_copy_call *call) {
    hd_for_slices(stream->context, call->rows, HD_ROWS, call->rows * call->columns, copy, call);
}

void hd_cpu_move(hd_stream *stream, const hd_move_call *call) {
    (void)stream;
    if (call->count) memmove(call->y, call->x, (size_t)call->count * sizeof *call->y);
}

static void gather(const void *argument, const hd_slice *s) {
    const hd_gather_call *c = argument;
    size_t bytes = (size_t)c->columns * sizeof *c->y;
    for (int64_t i = s->start; i < s->end; i++)
        if (c->rows[i] >= 0)
            memcpy(c->y + i * c->columns, c->x + c->rows[i] * c->columns, bytes);
        else
            memset(c->y + i * c->columns, 0, bytes);
}

void hd_cpu_gather(hd_stream *stream, const hd_gather_call *call) {
    hd_for_slices(stream->context, call->count, HD_ROWS, call->count * call->columns, gather, call);
}

static void scatter_rows(const void *argument, const hd_slice *s) {
    const hd_scatter_call *c = argument;
    for (int64_t i = s->start; i < s->end; i++)
        if (c->rows[i] >= 0)
            memcpy(c->y + c->rows[i] * c->columns, c->x + i * c->columns, (size_t)c->columns * sizeof *c->y);
}

/* Some columns of all rows: a row of y may be met several times. */
static void scatter_add(const void *argument, const hd_slice *s) {
    const hd_scatter_call *c = argument;
    for (int64_t i = 0; i < c->count; i++) {
        const float *x = c->x + i * c->columns + s->start;
        float *y = c->y + c->rows[i] * c->columns + s->start;
        if (c->rows[i] >= 0) s->kernels->add(s->end - s->start, y, x, y);
    }
}

void hd_cpu_scatter(hd_stream *stream, const hd_scatter_call *call) {
    if (call->add)
        hd_for_slices(stream->context, call->columns, HD_COLUMNS, call->count * call->columns, scatter_add, call);
    else
        hd_for_slices(stream->context, call->count, HD_ROWS, call->count * call->columns, scatter_rows, call);
}

/* ---- tokens ---- */

static void embed(const void *argument, const hd_slice *s) {
    const hd_embed_call *c = argument;
    int64_t width = c->table->columns;
    for (int64_t r = s->start; r < s->end; r++) {
        float *y = c->y + r * width;
        hd_cpu_row(c->table, c->ids[r], y);
        if (c->scale != 1.0f) s->kernels->scale(width, c->scale, y, y);
    }
}

void hd_cpu_embed(hd_stream *stream, const hd_embed_call *call) {
    hd_for_slices(stream->context, call->rows, HD_ROWS, 2 * call->rows * call->table->columns, embed, call);
}

/* The rows of one chunk by their ids. */
typedef struct id_runs {
    const hd_embed_backward_call *call;
    float *gradient;
    int64_t *order; /* rows sorted by id, then ascending */
    int64_t *runs;  /* [ids + 1]: where each id's rows begin in order */
} id_runs;

/* One id: its rows of dy are added up in the first of them, then added to the table's gradient. */
static void sum_runs(const void *argument, const hd_slice *s) {
    const id_runs *r = argument;
    const hd_embed_backward_call *c = r->call;
    for (int64_t run = s->start; run < s->end; run++) {
        int64_t first = r->order[r->runs[run]];
        int32_t id = c->ids[first];
        if (id == c->padding) continue;
        float *sum = c->dy + first * c->columns;
        for (int64_t i = r->runs[run] + 1; i < r->runs[run + 1]; i++)
            s->kernels->add(c->columns, sum, c->dy + r->order[i] * c->columns, sum);
        s->kernels->add_scaled(c->columns, c->scale, sum, r->gradient + id * c->columns);
    }
}

static int by_id_then_row(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void embed_backward(hd_stream *stream, id_runs *r, int64_t first, int64_t end) {
    const hd_embed_backward_call *c = r->call;
    int64_t count = end - first, runs = 0;
    for (int64_t i = 0; i < count; i++) r->order[i] = (int64_t)c->ids[first + i] << 32 | (first + i);
    qsort(r->order, (size_t)count, sizeof *r->order, by_id_then_row);
    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || r->order[i] >> 32 != c->ids[r->order[i - 1]]) r->runs[runs++] = i;
        r->order[i] &= 0xffffffff;
    }
    r->runs[runs] = count;
    hd_for_slices(stream->context, runs, 1, 2 * count * c->columns, sum_runs, r);
}

void hd_cpu_embed_backward(hd_stream *stream, const hd_embed_backward_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&call->chunks, call->rows, &chunks);
    id_runs r = {.call = call};
    r.order = hd_cpu_scratch(stream, (size_t)call->rows, sizeof *r.order);
    r.runs = hd_cpu_scratch(stream, (size_t)call->rows + 1, sizeof *r.runs);
    for (int64_t i = 0; r.order && r.runs && i < chunks.count; i++) {
        r.gradient = call->gradient + i * call->chunks.stride;
        embed_backward(stream, &r, chunks.starts[i], chunks.starts[i + 1]);
    }
    hd_arena_rewind(&stream->scratch, mark);
}

/* ---- positions ---- */

static void add_positions(const void *argument, const hd_slice *slice) {
    const hd_add_positions_call *c = argument;
    int64_t width = c->columns;
    for (int64_t s = slice->start; s < slice->end; s++)
        for (int64_t row = c->layout.starts[s]; row < c->layout.starts[s + 1]; row++) {
            int64_t position = hd_layout_position(&c->layout, s) + row - c->layout.starts[s];
            const float *x = c->x + row * width, *p = c->fixed ? c->fixed + (c->offset + position) * width : NULL;
            float *y = c->y + row * width;
            if (!p && c->table->data) p = c->table->data + (c->offset + position) * width;
            if (!p) hd_cpu_row(c->table, c->offset + position, y), p = y;
            slice->kernels->add(width, x, p, y);
        }
}

void hd_cpu_add_positions(hd_stream *stream, const hd_add_positions_call *call) {
    hd_for_slices(stream->context, call->layout.sequences, 1, hd_layout_rows(&call->layout) * call->columns,
                  add_positions, call);
}

static int64_t chunk_of(const hd_cpu_chunks *chunks, int64_t chunk, int64_t row) {
    while (row >= chunks->starts[chunk + 1]) chunk++;
    return chunk;
}

/* Some columns of all rows: positions are met once per sequence. */
static void add_positions_backward(const void *argument, const hd_slice *slice) {
    const hd_add_positions_backward_call *c = argument;
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&c->chunks, hd_layout_rows(&c->layout), &chunks);
    int64_t chunk = 0;
    for (int64_t s = 0; s < c->layout.sequences; s++)
        for (int64_t row = c->layout.starts[s]; row < c->layout.starts[s + 1]; row++) {
            chunk = chunk_of(&chunks, chunk, row);
            int64_t position = hd_layout_position(&c->layout, s) + row - c->layout.starts[s];
            float *y = c->gradient + chunk * c->chunks.stride + position * c->columns + slice->start;
            slice->kernels->add(slice->end - slice->start, y, c->dy + row * c->columns + slice->start, y);
        }
}

void hd_cpu_add_positions_backward(hd_stream *stream, const hd_add_positions_backward_call *call) {
    hd_for_slices(stream->context, call->columns, HD_COLUMNS, hd_layout_rows(&call->layout) * call->columns,
                  add_positions_backward, call);
}
