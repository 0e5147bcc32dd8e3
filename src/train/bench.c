/* heed_bench: what the machine can do, and how much of it heed reaches. Every figure is a median of several runs with its
 * range, since machines are noisy and differ. It lives in this room because measuring a training needs one. */
#include "base/clock.h"
#include "base/file.h"
#include "base/float_environment.h"
#include "base/lines.h"
#include "base/parallel.h"
#include "tasks/translate.h"
#include "device/cpu/matmul.h"
#include "train/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct bench_options {
    char *model, *input, *recipe, *compute;
    int64_t runs, beams, at_once, batch_tokens, steps;
} bench_options;

#define F(field) offsetof(bench_options, field)

static const hd_setting rows[] = {
    {"model", HD_SETTING_STRING, F(model), NULL, 0, 0, "MODEL", "what translate measures"},
    {"input", HD_SETTING_STRING, F(input), NULL, 0, 0, "FILE", "sentences for translate, one a line"},
    {"beams", HD_SETTING_INT, F(beams), "5", 1, 1024, "NUMBER", "beams for translate"},
    {"sentences", HD_SETTING_INT, F(at_once), "0", 0, 1 << 20, "NUMBER",
     "sentences that translate is given at a time; 0: the whole file"},
    {"batch-tokens", HD_SETTING_INT, F(batch_tokens), "0", 0, 1 << 24, "NUMBER",
     "source tokens that translate takes at once"},
    {"recipe", HD_SETTING_STRING, F(recipe), NULL, 0, 0, "FILE",
     "what train measures; without one, a small translator on made-up text"},
    {"compute", HD_SETTING_STRING, F(compute), NULL, 0, 0, "f32|bf16",
     "arithmetic of the products of translate and train (default: f32, or as the recipe says)"},
    {"steps", HD_SETTING_INT, F(steps), "40", 2, 1 << 20, "NUMBER", "updates that train measures"},
    {"runs", HD_SETTING_INT, F(runs), "7", 1, 1000, "NUMBER", "repetitions behind each median"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(bench_options)};

heed_status heed_bench_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

enum { MOST_RUNS = 1000 };

typedef struct bench {
    heed_context *context;
    bench_options options;
    heed_log_function *line;
    void *user;
    double peak; /* operations a second on all threads */
} bench;

static void say(const bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const bench *b, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    b->line(b->user, text);
}

typedef struct spread {
    double median, least, most;
} spread;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static spread spread_of(double *seconds, int64_t count) {
    qsort(seconds, (size_t)count, sizeof *seconds, ascending);
    return (spread){seconds[count / 2], seconds[0], seconds[count - 1]};
}

/* Seconds of `runs` calls, after one that only warms up. */
static spread measure(const bench *b, void (*work)(void *), void *argument) {
    double seconds[MOST_RUNS];
    int64_t runs = hd_min(b->options.runs, MOST_RUNS);
    work(argument);
    for (int64_t i = 0; i < runs; i++) {
        double start = hd_clock();
        work(argument);
        seconds[i] = hd_clock() - start;
    }
    return spread_of(seconds, runs);
}

/* ---- machine ---- */

typedef struct machine {
    const bench *bench;
    int64_t threads, count;
    const float *data;
    double operations;
} machine;

static void multiply_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const machine *m = argument;
    float result = (float)piece;
    double operations = m->bench->context->kernels->multiply_add_peak(1 << 22, &result);
    if (piece == 0) ((machine *)argument)->operations = operations * (double)m->threads;
}

static void multiply_all(void *argument) {
    machine *m = argument;
    hd_parallel_for(m->bench->context, m->threads, INT64_MAX, multiply_piece, m);
}

static void read_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const machine *m = argument;
    int64_t part = m->count / m->threads;
    m->bench->context->kernels->find_non_finite(part, m->data + piece * part);
}

static void read_all(void *argument) {
    machine *m = argument;
    hd_parallel_for(m->bench->context, m->threads, INT64_MAX, read_piece, m);
}

static void measure_peak(bench *b, int64_t threads) {
    machine m = {.bench = b, .threads = threads};
    spread s = measure(b, multiply_all, &m);
    b->peak = m.operations / s.median;
    say(b, "multiply–add peak, %lld thread%s: %7.1f GFLOP/s (%.1f to %.1f)", (long long)threads, threads > 1 ? "s" : "",
        b->peak * 1e-9, m.operations / s.most * 1e-9, m.operations / s.least * 1e-9);
}

static heed_status bench_machine(bench *b) {
    enum { BYTES = 1 << 28 };
    float *data = hd_alloc_zeroed(b->context, BYTES / sizeof(float), sizeof *data);
    if (!data) return HEED_MEMORY;
    say(b, "instruction set %s, %d threads by %s", b->context->kernels->name, b->context->threads, hd_parallel_name());
    for (int64_t threads = 1; threads <= b->context->threads; threads += hd_max(b->context->threads - 1, 1)) {
        measure_peak(b, threads);
        machine m = {.bench = b, .threads = threads, .count = BYTES / sizeof(float), .data = data};
        spread s = measure(b, read_all, &m);
        say(b, "memory read, %lld thread%s:       %7.1f GB/s (%.1f to %.1f)", (long long)threads,
            threads > 1 ? "s" : "", BYTES / s.median * 1e-9, BYTES / s.most * 1e-9, BYTES / s.least * 1e-9);
    }
    hd_free(b->context, data);
    return HEED_OK;
}

/* ---- kernels ---- */

typedef struct multiplication {
    const bench *bench;
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
    m->bench->context->kernels->pack(m->weight, HD_F32, depth, columns, depth, m->panels, HD_F32, 0,
                                     (columns + HD_PANEL - 1) / HD_PANEL);
}

/* One row alone multiplies at the speed at which it reads the weight, or writes its gradient: gigabytes tell more. */
static void say_forms(const bench *b, int64_t tokens, int64_t depth, int64_t columns, const double *seconds,
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
    say(b, "%5lld × %4lld × %5lld: %s, %s, %s GFLOP/s; packing %.1f%% of forward", (long long)tokens, (long long)depth,
        (long long)columns, text[0], text[1], text[2], 100 * packing / seconds[0]);
}

static heed_status bench_shape(bench *b, int64_t tokens, int64_t depth, int64_t columns) {
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
        spread packing = measure(b, pack, &m);
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
        spread forward = measure(b, multiply, &m);
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
        spread input = measure(b, multiply, &m);
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
        spread gradient = measure(b, multiply, &m);
        say_forms(b, tokens, depth, columns, (double[]){forward.median, input.median, gradient.median}, packing.median);
    }
    hd_arena_close(&arena);
    return status;
}

static heed_status bench_kernels(bench *b) {
    static const int64_t shapes[][3] = {{2048, 2048, 2048}, {64, 2048, 512}, {16, 512, 512},   {1024, 256, 128},
                                        {4096, 128, 256},   {1, 4096, 4096}, {256, 128, 10000}};
    measure_peak(b, b->context->threads);
    for (size_t i = 0; i < HD_COUNT(shapes); i++) HD_TRY(bench_shape(b, shapes[i][0], shapes[i][1], shapes[i][2]));
    return HEED_OK;
}

/* ---- translate ---- */

typedef struct translation {
    heed_model *model;
    hd_translate_options settings;
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
    HD_TRY(hd_translate(t->model, &t->settings, t->texts, t->sizes, t->count, &results));
    hd_encoding encoding = {0};
    heed_status status = HEED_OK;
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

static heed_status bench_translate(bench *b) {
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
    if (status == HEED_OK) status = hd_translate_settings(t.model, NULL, &t.settings);
    if (status == HEED_OK) {
        for (size_t i = 0; i < t.count; i++) hd_line_index_get(&lines, i, &t.texts[i], &t.sizes[i]);
        t.settings.generation.beams = b->options.beams;
        t.settings.generation.best = 1;
        t.settings.batch_tokens = b->options.batch_tokens;
        t.at_once = b->options.at_once ? (size_t)b->options.at_once : t.count;
        status = count_tokens(&t);
    }
    if (status == HEED_OK) {
        spread s = measure(b, translate_all, &t);
        status = t.status;
        if (status == HEED_OK)
            say(b,
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

/* ---- train ---- */

/* Sentence pairs of made-up words, about as long as captions are. */
static heed_status make_text(heed_context *context, const char *path, uint64_t seed) {
    enum { PAIRS = 6000, WORDS = 8000 };
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_random_key key = hd_random_key_make(seed, HD_RANDOM_GENERATE, 0);
    uint64_t number = 0;
    for (int i = 0; i < PAIRS; i++) {
        uint64_t length = 6 + hd_random_below(key, number++, 13);
        for (uint64_t j = 0; j < length; j++) {
            uint64_t word = hd_random_below(key, number++, WORDS);
            for (int k = 0; k < 4; k++, word /= 10) hd_buffer_byte(&text, "aeioulmnrt"[word % 10]);
            hd_buffer_byte(&text, j + 1 < length ? ' ' : '\n');
        }
    }
    heed_status status = text.failed ? HEED_MEMORY : hd_file_write(context, path, text.data, text.size);
    hd_buffer_close(&text);
    return status;
}

/* What a training's steps took, each from the end of the one before it; the first is not counted. */
typedef struct step_times {
    double *seconds; /* [steps] */
    int64_t count;
    double last, tokens_per_second;
} step_times;

static bool note_step(void *user, const heed_progress *progress) {
    step_times *times = user;
    double now = hd_clock();
    if (heed_progress_step(progress) > 1) times->seconds[times->count++] = now - times->last;
    times->last = now;
    times->tokens_per_second = heed_progress_value(progress, "tokens_per_second");
    return true;
}

static heed_status set_all(heed_context *context, heed_options *options, const bench *b, const char *source,
                           const char *target) {
    char steps[32];
    snprintf(steps, sizeof steps, "%lld", (long long)b->options.steps);
    if (b->options.recipe)
        HD_TRY(heed_options_set(options, "recipe", b->options.recipe));
    else {
        HD_TRY(make_text(context, source, 1));
        HD_TRY(make_text(context, target, 2));
        HD_TRY(heed_options_set(options, "train-source", source));
        HD_TRY(heed_options_set(options, "train-target", target));
        HD_TRY(heed_options_set(options, "dropout", "0.3"));
    }
    if (b->options.compute) HD_TRY(heed_options_set(options, "compute", b->options.compute));
    HD_TRY(heed_options_set(options, "validate-every", "1000000000"));
    HD_TRY(heed_options_set(options, "save-every", "1000000000"));
    return heed_options_set(options, "steps", steps);
}

/* Files that a short training leaves in its folder. */
static void clear_folder(heed_context *context, const char *folder) {
    static const char *const names[] = {"source.txt",
                                        "target.txt",
                                        "recipe.ini",
                                        "log.jsonl",
                                        "checkpoint.safetensors",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "config.json",
                                        "generation_config.json",
                                        "model.safetensors",
                                        "README.md"};
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        char *path = hd_path_join(context, folder, names[i]);
        if (path) remove(path);
        hd_free(context, path);
    }
    rmdir(folder);
}

static heed_status bench_train(bench *b) {
    heed_context *context = b->context;
    const char *where = getenv("TMPDIR");
    char *folder = hd_path_join(context, where && *where ? where : "/tmp", "heed-bench-XXXXXX");
    if (!folder) return HEED_MEMORY;
    if (!mkdtemp(folder)) {
        hd_fail(context, HEED_FILE, "%s: cannot make the folder: %s", folder, strerror(errno));
        hd_free(context, folder);
        return HEED_FILE;
    }
    char *source = hd_path_join(context, folder, "source.txt"), *target = hd_path_join(context, folder, "target.txt");
    heed_options *options = NULL;
    step_times times = {.seconds = hd_alloc(context, (size_t)b->options.steps, sizeof *times.seconds)};
    heed_status status = source && target && times.seconds ? heed_train_options(context, &options) : HEED_MEMORY;
    if (status == HEED_OK) status = set_all(context, options, b, source, target);
    if (status == HEED_OK) status = heed_train(context, options, folder, note_step, &times);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (status == HEED_OK) {
        spread s = times.count ? spread_of(times.seconds, times.count) : (spread){NAN, NAN, NAN};
        say(b,
            "training, %lld steps, %d threads: %.0f target tokens/s, %.1f ms/step (%.1f to %.1f), peak memory %.0f MB",
            (long long)b->options.steps, context->threads, times.tokens_per_second, s.median * 1000, s.least * 1000,
            s.most * 1000, (double)usage.ru_maxrss / 1024);
    }
    hd_free(context, times.seconds);
    heed_options_close(options);
    hd_free(context, source);
    hd_free(context, target);
    clear_folder(context, folder);
    hd_free(context, folder);
    return status;
}

heed_status heed_bench(heed_context *context, const heed_options *options, const char *what, heed_log_function *line,
                       void *user) {
    static const struct {
        const char *name;
        heed_status (*run)(bench *);
    } benches[] = {
        {"machine", bench_machine}, {"kernels", bench_kernels}, {"translate", bench_translate}, {"train", bench_train}};
    bench b = {.context = context, .line = line, .user = user};
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_settings_default(context, table.rows, table.count, &b.options);
    if (status == HEED_OK) status = hd_options_apply(context, options, &table, &b.options);
    size_t i = 0;
    while (i < HD_COUNT(benches) && strcmp(benches[i].name, what) != 0) i++;
    if (status == HEED_OK && i == HD_COUNT(benches))
        status = hd_fail(context, HEED_ARGUMENT,
                         "there is no bench called \"%s\": machine, kernels, translate or train", what);
    bool bf16 = context->bf16;
    if (status == HEED_OK && b.options.compute) status = heed_context_set_compute(context, b.options.compute);
    if (status == HEED_OK) status = benches[i].run(&b);
    context->bf16 = bf16;
    hd_settings_free(context, table.rows, table.count, &b.options);
    hd_float_leave(found);
    return status;
}
