/* A decoding session: requests are added at any time and run side by side, one forward of the network a step. A request's
 * result does not depend on the other requests, on the order of their arrival, on the size of a step or on the number of
 * threads. One thread at a time uses a session; several sessions may read the same network. */
#ifndef HD_DECODE_SESSION_H
#define HD_DECODE_SESSION_H

#include "decode/request.h"
#include "layers/network.h"

typedef struct hd_session hd_session;

typedef struct hd_session_limits {
    /* Most tokens of a step; prompts that do not fit beside the running hypotheses are cut into chunks. At least one token
     * of each running hypothesis and of a prompt is in every step. Sources to encode, which cannot be cut, have the same
     * limit. 0: none. */
    int64_t step_tokens;
} hd_session_limits;

/* The network outlives the session and is packed (hd_network_pack). `limits` may be NULL. */
heed_status hd_session_open(heed_context *context, const hd_network *network, const hd_session_limits *limits,
                            hd_session **session);
void hd_session_close(hd_session *session); /* NULL is fine */

/* Adds a request, which begins in the next step; *id (may be NULL) names it for cancelling. HEED_ARGUMENT or HEED_LENGTH for
 * a request that the network cannot run; the session goes on as if it had not been added. */
heed_status hd_session_add(hd_session *session, const hd_request *request, uint64_t *id);
/* Drops a request that has not finished: it has no result. HEED_ARGUMENT if there is none with this id. */
heed_status hd_session_cancel(hd_session *session, uint64_t id);
/* Is there a request that has not finished? */
bool hd_session_is_busy(const hd_session *session);
/* One forward, and the next tokens of all hypotheses whose prompt is through. After a failure the session can only be
 * closed. */
heed_status hd_session_step(hd_session *session);
/* The result of a request that has finished and was not returned yet, in the order of finishing; false: there is none. It
 * is valid until the next call or until the session is closed. */
bool hd_session_next(hd_session *session, hd_decoded *decoded);

/* How many of a prompt's last tokens are visible to the network: all, up to its window, and of more the last half or
 * more. */
int64_t hd_session_visible(const hd_session *session, int64_t tokens);

#endif
