/* y = s x        dx = s dy */
#include "autograd/ops/ops.h"

typedef struct scale_node {
    hd_node node;
    hd_tensor *x, *y;
    float factor;
} scale_node;

static void backward(hd_pass *pass, hd_node *node) {
    scale_node *op = (scale_node *)node;
    if (!op->y->gradient) return;
    hd_scale_call call = {.count = hd_tensor_count(op->x), .factor = op->factor, .x = op->y->gradient};
    call.y = hd_gradient(pass, op->x, &call.add);
    if (call.y) pass->stream.device->scale(&pass->stream, &call);
}

hd_tensor *hd_scale(hd_pass *pass, hd_tensor *x, float factor) {
    if (!x) return NULL;
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    pass->stream.device->scale(&pass->stream, &(hd_scale_call){hd_tensor_count(x), factor, x->data, y->data, false});
    y->needs_gradient = x->needs_gradient;
    return hd_pass_record(pass, y, &(scale_node){.x = x, .y = y, .factor = factor}, sizeof(scale_node), backward);
}
