#include "device/cpu/slices.h"

#include "base/parallel.h"

typedef struct slices {
    const hd_kernels *kernels;
    int64_t count, size;
    hd_slice_task *task;
    const void *call;
} slices;

static void run_slice(void *argument, int64_t piece, int worker) {
    const slices *s = argument;
    int64_t start = piece * s->size;
    s->task(s->call, &(hd_slice){s->kernels, start, hd_min(start + s->size, s->count), worker});
}

void hd_for_slices(const heed_context *context, int64_t count, int64_t size, int64_t work, hd_slice_task *task,
                   const void *call) {
    slices s = {context->kernels, count, size, task, call};
    hd_parallel_for(context, (count + size - 1) / size, work, run_slice, &s);
}
