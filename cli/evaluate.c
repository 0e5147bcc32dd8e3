/* heed evaluate: how good answers are. One measure so far, BLEU. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "verbs.h"

static bool json;

static const own_option own[] = {
    {"json", 0, NULL, "sacreBLEU's JSON object", NULL, &json},
};

static const command bleu = {
    .name = "evaluate bleu",
    .usage = "--reference FILE ... [options] [TRANSLATIONS]",
    .about =
        "Corpus BLEU of a file of translations, else of standard input, against one or more files of references,\n"
        "with sacreBLEU's numbers, line and signature.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_bleu_options,
};

static int evaluate_bleu(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&bleu, count, words, &line, &code)) return code;
    if (!was_given(&line, "reference")) {
        code = report_usage(&line, "nothing to compare with: --reference FILE is missing");
    } else if (line.text_count > 1) {
        code = report_usage(&line, "one file of translations at a time, not %zu", line.text_count);
    } else {
        char *report;
        const char *translations = line.text_count ? line.texts[0] : "-";
        heed_status status = heed_evaluate_bleu(line.context, line.options, translations, json, &report);
        if (status == HEED_OK) puts(report);
        if (status == HEED_OK) heed_free(line.context, report);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    }
    close_invocation(&line);
    return finish_output(bleu.name, code);
}

static const char usage[] =
    "heed evaluate MEASURE [options] [FILE]\n\n"
    "  bleu        of translations\n\n"
    "heed evaluate MEASURE --help says more of one.\n";

int run_evaluate(int count, char **words) {
    if (count && strcmp(words[0], "bleu") == 0) return evaluate_bleu(count - 1, words + 1);
    if (count && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)) {
        fputs(usage, stdout);
        return finish_output("evaluate", EXIT_DONE);
    }
    if (count)
        fprintf(stderr, "heed evaluate: unknown measure \"%s\" (there is: bleu)\n", words[0]);
    else
        fputs("heed evaluate: which measure? (there is: bleu)\n", stderr);
    return EXIT_USAGE;
}
