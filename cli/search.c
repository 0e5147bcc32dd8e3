#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "output.h"
#include "stop.h"

enum { DEFAULT_TOP = 10, MOST_TOP = 1 << 24 };

/* ---- opening ---------------------------------------------------------------------------------------------------- */

bool check_search(const invocation *line, const search_settings *settings, int *exit_code) {
    char *end;
    long top = settings->top ? strtol(settings->top, &end, 10) : DEFAULT_TOP;
    if (settings->top && (!settings->top[0] || *end || top < 1 || top > MOST_TOP)) {
        *exit_code = report_usage(line, "top is \"%s\", expected a whole number from 1 to %d", settings->top, MOST_TOP);
        return false;
    }
    return true;
}

/* Progress on a terminal, and the notes about lines. */
typedef struct building {
    const invocation *line;
    double shown;
    bool drawn;
} building;

static void clear(building *b) {
    if (b->drawn) fputs("\r\033[K", stderr);
    b->drawn = false;
}

static void show_note(void *user, const char *note) {
    building *b = user;
    clear(b);
    print_message("heed %s: %s", b->line->command->name, note);
}

static bool show_progress(void *user, uint64_t done, uint64_t total) {
    building *b = user;
    double now = seconds_now();
    if (b->line->quiet || !isatty(STDERR_FILENO) || (b->drawn && now - b->shown < 0.1)) return true;
    fprintf(stderr, "\r%llu of %llu lines\033[K", (unsigned long long)done, (unsigned long long)total);
    b->drawn = true;
    b->shown = now;
    return true;
}

/* The options of the index, from those of the command line. */
static heed_status open_options(const invocation *line, const search_settings *settings, heed_options **options) {
    const char *dims = last_value(line, "dims");
    heed_status status = heed_index_options(line->context, options);
    if (status == HEED_OK && settings->dtype) status = heed_options_set(*options, "dtype", settings->dtype);
    if (status == HEED_OK && settings->metric) status = heed_options_set(*options, "metric", settings->metric);
    if (status == HEED_OK && settings->prompt) status = heed_options_set(*options, "prompt", settings->prompt);
    if (status == HEED_OK && dims) status = heed_options_set(*options, "dims", dims);
    return status;
}

static heed_status build(const invocation *line, heed_model *model, const search_settings *settings,
                         const heed_options *options, heed_index **index) {
    building b = {.line = line};
    stop_on_signals(line->context, 0);
    if (!line->quiet) heed_context_set_log(line->context, show_note, &b);
    heed_status status = heed_index_build(model, options, settings->file, show_progress, &b, settings->index, index);
    heed_context_set_log(line->context, NULL, NULL);
    clear(&b);
    return status;
}

/* An index file that is there, if it is of this model and these lines. */
static heed_status reuse(const invocation *line, heed_model *model, const search_settings *settings,
                         const heed_options *options, heed_index **index) {
    bool changed = false;
    *index = NULL;
    if (!settings->index || access(settings->index, F_OK) != 0) return HEED_OK;
    heed_status status = heed_index_open(line->context, settings->index, index);
    if (status == HEED_OK) status = heed_index_check(*index, model, options, settings->file, &changed);
    if (status == HEED_OK && !changed) return HEED_OK;
    heed_index_close(*index);
    *index = NULL;
    if (changed && !line->quiet)
        print_message("heed %s: %s has changed, so %s is built again", line->command->name, settings->file,
                      settings->index);
    return status;
}

bool open_search(const invocation *line, heed_model *model, const search_settings *settings, line_search *search,
                 int *exit_code) {
    heed_options *options = NULL;
    *search = (line_search){.line = line, .model = model, .json = settings->json};
    search->top = settings->top ? strtoul(settings->top, NULL, 10) : DEFAULT_TOP;
    heed_status status = open_options(line, settings, &options);
    if (status == HEED_OK) status = reuse(line, model, settings, options, &search->index);
    if (status == HEED_OK && !search->index) status = build(line, model, settings, options, &search->index);
    if (status == HEED_OK && !was_given(line, "as") && !was_given(line, "prompt") && !was_given(line, "prompt-name"))
        status = heed_options_set(line->options, "as", "query");
    heed_options_close(options);
    if (status != HEED_OK) *exit_code = report_failure(line, status);
    return status == HEED_OK;
}

void close_search(line_search *search) { heed_index_close(search->index); }

/* ---- the nearest lines ------------------------------------------------------------------------------------------ */

static void print_hit(const line_search *s, unsigned long long query, size_t rank, size_t row, float score) {
    size_t size;
    const char *text = heed_index_text(s->index, row, &size);
    if (s->json) {
        printf("%s{\"corpus_id\": %zu, \"score\": ", rank ? ", " : "", row);
        put_json_float(score);
        fputs(", \"text\": ", stdout);
        put_json_string(text, size);
        putchar('}');
    } else {
        printf("%llu\t%.4f\t%zu\t", query, (double)score, row + 1);
        put_line_text(text, size);
        putchar('\n');
    }
}

static void print_hits(const line_search *s, unsigned long long query, const size_t *rows, const float *scores) {
    if (s->json) putchar('[');
    for (size_t i = 0; i < s->top && rows[i] != HEED_NO_ROW; i++) print_hit(s, query, i, rows[i], scores[i]);
    if (s->json) puts("]");
}

/* Copies the vectors of the texts that have one to queries [count, columns]. */
static size_t take_vectors(const heed_results *results, size_t count, size_t columns, float *queries) {
    size_t taken = 0, size;
    for (size_t i = 0; i < count; i++) {
        const float *vector = heed_results_vector(results, i, &size);
        if (vector && size == columns) memcpy(queries + taken++ * columns, vector, columns * sizeof *vector);
    }
    return taken;
}

static void print_all(const line_search *s, const text_source *texts, const heed_results *results, const size_t *rows,
                      const float *scores, int *exit_code) {
    for (size_t i = 0; i < texts->count; i++) {
        const char *problem = texts->items[i] ? heed_results_problem(results, i) : too_long;
        const char *note = heed_results_note(results, i);
        if (problem) {
            putchar('\n');
            report_text(texts, i, problem);
            *exit_code = EXIT_FAILED;
            continue;
        }
        if (note && !s->line->quiet) report_text(texts, i, note);
        print_hits(s, (unsigned long long)(texts->first + i), rows, scores);
        rows += s->top, scores += s->top;
    }
}

bool search_batch(line_search *s, const text_source *texts, int *exit_code) {
    heed_results *results;
    size_t columns = heed_index_columns(s->index);
    heed_status status = heed_embed(s->model, s->line->options, texts->items, texts->sizes, texts->count, &results);
    if (status != HEED_OK) {
        *exit_code = report_failure(s->line, status);
        return false;
    }
    float *queries = grow_memory(NULL, texts->count * columns, sizeof *queries);
    size_t *rows = grow_memory(NULL, texts->count * s->top, sizeof *rows);
    float *scores = grow_memory(NULL, texts->count * s->top, sizeof *scores);
    size_t count = take_vectors(results, texts->count, columns, queries);
    status = heed_index_search(s->index, queries, count, s->top, rows, scores);
    if (status == HEED_OK)
        print_all(s, texts, results, rows, scores, exit_code);
    else
        *exit_code = report_failure(s->line, status);
    heed_results_close(results);
    free(queries);
    free(rows);
    free(scores);
    return flush_output() && status == HEED_OK;
}
