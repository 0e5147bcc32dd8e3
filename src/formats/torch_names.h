/* The names that a pickle of tensors may load. A name that is not here is refused. */
#ifndef HD_FORMATS_TORCH_NAMES_H
#define HD_FORMATS_TORCH_NAMES_H

#include "formats/pickle.h"

/* What a call of the name makes of its arguments. */
typedef enum hd_torch_role {
    HD_TORCH_DICT,          /* a dict, of pairs if there are any */
    HD_TORCH_SIZE,          /* its argument, a tuple */
    HD_TORCH_TENSOR,        /* _rebuild_tensor(storage, offset, shape, stride, …) */
    HD_TORCH_TYPED_TENSOR,  /* _rebuild_tensor_v3(storage, offset, shape, stride, …, …, dtype, …) */
    HD_TORCH_PARAMETER,     /* its first argument, a tensor */
    HD_TORCH_SUBCLASS,      /* (name, type, arguments, state): what the name makes of the arguments */
    HD_TORCH_STORAGE_CLASS, /* not called: the type of a storage */
    HD_TORCH_DTYPE,         /* not called: an element type */
    HD_TORCH_OTHER          /* a value that has no tensor */
} hd_torch_role;

typedef struct hd_torch_name {
    const char *module, *name;
    hd_torch_role role;
    const hd_torch_type *type;
} hd_torch_name;

/* False if the name is not among them. */
bool hd_torch_name_find(hd_pickled_text module, hd_pickled_text name, hd_torch_name *found);

#endif
