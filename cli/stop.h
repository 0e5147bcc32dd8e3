/* Signals that end a long call in order. */
#ifndef HEED_CLI_STOP_H
#define HEED_CLI_STOP_H

#include <heed/heed.h>

/* The first SIGINT, SIGTERM or SIGHUP makes the context's calls return HEED_STOPPED, the second one ends the program by the
 * system's default handler. A signal that is ignored, as under nohup, stays ignored. `flags` are more flags of sigaction. */
void stop_on_signals(heed_context *context, int flags);

/* Whether such a signal has come. */
bool is_stop_requested(void);

#endif
