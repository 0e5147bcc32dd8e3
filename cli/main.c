/* heed VERB …: finds the verb and leaves the rest to it. */
#include <heed/heed.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "suggest.h"
#include "verbs.h"

static const struct verb {
    const char *name, *about;
    int (*run)(int count, char **words);
} verbs[] = {
    {"translate", "text in one language to text in another", run_translate},
    {"generate", "go on with a text", run_generate},
    {"classify", "a label for a text", run_classify},
    {"tag", "the named entities in a text", run_tag},
    {"fill", "the words that masks hide", run_fill},
    {"train", "train a model from text files", run_train},
    {"evaluate", "how good answers, models and trainings are: bleu, perplexity, accuracy, span-f1, training",
     run_evaluate},
    {"attend", "what a model looks at: attention maps as text, SVG and HTML", run_attend},
    {"tokenize", "text to tokens or ids, and back; train a tokenizer", run_tokenize},
    {"info", "what a model is made of", run_info},
    {"bench", "measure this machine and what heed makes of it", run_bench},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void print_usage(FILE *out) {
    fputs("heed VERB [-m MODEL] [options] [TEXT ...]\n\n", out);
    for (int i = 0; i < VERBS; i++) fprintf(out, "  %-12s%s\n", verbs[i].name, verbs[i].about);
    fputs(
        "\nheed VERB --help says more of one; heed --version names the version.\n"
        "MODEL is a folder, a shipped model's name, or owner/name in the Hugging Face cache.\n",
        out);
}

static int print_version(void) {
    heed_context *context;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK)
        printf("%s\ninstruction set %s, threads %d\n", heed_version(), heed_context_instruction_set(context),
               heed_context_threads(context));
    else
        fprintf(stderr, "heed: %s\n", heed_context_message(context));
    heed_context_close(context);
    return status == HEED_OK ? finish_output("--version", EXIT_DONE) : EXIT_USAGE;
}

static int report_verb(const char *word) {
    suggestion guess = suggest_for(word, strlen(word));
    for (int i = 0; i < VERBS; i++) suggest(&guess, verbs[i].name);
    if (guess.best)
        fprintf(stderr, "heed: unknown verb \"%s\" (did you mean \"%s\"?)\n", word, guess.best);
    else
        fprintf(stderr, "heed: unknown verb \"%s\" (heed --help lists them)\n", word);
    return EXIT_USAGE;
}

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : NULL;
    signal(SIGXFSZ, SIG_IGN); /* a file that grows past the limit is an error to report and clean up after */
    if (!verb) return print_usage(stderr), EXIT_USAGE;
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return print_usage(stdout), finish_output("--help", EXIT_DONE);
    if (strcmp(verb, "--version") == 0) return print_version();
    for (int i = 0; i < VERBS; i++)
        if (strcmp(verb, verbs[i].name) == 0) return verbs[i].run(count - 2, words + 2);
    return report_verb(verb);
}
