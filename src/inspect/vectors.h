/* Labelled vectors: a strip for each, and a scatter plot along their two principal components. */
#ifndef HD_INSPECT_VECTORS_H
#define HD_INSPECT_VECTORS_H

#include "inspect/picture.h"

typedef struct hd_vectors {
    heed_picture picture;
    const char *title, *what; /* "Embeddings of 12 tokens"; key in JSON: "embeddings" */
    const char *note;         /* a line below, or NULL */
    int64_t rows, columns;
    const char *const *labels; /* [rows]; NULL: row numbers from 0 */
    const float *values;       /* [rows, columns] */
    const double *points;      /* [rows, 2]; NULL: no scatter plot */
    double shares[2];          /* of the variance, along each component */
} hd_vectors;

heed_status hd_vectors_open(heed_context *context, hd_vectors **vectors);

#endif
