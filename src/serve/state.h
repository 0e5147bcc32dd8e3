/* What all requests of a server have in common. */
#ifndef HD_SERVE_STATE_H
#define HD_SERVE_STATE_H

#include "serve/exchange.h"
#include "serve/metrics.h"
#include "serve/models.h"

typedef struct hd_serve_state {
    hd_serve_models *models;
    hd_serve_metrics *metrics;
    int64_t max_tokens; /* of an answer; 0: no limit */
    int64_t created;    /* seconds since 1970 */
} hd_serve_state;

/* Answers a request. A thread calls it with a context of its own; the answer may come later, from another thread. */
typedef void hd_serve_function(const hd_serve_state *state, heed_context *context, hd_exchange *exchange);

#endif
