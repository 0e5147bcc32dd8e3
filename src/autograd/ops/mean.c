/* The mean of each sequence's rows: y_s = Σ x_r / n. An empty sequence has the mean 0.        dx_r = dy_s / n */
#include "autograd/ops/ops.h"

typedef struct mean_node {
    hd_node node;
    hd_tensor *x, *y;
} mean_node;

static void backward(hd_pass *pass, hd_node *node) {
    mean_node *op = (mean_node *)node;
    if (!op->y->gradient) return;
    hd_mean_backward_call call = {.layout = *op->x->layout, .columns = op->x->columns, .dy = op->y->gradient};
    call.dx = hd_gradient(pass, op->x, &call.add);
    if (call.dx) pass->stream.device->mean_backward(&pass->stream, &call);
}

hd_tensor *hd_mean(hd_pass *pass, hd_tensor *x) {
    if (!x) return NULL;
    hd_tensor *y = hd_tensor_new(pass, x->layout->sequences, x->columns, NULL);
    if (!y) return NULL;
    pass->stream.device->mean(&pass->stream, &(hd_mean_call){*x->layout, x->columns, x->data, y->data});
    y->needs_gradient = x->needs_gradient;
    return hd_pass_record(pass, y, &(mean_node){.x = x, .y = y}, sizeof(mean_node), backward);
}
