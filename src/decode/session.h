/* A decoding session: requests are added at any time and run together, with one forward pass of the network per
 * step. A request's result does not depend on the other requests, on the order of their arrival, on the size of a
 * step or on the number of threads. One thread at a time uses a session. Several sessions may share a
 * network. */
#ifndef HD_DECODE_SESSION_H
#define HD_DECODE_SESSION_H

#include "decode/request.h"
#include "layers/network.h"

/* The network must outlive the session and be packed (hd_network_pack). `limits` may be NULL. */
heed_status hd_session_open(heed_context *context, const hd_network *network, const hd_session_limits *limits,
                            hd_session **session);
void hd_session_close(hd_session *session); /* NULL is ignored */

/* Whether requests may have these settings: HEED_UNSUPPORTED names a setting of the model's folder that heed lacks. */
heed_status hd_session_allow(heed_context *context, const hd_generation *generation);
/* Adds a request, which begins in the next step. *id (may be NULL) identifies it for cancelling. HEED_ARGUMENT or
 * HEED_LENGTH if the network cannot run the request; the session stays usable without it. */
heed_status hd_session_add(hd_session *session, const hd_request *request, uint64_t *id);
/* Drops an unfinished request without a result. HEED_ARGUMENT if none has this id. */
heed_status hd_session_cancel(hd_session *session, uint64_t id);
/* Whether there is an unfinished request. */
bool hd_session_is_busy(const hd_session *session);
/* One forward pass, and the next tokens of all hypotheses whose prompt is processed: of each one, or with proposed tokens
 * (decode/proposals.h) several. After a failure the session can only be closed. */
heed_status hd_session_step(hd_session *session);
/* The result of a request that has finished and was not returned yet, in the order of finishing; false: there is none. It
 * is valid until the next call or until the session is closed. */
bool hd_session_next(hd_session *session, hd_decoded *decoded);

/* The number of a prompt's last tokens that are visible to the network: all up to its window, else at least the last
 * half of the window. */
int64_t hd_session_visible(const hd_session *session, int64_t tokens);

#endif
