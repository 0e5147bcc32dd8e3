#include "autograd/relative.h"

enum { MOST_SCORES = 1 << 20 }; /* at a time, 4 MiB, or those of one sequence */

static int64_t rows_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

static int64_t scores_of(const hd_attention_call *call, int64_t s) {
    return call->heads * rows_of(&call->queries, s) * rows_of(&call->keys, s);
}

/* Whether sequence s has no distance, positions of a query minus that of a key, beyond the farthest one. */
static bool has_distances(const hd_relative *relative, const hd_layout *queries, const hd_layout *keys, int64_t s) {
    int64_t rows = rows_of(queries, s), key_rows = rows_of(keys, s);
    int64_t first = hd_layout_position(queries, s) - hd_layout_position(keys, s);
    return !rows || !key_rows || (first + rows - 1 <= relative->farthest && key_rows - 1 - first <= relative->farthest);
}

static bool fits(const hd_tensor *table, int64_t columns, int64_t rows) {
    return !table || (table->columns == columns && table->rows == rows);
}

static int64_t table_rows(const hd_relative *relative) {
    return relative->keys ? relative->keys->rows : relative->queries->rows;
}

bool hd_relative_check(hd_pass *pass, const hd_relative *relative, const hd_tensor *q, const hd_tensor *k) {
    bool right = k && (relative->keys || relative->queries);
    right = right && fits(relative->keys, q->columns, table_rows(relative));
    right = right && fits(relative->queries, q->columns, table_rows(relative));
    for (int64_t s = 0; right && s < q->layout->sequences; s++)
        right = has_distances(relative, q->layout, k->layout, s);
    if (!right) hd_pass_fail(pass, HEED_ARGUMENT, "relative positions do not fit the queries and keys");
    return right;
}

/* ---- a few sequences at a time ---- */

/* Sequences [first, end) as a call of their own. */
typedef struct group {
    int64_t first, end;
    int64_t scores; /* of all of them */
    hd_attention_call call;
} group;

static hd_layout part_of(hd_pass *pass, const hd_layout *all, int64_t first, int64_t end) {
    int64_t count = end - first;
    int32_t *starts = hd_pass_alloc(pass, (size_t)count + 1, sizeof *starts);
    uint64_t *examples = hd_pass_alloc(pass, (size_t)count + 1, sizeof *examples);
    if (!starts || !examples) return (hd_layout){0};
    for (int64_t i = 0; i <= count; i++) starts[i] = all->starts[first + i] - all->starts[first];
    for (int64_t i = 0; i < count; i++) examples[i] = hd_layout_example(all, first + i);
    return (hd_layout){.sequences = count,
                       .starts = starts,
                       .examples = examples,
                       .positions = all->positions ? all->positions + first : NULL};
}

/* The group from a sequence on; false when memory ran out. The last one has all further keys. */
static bool make_group(hd_pass *pass, const hd_attention_call *all, int64_t first, group *g) {
    *g = (group){.first = first, .end = first, .call = *all};
    while (g->end < all->queries.sequences && (g->end == first || g->scores + scores_of(all, g->end) <= MOST_SCORES))
        g->scores += scores_of(all, g->end++);
    int64_t row = all->queries.starts[first], key_row = all->keys.starts[first];
    bool last = g->end == all->queries.sequences;
    g->call.queries = part_of(pass, &all->queries, first, g->end);
    g->call.keys = part_of(pass, &all->keys, first, last ? all->keys.sequences : g->end);
    g->call.q += row * all->columns, g->call.y += row * all->columns;
    g->call.k += key_row * all->columns, g->call.v += key_row * all->columns;
    if (all->log_sums) g->call.log_sums += row * all->heads;
    if (all->weights) g->call.weights += first * all->heads;
    return pass->status == HEED_OK;
}

/* The call that makes the scores of a group. */
static hd_relative_scores_call scores_call(const hd_relative *relative, const group *g, float *scores) {
    hd_relative_scores_call call = {.columns = g->call.columns,
                                    .heads = g->call.heads,
                                    .queries = g->call.queries,
                                    .keys = g->call.keys,
                                    .scale = g->call.scale,
                                    .farthest = relative->farthest,
                                    .table_rows = table_rows(relative),
                                    .table_index = relative->table_index,
                                    .q = g->call.q,
                                    .k = g->call.k,
                                    .scores = scores};
    call.keys.sequences = call.queries.sequences;
    if (relative->keys) call.position_keys = relative->keys->data;
    if (relative->queries) call.position_queries = relative->queries->data;
    return call;
}

/* Makes the scores of a group, and has its attention add them; false when memory ran out. */
static bool add_scores(hd_pass *pass, const hd_relative *relative, group *g) {
    float *scores = hd_pass_numbers(pass, g->scores, 1);
    if (!scores) return false;
    hd_relative_scores_call call = scores_call(relative, g, scores);
    pass->stream.device->relative_scores(&pass->stream, &call);
    g->call.bias = scores, g->call.bias_row = HD_BIAS_DENSE;
    return true;
}

void hd_relative_attention(hd_pass *pass, const hd_relative *relative, const hd_attention_call *call) {
    group g = {0};
    while (g.end < call->queries.sequences) {
        hd_arena_mark mark = hd_arena_here(&pass->arena);
        if (!make_group(pass, call, g.end, &g) || !add_scores(pass, relative, &g)) return;
        pass->stream.device->attention(&pass->stream, &g.call);
        hd_arena_rewind(&pass->arena, mark);
    }
}

/* Where the gradient of a table is added to; NULL if there is none. */
static float *gradient_of(hd_pass *pass, hd_tensor *table) {
    bool add;
    float *gradient = table && table->needs_gradient ? hd_gradient(pass, table, &add) : NULL;
    if (gradient && !add) pass->stream.device->zero(&pass->stream, &(hd_zero_call){hd_tensor_count(table), gradient});
    return gradient;
}

static void run_backward(hd_pass *pass, const hd_relative *relative, const hd_attention_backward_call *all, group *g,
                         float *d_keys, float *d_queries) {
    int64_t row = (g->call.q - all->forward.q), key_row = g->call.k - all->forward.k;
    float *d_scores = hd_pass_zeros(pass, g->scores, 1);
    if (!d_scores || !add_scores(pass, relative, g)) return;
    hd_attention_backward_call call = {.forward = g->call,
                                       .dy = all->dy + row,
                                       .dq = all->dq + row,
                                       .dk = all->dk + key_row,
                                       .dv = all->dv + key_row,
                                       .d_bias = d_scores};
    pass->stream.device->attention_backward(&pass->stream, &call);
    hd_relative_scores_backward_call scores = {.forward = scores_call(relative, g, NULL),
                                               .d_scores = d_scores,
                                               .dq = call.dq,
                                               .dk = call.dk,
                                               .d_position_keys = d_keys,
                                               .d_position_queries = d_queries};
    pass->stream.device->relative_scores_backward(&pass->stream, &scores);
}

void hd_relative_attention_backward(hd_pass *pass, const hd_relative *relative,
                                    const hd_attention_backward_call *call) {
    float *d_keys = gradient_of(pass, relative->keys), *d_queries = gradient_of(pass, relative->queries);
    group g = {0};
    while (g.end < call->forward.queries.sequences) {
        hd_arena_mark mark = hd_arena_here(&pass->arena);
        if (!make_group(pass, &call->forward, g.end, &g)) return;
        run_backward(pass, relative, call, &g, d_keys, d_queries);
        if (pass->status != HEED_OK) return;
        hd_arena_rewind(&pass->arena, mark);
    }
}
