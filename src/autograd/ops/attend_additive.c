/* Additive attention: a query's context is Σ α_j value_j with α = softmax over j of s · tanh(q + k_j); the arithmetic and
 * the gradient are in device/cpu/kernels/additive.c. The queries of sequence i attend to the keys of sequence i. */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

#include <string.h>

typedef struct additive_node {
    hd_node node;
    hd_tensor *q, *k, *values, *y;
    hd_parameter *scorer;
    float **weights;           /* [sequences]: [queries, keys] of each */
    float *dq, *dk, *d_values; /* backward */
    float *d_scorers;          /* backward: [queries, width] */
} additive_node;

typedef struct attending {
    const heed_context *context;
    const additive_node *op;
} attending;

static int64_t count_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

static hd_additive_attention query_of(const additive_node *op, int64_t s, int64_t row) {
    int64_t width = op->q->columns, value_width = op->values->columns;
    int64_t first_key = op->k->layout->starts[s], keys = count_of(op->k->layout, s);
    return (hd_additive_attention){.keys = keys,
                                   .width = width,
                                   .value_width = value_width,
                                   .q = op->q->data + row * width,
                                   .k = op->k->data + first_key * width,
                                   .scorer = op->scorer->data,
                                   .values = op->values->data + first_key * value_width,
                                   .weights = op->weights[s] + (row - op->q->layout->starts[s]) * keys,
                                   .output = op->y->data + row * value_width};
}

static void forward_sequence(void *argument, int64_t s, int worker) {
    (void)worker;
    const attending *at = argument;
    for (int64_t row = at->op->q->layout->starts[s]; row < at->op->q->layout->starts[s + 1]; row++) {
        hd_additive_attention a = query_of(at->op, s, row);
        at->context->kernels->additive_attention(&a);
    }
}

static void backward_sequence(void *argument, int64_t s, int worker) {
    (void)worker;
    const attending *at = argument;
    const additive_node *op = at->op;
    int64_t width = op->q->columns, value_width = op->values->columns, first_key = op->k->layout->starts[s];
    for (int64_t row = op->q->layout->starts[s]; row < op->q->layout->starts[s + 1]; row++) {
        hd_additive_attention a = query_of(op, s, row);
        a.d_output = op->y->gradient + row * value_width;
        a.dq = op->dq + row * width;
        a.d_scorer = op->d_scorers + row * width;
        a.dk = op->dk + first_key * width;
        a.d_values = op->d_values + first_key * value_width;
        at->context->kernels->additive_attention_backward(&a);
    }
}

static void for_sequences(hd_pass *pass, const additive_node *op, hd_task *task) {
    int64_t pairs = 0; /* of queries and keys */
    for (int64_t s = 0; s < op->q->layout->sequences; s++)
        pairs += count_of(op->q->layout, s) * count_of(op->k->layout, s);
    attending at = {pass->context, op};
    hd_parallel_for(pass->context, op->q->layout->sequences, 20 * pairs * op->q->columns, task, &at);
}

static float *zeros(hd_pass *pass, const hd_tensor *like) {
    size_t count = (size_t)(like->rows * like->columns);
    float *rows = hd_pass_alloc(pass, count, sizeof *rows);
    if (rows) memset(rows, 0, count * sizeof *rows);
    return rows;
}

static void backward(hd_pass *pass, hd_node *node) {
    additive_node *op = (additive_node *)node;
    if (!op->y->gradient) return;
    int64_t queries = op->q->rows, width = op->q->columns;
    op->dk = zeros(pass, op->k);
    op->d_values = zeros(pass, op->values);
    op->dq = hd_pass_alloc(pass, (size_t)(queries * width), sizeof *op->dq);
    op->d_scorers = hd_pass_alloc(pass, (size_t)(queries * width), sizeof *op->d_scorers);
    if (!op->dk || !op->d_values || !op->dq || !op->d_scorers) return;
    for_sequences(pass, op, backward_sequence);
    hd_gradient_give(pass, op->q, op->dq);
    hd_gradient_give(pass, op->k, op->dk);
    hd_gradient_give(pass, op->values, op->d_values);
    float *d_scorer = hd_pass_gradient(pass, op->scorer);
    if (d_scorer) pass->context->kernels->sum_rows(queries, width, op->d_scorers, d_scorer, 0, width);
}

/* [queries, keys] for each sequence: kept for the way back, and shown to the observer. */
static bool make_weights(hd_pass *pass, additive_node *op) {
    int64_t sequences = op->q->layout->sequences;
    op->weights = hd_pass_alloc(pass, (size_t)sequences, sizeof *op->weights);
    for (int64_t s = 0; op->weights && s < sequences; s++)
        op->weights[s] =
            hd_pass_alloc(pass, (size_t)(count_of(op->q->layout, s) * count_of(op->k->layout, s)), sizeof(float));
    return pass->status == HEED_OK;
}

hd_tensor *hd_attend_additive(hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *values, hd_parameter *scorer) {
    if (!q || !k || !values) return NULL;
    if (k->columns != q->columns || hd_parameter_count(scorer) != q->columns || k->rows != values->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT,
                            "queries [%lld, %lld], keys [%lld, %lld] and values [%lld, %lld] do not fit",
                            (long long)q->rows, (long long)q->columns, (long long)k->rows, (long long)k->columns,
                            (long long)values->rows, (long long)values->columns);
    if (k->layout->sequences < q->layout->sequences)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld sequences of queries cannot attend to %lld of keys",
                            (long long)q->layout->sequences, (long long)k->layout->sequences);
    additive_node op = {.q = q, .k = k, .values = values, .scorer = scorer};
    op.y = hd_tensor_new(pass, q->rows, values->columns, q->layout);
    if (!op.y || !make_weights(pass, &op)) return NULL;
    op.y->needs_gradient = q->needs_gradient || k->needs_gradient || values->needs_gradient || scorer->trained;
    for_sequences(pass, &op, forward_sequence);
    bool watched = pass->observer && pass->observer->attention;
    for (int64_t s = 0; watched && s < q->layout->sequences; s++)
        pass->observer->attention(pass->observer->user, "cross", 0, s, 0, count_of(q->layout, s),
                                  count_of(k->layout, s), op.weights[s]);
    additive_node *record = hd_pass_record(pass, op.y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return op.y;
}
