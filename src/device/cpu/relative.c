/* Scores of relative positions for all heads of all sequences (device/cpu/kernels/relative.c). */
#include "device/cpu/cpu.h"

typedef struct scoring {
    const hd_relative_scores_call *call;
    const hd_relative_scores_backward_call *backward; /* or NULL */
    int64_t width, padded;                            /* of a head; rows of the tables, rounded up to panels */
    const int64_t *starts;                            /* [sequences]: where the scores of each begin */
    const int32_t *chunks;                            /* [chunks + 1]: the sequence that each begins with */
    float *key_panels, *query_panels;                 /* [heads, padded, width]; NULL: there is no such table */
    float *scratch;                                   /* [workers, hd_relative_scratch] */
} scoring;

static int64_t count_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

/* Head h of sequence s, forward. */
static hd_relative_scores head_of(const scoring *at, int64_t s, int64_t h) {
    const hd_relative_scores_call *c = at->call;
    int64_t panels = h * at->padded * at->width, column = h * at->width;
    hd_relative_scores a = {.queries = count_of(&c->queries, s),
                            .keys = count_of(&c->keys, s),
                            .width = at->width,
                            .first_query = hd_layout_position(&c->queries, s) - hd_layout_position(&c->keys, s),
                            .table_index = c->table_index + c->farthest,
                            .scale = c->scale,
                            .q = c->q + c->queries.starts[s] * c->columns + column,
                            .k = c->k + c->keys.starts[s] * c->columns + column,
                            .q_row = c->columns,
                            .k_row = c->columns,
                            .block_row = at->padded,
                            .table_row = c->columns};
    int64_t scores = at->starts[s] + h * a.queries * a.keys;
    if (at->key_panels) a.key_panels = at->key_panels + panels;
    if (at->query_panels) a.query_panels = at->query_panels + panels;
    if (!at->backward) {
        a.scores = c->scores + scores;
        return a;
    }
    if (c->position_keys) a.position_keys = c->position_keys + column;
    if (c->position_queries) a.position_queries = c->position_queries + column;
    a.d_scores = at->backward->d_scores + scores;
    a.dq = at->backward->dq + (a.q - c->q), a.dk = at->backward->dk + (a.k - c->k);
    return a;
}

static float *scratch_of(const scoring *at, const hd_slice *slice) {
    return at->scratch + (size_t)slice->worker * hd_relative_scratch(at->padded);
}

static void pack_head(const void *argument, const hd_slice *slice) {
    const scoring *at = argument;
    const hd_relative_scores_call *c = at->call;
    int64_t h = slice->start, count = at->padded / HD_PANEL, to = h * at->padded * at->width, from = h * at->width;
    if (at->key_panels)
        slice->kernels->pack(c->position_keys + from, HD_F32, c->columns, c->table_rows, at->width, at->key_panels + to,
                             0, count);
    if (at->query_panels)
        slice->kernels->pack(c->position_queries + from, HD_F32, c->columns, c->table_rows, at->width,
                             at->query_panels + to, 0, count);
}

static void forward(const void *argument, const hd_slice *slice) {
    const scoring *at = argument;
    int64_t heads = at->call->heads;
    hd_relative_scores a = head_of(at, slice->start / heads, slice->start % heads);
    slice->kernels->relative_scores(&a, scratch_of(at, slice));
}

/* A head of all sequences of a chunk, which have one sum. */
static void backward(const void *argument, const hd_slice *slice) {
    const scoring *at = argument;
    const hd_relative_scores_backward_call *b = at->backward;
    int64_t heads = at->call->heads, chunk = slice->start / heads, h = slice->start % heads, column = h * at->width;
    float *d_keys = hd_cpu_partial_sum(b->d_position_keys, chunk, &b->chunks);
    float *d_queries = hd_cpu_partial_sum(b->d_position_queries, chunk, &b->chunks);
    for (int64_t s = at->chunks[chunk]; s < at->chunks[chunk + 1]; s++) {
        hd_relative_scores a = head_of(at, s, h);
        if (d_keys) a.d_position_keys = d_keys + column;
        if (d_queries) a.d_position_queries = d_queries + column;
        slice->kernels->relative_scores_backward(&a, scratch_of(at, slice));
    }
}

/* About how many operations there are. */
static int64_t work_of(const hd_relative_scores_call *c) {
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < c->queries.sequences; s++) pairs += count_of(&c->queries, s) * count_of(&c->keys, s);
    return 4 * pairs * c->columns;
}

static bool prepare(hd_stream *stream, scoring *at) {
    const hd_relative_scores_call *c = at->call;
    int64_t sequences = c->queries.sequences, start = 0;
    at->width = c->columns / c->heads;
    at->padded = (c->table_rows + HD_PANEL - 1) / HD_PANEL * HD_PANEL;
    int64_t *starts = hd_cpu_scratch(stream, (size_t)sequences + 1, sizeof *starts);
    for (int64_t s = 0; starts && s < sequences; s++) {
        starts[s] = start;
        start += c->heads * count_of(&c->queries, s) * count_of(&c->keys, s);
    }
    at->starts = starts;
    at->scratch =
        hd_cpu_scratch(stream, (size_t)stream->context->threads * hd_relative_scratch(at->padded), sizeof *at->scratch);
    return starts && at->scratch;
}

/* Panels of a table, which are not yet written; NULL for no table. */
static float *panels_of(hd_stream *stream, const scoring *at, const float *table) {
    size_t count = (size_t)(at->call->heads * at->padded * at->width);
    return table ? hd_cpu_scratch(stream, count, sizeof *table) : NULL;
}

void hd_cpu_relative_scores(hd_stream *stream, const hd_relative_scores_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    scoring at = {.call = call};
    if (prepare(stream, &at)) {
        at.key_panels = panels_of(stream, &at, call->position_keys);
        at.query_panels = panels_of(stream, &at, call->position_queries);
        bool failed = !at.key_panels != !call->position_keys || !at.query_panels != !call->position_queries;
        if (!failed) {
            hd_for_slices(stream->context, call->heads, 1, 2 * call->columns * call->table_rows, pack_head, &at);
            hd_for_slices(stream->context, call->queries.sequences * call->heads, 1, work_of(call), forward, &at);
        }
    }
    hd_arena_rewind(&stream->scratch, mark);
}

void hd_cpu_relative_scores_backward(hd_stream *stream, const hd_relative_scores_backward_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    scoring at = {.call = &call->forward, .backward = call};
    if (prepare(stream, &at)) {
        int64_t chunks = hd_cpu_chunk_sequences(stream, &call->forward.queries, &call->chunks, &at.chunks);
        hd_for_slices(stream->context, chunks * call->forward.heads, 1, 3 * work_of(&call->forward), backward, &at);
    }
    hd_arena_rewind(&stream->scratch, mark);
}
