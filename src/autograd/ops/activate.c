/* y = f(x)        dx = dy f′(x) */
#include "autograd/ops/ops.h"

typedef struct activate_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_activation activation;
} activate_node;

static void backward(hd_pass *pass, hd_node *node) {
    activate_node *op = (activate_node *)node;
    if (!op->y->gradient) return;
    hd_activate_backward_call call = {
        .activation = op->activation, .count = hd_tensor_count(op->x), .x = op->x->data, .dy = op->y->gradient};
    call.dx = hd_gradient(pass, op->x, &call.add);
    if (call.dx) pass->stream.device->activate_backward(&pass->stream, &call);
}

hd_tensor *hd_activate(hd_pass *pass, hd_tensor *x, hd_activation activation) {
    if (!x) return NULL;
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    y->needs_gradient = x->needs_gradient;
    pass->stream.device->activate(&pass->stream, &(hd_activate_call){activation, hd_tensor_count(x), x->data, y->data});
    return hd_pass_record(pass, y, &(activate_node){.x = x, .y = y, .activation = activation}, sizeof(activate_node),
                          backward);
}
