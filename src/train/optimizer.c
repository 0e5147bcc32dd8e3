#include "train/optimizer.h"

#include "base/parallel.h"
#include "base/real.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 15 }; /* elements: a sum of squares each, whatever the threads */

heed_status hd_optimizer_open(hd_optimizer *optimizer, hd_stack *stack, const hd_train_options *options) {
    *optimizer = (hd_optimizer){.stack = stack, .options = options, .power1 = 1, .power2 = 1};
    for (int64_t i = 0; i < stack->count; i++) {
        hd_parameter *p = &stack->parameters[i];
        if (!p->trained) continue;
        size_t count = (size_t)hd_parameter_count(p);
        p->m = hd_arena_alloc(&stack->arena, count, sizeof *p->m);
        p->v = hd_arena_alloc(&stack->arena, count, sizeof *p->v);
        if (!p->m || !p->v) return HEED_MEMORY;
        memset(p->m, 0, count * sizeof *p->m);
        memset(p->v, 0, count * sizeof *p->v);
        for (int use = 0; use < p->uses; use++) memset(p->gradients[use], 0, count * sizeof(float));
    }
    return HEED_OK;
}

void hd_optimizer_close(hd_optimizer *optimizer) {
    if (optimizer->stack) hd_free(optimizer->stack->context, optimizer->sums);
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

/* A piece of one parameter. */
typedef struct stepping {
    hd_optimizer *optimizer;
    hd_parameter *parameter;
    double *sums;
    const hd_adam *adam;
} stepping;

static void sum_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    const hd_parameter *p = s->parameter;
    const hd_kernels *kernels = s->optimizer->stack->context->kernels;
    int64_t start = piece * PIECE, count = hd_min(PIECE, hd_parameter_count(p) - start);
    for (int use = 1; use < p->uses; use++)
        kernels->add(count, p->gradients[0] + start, p->gradients[use] + start, p->gradients[0] + start);
    s->sums[piece] = kernels->sum_of_squares(count, p->gradients[0] + start);
}

static void step_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    hd_parameter *p = s->parameter;
    int64_t start = piece * PIECE, count = hd_min(PIECE, hd_parameter_count(p) - start);
    s->optimizer->stack->context->kernels->adam(s->adam, count, p->gradients[0] + start, p->m + start, p->v + start,
                                                p->data + start);
    for (int use = 0; use < p->uses; use++) memset(p->gradients[use] + start, 0, (size_t)count * sizeof(float));
}

static int64_t pieces_of(const hd_parameter *p) { return (hd_parameter_count(p) + PIECE - 1) / PIECE; }

/* The gradient's norm: pieces in double, added in the order of the parameters. */
static heed_status measure(hd_optimizer *o) {
    heed_context *context = o->stack->context;
    double total = 0;
    for (int64_t i = 0; i < o->stack->count; i++) {
        hd_parameter *p = &o->stack->parameters[i];
        if (!p->trained) continue;
        int64_t pieces = pieces_of(p);
        if (!hd_grow(context, &o->sums, &o->sums_capacity, (size_t)pieces, sizeof *o->sums)) return HEED_MEMORY;
        stepping s = {.optimizer = o, .parameter = p, .sums = o->sums};
        hd_parallel_for(context, pieces, 2 * hd_parameter_count(p), sum_piece, &s);
        for (int64_t j = 0; j < pieces; j++) total += o->sums[j];
    }
    o->norm = sqrt(total);
    return HEED_OK;
}

heed_status hd_optimizer_step(hd_optimizer *o, int64_t step) {
    const hd_train_options *options = o->options;
    heed_context *context = o->stack->context;
    HD_TRY(measure(o));
    if (!isfinite(o->norm))
        return hd_fail(context, HEED_NUMERIC, "step %lld: the gradient's norm is %f", (long long)step, o->norm);
    o->power1 *= (double)options->beta1;
    o->power2 *= (double)options->beta2;
    double clip = (double)options->clip;
    hd_adam adam = {.lr = (float)hd_learning_rate(options, step),
                    .beta1 = options->beta1,
                    .beta2 = options->beta2,
                    .epsilon = options->adam_epsilon,
                    .correction1 = (float)(1 / (1 - o->power1)),
                    .correction2 = (float)(1 / (1 - o->power2)),
                    .gradient_scale = clip > 0 && o->norm > clip ? (float)(clip / o->norm) : 1.0f};
    for (int64_t i = 0; i < o->stack->count; i++) {
        hd_parameter *p = &o->stack->parameters[i];
        if (!p->trained) continue;
        hd_adam own = adam;
        own.weight_decay = p->dimensions == 2 ? options->weight_decay : 0.0f; /* gains and biases do not decay */
        stepping s = {.optimizer = o, .parameter = p, .adam = &own};
        hd_parallel_for(context, pieces_of(p), 16 * hd_parameter_count(p), step_piece, &s);
        p->panels_stale = true;
    }
    return HEED_OK;
}
