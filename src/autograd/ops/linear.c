/* y = f(x Wᵀ + b)        with g = dy f′:  dx = g W,  dW = gᵀ x and db = Σ g over tokens, ascending. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"

typedef struct linear_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *weight, *bias;
    hd_activation activation; /* one whose slope follows from its output */
} linear_node;

static void backward(hd_pass *pass, hd_node *node) {
    linear_node *op = (linear_node *)node;
    int64_t tokens = op->x->rows, out = op->y->columns;
    float *g = op->y->gradient;
    if (!g) return;
    if (op->activation != HD_IDENTITY)
        pass->stream.device->activate_backward(
            &pass->stream,
            &(hd_activate_backward_call){
                .activation = op->activation, .count = tokens * out, .x = op->y->data, .dy = g, .dx = g});
    bool add;
    float *dx = op->x->needs_gradient ? hd_gradient(pass, op->x, &add) : NULL;
    if (dx) hd_layer_input_gradient(pass, tokens, out, g, op->weight, add, dx);
    float *d_weight = hd_pass_gradient(pass, op->weight), *d_bias = hd_pass_gradient(pass, op->bias);
    if (d_weight) hd_layer_weight_gradient(pass, out, g, op->x, op->weight, d_weight);
    if (d_bias) hd_sum_rows(pass, tokens, out, g, d_bias);
}

hd_tensor *hd_linear(hd_pass *pass, hd_tensor *x, hd_parameter *weight, hd_parameter *bias, hd_activation activation) {
    if (!x) return NULL;
    if (weight->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot take rows of %lld", weight->name,
                            (long long)weight->rows, (long long)weight->columns, (long long)x->columns);
    if (bias && hd_parameter_count(bias) != weight->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot be added to rows of %lld",
                            bias->name, (long long)hd_parameter_count(bias), (long long)weight->rows);
    bool needs_gradient = pass->recording && (x->needs_gradient || weight->trained || (bias && bias->trained));
    /* An activation whose slope needs its input is an op of its own in training. */
    bool separate = needs_gradient && !hd_slope_from_output(activation);
    hd_tensor *y = hd_tensor_new(pass, x->rows, weight->rows, x->layout);
    if (!y) return NULL;
    linear_node op = {
        .x = x, .y = y, .weight = weight, .bias = bias, .activation = separate ? HD_IDENTITY : activation};
    hd_layer_output(pass, x, weight, 0, weight->rows, bias ? bias->data : NULL, op.activation, y->data);
    y->needs_gradient = needs_gradient;
    y = hd_pass_record(pass, y, &op, sizeof op, backward);
    return separate ? hd_activate(pass, y, activation) : y;
}
