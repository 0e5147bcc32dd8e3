#include "serve/models.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"

typedef struct entry {
    char *name, *folder;
    hd_engine *engine; /* NULL: it is not open */
    bool opening;      /* by a thread; others wait */
    int64_t users, bytes;
    double used; /* last, of hd_clock */
} entry;

/* A model that was open when its files changed: it is closed with its last user. */
typedef struct old_model {
    hd_engine *engine;
    int64_t users, bytes;
    struct old_model *next;
} old_model;

struct hd_serve_models {
    heed_context *context;
    entry *entries; /* [count] */
    size_t count;
    int64_t limit;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t bytes; /* of open models */
    old_model *old;
};

/* ---- the list ---- */

static const char *name_of(const char *name) {
    if (!hd_folder_exists(name)) return name;
    const char *last = hd_path_name(name);
    return last[0] ? last : name;
}

static heed_status add(hd_serve_models *m, const char *name) {
    entry *e = &m->entries[m->count];
    size_t size = strlen(name);
    char *trimmed = hd_copy_string(m->context, name);
    if (!trimmed) return HEED_MEMORY;
    while (size > 1 && trimmed[size - 1] == '/') trimmed[--size] = 0;
    e->name = hd_copy_string(m->context, name_of(trimmed));
    heed_status status = e->name ? heed_model_find(m->context, trimmed, &e->folder) : HEED_MEMORY;
    hd_free(m->context, trimmed);
    m->count++;
    HD_TRY(status);
    for (size_t i = 0; i + 1 < m->count; i++)
        if (strcmp(m->entries[i].name, e->name) == 0)
            return hd_fail(m->context, HEED_ARGUMENT, "two models have the name \"%s\"", e->name);
    return HEED_OK;
}

heed_status hd_serve_models_open(heed_context *context, const char *const *names, size_t count, int64_t memory,
                                 hd_serve_models **out) {
    hd_serve_models *m = *out = hd_alloc_zeroed(context, 1, sizeof *m);
    if (!m) return HEED_MEMORY;
    m->context = context;
    m->limit = memory;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    m->entries = hd_alloc_zeroed(context, count, sizeof *m->entries);
    heed_status status = m->entries ? HEED_OK : HEED_MEMORY;
    for (size_t i = 0; i < count && status == HEED_OK; i++) status = add(m, names[i]);
    if (status == HEED_OK) return HEED_OK;
    hd_serve_models_close(m);
    *out = NULL;
    return status;
}

void hd_serve_models_close(hd_serve_models *m) {
    if (!m) return;
    for (old_model *old = m->old; old; old = old->next) hd_engine_close(old->engine); /* which may release it */
    for (old_model *old = m->old, *next; old; old = next) {
        next = old->next;
        hd_free(m->context, old);
    }
    m->old = NULL;
    for (size_t i = 0; i < m->count; i++) {
        hd_engine_close(m->entries[i].engine);
        hd_free(m->context, m->entries[i].name);
        hd_free(m->context, m->entries[i].folder);
    }
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->changed);
    hd_free(m->context, m->entries);
    hd_free(m->context, m);
}

size_t hd_serve_models_count(const hd_serve_models *m) { return m->count; }

const char *hd_serve_models_name(const hd_serve_models *m, size_t index) {
    return index < m->count ? m->entries[index].name : NULL;
}

size_t hd_serve_models_find(const hd_serve_models *m, const char *name, hd_fault *fault) {
    if (!name && m->count == 1) return 0;
    for (size_t i = 0; name && i < m->count; i++)
        if (strcmp(m->entries[i].name, name) == 0) return i;
    if (name)
        hd_fault_set(fault, 404, "model_not_found", "model", "the model \"%.200s\" does not exist", name);
    else
        hd_fault_set(fault, 400, "missing", "model", "\"model\" is missing, and there are %zu models", m->count);
    return SIZE_MAX;
}

/* ---- opening and closing ---- */

/* Bytes of the weights, from the sizes in the files. */
static heed_status measure(heed_context *context, const char *folder, int64_t *bytes) {
    heed_model *model;
    HD_TRY(hd_model_open(context, folder, HD_OPEN_TO_DESCRIBE, &model));
    *bytes = hd_model_memory(model);
    hd_model_close(model);
    return HEED_OK;
}

/* The model to close next; NULL: all open ones are in use. */
static entry *least_recent(hd_serve_models *m) {
    entry *found = NULL;
    for (size_t i = 0; i < m->count; i++) {
        entry *e = &m->entries[i];
        if (e->engine && !e->users && (!found || e->used < found->used)) found = e;
    }
    return found;
}

/* Reserves memory under the lock, which it gives up while it closes models; false if models in use leave too little. */
static bool make_space(hd_serve_models *m, int64_t bytes) {
    while (m->limit && m->bytes + bytes > m->limit) {
        entry *e = least_recent(m);
        if (!e) return false;
        hd_engine *engine = e->engine;
        e->engine = NULL;
        m->bytes -= e->bytes;
        pthread_mutex_unlock(&m->lock);
        hd_engine_close(engine);
        pthread_mutex_lock(&m->lock);
    }
    m->bytes += bytes;
    return true;
}

static hd_engine *open_entry(hd_serve_models *m, heed_context *context, entry *e, hd_fault *fault) {
    int64_t bytes = 0;
    hd_engine *engine = NULL;
    heed_status status = measure(context, e->folder, &bytes);
    if (status == HEED_OK && m->limit && bytes > m->limit) {
        hd_fault_set(fault, 503, "out_of_memory", "model", "%s needs %lld bytes, but the limit is %lld", e->name,
                     (long long)bytes, (long long)m->limit);
        return NULL;
    }
    pthread_mutex_lock(&m->lock);
    bool fits = status == HEED_OK && make_space(m, bytes);
    if (fits) e->bytes = bytes;
    pthread_mutex_unlock(&m->lock);
    if (status == HEED_OK && !fits) {
        hd_fault_set(fault, 503, "overloaded", "model", "other models are in use and leave no memory for %s", e->name);
        return NULL;
    }
    if (status == HEED_OK) status = hd_engine_open(context, e->folder, &engine);
    if (status == HEED_OK) return engine;
    pthread_mutex_lock(&m->lock);
    if (fits) m->bytes -= bytes;
    pthread_mutex_unlock(&m->lock);
    hd_fault_set(fault, status == HEED_MEMORY ? 503 : 500, "model_failed", "model", "%s", context->message);
    return NULL;
}

hd_engine *hd_serve_models_acquire(hd_serve_models *m, heed_context *context, size_t index, hd_fault *fault) {
    entry *e = &m->entries[index];
    pthread_mutex_lock(&m->lock);
    while (e->opening) pthread_cond_wait(&m->changed, &m->lock);
    hd_engine *engine = e->engine;
    if (!engine) {
        e->opening = true;
        pthread_mutex_unlock(&m->lock);
        engine = open_entry(m, context, e, fault);
        pthread_mutex_lock(&m->lock);
        e->engine = engine;
        e->opening = false;
        pthread_cond_broadcast(&m->changed);
    }
    if (engine) {
        e->users++;
        e->used = hd_clock();
    }
    pthread_mutex_unlock(&m->lock);
    return engine;
}

void hd_serve_models_release(hd_serve_models *m, hd_engine *engine) {
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++)
        if (m->entries[i].engine == engine) m->entries[i].users--, m->entries[i].used = hd_clock();
    for (old_model *old = m->old; old; old = old->next)
        if (old->engine == engine) old->users--;
    pthread_mutex_unlock(&m->lock);
}

/* Takes an old model without users from the list; NULL: there is none. */
static old_model *take_unused(hd_serve_models *m) {
    old_model *found = NULL;
    pthread_mutex_lock(&m->lock);
    old_model **at = &m->old;
    while (*at && (*at)->users) at = &(*at)->next;
    if ((found = *at)) {
        *at = found->next;
        m->bytes -= found->bytes;
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

void hd_serve_models_sweep(hd_serve_models *m) {
    for (old_model *old; (old = take_unused(m));) {
        hd_engine_close(old->engine);
        hd_free(m->context, old);
    }
}

heed_status hd_serve_models_load(hd_serve_models *m, heed_context *context) {
    for (size_t i = 0; i < m->count; i++) {
        hd_fault fault;
        int64_t bytes;
        HD_TRY(measure(context, m->entries[i].folder, &bytes));
        if (m->limit && m->bytes + bytes > m->limit) continue;
        hd_engine *engine = hd_serve_models_acquire(m, context, i, &fault);
        if (!engine) return context->status != HEED_OK ? context->status : HEED_FILE;
        hd_serve_models_release(m, engine);
    }
    return HEED_OK;
}

void hd_serve_models_renew(hd_serve_models *m) {
    for (size_t i = 0; i < m->count; i++) {
        entry *e = &m->entries[i];
        old_model *old = hd_alloc_zeroed(m->context, 1, sizeof *old);
        if (!old) return; /* it stays open */
        pthread_mutex_lock(&m->lock);
        while (e->opening) pthread_cond_wait(&m->changed, &m->lock);
        hd_engine *unused = e->users ? NULL : e->engine;
        *old = (old_model){e->users ? e->engine : NULL, e->users, e->bytes, m->old};
        if (old->engine) m->old = old;
        if (unused) m->bytes -= e->bytes;
        e->engine = NULL;
        e->users = 0;
        pthread_mutex_unlock(&m->lock);
        if (unused || !old->engine) hd_free(m->context, old);
        hd_engine_close(unused);
    }
}

bool hd_serve_models_state(hd_serve_models *m, size_t index, hd_engine_counts *counts, int64_t *bytes) {
    pthread_mutex_lock(&m->lock);
    const entry *e = &m->entries[index];
    bool open = e->engine && !e->opening;
    if (open) hd_engine_count(e->engine, counts);
    *bytes = e->bytes;
    pthread_mutex_unlock(&m->lock);
    return open;
}
