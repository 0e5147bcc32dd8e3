#include "stop.h"

#include <signal.h>
#include <stdatomic.h>

static atomic_int stop_requested; /* heed reads it from several threads */

static void request_stop(int signal_number) {
    (void)signal_number;
    stop_requested = 1;
}

bool is_stop_requested(void) { return stop_requested; }

static bool stop_call(void *user) {
    (void)user;
    return is_stop_requested();
}

void stop_on_signals(heed_context *context, int flags) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction request = {.sa_handler = request_stop, .sa_flags = (int)SA_RESETHAND | flags}, old;
    heed_context_set_stop(context, stop_call, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(signals[i], &request, NULL);
}
