/* A tensor in a file of any format. */
#ifndef HD_FORMATS_STORED_TENSOR_H
#define HD_FORMATS_STORED_TENSOR_H

#include "base/context.h"
#include "tensor/dtype.h"

enum { HD_STORED_DIMENSIONS = 8 };

/* Valid until the file that it was read from is closed. */
typedef struct hd_stored_tensor {
    const char *name;
    const char *file; /* its path, for messages */
    hd_dtype dtype;
    const char *unread; /* NULL, or the name of an element type that heed does not read; `dtype` then means nothing */
    int dimensions;     /* 0 for a single number */
    int64_t shape[HD_STORED_DIMENSIONS];
    size_t count;     /* elements: the product of the shape */
    size_t bytes;     /* count × the dtype's size */
    const void *data; /* row-major, little-endian, at any address: read it with memcpy or hd_widen */
} hd_stored_tensor;

/* A shape as text: "[768, 3072]". */
typedef struct hd_shape_text {
    char text[HD_STORED_DIMENSIONS * 22 + 3];
} hd_shape_text;

hd_shape_text hd_shape_show(int dimensions, const int64_t *shape);

/* HEED_UNSUPPORTED if its elements cannot be read, HEED_FORMAT unless the tensor has this shape:
 * `m/model.safetensors: tensor "x.weight" is [768, 3071], expected [768, 3072]`. */
heed_status hd_stored_expect(heed_context *context, const hd_stored_tensor *tensor, int dimensions,
                             const int64_t *shape);

/* Elements and bytes of a shape; false when a dimension is negative or a product overflows. */
bool hd_shape_size(hd_dtype dtype, int dimensions, const int64_t *shape, size_t *count, size_t *bytes);

/* Sorts `count` pointers to tensors by name (strcmp), and looks one up. */
void hd_stored_sort(const hd_stored_tensor **by_name, size_t count);
const hd_stored_tensor *hd_stored_find(const hd_stored_tensor *const *by_name, size_t count, const char *name);

#endif
