/* y = r + M x / (1 − p), M random zeros and ones        dr = dy, dx = M dy / (1 − p)
 * The mask is a function of (seed, site, step, example, position, column) and is made again, not kept. */
#include "autograd/ops/ops.h"

typedef struct dropout_node {
    hd_node node;
    hd_tensor *x, *residual, *y;
    hd_dropout dropout;
} dropout_node;

static void dropout_add(hd_pass *pass, const hd_dropout *dropout, const hd_tensor *shape, const float *x,
                        const float *residual, float *y) {
    pass->stream.device->dropout_add(&pass->stream, &(hd_dropout_add_call){.dropout = *dropout,
                                                                           .layout = *shape->layout,
                                                                           .columns = shape->columns,
                                                                           .x = x,
                                                                           .residual = residual,
                                                                           .y = y});
}

static void backward(hd_pass *pass, hd_node *node) {
    dropout_node *op = (dropout_node *)node;
    if (!op->y->gradient) return;
    if (op->x->needs_gradient) {
        bool add;
        float *dx = hd_gradient(pass, op->x, &add);
        if (!dx) return;
        dropout_add(pass, &op->dropout, op->y, op->y->gradient, add ? dx : NULL, dx);
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
    dropout_add(pass, &dropout, x, x->data, residual ? residual->data : NULL, y->data);
    y->needs_gradient = x->needs_gradient || (residual && residual->needs_gradient);
    dropout_node op = {.x = x, .residual = residual, .y = y, .dropout = dropout};
    return hd_pass_record(pass, y, &op, sizeof op, backward);
}
