/* y = s · E[ids]        dE[i] = s · Σ dy over the tokens with id i, ascending. */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

#include <stdlib.h>

enum { ROWS_A_PIECE = 64 };

typedef struct embed_node {
    hd_node node;
    hd_parameter *table;
    const int32_t *ids;
    float scale;
    int32_t padding;
    hd_tensor *y;
} embed_node;

typedef struct gather {
    hd_pass *pass;
    embed_node op;
    const int64_t *order; /* backward: tokens sorted by id, then position */
    const int64_t *runs;  /* where each id's run starts */
    float *gradient;
} gather;

static void gather_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const gather *g = argument;
    const hd_tensor *y = g->op.y;
    for (int64_t row = piece * ROWS_A_PIECE; row < hd_min((piece + 1) * ROWS_A_PIECE, y->rows); row++) {
        float *out = y->data + row * y->columns;
        hd_parameter_row(g->op.table, g->op.ids[row], out);
        if (g->op.scale != 1.0f) g->pass->context->kernels->scale(y->columns, g->op.scale, out, out);
    }
}

/* One id: its tokens' gradients are summed from zero in the first token's row, then added to the table's. */
static void scatter_run(void *argument, int64_t run, int worker) {
    (void)worker;
    const gather *g = argument;
    const hd_kernels *kernels = g->pass->context->kernels;
    int64_t width = g->op.y->columns, first = g->order[g->runs[run]];
    int32_t id = g->op.ids[first];
    if (id == g->op.padding) return;
    float *sum = g->op.y->gradient + first * width;
    for (int64_t i = g->runs[run] + 1; i < g->runs[run + 1]; i++)
        kernels->add(width, sum, g->op.y->gradient + g->order[i] * width, sum);
    kernels->add_scaled(width, g->op.scale, sum, g->gradient + id * width);
}

static int by_id_then_position(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void backward(hd_pass *pass, hd_node *node) {
    embed_node *op = (embed_node *)node;
    float *gradient = hd_pass_gradient(pass, op->table);
    if (!gradient || !op->y->gradient) return;
    int64_t rows = op->y->rows;
    int64_t *order = hd_pass_alloc(pass, (size_t)rows, sizeof *order);
    int64_t *runs = hd_pass_alloc(pass, (size_t)rows + 1, sizeof *runs);
    if (!order || !runs) return;
    for (int64_t r = 0; r < rows; r++) order[r] = (int64_t)op->ids[r] << 32 | r;
    qsort(order, (size_t)rows, sizeof *order, by_id_then_position);
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (i == 0 || order[i] >> 32 != op->ids[order[i - 1]]) runs[count++] = i;
        order[i] &= 0xffffffff;
    }
    runs[count] = rows;
    gather g = {pass, *op, order, runs, gradient};
    hd_parallel_for(pass->context, count, 2 * rows * op->y->columns, scatter_run, &g);
}

hd_tensor *hd_embed(hd_pass *pass, hd_parameter *table, const int32_t *ids, const hd_layout *layout, float scale,
                    int32_t padding) {
    int64_t rows = hd_layout_rows(layout);
    hd_tensor *y = hd_tensor_new(pass, rows, table->columns, layout);
    if (!y) return NULL;
    for (int64_t r = 0; r < rows; r++)
        if (ids[r] < 0 || ids[r] >= table->rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "token id %d lies outside the %lld rows of \"%s\"", ids[r],
                                (long long)table->rows, table->name);
    y->needs_gradient = table->trained;
    embed_node op = {.table = table, .ids = ids, .scale = scale, .padding = padding, .y = y};
    gather g = {.pass = pass, .op = op};
    hd_parallel_for(pass->context, (rows + ROWS_A_PIECE - 1) / ROWS_A_PIECE, 2 * rows * y->columns, gather_piece, &g);
    embed_node *record = hd_pass_record(pass, y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return y;
}
