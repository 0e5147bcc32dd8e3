#include "serve/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/number.h"
#include "serve/http_library.h"

struct hd_http {
    const hd_http_library *library;
    hd_http_settings settings;
    struct MHD_Daemon *daemon;
    bool refuses;
};

/* A connection's request: it is the closure of libmicrohttpd. */
typedef struct request {
    hd_exchange *exchange;
    hd_http *http;
    size_t dropped; /* bytes of a body that is too large */
    bool handled;
} request;

/* ---- the request ---- */

static void resume(hd_exchange *e) {
    const hd_http_library *library;
    if (hd_http_library_open(&e->context, &library) == HEED_OK) library->resume_connection(e->connection);
}

static void print_address(const struct sockaddr *address, char *out, size_t size) {
    out[0] = 0;
    if (!address) return;
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, out, (socklen_t)size);
    if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out, (socklen_t)size);
}

static const char *header_of(const hd_http *http, struct MHD_Connection *connection, const char *name) {
    return http->library->lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Copies what the exchange needs of the head; false when out of memory. */
static bool read_head(hd_http *http, struct MHD_Connection *connection, hd_exchange *e, const char *method,
                      const char *path) {
    const char *key = header_of(http, connection, "Authorization"), *origin = header_of(http, connection, "Origin"),
               *host = header_of(http, connection, "Host");
    const union MHD_ConnectionInfo *info;
    e->connection = connection;
    e->resume = resume;
    e->method = hd_copy_string(&e->context, method);
    e->path = hd_copy_string(&e->context, path);
    if (http->settings.timeout > 0) e->deadline = e->begun + http->settings.timeout;
    if (key && strncasecmp(key, "Bearer ", 7) == 0) e->key = hd_copy_string(&e->context, key + 7);
    if (origin) e->origin = hd_copy_string(&e->context, origin);
    if (host) e->host = hd_copy_string(&e->context, host);
    info = http->library->get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    print_address(info ? info->client_addr : NULL, e->client, sizeof e->client);
    info = http->library->get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) e->socket = info->connect_fd;
    return e->method && e->path && (!origin || e->origin);
}

static request *open_request(hd_http *http, struct MHD_Connection *connection, const char *method, const char *path) {
    heed_context own = hd_context_worker(&http->settings.context, 1);
    request *r = hd_alloc_zeroed(&own, 1, sizeof *r);
    if (!r) return NULL;
    r->http = http;
    r->exchange = hd_exchange_open(&own);
    if (r->exchange && read_head(http, connection, r->exchange, method, path)) return r;
    hd_exchange_release(r->exchange);
    hd_free(&own, r);
    return NULL;
}

static void refuse_size(request *r) {
    hd_fault fault;
    hd_fault_set(&fault, 413, "too_large", NULL, "the body has more than %zu bytes", r->http->settings.max_body);
    r->exchange->closes = true;
    hd_exchange_fail(r->exchange, &fault);
}

/* A body that is too large is answered at once if its size is known. */
static bool announces_too_much(const request *r, struct MHD_Connection *connection) {
    const char *text = header_of(r->http, connection, "Content-Length");
    int64_t size;
    return text && (!hd_read_int(text, &size) || size < 0 || (uint64_t)size > r->http->settings.max_body);
}

static enum MHD_Result take_bytes(request *r, const char *bytes, size_t *size) {
    hd_exchange *e = r->exchange;
    bool late = hd_clock() - e->begun > r->http->settings.patience;
    if (late || r->dropped > r->http->settings.max_body) return MHD_NO; /* closes the connection */
    if (r->dropped || e->body.size + *size > r->http->settings.max_body)
        r->dropped += *size;
    else
        hd_buffer_append(&e->body, bytes, *size);
    *size = 0;
    return MHD_YES;
}

/* ---- the answer ---- */

/* Sends what a stream has; suspends the connection while it has nothing. */
static ssize_t read_stream(void *user, uint64_t position, char *buffer, size_t size) {
    request *r = user;
    hd_exchange *e = r->exchange;
    (void)position;
    pthread_mutex_lock(&e->lock);
    ssize_t result = (ssize_t)hd_min((int64_t)(e->out.size - e->sent), (int64_t)size);
    if (e->out.failed) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (result > 0) {
        memcpy(buffer, e->out.data + e->sent, (size_t)result);
        e->sent += (size_t)result;
        if (e->sent == e->out.size) e->sent = 0, hd_buffer_clear(&e->out);
    } else if (e->finished) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        r->http->library->suspend_connection(e->connection);
        e->suspended = true;
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}

/* Under the lock of the exchange. */
static struct MHD_Response *make_response(request *r) {
    enum { BLOCK = 1 << 14 };
    static char no_memory[] =
        "{\"error\":{\"message\":\"out of "
        "memory\",\"type\":\"server_error\",\"param\":null,\"code\":\"out_of_memory\"}}\n";
    const hd_http_library *library = r->http->library;
    hd_exchange *e = r->exchange;
    if (e->streams) return library->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, r, NULL);
    if (!e->out.failed)
        return library->create_response_from_buffer(e->out.size, e->out.data ? e->out.data : no_memory,
                                                    MHD_RESPMEM_MUST_COPY);
    e->status = 503;
    e->type = "application/json";
    return library->create_response_from_buffer(sizeof no_memory - 1, no_memory, MHD_RESPMEM_PERSISTENT);
}

static void add_headers(const request *r, struct MHD_Response *response) {
    const hd_exchange *e = r->exchange;
    char seconds[16];
    const char *allowed = e->allow_origin;
    snprintf(seconds, sizeof seconds, "%d", e->retry_after);
    const struct {
        const char *name, *value; /* NULL: absent */
    } headers[] = {{"Content-Type", e->type},
                   {"X-Request-Id", e->id},
                   {"X-Content-Type-Options", "nosniff"},
                   {"Cache-Control", e->streams ? "no-cache" : NULL},
                   {"Retry-After", e->retry_after ? seconds : NULL},
                   {"Connection", e->closes ? "close" : NULL},
                   {"WWW-Authenticate", e->status == 401 ? "Bearer" : NULL},
                   {"Access-Control-Allow-Origin", allowed},
                   {"Vary", allowed ? "Origin" : NULL},
                   {"Access-Control-Allow-Methods", allowed ? "GET, POST, OPTIONS" : NULL},
                   {"Access-Control-Allow-Headers", allowed ? "Authorization, Content-Type" : NULL}};
    for (size_t i = 0; i < HD_COUNT(headers); i++)
        if (headers[i].value) r->http->library->add_response_header(response, headers[i].name, headers[i].value);
}

static enum MHD_Result send_answer(request *r, struct MHD_Connection *connection) {
    hd_exchange *e = r->exchange;
    pthread_mutex_lock(&e->lock);
    struct MHD_Response *response = make_response(r);
    if (response) add_headers(r, response);
    int status = e->status;
    pthread_mutex_unlock(&e->lock);
    if (!response) return MHD_NO;
    enum MHD_Result result = r->http->library->queue_response(connection, (unsigned)status, response);
    r->http->library->destroy_response(response);
    return result;
}

/* Passes the request on, and waits if the answer is not there yet. */
static enum MHD_Result handle(request *r, struct MHD_Connection *connection) {
    hd_exchange *e = r->exchange;
    r->handled = true;
    if (r->dropped)
        refuse_size(r);
    else
        r->http->settings.handle(r->http->settings.user, e);
    pthread_mutex_lock(&e->lock);
    bool waits = !e->status;
    if (waits) {
        r->http->library->suspend_connection(connection);
        e->suspended = true;
    }
    pthread_mutex_unlock(&e->lock);
    return waits ? MHD_YES : send_answer(r, connection);
}

/* ---- libmicrohttpd's functions ---- */

/* Called with the head, with each piece of the body, at its end, and when a suspended connection was resumed. */
static enum MHD_Result on_access(void *user, struct MHD_Connection *connection, const char *path, const char *method,
                                 const char *version, const char *bytes, size_t *size, void **closure) {
    hd_http *http = user;
    request *r = *closure;
    (void)version;
    if (!r) {
        r = *closure = open_request(http, connection, method, path);
        if (!r) return MHD_NO;
        if (!announces_too_much(r, connection)) return MHD_YES;
        refuse_size(r);
        return send_answer(r, connection);
    }
    if (*size) return take_bytes(r, bytes, size);
    return r->handled ? send_answer(r, connection) : handle(r, connection);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **closure,
                         enum MHD_RequestTerminationCode code) {
    hd_http *http = user;
    request *r = *closure;
    (void)connection, (void)code;
    if (!r) return;
    *closure = NULL;
    hd_exchange *e = r->exchange;
    pthread_mutex_lock(&e->lock);
    e->gone = true;
    e->suspended = false;
    e->socket = -1;
    pthread_mutex_unlock(&e->lock);
    http->settings.completed(http->settings.user, e);
    heed_context own = hd_context_worker(&http->settings.context, 1);
    hd_exchange_release(e);
    hd_free(&own, r);
}

heed_status hd_http_open(heed_context *context, const hd_http_settings *settings, hd_http **out) {
    const hd_http_library *library;
    *out = NULL;
    HD_TRY(hd_http_library_open(context, &library));
    hd_http *http = hd_alloc_zeroed(context, 1, sizeof *http);
    if (!http) return HEED_MEMORY;
    http->library = library;
    http->settings = *settings;
    http->daemon =
        library->start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, http,
                              MHD_OPTION_LISTEN_SOCKET, settings->socket, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                              http, MHD_OPTION_CONNECTION_LIMIT, settings->connections, MHD_OPTION_CONNECTION_TIMEOUT,
                              settings->idle, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    *out = http;
    if (http->daemon) return HEED_OK;
    hd_http_close(http);
    *out = NULL;
    return hd_fail(context, HEED_FILE, "the HTTP server cannot be started");
}

void hd_http_refuse(hd_http *http) {
    if (!http->refuses) http->library->quiesce_daemon(http->daemon);
    http->refuses = true;
}

void hd_http_close(hd_http *http) {
    if (!http) return;
    if (http->daemon) {
        hd_http_refuse(http); /* else the daemon closes the caller's socket */
        http->library->stop_daemon(http->daemon);
    }
    heed_context own = hd_context_worker(&http->settings.context, 1);
    hd_free(&own, http);
}
