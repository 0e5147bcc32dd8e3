/* Named parameters: where a weight comes from, the forms in which arithmetic reads it, and the place of its gradient.
 *
 * A weight that is only read has the packed form that its device makes of the stored numbers. A weight that is trained has
 * `data` in float32, for products a packed form as well, and a place in each block of gradients. */
#ifndef HD_TENSOR_PARAMETER_H
#define HD_TENSOR_PARAMETER_H

#include "base/arena.h"
#include "tensor/dtype.h"

typedef struct hd_parameter {
    const char *name;         /* as it is stored, "model.encoder.layers.0.fc1.weight" */
    int64_t rows, columns;    /* [rows, columns]; a vector has 1 row */
    int dimensions;           /* 1 or 2 */
    int64_t kernel;           /* of a convolution, which is stored as [rows, columns / kernel, kernel]; 0: none */
    bool multiplied;          /* products read it */
    bool looked_up;           /* its rows are read one by one */
    const void *stored;       /* host memory at any address; NULL when made here, or when it has been packed */
    int64_t stored_stride;    /* elements from row to row of what is stored as [columns, rows]; 0: [rows, columns] */
    hd_dtype dtype;           /* of `stored` */
    float *data;              /* device [rows, columns] float32: vectors always, matrices when trained; else NULL */
    struct hd_packed *packed; /* for products or rows: opaque, made by the device; NULL until needed */
    bool packed_stale;        /* the packed form is not filled in, or is older than `data` */
    bool trained;
    int64_t gradient_at; /* of a trained one: where its [rows, columns] begin in a block of gradients, in floats */
    float *m, *v;        /* the optimizer's moments, or NULL */
} hd_parameter;

static inline int64_t hd_parameter_count(const hd_parameter *p) { return p->rows * p->columns; }

/* The shape of the stored tensor whose first dimension is `first`; returns the number of dimensions. */
static inline int hd_parameter_shape(const hd_parameter *p, int64_t first, int64_t shape[3]) {
    shape[0] = first;
    shape[1] = p->kernel ? p->columns / p->kernel : p->columns;
    shape[2] = p->kernel;
    return p->kernel ? 3 : p->dimensions;
}

#endif
