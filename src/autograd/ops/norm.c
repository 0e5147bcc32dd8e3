/* Layer norm, y = (x − mean) / √(variance + ε) · gain + bias, and without a bias the root-mean-square norm. The
 * gradients stand beside their kernels (device/cpu/kernels/rows.c). */
#include "autograd/ops/ops.h"

typedef struct norm_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *gain, *bias;
    float *statistics; /* [rows, 2] or [rows] */
} norm_node;

static void backward_input(hd_pass *pass, const norm_node *op) {
    hd_norm_backward_call call = {.layer = op->bias != NULL,
                                  .rows = op->x->rows,
                                  .columns = op->x->columns,
                                  .x = op->x->data,
                                  .statistics = op->statistics,
                                  .gain = op->gain->data,
                                  .dy = op->y->gradient};
    call.dx = hd_gradient(pass, op->x, &call.add);
    if (call.dx) pass->stream.device->norm_backward(&pass->stream, &call);
}

static void backward(hd_pass *pass, hd_node *node) {
    norm_node *op = (norm_node *)node;
    if (!op->y->gradient) return;
    backward_input(pass, op);
    hd_norm_gradient_call call = {.layer = op->bias != NULL,
                                  .rows = op->x->rows,
                                  .columns = op->x->columns,
                                  .x = op->x->data,
                                  .statistics = op->statistics,
                                  .dy = op->y->gradient,
                                  .d_gain = hd_pass_gradient(pass, op->gain),
                                  .d_bias = hd_pass_gradient(pass, op->bias)};
    if (call.d_gain || call.d_bias) pass->stream.device->norm_gradient(&pass->stream, &call);
}

hd_tensor *hd_norm(hd_pass *pass, hd_tensor *x, hd_parameter *gain, hd_parameter *bias, float epsilon) {
    if (!x) return NULL;
    if (gain->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot scale rows of %lld", gain->name,
                            (long long)gain->columns, (long long)x->columns);
    if (bias && bias->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot be added to rows of %lld",
                            bias->name, (long long)bias->columns, (long long)x->columns);
    norm_node op = {.x = x, .gain = gain, .bias = bias};
    op.y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!op.y) return NULL;
    op.y->needs_gradient = x->needs_gradient || gain->trained || (bias && bias->trained);
    if (pass->recording && op.y->needs_gradient) {
        op.statistics = hd_pass_numbers(pass, x->rows, 2);
        if (!op.statistics) return NULL;
    }
    pass->stream.device->norm(&pass->stream, &(hd_norm_call){.rows = x->rows,
                                                             .columns = x->columns,
                                                             .epsilon = epsilon,
                                                             .x = x->data,
                                                             .gain = gain->data,
                                                             .bias = bias ? bias->data : NULL,
                                                             .y = op.y->data,
                                                             .statistics = op.statistics});
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
