/* How fast this instruction set multiplies and adds when nothing else is in the way: what `heed bench machine` prints and
 * the other figures are held against. */
#include "kernels/each.h"

enum { CHAINS = 12 }; /* independent sums: enough to hide an instruction's latency */

double HD_KERNEL(multiply_add_peak)(int64_t rounds, float *result) {
    lanes sums[CHAINS], a = lanes_set(*result), b = lanes_set(0.999f);
    for (int i = 0; i < CHAINS; i++) sums[i] = lanes_set((float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) sums[i] = lanes_fma(sums[i], b, a);
    for (int i = 1; i < CHAINS; i++) sums[0] = lanes_add(sums[0], sums[i]);
    *result = lanes_sum(sums[0]);
    return 2.0 * LANES * CHAINS * (double)rounds;
}
