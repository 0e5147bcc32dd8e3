/* libmicrohttpd, which is loaded when a server opens, so that all other calls start without it. */
#ifndef HD_SERVE_HTTP_LIBRARY_H
#define HD_SERVE_HTTP_LIBRARY_H

#include <microhttpd.h>

#include "base/buffer.h"
#include "base/context.h"

/* Its functions under their names without "MHD_". */
typedef struct hd_http_library {
    struct MHD_Daemon *(*start_daemon)(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback, void *,
                                       MHD_AccessHandlerCallback, void *, ...);
    void (*stop_daemon)(struct MHD_Daemon *);
    MHD_socket (*quiesce_daemon)(struct MHD_Daemon *);
    const union MHD_ConnectionInfo *(*get_connection_info)(struct MHD_Connection *, enum MHD_ConnectionInfoType, ...);
    const char *(*lookup_connection_value)(struct MHD_Connection *, enum MHD_ValueKind, const char *);
    void (*suspend_connection)(struct MHD_Connection *);
    void (*resume_connection)(struct MHD_Connection *);
    struct MHD_Response *(*create_response_from_buffer)(size_t, void *, enum MHD_ResponseMemoryMode);
    struct MHD_Response *(*create_response_from_callback)(uint64_t, size_t, MHD_ContentReaderCallback, void *,
                                                          MHD_ContentReaderFreeCallback);
    enum MHD_Result (*add_response_header)(struct MHD_Response *, const char *, const char *);
    enum MHD_Result (*queue_response)(struct MHD_Connection *, unsigned, struct MHD_Response *);
    void (*destroy_response)(struct MHD_Response *);
    const char *(*get_version)(void);
} hd_http_library;

/* *library lives as long as the process. HEED_UNSUPPORTED, with the Debian package to install, when it cannot be loaded. */
heed_status hd_http_library_open(heed_context *context, const hd_http_library **library);

#endif
