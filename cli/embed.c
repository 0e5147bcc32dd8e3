/* heed embed: vectors of texts, their similarity, and search among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "search.h"
#include "verbs.h"

static const char *model_name, *input, *output;
static bool json, pairs;
static search_settings settings;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to use (default: encoder)", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"json", 0, NULL, "print a JSON array per text; of --similarity a number", NULL, &json},
    {"output", 'o', "FILE", "file for the vectors, in NumPy's format .npy", &output, NULL},
    {"similarity", 0, NULL, "print the similarity of two texts, with a tab between them", NULL, &pairs},
    {"search", 0, "FILE", "print the lines of this file that are most similar to each text", &settings.file, NULL},
    {"index", 0, "FILE", "file that keeps the vectors of --search for later calls", &settings.index, NULL,
     "Search and similarity"},
    {"top", 0, "NUMBER", "lines per text of --search (default 10)", &settings.top, NULL},
    {"metric", 0, "cosine|dot|euclidean|manhattan", "comparison of two vectors (default: the model's)",
     &settings.metric, NULL, "Search and similarity"},
    {"dtype", 0, "f32|f16", "numbers in the files of --output and --index (default f32)", &settings.dtype, NULL,
     "Search and similarity"},
    {"document-prompt", 0, "TEXT", "text before each line of --search (default: the model's prompt of documents)",
     &settings.prompt, NULL, "Search and similarity"},
    COMPUTE,
};

static const command embed = {
    .name = "embed",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Prints a vector for each TEXT, or for each line of --input or standard input, as a JSON array of numbers.\n"
        "With a sentence-transformers folder, its pooling, dense layers, normalization and prompts are applied. With\n"
        "any other encoder or decoder, the vector is the mean of the last hidden states. A text that is too long is\n"
        "cut, and a message gives the place of the cut.\n"
        "--search prints, for each line found, the number of the text, the similarity, the number of the line and the\n"
        "line, with tabs between them. With --json, it prints an array per text:\n"
        "[{\"corpus_id\": …, \"score\": …, \"text\": …}, …], where lines are counted from 0.\n"
        "\n"
        "  $ heed embed -m sst2 --dims 4 \"a charming film\"\n"
        "  [-0.0526055135, 0.0661142468, -0.0536793321, 0.0086863786]\n"
        "  $ printf 'a charming film\\ta delightful movie\\n' | heed embed -m sst2 --similarity\n"
        "  0.9477\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_embed_options,
};

/* ---- one answer per text ---- */

/* The message of a text without an answer, or NULL. Notes are printed. */
static const char *problem_of(const invocation *line, const text_source *texts, const heed_results *results, size_t i) {
    const char *problem = texts->items[i] ? heed_results_problem(results, i) : too_long;
    const char *note = problem ? NULL : heed_results_note(results, i);
    if (note && !line->quiet) report_text(texts, i, note);
    return problem;
}

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

static void print_vectors(const invocation *line, const text_source *texts, const heed_results *results, int *code) {
    for (size_t i = 0; i < texts->count; i++) {
        const char *problem = problem_of(line, texts, results, i);
        if (!problem) {
            print_vector(results, i);
            continue;
        }
        putchar('\n');
        report_text(texts, i, problem);
        *code = EXIT_FAILED;
    }
}

/* False after a failure that ends the run; it was reported. */
static bool embed_batch(const invocation *line, heed_model *model, const text_source *texts, heed_vector_writer *writer,
                        int *code) {
    heed_results *results;
    heed_status status = heed_embed(model, line->options, texts->items, texts->sizes, texts->count, &results);
    for (size_t i = 0; writer && i < texts->count && status == HEED_OK; i++) {
        size_t columns;
        const char *problem = problem_of(line, texts, results, i);
        const float *vector = heed_results_vector(results, i, &columns);
        if (vector) status = heed_vectors_add(writer, vector, columns);
        if (!problem) continue;
        report_text(texts, i, problem); /* rows stay in step with lines: there is no file */
        *code = EXIT_FAILED;
    }
    if (!writer && status == HEED_OK) print_vectors(line, texts, results, code);
    if (status != HEED_OK) *code = report_failure(line, status);
    heed_results_close(results);
    return status == HEED_OK && flush_output();
}

/* ---- similarity ---- */

/* The two texts of a line, at its first tab. False if there is none. */
static bool split(const text_source *texts, size_t i, const char **second, size_t *first_size, size_t *second_size) {
    const char *tab = texts->items[i] ? memchr(texts->items[i], '\t', texts->sizes[i]) : NULL;
    *second = NULL, *first_size = *second_size = 0;
    if (!tab) return false;
    *first_size = (size_t)(tab - texts->items[i]);
    *second = tab + 1;
    *second_size = texts->sizes[i] - *first_size - 1;
    return true;
}

static void print_similarities(const invocation *line, const text_source *texts, const char *const *seconds,
                               const heed_results *results, int *code) {
    for (size_t i = 0; i < texts->count; i++) {
        const char *problem = problem_of(line, texts, results, i);
        if (!problem && !seconds[i]) problem = "expected two texts with a tab between them";
        if (problem) {
            putchar('\n');
            report_text(texts, i, problem);
            *code = EXIT_FAILED;
        } else if (json) {
            put_json_float(heed_results_score(results, i, 0));
            putchar('\n');
        } else {
            printf("%.4f\n", (double)heed_results_score(results, i, 0));
        }
    }
}

static bool compare_batch(const invocation *line, heed_model *model, const text_source *texts, int *code) {
    size_t count = texts->count;
    const char **halves = grow_memory(NULL, 2 * count, sizeof *halves), **seconds = halves + count;
    size_t *sizes = grow_memory(NULL, 2 * count, sizeof *sizes), *second_sizes = sizes + count;
    heed_results *results;
    for (size_t i = 0; i < count; i++)
        halves[i] = split(texts, i, &seconds[i], &sizes[i], &second_sizes[i]) ? texts->items[i] : NULL;
    heed_status status =
        heed_similarity(model, line->options, settings.metric, halves, sizes, seconds, second_sizes, count, &results);
    if (status == HEED_OK)
        print_similarities(line, texts, seconds, results, code);
    else
        *code = report_failure(line, status);
    heed_results_close(results);
    free(halves);
    free(sizes);
    return status == HEED_OK && flush_output();
}

/* ---- the whole ---- */

static bool ends_in(const char *text, const char *end) {
    size_t size = strlen(text), length = strlen(end);
    return size >= length && strcmp(text + size - length, end) == 0;
}

/* EXIT_DONE, or the exit code of a usage error, which was reported. */
static int check_options(const invocation *line) {
    const struct {
        const char *name, *value;
        bool used;
        const char *by;
    } needs[] = {{"index", settings.index, settings.file, "--search"},
                 {"top", settings.top, settings.file, "--search"},
                 {"document-prompt", settings.prompt, settings.file, "--search"},
                 {"metric", settings.metric, settings.file || pairs, "--search or --similarity"},
                 {"dtype", settings.dtype, settings.file || output, "--search or --output"}};
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (needs[i].value && !needs[i].used) return report_usage(line, "--%s requires %s", needs[i].name, needs[i].by);
    if ((settings.file != NULL) + pairs + (output != NULL) > 1)
        return report_usage(line, "only one of --search, --similarity and --output can be given");
    if (output && !ends_in(output, ".npy"))
        return report_usage(line, "%s does not end in .npy, the only format of --output", output);
    int code = EXIT_DONE;
    if (settings.file) check_search(line, &settings, &code);
    return code;
}

static int embed_all(const invocation *line, heed_model *model, text_source *texts) {
    int code = EXIT_DONE;
    line_search search = {0};
    heed_vector_writer *writer = NULL;
    if (settings.file && !open_search(line, model, &settings, &search, &code)) return code;
    if (output) {
        heed_status status = heed_vectors_create(line->context, output, settings.dtype, &writer);
        if (status != HEED_OK) return report_failure(line, status);
    }
    bool more = true;
    while (more && next_texts(texts))
        more = settings.file ? search_batch(&search, texts, &code)
               : pairs       ? compare_batch(line, model, texts, &code)
                             : embed_batch(line, model, texts, writer, &code);
    if (texts->failed) code = EXIT_FAILED;
    if (writer && code == EXIT_DONE) {
        heed_status status = heed_vectors_finish(writer);
        if (status != HEED_OK) code = report_failure(line, status);
    }
    heed_vectors_close(writer);
    close_search(&search);
    return code;
}

int run_embed(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    if (!open_invocation(&embed, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    settings.json = json;
    code = check_options(&line);
    if (code == EXIT_DONE && open_texts(&line, input, &texts, &code)) {
        if (open_model(&line, model_name, "encoder", "use one such as sentence-transformers/all-MiniLM-L6-v2", &model,
                       &code))
            code = embed_all(&line, model, &texts);
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(embed.name, code);
}
