/* The three products of a linear layer, in float32 or on pairs of bfloat16 where the weight is packed in them. */
#include "device/cpu/cpu.h"
#include "device/cpu/matmul.h"
#include "device/cpu/pack.h"
#include "device/cpu/pairs.h"

enum { DEPTH = 256 }; /* of a weight's gradient at once: its rows stay in cache */

/* Products with the rows of a weight, rather than its panels, are on pairs where it has pairs of rows. */
static bool rows_in_pairs(const hd_parameter *weight) { return weight->packed && weight->packed->row_pairs; }

static bool reads_pairs(const hd_parameter *weight, hd_operand operand) {
    return operand == HD_OF_PRODUCT ? weight->packed && weight->packed->in_pairs : rows_in_pairs(weight);
}

int64_t hd_cpu_operand_count(const hd_parameter *weight, hd_operand operand, int64_t rows, int64_t columns) {
    if (!reads_pairs(weight, operand)) return 0;
    return operand == HD_OF_WEIGHT_GRADIENT ? hd_pairs(rows) * columns : rows * hd_pairs(columns);
}

void hd_cpu_make_operand(hd_stream *stream, const hd_make_operand_call *call) {
    if (call->operand == HD_OF_WEIGHT_GRADIENT)
        hd_pair_rows(stream->context, call->rows, call->columns, call->x, call->y);
    else
        hd_pair_columns(stream->context, call->rows, call->columns, call->x, call->y);
}

void hd_cpu_product(hd_stream *stream, const hd_product_call *call) {
    const hd_packed *packed = call->weight->packed;
    int64_t depth = packed->in_pairs ? hd_pairs(call->weight->columns) : call->weight->columns;
    const char *panels = packed->panels;
    hd_matmul(stream->context, &(hd_product){.rows = call->rows,
                                             .columns = call->out,
                                             .depth = depth,
                                             .a = call->x,
                                             .a_row = depth,
                                             .a_depth = 1,
                                             .b = panels + (size_t)(call->first * depth) * hd_dtype_size(packed->dtype),
                                             .b_depth = HD_PANEL,
                                             .b_panel = HD_PANEL * depth,
                                             .b_dtype = packed->dtype,
                                             .c = call->y,
                                             .c_row = call->out,
                                             .pairs = packed->in_pairs,
                                             .bias = call->bias,
                                             .activation = call->activation});
}

/* The weight's rows in float32: where they are, or a copy in scratch. NULL when memory ran out. */
static const float *rows_of(hd_stream *stream, const hd_parameter *weight) {
    if (weight->data) return weight->data;
    float *rows = hd_cpu_scratch(stream, (size_t)hd_parameter_count(weight), sizeof *rows);
    for (int64_t r = 0; rows && r < weight->rows; r++) hd_cpu_row(weight, r, rows + r * weight->columns);
    return rows;
}

void hd_cpu_input_gradient(hd_stream *stream, const hd_input_gradient_call *call) {
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    bool pairs = rows_in_pairs(call->weight);
    int64_t depth = pairs ? hd_pairs(call->out) : call->out, in = call->weight->columns;
    const float *rows = pairs ? call->weight->packed->row_pairs : rows_of(stream, call->weight);
    if (rows)
        hd_matmul(stream->context, &(hd_product){.rows = call->rows,
                                                 .columns = in,
                                                 .depth = depth,
                                                 .a = call->g,
                                                 .a_row = depth,
                                                 .a_depth = 1,
                                                 .b = rows,
                                                 .b_depth = in,
                                                 .b_panel = HD_PANEL,
                                                 .c = call->dx,
                                                 .c_row = in,
                                                 .pairs = pairs,
                                                 .mode = call->add ? HD_ADD : HD_STORE});
    hd_arena_rewind(&stream->scratch, mark);
}

/* Rows [first, end) of the operands, or pairs of rows. */
static void weight_gradient(const hd_stream *stream, const hd_weight_gradient_call *call, int64_t first, int64_t end,
                            float *d_weight) {
    int64_t in = call->weight->columns, out = call->out;
    for (int64_t k = first; k < end; k += DEPTH)
        hd_matmul(stream->context, &(hd_product){.rows = out,
                                                 .columns = in,
                                                 .depth = hd_min(DEPTH, end - k),
                                                 .a = call->g + k * out,
                                                 .a_row = 1,
                                                 .a_depth = out,
                                                 .b = call->x + k * in,
                                                 .b_depth = in,
                                                 .b_panel = HD_PANEL,
                                                 .c = d_weight,
                                                 .c_row = in,
                                                 .pairs = rows_in_pairs(call->weight),
                                                 .mode = HD_CONTINUE});
}

void hd_cpu_weight_gradient(hd_stream *stream, const hd_weight_gradient_call *call) {
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&call->chunks, rows_in_pairs(call->weight) ? hd_pairs(call->rows) : call->rows, &chunks);
    for (int64_t i = 0; i < chunks.count; i++)
        weight_gradient(stream, call, chunks.starts[i], chunks.starts[i + 1], call->d_weight + i * call->chunks.stride);
}
