/* score of rows i and j of a sequence = q_i · k_j        dq_i = Σ_j d_score k_j,  dk_j = Σ_i d_score q_i */
#include "autograd/ops/ops.h"

typedef struct pair_node {
    hd_node node;
    hd_tensor *q, *k, *y;
} pair_node;

static hd_pair_scores_call call_of(const pair_node *op) {
    return (hd_pair_scores_call){.columns = op->q->columns,
                                 .queries = *op->q->layout,
                                 .keys = *op->k->layout,
                                 .q = op->q->data,
                                 .k = op->k->data,
                                 .scores = op->y->data};
}

/* A gradient that is added to. */
static float *sum_of(hd_pass *pass, hd_tensor *x) {
    bool add;
    float *sum = hd_gradient(pass, x, &add);
    if (sum && !add) pass->stream.device->zero(&pass->stream, &(hd_zero_call){hd_tensor_count(x), sum});
    return sum;
}

static void backward(hd_pass *pass, hd_node *node) {
    pair_node *op = (pair_node *)node;
    if (!op->y->gradient) return;
    hd_pair_scores_backward_call call = {call_of(op), op->y->gradient, sum_of(pass, op->q), sum_of(pass, op->k)};
    pass->stream.device->pair_scores_backward(&pass->stream, &call);
}

hd_tensor *hd_pair_scores(hd_pass *pass, hd_tensor *q, hd_tensor *k) {
    if (!q || !k) return NULL;
    if (q->columns != k->columns || q->layout->sequences != k->layout->sequences)
        return hd_pass_fail(pass, HEED_ARGUMENT,
                            "[%lld, %lld] of %lld sequences and [%lld, %lld] of %lld are not pairs", (long long)q->rows,
                            (long long)q->columns, (long long)q->layout->sequences, (long long)k->rows,
                            (long long)k->columns, (long long)k->layout->sequences);
    int64_t pairs = 0;
    for (int64_t s = 0; s < q->layout->sequences; s++)
        pairs += (int64_t)(q->layout->starts[s + 1] - q->layout->starts[s]) *
                 (k->layout->starts[s + 1] - k->layout->starts[s]);
    pair_node op = {.q = q, .k = k, .y = hd_tensor_new(pass, pairs, 1, NULL)};
    if (!op.y) return NULL;
    op.y->needs_gradient = q->needs_gradient || k->needs_gradient;
    hd_pair_scores_call call = call_of(&op);
    pass->stream.device->pair_scores(&pass->stream, &call);
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
