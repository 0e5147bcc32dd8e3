/* Parallel-for, by OpenMP, or by plain threads in builds for ThreadSanitizer. */
#ifndef HD_BASE_PARALLEL_H
#define HD_BASE_PARALLEL_H

#include "base/context.h"

/* One iteration; `worker` in [0, threads) selects scratch memory that no concurrent iteration uses. */
typedef void hd_task(void *argument, int64_t index, int worker);

/* Runs task(argument, index, worker) for each index in [0, count), on at most context->threads threads, in no
 * particular order, and returns when all are done. `work` is the approximate number of operations: a loop that is too
 * short to be worth waking other threads stays on the calling one. Threads run in the floating-point environment of
 * base/float_environment.h. Iterations write disjoint outputs, so that the result does not depend on the number of
 * threads. */
void hd_parallel_for(const heed_context *context, int64_t count, int64_t work, hd_task *task, void *argument);

/* The implementation: "OpenMP" or "threads". */
const char *hd_parallel_name(void);

#endif
