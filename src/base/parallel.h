/* Parallel-for on the threads of a pool. */
#ifndef HD_BASE_PARALLEL_H
#define HD_BASE_PARALLEL_H

#include "base/context.h"

/* One iteration; `worker` in [0, threads) selects scratch memory that no concurrent iteration uses. */
typedef void hd_task(void *argument, int64_t index, int worker);

/* Runs task(argument, index, worker) for each index in [0, count), on at most context->threads threads, in no
 * particular order, and returns when all are done. A thread takes the next index when it is free, so that a core that is
 * busy with something else does less. `work` is the approximate number of operations: a loop that is too short to be worth
 * waking other threads stays on the calling one, and so does a loop inside an iteration. Threads run in the floating-point
 * environment of base/float_environment.h. Iterations write disjoint outputs, so that the result does not depend on the
 * number of threads. */
void hd_parallel_for(const heed_context *context, int64_t count, int64_t work, hd_task *task, void *argument);

/* A pool has the threads of the parallel loops of one context, and of the contexts that are forked from it for its own calls.
 * They start with the first loop that needs them. Where the system refuses a thread, loops run on those that there are. */
hd_pool *hd_pool_open(heed_context *context); /* NULL when memory ran out */
void hd_pool_close(heed_context *context, hd_pool *pool);

/* The number of processors that this process may run on. */
int hd_processors(void);

#endif
