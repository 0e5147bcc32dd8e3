#include "base/parallel.h"

#include "base/float_environment.h"

#ifndef HEED_PLAIN_THREADS

#include <omp.h>

const char *hd_parallel_name(void) { return "OpenMP"; }

void hd_parallel_for(const heed_context *context, int64_t count, int64_t work, hd_task *task, void *argument) {
    int threads = work < context->small_work ? 1 : (int)hd_min(context->threads, count);
    if (threads <= 1 || omp_in_parallel()) {
        for (int64_t index = 0; index < count; index++) task(argument, index, 0);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
        hd_float_environment found = hd_float_enter();
        int worker = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1)
        for (int64_t index = 0; index < count; index++) task(argument, index, worker);
        hd_float_leave(found);
    }
}

#else

#include <pthread.h>
#include <stdatomic.h>

enum { MAX_THREADS = 256 };

typedef struct shared_loop {
    _Atomic int64_t next;
    int64_t count;
    hd_task *task;
    void *argument;
} shared_loop;

typedef struct thread_start {
    shared_loop *loop;
    int worker;
} thread_start;

const char *hd_parallel_name(void) { return "threads"; }

static void *run_iterations(void *start_pointer) {
    thread_start *start = start_pointer;
    shared_loop *loop = start->loop;
    hd_float_environment found = hd_float_enter();
    for (;;) {
        int64_t index = atomic_fetch_add(&loop->next, 1);
        if (index >= loop->count) break;
        loop->task(loop->argument, index, start->worker);
    }
    hd_float_leave(found);
    return NULL;
}

void hd_parallel_for(const heed_context *context, int64_t count, int64_t work, hd_task *task, void *argument) {
    int threads = work < context->small_work ? 1 : (int)hd_min(hd_min(context->threads, count), MAX_THREADS);
    shared_loop loop = {.count = count, .task = task, .argument = argument};
    pthread_t handles[MAX_THREADS];
    thread_start starts[MAX_THREADS];
    int started = 0;
    for (int i = 1; i < threads; i++) {
        starts[i] = (thread_start){&loop, i};
        if (pthread_create(&handles[started], NULL, run_iterations, &starts[i]) == 0) started++;
    }
    starts[0] = (thread_start){&loop, 0};
    run_iterations(&starts[0]);
    for (int i = 0; i < started; i++) pthread_join(handles[i], NULL);
}

#endif
