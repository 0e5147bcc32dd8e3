#include "train/optimizer.h"

#include "base/real.h"
#include "train/tree.h"

#include <math.h>

enum { PIECE = 1 << 14 }; /* elements: a sum of squares each, whatever the threads */

static int64_t pieces(int64_t count) { return (count + PIECE - 1) / PIECE; }

heed_status hd_optimizer_open(hd_optimizer *optimizer, hd_network *network, const hd_train_options *options) {
    *optimizer = (hd_optimizer){.network = network, .options = options, .power1 = 1, .power2 = 1};
    hd_stream *stream = &network->stream;
    int64_t sums = 0;
    for (int64_t i = 0; i < network->count; i++) {
        hd_parameter *p = network->parameters[i];
        if (!p->trained) continue;
        int64_t count = hd_parameter_count(p);
        p->m = hd_arena_alloc(&network->numbers, (size_t)count, sizeof *p->m);
        p->v = hd_arena_alloc(&network->numbers, (size_t)count, sizeof *p->v);
        if (!p->m || !p->v) return HEED_MEMORY;
        stream->device->zero(stream, &(hd_zero_call){count, p->m});
        stream->device->zero(stream, &(hd_zero_call){count, p->v});
        sums += pieces(count);
    }
    optimizer->sums = hd_arena_alloc(&network->numbers, (size_t)sums, sizeof *optimizer->sums);
    if (!optimizer->sums) return HEED_MEMORY;
    return HEED_OK;
}

/* Linear and cosine end as in transformers: the last step has the rate before the one that would be 0. The cosine is
 * written as the square of a sine, which is positive however many steps there are. */
double hd_learning_rate(const hd_train_options *options, int64_t step) {
    double warmup = (double)options->warmup, at = (double)step;
    if (step <= options->warmup) return options->lr * at / warmup;
    double remaining = (double)(options->steps - step + 1) / (double)(options->steps - options->warmup); /* (0, 1] */
    double sine, cosine;
    switch (options->schedule) {
        case HD_INVERSE_SQUARE_ROOT:
            return options->lr * sqrt((warmup > 0 ? warmup : 1) / at);
        case HD_COSINE:
            hd_sine_cosine(remaining * 1.5707963267948966, &sine, &cosine);
            return options->lr * sine * sine;
        case HD_LINEAR:
            return options->lr * remaining;
        default:
            return options->lr;
    }
}

/* The gradient's norm: a sum of squares in double for each piece of each parameter, added as a tree whose leaves are the
 * pieces in the order of the parameters. */
static heed_status set_norm(hd_optimizer *o) {
    hd_stream *stream = &o->network->stream;
    int64_t count = 0;
    for (int64_t i = 0; i < o->network->count; i++) {
        const hd_parameter *p = o->network->parameters[i];
        if (!p->trained) continue;
        stream->device->sum_of_squares(
            stream,
            &(hd_sum_of_squares_call){hd_parameter_count(p), PIECE, o->gradients + p->gradient_at, o->sums + count});
        count += pieces(hd_parameter_count(p));
    }
    size_t bytes = (size_t)count * sizeof *o->sums;
    double *sums = hd_stream_map(stream, o->sums, bytes, HD_TO_READ);
    if (!sums) return o->network->status;
    hd_tree_sum total = {.count = 0};
    for (int64_t i = 0; i < count; i++) hd_tree_sum_add(&total, sums[i]);
    hd_stream_unmap(stream, sums, o->sums, bytes, HD_TO_READ);
    o->norm = sqrt(hd_tree_sum_total(&total));
    return HEED_OK;
}

heed_status hd_optimizer_step(hd_optimizer *o, int64_t step) {
    const hd_train_options *options = o->options;
    heed_context *context = o->network->context;
    hd_stream *stream = &o->network->stream;
    HD_TRY(set_norm(o));
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
    for (int64_t i = 0; i < o->network->count; i++) {
        hd_parameter *p = o->network->parameters[i];
        if (!p->trained) continue;
        /* gains and biases do not decay */
        adam.weight_decay = p->dimensions == 2 ? options->weight_decay : 0.0f;
        stream->device->adam(
            stream, &(hd_adam_call){adam, hd_parameter_count(p), o->gradients + p->gradient_at, p->m, p->v, p->data});
        p->packed_stale = true;
    }
    stream->device->wait(stream); /* passes have streams of their own */
    return o->network->status;
}
