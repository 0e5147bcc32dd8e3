/* What heed pull and heed push share: the progress bar, and the interrupt. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "arguments.h"

typedef struct transfer {
    const invocation *line;
    bool drawn;
    double shown; /* time of the last report, in seconds; 0: none yet */
} transfer;

/* Directs the library's notes above the bar and makes an interrupt end the call, after which a later one continues. */
void start_transfer(transfer *t, const invocation *line);
/* heed_transfer_function: draws the bar on a terminal, up to ten times per second. `user` is the transfer. */
bool show_transfer(void *user, const char *file, uint64_t done, uint64_t total);
/* Ends the line of the bar. */
void finish_transfer(transfer *t);

#endif
