#include "transfer.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

enum { BAR_CELLS = 24 };

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number) {
    (void)signal_number;
    stop_requested = 1;
}

static bool is_stop_requested(void *user) {
    (void)user;
    return stop_requested;
}

/* The first signal ends the call in order, the second one the program. A signal that is ignored stays ignored. */
static void catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction request = {.sa_handler = request_stop, .sa_flags = (int)SA_RESETHAND}, old;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(signals[i], &request, NULL);
}

static void show_note(void *user, const char *note) {
    transfer *t = user;
    if (t->drawn) fputs("\r\033[K", stderr);
    t->drawn = false;
    print_message("heed %s: %s", t->line->command->name, note);
}

void start_transfer(transfer *t, const invocation *line) {
    *t = (transfer){.line = line};
    if (!line->quiet) heed_context_set_log(line->context, show_note, t);
    heed_context_set_stop(line->context, is_stop_requested, NULL);
    catch_signals();
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int terminal_columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1 : 79;
}

/* The names of files have no control characters: the library refuses those. */
bool show_transfer(void *user, const char *file, uint64_t done, uint64_t total) {
    static const char full[] = "########################", empty[] = "........................";
    transfer *t = user;
    double now = seconds_now();
    if (t->line->quiet || !isatty(STDERR_FILENO)) return true;
    if (t->shown != 0 && done != total && now - t->shown < 0.1) return true;
    int cells = total ? (int)(BAR_CELLS * ((double)done / (double)total)) : 0;
    int space = terminal_columns() - BAR_CELLS - 30;
    fprintf(stderr, "\r[%.*s%.*s] %8.1f of %8.1f MB  %.*s\033[K", cells, full, BAR_CELLS - cells, empty,
            (double)done / 1e6, (double)total / 1e6, space > 0 ? space : 0, file);
    t->drawn = true;
    t->shown = now;
    return true;
}

void finish_transfer(transfer *t) {
    if (t->drawn) fputc('\n', stderr);
    t->drawn = false;
}
