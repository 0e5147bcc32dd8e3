#include "serve/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/json_text.h"

heed_status hd_access_log_open(heed_context *context, const char *path, hd_access_log *log) {
    *log = (hd_access_log){.descriptor = -1};
    if (!path) return HEED_OK;
    log->path = hd_copy_string(context, path);
    if (!log->path) return HEED_MEMORY;
    log->descriptor = strcmp(path, "-") == 0 ? STDOUT_FILENO : hd_open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (log->descriptor >= 0) return HEED_OK;
    hd_fail(context, HEED_FILE, "%s: cannot open: %s", path, strerror(errno));
    hd_access_log_close(context, log);
    return HEED_FILE;
}

void hd_access_log_close(heed_context *context, hd_access_log *log) {
    if (log->descriptor >= 0 && log->descriptor != STDOUT_FILENO) close(log->descriptor);
    hd_free(context, log->path);
    *log = (hd_access_log){.descriptor = -1};
}

static void append(hd_buffer *line, const char *name, const char *value) {
    hd_buffer_format(line, ",\"%s\":", name);
    hd_json_text_append_or_null(line, value && value[0] ? value : NULL);
}

void hd_access_log_add(const hd_access_log *log, hd_exchange *e, double seconds) {
    struct timespec now;
    struct tm parts;
    char date[32];
    hd_buffer line;
    if (log->descriptor < 0) return;
    heed_context own = hd_context_worker(&e->context, 1);
    hd_buffer_open(&line, &own);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    hd_buffer_format(&line, "{\"time\":\"%s.%03ldZ\"", date, now.tv_nsec / 1000000);
    append(&line, "id", e->id);
    append(&line, "client", e->client);
    append(&line, "method", e->method);
    append(&line, "path", e->path);
    append(&line, "model", e->model);
    hd_buffer_format(&line, ",\"status\":%d,\"seconds\":%.6f,\"prompt_tokens\":%zu,\"tokens\":%zu}\n", e->status,
                     seconds, e->prompt_tokens, e->tokens);
    if (!line.failed && write(log->descriptor, line.data, line.size) < 0) errno = 0;
    hd_buffer_close(&line);
}
