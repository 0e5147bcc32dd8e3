/* The requests of a session: how far they are, and who listens to them. */
#ifndef HD_DECODE_SESSION_REQUESTS_H
#define HD_DECODE_SESSION_REQUESTS_H

#include "decode/request.h"

/* A request of a session. */
typedef struct hd_progress {
    uint64_t id, number;
    const hd_generation *generation;
    hd_ids source;    /* or the prompt */
    hd_ids generated; /* so far, of a single hypothesis; empty for several, and once it has finished */
    bool finished;    /* its result was not returned yet */
} hd_progress;

/* The number of requests, and request `index` of them, which is valid until the session changes. */
int64_t hd_session_count(const hd_session *session);
void hd_session_progress(const hd_session *session, int64_t index, hd_progress *progress);
/* Sets the listener of a request, as in hd_request, and what is passed to it and returned with the result. HEED_ARGUMENT if
 * there is no such request. */
heed_status hd_session_attach(hd_session *session, uint64_t id, void *user, bool (*token)(void *user, int32_t token));
/* The same for all that a file of a session lacks: also what finds stop strings, and the constraint. */
heed_status hd_session_attach_request(hd_session *session, uint64_t id, const hd_request *request);

#endif
