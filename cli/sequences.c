#include "sequences.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "pictures.h"
#include "stop.h"
#include "texts.h"

const char *sequence_model, *sequence_draft, *sequence_input, *sequence_output;
bool sequence_json, sequence_scores, sequence_tree;

/* ---- answers ---- */

static void print_object(const char *field, const heed_results *results, size_t index, size_t alternative) {
    printf("{\"%s\": ", field);
    put_json_string(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    if (sequence_scores) {
        fputs(", \"score\": ", stdout);
        put_json_float(heed_results_score(results, index, alternative));
    }
    const char *alignment = heed_results_alignment(results, index, alternative);
    if (alignment) printf(", \"alignment\": \"%s\"", alignment);
    putchar('}');
}

static void print_objects(const char *field, const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index);
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        print_object(field, results, index, i);
    }
    fputs("]\n", stdout);
}

static void print_line(const heed_results *results, size_t index, size_t alternative) {
    const char *alignment = heed_results_alignment(results, index, alternative);
    put_line_text(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    if (alignment) printf(" ||| %s", alignment);
    putchar('\n');
}

static void print_alternatives(const heed_results *results, size_t index, uint64_t number) {
    size_t count = heed_results_alternatives(results, index);
    for (size_t i = 0; i < count; i++) {
        printf("%llu\t%.9g\t", (unsigned long long)number, (double)heed_results_score(results, index, i));
        print_line(results, index, i);
    }
}

/* With its line breaks, and one at its end. */
static void print_document(const heed_results *results, size_t index) {
    const char *text = heed_results_text(results, index, 0);
    size_t size = heed_results_size(results, index, 0);
    put_lines(text, size);
    if (!size || text[size - 1] != '\n') putchar('\n');
}

/* False when a text has no answer: this was reported, and an empty line was printed. */
static bool print_answer(const sequence_verb *verb, const text_source *texts, const heed_results *results,
                         size_t index) {
    const invocation *line = texts->line;
    const char *problem = texts->items[index] ? heed_results_problem(results, index) : too_long;
    const char *note = problem ? problem : heed_results_note(results, index);
    if (note && (problem || !line->quiet)) report_text(texts, index, note);
    if (problem)
        putchar('\n');
    else if (sequence_json)
        print_objects(verb->field, results, index);
    else if (was_given(line, "best") || heed_results_alternatives(results, index) > 1)
        print_alternatives(results, index, texts->first + index);
    else if (was_given(line, "document"))
        print_document(results, index);
    else
        print_line(results, index, 0);
    return !problem;
}

/* ---- batches ---- */

/* False after a failure that ends the run; it was reported. */
static bool convert_batch(const sequence_verb *verb, heed_model *model, const text_source *texts, int *code) {
    heed_results *results;
    const invocation *line = texts->line;
    heed_status status = verb->convert(model, line->options, texts->items, texts->sizes, texts->count, &results);
    if (status != HEED_OK && status != HEED_STOPPED) {
        *code = report_failure(line, status);
        return false;
    }
    size_t count = status == HEED_OK ? texts->count : report_stop(texts, 0, texts->count, results);
    for (size_t i = 0; i < count; i++)
        if (!print_answer(verb, texts, results, i)) *code = EXIT_FAILED;
    heed_results_close(results);
    if (status == HEED_STOPPED) *code = EXIT_FAILED;
    return flush_output() && status == HEED_OK;
}

static int convert_all(const sequence_verb *verb, heed_model *model, text_source *texts) {
    int code = EXIT_DONE;
    while (next_texts(texts) && convert_batch(verb, model, texts, &code)) continue;
    return texts->failed ? EXIT_FAILED : code;
}

/* Opens both models; without --draft, *draft is NULL. */
static bool open_models(const sequence_verb *verb, const invocation *line, heed_model **model, heed_model **draft,
                        int *code) {
    if (!open_model(line, sequence_model, verb->shipped, verb->otherwise, model, code)) return false;
    if (!sequence_draft) return true;
    if (!open_model(line, sequence_draft, NULL, "", draft, code)) return false;
    heed_status status = heed_model_set_draft(*model, *draft);
    if (status != HEED_OK) *code = report_failure(line, status);
    return status == HEED_OK;
}

int run_sequences(const sequence_verb *verb, int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    sequence_model = sequence_draft = sequence_input = sequence_output = NULL;
    if (!open_invocation(verb->command, count, words, &line, &code)) return code;
    if ((sequence_output && !sequence_tree) || (sequence_json && sequence_tree)) {
        code = report_usage(&line, sequence_json && sequence_tree
                                       ? "--json and --tree are different outputs: choose one, or --tree -o FILE.json"
                                       : "--output needs --tree");
        close_invocation(&line);
        return code;
    }
    heed_model *model = NULL, *draft = NULL;
    stop_on_signals(line.context, SA_RESTART);
    if (open_texts(&line, sequence_input, &texts, &code)) {
        if (was_given(&line, "document")) read_whole(&texts);
        if (open_models(verb, &line, &model, &draft, &code))
            code = sequence_tree ? draw_pictures(&texts, model, sequence_output, true, heed_inspect_beams)
                                 : convert_all(verb, model, &texts);
        close_texts(&texts);
    }
    heed_model_close(model);
    heed_model_close(draft);
    close_invocation(&line);
    return finish_output(verb->command->name, code);
}
