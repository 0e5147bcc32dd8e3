/* heed translate: reads texts and prints their translations, in order. */
#include <signal.h>
#include <stdio.h>

#include "arguments.h"
#include "models.h"
#include "output.h"
#include "stop.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json, scores;

static const own_option own[] = {
    {"model", 'm', "MODEL", "translation model to use (default: multi30k-en-de)", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    COMPUTE,
    {"json", 0, NULL, "print one JSON array per text", NULL, &json},
    {"scores", 0, NULL, "with --json, each translation has a \"score\"", NULL, &scores},
};

static const command translate = {
    .name = "translate",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Translates each TEXT, or each line of --input or standard input, and prints one translation per line.\n"
        "--best prints several translations of a text, one per line: the number of the text, the score and the\n"
        "translation, with tabs between them. --json prints one array per text: [{\"translation_text\": …}, …].\n"
        "--alignment adds the word alignment. For example, \" ||| 0-0 1-2 2-1\" aligns the first word of the text "
        "with\n"
        "the first word of the translation, the second with the third, and the third with the second. Words are\n"
        "separated by spaces and counted from 0. With --json the alignment is the field \"alignment\".\n"
        "The model's generation_config.json overrides the defaults below. Options override both.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_translate_options,
};

static void print_object(const heed_results *results, size_t index, size_t alternative) {
    fputs("{\"translation_text\": ", stdout);
    put_json_string(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    if (scores) {
        fputs(", \"score\": ", stdout);
        put_json_float(heed_results_score(results, index, alternative));
    }
    const char *alignment = heed_results_alignment(results, index, alternative);
    if (alignment) printf(", \"alignment\": \"%s\"", alignment);
    putchar('}');
}

static void print_objects(const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index);
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        print_object(results, index, i);
    }
    fputs("]\n", stdout);
}

static void print_words(const heed_results *results, size_t index, size_t alternative) {
    const char *alignment = heed_results_alignment(results, index, alternative);
    put_line_text(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    if (alignment) printf(" ||| %s", alignment);
    putchar('\n');
}

static void print_alternatives(const heed_results *results, size_t index, uint64_t number) {
    size_t count = heed_results_alternatives(results, index);
    for (size_t i = 0; i < count; i++) {
        printf("%llu\t%.9g\t", (unsigned long long)number, (double)heed_results_score(results, index, i));
        print_words(results, index, i);
    }
}

/* False when a text could not be translated: this was reported, and an empty line was printed. */
static bool print_answer(const text_source *texts, const heed_results *results, size_t index, bool alternatives) {
    const char *problem = texts->items[index] ? heed_results_problem(results, index) : too_long;
    if (problem) {
        putchar('\n');
        report_text(texts, index, problem);
    } else if (json) {
        print_objects(results, index);
    } else if (alternatives) {
        print_alternatives(results, index, texts->first + index);
    } else {
        print_words(results, index, 0);
    }
    return !problem;
}

/* False after a failure that ends the run; it was reported. */
static bool translate_batch(const invocation *line, heed_model *model, const text_source *texts, int *code) {
    heed_results *results;
    heed_status status = heed_translate(model, line->options, texts->items, texts->sizes, texts->count, &results);
    if (status != HEED_OK && status != HEED_STOPPED) {
        *code = report_failure(line, status);
        return false;
    }
    bool best = was_given(line, "best");
    size_t count = status == HEED_OK ? texts->count : report_stop(texts, 0, texts->count, results);
    for (size_t i = 0; i < count; i++)
        if (!print_answer(texts, results, i, best || heed_results_alternatives(results, i) > 1)) *code = EXIT_FAILED;
    heed_results_close(results);
    if (status == HEED_STOPPED) *code = EXIT_FAILED;
    return flush_output() && status == HEED_OK;
}

static int translate_all(const invocation *line, heed_model *model, text_source *texts) {
    int code = EXIT_DONE;
    while (next_texts(texts) && translate_batch(line, model, texts, &code)) continue;
    return texts->failed ? EXIT_FAILED : code;
}

int run_translate(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    model_name = NULL;
    if (!open_invocation(&translate, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    stop_on_signals(line.context, SA_RESTART);
    if (open_texts(&line, input, &texts, &code)) {
        if (open_model(&line, model_name, "multi30k-en-de", "train one: heed train", &model, &code))
            code = translate_all(&line, model, &texts);
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(translate.name, code);
}
