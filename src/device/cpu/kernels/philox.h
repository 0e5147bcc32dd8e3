/* Philox4x32-10 on lanes: the words of base/random.c's hd_philox for 64 columns at once.
 *
 * Column c of a row takes word (c / 16) mod 4 of the counter whose column is 16 (c / 64) + c mod 16, so that one call
 * on 16 counters gives 64 neighbouring columns as four vectors. */
#ifndef HD_KERNELS_PHILOX_H
#define HD_KERNELS_PHILOX_H

#include "base/random.h"
#include "device/cpu/kernels/lanes.h"

INLINE void lanes_philox(hd_random_key key, uint32_t group, uint32_t position, uint64_t example, lanes_u out[4]) {
    static const uint32_t count[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    lanes_u c0 = lanes_add_u(lanes_load_u(count), lanes_set_u(16 * group)), c1 = lanes_set_u(position);
    lanes_u c2 = lanes_set_u((uint32_t)example), c3 = lanes_set_u((uint32_t)(example >> 32));
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < 10; round++) {
        lanes_u high0, high1;
        lanes_u low0 = lanes_multiply_u(lanes_set_u(0xD2511F53u), c0, &high0);
        lanes_u low1 = lanes_multiply_u(lanes_set_u(0xCD9E8D57u), c2, &high1);
        c0 = lanes_xor_u(lanes_xor_u(high1, c1), lanes_set_u(k0));
        c1 = low1;
        c2 = lanes_xor_u(lanes_xor_u(high0, c3), lanes_set_u(k1));
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

#endif
