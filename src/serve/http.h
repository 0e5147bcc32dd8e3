/* Connections. One thread reads requests and sends answers, and never waits for either: requests are passed on as exchanges, and
 * a connection whose answer is not there yet is suspended. */
#ifndef HD_SERVE_HTTP_H
#define HD_SERVE_HTTP_H

#include "serve/exchange.h"

typedef struct hd_http hd_http;

typedef struct hd_http_settings {
    int socket;           /* which listens; the caller closes it */
    size_t max_body;      /* bytes */
    unsigned connections; /* at once */
    unsigned idle;        /* seconds without a byte until a connection is closed */
    double patience;      /* seconds in which a whole request has to come */
    double timeout;       /* seconds until an answer has to be complete; 0: no limit */
    heed_context context; /* of the memory of exchanges */
    /* Called on the HTTP thread: with each whole request, which it answers now or later; and when its answer was sent or is
     * given up. */
    void (*handle)(void *user, hd_exchange *exchange);
    void (*completed)(void *user, hd_exchange *exchange);
    void *user;
} hd_http_settings;

/* HEED_UNSUPPORTED without libmicrohttpd, HEED_FILE if it does not start. */
heed_status hd_http_open(heed_context *context, const hd_http_settings *settings, hd_http **http);
/* Accepts no more connections. */
void hd_http_refuse(hd_http *http);
/* Every exchange must have its answer. NULL is allowed. */
void hd_http_close(hd_http *http);

#endif
