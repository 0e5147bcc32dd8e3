#include "device/cpu/pairs.h"

#include "base/parallel.h"

enum { ROWS_A_PIECE = 64 };

typedef struct pairing {
    const heed_context *context;
    int64_t rows, columns;
    const float *x;
    float *pairs;
} pairing;

static void pair_columns_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const pairing *p = argument;
    int64_t row = piece * ROWS_A_PIECE;
    p->context->kernels->pair_columns(hd_min(ROWS_A_PIECE, p->rows - row), p->columns, p->x + row * p->columns,
                                      p->pairs + row * hd_pairs(p->columns));
}

static void pair_rows_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const pairing *p = argument;
    int64_t row = piece * ROWS_A_PIECE;
    p->context->kernels->pair_rows(hd_min(ROWS_A_PIECE, p->rows - row), p->columns, p->x + row * p->columns,
                                   p->pairs + row / 2 * p->columns);
}

static void run(pairing p, hd_task *task) {
    hd_parallel_for(p.context, (p.rows + ROWS_A_PIECE - 1) / ROWS_A_PIECE, p.rows * p.columns, task, &p);
}

void hd_pair_columns(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs) {
    run((pairing){context, rows, columns, x, pairs}, pair_columns_piece);
}

void hd_pair_rows(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs) {
    run((pairing){context, rows, columns, x, pairs}, pair_rows_piece);
}
