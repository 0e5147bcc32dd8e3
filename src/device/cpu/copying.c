/* Copying from the source: scores of pairs by sequence, and logits by rows. */
#include "device/cpu/cpu.h"

enum { ROWS = 16 }; /* per slice */

static int64_t count_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

/* Where the pairs of each sequence begin, in the stream's scratch. */
static const int64_t *find_starts(hd_stream *stream, const hd_layout *queries, const hd_layout *keys) {
    int64_t *starts = hd_cpu_scratch(stream, (size_t)queries->sequences + 1, sizeof *starts), start = 0;
    for (int64_t s = 0; starts && s < queries->sequences; s++) {
        starts[s] = start;
        start += count_of(queries, s) * count_of(keys, s);
    }
    if (starts) starts[queries->sequences] = start;
    return starts;
}

/* ---- scores of pairs ---- */

typedef struct pairing {
    const hd_pair_scores_call *call;
    const hd_pair_scores_backward_call *backward; /* or NULL */
    const int64_t *starts;
} pairing;

static void score(const void *argument, const hd_slice *slice) {
    const pairing *p = argument;
    const hd_pair_scores_call *c = p->call;
    int64_t s = slice->start, keys = count_of(&c->keys, s), row = c->queries.starts[s];
    for (int64_t i = 0; i < count_of(&c->queries, s); i++)
        slice->kernels->dot_rows(keys, c->columns, HD_F32, c->k + c->keys.starts[s] * c->columns,
                                 c->q + (row + i) * c->columns, c->scores + p->starts[s] + i * keys);
}

static void score_backward(const void *argument, const hd_slice *slice) {
    const pairing *p = argument;
    const hd_pair_scores_call *c = p->call;
    int64_t s = slice->start, width = c->columns;
    const float *d = p->backward->d_scores + p->starts[s];
    for (int64_t row = c->queries.starts[s]; row < c->queries.starts[s + 1]; row++)
        for (int64_t key = c->keys.starts[s]; key < c->keys.starts[s + 1]; key++, d++) {
            if (p->backward->dq)
                slice->kernels->add_scaled(width, *d, c->k + key * width, p->backward->dq + row * width);
            if (p->backward->dk)
                slice->kernels->add_scaled(width, *d, c->q + row * width, p->backward->dk + key * width);
        }
}

static void for_sequences(hd_stream *stream, pairing *p, int64_t work, hd_slice_task *task) {
    const hd_pair_scores_call *c = p->call;
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    p->starts = find_starts(stream, &c->queries, &c->keys);
    if (p->starts)
        hd_for_slices(stream->context, c->queries.sequences, 1, work * c->columns * p->starts[c->queries.sequences],
                      task, p);
    hd_arena_rewind(&stream->scratch, mark);
}

void hd_cpu_pair_scores(hd_stream *stream, const hd_pair_scores_call *call) {
    for_sequences(stream, &(pairing){.call = call}, 1, score);
}

void hd_cpu_pair_scores_backward(hd_stream *stream, const hd_pair_scores_backward_call *call) {
    for_sequences(stream, &(pairing){.call = &call->forward, .backward = call}, 2, score_backward);
}

/* ---- logits ---- */

typedef struct copying {
    const hd_add_copies_call *call;
    float *d_scores; /* or NULL */
    const int64_t *starts;
} copying;

/* A row and what it may copy. */
typedef struct copied_row {
    int64_t tokens, at; /* of the source; the first of its scores */
    const int32_t *ids; /* [tokens] */
    float *logits;      /* [columns] */
} copied_row;

static copied_row row_of(const copying *p, int64_t s, int64_t row) {
    const hd_add_copies_call *c = p->call;
    int64_t tokens = count_of(&c->sources, s);
    return (copied_row){.tokens = tokens,
                        .at = p->starts[s] + (row - c->rows.starts[s]) * tokens,
                        .ids = c->ids + c->sources.starts[s],
                        .logits = c->logits + (row - c->first_row) * c->columns};
}

/* The gradients of the scores; then those of the logits, of each token once: equal tokens have equal gradients and shares. */
static void add_row_backward(const copying *p, const copied_row *row) {
    const hd_add_copies_call *c = p->call;
    const float *shares = c->shares + 2 * row->at;
    float *own = c->shares + 2 * row->at + row->tokens;
    for (int64_t j = 0; j < row->tokens; j++) {
        int64_t column = row->ids[j] - c->first_token;
        if (column < 0 || column >= c->columns) continue;
        p->d_scores[row->at + j] += row->logits[column] * shares[j];
        own[j] *= row->logits[column];
    }
    for (int64_t j = 0; j < row->tokens; j++) {
        int64_t column = row->ids[j] - c->first_token;
        if (column >= 0 && column < c->columns) row->logits[column] = own[j];
    }
}

static void add_rows(const void *argument, const hd_slice *slice) {
    const copying *p = argument;
    const hd_add_copies_call *c = p->call;
    int64_t s = 0, end = c->first_row + slice->end;
    for (int64_t r = c->first_row + slice->start; r < end; r++) {
        while (c->rows.starts[s + 1] <= r) s++;
        copied_row row = row_of(p, s, r);
        if (p->d_scores)
            add_row_backward(p, &row);
        else
            slice->kernels->add_copies(row.tokens, row.ids, c->scores + row.at, c->first_token, c->columns, row.logits,
                                       c->shares ? c->shares + 2 * row.at : NULL);
    }
}

static void for_rows(hd_stream *stream, copying *p) {
    enum { WORK = 100 }; /* of a score */
    const hd_add_copies_call *c = p->call;
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    p->starts = find_starts(stream, &c->rows, &c->sources);
    int64_t rows = hd_max(hd_layout_rows(&c->rows), 1);
    if (p->starts)
        hd_for_slices(stream->context, c->row_count, ROWS, WORK * p->starts[c->rows.sequences] / rows * c->row_count,
                      add_rows, p);
    hd_arena_rewind(&stream->scratch, mark);
}

void hd_cpu_add_copies(hd_stream *stream, const hd_add_copies_call *call) {
    for_rows(stream, &(copying){.call = call});
}

void hd_cpu_add_copies_backward(hd_stream *stream, const hd_add_copies_backward_call *call) {
    for_rows(stream, &(copying){.call = &call->forward, .d_scores = call->d_scores});
}
