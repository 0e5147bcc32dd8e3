/* Row i of y is rows[i · together] … rows[i · together + together − 1] of x, side by side; row −1 is zeros.
 * dx: the sums of what was made of each row, i ascending. */
#include "autograd/ops/ops.h"

typedef struct gather_node {
    hd_node node;
    hd_tensor *x, *y;
    const int32_t *rows; /* [count] */
    int64_t count;
} gather_node;

static void backward(hd_pass *pass, hd_node *node) {
    gather_node *op = (gather_node *)node;
    if (!op->y->gradient) return;
    bool add;
    float *dx = hd_gradient(pass, op->x, &add);
    if (!dx) return;
    if (!add) pass->stream.device->zero(&pass->stream, &(hd_zero_call){hd_tensor_count(op->x), dx});
    pass->stream.device->scatter(
        &pass->stream, &(hd_scatter_call){op->count, op->x->columns, op->rows, op->y->gradient, dx, .add = true});
}

hd_tensor *hd_gather(hd_pass *pass, hd_tensor *x, const int32_t *rows, int64_t count, int64_t together,
                     const hd_layout *layout) {
    if (!x) return NULL;
    for (int64_t i = 0; i < count; i++)
        if (rows[i] < -1 || rows[i] >= x->rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "row %d is not one of %lld", rows[i], (long long)x->rows);
    hd_tensor *y = hd_tensor_new(pass, count / together, together * x->columns, layout);
    if (!y) return NULL;
    pass->stream.device->gather(&pass->stream, &(hd_gather_call){count, x->columns, rows, x->data, y->data});
    y->needs_gradient = x->needs_gradient;
    gather_node op = {.x = x, .y = y, .rows = rows, .count = count};
    return hd_pass_record(pass, y, &op, sizeof op, backward);
}
