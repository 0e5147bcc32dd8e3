/* Matrices rounded to bfloat16 for products, as pairs of neighbours in depth (kernels/pairs.c), on all threads. */
#ifndef HD_DEVICE_CPU_PAIRS_H
#define HD_DEVICE_CPU_PAIRS_H

#include "device/cpu/kernels/kernels.h"

/* pairs [rows, columns / 2], rounded up, of x [rows, columns]. */
void hd_pair_columns(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs);
/* pairs [rows / 2, columns], rounded up. */
void hd_pair_rows(const heed_context *context, int64_t rows, int64_t columns, const float *x, float *pairs);

static inline int64_t hd_pairs(int64_t count) { return (count + 1) / 2; }

#endif
