/* Dtypes: how the numbers of a tensor are stored. */
#ifndef HD_TENSOR_DTYPE_H
#define HD_TENSOR_DTYPE_H

#include <stddef.h>

typedef enum hd_dtype {
    HD_F64,
    HD_F32,
    HD_F16,  /* IEEE 754 half: 1 sign, 5 exponent, 10 fraction bits */
    HD_BF16, /* the upper half of an f32 */
    HD_I64,
    HD_I32,
    HD_I16,
    HD_I8,
    HD_U8,
    HD_BOOL8, /* a byte, 0 or 1 */
    HD_DTYPES /* how many there are */
} hd_dtype;

/* Bytes of one element. */
static inline size_t hd_dtype_size(hd_dtype dtype) {
    static const unsigned char sizes[HD_DTYPES] = {8, 4, 2, 2, 8, 4, 2, 1, 1, 1};
    return sizes[dtype];
}

/* "F32", "BF16", …: the names of the safetensors format. */
static inline const char *hd_dtype_name(hd_dtype dtype) {
    static const char *const names[HD_DTYPES] = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"};
    return names[dtype];
}

#endif
