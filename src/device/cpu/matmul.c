#include "device/cpu/matmul.h"

#include "base/parallel.h"

enum {
    PIECES_A_THREAD = 4,    /* a core that is busy with something else takes fewer */
    WORK_A_PIECE = 1 << 18, /* multiply–adds */
    LEAST_ROWS = 8          /* fewer are bound by reading B */
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

static int64_t divide_up(int64_t count, int64_t pieces) { return (count + pieces - 1) / pieces; }

/* Several pieces per thread. They are cut across panels where there are enough, since the kernel reads a group of panels for
 * all rows anyway, else across rows. */
void hd_matmul(const heed_context *context, const hd_product *product) {
    if (product->rows <= 0 || product->columns <= 0) return;
    int64_t panels = divide_up(product->columns, HD_PANEL);
    split s = {context, product, product->rows, panels, panels, 1};
    int64_t work = product->rows * product->columns * hd_max(product->depth, 1);
    int64_t pieces = context->threads > 1 ? hd_min(work / WORK_A_PIECE, PIECES_A_THREAD * context->threads) : 1;
    if (pieces > 1) {
        /* by rows or by panels, whichever makes the largest piece smaller */
        int64_t rows_a_piece = divide_up(product->rows, pieces), panels_a_piece = divide_up(panels, pieces);
        int64_t by_rows = rows_a_piece * panels, by_panels = product->rows * panels_a_piece;
        if (rows_a_piece >= LEAST_ROWS && by_rows < by_panels && panels < pieces) {
            s.rows_a_piece = rows_a_piece;
        } else {
            s.panels_a_piece = panels_a_piece;
            s.panel_pieces = divide_up(panels, panels_a_piece);
        }
    }
    hd_parallel_for(context, divide_up(product->rows, s.rows_a_piece) * s.panel_pieces, work, multiply_piece, &s);
}
