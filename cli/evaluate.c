/* heed evaluate: scores outputs, models and training runs. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "complete.h"
#include "models.h"
#include "output.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json;

/* A metric: its command, the check of its arguments, and the evaluation. The report is released with heed_free. */
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
        return report_usage(line, "--reference FILE is missing: the file to compare with"), false;
    if (line->text_count > 1)
        return report_usage(line, "expected one file of %s, not %zu", what, line->text_count), false;
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
        return report_usage(line, "%s requires --by-length", only), false;
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
    {"by-length", 0, NULL, "score each bucket of sentences of similar length; several files are allowed", NULL,
     &by_length},
    {"output", 'o', "FILE.svg", "file for the plot of scores by length", &picture, NULL},
    JSON("print sacreBLEU's JSON object, or one object with all buckets")};

/* ---- perplexity ---- */

static bool check_perplexity(const invocation *line) {
    if (!model_name) return report_usage(line, "-m MODEL is missing"), false;
    return true;
}

static heed_status run_perplexity(const invocation *line, heed_model *model, char **report) {
    static const char *const standard = "-";
    bool pairs = was_given(line, "source") || was_given(line, "target"), piped = !line->text_count && !pairs;
    return heed_evaluate_perplexity(model, line->options, piped ? &standard : line->texts, piped ? 1 : line->text_count,
                                    json, report);
}

static const own_option perplexity_own[] = {MODEL("model to evaluate"), COMPUTE, JSON("print a JSON object")};

/* ---- accuracy ---- */

static bool check_accuracy(const invocation *line) {
    if (input && line->text_count)
        return report_usage(line, "expected one file: an argument or --input, not both"), false;
    return check_reference(line, model_name ? "texts" : "labels");
}

static heed_status run_accuracy(const invocation *line, heed_model *model, char **report) {
    return heed_evaluate_accuracy(line->context, model, line->options, input ? input : only_file(line), json, report);
}

static const own_option accuracy_own[] = {
    MODEL("model to evaluate; without one, the file contains predicted labels"),
    COMPUTE,
    {"input", 0, "FILE", "predicted labels, or texts for the model, one per line; - for standard input", &input, NULL},
    JSON("print a JSON object with the confusion matrix")};

/* ---- span-f1 ---- */

static bool check_span_f1(const invocation *line) {
    if (!model_name) return check_reference(line, "labels");
    if (line->text_count > 1) return report_usage(line, "expected one file, not %zu", line->text_count), false;
    return true;
}

static heed_status run_span_f1(const invocation *line, heed_model *model, char **report) {
    return heed_evaluate_span_f1(line->context, model, line->options, only_file(line), json, report);
}

static const own_option span_f1_own[] = {MODEL("model to evaluate; without one, the file contains predicted labels"),
                                         COMPUTE, JSON("print a JSON object with seqeval's field names")};

/* ---- squad ---- */

static bool check_squad(const invocation *line) {
    if (!model_name) return check_reference(line, "answers");
    if (line->text_count != 1)
        return report_usage(line, "expected one file of questions, not %zu", line->text_count), false;
    return true;
}

static heed_status run_squad(const invocation *line, heed_model *model, char **report) {
    return heed_evaluate_squad(line->context, model, line->options, only_file(line), json, report);
}

static const own_option squad_own[] = {MODEL("model to evaluate; without one, the file contains answers"), COMPUTE,
                                       JSON("print a JSON object with the field names of SQuAD's scripts")};

/* ---- training ---- */

static bool check_training(const invocation *line) {
    if (!line->text_count) return report_usage(line, "FOLDER of a training run is missing"), false;
    return check_picture(line);
}

static heed_status run_training(const invocation *line, heed_model *model, char **report) {
    (void)model;
    return heed_evaluate_training(line->context, line->options, line->texts, line->text_count, json, picture, report);
}

static const own_option training_own[] = {{"output", 'o', "FILE.svg", "file for the plot", &picture, NULL},
                                          JSON("print a JSON object with all points")};

/* ---- all of them ---- */

static const measure measures[] = {
    {{.name = "evaluate bleu",
      .usage = "--reference FILE ... [options] [TRANSLATIONS ...]",
      .about = "Computes corpus BLEU of a file of translations, or of standard input, with one or more reference "
               "files. The\n"
               "scores, the output and the signature are those of sacreBLEU. --by-length prints a table: one row for\n"
               "sentences of 1 to 10 words, one row for 11 to 20 words, and so on, with one column per file.\n",
      .own = bleu_own,
      .own_count = sizeof bleu_own / sizeof bleu_own[0],
      .open_options = heed_bleu_options},
     check_bleu,
     run_bleu},
    {{.name = "evaluate perplexity",
      .usage = "-m MODEL [options] [FILE ...]",
      .about =
          "Computes the perplexity of a model (exp of the mean loss per token) on files or standard input, the loss "
          "in\n"
          "nats per token, bits per byte and bits per character.\n"
          "\n"
          "A language model predicts every token of each line and, if the vocabulary has one, the end token after it.\n"
          "With --whole-file it predicts every token of the file except the first. The context of a token is all text\n"
          "before it. A text longer than --window is split into windows, and the context begins at the start of the\n"
          "window. With --stride, windows overlap, and each token is predicted in the first window that contains it.\n"
          "So after the first window, the context of a token has at least window - stride + 1 tokens.\n"
          "\n"
          "A translation model predicts --target from --source. A masked language model predicts each token of a line\n"
          "while only this token is masked. This gives the pseudo-perplexity.\n",
      .own = perplexity_own,
      .own_count = sizeof perplexity_own / sizeof perplexity_own[0],
      .open_options = heed_perplexity_options,
      .notes = true},
     check_perplexity,
     run_perplexity},
    {{.name = "evaluate accuracy",
      .usage = "--reference FILE [-m MODEL] [options] [FILE]",
      .about =
          "Computes the accuracy of predicted labels. It compares a file or standard input with --reference, line by\n"
          "line. The file may be the output of `heed classify`. With -m the file contains texts, and the model "
          "predicts\n"
          "their labels. Macro F1 is the mean of the F1 of all labels. If the model lacks a label of the reference, "
          "each\n"
          "text with this label counts as wrong.\n",
      .own = accuracy_own,
      .own_count = sizeof accuracy_own / sizeof accuracy_own[0],
      .open_options = heed_accuracy_options,
      .notes = true},
     check_accuracy,
     run_accuracy},
    {{.name = "evaluate span-f1",
      .usage = "--reference FILE [FILE] | -m MODEL [FILE]",
      .about = "Computes precision, recall and F1 of labelled spans such as named entities. It compares the labels of "
               "a file\n"
               "with those of --reference. With -m it compares the model's labels with those of the file. Files are in "
               "CoNLL\n"
               "format. Each line has a word first and its label last (O, B-PER, I-PER), and an empty line ends each "
               "sentence.\n"
               "A span is correct if its first word, last word and type are correct, as in seqeval and conlleval.\n",
      .own = span_f1_own,
      .own_count = sizeof span_f1_own / sizeof span_f1_own[0],
      .open_options = heed_span_f1_options,
      .notes = true},
     check_span_f1,
     run_span_f1},
    {{.name = "evaluate squad",
      .usage = "--reference QUESTIONS [ANSWERS] | -m MODEL QUESTIONS",
      .about =
          "Computes exact match and F1 of answers to questions, as SQuAD's evaluation scripts do. QUESTIONS is a file "
          "in\n"
          "SQuAD's format, or has one JSON object per line: {\"question\": …, \"context\": …, \"answers\": {\"text\": "
          "[…],\n"
          "\"answer_start\": […]}}. ANSWERS is a JSON object of answers by the \"id\" of the questions, or has one "
          "answer "
          "per\n"
          "line, as `heed answer` prints it. With -m, the model answers the questions.\n",
      .own = squad_own,
      .own_count = sizeof squad_own / sizeof squad_own[0],
      .open_options = heed_squad_options,
      .notes = true},
     check_squad,
     run_squad},
    {{.name = "evaluate training",
      .usage = "[options] FOLDER ...",
      .about = "Plots the loss, or another value of log.jsonl, of training runs against the step, with one curve per "
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
        if (status == HEED_OK) {
            put_lines(report, strlen(report));
            putchar('\n');
            heed_free(line.context, report);
        }
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    } else {
        code = EXIT_USAGE;
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(m->command.name, code);
}

static const char usage[] =
    "heed evaluate METRIC [options] [FILE]\n\n"
    "  bleu        score translations\n"
    "  perplexity  score a language, translation or masked language model\n"
    "  accuracy    score the labels of texts\n"
    "  span-f1     score named entities and other labelled spans\n"
    "  squad       score answers to questions\n"
    "  training    plot the losses of training runs\n\n"
    "heed evaluate METRIC --help describes its options.\n";

static int report_metric(const char *word) {
    char known[256];
    size_t size = 0;
    for (int i = 0; i < MEASURES; i++)
        size += (size_t)snprintf(known + size, sizeof known - size, "%s%s", i ? ", " : "",
                                 measures[i].command.name + PREFIX);
    if (word)
        print_message("heed evaluate: unknown metric \"%s\" (expected one of %s)", word, known);
    else
        print_message("heed evaluate: METRIC is missing (expected one of %s)", known);
    return EXIT_USAGE;
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
    return report_metric(count ? words[0] : NULL);
}
