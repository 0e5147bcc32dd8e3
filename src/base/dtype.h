/* Element types of tensors and files, and the two 16-bit floats' conversions. */
#ifndef HD_BASE_DTYPE_H
#define HD_BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum hd_dtype { HD_F32, HD_F16, HD_BF16, HD_F64, HD_I64, HD_I32, HD_I16, HD_I8, HD_U8, HD_BOOL } hd_dtype;
enum { HD_DTYPES = HD_BOOL + 1 };

static inline size_t hd_dtype_size(hd_dtype dtype) {
    static const size_t sizes[] = {4, 2, 2, 8, 8, 4, 2, 1, 1, 1};
    return sizes[dtype];
}

/* safetensors' spelling: "F32", "BF16", … */
static inline const char *hd_dtype_name(hd_dtype dtype) {
    static const char *const names[] = {"F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"};
    return names[dtype];
}

static inline float hd_from_bf16(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t hd_to_bf16(float value) { /* nearest, ties to even; NaN stays NaN */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float hd_from_f16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3ffu, bits;
    if (exponent == 0) { /* zero and subnormals: fraction · 2^-24 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    if (exponent == 31) bits = sign | 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0);
    else bits = sign | (exponent + 112u) << 23 | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t hd_to_f16(float value) { /* nearest, ties to even; NaN stays NaN, too large becomes infinite */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* subnormal: let the addition of 0.5 round at 2^-24 */
        float lifted;
        memcpy(&lifted, &magnitude, sizeof lifted);
        lifted += 0.5f;
        memcpy(&bits, &lifted, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

#endif
