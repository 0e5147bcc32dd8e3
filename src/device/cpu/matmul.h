/* The matrix product on all threads: outputs are split, sums never are. */
#ifndef HD_DEVICE_CPU_MATMUL_H
#define HD_DEVICE_CPU_MATMUL_H

#include "device/cpu/kernels/kernels.h"

void hd_matmul(const heed_context *context, const hd_product *product);

#endif
