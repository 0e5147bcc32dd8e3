/* y = a b        da = dy b, db = dy a */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct hadamard_node {
    hd_node node;
    hd_tensor *a, *b, *y;
} hadamard_node;

enum { ELEMENTS_A_PIECE = 8192 };

typedef struct product_of {
    const heed_context *context;
    const float *a, *b;
    float *y;
    int64_t count;
    bool add;
} product_of;

static void multiply_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const product_of *p = argument;
    int64_t start = piece * ELEMENTS_A_PIECE, count = hd_min(ELEMENTS_A_PIECE, p->count - start);
    p->context->kernels->multiply(count, p->a + start, p->b + start, p->y + start, p->add);
}

static void multiply(hd_pass *pass, const hd_tensor *shape, const float *a, const float *b, float *y, bool add) {
    product_of p = {pass->context, a, b, y, shape->rows * shape->columns, add};
    hd_parallel_for(pass->context, (p.count + ELEMENTS_A_PIECE - 1) / ELEMENTS_A_PIECE, p.count, multiply_piece, &p);
}

static void backward(hd_pass *pass, hd_node *node) {
    hadamard_node *op = (hadamard_node *)node;
    const float *dy = op->y->gradient;
    if (!dy) return;
    bool add;
    float *da = hd_gradient(pass, op->a, &add);
    if (da) multiply(pass, op->a, dy, op->b->data, da, add);
    float *db = hd_gradient(pass, op->b, &add);
    if (db) multiply(pass, op->b, dy, op->a->data, db, add);
}

hd_tensor *hd_hadamard(hd_pass *pass, hd_tensor *a, hd_tensor *b) {
    if (!a || !b) return NULL;
    if (a->rows != b->rows || a->columns != b->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "[%lld, %lld] cannot be multiplied by [%lld, %lld]",
                            (long long)a->rows, (long long)a->columns, (long long)b->rows, (long long)b->columns);
    hd_tensor *y = hd_tensor_new(pass, a->rows, a->columns, a->layout);
    if (!y) return NULL;
    multiply(pass, y, a->data, b->data, y->data, false);
    y->needs_gradient = a->needs_gradient || b->needs_gradient;
    hadamard_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->a = a, op->b = b, op->y = y;
    return y;
}
