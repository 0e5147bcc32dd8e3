/* heed embed: vectors of texts. */
#include <stdio.h>

#include "arguments.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to use", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"json", 0, NULL, "print a JSON array per text, as without this option", NULL, &json},
    COMPUTE,
};

static const command embed = {
    .name = "embed",
    .usage = "-m MODEL [options] [TEXT ...]",
    .about =
        "Prints a vector for each TEXT, or for each line of --input or standard input, as a JSON array of numbers.\n"
        "With a sentence-transformers folder, its pooling, dense layers, normalization and prompts are applied. With\n"
        "any other encoder or decoder, the vector is the mean of the last hidden states. A text that is too long is\n"
        "cut, and a message gives the place of the cut.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_embed_options,
};

static void print_vector(const heed_results *results, size_t index) {
    size_t columns;
    const float *vector = heed_results_vector(results, index, &columns);
    putchar('[');
    for (size_t i = 0; i < columns; i++) {
        if (i) fputs(", ", stdout);
        put_json_float(vector[i]);
    }
    puts("]");
}

static void print_result(const invocation *line, const text_source *texts, const heed_results *results, size_t i,
                         int *code) {
    const char *problem = texts->items[i] ? heed_results_problem(results, i) : too_long;
    if (problem) {
        putchar('\n');
        report_text(texts, i, problem);
        *code = EXIT_FAILED;
        return;
    }
    const char *note = heed_results_note(results, i);
    if (note && !line->quiet) report_text(texts, i, note);
    print_vector(results, i);
}

/* False after a failure that ends the run; it was reported. */
static bool embed_batch(const invocation *line, heed_model *model, const text_source *texts, int *code) {
    heed_results *results;
    heed_status status = heed_embed(model, line->options, texts->items, texts->sizes, texts->count, &results);
    if (status != HEED_OK) {
        *code = report_failure(line, status);
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) print_result(line, texts, results, i, code);
    heed_results_close(results);
    return flush_output();
}

int run_embed(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    if (!open_invocation(&embed, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    if (open_texts(&line, input, &texts, &code)) {
        bool open = open_model(&line, model_name, NULL, "use one such as sentence-transformers/all-MiniLM-L6-v2",
                               &model, &code);
        if (open) code = EXIT_DONE;
        while (open && next_texts(&texts) && embed_batch(&line, model, &texts, &code)) continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(embed.name, code);
}
