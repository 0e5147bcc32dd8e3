/* One HTTP request and its answer. The HTTP thread, the thread that answers, and those that decode share it: it is counted
 * by references, and its answer is under a lock. */
#ifndef HD_SERVE_EXCHANGE_H
#define HD_SERVE_EXCHANGE_H

#include <pthread.h>

#include "serve/fault.h"

typedef struct hd_exchange hd_exchange;

/* What the HTTP thread does with a connection; `user` is the connection. */
typedef void hd_exchange_resume(hd_exchange *exchange);

struct hd_exchange {
    heed_context context; /* of its memory, with a message of its own */
    pthread_mutex_t lock;
    int references; /* under the lock */

    /* The request: written by the HTTP thread before another one has the exchange. */
    char *method, *path;
    char *key, *origin, *host; /* of the head; key: of "Authorization: Bearer"; NULL: none */
    char client[64], id[33];
    hd_buffer body;
    double begun, deadline;        /* of hd_clock; deadline 0: none */
    const _Atomic bool *cancelled; /* the server gives up all answers; NULL: never */
    int socket;                    /* −1: none */
    void *connection;              /* NULL: none */
    hd_exchange_resume *resume;

    /* The answer: under the lock. */
    int status; /* of HTTP; 0: there is none yet */
    const char *type, *allow_origin;
    hd_buffer out;   /* bytes of the body, */
    size_t sent;     /* of which so many were sent */
    bool streams;    /* the body is sent while it grows */
    bool finished;   /* the body is complete */
    bool gone;       /* the client is */
    bool suspended;  /* the HTTP thread waits for the answer */
    int retry_after; /* seconds; 0: no header */
    bool closes;     /* the connection, after the answer */
    bool counted;    /* among the requests in progress */

    /* For the log and the metrics: written by the thread that answers. */
    char model[128];
    const char *endpoint; /* "": none */
    size_t prompt_tokens, tokens;
    double first; /* of hd_clock: the first byte of a stream; 0: none */
};

/* NULL when out of memory. The caller has the only reference. */
hd_exchange *hd_exchange_open(const heed_context *context);
void hd_exchange_hold(hd_exchange *exchange);
void hd_exchange_release(hd_exchange *exchange); /* NULL is allowed */

/* Answers with `size` bytes of this type, such as "application/json", which lives as long as the program. */
void hd_exchange_reply(hd_exchange *exchange, int status, const char *type, const char *bytes, size_t size);
/* Answers with the fault. After hd_exchange_begin it is the last event of the stream. */
void hd_exchange_fail(hd_exchange *exchange, const hd_fault *fault);
/* Begins an answer that is sent while it grows, as server-sent events. */
void hd_exchange_begin(hd_exchange *exchange);
void hd_exchange_write(hd_exchange *exchange, const char *bytes, size_t size);
void hd_exchange_finish(hd_exchange *exchange);
/* Whether an answer is still of use: the client is there, and the time is not over. Any thread may ask at any time. */
bool hd_exchange_waits(hd_exchange *exchange, hd_fault *fault); /* false, with the fault */

#endif
