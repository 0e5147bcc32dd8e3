#include "measure/bench.h"

#include "base/clock.h"
#include "base/lines.h"
#include "base/parallel.h"
#include "device/cpu/matmul.h"
#include "tasks/translate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define F(field) offsetof(hd_bench_options, field)

static const hd_setting rows[] = {
    {"model", HD_SETTING_STRING, F(model), NULL, 0, 0, "MODEL", "translate: model to measure"},
    {"input", HD_SETTING_STRING, F(input), NULL, 0, 0, "FILE", "translate: sentences, one per line"},
    {"beams", HD_SETTING_INT, F(beams), "5", 1, 1024, "NUMBER", "translate: beams"},
    {"sentences", HD_SETTING_INT, F(at_once), "0", 0, 1 << 20, "NUMBER",
     "translate: sentences per call; 0: the whole file"},
    {"batch-tokens", HD_SETTING_INT, F(batch_tokens), "0", 0, 1 << 24, "NUMBER", "translate: source tokens per batch"},
    {"recipe", HD_SETTING_STRING, F(recipe), NULL, 0, 0, "FILE",
     "train: recipe to measure; without one, a small translator on made-up text"},
    {"compute", HD_SETTING_STRING, F(compute), NULL, 0, 0, "f32|bf16",
     "translate, train: arithmetic of matrix products (default: f32, or that of the recipe)"},
    {"steps", HD_SETTING_INT, F(steps), "40", 2, 1 << 20, "NUMBER", "train: weight updates to measure"},
    {"runs", HD_SETTING_INT, F(runs), "7", 1, 1000, "NUMBER", "repetitions per median"},
    {"output", HD_SETTING_STRING, F(output), NULL, 0, 0, "FILE", "lengths, memories: file for the curves, as SVG"},
};

const hd_option_table hd_bench_table = {rows, HD_COUNT(rows), sizeof(hd_bench_options)};

heed_status heed_bench_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &hd_bench_table, options);
}

enum { MOST_RUNS = 1000 };

void hd_bench_say(const hd_bench *b, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    b->line(b->user, text);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

hd_spread hd_spread_of(double *seconds, int64_t count) {
    qsort(seconds, (size_t)count, sizeof *seconds, ascending);
    return (hd_spread){seconds[count / 2], seconds[0], seconds[count - 1]};
}

hd_spread hd_bench_measure(const hd_bench *b, void (*work)(void *), void *argument) {
    double seconds[MOST_RUNS];
    int64_t runs = hd_min(b->options.runs, MOST_RUNS);
    work(argument);
    for (int64_t i = 0; i < runs; i++) {
        double start = hd_clock();
        work(argument);
        seconds[i] = hd_clock() - start;
    }
    return hd_spread_of(seconds, runs);
}

/* ---- machine ---- */

enum { PARTS = 16 }; /* per thread: one that wakes up late does fewer */

typedef struct machine {
    heed_context context; /* with some threads */
    int64_t parts, count;
    const float *data;
    double operations;
} machine;

static void multiply_part(void *argument, int64_t index, int worker) {
    (void)worker;
    const machine *m = argument;
    float result = (float)index;
    double operations = m->context.kernels->multiply_add_peak((1 << 22) / PARTS, &result);
    if (index == 0) ((machine *)argument)->operations = operations * (double)m->parts;
}

static void multiply_all(void *argument) {
    machine *m = argument;
    hd_parallel_for(&m->context, m->parts, INT64_MAX, multiply_part, m);
}

static void read_part(void *argument, int64_t index, int worker) {
    (void)worker;
    const machine *m = argument;
    int64_t part = m->count / m->parts;
    m->context.kernels->find_non_finite(part, m->data + index * part);
}

static void read_all(void *argument) {
    machine *m = argument;
    hd_parallel_for(&m->context, m->parts, INT64_MAX, read_part, m);
}

static void measure_peak(hd_bench *b, int threads) {
    machine m = {.context = hd_context_fork(b->context, threads), .parts = PARTS * threads};
    hd_spread s = hd_bench_measure(b, multiply_all, &m);
    b->peak = m.operations / s.median;
    hd_bench_say(b, "multiply–add peak, %d thread%s: %7.1f GFLOP/s (%.1f to %.1f)", threads, threads > 1 ? "s" : "",
                 b->peak * 1e-9, m.operations / s.most * 1e-9, m.operations / s.least * 1e-9);
}

heed_status hd_bench_machine(hd_bench *b) {
    enum { BYTES = 1 << 28 };
    float *data = hd_alloc_zeroed(b->context, BYTES / sizeof(float), sizeof *data);
    if (!data) return HEED_MEMORY;
    hd_bench_say(b, "instruction set %s, %d threads", b->context->kernels->name, b->context->threads);
    for (int threads = 1; threads <= b->context->threads; threads += (int)hd_max(b->context->threads - 1, 1)) {
        measure_peak(b, threads);
        machine m = {.context = hd_context_fork(b->context, threads),
                     .parts = PARTS * threads,
                     .count = BYTES / sizeof(float),
                     .data = data};
        hd_spread s = hd_bench_measure(b, read_all, &m);
        hd_bench_say(b, "memory read, %d thread%s:       %7.1f GB/s (%.1f to %.1f)", threads, threads > 1 ? "s" : "",
                     BYTES / s.median * 1e-9, BYTES / s.most * 1e-9, BYTES / s.least * 1e-9);
    }
    hd_free(b->context, data);
    return HEED_OK;
}

/* ---- kernels ---- */

typedef struct multiplication {
    const hd_bench *bench;
    hd_product product;
    const float *weight;
    float *panels;
} multiplication;

static void multiply(void *argument) {
    const multiplication *m = argument;
    hd_matmul(m->bench->context, &m->product);
}

static void pack(void *argument) {
    const multiplication *m = argument;
    int64_t columns = m->product.columns, depth = m->product.depth;
    m->bench->context->kernels->pack(m->weight, HD_F32, depth, columns, depth, m->panels, 0,
                                     (columns + HD_PANEL - 1) / HD_PANEL);
}

/* The time of a single row is that of reading the weight or writing its gradient, so report gigabytes per second. */
static void report_product(const hd_bench *b, int64_t tokens, int64_t depth, int64_t columns, const double *seconds,
                           double packing) {
    static const char *const names[] = {"forward", "input's gradient", "weight's gradient"};
    double weights = (double)depth * (double)columns, operations = 2 * (double)tokens * weights;
    char text[3][64];
    for (int i = 0; i < 3; i++)
        if (tokens == 1)
            snprintf(text[i], sizeof text[i], "%s %.1f (%.1f GB/s)", names[i], operations / seconds[i] * 1e-9,
                     weights * sizeof(float) / seconds[i] * 1e-9);
        else
            snprintf(text[i], sizeof text[i], "%s %.1f (%.0f%%)", names[i], operations / seconds[i] * 1e-9,
                     100 * operations / seconds[i] / b->peak);
    hd_bench_say(b, "%5lld × %4lld × %5lld: %s, %s, %s GFLOP/s; packing %.1f%% of forward", (long long)tokens,
                 (long long)depth, (long long)columns, text[0], text[1], text[2], 100 * packing / seconds[0]);
}

static heed_status bench_shape(hd_bench *b, int64_t tokens, int64_t depth, int64_t columns) {
    hd_arena arena;
    hd_arena_open(&arena, b->context);
    int64_t padded = (columns + HD_PANEL - 1) / HD_PANEL * HD_PANEL;
    float *x = hd_arena_alloc(&arena, (size_t)(tokens * depth), sizeof *x),
          *y = hd_arena_alloc(&arena, (size_t)(tokens * columns), sizeof *y);
    float *weight = hd_arena_alloc(&arena, (size_t)(columns * depth), sizeof *weight);
    float *panels = hd_arena_alloc(&arena, (size_t)(padded * depth), sizeof *panels);
    heed_status status = x && y && weight && panels ? HEED_OK : HEED_MEMORY;
    if (status == HEED_OK) {
        for (int64_t i = 0; i < tokens * depth; i++) x[i] = (float)(i % 17) * 0.1f;
        for (int64_t i = 0; i < tokens * columns; i++) y[i] = (float)(i % 13) * 0.1f;
        for (int64_t i = 0; i < columns * depth; i++) weight[i] = (float)(i % 19) * 0.1f;
        multiplication m = {.bench = b, .weight = weight, .panels = panels};
        m.product = (hd_product){.rows = tokens, .columns = columns, .depth = depth};
        hd_spread packing = hd_bench_measure(b, pack, &m);
        m.product = (hd_product){.rows = tokens,
                                 .columns = columns,
                                 .depth = depth,
                                 .a = x,
                                 .a_row = depth,
                                 .a_depth = 1,
                                 .b = panels,
                                 .b_depth = HD_PANEL,
                                 .b_panel = HD_PANEL * depth,
                                 .c = y,
                                 .c_row = columns};
        hd_spread forward = hd_bench_measure(b, multiply, &m);
        m.product = (hd_product){.rows = tokens,
                                 .columns = depth,
                                 .depth = columns,
                                 .a = y,
                                 .a_row = columns,
                                 .a_depth = 1,
                                 .b = weight,
                                 .b_depth = depth,
                                 .b_panel = HD_PANEL,
                                 .c = x,
                                 .c_row = depth};
        hd_spread input = hd_bench_measure(b, multiply, &m);
        m.product = (hd_product){.rows = columns,
                                 .columns = depth,
                                 .depth = tokens,
                                 .a = y,
                                 .a_row = 1,
                                 .a_depth = columns,
                                 .b = x,
                                 .b_depth = depth,
                                 .b_panel = HD_PANEL,
                                 .c = weight,
                                 .c_row = depth};
        hd_spread gradient = hd_bench_measure(b, multiply, &m);
        report_product(b, tokens, depth, columns, (double[]){forward.median, input.median, gradient.median},
                       packing.median);
    }
    hd_arena_close(&arena);
    return status;
}

heed_status hd_bench_kernels(hd_bench *b) {
    static const int64_t shapes[][3] = {{2048, 2048, 2048}, {64, 2048, 512}, {16, 512, 512},   {1024, 256, 128},
                                        {4096, 128, 256},   {1, 4096, 4096}, {256, 128, 10000}};
    measure_peak(b, b->context->threads);
    for (size_t i = 0; i < HD_COUNT(shapes); i++) HD_TRY(bench_shape(b, shapes[i][0], shapes[i][1], shapes[i][2]));
    return HEED_OK;
}

/* ---- translate ---- */

typedef struct translation {
    heed_model *model;
    hd_decoding settings;
    const char **texts;
    size_t *sizes, count, at_once;
    int64_t tokens; /* made */
    heed_status status;
} translation;

static void translate_all(void *argument) {
    translation *t = argument;
    for (size_t i = 0; i < t->count && t->status == HEED_OK; i += t->at_once) {
        size_t count = t->count - i < t->at_once ? t->count - i : t->at_once;
        heed_results *results;
        t->status = hd_translate(t->model, &t->settings, t->texts + i, t->sizes + i, count, &results);
        heed_results_close(results);
    }
}

/* Tokens of all translations, an end token each. */
static heed_status count_tokens(translation *t) {
    heed_results *results;
    hd_encoding encoding = {0};
    heed_status status = hd_translate(t->model, &t->settings, t->texts, t->sizes, t->count, &results);
    for (size_t i = 0; i < t->count && status == HEED_OK; i++) {
        const char *text = heed_results_text(results, i, 0);
        if (text)
            status = hd_tokenizer_encode(t->model->tokenizer, t->model->context, text, strlen(text), true, &encoding);
        if (text) t->tokens += (int64_t)encoding.count;
    }
    hd_encoding_close(&encoding);
    heed_results_close(results);
    return status;
}

heed_status hd_bench_translate(hd_bench *b) {
    heed_context *context = b->context;
    if (!b->options.input) return hd_fail(context, HEED_ARGUMENT, "bench translate needs input, a file of sentences");
    translation t = {0};
    hd_line_index lines;
    HD_TRY(hd_model_open(context, b->options.model ? b->options.model : "multi30k-en-de", HD_OPEN_TO_RUN, &t.model));
    heed_status status = hd_line_index_open(context, b->options.input, &lines);
    t.count = (size_t)lines.count;
    t.texts = hd_alloc(context, t.count, sizeof *t.texts);
    t.sizes = hd_alloc(context, t.count, sizeof *t.sizes);
    if (status == HEED_OK && (!t.texts || !t.sizes)) status = HEED_MEMORY;
    if (status == HEED_OK) status = hd_decoding_open(t.model, NULL, &hd_translate_table, &t.settings);
    if (status == HEED_OK) {
        for (size_t i = 0; i < t.count; i++) hd_line_index_get(&lines, i, &t.texts[i], &t.sizes[i]);
        t.settings.generation.beams = b->options.beams;
        t.settings.generation.best = 1;
        t.settings.batch_tokens = b->options.batch_tokens;
        t.at_once = b->options.at_once ? (size_t)b->options.at_once : t.count;
        status = count_tokens(&t);
    }
    if (status == HEED_OK) {
        hd_spread s = hd_bench_measure(b, translate_all, &t);
        status = t.status;
        if (status == HEED_OK)
            hd_bench_say(
                b,
                "%zu sentences, %zu at once, %lld beam%s, %d thread%s: %.1f sentences/s (%.1f to %.1f), %.0f target "
                "tokens/s",
                t.count, t.at_once, (long long)b->options.beams, b->options.beams > 1 ? "s" : "", context->threads,
                context->threads > 1 ? "s" : "", (double)t.count / s.median, (double)t.count / s.most,
                (double)t.count / s.least, (double)t.tokens / s.median);
    }
    hd_free(context, t.texts);
    hd_free(context, t.sizes);
    hd_line_index_close(&lines);
    hd_model_close(t.model);
    return status;
}
