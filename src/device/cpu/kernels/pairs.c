/* Operands of products in bfloat16: two values that are neighbours in depth share the 32 bits of a float, the first
 * in the lower half. An odd last value is paired with zero. */
#include "device/cpu/kernels/each.h"

static float pair(float first, float second) {
    return hd_bits_float((uint32_t)hd_to_bf16(first) | (uint32_t)hd_to_bf16(second) << 16);
}

void HD_KERNEL(pair_columns)(int64_t rows, int64_t columns, const float *x, float *pairs) {
    for (int64_t r = 0; r < rows; r++, x += columns) {
        int64_t j = 0;
        for (; j + 2 * LANES <= columns; j += 2 * LANES, pairs += LANES) {
            uint16_t halves[2 * LANES]; /* little-endian, as every machine that heed has kernels for */
            lanes_store_bf16(halves, lanes_load(x + j));
            lanes_store_bf16(halves + LANES, lanes_load(x + j + LANES));
            memcpy(pairs, halves, sizeof halves);
        }
        for (; j < columns; j += 2) *pairs++ = pair(x[j], j + 1 < columns ? x[j + 1] : 0.0f);
    }
}

void HD_KERNEL(pair_rows)(int64_t rows, int64_t columns, const float *x, float *pairs) {
    for (int64_t r = 0; r < rows; r += 2, x += 2 * columns, pairs += columns)
        for (int64_t j = 0; j < columns; j += LANES) {
            int64_t n = columns - j;
            lanes second = r + 1 < rows ? lanes_load_some(x + columns + j, n) : lanes_set(0.0f);
            lanes_u both = lanes_pair_bf16(lanes_load_some(x + j, n), second);
            lanes_store_some(pairs + j, lanes_from_bits(both), n);
        }
}
