/* HTTP with a hub. A request is repeated after a broken connection and after an answer that says to try later, and it follows
 * redirects. The access token goes to the hub's own origin (scheme, host and port) and nowhere else, and no message has it. */
#ifndef HD_FORMATS_HUB_SESSION_H
#define HD_FORMATS_HUB_SESSION_H

#include "base/buffer.h"
#include "formats/hub/library.h"

/* Reports the position in the file that is being sent; false requests a stop. */
typedef bool hd_hub_progress(void *user, uint64_t position);

typedef struct hd_hub {
    heed_context *context;
    const hd_hub_library *library;
    CURL *curl;
    char *endpoint; /* https://huggingface.co or $HF_ENDPOINT, without a final slash */
    char *origin;   /* of the endpoint: https://huggingface.co:443 */
    char *token;    /* NULL: none */
    bool connected; /* some request was answered: a failure to connect is then worth another try */
    long timeout;   /* seconds without any byte after which a connection counts as broken */
} hd_hub;

/* Where the body of a download goes. Functions return HEED_OK or record a failure. */
typedef struct hd_hub_sink {
    uint64_t (*position)(void *user);   /* bytes there are already: only those after them are requested */
    heed_status (*restart)(void *user); /* drops them: the answer begins at the first byte */
    heed_status (*write)(void *user, const void *bytes, size_t size);
    void *user;
} hd_hub_sink;

typedef struct hd_hub_request {
    const char *about;  /* what a failure names first: "owner/name", "owner/name: FILE" */
    const char *method; /* GET, POST or PUT */
    const char *url;
    const char *type; /* of the body; NULL: no body, unless there is a file */
    const char *body; /* [body_size] */
    size_t body_size;
    int file; /* PUT: `length` bytes of this file from `offset` on; −1: none */
    uint64_t offset, length;
    const hd_hub_sink *sink;   /* NULL: the response keeps the body */
    hd_hub_progress *progress; /* of a file that is sent; may be NULL */
    void *progress_user;
    bool once; /* not repeated when the hub may have acted on it */
} hd_hub_request;

#define HD_HUB_GET(about_, url_) \
    (hd_hub_request) { .about = (about_), .method = "GET", .url = (url_), .file = -1 }

typedef struct hd_hub_response {
    long status;                                                                   /* of HTTP */
    hd_buffer body;                                                                /* followed by a 0 */
    hd_buffer link, etag, range, encoding, retry_after, error_code, error_message; /* headers, "" when missing */
} hd_hub_response;

/* Reads HF_ENDPOINT, HF_TOKEN (or the token file), HF_HUB_DOWNLOAD_TIMEOUT. HEED_UNSUPPORTED without libcurl,
 * HEED_ARGUMENT for an endpoint or a token that cannot be one, HEED_FILE when HF_HUB_OFFLINE is set. *hub may be closed in
 * any case. */
heed_status hd_hub_open(heed_context *context, hd_hub *hub);
void hd_hub_close(hd_hub *hub);

void hd_hub_response_open(const hd_hub *hub, hd_hub_response *response);
void hd_hub_response_close(hd_hub_response *response);

/* Sends a request and returns HEED_OK once it was answered, with whatever status but those that say to try later. HEED_FILE
 * when no answer came, HEED_FORMAT for one that is too large, HEED_STOPPED, and the failures of a sink. */
heed_status hd_hub_send(hd_hub *hub, const hd_hub_request *request, hd_hub_response *response);
/* The same, and HEED_FILE unless the status is a success; the message names the reason. */
heed_status hd_hub_call(hd_hub *hub, const hd_hub_request *request, hd_hub_response *response);
/* Records and returns HEED_FILE for such an answer. */
heed_status hd_hub_refused(const hd_hub *hub, const hd_hub_request *request, const hd_hub_response *response);

/* Replaces the token in the message of the last failure, should a hub have repeated it. Returns `status`. */
heed_status hd_hub_redact(const hd_hub *hub, heed_status status);

/* The endpoint followed by a path with %s as in printf; each %s is percent-encoded, and of a path with slashes all but
 * those if it is written %p. NULL when memory ran out. */
char *hd_hub_url(const hd_hub *hub, const char *format, ...);

#endif
