/* The mean of each sequence's rows: y_s = Σ x_r / n. An empty sequence has the mean 0.        dx_r = dy_s / n */
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct mean_node {
    hd_node node;
    hd_tensor *x, *y;
} mean_node;

static int64_t length_of(const hd_tensor *x, int64_t s) { return x->layout->starts[s + 1] - x->layout->starts[s]; }

static void backward(hd_pass *pass, hd_node *node) {
    mean_node *op = (mean_node *)node;
    if (!op->y->gradient) return;
    const hd_kernels *kernels = pass->context->kernels;
    int64_t width = op->x->columns;
    bool add;
    float *dx = hd_gradient(pass, op->x, &add);
    for (int64_t s = 0; dx && s < op->y->rows; s++) {
        float share = 1.0f / (float)length_of(op->x, s);
        const float *dy = op->y->gradient + s * width;
        for (int64_t r = op->x->layout->starts[s]; r < op->x->layout->starts[s + 1]; r++)
            if (add)
                kernels->add_scaled(width, share, dy, dx + r * width);
            else
                kernels->scale(width, share, dy, dx + r * width);
    }
}

hd_tensor *hd_mean(hd_pass *pass, hd_tensor *x) {
    if (!x) return NULL;
    const hd_kernels *kernels = pass->context->kernels;
    int64_t width = x->columns, sequences = x->layout->sequences;
    hd_tensor *y = hd_tensor_new(pass, sequences, width, NULL);
    if (!y) return NULL;
    memset(y->data, 0, (size_t)(sequences * width) * sizeof *y->data);
    for (int64_t s = 0; s < sequences; s++) {
        float *sum = y->data + s * width;
        for (int64_t r = x->layout->starts[s]; r < x->layout->starts[s + 1]; r++)
            kernels->add(width, sum, x->data + r * width, sum);
        if (length_of(x, s)) kernels->scale(width, 1.0f / (float)length_of(x, s), sum, sum);
    }
    y->needs_gradient = x->needs_gradient;
    mean_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->x = x, op->y = y;
    return y;
}
