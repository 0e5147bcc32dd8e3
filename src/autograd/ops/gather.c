/* Row i of y is rows[i · together] … rows[i · together + together − 1] of x, side by side; row −1 is zeros.
 * dx: the sums of what was made of each row, i ascending. */
#include "autograd/ops/ops.h"

#include <string.h>

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
    int64_t width = op->x->columns;
    float *dx = hd_gradient(pass, op->x, &add);
    if (!dx) return;
    if (!add) memset(dx, 0, (size_t)(op->x->rows * width) * sizeof *dx);
    for (int64_t i = 0; i < op->count; i++) {
        float *row = dx + op->rows[i] * width;
        if (op->rows[i] >= 0) pass->context->kernels->add(width, row, op->y->gradient + i * width, row);
    }
}

hd_tensor *hd_gather(hd_pass *pass, hd_tensor *x, const int32_t *rows, int64_t count, int64_t together,
                     const hd_layout *layout) {
    if (!x) return NULL;
    for (int64_t i = 0; i < count; i++)
        if (rows[i] < -1 || rows[i] >= x->rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "row %d is not one of %lld", rows[i], (long long)x->rows);
    int64_t width = x->columns;
    hd_tensor *y = hd_tensor_new(pass, count / together, together * width, layout);
    if (!y) return NULL;
    for (int64_t i = 0; i < count; i++)
        if (rows[i] >= 0)
            memcpy(y->data + i * width, x->data + rows[i] * width, (size_t)width * sizeof(float));
        else
            memset(y->data + i * width, 0, (size_t)width * sizeof(float));
    y->needs_gradient = x->needs_gradient;
    gather_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->x = x, op->y = y, op->rows = rows, op->count = count;
    return y;
}
