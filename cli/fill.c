/* heed fill: masked-word prediction. */
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "predict.h"
#include "verbs.h"

static bool several; /* --top was given */
static const char *targets;

static const own_option own[] = {
    PREDICT_OPTIONS(""),
    {"targets", 0, "LIST", "words to choose among, separated by commas", &targets, NULL},
};

static const command fill = {
    .name = "fill",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Predicts the masked words of each TEXT, or of each line of --input or standard input, with a masked language\n"
        "model. Prints the text with the most probable word in place of each mask. A mask is the model's mask token,\n"
        "such as [MASK]. --top prints several words per mask, one per line: the number of the text, the probability,\n"
        "the word and the text, with tabs between them. --targets or --target chooses among some words. Of a word "
        "that\n"
        "is not a token of the model, the first token is used, and a message says so.\n"
        "--json prints an array of {\"score\": …, \"token\": …, \"token_str\": …, \"sequence\": …} for the five most "
        "probable\n"
        "words (--top changes their number), or an array of such arrays if the text has several masks.\n"
        "\n"
        "    $ heed fill -m guesser --top 2 \"the sixteenth of [MASK], 1984\"  # a model of dates, see docs/fill.md\n"
        "    1\t0.0838\tMarch\tthe sixteenth of March, 1984\n"
        "    1\t0.0735\tMay\tthe sixteenth of May, 1984\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_fill_options,
    .notes = true,
};

/* JSON is that of the fill-mask pipeline of transformers, with its number of words and its sequences. */
static bool prepare(invocation *line, int *exit_code) {
    heed_status status = HEED_OK;
    several = was_given(line, "top");
    if (predict_json) status = heed_options_set(line->options, "keep-masks", NULL);
    if (predict_json && !several && status == HEED_OK) status = heed_options_set(line->options, "top", "5");
    if (status != HEED_OK) *exit_code = report_failure(line, status);
    return status == HEED_OK && set_each(line, "target", targets, exit_code);
}

static heed_status predict(heed_model *model, const heed_options *options, const text_source *texts,
                           heed_results **results) {
    return heed_fill(model, options, texts->items, texts->sizes, texts->count, results);
}

static size_t mask_of(const heed_results *results, size_t index, size_t i) {
    size_t start, end;
    heed_results_span(results, index, i, &start, &end);
    return start;
}

static void print_object(const heed_results *results, size_t index, size_t i) {
    putchar('{');
    put_alternative_score(results, index, i);
    printf(", \"token\": %d, \"token_str\": ", (int)heed_results_label_token(results, index, i));
    put_alternative_label(results, index, i);
    fputs(", \"sequence\": ", stdout);
    put_alternative_text(results, index, i);
    putchar('}');
}

/* Several masks give one array each, inside an outer array. */
static void print_objects(const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index);
    bool nested = count && mask_of(results, index, 0) != mask_of(results, index, count - 1);
    fputs(nested ? "[[" : "[", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(mask_of(results, index, i) == mask_of(results, index, i - 1) ? ", " : "], [", stdout);
        print_object(results, index, i);
    }
    puts(nested ? "]]" : "]");
}

static void print_lines(const text_source *texts, const heed_results *results, size_t index) {
    size_t count = several ? heed_results_alternatives(results, index) : 1;
    for (size_t i = 0; i < count; i++) {
        if (several) {
            printf("%llu\t%.4f\t", (unsigned long long)(texts->first + index),
                   (double)heed_results_score(results, index, i));
            put_alternative_label(results, index, i);
            putchar('\t');
        }
        put_alternative_text(results, index, i);
        putchar('\n');
    }
}

static void print(const text_source *texts, const heed_results *results, size_t index) {
    if (predict_json)
        print_objects(results, index);
    else
        print_lines(texts, results, index);
}

int run_fill(int count, char **words) {
    static const predictor p = {.command = &fill,
                                .otherwise = "train one: heed train --objective masked",
                                .prepare = prepare,
                                .predict = predict,
                                .print = print};
    return run_predictor(&p, count, words);
}
