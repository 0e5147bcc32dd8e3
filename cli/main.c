/* heed VERB …: finds the verb and runs it. */
#include <fcntl.h>
#include <heed/heed.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "complete.h"
#include "foreign.h"
#include "output.h"
#include "suggest.h"
#include "verbs.h"

typedef struct verb {
    const char *name, *group, *help;
    int (*run)(int count, char **words);
} verb;

#define ROW(name, group, help) {#name, group, help, run_##name},
static const verb verbs[] = {VERBS(ROW)};
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static const verb *find_verb(const char *name) {
    for (int i = 0; i < VERB_COUNT; i++)
        if (strcmp(name, verbs[i].name) == 0) return &verbs[i];
    return NULL;
}

static void print_usage(FILE *out) {
    fputs("heed VERB [-m MODEL] [options] [TEXT ...]\n", out);
    for (int i = 0; i < VERB_COUNT; i++) {
        if (i == 0 || strcmp(verbs[i].group, verbs[i - 1].group) != 0) fprintf(out, "\n%s\n", verbs[i].group);
        fprintf(out, "  %-12s%s\n", verbs[i].name, verbs[i].help);
    }
    fputs(
        "\nheed help VERB, or heed VERB --help, lists a verb's options; heed --version names the version.\n"
        "MODEL is a folder, a shipped model's name, or owner/name in the Hugging Face cache.\n",
        out);
}

/* The libraries that a verb loads when it runs. */
static void print_loaded(heed_context *context) {
    char *libraries;
    if (heed_hub_library(context, &libraries) == HEED_OK)
        printf("pull and push: %s\n", libraries);
    else
        printf("pull and push: not available: %s\n", heed_context_message(context));
    heed_free(context, libraries);
}

static int print_version(void) {
    heed_context *context;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) {
        printf("%s\ninstruction set %s, threads %d\n", heed_version(), heed_context_instruction_set(context),
               heed_context_threads(context));
        print_loaded(context);
    } else {
        print_message("heed: %s", heed_context_message(context));
    }
    heed_context_close(context);
    return status == HEED_OK ? finish_output("--version", EXIT_DONE) : EXIT_USAGE;
}

static int report_verb(const char *word) {
    const char *meant = foreign_verb(word);
    if (word[0] == '-') {
        print_message("heed: VERB is missing before %s: heed VERB [options] [TEXT ...] (heed --help lists the verbs)",
                      word);
        return EXIT_USAGE;
    }
    suggestion guess = suggest_for(word, strlen(word));
    for (int i = 0; i < VERB_COUNT; i++) suggest(&guess, verbs[i].name);
    if (meant && find_verb(meant)) guess.best = meant;
    if (guess.best)
        print_message("heed: unknown verb \"%s\" (did you mean \"%s\"?)", word, guess.best);
    else
        print_message("heed: unknown verb \"%s\" (heed --help lists them)", word);
    return EXIT_USAGE;
}

static int run_verb(int count, char **words) {
    const verb *row = find_verb(words[0]);
    return row ? row->run(count - 1, words + 1) : report_verb(words[0]);
}

/* heed help, heed help VERB, heed help evaluate bleu: the words, then --help. */
static int run_help(int count, char **words) {
    static char option[] = "--help";
    char *line[3]; /* a verb, what it may take, --help */
    int used = 0;
    if (count == 0) return print_usage(stdout), finish_output("--help", EXIT_DONE);
    while (used < count && used < 2) line[used] = words[used], used++;
    line[used++] = option;
    return run_verb(used, line);
}

/* heed complete WORD ...: what the last word may become, for the shells (complete.h). */
static int run_complete(int count, char **words) {
    const verb *row = count > 1 ? find_verb(words[strcmp(words[0], "help") == 0 && count > 2]) : NULL;
    if (count == 0) return EXIT_USAGE;
    start_completion(words[count - 1]);
    if (row) return row->run(count - 1, words + 1);
    if (count == 1 || strcmp(words[0], "help") == 0)
        for (int i = 0; i < VERB_COUNT; i++) offer(verbs[i].name, verbs[i].help);
    if (count == 1) offer("help", "options of a verb");
    return finish_output("complete", EXIT_DONE);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* Opens standard descriptors that are closed, so that no other file gets their numbers; in the wrong direction, so that
 * using them still fails. */
static void fill_standard_descriptors(void) {
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
}

int main(int count, char **words) {
    fill_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN); /* a file that grows past the limit is an error to report and clean up after */
    if (count < 2) return print_usage(stderr), EXIT_USAGE;
    if (is_one_of(words[1], "help", "--help", "-h")) return run_help(count - 2, words + 2);
    if (is_one_of(words[1], "version", "--version", "-V")) return print_version();
    if (strcmp(words[1], "complete") == 0) return run_complete(count - 2, words + 2);
    return run_verb(count - 1, words + 1);
}
