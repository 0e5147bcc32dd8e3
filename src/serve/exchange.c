#include "serve/exchange.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

hd_exchange *hd_exchange_open(const heed_context *context) {
    unsigned char random[16] = {0};
    heed_context own = hd_context_worker(context, 1);
    hd_exchange *e = hd_alloc_zeroed(&own, 1, sizeof *e);
    if (!e) return NULL;
    e->context = own;
    e->references = 1;
    e->socket = -1;
    e->begun = hd_clock();
    e->endpoint = "";
    pthread_mutex_init(&e->lock, NULL);
    hd_buffer_open(&e->body, &e->context);
    hd_buffer_open(&e->out, &e->context);
    if (getrandom(random, sizeof random, 0) < 0) memcpy(random, &e->begun, sizeof e->begun);
    for (size_t i = 0; i < sizeof random; i++) snprintf(e->id + 2 * i, 3, "%02x", random[i]);
    return e;
}

void hd_exchange_hold(hd_exchange *e) {
    pthread_mutex_lock(&e->lock);
    e->references++;
    pthread_mutex_unlock(&e->lock);
}

void hd_exchange_release(hd_exchange *e) {
    if (!e) return;
    pthread_mutex_lock(&e->lock);
    bool last = --e->references == 0;
    pthread_mutex_unlock(&e->lock);
    if (!last) return;
    heed_context own = hd_context_worker(&e->context, 1);
    void *texts[] = {e->method, e->path, e->key, e->origin, e->host};
    for (size_t i = 0; i < HD_COUNT(texts); i++) hd_free(&own, texts[i]);
    hd_buffer_close(&e->body);
    hd_buffer_close(&e->out);
    pthread_mutex_destroy(&e->lock);
    hd_free(&own, e);
}

/* ---- the answer: each function is called under the lock ---- */

/* The HTTP thread goes on. */
static void resume(hd_exchange *e) {
    if (!e->suspended) return;
    e->suspended = false;
    e->resume(e);
}

static void answer(hd_exchange *e, int status, const char *type) {
    e->status = status;
    e->type = type;
    hd_buffer_clear(&e->out);
}

static void append_fault(hd_exchange *e, const hd_fault *fault) {
    if (e->streams) hd_buffer_text(&e->out, "data: ");
    hd_fault_write(fault, &e->out);
    hd_buffer_text(&e->out, e->streams ? "\n\n" : "\n");
}

void hd_exchange_reply(hd_exchange *e, int status, const char *type, const char *bytes, size_t size) {
    pthread_mutex_lock(&e->lock);
    answer(e, status, type);
    hd_buffer_append(&e->out, bytes, size);
    e->finished = true;
    resume(e);
    pthread_mutex_unlock(&e->lock);
}

void hd_exchange_fail(hd_exchange *e, const hd_fault *fault) {
    pthread_mutex_lock(&e->lock);
    if (!e->streams) answer(e, fault->status, "application/json");
    if (fault->status == 429 || fault->status == 503) e->retry_after = 1;
    append_fault(e, fault);
    e->finished = true;
    resume(e);
    pthread_mutex_unlock(&e->lock);
}

void hd_exchange_begin(hd_exchange *e) {
    pthread_mutex_lock(&e->lock);
    answer(e, 200, "text/event-stream; charset=utf-8");
    e->streams = true;
    resume(e);
    pthread_mutex_unlock(&e->lock);
}

void hd_exchange_write(hd_exchange *e, const char *bytes, size_t size) {
    pthread_mutex_lock(&e->lock);
    if (e->first == 0) e->first = hd_clock();
    if (!e->gone) hd_buffer_append(&e->out, bytes, size);
    resume(e);
    pthread_mutex_unlock(&e->lock);
}

void hd_exchange_finish(hd_exchange *e) {
    pthread_mutex_lock(&e->lock);
    e->finished = true;
    resume(e);
    pthread_mutex_unlock(&e->lock);
}

/* ---- the client ---- */

/* A client that has closed its side does not wait for an answer. */
static bool is_closed(int socket) {
    struct pollfd state = {.fd = socket, .events = POLLRDHUP};
    return socket >= 0 && poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

bool hd_exchange_waits(hd_exchange *e, hd_fault *fault) {
    pthread_mutex_lock(&e->lock);
    bool gone = e->gone || is_closed(e->socket);
    pthread_mutex_unlock(&e->lock);
    if (gone) return hd_fault_set(fault, 499, "cancelled", NULL, "the client has closed the connection");
    if (e->cancelled && *e->cancelled) return hd_fault_set(fault, 503, "stopped", NULL, "the server is stopping");
    if (e->deadline > 0 && hd_clock() > e->deadline)
        return hd_fault_set(fault, 504, "timeout", NULL, "the answer was not complete in time");
    return true;
}
