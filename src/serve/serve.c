/* The server of heed/heed.h: the connections, the threads that read requests and the models. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/options.h"
#include "formats/model_folder.h"
#include "serve/access_log.h"
#include "serve/http.h"
#include "serve/keys.h"
#include "serve/listen.h"
#include "serve/routes.h"
#include "serve/workers.h"

enum { WORKERS = 4, IDLE_SECONDS = 60, PATIENCE_SECONDS = 60, FAREWELL_SECONDS = 5, RESERVED_FILES = 64 };

typedef struct serve_settings {
    char *host, *key_file, *log_file;
    int64_t port, max_body, max_tokens, queue, connections, memory;
    double timeout, grace;
    hd_string_list origins;
} serve_settings;

#define F(field) offsetof(serve_settings, field)

static const hd_setting rows[] = {
    {"host", HD_SETTING_STRING, F(host), "127.0.0.1", 0, 0, "ADDRESS", "address to listen on; 0.0.0.0 or :: for all"},
    {"port", HD_SETTING_INT, F(port), "8080", 0, 65535, "NUMBER", "port to listen on; 0 for any"},
    {"api-key-file", HD_SETTING_STRING, F(key_file), NULL, 0, 0, "FILE",
     "API keys, one per line: a request needs one of them"},
    {"access-log", HD_SETTING_STRING, F(log_file), NULL, 0, 0, "FILE",
     "log of requests, a JSON object per line; - for standard output"},
    {"cors", HD_SETTING_LIST, F(origins), NULL, 0, 0, "ORIGIN",
     "origin whose web pages may use the server, such as https://example.org; * for all"},
    {"max-body", HD_SETTING_INT, F(max_body), "16777216", 1, 1 << 30, "BYTES", "longest body of a request"},
    {"max-tokens", HD_SETTING_INT, F(max_tokens), "0", 0, 1 << 20, "NUMBER",
     "longest answer that a request may have, in tokens; 0: no limit"},
    {"queue", HD_SETTING_INT, F(queue), "256", 1, 1 << 20, "NUMBER",
     "most requests in progress; more are refused with status 429"},
    {"connections", HD_SETTING_INT, F(connections), "4096", 1, 1 << 20, "NUMBER", "most connections at once"},
    {"timeout", HD_SETTING_DOUBLE, F(timeout), "600", 0, 1e6, "SECONDS", "longest time of a request; 0: no limit"},
    {"grace", HD_SETTING_DOUBLE, F(grace), "30", 0, 1e6, "SECONDS",
     "time for requests in progress when the server stops"},
    {"memory", HD_SETTING_INT, F(memory), "0", 0, 1e9, "MEGABYTES",
     "memory for the weights of open models: others are opened when they are requested; 0: no limit"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(serve_settings)};

heed_status heed_serve_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

struct heed_server {
    heed_context *context;
    heed_context quiet; /* the context as it was, which does not change */
    serve_settings settings;
    hd_serve_metrics metrics;
    hd_serve_state state;
    hd_serve_keys *keys;
    hd_access_log log;
    pthread_mutex_t log_lock;
    hd_listener listener;
    hd_workers *workers;
    hd_http *http;
    int wake[2]; /* a pipe: letters of heed_serve_stop and heed_serve_reload */
    pthread_mutex_t lock;
    bool stopping, closed; /* under the lock; closed: the models are */
    _Atomic bool cancelled;
};

/* ---- requests: on the HTTP thread ---- */

/* A page of the server itself, of an origin that the options allow, or no page at all. Without this check, any web page could
 * use a server on the reader's own machine. */
static bool check_origin(heed_server *s, hd_exchange *e, hd_fault *fault) {
    if (!e->origin) return true;
    const char *authority = strstr(e->origin, "://");
    for (size_t i = 0; i < s->settings.origins.count; i++) {
        const char *allowed = s->settings.origins.items[i];
        if (strcmp(allowed, "*") != 0 && strcmp(allowed, e->origin) != 0) continue;
        e->allow_origin = allowed;
        return true;
    }
    if (authority && e->host && strcmp(authority + 3, e->host) == 0) return true;
    return hd_fault_set(fault, 403, "origin", NULL, "web pages of %.200s may not use this server", e->origin);
}

static bool check_key(heed_server *s, const hd_exchange *e, const hd_route *route, hd_fault *fault) {
    if (route->open || hd_serve_keys_allow(s->keys, e->key)) return true;
    return hd_fault_set(fault, 401, "invalid_api_key", NULL,
                        e->key ? "the API key is not valid" : "an API key is missing");
}

/* Passes a request to the workers; false if there are too many. */
static bool queue(heed_server *s, hd_exchange *e, const hd_route *route, hd_fault *fault) {
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping, fits = !stopping && hd_serve_metrics_begin(&s->metrics, s->settings.queue);
    if (fits) {
        e->counted = true;
        hd_workers_add(s->workers, route->function, e);
    }
    pthread_mutex_unlock(&s->lock);
    if (fits) return true;
    e->closes = stopping;
    if (stopping) return hd_fault_set(fault, 503, "stopped", NULL, "the server is stopping");
    return hd_fault_set(fault, 429, "overloaded", NULL, "%lld requests are in progress", (long long)s->settings.queue);
}

static bool dispatch(heed_server *s, hd_exchange *e, hd_fault *fault) {
    if (!check_origin(s, e, fault)) return false;
    if (strcmp(e->method, "OPTIONS") == 0 && e->allow_origin) {
        hd_exchange_reply(e, 204, "text/plain", "", 0);
        return true;
    }
    const hd_route *route = hd_route_find(strcmp(e->method, "HEAD") == 0 ? "GET" : e->method, e->path, fault);
    if (!route) return false;
    e->endpoint = route->path;
    if (!check_key(s, e, route, fault)) return false;
    if (route->queued) return queue(s, e, route, fault);
    pthread_mutex_lock(&s->lock);
    bool closed = s->closed;
    if (!closed) route->function(&s->state, &e->context, e);
    pthread_mutex_unlock(&s->lock);
    return !closed || hd_fault_set(fault, 503, "stopped", NULL, "the server is stopping");
}

static void handle(void *user, hd_exchange *e) {
    heed_server *s = user;
    hd_fault fault;
    e->cancelled = &s->cancelled;
    if (e->body.failed)
        hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
    else if (dispatch(s, e, &fault))
        return;
    hd_exchange_fail(e, &fault);
}

static void complete(void *user, hd_exchange *e) {
    heed_server *s = user;
    double seconds = hd_clock() - e->begun;
    hd_metric_request request = {e->endpoint,      e->status, seconds, e->first > 0 ? e->first - e->begun : -1,
                                 e->prompt_tokens, e->tokens};
    if (e->counted) hd_serve_metrics_end(&s->metrics);
    hd_serve_metrics_add(&s->metrics, &request);
    pthread_mutex_lock(&s->log_lock);
    hd_access_log_add(&s->log, e, seconds);
    pthread_mutex_unlock(&s->log_lock);
}

/* ---- opening ---- */

/* As many connections as options and the limit on open files allow, which is raised as far as the system permits. */
static unsigned count_connections(const heed_server *s) {
    struct rlimit limit;
    int64_t most = s->settings.connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return (unsigned)most;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || (int64_t)limit.rlim_cur > most + RESERVED_FILES) return (unsigned)most;
    return (unsigned)hd_max((int64_t)limit.rlim_cur - RESERVED_FILES, 1);
}

static heed_status open_http(heed_server *s) {
    hd_http_settings settings = {.socket = s->listener.socket,
                                 .max_body = (size_t)s->settings.max_body,
                                 .connections = count_connections(s),
                                 .idle = IDLE_SECONDS,
                                 .patience = PATIENCE_SECONDS,
                                 .timeout = s->settings.timeout,
                                 .context = s->quiet,
                                 .handle = handle,
                                 .completed = complete,
                                 .user = s};
    return hd_http_open(s->context, &settings, &s->http);
}

/* Without names: the shipped models, which are opened when they are requested. */
static heed_status open_models(heed_server *s, const char *const *names, size_t count) {
    enum { MEGABYTE = 1000000, MOST = 256 };
    const char *shipped[MOST];
    char *list;
    int64_t memory = s->settings.memory * MEGABYTE;
    if (count) {
        HD_TRY(hd_serve_models_open(s->context, names, count, memory, &s->state.models));
        return hd_serve_models_load(s->state.models, s->context);
    }
    HD_TRY(hd_model_folder_list(s->context, &list));
    for (char *at = list, *end; *at && count < MOST; at = end + 1) {
        shipped[count++] = at;
        end = strchr(at, '\n');
        if (!end) break;
        *end = 0;
    }
    heed_status status = count ? hd_serve_models_open(s->context, shipped, count, memory, &s->state.models)
                               : hd_fail(s->context, HEED_ARGUMENT, "no model was named, and none is installed");
    hd_free(s->context, list);
    return status;
}

static heed_status start(heed_server *s, const heed_options *options, const char *const *models, size_t count) {
    HD_TRY(hd_settings_default(s->context, rows, HD_COUNT(rows), &s->settings));
    HD_TRY(hd_options_apply(s->context, options, &table, &s->settings));
    if (pipe2(s->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return hd_fail(s->context, HEED_FILE, "cannot open a pipe: %s", strerror(errno));
    HD_TRY(hd_serve_keys_open(s->context, s->settings.key_file, &s->keys));
    HD_TRY(hd_access_log_open(s->context, s->settings.log_file, &s->log));
    HD_TRY(hd_listener_open(s->context, s->settings.host, (int)s->settings.port, &s->listener));
    HD_TRY(open_models(s, models, count));
    s->state.metrics = &s->metrics;
    s->state.max_tokens = s->settings.max_tokens;
    s->state.created = time(NULL);
    HD_TRY(hd_workers_open(s->context, &s->state, WORKERS, &s->workers));
    return open_http(s);
}

heed_status heed_serve_open(heed_context *context, const heed_options *options, const char *const *models, size_t count,
                            heed_server **server) {
    heed_server *s = *server = hd_alloc_zeroed(context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    s->context = context;
    s->quiet = hd_context_worker(context, 1);
    s->wake[0] = s->wake[1] = s->listener.socket = s->log.descriptor = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->log_lock, NULL);
    hd_serve_metrics_open(&s->metrics);
    heed_status status = start(s, options, models, count);
    if (status == HEED_OK) return HEED_OK;
    heed_serve_close(s);
    *server = NULL;
    return status;
}

int heed_serve_port(const heed_server *server) { return server->listener.port; }

/* ---- stopping ---- */

/* From here on requests are refused. */
static void refuse(heed_server *s) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    if (s->http) hd_http_refuse(s->http);
    if (s->listener.socket >= 0) hd_listener_refuse(&s->listener);
}

/* Waits until all answers were sent, but not for longer. */
static void wait_for_answers(heed_server *s, double seconds) {
    double end = hd_clock() + seconds;
    while (hd_serve_metrics_active(&s->metrics) && hd_clock() < end) usleep(2000);
}

void heed_serve_close(heed_server *s) {
    if (!s) return;
    refuse(s);
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_mutex_unlock(&s->lock);
    s->cancelled = true;
    hd_workers_close(s->workers);
    hd_serve_models_close(s->state.models);
    wait_for_answers(s, FAREWELL_SECONDS); /* that requests were given up */
    hd_http_close(s->http);
    hd_listener_close(&s->listener);
    hd_access_log_close(s->context, &s->log);
    hd_serve_keys_close(s->keys);
    hd_serve_metrics_close(&s->metrics);
    for (int i = 0; i < 2; i++)
        if (s->wake[i] >= 0) close(s->wake[i]);
    hd_settings_free(s->context, rows, HD_COUNT(rows), &s->settings);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->log_lock);
    hd_free(s->context, s);
}

/* ---- running ---- */

static void send_letter(heed_server *s, char letter) {
    int found = errno;
    if (write(s->wake[1], &letter, 1) < 0) errno = found; /* full: it will wake anyway */
    errno = found;
}

void heed_serve_stop(heed_server *server) { send_letter(server, 's'); }
void heed_serve_reload(heed_server *server) { send_letter(server, 'r'); }

/* What cannot be read again stays as it was, and a note says so. */
static void reload(heed_server *s) {
    hd_access_log log, old;
    if (hd_serve_keys_renew(s->keys, s->context) != HEED_OK) hd_note(s->context, "%s", s->context->message);
    if (s->log.path && hd_access_log_open(s->context, s->log.path, &log) != HEED_OK) {
        hd_note(s->context, "%s", s->context->message);
    } else if (s->log.path) {
        pthread_mutex_lock(&s->log_lock);
        old = s->log;
        s->log = log;
        pthread_mutex_unlock(&s->log_lock);
        hd_access_log_close(s->context, &old);
    }
    hd_serve_models_renew(s->state.models);
    hd_note(s->context, "models, keys and log are read again");
}

heed_status heed_serve_run(heed_server *s) {
    enum { SWEEP_MILLISECONDS = 1000 };
    struct pollfd wake = {.fd = s->wake[0], .events = POLLIN};
    for (bool stops = false; !stops;) {
        char letters[16];
        poll(&wake, 1, SWEEP_MILLISECONDS);
        ssize_t count = read(s->wake[0], letters, sizeof letters);
        for (ssize_t i = 0; i < count; i++) {
            if (letters[i] == 'r') reload(s);
            if (letters[i] == 's') stops = true;
        }
        hd_serve_models_sweep(s->state.models);
        if (hd_is_stopped(s->context)) stops = true;
    }
    refuse(s);
    wait_for_answers(s, s->settings.grace);
    return HEED_OK;
}
