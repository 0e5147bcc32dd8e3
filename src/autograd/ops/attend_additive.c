/* Additive attention: a query's context is Σ α_j value_j with α = softmax over j of s · tanh(q + k_j); the arithmetic and
 * the gradient are in device/cpu/kernels/additive.c. The queries of sequence i attend to the keys of sequence i. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"

typedef struct additive_node {
    hd_node node;
    hd_tensor *q, *k, *values, *y;
    hd_parameter *scorer;
    float **weights; /* [sequences]: [queries, keys] of each */
} additive_node;

static int64_t count_of(const hd_layout *layout, int64_t s) { return layout->starts[s + 1] - layout->starts[s]; }

static hd_additive_attention_call call_of(const additive_node *op) {
    return (hd_additive_attention_call){.width = op->q->columns,
                                        .value_width = op->values->columns,
                                        .queries = *op->q->layout,
                                        .keys = *op->k->layout,
                                        .q = op->q->data,
                                        .k = op->k->data,
                                        .values = op->values->data,
                                        .scorer = op->scorer->data,
                                        .weights = op->weights,
                                        .y = op->y->data};
}

static void backward(hd_pass *pass, hd_node *node) {
    additive_node *op = (additive_node *)node;
    if (!op->y->gradient) return;
    int64_t queries = op->q->rows, width = op->q->columns;
    hd_additive_attention_backward_call call = {.forward = call_of(op),
                                                .dy = op->y->gradient,
                                                .dq = hd_pass_numbers(pass, queries, width),
                                                .d_scorers = hd_pass_numbers(pass, queries, width),
                                                .dk = hd_pass_zeros(pass, op->k->rows, width),
                                                .d_values = hd_pass_zeros(pass, op->values->rows, op->values->columns)};
    if (pass->status != HEED_OK) return;
    pass->stream.device->additive_attention_backward(&pass->stream, &call);
    hd_gradient_give(pass, op->q, call.dq);
    hd_gradient_give(pass, op->k, call.dk);
    hd_gradient_give(pass, op->values, call.d_values);
    float *d_scorer = hd_pass_gradient(pass, op->scorer);
    if (d_scorer) hd_sum_rows(pass, queries, width, call.d_scorers, d_scorer);
}

/* [queries, keys] for each sequence: kept for the backward pass, and shown to the observer. */
static bool make_weights(hd_pass *pass, additive_node *op) {
    int64_t sequences = op->q->layout->sequences;
    op->weights = hd_pass_alloc(pass, (size_t)sequences, sizeof *op->weights);
    for (int64_t s = 0; op->weights && s < sequences; s++)
        op->weights[s] = hd_pass_numbers(pass, count_of(op->q->layout, s), count_of(op->k->layout, s));
    return pass->status == HEED_OK;
}

static void show(hd_pass *pass, const additive_node *op) {
    for (int64_t s = 0; s < op->q->layout->sequences; s++) {
        int64_t queries = count_of(op->q->layout, s), keys = count_of(op->k->layout, s);
        const float *weights = hd_pass_download(pass, op->weights[s], queries * keys);
        if (weights) pass->observer->attention(pass->observer->user, "cross", 0, s, 0, queries, keys, weights);
    }
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
    hd_additive_attention_call call = call_of(&op);
    pass->stream.device->additive_attention(&pass->stream, &call);
    if (pass->observer && pass->observer->attention) show(pass, &op);
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
