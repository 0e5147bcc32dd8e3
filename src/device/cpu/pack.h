/* A weight as the CPU's matrix products read it. */
#ifndef HD_DEVICE_CPU_PACK_H
#define HD_DEVICE_CPU_PACK_H

#include "tensor/parameter.h"

typedef struct hd_packed {
    void *panels; /* for x · weightᵀ, [rows / 32][columns][32] */
    hd_dtype dtype;
    bool in_pairs;    /* the panels hold pairs of bfloat16, for a context that computes in it */
    float *row_pairs; /* and of a trained matrix also pairs of rows, [rows / 2, columns], for its input's gradient */
} hd_packed;

#endif
