#include "serve/workers.h"

#include <pthread.h>

typedef struct task {
    hd_serve_function *function;
    hd_exchange *exchange;
    struct task *next;
} task;

typedef struct worker {
    pthread_t thread;
    heed_context *context;
    struct hd_workers *workers;
} worker;

struct hd_workers {
    heed_context *context;
    const hd_serve_state *state;
    worker *all; /* [count], all of which run */
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    task *first, *last; /* under the lock, as */
    bool closing;
};

static task *take(hd_workers *w) {
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->closing) pthread_cond_wait(&w->changed, &w->lock);
    task *t = w->first;
    if (t) w->first = t->next;
    if (!w->first) w->last = NULL;
    pthread_mutex_unlock(&w->lock);
    return t;
}

/* A client that has gone while its request waited gets no answer. */
static void run_task(worker *me, const task *t) {
    hd_fault fault;
    if (hd_exchange_waits(t->exchange, &fault))
        t->function(me->workers->state, me->context, t->exchange);
    else
        hd_exchange_fail(t->exchange, &fault);
}

static void *run(void *user) {
    worker *me = user;
    for (task *t; (t = take(me->workers));) {
        run_task(me, t);
        heed_context own = hd_context_worker(&t->exchange->context, 1);
        hd_exchange_release(t->exchange);
        hd_free(&own, t);
    }
    return NULL;
}

static heed_status start(hd_workers *w, worker *one) {
    one->workers = w;
    HD_TRY(heed_context_fork(w->context, &one->context));
    heed_context_set_log(one->context, NULL, NULL);
    heed_context_set_stop(one->context, NULL, NULL);
    if (pthread_create(&one->thread, NULL, run, one) == 0) return HEED_OK;
    heed_context_close(one->context);
    return hd_fail(w->context, HEED_MEMORY, "the system cannot start another thread");
}

heed_status hd_workers_open(heed_context *context, const hd_serve_state *state, size_t count, hd_workers **out) {
    hd_workers *w = *out = hd_alloc_zeroed(context, 1, sizeof *w);
    if (!w) return HEED_MEMORY;
    w->context = context;
    w->state = state;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->all = hd_alloc_zeroed(context, count, sizeof *w->all);
    heed_status status = w->all ? HEED_OK : HEED_MEMORY;
    while (status == HEED_OK && w->count < count)
        if ((status = start(w, &w->all[w->count])) == HEED_OK) w->count++;
    if (status == HEED_OK) return HEED_OK;
    hd_workers_close(w);
    *out = NULL;
    return status;
}

void hd_workers_add(hd_workers *w, hd_serve_function *function, hd_exchange *exchange) {
    hd_fault fault;
    task *t = hd_alloc(&exchange->context, 1, sizeof *t);
    if (!t) {
        hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
        hd_exchange_fail(exchange, &fault);
        return;
    }
    hd_exchange_hold(exchange);
    *t = (task){function, exchange, NULL};
    pthread_mutex_lock(&w->lock);
    if (w->last)
        w->last->next = t;
    else
        w->first = t;
    w->last = t;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void hd_workers_close(hd_workers *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->count; i++) {
        pthread_join(w->all[i].thread, NULL);
        heed_context_close(w->all[i].context);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    hd_free(w->context, w->all);
    hd_free(w->context, w);
}
