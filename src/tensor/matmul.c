#include "tensor/matmul.h"

#include "base/parallel.h"

enum {
    WORK_A_PIECE = 1 << 18, /* multiply–adds */
    ROW_STEP = 56           /* rows of a piece are a multiple of this: whole register blocks on each instruction set */
};

typedef struct split {
    const heed_context *context;
    const hd_product *product;
    int64_t rows_a_piece, panels_a_piece, panels, panel_pieces;
} split;

static void multiply_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const split *s = argument;
    int64_t row = piece / s->panel_pieces * s->rows_a_piece, panel = piece % s->panel_pieces * s->panels_a_piece;
    s->context->kernels->product(s->product, row, hd_min(row + s->rows_a_piece, s->product->rows), panel,
                                 hd_min(panel + s->panels_a_piece, s->panels));
}

void hd_matmul(const heed_context *context, const hd_product *product) {
    if (product->rows <= 0 || product->columns <= 0) return;
    split s = {context, product, product->rows, (product->columns + HD_PANEL - 1) / HD_PANEL, 0, 1};
    s.panels = s.panels_a_piece;
    int64_t work = product->rows * product->columns * hd_max(product->depth, 1);
    int64_t wanted = hd_min(work / WORK_A_PIECE, 4 * (int64_t)context->threads);
    if (context->threads > 1 && wanted > 1) {
        if (product->rows >= ROW_STEP * wanted) {
            s.rows_a_piece = ((product->rows + wanted - 1) / wanted + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
        } else {
            s.panels_a_piece = (s.panels + wanted - 1) / wanted;
            s.panel_pieces = (s.panels + s.panels_a_piece - 1) / s.panels_a_piece;
        }
    }
    int64_t row_pieces = (product->rows + s.rows_a_piece - 1) / s.rows_a_piece;
    hd_parallel_for(context, row_pieces * s.panel_pieces, work, multiply_piece, &s);
}
