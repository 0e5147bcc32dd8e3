/* heed train: fits a model, tells how it goes, and stops when asked, so that it can go on later. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "verbs.h"

static const char *folder;

static const own_option own[] = {
    {"output", 'o', "FOLDER", "where checkpoints and the finished model go", &folder, NULL},
};

static const command train = {
    .name = "train",
    .usage = "[RECIPE] --output FOLDER [--resume] [options]",
    .about =
        "Trains a translator as the recipe, a file of NAME = VALUE lines, and the options say. Ctrl-C saves and "
        "stops;\n"
        "the same command with --resume then goes on, to the same bits as without the stop.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_train_options,
};

/* ---- stopping --------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number) {
    (void)signal_number;
    stop_asked = 1;
}

/* The first signal asks, the second finds the system's own handler and ends the program. A signal that is ignored, as
 * nohup ignores one, stays so. */
static void catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction ask = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND | SA_RESTART}, old;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(signals[i], &ask, NULL);
    signal(SIGPIPE, SIG_IGN); /* a training outlives whoever read its notes */
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

enum { BAR_CELLS = 24 };

typedef struct reporter {
    bool quiet, terminal, drawn;
    double shown; /* when something was last shown, in seconds; 0: never */
    int64_t step, steps;
} reporter;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int terminal_columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1 : 79;
}

static void draw_bar(const reporter *report, const char *text) {
    static const char full[] = "########################", empty[] = "........................";
    int done = report->steps ? (int)(BAR_CELLS * report->step / report->steps) : 0;
    if (done > BAR_CELLS) done = BAR_CELLS;
    int room = terminal_columns() - BAR_CELLS - 3;
    fprintf(stderr, "\r[%.*s%.*s] %.*s\033[K", done, full, BAR_CELLS - done, empty, room > 0 ? room : 0, text);
}

/* A bar is drawn a few times a second, a line is printed each ten seconds. */
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
    return !stop_asked;
}

/* Notes of the library go above the bar. */
static void show_note(void *user, const char *note) {
    const reporter *report = user;
    fprintf(stderr, "%s%s\n", report->drawn ? "\r\033[K" : "", note);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int train_model(const invocation *line) {
    reporter report = {.quiet = line->quiet, .terminal = isatty(STDERR_FILENO)};
    if (line->verbose || !line->quiet) heed_context_set_log(line->context, show_note, &report);
    catch_signals();
    heed_status status = heed_train(line->context, line->options, folder, show_progress, &report);
    if (report.drawn) fputc('\n', stderr);
    if (status == HEED_STOPPED) {
        fprintf(stderr, "heed train: stopped at step %lld of %lld; the same command with --resume goes on\n",
                (long long)report.step, (long long)report.steps);
        return EXIT_FAILED;
    }
    if (status != HEED_OK) return report_failure(line, status);
    if (!line->quiet) fprintf(stderr, "heed train: the model is in %s\n", folder);
    return EXIT_DONE;
}

int run_train(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&train, count, words, &line, &code)) return code;
    if (!folder)
        code = report_usage(&line, "where to? --output FOLDER is missing");
    else if (line.text_count > 1)
        code = report_usage(&line, "one recipe at a time: \"%s\" is the second", line.texts[1]);
    else {
        heed_status status = line.text_count ? heed_options_set(line.options, "recipe", line.texts[0]) : HEED_OK;
        code = status == HEED_OK ? train_model(&line) : report_failure(&line, status);
    }
    close_invocation(&line);
    return code;
}
