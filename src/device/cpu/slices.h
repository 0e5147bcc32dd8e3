/* How all operations of the CPU but products and packing are cut into pieces: ranges of elements, rows or columns of the output. */
#ifndef HD_DEVICE_CPU_SLICES_H
#define HD_DEVICE_CPU_SLICES_H

#include "device/cpu/kernels/kernels.h"

/* A range of the output, and the worker that makes it (base/parallel.h). */
typedef struct hd_slice {
    const hd_kernels *kernels;
    int64_t start, end;
    int worker;
} hd_slice;

typedef void hd_slice_task(const void *call, const hd_slice *slice);

/* Runs task on [0, size), [size, 2 size) … of `count`; `work` is about how many operations all of them are. */
void hd_for_slices(const heed_context *context, int64_t count, int64_t size, int64_t work, hd_slice_task *task,
                   const void *call);

/* Sizes of slices: elements that are quick or slow to make, rows, and columns of sums over rows. */
enum { HD_QUICK_ELEMENTS = 1 << 15, HD_ELEMENTS = 8192, HD_ROWS = 64, HD_COLUMNS = 64 };

#endif
