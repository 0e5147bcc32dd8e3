#include "formats/widen.h"

#include <string.h>

enum { BLOCK = 256 };

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- one number ------------------------------------------------------------------------------------------------ */

/* a where the condition holds, else b, by masks: a branch around float arithmetic, which may raise a flag, keeps the
 * compiler from making the loops below vectors. */
static inline uint32_t choose(bool condition, uint32_t a, uint32_t b) {
    uint32_t mask = 0u - (uint32_t)condition;
    return (a & mask) | (b & ~mask);
}

/* The exponent's bias grows from 15 to 127; a subnormal is
 * its fraction times 2^-24, which f32 holds exactly. */
static inline float widen_f16(uint16_t half) {
    uint32_t magnitude = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t normal = (magnitude << 13) + (112u << 23);
    uint32_t special = (magnitude << 13) | 0x7f800000u;
    uint32_t subnormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);
    uint32_t bits = choose(magnitude < 0x0400u, subnormal, choose(magnitude < 0x7c00u, normal, special));
    return float_of(bits | sign);
}

/* Adding a half of the last kept bit, less one where the kept part is even, rounds to nearest even by the carry.
 * For results below 2^-14 the f32 addition of 0.5 does it: the sum's last bit is worth 2^-24. */
static inline uint16_t narrow_f16(float value) {
    uint32_t sign = bits_of(value) >> 16 & 0x8000u, magnitude = bits_of(value) & 0x7fffffffu;
    uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1)) >> 13;
    uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);
    uint32_t half = choose(magnitude < 0x38800000u, subnormal, normal); /* 2^-14 */
    half = choose(magnitude >= 0x477ff000u, 0x7c00u, half);             /* 65520 is nearer to 65536 than to 65504 */
    half = choose(magnitude > 0x7f800000u, nan, half);
    return (uint16_t)(half | sign);
}

static inline float widen_bf16(uint16_t half) { return float_of((uint32_t)half << 16); }

static inline uint16_t narrow_bf16(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* quiet, so the fraction is not 0 */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

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
                destination[i] = widen_f16(half);
            }
            return true;
        case HD_BF16:
            for (size_t i = 0; i < count; i++) {
                memcpy(&half, bytes + i * sizeof half, sizeof half);
                destination[i] = widen_bf16(half);
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
                half = narrow_f16(source[i]);
                memcpy(bytes + i * sizeof half, &half, sizeof half);
            }
            return true;
        case HD_BF16:
            for (size_t i = 0; i < count; i++) {
                half = narrow_bf16(source[i]);
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

static inline bool is_finite(float value) { return (bits_of(value) & 0x7fffffffu) < 0x7f800000u; }

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
