/* lanes: a vector of 16 floats, and beside it 16 unsigned integers, on which every kernel is written.
 *
 * One AVX-512 register, two AVX2 registers, four NEON registers, or a plain array with fmaf. Each function gives the same
 * bits whichever it is compiled for, so a kernel needs one source: it is compiled once per instruction set
 * (cmake/Kernels.cmake), with HD_ISA_avx512, HD_ISA_avx2, HD_ISA_neon or HD_ISA_portable defined.
 *
 * lanes_max(a, b) and lanes_min(a, b) give b where either is NaN, as the x86 instructions do. */
#ifndef HD_KERNELS_LANES_H
#define HD_KERNELS_LANES_H

#include <math.h>

#include "tensor/dtype.h"

#define LANES  16
#define INLINE static inline __attribute__((always_inline, unused))

#if defined(HD_ISA_avx512)
/* ------------------------------------------------------------------------------------------------ AVX-512 */
#include <immintrin.h>

typedef struct lanes {
    __m512 v;
} lanes;
typedef struct lanes_u {
    __m512i v;
} lanes_u;
#define L(x) ((lanes){x})
#define U(x) ((lanes_u){x})

INLINE __mmask16 lanes_first(int64_t n) { return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u); }

INLINE lanes lanes_load(const float *p) { return L(_mm512_loadu_ps(p)); }
INLINE void lanes_store(float *p, lanes a) { _mm512_storeu_ps(p, a.v); }
INLINE lanes lanes_load_partial(const float *p, int64_t n) { return L(_mm512_maskz_loadu_ps(lanes_first(n), p)); }
INLINE void lanes_store_partial(float *p, lanes a, int64_t n) { _mm512_mask_storeu_ps(p, lanes_first(n), a.v); }
INLINE lanes lanes_set(float a) { return L(_mm512_set1_ps(a)); }
INLINE lanes lanes_load_halves(const uint16_t *p) {
    return L(_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16)));
}
INLINE lanes lanes_load_f16(const uint16_t *p) { return L(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))); }
/* The upper half of each lane. */
INLINE void lanes_store_halves(uint16_t *p, lanes a) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(a.v), 16)));
}
INLINE lanes lanes_add(lanes a, lanes b) { return L(_mm512_add_ps(a.v, b.v)); }
INLINE lanes lanes_sub(lanes a, lanes b) { return L(_mm512_sub_ps(a.v, b.v)); }
INLINE lanes lanes_mul(lanes a, lanes b) { return L(_mm512_mul_ps(a.v, b.v)); }
INLINE lanes lanes_div(lanes a, lanes b) { return L(_mm512_div_ps(a.v, b.v)); }
INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return L(_mm512_fmadd_ps(a.v, b.v, c.v)); }
INLINE lanes lanes_max(lanes a, lanes b) { return L(_mm512_max_ps(a.v, b.v)); }
INLINE lanes lanes_min(lanes a, lanes b) { return L(_mm512_min_ps(a.v, b.v)); }
INLINE lanes lanes_sqrt(lanes a) { return L(_mm512_sqrt_ps(a.v)); }
/* a < b ? x : y */
INLINE lanes lanes_select_less(lanes a, lanes b, lanes x, lanes y) {
    return L(_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v));
}
/* Is a < b in any lane? */
INLINE bool lanes_any_less(lanes a, lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ) != 0; }
/* The first n lanes of x, the rest of y. */
INLINE lanes lanes_select_first(int64_t n, lanes x, lanes y) {
    return L(_mm512_mask_blend_ps(lanes_first(n), y.v, x.v));
}
/* a0 b0 a1 b1 … a7 b7, and a8 b8 … a15 b15. */
INLINE lanes lanes_zip_low(lanes a, lanes b) {
    __m512i index = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    return L(_mm512_permutex2var_ps(a.v, index, b.v));
}
INLINE lanes lanes_zip_high(lanes a, lanes b) {
    __m512i index = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    return L(_mm512_permutex2var_ps(a.v, index, b.v));
}

INLINE lanes_u lanes_bits(lanes a) { return U(_mm512_castps_si512(a.v)); }
INLINE lanes lanes_from_bits(lanes_u a) { return L(_mm512_castsi512_ps(a.v)); }
INLINE lanes_u lanes_set_u(uint32_t a) { return U(_mm512_set1_epi32((int)a)); }
INLINE lanes_u lanes_load_u(const uint32_t *p) { return U(_mm512_loadu_si512(p)); }
INLINE void lanes_store_u(uint32_t *p, lanes_u a) { _mm512_storeu_si512(p, a.v); }
INLINE lanes_u lanes_add_u(lanes_u a, lanes_u b) { return U(_mm512_add_epi32(a.v, b.v)); }
INLINE lanes_u lanes_sub_u(lanes_u a, lanes_u b) { return U(_mm512_sub_epi32(a.v, b.v)); }
INLINE lanes_u lanes_and_u(lanes_u a, lanes_u b) { return U(_mm512_and_si512(a.v, b.v)); }
INLINE lanes_u lanes_or_u(lanes_u a, lanes_u b) { return U(_mm512_or_si512(a.v, b.v)); }
INLINE lanes_u lanes_xor_u(lanes_u a, lanes_u b) { return U(_mm512_xor_si512(a.v, b.v)); }
INLINE lanes_u lanes_shift_left_u(lanes_u a, int n) { return U(_mm512_slli_epi32(a.v, (unsigned)n)); }
INLINE lanes_u lanes_shift_right_u(lanes_u a, int n) { return U(_mm512_srli_epi32(a.v, (unsigned)n)); }
INLINE lanes_u lanes_shift_right_signed_u(lanes_u a, int n) { return U(_mm512_srai_epi32(a.v, (unsigned)n)); }
/* a < b as unsigned numbers ? x : y */
INLINE lanes lanes_select_less_u(lanes_u a, lanes_u b, lanes x, lanes y) {
    return L(_mm512_mask_blend_ps(_mm512_cmplt_epu32_mask(a.v, b.v), y.v, x.v));
}
/* The low and high halves of the 64-bit products. */
INLINE lanes_u lanes_multiply_u(lanes_u a, lanes_u b, lanes_u *high) {
    __m512i even = _mm512_mul_epu32(a.v, b.v);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
    high->v = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
    return U(_mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32)));
}
/* Signed integers to floats. */
INLINE lanes lanes_from_signed_u(lanes_u a) { return L(_mm512_cvtepi32_ps(a.v)); }

#define FOLD(a, operation) \
    FOLD_8(_mm256_##operation##_ps(_mm512_castps512_ps256((a).v), _mm512_extractf32x8_ps((a).v, 1)), operation)

#elif defined(HD_ISA_avx2)
/* ------------------------------------------------------------------------------------------------ AVX2 */
#include <immintrin.h>

typedef struct lanes {
    __m256 v, w;
} lanes;
typedef struct lanes_u {
    __m256i v, w;
} lanes_u;
#define L(x, y) ((lanes){x, y})
#define U(x, y) ((lanes_u){x, y})

/* All ones in the first n of 8 lanes. */
INLINE __m256i lanes_first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 0   ? 0
                                                      : n > 8 ? 8
                                                              : n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE lanes lanes_load(const float *p) { return L(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
INLINE void lanes_store(float *p, lanes a) { _mm256_storeu_ps(p, a.v), _mm256_storeu_ps(p + 8, a.w); }
INLINE lanes lanes_load_partial(const float *p, int64_t n) {
    return L(_mm256_maskload_ps(p, lanes_first(n)),
             n > 8 ? _mm256_maskload_ps(p + 8, lanes_first(n - 8)) : _mm256_setzero_ps());
}
INLINE void lanes_store_partial(float *p, lanes a, int64_t n) {
    _mm256_maskstore_ps(p, lanes_first(n), a.v);
    if (n > 8) _mm256_maskstore_ps(p + 8, lanes_first(n - 8), a.w);
}
INLINE lanes lanes_set(float a) { return L(_mm256_set1_ps(a), _mm256_set1_ps(a)); }
INLINE __m256 lanes_widen_bf16(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
INLINE lanes lanes_load_halves(const uint16_t *p) { return L(lanes_widen_bf16(p), lanes_widen_bf16(p + 8)); }
INLINE lanes lanes_load_f16(const uint16_t *p) {
    return L(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
             _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8))));
}
INLINE void lanes_store_halves(uint16_t *p, lanes a) {
    __m256i v = _mm256_srli_epi32(_mm256_castps_si256(a.v), 16), w = _mm256_srli_epi32(_mm256_castps_si256(a.w), 16);
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(_mm256_packus_epi32(v, w), 0xd8));
}
INLINE lanes lanes_add(lanes a, lanes b) { return L(_mm256_add_ps(a.v, b.v), _mm256_add_ps(a.w, b.w)); }
INLINE lanes lanes_sub(lanes a, lanes b) { return L(_mm256_sub_ps(a.v, b.v), _mm256_sub_ps(a.w, b.w)); }
INLINE lanes lanes_mul(lanes a, lanes b) { return L(_mm256_mul_ps(a.v, b.v), _mm256_mul_ps(a.w, b.w)); }
INLINE lanes lanes_div(lanes a, lanes b) { return L(_mm256_div_ps(a.v, b.v), _mm256_div_ps(a.w, b.w)); }
INLINE lanes lanes_fma(lanes a, lanes b, lanes c) {
    return L(_mm256_fmadd_ps(a.v, b.v, c.v), _mm256_fmadd_ps(a.w, b.w, c.w));
}
INLINE lanes lanes_max(lanes a, lanes b) { return L(_mm256_max_ps(a.v, b.v), _mm256_max_ps(a.w, b.w)); }
INLINE lanes lanes_min(lanes a, lanes b) { return L(_mm256_min_ps(a.v, b.v), _mm256_min_ps(a.w, b.w)); }
INLINE lanes lanes_sqrt(lanes a) { return L(_mm256_sqrt_ps(a.v), _mm256_sqrt_ps(a.w)); }
INLINE lanes lanes_select_less(lanes a, lanes b, lanes x, lanes y) {
    return L(_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)),
             _mm256_blendv_ps(y.w, x.w, _mm256_cmp_ps(a.w, b.w, _CMP_LT_OQ)));
}
INLINE bool lanes_any_less(lanes a, lanes b) {
    __m256 less = _mm256_or_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ), _mm256_cmp_ps(a.w, b.w, _CMP_LT_OQ));
    return _mm256_movemask_ps(less) != 0;
}
INLINE lanes lanes_select_first(int64_t n, lanes x, lanes y) {
    return L(_mm256_blendv_ps(y.v, x.v, _mm256_castsi256_ps(lanes_first(n))),
             _mm256_blendv_ps(y.w, x.w, _mm256_castsi256_ps(lanes_first(n - 8))));
}
INLINE lanes lanes_zip_halves(__m256 a, __m256 b) {
    __m256 low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b);
    return L(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
}
INLINE lanes lanes_zip_low(lanes a, lanes b) { return lanes_zip_halves(a.v, b.v); }
INLINE lanes lanes_zip_high(lanes a, lanes b) { return lanes_zip_halves(a.w, b.w); }

INLINE lanes_u lanes_bits(lanes a) { return U(_mm256_castps_si256(a.v), _mm256_castps_si256(a.w)); }
INLINE lanes lanes_from_bits(lanes_u a) { return L(_mm256_castsi256_ps(a.v), _mm256_castsi256_ps(a.w)); }
INLINE lanes_u lanes_set_u(uint32_t a) { return U(_mm256_set1_epi32((int)a), _mm256_set1_epi32((int)a)); }
INLINE lanes_u lanes_load_u(const uint32_t *p) {
    return U(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8)));
}
INLINE void lanes_store_u(uint32_t *p, lanes_u a) {
    _mm256_storeu_si256((__m256i *)p, a.v), _mm256_storeu_si256((__m256i *)(p + 8), a.w);
}
INLINE lanes_u lanes_add_u(lanes_u a, lanes_u b) { return U(_mm256_add_epi32(a.v, b.v), _mm256_add_epi32(a.w, b.w)); }
INLINE lanes_u lanes_sub_u(lanes_u a, lanes_u b) { return U(_mm256_sub_epi32(a.v, b.v), _mm256_sub_epi32(a.w, b.w)); }
INLINE lanes_u lanes_and_u(lanes_u a, lanes_u b) { return U(_mm256_and_si256(a.v, b.v), _mm256_and_si256(a.w, b.w)); }
INLINE lanes_u lanes_or_u(lanes_u a, lanes_u b) { return U(_mm256_or_si256(a.v, b.v), _mm256_or_si256(a.w, b.w)); }
INLINE lanes_u lanes_xor_u(lanes_u a, lanes_u b) { return U(_mm256_xor_si256(a.v, b.v), _mm256_xor_si256(a.w, b.w)); }
INLINE lanes_u lanes_shift_left_u(lanes_u a, int n) { return U(_mm256_slli_epi32(a.v, n), _mm256_slli_epi32(a.w, n)); }
INLINE lanes_u lanes_shift_right_u(lanes_u a, int n) { return U(_mm256_srli_epi32(a.v, n), _mm256_srli_epi32(a.w, n)); }
INLINE lanes_u lanes_shift_right_signed_u(lanes_u a, int n) {
    return U(_mm256_srai_epi32(a.v, n), _mm256_srai_epi32(a.w, n));
}
INLINE __m256 lanes_less_u(__m256i a, __m256i b) { /* unsigned order is signed order with the top bit flipped */
    __m256i flip = _mm256_set1_epi32((int)0x80000000u);
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, flip), _mm256_xor_si256(a, flip)));
}
INLINE lanes lanes_select_less_u(lanes_u a, lanes_u b, lanes x, lanes y) {
    return L(_mm256_blendv_ps(y.v, x.v, lanes_less_u(a.v, b.v)), _mm256_blendv_ps(y.w, x.w, lanes_less_u(a.w, b.w)));
}
INLINE __m256i lanes_multiply_half_u(__m256i a, __m256i b, __m256i *high) {
    __m256i even = _mm256_mul_epu32(a, b);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
INLINE lanes_u lanes_multiply_u(lanes_u a, lanes_u b, lanes_u *high) {
    __m256i v = lanes_multiply_half_u(a.v, b.v, &high->v);
    return U(v, lanes_multiply_half_u(a.w, b.w, &high->w));
}
INLINE lanes lanes_from_signed_u(lanes_u a) { return L(_mm256_cvtepi32_ps(a.v), _mm256_cvtepi32_ps(a.w)); }

#define FOLD(a, operation) FOLD_8(_mm256_##operation##_ps((a).v, (a).w), operation)

#elif defined(HD_ISA_neon)
/* ------------------------------------------------------------------------------------------------ NEON (AArch64) */
#include <arm_neon.h>

typedef struct lanes {
    float32x4_t v, w, x, y;
} lanes;
typedef struct lanes_u {
    uint32x4_t v, w, x, y;
} lanes_u;
/* A function of one, two or three registers, on each of the four. */
#define EACH_1(type, f, a)       ((type){f(a.v), f(a.w), f(a.x), f(a.y)})
#define EACH_2(type, f, a, b)    ((type){f(a.v, b.v), f(a.w, b.w), f(a.x, b.x), f(a.y, b.y)})
#define EACH_3(type, f, a, b, c) ((type){f(a.v, b.v, c.v), f(a.w, b.w, c.w), f(a.x, b.x, c.x), f(a.y, b.y, c.y)})

/* The first n of 4 floats; n may be below 0 or above 4. */
INLINE float32x4_t lanes_load_quarter(const float *p, int64_t n) {
    if (n >= 4) return vld1q_f32(p);
    float32x4_t v = vdupq_n_f32(0.0f);
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}
INLINE void lanes_store_quarter(float *p, float32x4_t v, int64_t n) {
    if (n >= 4) {
        vst1q_f32(p, v);
        return;
    }
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
}

INLINE lanes lanes_load(const float *p) {
    return (lanes){vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
INLINE void lanes_store(float *p, lanes a) {
    vst1q_f32(p, a.v), vst1q_f32(p + 4, a.w), vst1q_f32(p + 8, a.x), vst1q_f32(p + 12, a.y);
}
INLINE lanes lanes_load_partial(const float *p, int64_t n) {
    return (lanes){lanes_load_quarter(p, n), lanes_load_quarter(p + 4, n - 4), lanes_load_quarter(p + 8, n - 8),
                   lanes_load_quarter(p + 12, n - 12)};
}
INLINE void lanes_store_partial(float *p, lanes a, int64_t n) {
    lanes_store_quarter(p, a.v, n), lanes_store_quarter(p + 4, a.w, n - 4);
    lanes_store_quarter(p + 8, a.x, n - 8), lanes_store_quarter(p + 12, a.y, n - 12);
}
INLINE lanes lanes_set(float a) { return (lanes){vdupq_n_f32(a), vdupq_n_f32(a), vdupq_n_f32(a), vdupq_n_f32(a)}; }
INLINE lanes lanes_load_halves(const uint16_t *p) { /* zeros go in below each half */
    uint16x8_t zero = vdupq_n_u16(0), v = vld1q_u16(p), w = vld1q_u16(p + 8);
    return (lanes){vreinterpretq_f32_u16(vzip1q_u16(zero, v)), vreinterpretq_f32_u16(vzip2q_u16(zero, v)),
                   vreinterpretq_f32_u16(vzip1q_u16(zero, w)), vreinterpretq_f32_u16(vzip2q_u16(zero, w))};
}
INLINE float32x4_t lanes_widen_f16(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE lanes lanes_load_f16(const uint16_t *p) {
    return (lanes){lanes_widen_f16(p), lanes_widen_f16(p + 4), lanes_widen_f16(p + 8), lanes_widen_f16(p + 12)};
}
INLINE void lanes_store_halves(uint16_t *p, lanes a) {
    vst1q_u16(p, vuzp2q_u16(vreinterpretq_u16_f32(a.v), vreinterpretq_u16_f32(a.w)));
    vst1q_u16(p + 8, vuzp2q_u16(vreinterpretq_u16_f32(a.x), vreinterpretq_u16_f32(a.y)));
}
INLINE lanes lanes_add(lanes a, lanes b) { return EACH_2(lanes, vaddq_f32, a, b); }
INLINE lanes lanes_sub(lanes a, lanes b) { return EACH_2(lanes, vsubq_f32, a, b); }
INLINE lanes lanes_mul(lanes a, lanes b) { return EACH_2(lanes, vmulq_f32, a, b); }
INLINE lanes lanes_div(lanes a, lanes b) { return EACH_2(lanes, vdivq_f32, a, b); }
INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return EACH_3(lanes, vfmaq_f32, c, a, b); }
/* Not FMAX and FMIN, which give NaN where either is one, and 0 rather than −0. */
INLINE float32x4_t lanes_larger(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE float32x4_t lanes_smaller(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE lanes lanes_max(lanes a, lanes b) { return EACH_2(lanes, lanes_larger, a, b); }
INLINE lanes lanes_min(lanes a, lanes b) { return EACH_2(lanes, lanes_smaller, a, b); }
INLINE lanes lanes_sqrt(lanes a) { return EACH_1(lanes, vsqrtq_f32, a); }
INLINE lanes lanes_select_less(lanes a, lanes b, lanes x, lanes y) {
    lanes_u less = EACH_2(lanes_u, vcltq_f32, a, b);
    return EACH_3(lanes, vbslq_f32, less, x, y);
}
INLINE bool lanes_any_less(lanes a, lanes b) {
    lanes_u less = EACH_2(lanes_u, vcltq_f32, a, b);
    return vmaxvq_u32(vorrq_u32(vorrq_u32(less.v, less.w), vorrq_u32(less.x, less.y))) != 0;
}
INLINE lanes lanes_select_first(int64_t n, lanes x, lanes y) {
    static const uint32_t place[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint32x4_t end = vdupq_n_u32((uint32_t)(n < 0 ? 0 : n > LANES ? LANES : n));
    lanes_u first = {vcltq_u32(vld1q_u32(place), end), vcltq_u32(vld1q_u32(place + 4), end),
                     vcltq_u32(vld1q_u32(place + 8), end), vcltq_u32(vld1q_u32(place + 12), end)};
    return EACH_3(lanes, vbslq_f32, first, x, y);
}

INLINE lanes_u lanes_bits(lanes a) { return EACH_1(lanes_u, vreinterpretq_u32_f32, a); }
INLINE lanes lanes_from_bits(lanes_u a) { return EACH_1(lanes, vreinterpretq_f32_u32, a); }
INLINE lanes_u lanes_set_u(uint32_t a) {
    return (lanes_u){vdupq_n_u32(a), vdupq_n_u32(a), vdupq_n_u32(a), vdupq_n_u32(a)};
}
INLINE lanes_u lanes_load_u(const uint32_t *p) {
    return (lanes_u){vld1q_u32(p), vld1q_u32(p + 4), vld1q_u32(p + 8), vld1q_u32(p + 12)};
}
INLINE void lanes_store_u(uint32_t *p, lanes_u a) {
    vst1q_u32(p, a.v), vst1q_u32(p + 4, a.w), vst1q_u32(p + 8, a.x), vst1q_u32(p + 12, a.y);
}
INLINE lanes_u lanes_add_u(lanes_u a, lanes_u b) { return EACH_2(lanes_u, vaddq_u32, a, b); }
INLINE lanes_u lanes_sub_u(lanes_u a, lanes_u b) { return EACH_2(lanes_u, vsubq_u32, a, b); }
INLINE lanes_u lanes_and_u(lanes_u a, lanes_u b) { return EACH_2(lanes_u, vandq_u32, a, b); }
INLINE lanes_u lanes_or_u(lanes_u a, lanes_u b) { return EACH_2(lanes_u, vorrq_u32, a, b); }
INLINE lanes_u lanes_xor_u(lanes_u a, lanes_u b) { return EACH_2(lanes_u, veorq_u32, a, b); }
/* The instructions shift left; a negative count shifts right. */
INLINE uint32x4_t lanes_shift_signed(uint32x4_t a, int32x4_t n) {
    return vreinterpretq_u32_s32(vshlq_s32(vreinterpretq_s32_u32(a), n));
}
#define SHIFT(f, a, n)           ((lanes_u){f(a.v, n), f(a.w, n), f(a.x, n), f(a.y, n)})
INLINE lanes_u lanes_shift_left_u(lanes_u a, int n) { return SHIFT(vshlq_u32, a, vdupq_n_s32(n)); }
INLINE lanes_u lanes_shift_right_u(lanes_u a, int n) { return SHIFT(vshlq_u32, a, vdupq_n_s32(-n)); }
INLINE lanes_u lanes_shift_right_signed_u(lanes_u a, int n) { return SHIFT(lanes_shift_signed, a, vdupq_n_s32(-n)); }
INLINE lanes lanes_select_less_u(lanes_u a, lanes_u b, lanes x, lanes y) {
    lanes_u less = EACH_2(lanes_u, vcltq_u32, a, b);
    return EACH_3(lanes, vbslq_f32, less, x, y);
}
INLINE uint32x4_t lanes_multiply_high(uint32x4_t a, uint32x4_t b) {
    uint64x2_t low = vmull_u32(vget_low_u32(a), vget_low_u32(b)), high = vmull_high_u32(a, b);
    return vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
}
INLINE lanes_u lanes_multiply_u(lanes_u a, lanes_u b, lanes_u *high) {
    *high = EACH_2(lanes_u, lanes_multiply_high, a, b);
    return EACH_2(lanes_u, vmulq_u32, a, b);
}
INLINE float32x4_t lanes_float_of(uint32x4_t a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
INLINE lanes lanes_from_signed_u(lanes_u a) { return EACH_1(lanes, lanes_float_of, a); }
#undef EACH_1
#undef EACH_2
#undef EACH_3
#undef SHIFT

INLINE lanes lanes_zip_low(lanes a, lanes b) {
    return (lanes){vzip1q_f32(a.v, b.v), vzip2q_f32(a.v, b.v), vzip1q_f32(a.w, b.w), vzip2q_f32(a.w, b.w)};
}
INLINE lanes lanes_zip_high(lanes a, lanes b) {
    return (lanes){vzip1q_f32(a.x, b.x), vzip2q_f32(a.x, b.x), vzip1q_f32(a.y, b.y), vzip2q_f32(a.y, b.y)};
}

#define FOLD_add vaddq_f32
#define FOLD_max lanes_larger
#define FOLD(a, operation)                                                                               \
    float32x4_t four = FOLD_##operation(FOLD_##operation((a).v, (a).x), FOLD_##operation((a).w, (a).y)); \
    float32x4_t two = FOLD_##operation(four, vextq_f32(four, four, 2));                                  \
    return vgetq_lane_f32(FOLD_##operation(two, vextq_f32(two, two, 1)), 0)

#else
/* ------------------------------------------------------------------------------------------------ portable */

typedef struct lanes {
    float v[LANES];
} lanes;
typedef struct lanes_u {
    uint32_t v[LANES];
} lanes_u;

#define EACH(type, expression)                                \
    type result;                                              \
    for (int i = 0; i < LANES; i++) result.v[i] = expression; \
    return result

INLINE lanes lanes_load(const float *p) { EACH(lanes, p[i]); }
INLINE void lanes_store(float *p, lanes a) { memcpy(p, a.v, sizeof a.v); }
INLINE lanes lanes_load_partial(const float *p, int64_t n) { EACH(lanes, i < n ? p[i] : 0.0f); }
INLINE void lanes_store_partial(float *p, lanes a, int64_t n) {
    for (int i = 0; i < LANES; i++)
        if (i < n) p[i] = a.v[i];
}
INLINE lanes lanes_set(float a) { EACH(lanes, a); }
INLINE lanes lanes_load_halves(const uint16_t *p) { EACH(lanes, hd_bits_float((uint32_t)p[i] << 16)); }
INLINE lanes lanes_load_f16(const uint16_t *p) { EACH(lanes, hd_from_f16(p[i])); }
INLINE void lanes_store_halves(uint16_t *p, lanes a) {
    for (int i = 0; i < LANES; i++) p[i] = (uint16_t)(hd_float_bits(a.v[i]) >> 16);
}
INLINE lanes lanes_add(lanes a, lanes b) { EACH(lanes, a.v[i] + b.v[i]); }
INLINE lanes lanes_sub(lanes a, lanes b) { EACH(lanes, a.v[i] - b.v[i]); }
INLINE lanes lanes_mul(lanes a, lanes b) { EACH(lanes, a.v[i] * b.v[i]); }
INLINE lanes lanes_div(lanes a, lanes b) { EACH(lanes, a.v[i] / b.v[i]); }
INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { EACH(lanes, fmaf(a.v[i], b.v[i], c.v[i])); }
INLINE lanes lanes_max(lanes a, lanes b) { EACH(lanes, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
INLINE lanes lanes_min(lanes a, lanes b) { EACH(lanes, a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
INLINE lanes lanes_sqrt(lanes a) { EACH(lanes, sqrtf(a.v[i])); }
INLINE lanes lanes_select_less(lanes a, lanes b, lanes x, lanes y) { EACH(lanes, a.v[i] < b.v[i] ? x.v[i] : y.v[i]); }
INLINE bool lanes_any_less(lanes a, lanes b) {
    for (int i = 0; i < LANES; i++)
        if (a.v[i] < b.v[i]) return true;
    return false;
}
INLINE lanes lanes_select_first(int64_t n, lanes x, lanes y) { EACH(lanes, i < n ? x.v[i] : y.v[i]); }
INLINE lanes lanes_zip_low(lanes a, lanes b) { EACH(lanes, i % 2 ? b.v[i / 2] : a.v[i / 2]); }
INLINE lanes lanes_zip_high(lanes a, lanes b) { EACH(lanes, i % 2 ? b.v[8 + i / 2] : a.v[8 + i / 2]); }

INLINE lanes_u lanes_bits(lanes a) { EACH(lanes_u, hd_float_bits(a.v[i])); }
INLINE lanes lanes_from_bits(lanes_u a) { EACH(lanes, hd_bits_float(a.v[i])); }
INLINE lanes_u lanes_set_u(uint32_t a) { EACH(lanes_u, a); }
INLINE lanes_u lanes_load_u(const uint32_t *p) { EACH(lanes_u, p[i]); }
INLINE void lanes_store_u(uint32_t *p, lanes_u a) { memcpy(p, a.v, sizeof a.v); }
INLINE lanes_u lanes_add_u(lanes_u a, lanes_u b) { EACH(lanes_u, a.v[i] + b.v[i]); }
INLINE lanes_u lanes_sub_u(lanes_u a, lanes_u b) { EACH(lanes_u, a.v[i] - b.v[i]); }
INLINE lanes_u lanes_and_u(lanes_u a, lanes_u b) { EACH(lanes_u, a.v[i] & b.v[i]); }
INLINE lanes_u lanes_or_u(lanes_u a, lanes_u b) { EACH(lanes_u, a.v[i] | b.v[i]); }
INLINE lanes_u lanes_xor_u(lanes_u a, lanes_u b) { EACH(lanes_u, a.v[i] ^ b.v[i]); }
INLINE lanes_u lanes_shift_left_u(lanes_u a, int n) { EACH(lanes_u, a.v[i] << n); }
INLINE lanes_u lanes_shift_right_u(lanes_u a, int n) { EACH(lanes_u, a.v[i] >> n); }
INLINE lanes_u lanes_shift_right_signed_u(lanes_u a, int n) { EACH(lanes_u, (uint32_t)((int32_t)a.v[i] >> n)); }
INLINE lanes lanes_select_less_u(lanes_u a, lanes_u b, lanes x, lanes y) {
    EACH(lanes, a.v[i] < b.v[i] ? x.v[i] : y.v[i]);
}
INLINE lanes_u lanes_multiply_u(lanes_u a, lanes_u b, lanes_u *high) {
    for (int i = 0; i < LANES; i++) high->v[i] = (uint32_t)((uint64_t)a.v[i] * b.v[i] >> 32);
    EACH(lanes_u, a.v[i] * b.v[i]);
}
INLINE lanes lanes_from_signed_u(lanes_u a) { EACH(lanes, (float)(int32_t)a.v[i]); }

#define FOLD_add(a, b) ((a) + (b))
#define FOLD_max(a, b) ((a) > (b) ? (a) : (b))
#define FOLD(a, operation)                                                                     \
    for (int half = 8; half; half /= 2)                                                        \
        for (int i = 0; i < half; i++) (a).v[i] = FOLD_##operation((a).v[i], (a).v[i + half]); \
    return (a).v[0]

#endif
#undef L
#undef U
#undef EACH
/* ------------------------------------------------------------------------------------------------ all of them */

#define FOLD_8(expression, operation)                                                                   \
    __m256 eight = expression;                                                                          \
    __m128 four = _mm_##operation##_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)); \
    __m128 two = _mm_##operation##_ps(four, _mm_movehl_ps(four, four));                                 \
    return _mm_cvtss_f32(_mm_##operation##_ps(two, _mm_movehdup_ps(two)))

/* A fold: the low half of lanes with the high half, then the same of what is left, down to one. */
INLINE float lanes_sum(lanes a) { FOLD(a, add); }
INLINE float lanes_largest(lanes a) { FOLD(a, max); }
/* The n lanes at p, n in 1..16; the rest 0. A whole vector when there is one. */
INLINE lanes lanes_load_some(const float *p, int64_t n) {
    return n >= LANES ? lanes_load(p) : lanes_load_partial(p, n);
}
INLINE void lanes_store_some(float *p, lanes a, int64_t n) {
    if (n >= LANES)
        lanes_store(p, a);
    else
        lanes_store_partial(p, a, n);
}
INLINE lanes lanes_abs(lanes a) { return lanes_from_bits(lanes_and_u(lanes_bits(a), lanes_set_u(0x7fffffffu))); }
INLINE lanes lanes_negate(lanes a) { return lanes_from_bits(lanes_xor_u(lanes_bits(a), lanes_set_u(0x80000000u))); }
/* |a| with the sign of b, for a >= 0. */
INLINE lanes lanes_copy_sign(lanes a, lanes b) {
    return lanes_from_bits(lanes_or_u(lanes_bits(a), lanes_and_u(lanes_bits(b), lanes_set_u(0x80000000u))));
}
/* Transposes 16 rows: each round of zipping a row with the one 8 below moves one bit of an element's index from its
 * column's number to its row's. */
INLINE void lanes_transpose(lanes rows[LANES]) {
#pragma GCC unroll 4
    for (int round = 0; round < 4; round++) {
        lanes zipped[LANES];
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            zipped[2 * i] = lanes_zip_low(rows[i], rows[i + LANES / 2]);
            zipped[2 * i + 1] = lanes_zip_high(rows[i], rows[i + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) rows[i] = zipped[i];
    }
}

/* Rounded to bfloat16 in the upper halves: nearest, ties to even; NaN stays NaN. The lower halves are undefined. */
INLINE lanes_u lanes_round_bf16(lanes a) {
    lanes_u bits = lanes_bits(a), odd = lanes_and_u(lanes_shift_right_u(bits, 16), lanes_set_u(1));
    lanes_u rounded = lanes_add_u(bits, lanes_add_u(odd, lanes_set_u(0x7fff)));
    lanes_u quiet = lanes_or_u(bits, lanes_set_u(0x400000)), magnitude = lanes_and_u(bits, lanes_set_u(0x7fffffff));
    return lanes_bits(
        lanes_select_less_u(lanes_set_u(0x7f800000), magnitude, lanes_from_bits(quiet), lanes_from_bits(rounded)));
}
INLINE void lanes_store_bf16(uint16_t *p, lanes a) {
    uint32_t bits[LANES];
    lanes_store_u(bits, lanes_round_bf16(a));
    for (int i = 0; i < LANES; i++) p[i] = (uint16_t)(bits[i] >> 16);
}
/* Pairs of bfloat16, `first` in the lower halves. */
INLINE lanes_u lanes_pair_bf16(lanes first, lanes second) {
    return lanes_or_u(lanes_shift_right_u(lanes_round_bf16(first), 16),
                      lanes_and_u(lanes_round_bf16(second), lanes_set_u(0xffff0000u)));
}
/* c + a₁ b₁ + a₂ b₂ on such pairs: one instruction with its own rounding, or two fused multiply–adds. */
INLINE lanes lanes_dot_bf16(lanes a, lanes b, lanes c) {
#if defined(HD_ISA_avx512bf16)
    return (lanes){_mm512_dpbf16_ps(c.v, (__m512bh)a.v, (__m512bh)b.v)};
#else
    lanes_u p = lanes_bits(a), q = lanes_bits(b), upper = lanes_set_u(0xffff0000u);
    c = lanes_fma(lanes_from_bits(lanes_shift_left_u(p, 16)), lanes_from_bits(lanes_shift_left_u(q, 16)), c);
    return lanes_fma(lanes_from_bits(lanes_and_u(p, upper)), lanes_from_bits(lanes_and_u(q, upper)), c);
#endif
}

/* HD_KERNEL(name) is hd_name_avx512 and so on: the name of this instruction set's copy of a kernel. */
#define HD_PASTE(a, b)          hd_##a##_##b
#define HD_PASTE_EXPANDED(a, b) HD_PASTE(a, b)
#define HD_KERNEL(name)         HD_PASTE_EXPANDED(name, HD_ISA)

#endif
