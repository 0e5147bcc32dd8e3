/* This instruction set's table. */
#include "device/cpu/kernels/each.h"

#define TEXT(x)       #x
#define NAME(x)       TEXT(x)
#define ENTRY(kernel) .kernel = HD_KERNEL(kernel),

extern const hd_kernels HD_KERNEL(kernels);
const hd_kernels HD_KERNEL(kernels) = {.name = NAME(HD_ISA), HD_KERNELS(ENTRY)};
