/* heed bench: benchmarks, each figure printed as soon as it is measured. */
#include <stdio.h>

#include "arguments.h"
#include "output.h"
#include "verbs.h"

static const command bench = {
    .name = "bench",
    .usage = "[machine] [kernels] [train] [translate] [lengths] [memories] [options]",
    .about =
        "Benchmarks this machine (arithmetic and memory), heed's matrix products, training and translation.\n"
        "Without an argument, it runs machine, kernels and train.\n"
        "lengths measures how long an LSTM and a Transformer of the same size take to read a text, by its length.\n"
        "memories lists the parameters of recurrent translators, by what the decoder receives of the encoder's "
        "states.\n",
    .words = "machine|kernels|train|translate|lengths|memories",
    .open_options = heed_bench_options,
};

static void print_line(void *user, const char *line) {
    (void)user;
    puts(line);
    flush_output();
}

int run_bench(int count, char **words) {
    static const char *const usual[] = {"machine", "kernels", "train"};
    invocation line;
    int code;
    if (!open_invocation(&bench, count, words, &line, &code)) return code;
    const char *const *what = line.text_count ? line.texts : usual;
    size_t parts = line.text_count ? line.text_count : sizeof usual / sizeof usual[0];
    for (size_t i = 0; i < parts && code == EXIT_DONE; i++) {
        heed_status status = heed_bench(line.context, line.options, what[i], print_line, NULL);
        if (status != HEED_OK) code = report_failure(&line, status);
    }
    close_invocation(&line);
    return finish_output(bench.name, code);
}
