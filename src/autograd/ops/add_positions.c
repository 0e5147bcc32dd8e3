/* y = x + P[position + offset]    dx = dy, dP[p + offset] = Σ dy over the rows at position p, sequences ascending. */
#include "autograd/ops/ops.h"

typedef struct position_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *table;
    int64_t offset;
} position_node;

static void backward(hd_pass *pass, hd_node *node) {
    position_node *op = (position_node *)node;
    if (!op->y->gradient) return;
    float *gradient = hd_pass_gradient(pass, op->table);
    if (gradient)
        pass->stream.device->add_positions_backward(
            &pass->stream, &(hd_add_positions_backward_call){.layout = *op->y->layout,
                                                             .columns = op->y->columns,
                                                             .dy = op->y->gradient,
                                                             .gradient = gradient + op->offset * op->y->columns});
    hd_gradient_give(pass, op->x, op->y->gradient);
}

bool hd_check_positions(hd_pass *pass, const hd_layout *layout, int64_t length) {
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t end = hd_layout_position(layout, s) + layout->starts[s + 1] - layout->starts[s];
        if (end <= length) continue;
        hd_pass_fail(pass, HEED_LENGTH, "a sequence of %lld tokens is longer than the model's %lld positions",
                     (long long)end, (long long)length);
        return false;
    }
    return true;
}

hd_tensor *hd_add_positions(hd_pass *pass, hd_tensor *x, hd_parameter *table, const float *fixed, int64_t length,
                            int64_t offset) {
    if (!x) return NULL;
    hd_parameter *parameter = fixed ? NULL : table;
    if (parameter && parameter->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot place rows of %lld",
                            parameter->name, (long long)parameter->rows, (long long)parameter->columns,
                            (long long)x->columns);
    if (!hd_check_positions(pass, x->layout, parameter ? hd_min(length, parameter->rows - offset) : length))
        return NULL;
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    pass->stream.device->add_positions(&pass->stream, &(hd_add_positions_call){.layout = *x->layout,
                                                                               .columns = x->columns,
                                                                               .table = parameter,
                                                                               .offset = offset,
                                                                               .fixed = fixed,
                                                                               .x = x->data,
                                                                               .y = y->data});
    y->needs_gradient = x->needs_gradient || (parameter && parameter->trained);
    return hd_pass_record(pass, y, &(position_node){.x = x, .y = y, .table = parameter, .offset = offset},
                          sizeof(position_node), backward);
}
