/* y = x + P[position + offset]    dx = dy, dP[p + offset] = Σ dy over the rows at position p, sequences ascending. */
#include "autograd/ops/ops.h"

typedef struct position_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *table;
    int64_t offset;
} position_node;

static void backward_table(hd_pass *pass, const position_node *op, float *gradient) {
    const hd_layout *layout = op->y->layout;
    int64_t width = op->y->columns;
    for (int64_t s = 0; s < layout->sequences; s++) {
        float *place = gradient + (op->offset + hd_layout_position(layout, s)) * width;
        int64_t row = layout->starts[s], count = (layout->starts[s + 1] - row) * width;
        pass->context->kernels->add(count, place, op->y->gradient + row * width, place);
    }
}

static void backward(hd_pass *pass, hd_node *node) {
    position_node *op = (position_node *)node;
    if (!op->y->gradient) return;
    float *gradient = hd_pass_gradient(pass, op->table);
    if (gradient) backward_table(pass, op, gradient);
    hd_gradient_give(pass, op->x, op->y->gradient);
}

hd_tensor *hd_add_positions(hd_pass *pass, hd_tensor *x, hd_parameter *table, const float *fixed, int64_t length,
                            int64_t offset) {
    if (!x) return NULL;
    hd_parameter *parameter = fixed ? NULL : table;
    if (parameter && parameter->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot place rows of %lld",
                            parameter->name, (long long)parameter->rows, (long long)parameter->columns,
                            (long long)x->columns);
    if (parameter) length = hd_min(length, parameter->rows - offset);
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    const hd_layout *layout = x->layout;
    float *learned = fixed ? NULL : hd_pass_alloc(pass, (size_t)x->columns, sizeof *learned);
    if (!fixed && !learned) return NULL;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t position = hd_layout_position(layout, s), rows = layout->starts[s + 1] - layout->starts[s];
        if (position + rows > length)
            return hd_pass_fail(pass, HEED_LENGTH,
                                "a sequence of %lld tokens is longer than the model's %lld positions",
                                (long long)position + rows, (long long)length);
        for (int64_t r = 0; r < rows; r++) {
            int64_t row = layout->starts[s] + r;
            if (learned) hd_parameter_row(parameter, offset + position + r, learned);
            const float *p = learned ? learned : fixed + (position + r) * x->columns;
            pass->context->kernels->add(x->columns, x->data + row * x->columns, p, y->data + row * x->columns);
        }
    }
    y->needs_gradient = x->needs_gradient || (parameter && parameter->trained);
    position_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op) op->x = x, op->y = y, op->table = parameter, op->offset = offset;
    return y;
}
