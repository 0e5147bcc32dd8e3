/* The kernel table: arithmetic on plain pointers, one table per instruction set, all of them equal bit for bit. */
#ifndef HD_KERNELS_KERNELS_H
#define HD_KERNELS_KERNELS_H

#include "base/context.h"

typedef struct hd_kernels {
    const char *name; /* "portable", "avx2", "avx512", "neon" */
} hd_kernels;

/* Puts the table called `name` into the context, or with NULL or "" the best that this machine runs. */
heed_status hd_kernels_select(heed_context *context, const char *name);

#endif
