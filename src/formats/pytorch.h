/* Files that torch.save writes: pytorch_model.bin and other names.
 *
 * Since PyTorch 1.6 such a file is a zip archive:
 *     NAME/data.pkl    a pickle of the tensors (pickle.h)
 *     NAME/data/KEY    the numbers of each storage, usually not compressed
 *     NAME/byteorder   "little" or "big"; missing before 2.1: little
 * Before, it was a sequence of pickles: a magic number, the protocol 1001, the machine, the tensors, and the list of the
 * storages' keys. Of each of these storages follow the number of elements, in 8 bytes, and the numbers. All of it is
 * little-endian.
 *
 * Source: torch/serialization.py. */
#ifndef HD_FORMATS_PYTORCH_H
#define HD_FORMATS_PYTORCH_H

#include "formats/stored_tensor.h"

typedef struct hd_pytorch hd_pytorch;

/* Maps a file. HEED_FORMAT for an invalid file, HEED_UNSUPPORTED for a pickle with other contents than tensors, which the
 * message names. *file is NULL after a failure. */
heed_status hd_pytorch_open(heed_context *context, const char *path, hd_pytorch **file);
/* The same for bytes that the caller keeps until the file is closed. `name` replaces the path in messages. */
heed_status hd_pytorch_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                                  hd_pytorch **file);
void hd_pytorch_close(hd_pytorch *file); /* NULL is allowed */

size_t hd_pytorch_count(const hd_pytorch *file);
/* Tensor `index` in [0, count), in the order of the state dict. */
const hd_stored_tensor *hd_pytorch_at(const hd_pytorch *file, size_t index);
/* NULL when there is none of that name. */
const hd_stored_tensor *hd_pytorch_find(const hd_pytorch *file, const char *name);
/* Whether all numbers lie in the mapped file. Compressed numbers, views with strides and big-endian numbers are copies
 * in memory. */
bool hd_pytorch_is_mapped(const hd_pytorch *file);

#endif
