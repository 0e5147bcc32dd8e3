/* Peak rate of fused multiply–adds of this instruction set. `heed bench machine` prints it as the reference for
 * other rates. */
#include "device/cpu/kernels/each.h"

/* Independent sums: enough to hide an instruction's latency, and at most the number of registers. */
#if defined(HD_ISA_avx512)
enum { CHAINS = 12 };
#else
enum { CHAINS = 6 };
#endif

double HD_KERNEL(multiply_add_peak)(int64_t rounds, float *result) {
    lanes sums[CHAINS], a = lanes_set(*result), b = lanes_set(0.999f);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sums[i] = lanes_set((float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sums[i] = lanes_fma(a, b, sums[i]);
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++) sums[0] = lanes_add(sums[0], sums[i]);
    *result = lanes_sum(sums[0]);
    return 2.0 * LANES * CHAINS * (double)rounds;
}
