#include "device/cpu/pairs.h"

#include "device/cpu/slices.h"

typedef struct pairing {
    int64_t columns;
    const float *x;
    float *pairs;
} pairing;

static void pair_columns(const void *argument, const hd_slice *s) {
    const pairing *p = argument;
    s->kernels->pair_columns(s->end - s->start, p->columns, p->x + s->start * p->columns,
                             p->pairs + s->start * hd_pairs(p->columns));
}

/* Slices begin at even rows. */
static void pair_rows(const void *argument, const hd_slice *s) {
    const pairing *p = argument;
    s->kernels->pair_rows(s->end - s->start, p->columns, p->x + s->start * p->columns,
                          p->pairs + s->start / 2 * p->columns);
}

void hd_pair_columns(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs) {
    hd_for_slices(context, rows, HD_ROWS, rows * columns, pair_columns, &(pairing){columns, x, pairs});
}

void hd_pair_rows(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs) {
    hd_for_slices(context, rows, HD_ROWS, rows * columns, pair_rows, &(pairing){columns, x, pairs});
}
