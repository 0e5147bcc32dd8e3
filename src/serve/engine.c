#include "serve/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { CALL_TEXTS = 1024 }; /* of calls that are run together */

struct hd_engine {
    heed_context *context; /* of the thread */
    heed_model *model;
    heed_session *session;         /* NULL: the model does not decode */
    pthread_rwlock_t session_lock; /* who adds to the session reads it, who opens it again writes it */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    hd_engine_text *texts; /* added, and not done */
    hd_engine_call *first, *last;
    bool closing;
    int64_t text_count, call_count;
    _Atomic uint64_t steps, step_texts;
};

/* ---- texts ---- */

/* Removes a text that is in the list. */
static void unlink_text(hd_engine *e, const hd_engine_text *text) {
    hd_engine_text **at = &e->texts;
    while (*at != text) at = &(*at)->next;
    *at = text->next;
    e->text_count--;
}

/* The text with an id of the session; the thread that adds it may be about to record it. */
static hd_engine_text *take_text(hd_engine *e, uint64_t id) {
    pthread_mutex_lock(&e->lock);
    for (;;) {
        hd_engine_text *text = e->texts;
        while (text && text->id != id) text = text->next;
        if (text) {
            unlink_text(e, text);
            pthread_mutex_unlock(&e->lock);
            return text;
        }
        pthread_cond_wait(&e->changed, &e->lock);
    }
}

heed_status hd_engine_add(hd_engine *e, const heed_options *options, const char *text, size_t size, uint64_t number,
                          bool bare, hd_engine_text *request) {
    hd_session_text given = {.text = text,
                             .size = size,
                             .number = number,
                             .words = request->words,
                             .user = request->user,
                             .options = options,
                             .bare = bare};
    pthread_rwlock_rdlock(&e->session_lock);
    heed_status status = hd_session_add_text(e->session, &given, &request->id);
    if (status == HEED_OK) {
        pthread_mutex_lock(&e->lock);
        request->next = e->texts;
        e->texts = request;
        e->text_count++;
        pthread_cond_broadcast(&e->changed);
        pthread_mutex_unlock(&e->lock);
    }
    pthread_rwlock_unlock(&e->session_lock);
    return status;
}

/* Takes a text that nobody waits for any more from the session; NULL: there is none. */
static hd_engine_text *take_dropped(hd_engine *e) {
    pthread_mutex_lock(&e->lock);
    hd_engine_text *text = e->texts;
    for (; text; text = text->next)
        if (!text->continues(text->user) && heed_session_cancel(e->session, text->id) == HEED_OK) break;
    if (text) unlink_text(e, text);
    pthread_mutex_unlock(&e->lock);
    return text;
}

static void finish_texts(hd_engine *e) {
    heed_results *results;
    for (uint64_t id; heed_session_next(e->session, &id, &results) == HEED_OK && results; heed_results_close(results)) {
        hd_engine_text *text = take_text(e, id);
        text->done(text->user, results, HEED_OK, "");
    }
}

/* After a failed step the session is of no use: its texts fail, and another one takes its place. */
static void replace_session(hd_engine *e, heed_status status) {
    char message[sizeof e->context->message];
    memcpy(message, e->context->message, sizeof message);
    pthread_rwlock_wrlock(&e->session_lock);
    while (e->texts) { /* the lock of the session keeps others from adding */
        pthread_mutex_lock(&e->lock);
        hd_engine_text *text = e->texts;
        unlink_text(e, text);
        pthread_mutex_unlock(&e->lock);
        text->done(text->user, NULL, status, message);
    }
    heed_session *old = e->session;
    if (heed_session_open(e->model, &e->session) == HEED_OK)
        heed_session_close(old);
    else
        e->session = old; /* which refuses each step: the next one tries again */
    pthread_rwlock_unlock(&e->session_lock);
}

static void step(hd_engine *e) {
    bool dropped = false;
    for (hd_engine_text *text; (text = take_dropped(e)); dropped = true) text->done(text->user, NULL, HEED_OK, "");
    if (!dropped && !heed_session_is_busy(e->session)) return; /* a step also frees what was dropped */
    pthread_mutex_lock(&e->lock);
    uint64_t texts = (uint64_t)e->text_count;
    pthread_mutex_unlock(&e->lock);
    heed_status status = heed_session_step(e->session);
    e->steps++;
    e->step_texts += texts;
    finish_texts(e);
    if (status != HEED_OK) replace_session(e, status);
}

/* ---- calls ---- */

void hd_engine_call_add(hd_engine *e, hd_engine_call *call) {
    pthread_mutex_lock(&e->lock);
    call->next = NULL;
    if (e->last)
        e->last->next = call;
    else
        e->first = call;
    e->last = call;
    e->call_count++;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static bool goes_with(const hd_engine_call *call, const hd_engine_call *first, size_t texts) {
    if (call == first) return true;
    bool alike = call->key && first->key && strcmp(call->key, first->key) == 0 && call->run == first->run;
    return alike && !call->seconds == !first->seconds && texts + call->count <= CALL_TEXTS;
}

/* Takes the first call and those that go with it, in their order; *texts is the number of all their texts. */
static hd_engine_call *take_calls(hd_engine *e, size_t *texts) {
    hd_engine_call *taken = NULL, **end = &taken, *next, *call;
    const hd_engine_call *first;
    *texts = 0;
    pthread_mutex_lock(&e->lock);
    call = e->first, first = call;
    e->first = e->last = NULL;
    for (; call; call = next) {
        next = call->next;
        call->next = NULL;
        if (goes_with(call, first, *texts)) {
            *texts += call->count;
            *end = call, end = &call->next;
            e->call_count--;
        } else {
            if (e->last)
                e->last->next = call;
            else
                e->first = call;
            e->last = call;
        }
    }
    pthread_mutex_unlock(&e->lock);
    return taken;
}

/* The texts of several calls as one. */
typedef struct joined {
    const char **texts, **seconds; /* [count] */
    size_t *sizes, *second_sizes;  /* [count] */
    size_t count;
} joined;

static bool join(hd_engine *e, const hd_engine_call *calls, size_t count, joined *j) {
    *j = (joined){.texts = hd_alloc(e->context, count, sizeof *j->texts),
                  .seconds = hd_alloc(e->context, count, sizeof *j->seconds),
                  .sizes = hd_alloc(e->context, count, sizeof *j->sizes),
                  .second_sizes = hd_alloc(e->context, count, sizeof *j->second_sizes)};
    if (!j->texts || !j->seconds || !j->sizes || !j->second_sizes) return false;
    for (const hd_engine_call *call = calls; call; call = call->next)
        for (size_t i = 0; i < call->count; i++, j->count++) {
            j->texts[j->count] = call->texts[i], j->sizes[j->count] = call->sizes[i];
            j->seconds[j->count] = call->seconds ? call->seconds[i] : NULL;
            j->second_sizes[j->count] = call->seconds ? call->second_sizes[i] : 0;
        }
    return true;
}

static void close_joined(hd_engine *e, joined *j) {
    hd_free(e->context, j->texts), hd_free(e->context, j->seconds);
    hd_free(e->context, j->sizes), hd_free(e->context, j->second_sizes);
}

static heed_status run_joined(hd_engine *e, const hd_engine_call *calls, size_t texts, heed_results **results) {
    joined j;
    *results = NULL;
    if (!calls->next) return calls->run(e->model, calls, results);
    heed_status status = HEED_MEMORY;
    if (join(e, calls, texts, &j)) {
        hd_engine_call all = *calls;
        all.texts = j.texts, all.sizes = j.sizes, all.count = j.count;
        if (calls->seconds) all.seconds = j.seconds, all.second_sizes = j.second_sizes;
        status = calls->run(e->model, &all, results);
    }
    close_joined(e, &j);
    return status;
}

/* Leaves out calls that nobody waits for any more. */
static hd_engine_call *drop_calls(hd_engine_call *calls, size_t *texts) {
    hd_engine_call *kept = NULL, **end = &kept, *next;
    for (; calls; calls = next) {
        next = calls->next;
        calls->next = NULL;
        if (calls->continues(calls->user)) {
            *end = calls, end = &calls->next;
            continue;
        }
        *texts -= calls->count;
        calls->done(calls->user, NULL, 0, HEED_OK, "");
    }
    return kept;
}

static void run_calls(hd_engine *e) {
    size_t texts, first = 0;
    heed_results *results;
    hd_engine_call *calls = drop_calls(take_calls(e, &texts), &texts), *next;
    if (!calls) return;
    heed_status status = run_joined(e, calls, texts, &results);
    for (; calls; calls = next) {
        size_t count = calls->count;
        next = calls->next;
        calls->done(calls->user, status == HEED_OK ? results : NULL, first, status,
                    status == HEED_OK ? "" : e->context->message);
        first += count;
    }
    heed_results_close(results);
}

/* ---- the thread ---- */

/* Waits for something to do; false at the end. */
static bool wait_for_work(hd_engine *e, bool *calls) {
    pthread_mutex_lock(&e->lock);
    while (!e->closing && !e->first && !e->texts) pthread_cond_wait(&e->changed, &e->lock);
    *calls = e->first != NULL;
    bool works = e->first || e->texts;
    pthread_mutex_unlock(&e->lock);
    return works;
}

static void *run(void *user) {
    hd_engine *e = user;
    for (bool calls; wait_for_work(e, &calls);) {
        if (calls) run_calls(e);
        if (e->session) step(e);
    }
    return NULL;
}

/* ---- opening ---- */

static heed_status start(heed_context *parent, hd_engine *e, const char *name) {
    HD_TRY(heed_context_fork(parent, &e->context));
    heed_context_set_log(e->context, NULL, NULL); /* results have the notes */
    heed_context_set_stop(e->context, NULL, NULL);
    heed_status status = heed_model_open(e->context, name, &e->model);
    if (status == HEED_OK && hd_model_predicts(e->model, HD_HEAD_LANGUAGE, false, true))
        status = heed_session_open(e->model, &e->session);
    if (status != HEED_OK) return hd_fail_as(parent, e->context, status);
    if (pthread_create(&e->thread, NULL, run, e) == 0) return HEED_OK;
    return hd_fail(parent, HEED_MEMORY, "the system cannot start another thread");
}

static void release(hd_engine *e) {
    heed_session_close(e->session);
    heed_model_close(e->model);
    pthread_rwlock_destroy(&e->session_lock);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    heed_context *context = e->context;
    if (!context) return;
    hd_free(context, e);
    heed_context_close(context);
}

heed_status hd_engine_open(heed_context *parent, const char *name, hd_engine **engine) {
    *engine = NULL;
    hd_engine *e = hd_alloc_zeroed(parent, 1, sizeof *e);
    if (!e) return HEED_MEMORY;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    pthread_rwlock_init(&e->session_lock, NULL);
    heed_status status = start(parent, e, name);
    if (status == HEED_OK) {
        *engine = e;
        return HEED_OK;
    }
    if (!e->context)
        hd_free(parent, e);
    else
        release(e);
    return status;
}

void hd_engine_close(hd_engine *e) {
    if (!e) return;
    pthread_mutex_lock(&e->lock);
    e->closing = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    release(e);
}

const heed_model *hd_engine_model(const hd_engine *e) { return e->model; }

bool hd_engine_decodes(const hd_engine *e) { return e->session; }

void hd_engine_count(hd_engine *e, hd_engine_counts *counts) {
    pthread_mutex_lock(&e->lock);
    *counts = (hd_engine_counts){e->steps, e->step_texts, e->text_count, e->call_count};
    pthread_mutex_unlock(&e->lock);
}
