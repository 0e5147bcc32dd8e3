/* heed generate: reads texts and prints each with its continuation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "language model to use (default: shakespeare)", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"json", 0, NULL, "print one JSON object per text", NULL, &json},
    COMPUTE,
};

static const command generate = {
    .name = "generate",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Continues each TEXT, or each line of --input or standard input, with a language model. Settings come from\n"
        "the model's generation_config.json. Options override them. Without settings, decoding is greedy.\n"
        "The continuation of a TEXT argument is printed token by token, with its line breaks. The continuation of a\n"
        "line of input is printed on one line. When the positions of a Transformer are full, the older half of its\n"
        "context is dropped.\n"
        "--json prints {\"generated_text\": …}, or with --best an array of such objects, each with a \"score\".\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_generate_options,
    .notes = true,
};

/* A text whose continuation is printed token by token. */
typedef struct streamed_text {
    const char *text;
    size_t size;
    bool begun;
} streamed_text;

static bool print_words(void *user, size_t index, const char *text, size_t size) {
    (void)index;
    streamed_text *streamed = user;
    if (!streamed->begun) put_lines(streamed->text, streamed->size);
    streamed->begun = true;
    put_lines(text, size);
    return flush_output();
}

static void print_object(const char *text, size_t size, const heed_results *results, size_t index, size_t alternative,
                         bool scored) {
    size_t added = heed_results_size(results, index, alternative);
    char *whole = grow_memory(NULL, size + added, 1);
    if (size) memcpy(whole, text, size);
    if (added) memcpy(whole + size, heed_results_text(results, index, alternative), added);
    fputs("{\"generated_text\": ", stdout);
    put_json_string(whole, size + added);
    free(whole);
    if (scored) {
        fputs(", \"score\": ", stdout);
        put_json_float(heed_results_score(results, index, alternative));
    }
    putchar('}');
}

static void print_line(const text_source *texts, size_t index, const heed_results *results, size_t alternative) {
    put_line_text(texts->items[index], texts->sizes[index]);
    put_line_text(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    putchar('\n');
}

static void print_answer(const invocation *line, const text_source *texts, size_t index, const heed_results *results) {
    size_t count = heed_results_alternatives(results, index);
    bool alternatives = was_given(line, "best") || count > 1; /* of the model's own settings */
    if (json && alternatives) putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (json && i) fputs(", ", stdout);
        if (json)
            print_object(texts->items[index], texts->sizes[index], results, index, i, alternatives);
        else
            print_line(texts, index, results, i);
    }
    if (json) fputs(alternatives ? "]\n" : "\n", stdout);
}

/* The answers of `count` texts from `first` on; one that was streamed lacks only its line break. */
static void print_answers(const invocation *line, const text_source *texts, size_t first, size_t count, bool streamed,
                          const heed_results *results, int *code) {
    for (size_t i = 0; i < count; i++) {
        const char *problem = texts->items[first + i] ? heed_results_problem(results, i) : too_long;
        if (problem) {
            report_text(texts, first + i, problem);
            *code = EXIT_FAILED;
        }
        if (streamed || problem)
            putchar('\n');
        else
            print_answer(line, &(text_source){.items = texts->items + first, .sizes = texts->sizes + first}, i,
                         results);
    }
}

/* False after a failure that ends the run; it was reported. Lines are continued together, arguments one by one, since their
 * continuations are printed token by token. */
static bool generate_batch(const invocation *line, heed_model *model, const text_source *texts, int *code) {
    bool streams = !json && line->text_count > 0 && !was_given(line, "beams") && !was_given(line, "best");
    size_t count = streams ? 1 : texts->count;
    for (size_t i = 0; i < texts->count; i += count) {
        heed_results *results;
        streamed_text streamed = {.text = texts->items[i], .size = texts->sizes[i]};
        heed_status status = heed_generate(model, line->options, texts->items + i, texts->sizes + i, count,
                                           texts->first + i - 1, streams ? print_words : NULL, &streamed, &results);
        if (status != HEED_OK) {
            *code = report_failure(line, status);
            return false;
        }
        print_answers(line, texts, i, count, streamed.begun, results, code);
        heed_results_close(results);
        if (!flush_output()) return false;
    }
    return true;
}

int run_generate(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    model_name = NULL;
    if (!open_invocation(&generate, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    if (open_texts(&line, input, &texts, &code)) {
        heed_results *none = NULL;
        heed_status status = HEED_FILE;
        if (open_model(&line, model_name, "shakespeare", "train one: heed train --objective language", &model, &code)) {
            /* is it a model that goes on with texts, and are the options sound? */
            status = heed_generate(model, line.options, NULL, NULL, 0, 0, NULL, NULL, &none);
            code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
        }
        heed_results_close(none);
        while (status == HEED_OK && next_texts(&texts) && generate_batch(&line, model, &texts, &code)) continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(generate.name, code);
}
