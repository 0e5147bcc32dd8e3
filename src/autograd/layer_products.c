#include "autograd/layer_products.h"

#include "device/cpu/matmul.h"
#include "device/cpu/pairs.h"

enum { DEPTH_A_PIECE = 256 }; /* of a weight's gradient: its rows stay in cache */

static float *column_pairs(hd_pass *pass, int64_t rows, int64_t columns, const float *x) {
    float *pairs = hd_pass_alloc(pass, (size_t)(rows * hd_pairs(columns)), sizeof *pairs);
    if (pairs) hd_pair_columns(pass->context, rows, columns, x, pairs);
    return pairs;
}

static float *row_pairs(hd_pass *pass, int64_t rows, int64_t columns, const float *x) {
    float *pairs = hd_pass_alloc(pass, (size_t)(hd_pairs(rows) * columns), sizeof *pairs);
    if (pairs) hd_pair_rows(pass->context, rows, columns, x, pairs);
    return pairs;
}

void hd_layer_output(hd_pass *pass, hd_tensor *x, hd_parameter *weight, int64_t first, int64_t out, const float *bias,
                     hd_activation activation, float *y) {
    const char *panels = hd_pass_panels(pass, weight);
    if (!panels) return;
    bool pairs = weight->in_pairs;
    int64_t depth = pairs ? hd_pairs(x->columns) : x->columns;
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    float *a = x->data;
    if (pairs) a = x->column_pairs ? x->column_pairs : column_pairs(pass, x->rows, x->columns, x->data);
    if (!a) return;
    hd_matmul(pass->context, &(hd_product){.rows = x->rows,
                                           .columns = out,
                                           .depth = depth,
                                           .a = a,
                                           .a_row = depth,
                                           .a_depth = 1,
                                           .b = panels + (size_t)(first * depth) * hd_dtype_size(weight->panel_dtype),
                                           .b_depth = HD_PANEL,
                                           .b_panel = HD_PANEL * depth,
                                           .b_dtype = weight->panel_dtype,
                                           .c = y,
                                           .c_row = out,
                                           .pairs = pairs,
                                           .bias = bias,
                                           .activation = activation});
    /* In training nothing is rewound before the end, and other layers of x find its pairs made. */
    if (pairs && pass->recording)
        x->column_pairs = a;
    else
        hd_arena_rewind(&pass->arena, mark);
}

void hd_layer_input_gradient(hd_pass *pass, int64_t rows, int64_t out, const float *g, const hd_parameter *weight,
                             bool add, float *dx) {
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    bool pairs = weight->row_pairs != NULL;
    int64_t depth = pairs ? hd_pairs(out) : out, in = weight->columns;
    const float *a = pairs ? column_pairs(pass, rows, out, g) : g;
    const float *b = pairs ? weight->row_pairs : hd_pass_rows(pass, weight);
    if (!a || !b) return;
    hd_matmul(pass->context, &(hd_product){.rows = rows,
                                           .columns = in,
                                           .depth = depth,
                                           .a = a,
                                           .a_row = depth,
                                           .a_depth = 1,
                                           .b = b,
                                           .b_depth = in,
                                           .b_panel = HD_PANEL,
                                           .c = dx,
                                           .c_row = in,
                                           .pairs = pairs,
                                           .mode = add ? HD_ADD : HD_STORE});
    hd_arena_rewind(&pass->arena, mark);
}

void hd_layer_weight_gradient(hd_pass *pass, int64_t out, const float *g, hd_tensor *x, const hd_parameter *weight,
                              float *d_weight) {
    bool pairs = weight->row_pairs != NULL;
    if (pairs && !x->row_pairs) x->row_pairs = row_pairs(pass, x->rows, x->columns, x->data);
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    const float *a = pairs ? row_pairs(pass, x->rows, out, g) : g, *b = pairs ? x->row_pairs : x->data;
    if (!a || !b) return;
    int64_t in = x->columns, depth = pairs ? hd_pairs(x->rows) : x->rows;
    for (int64_t k = 0; k < depth; k += DEPTH_A_PIECE)
        hd_matmul(pass->context, &(hd_product){.rows = out,
                                               .columns = in,
                                               .depth = hd_min(DEPTH_A_PIECE, depth - k),
                                               .a = a + k * out,
                                               .a_row = 1,
                                               .a_depth = out,
                                               .b = b + k * in,
                                               .b_depth = in,
                                               .b_panel = HD_PANEL,
                                               .c = d_weight,
                                               .c_row = in,
                                               .pairs = pairs,
                                               .mode = HD_CONTINUE});
    hd_arena_rewind(&pass->arena, mark);
}
