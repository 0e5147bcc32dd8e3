#include "tensor/dtype.h"

static void widen_f32(const void *source, float *destination, size_t count) {
    if (count) memcpy(destination, source, count * sizeof *destination);
}

static void narrow_f32(const float *source, void *destination, size_t count) {
    if (count) memcpy(destination, source, count * sizeof *source);
}

static void widen_f16(const void *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, (const char *)source + i * sizeof half, sizeof half);
        destination[i] = hd_from_f16(half);
    }
}

static void narrow_f16(const float *source, void *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half = hd_to_f16(source[i]);
        memcpy((char *)destination + i * sizeof half, &half, sizeof half);
    }
}

static void widen_bf16(const void *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, (const char *)source + i * sizeof half, sizeof half);
        destination[i] = hd_from_bf16(half);
    }
}

static void narrow_bf16(const float *source, void *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half = hd_to_bf16(source[i]);
        memcpy((char *)destination + i * sizeof half, &half, sizeof half);
    }
}

static void widen_f64(const void *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double wide;
        memcpy(&wide, (const char *)source + i * sizeof wide, sizeof wide);
        destination[i] = (float)wide;
    }
}

static void narrow_f64(const float *source, void *destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double wide = source[i];
        memcpy((char *)destination + i * sizeof wide, &wide, sizeof wide);
    }
}

/* Four bits of exponent, biased by 7, and three of fraction; no infinity, and a NaN only where all of them are set. */
static float from_f8_e4m3(uint8_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x80u) << 24, exponent = bits >> 3 & 15u, fraction = bits & 7u;
    if ((bits & 0x7fu) == 0x7fu) return hd_bits_float(sign | 0x7fc00000u);
    if (exponent == 0) return hd_bits_float(sign | hd_float_bits((float)fraction * 0x1p-9f));
    return hd_bits_float(sign | (exponent + 120) << 23 | fraction << 20);
}

static void widen_f8_e4m3(const void *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = from_f8_e4m3(((const uint8_t *)source)[i]);
}

/* The upper byte of an F16. */
static void widen_f8_e5m2(const void *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++)
        destination[i] = hd_from_f16((uint16_t)(((const uint8_t *)source)[i] << 8));
}

const hd_dtype_row hd_dtypes[HD_DTYPES] = {
    [HD_F32] = {"F32", "float32", 4, 0x7f800000, widen_f32, narrow_f32},
    [HD_F16] = {"F16", "float16", 2, 0x7c00, widen_f16, narrow_f16},
    [HD_BF16] = {"BF16", "bfloat16", 2, 0x7f80, widen_bf16, narrow_bf16},
    [HD_F64] = {"F64", NULL, 8, UINT64_C(0x7ff0000000000000), widen_f64, narrow_f64},
    [HD_I64] = {"I64", NULL, 8, 0, NULL, NULL},
    [HD_I32] = {"I32", NULL, 4, 0, NULL, NULL},
    [HD_I16] = {"I16", NULL, 2, 0, NULL, NULL},
    [HD_I8] = {"I8", NULL, 1, 0, NULL, NULL},
    [HD_U8] = {"U8", NULL, 1, 0, NULL, NULL},
    [HD_BOOL] = {"BOOL", NULL, 1, 0, NULL, NULL},
    [HD_U64] = {"U64", NULL, 8, 0, NULL, NULL},
    [HD_U32] = {"U32", NULL, 4, 0, NULL, NULL},
    [HD_U16] = {"U16", NULL, 2, 0, NULL, NULL},
    [HD_F8_E4M3] = {"F8_E4M3", NULL, 1, 0x7f, widen_f8_e4m3, NULL},
    [HD_F8_E5M2] = {"F8_E5M2", NULL, 1, 0x7c, widen_f8_e5m2, NULL},
};
