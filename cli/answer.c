/* heed answer: answers to questions about a context. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input, *context_text, *context_file;
static bool json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to use (default: reading)", &model_name, NULL},
    {"context", 0, "TEXT", "text that has the answers", &context_text, NULL},
    {"context-file", 0, "FILE", "file with this text", &context_file, NULL},
    {"input", 0, "FILE", "file of questions, one per line; - for standard input", &input, NULL},
    {"json", 0, NULL, "print JSON with the field names of Hugging Face pipelines", NULL, &json},
    COMPUTE};

static const command answer_command = {
    .name = "answer",
    .usage = "[-m MODEL] [options] [QUESTION ...]",
    .about =
        "Answers each QUESTION, or each line of --input or standard input, from the text of --context or "
        "--context-file.\n"
        "Without these options, each question is followed by a tab and its own context. The answer is a part of the\n"
        "context. With a language model or a translation model such as T5, the model generates the answer. --top "
        "prints\n"
        "several answers per question, one per line: the number of the question, the probability and the answer, with\n"
        "tabs between them. --json prints {\"score\": …, \"start\": …, \"end\": …, \"answer\": …} per question, with "
        "the place of\n"
        "the answer in characters of the context, or with --top an array of such objects.\n"
        "\n"
        "  $ heed answer --context \"Ada Lovelace was born in London in 1815.\" \"Where was Ada Lovelace born?\"\n"
        "  London\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_answer_options,
    .notes = true,
};

/* The questions and the contexts of a batch of texts. */
typedef struct pairs {
    const char **questions, **contexts; /* [count]; NULL where a text is no question */
    size_t *question_sizes, *context_sizes;
    size_t capacity;
} pairs;

/* The context of all questions. */
typedef struct shared_context {
    char *text; /* NULL: each question has its own */
    size_t size;
} shared_context;

/* ---- the context ---- */

static bool read_file(const invocation *line, const char *path, shared_context *shared) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t capacity = 0, size = 1;
    while (file && size) {
        if (shared->size == capacity)
            shared->text = grow_memory(shared->text, capacity = capacity ? 2 * capacity : 1 << 16, 1);
        size = fread(shared->text + shared->size, 1, capacity - shared->size, file);
        shared->size += size;
    }
    bool failed = !file || ferror(file);
    if (failed)
        print_message("heed %s: %s: cannot %s: %s", line->command->name, path, file ? "read" : "open", strerror(errno));
    if (file && file != stdin) fclose(file);
    if (shared->size >= 3 && memcmp(shared->text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
        shared->size -= 3;
        memmove(shared->text, shared->text + 3, shared->size);
    }
    return !failed;
}

static bool open_context(const invocation *line, shared_context *shared, int *code) {
    *shared = (shared_context){0};
    if (context_text && context_file) {
        *code = report_usage(line, "the context comes from --context or from --context-file, not from both");
        return false;
    }
    if (context_text) {
        shared->size = strlen(context_text);
        shared->text = grow_memory(NULL, shared->size + 1, 1);
        memcpy(shared->text, context_text, shared->size + 1);
    }
    if (context_file && !read_file(line, context_file, shared)) {
        *code = EXIT_FAILED;
        return false;
    }
    return true;
}

/* ---- one batch ---- */

static void grow_pairs(pairs *p, size_t count) {
    if (count <= p->capacity) return;
    p->capacity = count;
    p->questions = grow_memory(p->questions, count, sizeof *p->questions);
    p->contexts = grow_memory(p->contexts, count, sizeof *p->contexts);
    p->question_sizes = grow_memory(p->question_sizes, count, sizeof *p->question_sizes);
    p->context_sizes = grow_memory(p->context_sizes, count, sizeof *p->context_sizes);
}

static void close_pairs(pairs *p) {
    free(p->questions);
    free(p->contexts);
    free(p->question_sizes);
    free(p->context_sizes);
}

/* A text is a question, or a question, a tab and its context. */
static void split_texts(const text_source *texts, const shared_context *shared, pairs *p) {
    grow_pairs(p, texts->count);
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->items[i], *tab = NULL;
        size_t size = texts->sizes[i];
        if (text && !shared->text) tab = memchr(text, '\t', size);
        p->questions[i] = shared->text || tab ? text : NULL;
        p->question_sizes[i] = tab ? (size_t)(tab - text) : size;
        p->contexts[i] = shared->text ? shared->text : tab ? tab + 1 : NULL;
        p->context_sizes[i] = shared->text ? shared->size : tab ? size - (size_t)(tab + 1 - text) : 0;
    }
}

static void print_object(const heed_results *results, size_t index, size_t i) {
    size_t start, end;
    heed_results_span(results, index, i, &start, &end);
    fputs("{\"score\": ", stdout);
    put_json_float(heed_results_score(results, index, i));
    printf(", \"start\": %zu, \"end\": %zu, \"answer\": ", start, end);
    put_json_string(heed_results_text(results, index, i), heed_results_size(results, index, i));
    putchar('}');
}

static void print_answers(const text_source *texts, const heed_results *results, size_t index, bool several) {
    size_t count = heed_results_alternatives(results, index);
    if (json && several) putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (json) {
            if (i) fputs(", ", stdout);
            print_object(results, index, i);
            continue;
        }
        if (several)
            printf("%llu\t%.4f\t", (unsigned long long)(texts->first + index),
                   (double)heed_results_score(results, index, i));
        put_line_text(heed_results_text(results, index, i), heed_results_size(results, index, i));
        putchar('\n');
    }
    if (json) puts(several ? "]" : "");
}

static const char *problem_of(const text_source *texts, const pairs *p, const heed_results *results, size_t index) {
    if (!texts->items[index]) return too_long;
    if (!p->questions[index]) return "expected a question, a tab and its context; or set --context";
    return heed_results_problem(results, index);
}

/* False after a failure that ends the run; it was reported. */
static bool answer_batch(const invocation *line, heed_model *model, const text_source *texts,
                         const shared_context *shared, pairs *p, int *code) {
    const char *top = last_value(line, "top");
    bool several = top && strcmp(top, "1") != 0;
    heed_results *results;
    split_texts(texts, shared, p);
    heed_status status = heed_answer(model, line->options, p->questions, p->question_sizes, p->contexts,
                                     p->context_sizes, texts->count, &results);
    if (status != HEED_OK) {
        *code = report_failure(line, status);
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) {
        const char *problem = problem_of(texts, p, results, i), *note = heed_results_note(results, i);
        if (note && !line->quiet) report_text(texts, i, note);
        if (!problem) {
            print_answers(texts, results, i, several);
            continue;
        }
        putchar('\n');
        report_text(texts, i, problem);
        *code = EXIT_FAILED;
    }
    heed_results_close(results);
    return flush_output();
}

int run_answer(int count, char **words) {
    invocation line;
    text_source texts;
    shared_context shared;
    pairs p = {0};
    int code;
    if (!open_invocation(&answer_command, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    if (open_context(&line, &shared, &code) && open_texts(&line, input, &texts, &code)) {
        bool open = open_model(&line, model_name, "reading", "train one: heed train --objective answer", &model, &code);
        if (open) code = EXIT_DONE;
        while (open && next_texts(&texts) && answer_batch(&line, model, &texts, &shared, &p, &code)) continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    free(shared.text);
    close_pairs(&p);
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(answer_command.name, code);
}
