/* NumPy's .npy files of numbers: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef HD_FORMATS_NPY_H
#define HD_FORMATS_NPY_H

#include "base/context.h"
#include "tensor/dtype.h"

enum { HD_NPY_HEADER = 128, HD_NPY_DIMENSIONS = 4 };

/* Makes the header of a file of version 1.0, row by row: HD_F32 or HD_F16, up to HD_NPY_DIMENSIONS dimensions. Its size does
 * not depend on the shape, so that it can be written again once the number of rows is known. */
void hd_npy_header(hd_dtype dtype, const int64_t *shape, int dimensions, char header[HD_NPY_HEADER]);

/* A matrix in a file. */
typedef struct hd_npy {
    hd_dtype dtype; /* HD_F16, HD_F32 or HD_F64 */
    int64_t rows, columns;
    const void *numbers; /* [rows, columns] in the file's bytes, at any address */
} hd_npy;

/* Reads a file of two dimensions, row by row. HEED_FORMAT for damaged files, HEED_UNSUPPORTED for other numbers, shapes and
 * orders; `path` is named in messages. */
heed_status hd_npy_parse(heed_context *context, const char *path, const void *bytes, size_t size, hd_npy *npy);

#endif
