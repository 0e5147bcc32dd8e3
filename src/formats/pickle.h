/* Python's pickle format, as far as it describes tensors: the state dict that torch.save writes.
 *
 * A pickle is a program for a machine with a stack and a memo. heed executes nothing of it. A name that the program loads is
 * looked up in a table of those that rebuild tensors and containers; every other name is refused. Tensors refer to
 * storages, which are outside of the pickle.
 *
 * Sources: Lib/pickletools.py of Python for the opcodes; torch/_utils.py and torch/_weights_only_unpickler.py for the names. */
#ifndef HD_FORMATS_PICKLE_H
#define HD_FORMATS_PICKLE_H

#include "formats/stored_tensor.h"

/* Bytes of the pickle, without a final 0. */
typedef struct hd_pickled_text {
    const char *bytes;
    size_t size;
} hd_pickled_text;

/* An element type of torch. */
typedef struct hd_torch_type {
    const char *storage; /* "FloatStorage", or NULL */
    const char *name;    /* "float32", or NULL */
    hd_dtype dtype;
    const char *unread; /* see hd_stored_tensor */
    size_t size;        /* bytes per element */
} hd_torch_type;

typedef struct hd_pickled_storage {
    hd_pickled_text key;
    const hd_torch_type *type;
    int64_t count;        /* elements */
    hd_pickled_text root; /* of a view: the key of the storage that it is a part of; else its own key */
    int64_t first;        /* element of the root */
    int64_t root_count;   /* elements of the root */
} hd_pickled_storage;

typedef struct hd_pickled_tensor {
    const char *name;
    const hd_torch_type *type;
    const char *unread;
    size_t storage; /* index */
    int64_t offset; /* elements, into the storage */
    int dimensions;
    int64_t shape[HD_STORED_DIMENSIONS], stride[HD_STORED_DIMENSIONS]; /* strides in elements, at least 0 */
    size_t count;                                                      /* elements */
} hd_pickled_tensor;

typedef struct hd_pickle hd_pickle;

/* Reads one pickle at the start of the bytes, which the caller keeps. HEED_FORMAT for an invalid one, HEED_UNSUPPORTED
 * for a name or an opcode that is refused. *pickle is NULL after a failure. `path` is copied. */
heed_status hd_pickle_open(heed_context *context, const char *path, const void *bytes, size_t size, hd_pickle **pickle);
void hd_pickle_close(hd_pickle *pickle); /* NULL is allowed */

/* How many bytes the pickle has. */
size_t hd_pickle_size(const hd_pickle *pickle);
/* Whether the pickle is this integer. */
bool hd_pickle_is_integer(const hd_pickle *pickle, int64_t integer);
/* Text `index` of a pickle that is a list of texts; false if there is none. */
bool hd_pickle_text(const hd_pickle *pickle, size_t index, hd_pickled_text *text);

/* The tensors of a state dict, in its order, each name once: the last of equal ones, as in Python. The pickle is the
 * dict, or one that has it under "state_dict", "model_state_dict", "model" or "module". HEED_FORMAT if there is none.
 * Every tensor lies inside of its storage. */
heed_status hd_pickle_tensors(hd_pickle *pickle, const hd_pickled_tensor **tensors, size_t *count);
const hd_pickled_storage *hd_pickle_storages(const hd_pickle *pickle, size_t *count);

#endif
