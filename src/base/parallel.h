/* Parallel-for. The only room that knows whether OpenMP or plain threads (for thread-sanitizer builds) do the work. */
#ifndef HD_BASE_PARALLEL_H
#define HD_BASE_PARALLEL_H

#include "base/context.h"

/* One piece of work; `worker` is in [0, threads) and picks scratch space that no other running piece uses. */
typedef void hd_task(void *argument, int64_t piece, int worker);

/* Runs task(argument, piece, worker) for each piece in [0, pieces), on at most context->threads threads, in no
 * particular order, and returns when all are done. `work` is about how many operations that is: what one thread does
 * sooner than two can agree on it stays on the calling thread. Every thread computes in the floating-point environment of
 * base/float_environment.h, and each piece writes its own output, so the result does not depend on the threads. */
void hd_parallel_for(const heed_context *context, int64_t pieces, int64_t work, hd_task *task, void *argument);

/* What does the work: "OpenMP" or "threads". */
const char *hd_parallel_name(void);

#endif
