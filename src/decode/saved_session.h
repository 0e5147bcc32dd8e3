/* Sessions in files: what is left to do goes on in another process with the same bits.
 *
 * A file has the unfinished requests, the results that were not returned yet, and what the network's slots have processed. It
 * belongs to one model and one bit epoch. Listeners, what finds stop strings, and constraints belong to the process and are not
 * saved: hd_session_attach_request (session_requests.h) sets them again. A draft belongs to the process too: its slots process
 * their tokens again. */
#ifndef HD_DECODE_SAVED_SESSION_H
#define HD_DECODE_SAVED_SESSION_H

#include "base/buffer.h"
#include "decode/session.h"

/* Writes the session to a file, whole or not at all, and changes nothing of it. Between steps, not from a listener. `caller` has
 * bytes of the caller's own, which hd_session_load returns; NULL: none. HEED_FILE, HEED_MEMORY, or the status of a step that
 * failed. */
heed_status hd_session_save(hd_session *session, const char *path, const hd_buffer *caller);
/* Opens a session from a file. The network and `limits` are as for hd_session_open; where a limit is 0, that of the saved
 * session holds. The caller's bytes are appended to `caller`, which may be NULL. HEED_FORMAT for a damaged file, one of
 * another format or bit epoch, or one of another model. */
heed_status hd_session_load(heed_context *context, const hd_network *network, const hd_session_limits *limits,
                            const char *path, hd_buffer *caller, hd_session **session);

#endif
