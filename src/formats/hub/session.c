#include "formats/hub/session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "formats/hub/cache.h"

enum {
    MOST_BODY = 16 << 20,   /* bytes of an answer that is kept in memory */
    MOST_ERROR_BODY = 4096, /* and of one that is a failure */
    MOST_HEADER = 16384,
    MOST_REDIRECTS = 10,
    MOST_TRIES = 6,    /* without progress */
    FIRST_DELAY = 250, /* milliseconds before the second try; it doubles with each */
    LONGEST_DELAY = 8000,
    LONGEST_RETRY_AFTER = 300 /* seconds that a hub may request */
};

/* ---- the environment -------------------------------------------------------------------------------------------- */

/* The origin of a URL; *origin is NULL when it is not http or https. HEED_MEMORY. */
static heed_status origin_of(const hd_hub *hub, const char *url, char **origin) {
    const hd_hub_library *library = hub->library;
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *parsed = library->url();
    CURLUcode code = parsed ? library->url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK) code = library->url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK) code = library->url_get(parsed, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OK) code = library->url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    hd_buffer text;
    hd_buffer_open(&text, hub->context);
    bool valid = code == CURLUE_OK && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (valid) hd_buffer_format(&text, "%s://", scheme);
    for (const char *c = valid ? host : ""; *c; c++)
        hd_buffer_byte(&text, *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c);
    if (valid) hd_buffer_format(&text, ":%s", port);
    library->free(scheme);
    library->free(host);
    library->free(port);
    library->url_cleanup(parsed);
    *origin = valid ? hd_buffer_take(&text) : NULL;
    if (code == CURLUE_OUT_OF_MEMORY) return hd_fail(hub->context, HEED_MEMORY, "out of memory for an address");
    return valid && !*origin ? HEED_MEMORY : HEED_OK;
}

static heed_status read_endpoint(hd_hub *hub) {
    const char *value = hd_hub_setting("HF_ENDPOINT");
    size_t size = strlen(value ? value : (value = "https://huggingface.co"));
    while (size && value[size - 1] == '/') size--;
    hub->endpoint = hd_copy_bytes(hub->context, value, size);
    if (!hub->endpoint) return HEED_MEMORY;
    bool plain = !strpbrk(hub->endpoint, "@?#") && strcspn(hub->endpoint, " \t\r\n") == size;
    if (plain) HD_TRY(origin_of(hub, hub->endpoint, &hub->origin));
    if (hub->origin) return HEED_OK;
    return hd_fail(hub->context, HEED_ARGUMENT,
                   "HF_ENDPOINT is not the address of a hub, expected http:// or https:// and a host");
}

/* Of a token file, "" when there is none. */
static heed_status read_token_file(hd_hub *hub, hd_buffer *token) {
    const char *named = hd_hub_setting("HF_TOKEN_PATH");
    bool known = true;
    char *home = named ? NULL : hd_hub_home(hub->context, &known);
    if (!named && !known) return HEED_OK;
    char *path = named ? hd_copy_string(hub->context, named) : home ? hd_path_join(hub->context, home, "token") : NULL;
    hd_free(hub->context, home);
    if (!path) return HEED_MEMORY;
    heed_status status = hd_file_exists(path) ? hd_file_read(hub->context, path, token) : HEED_OK;
    hd_free(hub->context, path);
    return status;
}

/* As huggingface_hub does: HF_TOKEN, the older HUGGING_FACE_HUB_TOKEN, or the file that `hf auth login` writes. */
static heed_status read_token(hd_hub *hub) {
    if (hd_hub_switch("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return HEED_OK;
    const char *value = hd_hub_setting("HF_TOKEN");
    if (!value) value = hd_hub_setting("HUGGING_FACE_HUB_TOKEN");
    hd_buffer text;
    hd_buffer_open(&text, hub->context);
    heed_status status = HEED_OK;
    if (value)
        hd_buffer_text(&text, value);
    else
        status = read_token_file(hub, &text);
    while (text.size && strchr(" \t\r\n", text.data[text.size - 1])) text.data[--text.size] = 0;
    const char *start = text.data ? text.data + strspn(text.data, " \t\r\n") : "";
    for (const char *c = start; *c && status == HEED_OK; c++)
        if (*c <= ' ' || *c > '~')
            status = hd_fail(hub->context, HEED_ARGUMENT, "%s contains characters that no token has",
                             value ? "HF_TOKEN" : "the token file");
    if (status == HEED_OK && *start && !(hub->token = hd_copy_string(hub->context, start))) status = HEED_MEMORY;
    if (text.failed) status = HEED_MEMORY;
    if (text.data) explicit_bzero(text.data, text.size);
    hd_buffer_close(&text);
    return status;
}

heed_status hd_hub_open(heed_context *context, hd_hub *hub) {
    *hub = (hd_hub){.context = context, .timeout = 10};
    if (hd_hub_switch("HF_HUB_OFFLINE") || hd_hub_switch("TRANSFORMERS_OFFLINE"))
        return hd_fail(context, HEED_FILE, "HF_HUB_OFFLINE is set: no hub is reached");
    HD_TRY(hd_hub_library_open(context, &hub->library));
    HD_TRY(read_endpoint(hub));
    HD_TRY(read_token(hub));
    int64_t seconds;
    const char *timeout = hd_hub_setting("HF_HUB_DOWNLOAD_TIMEOUT");
    if (timeout && hd_read_int(timeout, &seconds) && seconds > 0 && seconds < 100000) hub->timeout = (long)seconds;
    hub->curl = hub->library->easy_init();
    return hub->curl ? HEED_OK : hd_fail(context, HEED_MEMORY, "out of memory for a connection");
}

void hd_hub_close(hd_hub *hub) {
    if (hub->curl) hub->library->easy_cleanup(hub->curl);
    if (hub->token) explicit_bzero(hub->token, strlen(hub->token));
    hd_free(hub->context, hub->token);
    hd_free(hub->context, hub->endpoint);
    hd_free(hub->context, hub->origin);
    *hub = (hd_hub){.context = hub->context};
}

static void append_encoded(hd_buffer *url, const char *text, bool keep_slashes) {
    for (const char *c = text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) || (keep_slashes && *c == '/');
        if (plain)
            hd_buffer_byte(url, *c);
        else
            hd_buffer_format(url, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

char *hd_hub_url(const hd_hub *hub, const char *format, ...) {
    hd_buffer url;
    hd_buffer_open(&url, hub->context);
    hd_buffer_text(&url, hub->endpoint);
    va_list arguments;
    va_start(arguments, format);
    for (const char *c = format; *c; c++) {
        if (*c == '%')
            append_encoded(&url, va_arg(arguments, const char *), *++c == 'p');
        else
            hd_buffer_byte(&url, *c);
    }
    va_end(arguments);
    return hd_buffer_take(&url);
}

/* ---- responses --------------------------------------------------------------------------------------------------- */

typedef struct header {
    const char *name;
    size_t offset; /* of its buffer in hd_hub_response */
} header;

static const header headers[] = {
    {"link", offsetof(hd_hub_response, link)},
    {"etag", offsetof(hd_hub_response, etag)},
    {"content-range", offsetof(hd_hub_response, range)},
    {"content-encoding", offsetof(hd_hub_response, encoding)},
    {"retry-after", offsetof(hd_hub_response, retry_after)},
    {"x-error-code", offsetof(hd_hub_response, error_code)},
    {"x-error-message", offsetof(hd_hub_response, error_message)},
};

static hd_buffer *header_buffer(hd_hub_response *response, size_t index) {
    return (hd_buffer *)(void *)((char *)response + headers[index].offset);
}

void hd_hub_response_open(const hd_hub *hub, hd_hub_response *response) {
    response->status = 0;
    hd_buffer_open(&response->body, hub->context);
    for (size_t i = 0; i < HD_COUNT(headers); i++) hd_buffer_open(header_buffer(response, i), hub->context);
}

void hd_hub_response_close(hd_hub_response *response) {
    hd_buffer_close(&response->body);
    for (size_t i = 0; i < HD_COUNT(headers); i++) hd_buffer_close(header_buffer(response, i));
}

/* Empties a response; its texts are then "". */
static heed_status clear(hd_hub_response *response) {
    response->status = 0;
    hd_buffer_clear(&response->body);
    hd_buffer_append(&response->body, "", 0);
    bool failed = response->body.failed;
    for (size_t i = 0; i < HD_COUNT(headers); i++) {
        hd_buffer_clear(header_buffer(response, i));
        hd_buffer_append(header_buffer(response, i), "", 0);
        failed |= header_buffer(response, i)->failed;
    }
    return failed ? HEED_MEMORY : HEED_OK;
}

/* ---- one exchange ------------------------------------------------------------------------------------------------ */

typedef struct exchange {
    hd_hub *hub;
    const hd_hub_request *request;
    hd_hub_response *response;
    uint64_t requested; /* the first byte that the Range header names; 0: there is none */
    uint64_t sent;      /* bytes of the file so far */
    bool begun;         /* the body of a success has begun */
    bool enough;        /* of the body of a failure, which may be endless */
    bool whole;         /* an answer to a range was useless: request all bytes */
    heed_status status; /* of heed's own functions that libcurl calls */
} exchange;

/* Is this line "NAME: value"? Then returns the value. */
static const char *header_value(const char *line, size_t size, const char *name) {
    size_t length = strlen(name);
    if (size <= length || line[length] != ':' || strncasecmp(line, name, length) != 0) return NULL;
    return line + length + 1;
}

/* A status line begins the headers of a further response, as after "100 Continue". */
static size_t receive_header(char *line, size_t one, size_t size, void *user) {
    exchange *e = user;
    (void)one;
    if (size > 5 && strncmp(line, "HTTP/", 5) == 0) {
        e->status = clear(e->response);
        return e->status == HEED_OK ? size : 0;
    }
    size_t end = size;
    while (end && strchr("\r\n \t", line[end - 1])) end--;
    for (size_t i = 0; i < HD_COUNT(headers); i++) {
        const char *value = header_value(line, end, headers[i].name);
        if (!value || end > MOST_HEADER) continue;
        while (value < line + end && (*value == ' ' || *value == '\t')) value++;
        hd_buffer *buffer = header_buffer(e->response, i);
        hd_buffer_clear(buffer);
        hd_buffer_append(buffer, value, (size_t)(line + end - value));
        if (buffer->failed) e->status = HEED_MEMORY;
    }
    return e->status == HEED_OK ? size : 0;
}

static long http_status(const hd_hub *hub) {
    long status = 0;
    hub->library->easy_getinfo(hub->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_success(long status) { return status >= 200 && status < 300; }

/* Does the answer continue where the range began? "bytes 100-199/200" */
static bool continues(const exchange *e) {
    unsigned long long first;
    const char *encoding = e->response->encoding.data;
    return sscanf(e->response->range.data, "bytes %llu-", &first) == 1 && first == e->requested &&
           (!encoding[0] || strcasecmp(encoding, "identity") == 0);
}

/* Before the first byte of a success: an answer without the range that was requested begins at the first byte. */
static heed_status begin_body(exchange *e) {
    e->begun = true;
    const hd_hub_sink *sink = e->request->sink;
    if (!sink || !e->requested) return HEED_OK;
    if (http_status(e->hub) != 206) return sink->restart(sink->user);
    if (continues(e)) return HEED_OK;
    e->whole = true; /* requested again, without a range */
    HD_TRY(sink->restart(sink->user));
    return HEED_FORMAT;
}

static heed_status keep_body(exchange *e, const char *bytes, size_t size) {
    hd_buffer *body = &e->response->body;
    bool success = is_success(http_status(e->hub));
    e->enough = !success && body->size + size > MOST_ERROR_BODY;
    if (e->enough) size = MOST_ERROR_BODY - body->size;
    if (success && body->size + size > MOST_BODY)
        return hd_fail(e->hub->context, HEED_FORMAT, "%s: the answer of the hub has more than %d bytes",
                       e->request->about, MOST_BODY);
    hd_buffer_append(body, bytes, size);
    return body->failed ? HEED_MEMORY : HEED_OK;
}

static size_t receive_body(char *bytes, size_t one, size_t size, void *user) {
    exchange *e = user;
    (void)one;
    bool success = is_success(http_status(e->hub));
    const hd_hub_sink *sink = success ? e->request->sink : NULL;
    if (success && !e->begun) e->status = begin_body(e);
    if (e->status == HEED_OK) e->status = sink ? sink->write(sink->user, bytes, size) : keep_body(e, bytes, size);
    return e->status == HEED_OK && !e->enough ? size : 0;
}

static size_t send_file(char *bytes, size_t one, size_t room, void *user) {
    exchange *e = user;
    const hd_hub_request *request = e->request;
    uint64_t left = request->length - e->sent;
    size_t size = (uint64_t)(room * one) < left ? room * one : (size_t)left;
    ssize_t count;
    do count = size ? pread(request->file, bytes, size, (off_t)(request->offset + e->sent)) : 0;
    while (count < 0 && errno == EINTR);
    if (count < 0 || (count == 0 && left)) {
        e->status = hd_fail(e->hub->context, HEED_FILE, "%s: cannot read: %s", request->about,
                            count < 0 ? strerror(errno) : "the file became shorter");
        return CURL_READFUNC_ABORT;
    }
    e->sent += (uint64_t)count;
    if (request->progress && !request->progress(request->progress_user, request->offset + e->sent)) {
        e->status = hd_fail(e->hub->context, HEED_STOPPED, "stopped");
        return CURL_READFUNC_ABORT;
    }
    return (size_t)count;
}

/* libcurl rewinds what it sends when a kept connection turns out to be closed. */
static int rewind_file(void *user, curl_off_t offset, int origin) {
    exchange *e = user;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > e->request->length) return CURL_SEEKFUNC_FAIL;
    e->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int check_stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    exchange *e = user;
    (void)a, (void)b, (void)c, (void)d;
    if (e->status == HEED_OK) e->status = hd_check_stop(e->hub->context);
    return e->status != HEED_OK;
}

static bool add_line(const hd_hub *hub, struct curl_slist **list, const char *line) {
    struct curl_slist *longer = hub->library->slist_append(*list, line);
    if (longer) *list = longer;
    return longer != NULL;
}

static heed_status add_authorization(const hd_hub *hub, const char *url, struct curl_slist **list) {
    char *origin;
    HD_TRY(origin_of(hub, url, &origin));
    bool fine = true;
    if (origin && strcmp(origin, hub->origin) == 0) {
        hd_buffer text;
        hd_buffer_open(&text, hub->context);
        hd_buffer_format(&text, "Authorization: Bearer %s", hub->token);
        fine = !text.failed && add_line(hub, list, text.data);
        if (text.data) explicit_bzero(text.data, text.size);
        hd_buffer_close(&text);
    }
    hd_free(hub->context, origin);
    return fine ? HEED_OK : hd_fail(hub->context, HEED_MEMORY, "out of memory for a request");
}

static heed_status add_headers(exchange *e, const char *url, struct curl_slist **list) {
    const hd_hub *hub = e->hub;
    const char *type = e->request->type;
    char line[64];
    bool fine = add_line(hub, list, "Expect:"); /* "100-continue" would cost a round trip */
    snprintf(line, sizeof line, "Range: bytes=%llu-", (unsigned long long)e->requested);
    if (e->requested) fine = fine && add_line(hub, list, line);
    snprintf(line, sizeof line, "Content-Type: %s", type ? type : "");
    if (type) fine = fine && add_line(hub, list, line);
    if (type && strstr(type, "git-lfs")) fine = fine && add_line(hub, list, "Accept: application/vnd.git-lfs+json");
    if (!fine) return hd_fail(hub->context, HEED_MEMORY, "out of memory for a request");
    return hub->token ? add_authorization(hub, url, list) : HEED_OK;
}

static void set_body(exchange *e) {
    const hd_hub_library *library = e->hub->library;
    const hd_hub_request *request = e->request;
    CURL *curl = e->hub->curl;
    if (request->file >= 0) {
        library->easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        library->easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->length);
        library->easy_setopt(curl, CURLOPT_READFUNCTION, send_file);
        library->easy_setopt(curl, CURLOPT_READDATA, e);
        library->easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_file);
        library->easy_setopt(curl, CURLOPT_SEEKDATA, e);
    } else if (request->type) {
        library->easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        library->easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
}

/* libcurl's memory is its own; a failure of these calls shows when the request is performed. The encoding "identity" is
 * requested, and whatever a server uses in its place is decoded. */
static void set_options(exchange *e, const char *url, struct curl_slist *list) {
    const hd_hub_library *library = e->hub->library;
    CURL *curl = e->hub->curl;
    library->easy_reset(curl);
    library->easy_setopt(curl, CURLOPT_URL, url);
    library->easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    library->easy_setopt(curl, CURLOPT_USERAGENT, "heed/" HEED_VERSION);
    library->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    library->easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "identity");
    library->easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    library->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, e->hub->timeout);
    library->easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    /* A hub works for a while on what it is sent before it answers. */
    bool get = !e->request->type && e->request->file < 0;
    library->easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, get ? e->hub->timeout : 30 * e->hub->timeout);
    library->easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    library->easy_setopt(curl, CURLOPT_HEADERDATA, e);
    library->easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    library->easy_setopt(curl, CURLOPT_WRITEDATA, e);
    library->easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    library->easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
    library->easy_setopt(curl, CURLOPT_XFERINFODATA, e);
    const char *authorities = hd_hub_setting("SSL_CERT_FILE");
    if (authorities) library->easy_setopt(curl, CURLOPT_CAINFO, authorities);
    set_body(e);
    library->easy_setopt(curl, CURLOPT_CUSTOMREQUEST, e->request->method);
}

/* Runs with SIGPIPE blocked in this thread: writing to a connection that the server closed is an error, not a signal. */
static CURLcode perform(const hd_hub *hub) {
    sigset_t pipe, pending, old;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &old);
    CURLcode code = hub->library->easy_perform(hub->curl);
    struct timespec now = {0, 0};
    if (!was_pending)
        while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return code;
}

/* One request to one URL. *code is libcurl's; the status is that of heed's own functions. */
static heed_status exchange_once(exchange *e, const char *url, CURLcode *code) {
    const hd_hub_sink *sink = e->request->sink;
    e->requested = sink && !e->whole ? sink->position(sink->user) : 0;
    e->sent = 0;
    e->begun = e->enough = false;
    e->status = clear(e->response);
    if (e->status != HEED_OK) return e->status;
    if (sink && e->whole) HD_TRY(sink->restart(sink->user));
    bool was_whole = e->whole;
    struct curl_slist *list = NULL;
    e->status = add_headers(e, url, &list);
    if (e->status == HEED_OK) {
        set_options(e, url, list);
        *code = perform(e->hub);
    }
    e->hub->library->slist_free_all(list);
    if (e->status != HEED_OK && e->status != HEED_FORMAT) return e->status;
    e->response->status = http_status(e->hub);
    if (e->enough) *code = CURLE_OK;
    if (e->status == HEED_OK && *code == CURLE_OUT_OF_MEMORY)
        e->status = hd_fail(e->hub->context, HEED_MEMORY, "out of memory for a request");
    if (e->status == HEED_OK && *code == CURLE_OK && is_success(e->response->status) && !e->begun)
        e->status = begin_body(e); /* an empty body */
    if (e->status != HEED_FORMAT || !e->whole || was_whole) return e->status;
    *code = CURLE_RANGE_ERROR; /* the caller tries again */
    return e->status = HEED_OK;
}

static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where a redirect leads, to be freed. A request with a body is repeated only where HTTP says that it may be. */
static heed_status follow(exchange *e, const char *from, char **to) {
    hd_hub *hub = e->hub;
    char *target = NULL;
    hub->library->easy_getinfo(hub->curl, CURLINFO_REDIRECT_URL, &target);
    if (!target) return hd_fail(hub->context, HEED_FORMAT, "%s: a redirect leads nowhere", e->request->about);
    bool get = strcmp(e->request->method, "GET") == 0;
    if (!get && e->response->status != 307 && e->response->status != 308)
        return hd_fail(hub->context, HEED_FILE, "%s: the hub redirects a request that changes it (HTTP %ld)",
                       e->request->about, e->response->status);
    char *origin;
    HD_TRY(origin_of(hub, target, &origin));
    bool plain = origin && strncmp(origin, "http:", 5) == 0;
    hd_free(hub->context, origin);
    if (!origin)
        return hd_fail(hub->context, HEED_FORMAT, "%s: a redirect leads to an address that is not http or https",
                       e->request->about);
    if (plain && strncasecmp(from, "https:", 6) == 0)
        return hd_fail(hub->context, HEED_FORMAT, "%s: a redirect leads from https to http", e->request->about);
    *to = hd_copy_string(hub->context, target);
    return *to ? HEED_OK : HEED_MEMORY;
}

/* One attempt: a request and the redirects that it leads to. */
static heed_status attempt(exchange *e, CURLcode *code) {
    char *url = hd_copy_string(e->hub->context, e->request->url), *next;
    if (!url) return HEED_MEMORY;
    heed_status status = HEED_OK;
    for (int redirects = 0; status == HEED_OK; redirects++) {
        next = NULL;
        status = exchange_once(e, url, code);
        if (status != HEED_OK || *code != CURLE_OK || !is_redirect(e->response->status)) break;
        if (redirects == MOST_REDIRECTS)
            status =
                hd_fail(e->hub->context, HEED_FILE, "%s: more than %d redirects", e->request->about, MOST_REDIRECTS);
        else
            status = follow(e, url, &next);
        hd_free(e->hub->context, url);
        url = next;
    }
    hd_free(e->hub->context, url);
    return status;
}

/* ---- trying again ------------------------------------------------------------------------------------------------ */

/* Seconds or a date; −1 when there is no such header. */
static double retry_after(const hd_hub *hub, const hd_hub_response *response) {
    int64_t seconds;
    const char *text = response->retry_after.data;
    if (!text[0]) return -1;
    if (hd_read_int(text, &seconds)) return seconds < 0 ? -1 : (double)seconds;
    time_t date = hub->library->getdate(text, NULL), now = time(NULL);
    return date < 0 ? -1 : date > now ? (double)(date - now) : 0;
}

static heed_status wait_for(const hd_hub *hub, double seconds) {
    enum { SLICE = 50 }; /* milliseconds */
    for (double end = hd_clock() + seconds, left; (left = end - hd_clock()) > 0;) {
        HD_TRY(hd_check_stop(hub->context));
        int slice = left * 1000 < SLICE ? (int)(left * 1000) + 1 : SLICE;
        poll(NULL, 0, slice);
    }
    return HEED_OK;
}

static bool says_later(long status) {
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* A request was refused before the hub acted on it: it may be repeated even if it changes something. */
static bool may_repeat(const exchange *e, CURLcode code) {
    if (code == CURLE_RANGE_ERROR) return true;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
        return e->hub->connected;
    bool connection = code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE ||
                      code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_HTTP2 ||
                      code == CURLE_HTTP2_STREAM || code == CURLE_SSL_CONNECT_ERROR;
    if (code != CURLE_OK) return connection && !e->request->once;
    return says_later(e->response->status) && (!e->request->once || e->response->status == 429);
}

static heed_status unanswered(const exchange *e, CURLcode code) {
    return hd_fail(e->hub->context, HEED_FILE, "%s: no answer from %s: %s", e->request->about, e->hub->endpoint,
                   e->hub->library->easy_strerror(code));
}

/* Waits before the next try, as long as the hub says or twice as long as the last time. */
static heed_status wait_again(const exchange *e, CURLcode code, int tries) {
    const hd_hub *hub = e->hub;
    double delay = FIRST_DELAY;
    for (int i = 1; i < tries && delay < LONGEST_DELAY; i++) delay *= 2;
    double seconds = code == CURLE_RANGE_ERROR ? 0 : delay / 1000;
    double requested = code == CURLE_OK ? retry_after(hub, e->response) : -1;
    if (requested > LONGEST_RETRY_AFTER)
        return hd_fail(hub->context, HEED_FILE, "%s: the hub is busy (HTTP %ld): try again in %.0f seconds",
                       e->request->about, e->response->status, requested);
    if (requested >= 0) seconds = requested;
    if (code == CURLE_OK)
        hd_note(hub->context, "%s: the hub answers HTTP %ld; next try in %.2g seconds", e->request->about,
                e->response->status, seconds);
    else if (code != CURLE_RANGE_ERROR)
        hd_note(hub->context, "%s: %s; next try in %.2g seconds", e->request->about, hub->library->easy_strerror(code),
                seconds);
    return wait_for(hub, seconds);
}

/* 416: there are no bytes at that position, so those that there are belong to another file. */
static bool is_past_end(const exchange *e, CURLcode code) {
    return code == CURLE_OK && e->response->status == 416 && e->requested;
}

heed_status hd_hub_send(hd_hub *hub, const hd_hub_request *request, hd_hub_response *response) {
    exchange e = {.hub = hub, .request = request, .response = response};
    uint64_t most = 0; /* bytes that there have been so far */
    for (int tries = 1;; tries++) {
        CURLcode code = CURLE_OK;
        HD_TRY(attempt(&e, &code));
        if (code == CURLE_OK) hub->connected = true;
        if (is_past_end(&e, code)) {
            e.whole = true;
            continue;
        }
        uint64_t now = request->sink ? request->sink->position(request->sink->user) : 0;
        if (code != CURLE_OK && now > most) tries = 1; /* progress */
        if (code == CURLE_OK && !says_later(response->status)) return HEED_OK;
        if (tries >= MOST_TRIES || !may_repeat(&e, code)) return code == CURLE_OK ? HEED_OK : unanswered(&e, code);
        if (code != CURLE_RANGE_ERROR) e.whole = false;
        if (now > most) most = now;
        HD_TRY(wait_again(&e, code, tries));
    }
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* What the hub says, on one line: its header, or the body when that is short text. */
static void append_reason(const hd_hub_response *response, hd_buffer *reason) {
    enum { MOST = 200 };
    const char *text = response->error_message.data;
    if (!text[0] && response->body.size && response->body.data[0] != '<') text = response->body.data;
    for (size_t i = 0; i < MOST && text[i]; i++)
        hd_buffer_byte(reason, text[i] == '\n' || text[i] == '\r' ? ' ' : text[i]);
}

/* The size of the text that begins like the token, at least eight characters or all of it; 0: no such text. */
static size_t token_prefix(const char *text, const char *token) {
    enum { LEAST = 8 };
    size_t size = 0, whole = strlen(token);
    while (token[size] && text[size] == token[size]) size++;
    return size >= LEAST || size == whole ? size : 0;
}

heed_status hd_hub_redact(const hd_hub *hub, heed_status status) {
    char *message = hub->context->message;
    size_t size = strlen(message), to = 0, length;
    if (status == HEED_OK || !hub->token) return status;
    for (size_t at = 0; at < size; at += length) {
        length = token_prefix(message + at, hub->token);
        message[to++] = length ? '*' : message[at];
        if (!length) length = 1;
    }
    message[to] = 0;
    return status;
}

static const char *advice(const hd_hub *hub, const hd_hub_response *response) {
    const char *code = response->error_code.data;
    if (strcmp(code, "GatedRepo") == 0)
        return hub->token ? "the repository is gated, and the account of the token has no access: request it on the "
                            "repository's page"
                          : "the repository is gated: request access on its page, and set HF_TOKEN to a token of that "
                            "account";
    if (strcmp(code, "RepoNotFound") == 0) return "no such repository, or it is private: then set HF_TOKEN";
    if (strcmp(code, "RevisionNotFound") == 0) return "no such revision";
    if (strcmp(code, "EntryNotFound") == 0) return "no such file";
    switch (response->status) {
        case 401:
            return hub->token ? "the hub does not accept the token, or there is no such repository"
                              : "no such repository, or it is private or gated: then set HF_TOKEN";
        case 403:
            return hub->token ? "the token does not permit this" : "access is restricted: set HF_TOKEN";
        case 404:
            return "no such repository or revision";
        case 429:
            return "too many requests";
        default:
            return "the hub refuses the request";
    }
}

heed_status hd_hub_refused(const hd_hub *hub, const hd_hub_request *request, const hd_hub_response *response) {
    hd_buffer reason;
    hd_buffer_open(&reason, hub->context);
    append_reason(response, &reason);
    heed_status status =
        hd_fail(hub->context, HEED_FILE, "%s: %s (HTTP %ld%s%s)", request->about, advice(hub, response),
                response->status, reason.size ? ": " : "", reason.size ? reason.data : "");
    bool failed = reason.failed;
    hd_buffer_close(&reason);
    return failed ? HEED_MEMORY : status;
}

heed_status hd_hub_call(hd_hub *hub, const hd_hub_request *request, hd_hub_response *response) {
    HD_TRY(hd_hub_send(hub, request, response));
    return is_success(response->status) ? HEED_OK : hd_hub_refused(hub, request, response);
}
