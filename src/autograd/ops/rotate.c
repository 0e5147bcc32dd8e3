/* Rotary positions: (y_j, y_j') = (x_j cos − x_j' sin, x_j' cos + x_j sin), j' = j + head_width / 2, the angle that of the
 * row's position and of j. The gradient is dy turned back. */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct rotate_node {
    hd_node node;
    hd_tensor *x, *y;
    const float *table; /* [length, head_width] */
    int64_t head_width;
} rotate_node;

typedef struct turning {
    const heed_context *context;
    const rotate_node *op;
    const float *from;
    float *to;
    float turn;
} turning;

static void turn_sequence(void *argument, int64_t s, int worker) {
    (void)worker;
    const turning *t = argument;
    const hd_tensor *x = t->op->x;
    const hd_layout *layout = x->layout;
    int64_t width = t->op->head_width, first = layout->starts[s];
    for (int64_t row = first; row < layout->starts[s + 1]; row++) {
        const float *angles = t->op->table + (hd_layout_position(layout, s) + row - first) * width;
        for (int64_t i = row * x->columns; i < (row + 1) * x->columns; i += width)
            t->context->kernels->rotate(width, angles, t->turn, t->from + i, t->to + i);
    }
}

static void turn_all(hd_pass *pass, const rotate_node *op, float turn, const float *from, float *to) {
    turning t = {pass->context, op, from, to, turn};
    hd_parallel_for(pass->context, op->x->layout->sequences, 4 * op->x->rows * op->x->columns, turn_sequence, &t);
}

static void backward(hd_pass *pass, hd_node *node) {
    rotate_node *op = (rotate_node *)node;
    if (!op->y->gradient) return;
    float *dx = hd_pass_alloc(pass, (size_t)(op->x->rows * op->x->columns), sizeof *dx);
    if (!dx) return;
    turn_all(pass, op, -1.0f, op->y->gradient, dx);
    hd_gradient_give(pass, op->x, dx);
}

hd_tensor *hd_rotate(hd_pass *pass, hd_tensor *x, const float *table, int64_t length, int64_t head_width) {
    if (!x) return NULL;
    if (head_width % 2 || x->columns % head_width)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns cannot be turned in heads of %lld",
                            (long long)x->columns, (long long)head_width);
    for (int64_t s = 0; s < x->layout->sequences; s++) {
        int64_t end = hd_layout_position(x->layout, s) + x->layout->starts[s + 1] - x->layout->starts[s];
        if (end > length)
            return hd_pass_fail(pass, HEED_LENGTH,
                                "a sequence of %lld tokens is longer than the model's %lld positions", (long long)end,
                                (long long)length);
    }
    rotate_node op = {.x = x, .table = table, .head_width = head_width};
    op.y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!op.y) return NULL;
    op.y->needs_gradient = x->needs_gradient;
    turn_all(pass, &op, 1.0f, x->data, op.y->data);
    rotate_node *record = hd_pass_record(pass, op.y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return op.y;
}
