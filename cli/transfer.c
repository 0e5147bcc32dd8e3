#include "transfer.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "stop.h"

enum { BAR_CELLS = 24 };

static void show_note(void *user, const char *note) {
    transfer *t = user;
    if (t->drawn) fputs("\r\033[K", stderr);
    t->drawn = false;
    print_message("heed %s: %s", t->line->command->name, note);
}

void start_transfer(transfer *t, const invocation *line) {
    *t = (transfer){.line = line};
    if (!line->quiet) heed_context_set_log(line->context, show_note, t);
    stop_on_signals(line->context, 0); /* waits for locks end as well */
}

/* The names of files have no control characters: the library refuses those. */
bool show_transfer(void *user, const char *file, uint64_t done, uint64_t total) {
    static const char full[] = "########################", empty[] = "........................";
    transfer *t = user;
    double now = seconds_now();
    if (t->line->quiet || !isatty(STDERR_FILENO)) return true;
    if (t->shown != 0 && done != total && now - t->shown < 0.1) return true;
    int cells = total ? (int)(BAR_CELLS * ((double)done / (double)total)) : 0;
    int space = progress_columns() - BAR_CELLS - 30;
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
