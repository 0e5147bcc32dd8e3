/* heed_bench, and the benchmark of training; the others are in measure/bench.c. */
#include "measure/bench.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/float_environment.h"
#include "base/random.h"
#include "train/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* Seconds of each step of a training run, from the end of the one before it; the first is not counted. */
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

static heed_status set_all(heed_context *context, heed_options *options, const hd_bench *b, const char *source,
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

static void clear_folder(const char *folder, const char *source, const char *target) {
    hd_run_remove_files(folder);
    if (source) remove(source);
    if (target) remove(target);
    rmdir(folder);
}

static heed_status bench_train(hd_bench *b) {
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
        hd_spread s = times.count ? hd_spread_of(times.seconds, times.count) : (hd_spread){NAN, NAN, NAN};
        hd_bench_say(
            b,
            "training, %lld steps, %d threads: %.0f target tokens/s, %.1f ms/step (%.1f to %.1f), peak memory %.0f MB",
            (long long)b->options.steps, context->threads, times.tokens_per_second, s.median * 1000, s.least * 1000,
            s.most * 1000, (double)usage.ru_maxrss / 1024);
    }
    hd_free(context, times.seconds);
    heed_options_close(options);
    clear_folder(folder, source, target);
    hd_free(context, source);
    hd_free(context, target);
    hd_free(context, folder);
    return status;
}

heed_status heed_bench(heed_context *context, const heed_options *options, const char *what, heed_log_function *line,
                       void *user) {
    static const struct {
        const char *name;
        heed_status (*run)(hd_bench *);
    } benches[] = {{"machine", hd_bench_machine}, {"kernels", hd_bench_kernels},   {"translate", hd_bench_translate},
                   {"lengths", hd_bench_lengths}, {"memories", hd_bench_memories}, {"train", bench_train}};
    heed_context own = hd_context_fork(context, context->threads); /* its arithmetic is the options' */
    hd_bench b = {.context = &own, .line = line, .user = user};
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_settings_default(&own, hd_bench_table.rows, hd_bench_table.count, &b.options);
    if (status == HEED_OK) status = hd_options_apply(&own, options, &hd_bench_table, &b.options);
    size_t i = 0;
    while (i < HD_COUNT(benches) && strcmp(benches[i].name, what) != 0) i++;
    if (status == HEED_OK && i == HD_COUNT(benches))
        status =
            hd_fail(&own, HEED_ARGUMENT,
                    "there is no bench called \"%s\": machine, kernels, translate, train, lengths or memories", what);
    if (status == HEED_OK && b.options.compute) status = heed_context_set_compute(&own, b.options.compute);
    if (status == HEED_OK) status = benches[i].run(&b);
    hd_settings_free(&own, hd_bench_table.rows, hd_bench_table.count, &b.options);
    hd_float_leave(found);
    return status == HEED_OK ? HEED_OK : hd_fail_as(context, &own, status);
}
