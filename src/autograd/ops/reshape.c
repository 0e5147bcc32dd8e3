/* y is x in rows of another length: the same memory, and so is the gradient. */
#include "autograd/ops/ops.h"

typedef struct reshape_node {
    hd_node node;
    hd_tensor *x, *y;
} reshape_node;

static void backward(hd_pass *pass, hd_node *node) {
    reshape_node *op = (reshape_node *)node;
    if (op->y->gradient) hd_gradient_give(pass, op->x, op->y->gradient);
}

hd_tensor *hd_reshape(hd_pass *pass, hd_tensor *x, int64_t columns) {
    if (!x) return NULL;
    if (hd_tensor_count(x) % columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "[%lld, %lld] cannot be seen as rows of %lld", (long long)x->rows,
                            (long long)x->columns, (long long)columns);
    hd_tensor *y = hd_tensor_wrap(pass, hd_tensor_count(x) / columns, columns, x->data, NULL);
    if (!y) return NULL;
    y->needs_gradient = x->needs_gradient;
    return hd_pass_record(pass, y, &(reshape_node){.x = x, .y = y}, sizeof(reshape_node), backward);
}
