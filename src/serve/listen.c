#include "serve/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"

enum { FIRST_DESCRIPTOR = 3, BACKLOG = 1024 };

/* Whether systemd has passed a socket to this process. */
static bool is_passed(void) {
    const char *process = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    int64_t id, sockets;
    return process && count && hd_read_int(process, &id) && hd_read_int(count, &sockets) && id == getpid() &&
           sockets >= 1;
}

static int bind_socket(const struct addrinfo *address) {
    int on = 1, s = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) return -1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, address->ai_addr, address->ai_addrlen) == 0 && listen(s, BACKLOG) == 0) return s;
    int reason = errno;
    close(s);
    errno = reason;
    return -1;
}

static heed_status open_socket(heed_context *context, const char *host, int port, hd_listener *l) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST},
                    *addresses;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (getaddrinfo(host, service, &hints, &addresses) != 0)
        return hd_fail(context, HEED_ARGUMENT, "host is \"%s\", expected an address such as 127.0.0.1 or ::1", host);
    l->socket = bind_socket(addresses);
    int reason = errno;
    freeaddrinfo(addresses);
    if (l->socket >= 0) return HEED_OK;
    return hd_fail(context, HEED_FILE, "cannot listen on %s port %d: %s", host, port, strerror(reason));
}

static int port_of(int s) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(s, (struct sockaddr *)&address, &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port) : 0;
}

heed_status hd_listener_open(heed_context *context, const char *host, int port, hd_listener *l) {
    *l = (hd_listener){.socket = -1};
    if (is_passed()) {
        l->socket = FIRST_DESCRIPTOR;
        l->inherited = true;
        fcntl(l->socket, F_SETFD, FD_CLOEXEC);
    } else {
        HD_TRY(open_socket(context, host, port, l));
    }
    int flags = fcntl(l->socket, F_GETFL);
    if (flags < 0 || fcntl(l->socket, F_SETFL, flags | O_NONBLOCK) != 0)
        return hd_fail(context, HEED_FILE, "the socket cannot be used: %s", strerror(errno));
    l->port = port_of(l->socket);
    return HEED_OK;
}

void hd_listener_refuse(const hd_listener *l) {
    if (!l->inherited) shutdown(l->socket, SHUT_RDWR);
}

void hd_listener_close(hd_listener *l) {
    if (l->socket >= 0) close(l->socket);
    l->socket = -1;
}
