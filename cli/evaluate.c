/* heed evaluate: how good answers, and models, are. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "complete.h"
#include "models.h"
#include "output.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json;

/* A measure: its command, and what it makes of the words. The report is for heed_free. */
typedef struct measure {
    command command;
    bool (*check)(const invocation *line); /* false: reported as wrong usage */
    heed_status (*run)(const invocation *line, heed_model *model, char **report);
} measure;

#define MODEL(help) \
    { "model", 'm', "MODEL", help, &model_name, NULL }
#define JSON(help) \
    { "json", 0, NULL, help, NULL, &json }

/* The one file that the words name, else standard input. */
static const char *only_file(const invocation *line) { return line->text_count ? line->texts[0] : "-"; }

static bool check_reference(const invocation *line, const char *what) {
    if (!was_given(line, "reference"))
        return report_usage(line, "nothing to compare with: --reference FILE is missing"), false;
    if (line->text_count > 1)
        return report_usage(line, "one file of %s at a time, not %zu", what, line->text_count), false;
    return true;
}

static const char *picture;

static bool check_picture(const invocation *line) {
    size_t size = picture ? strlen(picture) : 0;
    if (picture && (size < 4 || strcmp(picture + size - 4, ".svg") != 0))
        return report_usage(line, "pictures are SVG: %s does not end in .svg", picture), false;
    return true;
}

/* ---- bleu ---- */

static bool by_length;

static bool check_bleu(const invocation *line) {
    if (!check_picture(line)) return false;
    const char *only = picture ? "--output" : was_given(line, "source") ? "--source" : "--bucket";
    if (!by_length && (picture || was_given(line, "source") || was_given(line, "bucket")))
        return report_usage(line, "%s goes with --by-length", only), false;
    if (by_length && line->text_count > 1) /* several series */
        return was_given(line, "reference") || check_reference(line, "translations");
    return check_reference(line, "translations");
}

static heed_status run_bleu(const invocation *line, heed_model *model, char **report) {
    (void)model;
    const char *file = only_file(line);
    if (!by_length) return heed_evaluate_bleu(line->context, line->options, file, json, report);
    return heed_evaluate_bleu_by_length(line->context, line->options, line->text_count ? line->texts : &file,
                                        line->text_count ? line->text_count : 1, json, picture, report);
}

static const own_option bleu_own[] = {
    {"by-length", 0, NULL, "a score for each bucket of sentences of like length, of one file or several", NULL,
     &by_length},
    {"output", 'o', "FILE.svg", "by length: draw the curves there", &picture, NULL},
    JSON("sacreBLEU's JSON object; by length, one of all buckets")};

/* ---- perplexity ---- */

static bool check_perplexity(const invocation *line) {
    if (!model_name) return report_usage(line, "whose? -m MODEL is missing"), false;
    return true;
}

static heed_status run_perplexity(const invocation *line, heed_model *model, char **report) {
    static const char *const standard = "-";
    bool pairs = was_given(line, "source") || was_given(line, "target"), piped = !line->text_count && !pairs;
    return heed_evaluate_perplexity(model, line->options, piped ? &standard : line->texts, piped ? 1 : line->text_count,
                                    json, report);
}

static const own_option perplexity_own[] = {MODEL("the model to judge"), COMPUTE, JSON("a JSON object")};

/* ---- accuracy ---- */

static bool check_accuracy(const invocation *line) {
    if (input && line->text_count) return report_usage(line, "one file at a time, not also --input"), false;
    return check_reference(line, model_name ? "texts" : "labels");
}

static heed_status run_accuracy(const invocation *line, heed_model *model, char **report) {
    return heed_evaluate_accuracy(line->context, model, line->options, input ? input : only_file(line), json, report);
}

static const own_option accuracy_own[] = {
    MODEL("a model to judge; without one, labels are"),
    COMPUTE,
    {"input", 0, "FILE", "the labels, or the model's texts, one a line; - for standard input", &input, NULL},
    JSON("a JSON object, with how often each label was taken for each")};

/* ---- span-f1 ---- */

static bool check_span_f1(const invocation *line) {
    if (!model_name) return check_reference(line, "labels");
    if (line->text_count > 1) return report_usage(line, "one file at a time, not %zu", line->text_count), false;
    return true;
}

static heed_status run_span_f1(const invocation *line, heed_model *model, char **report) {
    return heed_evaluate_span_f1(line->context, model, line->options, only_file(line), json, report);
}

static const own_option span_f1_own[] = {MODEL("a model to judge; without one, a file's labels are"), COMPUTE,
                                         JSON("a JSON object, with seqeval's names")};

/* ---- training ---- */

static bool check_training(const invocation *line) {
    if (!line->text_count) return report_usage(line, "which training? name its folder"), false;
    return check_picture(line);
}

static heed_status run_training(const invocation *line, heed_model *model, char **report) {
    (void)model;
    return heed_evaluate_training(line->context, line->options, line->texts, line->text_count, json, picture, report);
}

static const own_option training_own[] = {{"output", 'o', "FILE.svg", "draw the curves there", &picture, NULL},
                                          JSON("a JSON object of all points")};

/* ---- all of them ---- */

static const measure measures[] = {
    {{.name = "evaluate bleu",
      .usage = "--reference FILE ... [options] [TRANSLATIONS ...]",
      .about =
          "Corpus BLEU of a file of translations, else of standard input, against one or more files of references,\n"
          "with sacreBLEU's numbers, line and signature. With --by-length there is a table of the scores of sentences "
          "of\n"
          "1 to 10 words, 11 to 20, and so on, with a column for each file of translations.\n",
      .own = bleu_own,
      .own_count = sizeof bleu_own / sizeof bleu_own[0],
      .open_options = heed_bleu_options},
     check_bleu,
     run_bleu},
    {{.name = "evaluate perplexity",
      .usage = "-m MODEL [options] [FILE ...]",
      .about = "How likely a model finds the text of files, else of standard input: e to the mean loss of a token, "
               "that loss\n"
               "in nats, and the bits that each byte and each character cost.\n"
               "\n"
               "A model that goes on with texts is asked for every token of each line, from the end token that stands "
               "before\n"
               "it to the one behind, if the vocabulary has one; with --whole-file for every token of the file but the "
               "first.\n"
               "What a token is given is all that stands before it in its text, but of a text longer than --window "
               "only what\n"
               "the same window has: the first token of a window is given one token, the last one a window's. With "
               "--stride\n"
               "windows overlap, a token is asked for in the first window that has it, and all but those of the first "
               "window\n"
               "are given at least window - stride + 1 tokens.\n"
               "\n"
               "A model that translates is asked for --target, given --source. A model of hidden words is asked for "
               "each token\n"
               "of a line with that one alone hidden: its pseudo-perplexity.\n",
      .own = perplexity_own,
      .own_count = sizeof perplexity_own / sizeof perplexity_own[0],
      .open_options = heed_perplexity_options,
      .notes = true},
     check_perplexity,
     run_perplexity},
    {{.name = "evaluate accuracy",
      .usage = "--reference FILE [-m MODEL] [options] [FILE]",
      .about = "How many labels of a file, else of standard input, are those of --reference, line by line; or with a "
               "model,\n"
               "how many of those that it gives to the file's texts. What `heed classify` prints can be such a file.\n"
               "The macro F1 is the mean of the labels' F1. A label that the model does not have counts as wrong.\n",
      .own = accuracy_own,
      .own_count = sizeof accuracy_own / sizeof accuracy_own[0],
      .open_options = heed_accuracy_options,
      .notes = true},
     check_accuracy,
     run_accuracy},
    {{.name = "evaluate span-f1",
      .usage = "--reference FILE [FILE] | -m MODEL [FILE]",
      .about =
          "How well labelled spans such as named entities are found: the labels of a file against those of "
          "--reference,\n"
          "or with a model, the model's against those of the file. Files have CoNLL's columns, a word first and its\n"
          "label (O, B-PER, I-PER) last in a line, and an empty line behind a sentence. A span is right when its "
          "first\n"
          "word, its last and its type are, as seqeval and conlleval count.\n",
      .own = span_f1_own,
      .own_count = sizeof span_f1_own / sizeof span_f1_own[0],
      .open_options = heed_span_f1_options,
      .notes = true},
     check_span_f1,
     run_span_f1},
    {{.name = "evaluate training",
      .usage = "[options] FOLDER ...",
      .about = "How trainings went: the loss, or another number of their log.jsonl, against the step, a curve for each "
               "folder.\n",
      .own = training_own,
      .own_count = sizeof training_own / sizeof training_own[0],
      .open_options = heed_training_options},
     check_training,
     run_training},
};
enum { MEASURES = sizeof measures / sizeof measures[0], PREFIX = sizeof "evaluate " - 1 };

static int evaluate(const measure *m, int count, char **words) {
    invocation line;
    int code;
    heed_model *model = NULL;
    model_name = input = picture = NULL;
    if (!open_invocation(&m->command, count, words, &line, &code)) return code;
    if (m->check(&line)) {
        char *report;
        heed_status status = heed_context_set_compute(line.context, compute);
        if (status == HEED_OK && model_name) status = heed_model_open(line.context, model_name, &model);
        if (status == HEED_OK) status = m->run(&line, model, &report);
        if (status == HEED_OK) puts(report);
        if (status == HEED_OK) heed_free(line.context, report);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    } else {
        code = EXIT_USAGE;
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(m->command.name, code);
}

static const char usage[] =
    "heed evaluate MEASURE [options] [FILE]\n\n"
    "  bleu        of translations\n"
    "  perplexity  of a model that gives words probabilities\n"
    "  accuracy    of labels of texts\n"
    "  span-f1     of named entities and other labelled words\n"
    "  training    of trainings: their losses, as curves\n\n"
    "heed evaluate MEASURE --help says more of one.\n";

static void print_measures(void) {
    fputs(" (there is:", stderr);
    for (int i = 0; i < MEASURES; i++) fprintf(stderr, "%s %s", i ? "," : "", measures[i].command.name + PREFIX);
    fputs(")\n", stderr);
}

int run_evaluate(int count, char **words) {
    for (int i = 0; is_completing() && count == 1 && i < MEASURES; i++) offer(measures[i].command.name + PREFIX, NULL);
    if (is_completing() && count == 1) return finish_output("complete", EXIT_DONE);
    for (int i = 0; count && i < MEASURES; i++)
        if (strcmp(words[0], measures[i].command.name + PREFIX) == 0)
            return evaluate(&measures[i], count - 1, words + 1);
    if (count && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)) {
        fputs(usage, stdout);
        return finish_output("evaluate", EXIT_DONE);
    }
    if (count)
        fprintf(stderr, "heed evaluate: unknown measure \"%s\"", words[0]);
    else
        fputs("heed evaluate: which measure?", stderr);
    print_measures();
    return EXIT_USAGE;
}
