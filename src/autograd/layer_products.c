#include "autograd/layer_products.h"

/* The form of x that products with the weight read: x itself, or what the device makes of it; NULL when memory ran out. */
static const float *operand_of(hd_pass *pass, const hd_parameter *weight, hd_operand operand, int64_t rows,
                               int64_t columns, const float *x) {
    const hd_device *device = pass->stream.device;
    int64_t count = device->operand_count(weight, operand, rows, columns);
    if (!count) return x;
    float *y = hd_pass_numbers(pass, count, 1);
    if (y) device->make_operand(&pass->stream, &(hd_make_operand_call){weight, operand, rows, columns, x, y});
    return y;
}

void hd_layer_output(hd_pass *pass, hd_tensor *x, hd_parameter *weight, int64_t first, int64_t out, const float *bias,
                     hd_activation activation, float *y) {
    if (!hd_pass_pack(pass, weight)) return;
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    const float *a = x->product_operand;
    if (!a) a = operand_of(pass, weight, HD_OF_PRODUCT, x->rows, x->columns, x->data);
    if (!a) return;
    pass->stream.device->product(&pass->stream, &(hd_product_call){.weight = weight,
                                                                   .rows = x->rows,
                                                                   .first = first,
                                                                   .out = out,
                                                                   .x = a,
                                                                   .bias = bias,
                                                                   .activation = activation,
                                                                   .y = y});
    /* In training nothing is rewound before the end, and other layers of x find its operand made. */
    if (pass->recording && a != x->data)
        x->product_operand = a;
    else
        hd_arena_rewind(&pass->arena, mark);
}

void hd_layer_input_gradient(hd_pass *pass, int64_t rows, int64_t out, const float *g, const hd_parameter *weight,
                             bool add, float *dx) {
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    const float *a = operand_of(pass, weight, HD_OF_INPUT_GRADIENT, rows, out, g);
    if (!a) return;
    pass->stream.device->input_gradient(
        &pass->stream,
        &(hd_input_gradient_call){.weight = weight, .rows = rows, .out = out, .g = a, .dx = dx, .add = add});
    hd_arena_rewind(&pass->arena, mark);
}

void hd_layer_weight_gradient(hd_pass *pass, int64_t out, const float *g, hd_tensor *x, const hd_parameter *weight,
                              float *d_weight) {
    if (!x->gradient_operand)
        x->gradient_operand = operand_of(pass, weight, HD_OF_WEIGHT_GRADIENT, x->rows, x->columns, x->data);
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    const float *a = operand_of(pass, weight, HD_OF_WEIGHT_GRADIENT, x->rows, out, g);
    if (!a || !x->gradient_operand) return;
    pass->stream.device->weight_gradient(
        &pass->stream,
        &(hd_weight_gradient_call){
            .weight = weight, .rows = x->rows, .out = out, .g = a, .x = x->gradient_operand, .d_weight = d_weight});
    hd_arena_rewind(&pass->arena, mark);
}

void hd_sum_rows(hd_pass *pass, int64_t rows, int64_t columns, const float *x, float *total) {
    pass->stream.device->sum_rows(&pass->stream, &(hd_sum_rows_call){rows, columns, x, {0}, total});
}
