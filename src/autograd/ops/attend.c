/* Multi-head attention: head h of a sequence is softmax(cap(scale q_h k_hᵀ + bias_h)) v_h on columns [h width,
 * (h + 1) width). The bias is given, or has scores of relative positions (autograd/relative.h). The arithmetic and the gradient
 * are in device/cpu/kernels/attention.c. */
#include "autograd/relative.h"

#include <math.h>

typedef struct attend_node {
    hd_node node;
    hd_tensor *q, *k, *v, *y;
    const hd_keys *cached; /* in place of k and v */
    hd_attend_options options;
    hd_dropout dropout;
    float *log_sums; /* [queries, heads] */
} attend_node;

static hd_attention_call call_of(const attend_node *op) {
    int64_t width = op->q->columns / op->options.heads;
    const hd_tensor *bias = op->options.bias;
    return (hd_attention_call){.columns = op->q->columns,
                               .heads = op->options.heads,
                               .key_heads = op->options.key_heads,
                               .causal = op->options.causal,
                               .window = op->options.window,
                               .scale = op->options.scale > 0 ? op->options.scale : 1.0f / sqrtf((float)width),
                               .softcap = op->options.softcap,
                               .bias = bias ? bias->data : NULL,
                               .bias_row = op->options.bias_row,
                               .bias_zero = op->options.bias_zero,
                               .bias_columns = bias ? bias->columns : 0,
                               .dropout = op->dropout,
                               .queries = *op->q->layout,
                               .keys = op->k ? *op->k->layout : (hd_layout){0},
                               .cached = op->cached,
                               .q = op->q->data,
                               .k = op->k ? op->k->data : NULL,
                               .v = op->v ? op->v->data : NULL,
                               .y = op->y->data,
                               .log_sums = op->log_sums};
}

static void backward(hd_pass *pass, hd_node *node) {
    attend_node *op = (attend_node *)node;
    if (!op->y->gradient) return;
    /* The call writes, and q, k and v may be one tensor: each gets a buffer of its own and gives it. */
    hd_attention_backward_call call = {.forward = call_of(op),
                                       .dy = op->y->gradient,
                                       .dq = hd_pass_numbers(pass, op->q->rows, op->q->columns),
                                       .dk = hd_pass_numbers(pass, op->k->rows, op->k->columns),
                                       .dv = hd_pass_numbers(pass, op->v->rows, op->v->columns)};
    hd_tensor *bias = op->options.bias;
    if (bias && bias->needs_gradient) call.d_bias = hd_pass_zeros(pass, bias->rows, bias->columns);
    if (pass->status != HEED_OK) return;
    if (op->options.relative)
        hd_relative_attention_backward(pass, op->options.relative, &call);
    else
        pass->stream.device->attention_backward(&pass->stream, &call);
    hd_gradient_give(pass, op->q, call.dq);
    hd_gradient_give(pass, op->k, call.dk);
    hd_gradient_give(pass, op->v, call.dv);
    if (call.d_bias) hd_gradient_give(pass, bias, call.d_bias);
}

/* The queries and keys of a sequence. */
static void shape_of(const attend_node *op, int64_t s, int64_t *queries, int64_t *keys) {
    const int32_t *starts = op->q->layout->starts + s;
    *queries = starts[1] - starts[0];
    *keys = op->cached ? op->cached[s].keys : op->k->layout->starts[s + 1] - op->k->layout->starts[s];
}

/* The number of elements of a dense bias. */
static int64_t count_dense(const attend_node *op) {
    int64_t count = 0, queries, keys;
    for (int64_t s = 0; s < op->q->layout->sequences; s++) {
        shape_of(op, s, &queries, &keys);
        count += op->options.heads * queries * keys;
    }
    return count;
}

/* Whether a bias by distance has a column for every query of a sequence and every key that it may attend to. */
static bool has_distances(const attend_node *op, int64_t s) {
    int64_t queries, keys, zero = op->options.bias_zero;
    shape_of(op, s, &queries, &keys);
    int64_t first = hd_layout_position(op->q->layout, s) - (op->k ? hd_layout_position(op->k->layout, s) : 0);
    int64_t most = op->options.causal ? hd_min(keys - 1 - first, 0) : keys - 1 - first;
    return !queries || !keys || (first + queries - 1 <= zero && zero + most < op->options.bias->columns);
}

static bool check_bias(hd_pass *pass, const attend_node *op) {
    const hd_tensor *bias = op->options.bias;
    if (!bias) return true;
    bool fits = true;
    if (op->options.bias_row == HD_BIAS_DENSE) {
        fits = hd_tensor_count(bias) == count_dense(op);
    } else {
        fits = op->options.bias_row == HD_BIAS_BY_DISTANCE && bias->rows == op->options.heads;
        for (int64_t s = 0; fits && s < op->q->layout->sequences; s++) fits = has_distances(op, s);
    }
    if (!fits)
        hd_pass_fail(pass, HEED_ARGUMENT, "a bias [%lld, %lld] does not fit the scores of %lld heads",
                     (long long)bias->rows, (long long)bias->columns, (long long)op->options.heads);
    return fits;
}

static bool needs_gradient(const hd_tensor *x) { return x && x->needs_gradient; }

/* Whether what is attended with, apart from queries, keys and values, needs a gradient. */
static bool bias_needs_gradient(const hd_attend_options *options) {
    const hd_relative *relative = options->relative;
    return needs_gradient(options->bias) ||
           (relative && (needs_gradient(relative->keys) || needs_gradient(relative->queries)));
}

/* Memory for the observer's weights: [queries, keys] of each head of each sequence; NULL on failure. */
static float **make_weights(hd_pass *pass, const attend_node *op) {
    int64_t heads = op->options.heads, count = op->q->layout->sequences * heads, queries, keys;
    float **weights = hd_pass_alloc(pass, (size_t)count, sizeof *weights);
    for (int64_t i = 0; weights && i < count; i++) {
        shape_of(op, i / heads, &queries, &keys);
        weights[i] = hd_pass_numbers(pass, queries, keys);
    }
    return pass->status == HEED_OK ? weights : NULL;
}

static void show(hd_pass *pass, const attend_node *op, float *const *weights) {
    int64_t heads = op->options.heads, queries, keys;
    for (int64_t i = 0; i < op->q->layout->sequences * heads; i++) {
        shape_of(op, i / heads, &queries, &keys);
        const float *numbers = hd_pass_download(pass, weights[i], queries * keys);
        if (!numbers) return;
        pass->observer->attention(pass->observer->user, op->options.where, op->options.layer, i / heads,
                                  (int)(i % heads), queries, keys, numbers);
    }
}

static hd_tensor *attend(hd_pass *pass, attend_node op) {
    hd_tensor *q = op.q;
    if (q->columns % op.options.heads)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns cannot be split into %lld heads", (long long)q->columns,
                            (long long)op.options.heads);
    if (!check_bias(pass, &op)) return NULL;
    if (op.options.relative && !hd_relative_check(pass, op.options.relative, q, op.k)) return NULL;
    op.dropout = hd_pass_dropout(pass, op.options.dropout, op.options.site);
    op.y = hd_tensor_new(pass, q->rows, q->columns, q->layout);
    if (!op.y) return NULL;
    op.y->needs_gradient = !op.cached && (q->needs_gradient || op.k->needs_gradient || op.v->needs_gradient ||
                                          bias_needs_gradient(&op.options));
    if (pass->recording && op.y->needs_gradient) {
        op.log_sums = hd_pass_numbers(pass, q->rows, op.options.heads);
        if (!op.log_sums) return NULL;
    }
    hd_attention_call call = call_of(&op);
    bool observed = pass->observer && pass->observer->attention;
    if (observed) call.weights = make_weights(pass, &op);
    if (pass->status != HEED_OK) return NULL;
    if (op.options.relative)
        hd_relative_attention(pass, op.options.relative, &call);
    else
        pass->stream.device->attention(&pass->stream, &call);
    if (observed) show(pass, &op, call.weights);
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}

hd_tensor *hd_attend(hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *v, const hd_attend_options *options) {
    if (!q || !k || !v) return NULL;
    if (k->columns != q->columns || v->columns != q->columns || k->rows != v->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT,
                            "queries [%lld, %lld], keys [%lld, %lld] and values [%lld, %lld] do not fit",
                            (long long)q->rows, (long long)q->columns, (long long)k->rows, (long long)k->columns,
                            (long long)v->rows, (long long)v->columns);
    if (k->layout->sequences < q->layout->sequences)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld sequences of queries cannot attend to %lld of keys",
                            (long long)q->layout->sequences, (long long)k->layout->sequences);
    return attend(pass, (attend_node){.q = q, .k = k, .v = v, .options = *options});
}

hd_tensor *hd_attend_cached(hd_pass *pass, hd_tensor *q, const hd_keys *cached, const hd_attend_options *options) {
    if (!q || !cached) return NULL;
    return attend(pass, (attend_node){.q = q, .cached = cached, .options = *options});
}
