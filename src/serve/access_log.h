/* The access log: one JSON object per request and line. */
#ifndef HD_SERVE_ACCESS_LOG_H
#define HD_SERVE_ACCESS_LOG_H

#include "serve/exchange.h"

typedef struct hd_access_log {
    int descriptor; /* −1: none */
    char *path;     /* NULL: none */
} hd_access_log;

/* Appends to the file `path`; "-" is standard output, NULL no log. HEED_FILE. */
heed_status hd_access_log_open(heed_context *context, const char *path, hd_access_log *log);
void hd_access_log_close(heed_context *context, hd_access_log *log);
/* One write(2) per line, so that several processes may share a file. A failure to write is ignored. */
void hd_access_log_add(const hd_access_log *log, hd_exchange *exchange, double seconds);

#endif
