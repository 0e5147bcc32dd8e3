/* A pool of threads that sleep between loops.
 *
 * A loop is open while there are iterations to take. A thread of the pool enters an open loop, takes iterations until none is
 * left, and leaves. The calling thread takes iterations as well, then closes the loop and waits for the threads inside. It
 * does not wait for a thread that has not woken up yet: on a busy machine that can take milliseconds.
 *
 * The state of a loop is one atomic word, so that each of these steps is one atomic operation. Before a thread sleeps it waits
 * actively for a moment, since the next loop of a forward pass follows within microseconds. */
#include "base/parallel.h"

#include "base/clock.h"
#include "base/float_environment.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

/* Seconds of active waiting: more cost processor time on a busy machine, less cost time between the loops of a pass. */
static const double active_wait = 50e-6;

/* The state: bits 0–11 count the threads inside, bits 12–23 those that may still enter (0 when the loop is closed), the other
 * bits number the loops. */
#define INSIDE    UINT64_C(1)
#define MAY_ENTER (UINT64_C(1) << 12)
#define NUMBER    (UINT64_C(1) << 24)

static uint64_t inside(uint64_t state) { return state % MAY_ENTER; }
static uint64_t may_enter(uint64_t state) { return state % NUMBER / MAY_ENTER; }
static uint64_t number(uint64_t state) { return state / NUMBER; }

struct hd_pool {
    _Atomic uint64_t state;
    /* The loop; but for `next` constant while the loop is open or a thread is inside. */
    _Atomic int64_t next;
    int64_t count;
    hd_task *task;
    void *argument;

    pthread_mutex_t mutex;
    pthread_cond_t opened,
        left;            /* signalled when a loop is opened or the pool stops, and when the last thread has left */
    atomic_int sleeping; /* threads that wait for `opened` */
    atomic_bool caller_sleeps; /* waits for `left` */
    atomic_bool stops;
    atomic_bool crowded; /* there are more threads than processors: active waiting would stop one that has work */
    atomic_flag busy;    /* runs a loop */
    bool refused;        /* the system gave no more threads */
    pid_t process;       /* that started the threads: a fork of it does not have them */
    int thread_count;
    pthread_t threads[MAX_THREADS - 1];
};

static _Thread_local bool in_loop;

/* ---- waiting ---- */

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

typedef bool condition(uint64_t state, uint64_t loop);

static bool another_loop(uint64_t state, uint64_t loop) { return number(state) != loop; }

static bool none_inside(uint64_t state, uint64_t loop) {
    (void)loop;
    return inside(state) == 0;
}

/* Whether the condition is met within the time of active waiting. */
static bool soon(hd_pool *pool, condition *met, uint64_t loop) {
    enum { CHECKS = 64 }; /* between looks at the clock */
    double end = hd_clock() + active_wait;
    do {
        for (int i = 0; i < CHECKS; i++) {
            if (met(atomic_load(&pool->state), loop)) return true;
            if (atomic_load(&pool->crowded)) return false;
            pause_briefly();
        }
    } while (hd_clock() < end);
    return false;
}

/* ---- the threads of the pool ---- */

/* Enters the loop if it is open: the thread's number in it, else 0. */
static int enter(hd_pool *pool) {
    uint64_t state = atomic_load(&pool->state);
    while (may_enter(state))
        if (atomic_compare_exchange_weak(&pool->state, &state, state - MAY_ENTER + INSIDE))
            return (int)may_enter(state);
    return 0;
}

static void leave(hd_pool *pool) {
    uint64_t state = atomic_fetch_sub(&pool->state, INSIDE) - INSIDE;
    if (inside(state) || !atomic_load(&pool->caller_sleeps)) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->mutex);
}

static void take_iterations(hd_pool *pool, int worker) {
    in_loop = true;
    for (;;) {
        int64_t index = atomic_fetch_add(&pool->next, 1);
        if (index >= pool->count) break;
        pool->task(pool->argument, index, worker);
    }
    in_loop = false;
}

/* Sleeps until there is another loop; false when the pool stops. */
static bool sleep_until_opened(hd_pool *pool, uint64_t loop) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping, 1);
    while (!another_loop(atomic_load(&pool->state), loop) && !atomic_load(&pool->stops))
        pthread_cond_wait(&pool->opened, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
    return !atomic_load(&pool->stops);
}

static void *serve(void *argument) {
    hd_pool *pool = argument;
    hd_float_enter();
    for (uint64_t loop = 0;;) {
        if (!soon(pool, another_loop, loop) && !sleep_until_opened(pool, loop)) return NULL;
        loop = number(atomic_load(&pool->state));
        int worker = enter(pool);
        if (!worker) continue;
        take_iterations(pool, worker);
        leave(pool);
    }
}

/* ---- the calling thread ---- */

static void reset(hd_pool *pool) {
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->opened, NULL);
    pthread_cond_init(&pool->left, NULL);
    atomic_store(&pool->state, 0);
    atomic_store(&pool->sleeping, 0);
    pool->process = getpid();
    pool->thread_count = 0;
    pool->refused = false;
}

/* Starts threads until there are `count`, as far as the system gives them. Signals stay with the threads of the program. */
static void start_threads(hd_pool *pool, int count) {
    if (pool->process != getpid()) reset(pool);
    if (pool->thread_count >= count || pool->refused) return;
    atomic_store(&pool->crowded, count >= hd_processors());
    sigset_t all, found;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &found);
    while (pool->thread_count < count && !pool->refused) {
        pool->refused = pthread_create(&pool->threads[pool->thread_count], NULL, serve, pool) != 0;
        if (!pool->refused) pool->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &found, NULL);
}

static void open_loop(hd_pool *pool, int helpers) {
    atomic_store(&pool->next, 0);
    uint64_t last = number(atomic_load(&pool->state));
    atomic_store(&pool->state, (last + 1) * NUMBER + (uint64_t)helpers * MAY_ENTER);
    int sleeping = atomic_load(&pool->sleeping);
    if (!sleeping) return;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < hd_min(sleeping, helpers); i++) pthread_cond_signal(&pool->opened);
    pthread_mutex_unlock(&pool->mutex);
}

/* Lets no more threads enter, and waits until those inside have left. */
static void close_loop(hd_pool *pool) {
    atomic_fetch_and(&pool->state, ~(NUMBER - MAY_ENTER));
    if (soon(pool, none_inside, 0)) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (!none_inside(atomic_load(&pool->state), 0)) pthread_cond_wait(&pool->left, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

/* Whether the loop ran. */
static bool run_on_pool(hd_pool *pool, int threads, int64_t count, hd_task *task, void *argument) {
    if (!pool || atomic_flag_test_and_set(&pool->busy)) return false;
    start_threads(pool, threads - 1);
    pool->count = count;
    pool->task = task;
    pool->argument = argument;
    open_loop(pool, (int)hd_min(threads - 1, pool->thread_count));
    take_iterations(pool, 0);
    close_loop(pool);
    atomic_flag_clear(&pool->busy);
    return true;
}

void hd_parallel_for(const heed_context *context, int64_t count, int64_t work, hd_task *task, void *argument) {
    int threads = work < context->small_work ? 1 : (int)hd_min(hd_min(context->threads, count), MAX_THREADS);
    if (threads > 1 && !in_loop && run_on_pool(context->pool, threads, count, task, argument)) return;
    for (int64_t index = 0; index < count; index++) task(argument, index, 0);
}

hd_pool *hd_pool_open(heed_context *context) {
    hd_pool *pool = hd_alloc_zeroed(context, 1, sizeof *pool);
    if (pool) reset(pool);
    return pool;
}

void hd_pool_close(heed_context *context, hd_pool *pool) {
    if (!pool) return;
    if (pool->process == getpid()) {
        pthread_mutex_lock(&pool->mutex);
        atomic_store(&pool->stops, true);
        pthread_cond_broadcast(&pool->opened);
        pthread_mutex_unlock(&pool->mutex);
        for (int i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
        pthread_cond_destroy(&pool->left);
        pthread_cond_destroy(&pool->opened);
        pthread_mutex_destroy(&pool->mutex);
    }
    hd_free(context, pool);
}

int hd_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return (int)hd_max(sysconf(_SC_NPROCESSORS_ONLN), 1);
}
