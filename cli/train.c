/* heed train: trains a model, shows progress, and stops at a signal so that the run can be resumed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "output.h"
#include "stop.h"
#include "verbs.h"

static const char *folder;

static const own_option own[] = {
    {"output", 'o', "FOLDER", "folder for checkpoints and the finished model", &folder, NULL},
};

static const command train = {
    .name = "train",
    .usage = "[RECIPE] --output FOLDER [--resume] [options]",
    .about =
        "Trains or fine-tunes a model: a translator, a language model, a masked language model, a text classifier or "
        "a\n"
        "tagger (--objective). A recipe is a file of options, one NAME = VALUE per line. Options of the command\n"
        "override it. Ctrl-C saves a checkpoint and stops the run. The same command with --resume continues the run.\n"
        "A resumed run ends with exactly the same weights as an uninterrupted one.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_train_options,
};

/* ---- progress --------------------------------------------------------------------------------------------------- */

enum { BAR_CELLS = 24 };

typedef struct reporter {
    bool quiet, terminal, drawn;
    double shown; /* time of the last report, in seconds; 0: none yet */
    int64_t step, steps;
} reporter;

static void draw_bar(const reporter *report, const char *text) {
    static const char full[] = "########################", empty[] = "........................";
    int done = report->steps ? (int)(BAR_CELLS * report->step / report->steps) : 0;
    if (done > BAR_CELLS) done = BAR_CELLS;
    int room = progress_columns() - BAR_CELLS - 3;
    fprintf(stderr, "\r[%.*s%.*s] %.*s\033[K", done, full, BAR_CELLS - done, empty, room > 0 ? room : 0, text);
}

/* Draws the bar up to ten times per second, or prints one line every ten seconds. */
static bool show_progress(void *user, const heed_progress *progress) {
    reporter *report = user;
    double now = seconds_now();
    report->step = heed_progress_step(progress);
    report->steps = heed_progress_steps(progress);
    bool last = report->step == report->steps;
    if (!report->quiet && (last || report->shown == 0 || now - report->shown >= (report->terminal ? 0.1 : 10))) {
        if (report->terminal)
            draw_bar(report, heed_progress_line(progress));
        else
            fprintf(stderr, "%s\n", heed_progress_line(progress));
        report->drawn = report->terminal;
        report->shown = now;
    }
    return true;
}

/* Prints the library's notes above the bar. */
static void show_note(void *user, const char *note) {
    const reporter *report = user;
    fprintf(stderr, "%s%s\n", report->drawn ? "\r\033[K" : "", note);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int train_model(const invocation *line) {
    reporter report = {.quiet = line->quiet, .terminal = isatty(STDERR_FILENO)};
    if (line->verbose || !line->quiet) heed_context_set_log(line->context, show_note, &report);
    stop_on_signals(line->context, SA_RESTART);
    signal(SIGPIPE, SIG_IGN); /* training continues when the reader of its notes has gone */
    heed_status status = heed_train(line->context, line->options, folder, show_progress, &report);
    if (report.drawn) fputc('\n', stderr);
    if (status != HEED_OK) return report_failure(line, status);
    if (!line->quiet) print_message("heed train: the model is in %s", folder);
    return EXIT_DONE;
}

int run_train(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&train, count, words, &line, &code)) return code;
    if (!folder)
        code = report_usage(&line, "--output FOLDER is missing");
    else if (line.text_count > 1)
        code = report_usage(&line, "one recipe at a time: \"%s\" is the second", line.texts[1]);
    else {
        heed_status status = line.text_count ? heed_options_set(line.options, "recipe", line.texts[0]) : HEED_OK;
        code = status == HEED_OK ? train_model(&line) : report_failure(&line, status);
    }
    close_invocation(&line);
    return code;
}
