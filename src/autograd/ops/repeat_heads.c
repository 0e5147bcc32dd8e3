/* Head i of y is head i / times of x (grouped queries: Ainslie et al., 2023).        dx: the sum over a group, ascending. */
#include "autograd/ops/ops.h"

typedef struct repeat_node {
    hd_node node;
    hd_tensor *x, *y;
    int64_t head_width, times;
} repeat_node;

static int64_t heads_of(const repeat_node *op) { return hd_tensor_count(op->x) / op->head_width; }

static void backward(hd_pass *pass, hd_node *node) {
    repeat_node *op = (repeat_node *)node;
    if (!op->y->gradient) return;
    bool add;
    float *dx = hd_gradient(pass, op->x, &add);
    if (!dx) return;
    if (!add) pass->stream.device->zero(&pass->stream, &(hd_zero_call){hd_tensor_count(op->x), dx});
    pass->stream.device->repeat_heads_backward(
        &pass->stream, &(hd_repeat_heads_backward_call){heads_of(op), op->head_width, op->times, op->y->gradient, dx});
}

hd_tensor *hd_repeat_heads(hd_pass *pass, hd_tensor *x, int64_t head_width, int64_t times) {
    if (!x || times == 1) return x;
    if (x->columns % head_width)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns are not heads of %lld", (long long)x->columns,
                            (long long)head_width);
    repeat_node op = {.x = x, .head_width = head_width, .times = times};
    op.y = hd_tensor_new(pass, x->rows, times * x->columns, x->layout);
    if (!op.y) return NULL;
    pass->stream.device->repeat_heads(&pass->stream,
                                      &(hd_repeat_heads_call){heads_of(&op), head_width, times, x->data, op.y->data});
    op.y->needs_gradient = x->needs_gradient;
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
