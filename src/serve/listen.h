/* The socket that a server listens on. */
#ifndef HD_SERVE_LISTEN_H
#define HD_SERVE_LISTEN_H

#include "base/context.h"

typedef struct hd_listener {
    int socket; /* −1: none */
    int port;
    bool inherited; /* from systemd (sd_listen_fds(3)) */
} hd_listener;

/* Listens on a numeric address or "localhost" and a port, 0 for any; or on the socket that systemd passed to this process.
 * HEED_ARGUMENT for another address, HEED_FILE. */
heed_status hd_listener_open(heed_context *context, const char *host, int port, hd_listener *listener);
/* New connections are refused; those of an inherited socket wait for the next process. */
void hd_listener_refuse(const hd_listener *listener);
void hd_listener_close(hd_listener *listener);

#endif
