/* Threads that read requests: JSON, templates, tokenization and the opening of models take a while, and neither the HTTP thread
 * nor an engine waits for them. */
#ifndef HD_SERVE_WORKERS_H
#define HD_SERVE_WORKERS_H

#include "serve/state.h"

typedef struct hd_workers hd_workers;

/* Starts `count` threads, with contexts that are forked from `context`. */
heed_status hd_workers_open(heed_context *context, const hd_serve_state *state, size_t count, hd_workers **workers);
/* Lets a thread call the function. Without memory the exchange gets the fault. */
void hd_workers_add(hd_workers *workers, hd_serve_function *function, hd_exchange *exchange);
/* Ends when all requests that were added were read. NULL is allowed. */
void hd_workers_close(hd_workers *workers);

#endif
