/* Safetensors: a JSON header that describes the tensors, then their data.
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

/* Maps a file and checks its header; the data is not read. HEED_FORMAT for an invalid file, HEED_UNSUPPORTED for a
 * dtype that heed lacks, which the message names. *file is NULL after a failure. */
heed_status hd_safetensors_open(heed_context *context, const char *path, hd_safetensors **file);
/* The same for bytes that the caller keeps until the file is closed. `name` replaces the path in messages. */
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

/* Writes through hd_writer, so the old file at the path is unchanged until commit succeeds. */
typedef struct hd_safetensors_writer {
    heed_context *context;
    hd_writer writer;
    uint64_t declared, written; /* bytes of data */
} hd_safetensors_writer;

/* Writes the header: metadata {"format": "pt"}, which transformers requires, and the tensors in the given order, which
 * is also the order of the data. HEED_ARGUMENT for a repeated name, an invalid shape, or a tensor that would not be
 * aligned to its dtype: like the reference writer, the caller puts wider dtypes first, so that readers can use the
 * mapped data in place. */
heed_status hd_safetensors_writer_open(heed_context *context, const char *path, const hd_declared_tensor *tensors,
                                       size_t count, hd_safetensors_writer *writer);
/* Appends data, in any number of calls. A failure cleans up, as in hd_writer. */
heed_status hd_safetensors_writer_write(hd_safetensors_writer *writer, const void *bytes, size_t size);
/* Moves the file into place. HEED_ARGUMENT, and no file, unless exactly the declared bytes were written. */
heed_status hd_safetensors_writer_commit(hd_safetensors_writer *writer);
void hd_safetensors_writer_abandon(hd_safetensors_writer *writer);

#endif
