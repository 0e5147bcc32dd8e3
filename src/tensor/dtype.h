/* Element types of tensors and files, and the two 16-bit floats' conversions. */
#ifndef HD_TENSOR_DTYPE_H
#define HD_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Those that weights are stored in come first, in the order of their choices for --dtype. */
typedef enum hd_dtype {
    HD_F32,
    HD_F16,
    HD_BF16,
    HD_F64,
    HD_I64,
    HD_I32,
    HD_I16,
    HD_I8,
    HD_U8,
    HD_BOOL,
    HD_U64,
    HD_U32,
    HD_U16,
    HD_F8_E4M3,
    HD_F8_E5M2
} hd_dtype;
enum { HD_DTYPES = HD_F8_E5M2 + 1 };
#define HD_WEIGHT_DTYPES "f32|f16|bf16"

/* All that is known of an element type; a new one is a value above, a row of hd_dtypes, and for weights also a name and
 * a load in the matrix product (device/cpu/kernels/product.c). */
typedef struct hd_dtype_row {
    const char *name;   /* in safetensors: "F32" */
    const char *config; /* config.json's "dtype": "float32"; NULL: weights are not written or packed in it */
    size_t size;        /* bytes per element */
    uint64_t exponent;  /* bits that are all set in an infinity and in a NaN, and in no other number; 0: integers */
    /* [count] elements at any address to f32 and back, rounded to nearest even; NULL: integers, and 8-bit floats are only
     * read */
    void (*widen)(const void *source, float *destination, size_t count);
    void (*narrow)(const float *source, void *destination, size_t count);
} hd_dtype_row;

extern const hd_dtype_row hd_dtypes[HD_DTYPES];

static inline size_t hd_dtype_size(hd_dtype dtype) { return hd_dtypes[dtype].size; }
static inline const char *hd_dtype_name(hd_dtype dtype) { return hd_dtypes[dtype].name; }

static inline uint32_t hd_float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float hd_bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* a where the condition holds, else b, by masks: a branch around float arithmetic, which may raise a flag, keeps the
 * compiler from making loops over the functions below vectors. */
static inline uint32_t hd_choose(int condition, uint32_t a, uint32_t b) {
    uint32_t mask = 0u - (uint32_t)(condition != 0);
    return (a & mask) | (b & ~mask);
}

static inline float hd_from_bf16(uint16_t half) { return hd_bits_float((uint32_t)half << 16); }

/* Nearest, ties to even; a NaN stays one. */
static inline uint16_t hd_to_bf16(float value) {
    uint32_t bits = hd_float_bits(value);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)hd_choose((bits & 0x7fffffffu) > 0x7f800000u, bits >> 16 | 0x40u, rounded);
}

/* The exponent's bias grows from 15 to 127; a subnormal is its fraction times 2^-24, which f32 holds exactly. */
static inline float hd_from_f16(uint16_t half) {
    uint32_t magnitude = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t normal = (magnitude << 13) + (112u << 23), special = (magnitude << 13) | 0x7f800000u;
    uint32_t subnormal = hd_float_bits((float)(int32_t)magnitude * 0x1p-24f);
    uint32_t bits = hd_choose(magnitude < 0x400u, subnormal, hd_choose(magnitude < 0x7c00u, normal, special));
    return hd_bits_float(bits | sign);
}

/* Nearest, ties to even; too large becomes infinite; a NaN stays one. Below 2^-14 the f32 addition of 0.5 rounds, its
 * last bit being worth 2^-24; above, a half of the last kept bit is added, less one where the kept part is even. */
static inline uint16_t hd_to_f16(float value) {
    uint32_t sign = hd_float_bits(value) >> 16 & 0x8000u, magnitude = hd_float_bits(value) & 0x7fffffffu;
    uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    uint32_t subnormal = hd_float_bits(hd_bits_float(magnitude) + 0.5f) - hd_float_bits(0.5f);
    uint32_t half = hd_choose(magnitude < 0x38800000u, subnormal, normal);
    half = hd_choose(magnitude >= 0x477ff000u, 0x7c00u, half); /* 65520 is nearer to 65536 than to 65504 */
    half = hd_choose(magnitude > 0x7f800000u, 0x7e00u | (magnitude >> 13 & 0x3ffu), half);
    return (uint16_t)(half | sign);
}

#endif
