#include "train/optimizer.h"

#include "base/parallel.h"
#include "base/real.h"
#include "train/tree.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 14 }; /* elements: a sum of squares each, whatever the threads */

heed_status hd_optimizer_open(hd_optimizer *optimizer, hd_network *network, const hd_train_options *options) {
    *optimizer = (hd_optimizer){.network = network, .options = options, .power1 = 1, .power2 = 1};
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = network->parameters[i];
        if (!p->trained) continue;
        size_t count = (size_t)hd_parameter_count(p);
        p->m = hd_arena_alloc(&network->arena, count, sizeof *p->m);
        p->v = hd_arena_alloc(&network->arena, count, sizeof *p->v);
        if (!p->m || !p->v) return HEED_MEMORY;
        memset(p->m, 0, count * sizeof *p->m);
        memset(p->v, 0, count * sizeof *p->v);
    }
    optimizer->sums =
        hd_arena_alloc(&network->arena, (size_t)network->gradient_count / PIECE + 1, sizeof *optimizer->sums);
    if (!optimizer->sums) return HEED_MEMORY;
    return HEED_OK;
}

double hd_learning_rate(const hd_train_options *options, int64_t step) {
    double warmup = (double)options->warmup, at = (double)step;
    if (step <= options->warmup && options->warmup > 0) return options->lr * at / warmup;
    double left = (double)hd_max(options->steps - options->warmup, 1);
    double done = (at - warmup) / left;
    if (done > 1) done = 1;
    double sine, cosine;
    switch (options->schedule) {
        case HD_INVERSE_SQUARE_ROOT:
            return options->lr * sqrt((warmup > 0 ? warmup : 1) / at);
        case HD_COSINE:
            hd_sine_cosine(done * 3.141592653589793, &sine, &cosine);
            return options->lr * 0.5 * (1 + cosine);
        case HD_LINEAR:
            return options->lr * (1 - done);
        default:
            return options->lr;
    }
}

static int64_t pieces(int64_t count) { return (count + PIECE - 1) / PIECE; }

/* Some optimizer's work on one parameter. */
typedef struct stepping {
    const hd_optimizer *optimizer;
    hd_parameter *parameter;
    hd_adam adam;
} stepping;

static void square_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    const hd_optimizer *o = s->optimizer;
    int64_t start = piece * PIECE, count = hd_min(PIECE, hd_parameter_count(s->parameter) - start);
    o->sums[piece] =
        o->network->context->kernels->sum_of_squares(count, o->gradients + s->parameter->gradient_at + start);
}

/* The gradient's norm: a sum of squares in double for each piece of each parameter, added as a tree whose leaves are the
 * pieces in the order of the parameters. */
static double norm(const hd_optimizer *o) {
    hd_tree_sum total = {.count = 0};
    for (int64_t i = 0; i < o->network->count; i++) {
        stepping s = {.optimizer = o, .parameter = o->network->parameters[i]};
        if (!s.parameter->trained) continue;
        int64_t count = hd_parameter_count(s.parameter);
        hd_parallel_for(o->network->context, pieces(count), 2 * count, square_piece, &s);
        for (int64_t piece = 0; piece < pieces(count); piece++) hd_tree_sum_add(&total, o->sums[piece]);
    }
    return sqrt(hd_tree_sum_total(&total));
}

static void step_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    hd_parameter *p = s->parameter;
    int64_t start = piece * PIECE, count = hd_min(PIECE, hd_parameter_count(p) - start);
    s->optimizer->network->context->kernels->adam(&s->adam, count, s->optimizer->gradients + p->gradient_at + start,
                                                  p->m + start, p->v + start, p->data + start);
}

heed_status hd_optimizer_step(hd_optimizer *o, int64_t step) {
    const hd_train_options *options = o->options;
    heed_context *context = o->network->context;
    o->norm = norm(o);
    if (!isfinite(o->norm))
        return hd_fail(context, HEED_NUMERIC, "step %lld: the gradient's norm is %f", (long long)step, o->norm);
    o->power1 *= (double)options->beta1;
    o->power2 *= (double)options->beta2;
    double clip = (double)options->clip;
    stepping s = {.optimizer = o,
                  .adam = {.lr = (float)hd_learning_rate(options, step),
                           .beta1 = options->beta1,
                           .beta2 = options->beta2,
                           .epsilon = options->adam_epsilon,
                           .correction1 = (float)(1 / (1 - o->power1)),
                           .correction2 = (float)(1 / (1 - o->power2)),
                           .gradient_scale = clip > 0 && o->norm > clip ? (float)(clip / o->norm) : 1.0f}};
    for (int64_t i = 0; i < o->network->count; i++) {
        s.parameter = o->network->parameters[i];
        if (!s.parameter->trained) continue;
        /* gains and biases do not decay */
        s.adam.weight_decay = s.parameter->dimensions == 2 ? options->weight_decay : 0.0f;
        int64_t count = hd_parameter_count(s.parameter);
        hd_parallel_for(context, pieces(count), 16 * count, step_piece, &s);
        s.parameter->panels_stale = true;
    }
    return HEED_OK;
}
