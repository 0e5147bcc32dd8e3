/* A weight as the CPU's products and look-ups read it. */
#ifndef HD_DEVICE_CPU_PACK_H
#define HD_DEVICE_CPU_PACK_H

#include "tensor/parameter.h"

typedef struct hd_packed {
    void *panels;     /* for x · weightᵀ, [rows / 32][columns][32]; NULL: only rows are read */
    hd_dtype dtype;   /* of the panels */
    void *rows;       /* [rows, columns] as stored, where the panels do not have these numbers; or NULL */
    bool in_pairs;    /* the panels hold pairs of bfloat16, for a context that computes in it */
    float *row_pairs; /* and of a trained matrix also pairs of rows, [rows / 2, columns], for its input's gradient */
} hd_packed;

/* Row `row` of a parameter, widened to float32 in y [columns]. */
void hd_cpu_row(const hd_parameter *parameter, int64_t row, float *y);

#endif
