/* Rotary positions: (y_j, y_j') = (x_j cos − x_j' sin, x_j' cos + x_j sin), j' = j + width / 2, the angle that of the row's
 * position and of j. Columns of a head from `width` on are copied. The gradient is dy rotated back. */
#include "autograd/ops/ops.h"

typedef struct rotate_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_angles angles;
    int64_t head_width;
} rotate_node;

static void rotate(hd_pass *pass, const rotate_node *op, float sign, const float *x, float *y) {
    pass->stream.device->rotate(&pass->stream, &(hd_rotate_call){.layout = *op->x->layout,
                                                                 .columns = op->x->columns,
                                                                 .head_width = op->head_width,
                                                                 .width = op->angles.width,
                                                                 .table = op->angles.table,
                                                                 .firsts = op->angles.firsts,
                                                                 .sign = sign,
                                                                 .x = x,
                                                                 .y = y});
}

static void backward(hd_pass *pass, hd_node *node) {
    rotate_node *op = (rotate_node *)node;
    if (!op->y->gradient) return;
    float *dx = hd_pass_numbers(pass, op->x->rows, op->x->columns);
    if (!dx) return;
    rotate(pass, op, -1.0f, op->y->gradient, dx);
    hd_gradient_give(pass, op->x, dx);
}

hd_tensor *hd_rotate(hd_pass *pass, hd_tensor *x, const hd_angles *angles, int64_t length, int64_t head_width) {
    if (!x) return NULL;
    if (angles->width % 2 || angles->width > head_width || x->columns % head_width)
        return hd_pass_fail(pass, HEED_ARGUMENT, "%lld columns cannot be rotated in %lld of each %lld",
                            (long long)x->columns, (long long)angles->width, (long long)head_width);
    if (!hd_check_positions(pass, x->layout, length)) return NULL;
    rotate_node op = {.x = x, .angles = *angles, .head_width = head_width};
    op.y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!op.y) return NULL;
    op.y->needs_gradient = x->needs_gradient;
    rotate(pass, &op, 1.0f, x->data, op.y->data);
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
