/* Two benchmarks of the length of a text: the time that a recurrent network and a Transformer need to read it, and the size of
 * recurrent translators by what the decoder receives of the encoder's states. */
#include "measure/bench.h"

#include "base/clock.h"
#include "base/file.h"
#include "inspect/curves.h"
#include "layers/network.h"

#include <stdio.h>

enum { WIDTH = 256, VOCABULARY = 5000, MOST_POINTS = 8, MOST_SERIES = 8, NAME = 48 };

/* The curves of a benchmark. */
typedef struct plot {
    char names[MOST_SERIES][NAME];
    double x[MOST_POINTS], y[MOST_SERIES][MOST_POINTS];
    int64_t points, count;
} plot;

/* Writes the curves to the file of the option "output", if there is one. */
static heed_status save(const hd_bench *b, const plot *p, hd_curves *curves) {
    hd_series series[MOST_SERIES];
    hd_buffer picture;
    if (!b->options.output) return HEED_OK;
    for (int64_t i = 0; i < p->count; i++) series[i] = (hd_series){p->names[i], p->x, p->y[i], p->points};
    curves->series = series, curves->count = p->count;
    hd_buffer_open(&picture, b->context);
    heed_status status = hd_draw_svg_curves(curves, &picture);
    if (status == HEED_OK) status = hd_file_write(b->context, b->options.output, picture.data, picture.size);
    hd_buffer_close(&picture);
    return status;
}

/* ---- time ---- */

enum { FIRST_LENGTH = 16, LONGEST = 2048, MOST_THREADS = 2 };

/* Language models of two layers. With a feed-forward width of twice the width, a layer of both has 8 width² weights. */
static hd_recipe recipe_of(hd_architecture architecture) {
    hd_recipe r = {.vocabulary = VOCABULARY,
                   .width = WIDTH,
                   .architecture = architecture,
                   .cell = HD_LSTM,
                   .pad = -1,
                   .eos = -1,
                   .decoder_start = -1};
    r.side[HD_DECODER] = (hd_side_recipe){.layers = 2, .max_positions = LONGEST, .norm_epsilon = 1e-5f};
    if (architecture == HD_RECURRENT) return r;
    r.side[HD_DECODER].heads = 4;
    r.side[HD_DECODER].ffn_width = 2 * WIDTH;
    r.side[HD_DECODER].positions = HD_POSITIONS_SINUSOIDAL;
    return r;
}

typedef struct reading {
    heed_context context; /* with some threads */
    hd_network *network;
    hd_pass pass;
    int32_t ids[LONGEST];
    int64_t length;
} reading;

static void read_text(void *argument) {
    reading *r = argument;
    int32_t starts[] = {0, (int32_t)r->length};
    hd_pass_reset(&r->pass);
    hd_network_decode(r->network, &r->pass, &(hd_input){.ids = r->ids}, &(hd_layout){.sequences = 1, .starts = starts},
                      NULL);
}

/* One curve: all lengths with one network and a number of threads. */
static heed_status read_lengths(const hd_bench *b, reading *r, const char *name, int threads, plot *p) {
    char *title = p->names[p->count];
    snprintf(title, NAME, "%s, %d thread%s", name, threads, threads > 1 ? "s" : "");
    r->context = hd_context_fork(b->context, threads);
    hd_pass_open(&r->pass, &r->context, NULL);
    for (int64_t i = 0; i < MOST_POINTS && r->pass.status == HEED_OK; i++) {
        r->length = FIRST_LENGTH << i;
        hd_spread s = hd_bench_measure(b, read_text, r);
        p->x[i] = (double)r->length, p->y[p->count][i] = s.median * 1000;
        hd_bench_say(b, "%s, %4lld tokens: %8.2f ms (%.2f to %.2f)", title, (long long)r->length, s.median * 1000,
                     s.least * 1000, s.most * 1000);
    }
    p->count++, p->points = MOST_POINTS;
    heed_status status = r->pass.status;
    hd_pass_close(&r->pass);
    return status == HEED_OK ? HEED_OK : hd_fail_as(b->context, &r->context, status);
}

static heed_status read_with(const hd_bench *b, hd_architecture architecture, reading *r, plot *p) {
    const hd_recipe recipe = recipe_of(architecture);
    heed_status status = hd_network_open(b->context, &recipe, &r->network);
    if (status == HEED_OK) status = hd_network_initialize(r->network, 1);
    if (status == HEED_OK) status = hd_network_pack(r->network);
    for (int threads = 1; threads <= b->context->threads && status == HEED_OK; threads *= b->context->threads) {
        status = read_lengths(b, r, architecture == HD_RECURRENT ? "LSTM" : "Transformer", threads, p);
        if (b->context->threads == 1) break;
    }
    hd_network_close(r->network);
    return status;
}

heed_status hd_bench_lengths(hd_bench *b) {
    plot p = {.points = 0};
    reading *r = hd_alloc_zeroed(b->context, 1, sizeof *r);
    if (!r) return HEED_MEMORY;
    for (int i = 0; i < LONGEST; i++) r->ids[i] = i * 37 % VOCABULARY;
    heed_status status = read_with(b, HD_RECURRENT, r, &p);
    if (status == HEED_OK) status = read_with(b, HD_TRANSFORMER, r, &p);
    hd_free(b->context, r);
    if (status != HEED_OK) return status;
    return save(b, &p,
                &(hd_curves){.title = "Time to read a text",
                             .x_title = "tokens of the text",
                             .y_title = "milliseconds",
                             .logarithmic = true,
                             .logarithmic_x = true});
}

/* ---- size ---- */

/* The parameters of a GRU translator for sources of at most `length` tokens. */
static heed_status count_parameters(const hd_bench *b, hd_memory_kind memory, int64_t length, int64_t *count) {
    hd_network *network;
    hd_recipe r = {.vocabulary = VOCABULARY,
                   .width = WIDTH,
                   .architecture = HD_RECURRENT,
                   .cell = HD_GRU,
                   .memory = memory,
                   .bidirectional = true,
                   .output_bias = true,
                   .pad = VOCABULARY - 1,
                   .decoder_start = VOCABULARY - 1};
    for (int i = 0; i < HD_SIDES; i++)
        r.side[i] = (hd_side_recipe){.layers = 1, .max_positions = length, .norm_epsilon = 1e-5f};
    *count = 0;
    HD_TRY(hd_network_open(b->context, &r, &network));
    for (int64_t i = 0; i < network->count; i++) *count += hd_parameter_count(network->parameters[i]);
    hd_network_close(network);
    return HEED_OK;
}

heed_status hd_bench_memories(hd_bench *b) {
    static const hd_memory_kind kinds[] = {HD_MEMORY_LAST, HD_MEMORY_CONCATENATED, HD_MEMORY_BAHDANAU};
    plot p = {.points = 6, .count = HD_COUNT(kinds)};
    for (size_t k = 0; k < HD_COUNT(kinds); k++) {
        snprintf(p.names[k], NAME, "%s", hd_choice_title(hd_memories, kinds[k]));
        for (int64_t i = 0; i < p.points; i++) {
            int64_t length = 10 << i, count;
            HD_TRY(count_parameters(b, kinds[k], length, &count));
            p.x[i] = (double)length, p.y[k][i] = (double)count * 1e-6;
            hd_bench_say(b, "%s, at most %3lld tokens: %6.2f million parameters, %6.1f MB in f32", p.names[k],
                         (long long)length, (double)count * 1e-6, (double)count * sizeof(float) * 1e-6);
        }
    }
    return save(b, &p,
                &(hd_curves){.title = "Parameters of a GRU translator, by what its decoder receives",
                             .x_title = "longest source in tokens",
                             .y_title = "million parameters"});
}
