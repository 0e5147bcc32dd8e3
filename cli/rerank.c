/* heed rerank: texts in the order of their relevance to a query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input, *query, *top;
static bool json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to use", &model_name, NULL},
    {"query", 0, "TEXT", "text that the others are compared with", &query, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"top", 0, "NUMBER", "texts that are printed; 0 for all (default 0)", &top, NULL},
    {"json", 0, NULL, "print a JSON array with the field names of sentence-transformers", NULL, &json},
    COMPUTE,
};

static const command rerank = {
    .name = "rerank",
    .usage = "-m MODEL --query TEXT [options] [TEXT ...]",
    .about =
        "Prints each TEXT, or each line of --input or standard input, in the order of its relevance to the query, the\n"
        "most relevant first: the score, the number of the text and the text, with tabs between them. The model is a\n"
        "cross-encoder, or a language model such as Qwen3-Reranker. --json prints one array:\n"
        "[{\"corpus_id\": …, \"score\": …, \"text\": …}, …], where texts are counted from 0.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_rerank_options,
};

/* All texts, in memory that their source reuses. */
typedef struct candidates {
    char **texts;  /* [count], NULL for one that is too long */
    size_t *sizes; /* [count] */
    size_t count;
} candidates;

static void take_batch(const text_source *source, candidates *c) {
    c->texts = grow_memory(c->texts, c->count + source->count, sizeof *c->texts);
    c->sizes = grow_memory(c->sizes, c->count + source->count, sizeof *c->sizes);
    for (size_t i = 0; i < source->count; i++, c->count++) {
        size_t size = source->items[i] ? source->sizes[i] : 0;
        c->texts[c->count] = source->items[i] ? grow_memory(NULL, size + 1, 1) : NULL;
        if (size) memcpy(c->texts[c->count], source->items[i], size);
        c->sizes[c->count] = size;
    }
}

static void close_candidates(candidates *c) {
    for (size_t i = 0; i < c->count; i++) free(c->texts[i]);
    free(c->texts);
    free(c->sizes);
}

static void report_problems(const invocation *line, const candidates *c, const heed_results *results, const char *noun,
                            int *code) {
    for (size_t i = 0; i < c->count; i++) {
        const char *problem = c->texts[i] ? heed_results_problem(results, i) : too_long;
        const char *note = line->quiet ? NULL : heed_results_note(results, i);
        if (problem || note) print_message("heed rerank: %s %zu: %s", noun, i + 1, problem ? problem : note);
        if (problem) *code = EXIT_FAILED;
    }
}

static void print_text(const candidates *c, size_t rank, size_t index, float score) {
    if (json) {
        printf("%s{\"corpus_id\": %zu, \"score\": ", rank ? ", " : "", index);
        put_json_float(score);
        fputs(", \"text\": ", stdout);
        put_json_string(c->texts[index], c->sizes[index]);
        putchar('}');
    } else {
        printf("%.4f\t%zu\t", (double)score, index + 1);
        put_line_text(c->texts[index], c->sizes[index]);
        putchar('\n');
    }
}

static heed_status print_ranking(const candidates *c, const heed_results *results, size_t most) {
    size_t *order = grow_memory(NULL, c->count + 1, sizeof *order), count;
    heed_status status = heed_results_rank(results, order, &count);
    if (json) putchar('[');
    for (size_t i = 0; status == HEED_OK && i < count && (!most || i < most); i++)
        print_text(c, i, order[i], heed_results_score(results, order[i], 0));
    if (json) puts("]");
    free(order);
    return status;
}

static int rank_all(const invocation *line, heed_model *model, text_source *source, size_t most) {
    candidates c = {0};
    heed_results *results = NULL;
    int code = EXIT_DONE;
    while (next_texts(source)) take_batch(source, &c);
    heed_status status = source->failed ? HEED_OK
                                        : heed_rerank(model, line->options, query, strlen(query),
                                                      (const char *const *)c.texts, c.sizes, c.count, &results);
    if (source->failed) {
        code = EXIT_FAILED;
    } else if (status == HEED_OK) {
        report_problems(line, &c, results, source->noun, &code);
        status = print_ranking(&c, results, most);
    }
    if (status != HEED_OK) code = report_failure(line, status);
    heed_results_close(results);
    close_candidates(&c);
    return code;
}

/* False for a wrong number, which was reported. */
static bool read_top(const invocation *line, size_t *most, int *code) {
    char *end;
    long number = top ? strtol(top, &end, 10) : 0;
    *most = number > 0 ? (size_t)number : 0;
    if (!top || (top[0] && !*end && number >= 0)) return true;
    *code = report_usage(line, "top is \"%s\", expected a whole number of at least 0", top);
    return false;
}

int run_rerank(int count, char **words) {
    invocation line;
    text_source texts;
    size_t most;
    int code;
    if (!open_invocation(&rerank, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    bool fine = read_top(&line, &most, &code);
    if (fine && !query) {
        code = report_usage(&line, "--query TEXT is missing");
        fine = false;
    }
    if (fine && open_texts(&line, input, &texts, &code)) {
        if (open_model(&line, model_name, NULL, "use one such as cross-encoder/ms-marco-MiniLM-L6-v2", &model, &code))
            code = rank_all(&line, model, &texts, most);
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(rerank.name, code);
}
