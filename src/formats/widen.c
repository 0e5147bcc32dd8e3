#include "formats/widen.h"

enum { BLOCK = 256 };

bool hd_widen(hd_dtype dtype, const void *source, float *destination, size_t count) {
    if (!hd_dtypes[dtype].widen) return false;
    hd_dtypes[dtype].widen(source, destination, count);
    return true;
}

bool hd_narrow(hd_dtype dtype, const float *source, void *destination, size_t count) {
    if (!hd_dtypes[dtype].narrow) return false;
    hd_dtypes[dtype].narrow(source, destination, count);
    return true;
}

static inline bool is_finite(float value) { return (hd_float_bits(value) & 0x7fffffffu) < 0x7f800000u; }

/* A vector loop finds the block that holds one; only that block is searched element by element. */
int64_t hd_find_nonfinite(hd_dtype dtype, const void *source, size_t count) {
    float block[BLOCK];
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t size = count - start < BLOCK ? count - start : BLOCK;
        if (!hd_widen(dtype, (const char *)source + start * hd_dtype_size(dtype), block, size)) return -1;
        uint32_t found = 0;
        for (size_t i = 0; i < size; i++) found |= !is_finite(block[i]);
        for (size_t i = 0; found && i < size; i++)
            if (!is_finite(block[i])) return (int64_t)(start + i);
    }
    return -1;
}
