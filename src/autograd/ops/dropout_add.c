/* y = r + M x / (1 − p), M random zeros and ones        dr = dy, dx = M dy / (1 − p)
 * The mask is a function of (seed, site, step, example, position, column) and is made again, not kept. */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct dropout_node {
    hd_node node;
    hd_tensor *x, *residual, *y;
    hd_dropout dropout;
} dropout_node;

typedef struct masking {
    const heed_context *context;
    const hd_dropout *dropout;
    const hd_tensor *rows; /* layout and shape */
    const float *x, *residual;
    float *y;
} masking;

static void mask_sequence(void *argument, int64_t s, int worker) {
    (void)worker;
    const masking *m = argument;
    const hd_layout *layout = m->rows->layout;
    int64_t width = m->rows->columns, first = layout->starts[s];
    for (int64_t row = first; row < layout->starts[s + 1]; row++)
        m->context->kernels->dropout_row(
            m->dropout, hd_layout_example(layout, s), (uint32_t)(hd_layout_position(layout, s) + row - first), width,
            m->x + row * width, m->residual ? m->residual + row * width : NULL, m->y + row * width);
}

static void mask_all(hd_pass *pass, const hd_dropout *dropout, const hd_tensor *rows, const float *x,
                     const float *residual, float *y) {
    masking m = {pass->context, dropout, rows, x, residual, y};
    hd_parallel_for(pass->context, rows->layout->sequences, 4 * rows->rows * rows->columns, mask_sequence, &m);
}

static void backward(hd_pass *pass, hd_node *node) {
    dropout_node *op = (dropout_node *)node;
    if (!op->y->gradient) return;
    if (op->x->needs_gradient) {
        bool add;
        float *dx = hd_gradient(pass, op->x, &add);
        if (!dx) return;
        mask_all(pass, &op->dropout, op->y, op->y->gradient, add ? dx : NULL, dx);
    }
    if (op->residual) hd_gradient_give(pass, op->residual, op->y->gradient);
}

hd_tensor *hd_dropout_add(hd_pass *pass, hd_tensor *x, hd_tensor *residual, float probability, uint32_t site) {
    if (!x) return NULL;
    hd_dropout dropout = hd_pass_dropout(pass, probability, site);
    if (!dropout.threshold && !residual) return x;
    if (residual && (residual->rows != x->rows || residual->columns != x->columns))
        return hd_pass_fail(pass, HEED_ARGUMENT, "a residual of [%lld, %lld] does not fit rows of [%lld, %lld]",
                            (long long)residual->rows, (long long)residual->columns, (long long)x->rows,
                            (long long)x->columns);
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    mask_all(pass, &dropout, x, x->data, residual ? residual->data : NULL, y->data);
    y->needs_gradient = x->needs_gradient || (residual && residual->needs_gradient);
    dropout_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->x = x, op->residual = residual, op->y = y, op->dropout = dropout;
    return y;
}
