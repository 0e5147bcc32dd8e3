#include "device/cpu/accumulate.h"

#include "base/parallel.h"
#include "device/cpu/kernels/kernels.h"

enum { ELEMENTS_A_PIECE = 1 << 15 };

typedef struct addition {
    const heed_context *context;
    int64_t count;
    const float *x;
    float *y;
} addition;

static void add_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const addition *a = argument;
    int64_t start = piece * ELEMENTS_A_PIECE, count = hd_min(ELEMENTS_A_PIECE, a->count - start);
    a->context->kernels->add(count, a->y + start, a->x + start, a->y + start);
}

void hd_accumulate(const heed_context *context, int64_t count, const float *x, float *y) {
    addition a = {context, count, x, y};
    hd_parallel_for(context, (count + ELEMENTS_A_PIECE - 1) / ELEMENTS_A_PIECE, count, add_piece, &a);
}
