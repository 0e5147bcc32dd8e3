#include "formats/widen.h"

#include <string.h>

enum { BLOCK = 256 };

/* ---- many numbers ---------------------------------------------------------------------------------------------- */

bool hd_widen(hd_dtype dtype, const void *source, float *destination, size_t count) {
    const unsigned char *bytes = source;
    uint16_t half;
    double wide;
    switch (dtype) {
        case HD_F32:
            if (count) memcpy(destination, source, count * sizeof *destination);
            return true;
        case HD_F16:
            for (size_t i = 0; i < count; i++) {
                memcpy(&half, bytes + i * sizeof half, sizeof half);
                destination[i] = hd_from_f16(half);
            }
            return true;
        case HD_BF16:
            for (size_t i = 0; i < count; i++) {
                memcpy(&half, bytes + i * sizeof half, sizeof half);
                destination[i] = hd_from_bf16(half);
            }
            return true;
        case HD_F64:
            for (size_t i = 0; i < count; i++) {
                memcpy(&wide, bytes + i * sizeof wide, sizeof wide);
                destination[i] = (float)wide;
            }
            return true;
        default:
            return false;
    }
}

bool hd_narrow(hd_dtype dtype, const float *source, void *destination, size_t count) {
    unsigned char *bytes = destination;
    uint16_t half;
    double wide;
    switch (dtype) {
        case HD_F32:
            if (count) memcpy(destination, source, count * sizeof *source);
            return true;
        case HD_F16:
            for (size_t i = 0; i < count; i++) {
                half = hd_to_f16(source[i]);
                memcpy(bytes + i * sizeof half, &half, sizeof half);
            }
            return true;
        case HD_BF16:
            for (size_t i = 0; i < count; i++) {
                half = hd_to_bf16(source[i]);
                memcpy(bytes + i * sizeof half, &half, sizeof half);
            }
            return true;
        case HD_F64:
            for (size_t i = 0; i < count; i++) {
                wide = source[i];
                memcpy(bytes + i * sizeof wide, &wide, sizeof wide);
            }
            return true;
        default:
            return false;
    }
}

static inline bool is_finite(float value) { return (hd_float_bits(value) & 0x7fffffffu) < 0x7f800000u; }

/* Whole blocks are first asked whether there is any, which is a vector loop; only the block that says yes is walked. */
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
