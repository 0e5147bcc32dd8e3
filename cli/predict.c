#include "predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "output.h"

const char *predict_model, *predict_input;
bool predict_json;

/* ---- options ---- */

static heed_status set_word(const invocation *line, const char *name, const char *word, size_t size) {
    while (size && strchr(" \t", word[size - 1])) size--;
    while (size && strchr(" \t", *word)) word++, size--;
    if (!size) return HEED_OK;
    char *copy = grow_memory(NULL, size + 1, 1);
    memcpy(copy, word, size);
    copy[size] = 0;
    heed_status status = heed_options_set(line->options, name, copy);
    free(copy);
    return status;
}

bool set_each(const invocation *line, const char *name, const char *list, int *exit_code) {
    heed_status status = HEED_OK;
    for (size_t size; list && status == HEED_OK; list = list[size] ? list + size + 1 : NULL) {
        size = strcspn(list, ",");
        status = set_word(line, name, list, size);
    }
    if (status != HEED_OK) *exit_code = report_failure(line, status);
    return status == HEED_OK;
}

/* ---- answers ---- */

void put_alternative_label(const heed_results *results, size_t index, size_t i) {
    const char *label = heed_results_label(results, index, i);
    if (predict_json)
        put_json_string(label, strlen(label));
    else
        put_line_text(label, strlen(label));
}

void put_alternative_text(const heed_results *results, size_t index, size_t i) {
    const char *text = heed_results_text(results, index, i);
    if (predict_json)
        put_json_string(text, heed_results_size(results, index, i));
    else
        put_line_text(text, heed_results_size(results, index, i));
}

void put_alternative_score(const heed_results *results, size_t index, size_t i) {
    fputs("\"score\": ", stdout);
    put_json_float(heed_results_score(results, index, i));
}

static void print_answer(const predictor *p, const invocation *line, const text_source *texts,
                         const heed_results *results, size_t index, int *code) {
    const char *problem = texts->items[index] ? NULL : too_long, *note = heed_results_note(results, index);
    if (!problem && p->problem) problem = p->problem(texts, index);
    if (!problem) problem = heed_results_problem(results, index);
    if (problem) {
        putchar('\n');
        report_text(texts, index, problem);
        *code = EXIT_FAILED;
        return;
    }
    if (note && !line->quiet) report_text(texts, index, note);
    p->print(texts, results, index);
}

/* False after a failure that ends the run; it was reported. */
static bool answer_batch(const predictor *p, const invocation *line, heed_model *model, const text_source *texts,
                         int *code) {
    heed_results *results;
    heed_status status = p->predict(model, line->options, texts, &results);
    if (status != HEED_OK) {
        *code = report_failure(line, status);
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) print_answer(p, line, texts, results, i, code);
    heed_results_close(results);
    return flush_output();
}

static int answer_all(const predictor *p, const invocation *line) {
    text_source texts;
    int code;
    heed_model *model = NULL;
    if (open_texts(line, predict_input, &texts, &code)) {
        bool open = open_model(line, predict_model, p->shipped, p->otherwise, &model, &code);
        if (open) code = EXIT_DONE;
        while (open && next_texts(&texts) && answer_batch(p, line, model, &texts, &code)) continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    heed_model_close(model);
    return code;
}

int run_predictor(const predictor *p, int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(p->command, count, words, &line, &code)) return code;
    if (!p->prepare || p->prepare(&line, &code)) code = answer_all(p, &line);
    close_invocation(&line);
    return finish_output(p->command->name, code);
}
