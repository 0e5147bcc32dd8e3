/* Parallel loops: each iteration runs once, no two at a time have one worker's number, and loops go on where a thread is
 * refused, in a forked process, inside another loop and with far more threads than processors. */
#include "fixture.h"

#include "base/parallel.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 300, WORKERS = 256 };

typedef struct record {
    const heed_context *context;
    atomic_int runs[MOST];
    atomic_flag working[WORKERS];
    atomic_int mistakes;
    atomic_int threads; /* bits of the workers below 31 */
} record;

static void count_run(void *argument, int64_t index, int worker) {
    record *r = argument;
    if (worker < 0 || worker >= r->context->threads || atomic_flag_test_and_set(&r->working[worker]))
        atomic_fetch_add(&r->mistakes, 1);
    atomic_fetch_add(&r->runs[index], 1);
    atomic_fetch_or(&r->threads, 1 << worker % 31);
    atomic_flag_clear(&r->working[worker]);
}

static void check_loop(const heed_context *context, int64_t count) {
    record r = {.context = context};
    for (int i = 0; i < WORKERS; i++) atomic_flag_clear(&r.working[i]);
    hd_parallel_for(context, count, INT64_MAX, count_run, &r);
    for (int64_t i = 0; i < MOST; i++) assert_int_equal(atomic_load(&r.runs[i]), i < count);
    assert_int_equal(atomic_load(&r.mistakes), 0);
}

static void each_iteration_runs_once(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int threads = 1; threads <= 9; threads++) {
        assert_ok(context, heed_context_set_threads(context, threads));
        for (int i = 0; i < 1000; i++) check_loop(context, i % MOST);
    }
    heed_context_close(context);
}

static void sleeping_threads_wake_up(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, heed_context_set_threads(context, 4));
    for (int i = 0; i < 200; i++) {
        check_loop(context, 64);
        usleep(i % 3 * 300);
    }
    heed_context_close(context);
}

static void threads_beyond_the_processors(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, heed_context_set_threads(context, 256));
    for (int i = 0; i < 20; i++) check_loop(context, MOST);
    heed_context_close(context);
}

static void slow_run(void *argument, int64_t index, int worker) {
    usleep(2000);
    count_run(argument, index, worker);
}

/* Threads share a loop: otherwise all the other tests would pass on one thread. */
static void other_threads_take_part(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, heed_context_set_threads(context, 3));
    record r = {.context = context};
    hd_parallel_for(context, 60, INT64_MAX, slow_run, &r);
    assert_int_equal(atomic_load(&r.threads), 7);
    r.threads = 0;
    hd_parallel_for(context, 60, context->small_work - 1, slow_run, &r); /* not worth it */
    assert_int_equal(atomic_load(&r.threads), 1);
    heed_context_close(context);
}

static void run_inner_loop(void *argument, int64_t index, int worker) {
    (void)index, (void)worker;
    record inner = {.context = argument};
    hd_parallel_for(argument, 10, INT64_MAX, slow_run, &inner);
    assert_int_equal(atomic_load(&inner.threads), 1);
}

static void a_loop_inside_a_loop_has_one_thread(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, heed_context_set_threads(context, 4));
    hd_parallel_for(context, 8, INT64_MAX, run_inner_loop, context);
    heed_context_close(context);
}

/* A forked process has none of the threads, but starts its own. */
static void a_forked_process_has_its_own_threads(void **state) {
    (void)state;
#if defined __SANITIZE_THREAD__
    skip(); /* it lets no fork start threads */
#endif
    heed_context *context = open_context();
    assert_ok(context, heed_context_set_threads(context, 3));
    check_loop(context, 64);
    pid_t child = fork();
    if (child == 0) {
        record r = {.context = context};
        hd_parallel_for(context, 60, INT64_MAX, slow_run, &r);
        heed_context_close(context);
        _exit(atomic_load(&r.threads) == 7 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    check_loop(context, 64);
    heed_context_close(context);
}

/* With the process at its limit of threads the calling thread does everything. */
static void refused_threads_are_missed_by_nobody(void **state) {
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* sanitizers cannot run without memory */
#endif
    pid_t child = fork();
    if (child == 0) {
        heed_context *context = open_context();
        heed_context_set_threads(context, 64);
        struct rlimit limit = {1 << 20, 1 << 20}; /* address space, below what the process has: not a page more */
        if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(77);
        check_loop(context, MOST);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_iteration_runs_once),
        cmocka_unit_test(sleeping_threads_wake_up),
        cmocka_unit_test(threads_beyond_the_processors),
        cmocka_unit_test(other_threads_take_part),
        cmocka_unit_test(a_loop_inside_a_loop_has_one_thread),
        cmocka_unit_test(a_forked_process_has_its_own_threads),
        cmocka_unit_test(refused_threads_are_missed_by_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
