/* Safetensors: a JSON header that says what lies where, then the numbers.
 *
 *     8 bytes   the header's size, little-endian
 *     header    {"__metadata__": {"format": "pt"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *     data      every byte belongs to exactly one tensor; offsets count from here
 *
 * Source: https://huggingface.co/docs/safetensors and the README of github.com/huggingface/safetensors. */
#ifndef HD_FORMATS_SAFETENSORS_H
#define HD_FORMATS_SAFETENSORS_H

#include "base/file.h"
#include "formats/stored_tensor.h"

typedef struct hd_safetensors hd_safetensors;

/* Maps and checks a file; the data is not touched. HEED_FORMAT for whatever breaks the format, HEED_UNSUPPORTED for a
 * dtype that heed does not read, by name. *file is NULL after a failure. */
heed_status hd_safetensors_open(heed_context *context, const char *path, hd_safetensors **file);
/* The same of bytes that the caller keeps until the close. `name` stands for the path in messages. */
heed_status hd_safetensors_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                                      hd_safetensors **file);
void hd_safetensors_close(hd_safetensors *file); /* NULL is fine */

size_t hd_safetensors_count(const hd_safetensors *file);
/* Tensor `index` in [0, count), in the order of the data. */
const hd_stored_tensor *hd_safetensors_at(const hd_safetensors *file, size_t index);
/* NULL when there is none of that name. */
const hd_stored_tensor *hd_safetensors_find(const hd_safetensors *file, const char *name);
/* A value of "__metadata__", or NULL. */
const char *hd_safetensors_metadata(const hd_safetensors *file, const char *key);

/* ---- writing --------------------------------------------------------------------------------------------------- */

typedef struct hd_declared_tensor {
    const char *name;
    hd_dtype dtype;
    int dimensions;
    int64_t shape[HD_STORED_DIMENSIONS];
} hd_declared_tensor;

/* Writes through hd_writer, so the old file at the path lives on until commit has succeeded. */
typedef struct hd_safetensors_writer {
    heed_context *context;
    hd_writer writer;
    uint64_t declared, written; /* bytes of data */
} hd_safetensors_writer;

/* Writes the header: metadata {"format": "pt"}, by which transformers opens the file, and the tensors in the order
 * given, which is also the order of the data. HEED_ARGUMENT when a name comes twice, a shape makes no sense, or a
 * tensor would start off its dtype's alignment: the reference writer keeps it, for readers that use the mapped data in
 * place, by putting wider dtypes first, and so must the caller. */
heed_status hd_safetensors_writer_open(heed_context *context, const char *path, const hd_declared_tensor *tensors,
                                       size_t count, hd_safetensors_writer *writer);
/* Appends data, cut into calls as the caller likes. After a failure all is cleaned up, as with hd_writer. */
heed_status hd_safetensors_writer_write(hd_safetensors_writer *writer, const void *bytes, size_t size);
/* Puts the file into place; HEED_ARGUMENT, and no file, unless exactly the declared bytes were written. */
heed_status hd_safetensors_writer_commit(hd_safetensors_writer *writer);
void hd_safetensors_writer_abandon(hd_safetensors_writer *writer);

#endif
