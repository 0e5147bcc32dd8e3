/* y = a b        da = dy b, db = dy a */
#include "autograd/ops/ops.h"

typedef struct hadamard_node {
    hd_node node;
    hd_tensor *a, *b, *y;
} hadamard_node;

/* The gradient of x, whose partner in the product is `other`. */
static void give(hd_pass *pass, hd_tensor *x, const hd_tensor *other, const float *dy) {
    hd_multiply_call call = {.count = hd_tensor_count(x), .a = dy, .b = other->data};
    call.y = hd_gradient(pass, x, &call.add);
    if (call.y) pass->stream.device->multiply(&pass->stream, &call);
}

static void backward(hd_pass *pass, hd_node *node) {
    hadamard_node *op = (hadamard_node *)node;
    if (!op->y->gradient) return;
    give(pass, op->a, op->b, op->y->gradient);
    give(pass, op->b, op->a, op->y->gradient);
}

hd_tensor *hd_hadamard(hd_pass *pass, hd_tensor *a, hd_tensor *b) {
    if (!a || !b) return NULL;
    if (a->rows != b->rows || a->columns != b->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "[%lld, %lld] cannot be multiplied by [%lld, %lld]",
                            (long long)a->rows, (long long)a->columns, (long long)b->rows, (long long)b->columns);
    hd_tensor *y = hd_tensor_new(pass, a->rows, a->columns, a->layout);
    if (!y) return NULL;
    pass->stream.device->multiply(&pass->stream,
                                  &(hd_multiply_call){hd_tensor_count(y), a->data, b->data, y->data, false});
    y->needs_gradient = a->needs_gradient || b->needs_gradient;
    return hd_pass_record(pass, y, &(hadamard_node){.a = a, .b = b, .y = y}, sizeof(hadamard_node), backward);
}
