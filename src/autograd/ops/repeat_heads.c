/* Head i of y is head i / times of x (grouped queries: Ainslie et al., 2023).        dx: the sum over a group, ascending. */
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct repeat_node {
    hd_node node;
    hd_tensor *x, *y;
    int64_t head_width, times;
} repeat_node;

static void backward(hd_pass *pass, hd_node *node) {
    repeat_node *op = (repeat_node *)node;
    if (!op->y->gradient) return;
    bool add;
    int64_t width = op->head_width;
    float *dx = hd_gradient(pass, op->x, &add);
    if (!dx) return;
    if (!add) memset(dx, 0, (size_t)(op->x->rows * op->x->columns) * sizeof *dx);
    const float *dy = op->y->gradient;
    for (int64_t head = 0; head < op->x->rows * op->x->columns / width; head++, dx += width)
        for (int64_t i = 0; i < op->times; i++, dy += width) pass->context->kernels->add(width, dx, dy, dx);
}

hd_tensor *hd_repeat_heads(hd_pass *pass, hd_tensor *x, int64_t head_width, int64_t times) {
    if (!x || times == 1) return x;
    if (x->columns % head_width)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns are not heads of %lld", (long long)x->columns,
                            (long long)head_width);
    hd_tensor *y = hd_tensor_new(pass, x->rows, times * x->columns, x->layout);
    if (!y) return NULL;
    const float *from = x->data;
    float *to = y->data;
    for (int64_t head = 0; head < x->rows * x->columns / head_width; head++, from += head_width)
        for (int64_t i = 0; i < times; i++, to += head_width) memcpy(to, from, (size_t)head_width * sizeof *to);
    y->needs_gradient = x->needs_gradient;
    repeat_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->x = x, op->y = y, op->head_width = head_width, op->times = times;
    return y;
}
