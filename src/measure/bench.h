/* Benchmarks: what the machine can do, and how much of it heed reaches. Every figure is a median of several runs with its
 * range, since machines are noisy and differ. The benchmark of training is in train/bench.c. */
#ifndef HD_MEASURE_BENCH_H
#define HD_MEASURE_BENCH_H

#include "base/options.h"

typedef struct hd_bench_options {
    char *model, *input, *recipe, *compute, *output;
    int64_t runs, beams, at_once, batch_tokens, steps;
} hd_bench_options;

extern const hd_option_table hd_bench_table;

typedef struct hd_bench {
    heed_context *context;
    hd_bench_options options;
    heed_log_function *line; /* is given each line of the report */
    void *user;
    double peak; /* operations per second on all threads */
} hd_bench;

typedef struct hd_spread {
    double median, least, most;
} hd_spread;

void hd_bench_say(const hd_bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sorts the measurements [count]. */
hd_spread hd_spread_of(double *seconds, int64_t count);
/* Seconds of as many calls as the option "runs" says, after one that only warms up. */
hd_spread hd_bench_measure(const hd_bench *bench, void (*work)(void *), void *argument);

heed_status hd_bench_machine(hd_bench *bench);
heed_status hd_bench_kernels(hd_bench *bench);
heed_status hd_bench_translate(hd_bench *bench);
/* bench_lengths.c */
heed_status hd_bench_lengths(hd_bench *bench);
heed_status hd_bench_memories(hd_bench *bench);

#endif
