/* A step's batches: pairs → ragged chunks → forward, loss and backward. */
#include "base/parallel.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The chunks of a step, or of some held-out examples. */
typedef struct cutting {
    hd_run *run;
    const hd_pair *pairs;
    int32_t *starts; /* [count + 1], in pairs */
    int64_t count;
    int64_t copies; /* of each pair: 2 for R-Drop */
    float scale;    /* of the gradients; 0: only losses are computed */
    double *losses; /* [count]: summed over a chunk's targets */
    int64_t first;  /* of those that run at the same time */
} cutting;

/* One pass over a chunk, in order of the tape: its loss, and with a scale its gradients, times scale, into the block. */
static void run_pass(const cutting *c, int64_t chunk, hd_pass *pass) {
    hd_run *run = c->run;
    const hd_network *network = run->model->network;
    const int32_t *starts = c->starts + chunk;
    hd_batch batch;
    if (!hd_batch_make(pass, hd_run_objective(run), network->recipe.decoder_start, c->pairs + starts[0],
                       starts[1] - starts[0], c->copies, &batch))
        return;
    hd_tensor *states = hd_batch_forward(network, pass, &batch);
    hd_cross_entropy_options options = {.bias = network->output_bias,
                                        .smoothing = run->options.label_smoothing,
                                        .scale = c->scale,
                                        .agreement = c->copies > 1 ? run->options.r_drop : 0,
                                        .classes = hd_network_classes(network)};
    if (hd_network_loss(network, pass, states, batch.targets, &batch.texts, &options, &c->losses[chunk]) == HEED_OK &&
        c->scale > 0)
        hd_pass_backward(pass);
}

/* A chunk's sum starts from zero, in a block of its own, and goes into the tree. */
static void run_chunk(void *argument, int64_t piece, int thread) {
    const cutting *c = argument;
    hd_run *run = c->run;
    hd_pass *pass = &run->workers[thread].pass;
    int64_t chunk = c->first + piece;
    if (pass->status != HEED_OK) return; /* of the worker's chunk before */
    if (hd_is_stopped(run->context)) {
        hd_pass_fail(pass, HEED_STOPPED, "stopped");
        return;
    }
    hd_pass_reset(pass);
    pass->recording = pass->training = c->scale > 0;
    pass->gradients = NULL;
    pass->seed = (uint64_t)run->options.seed;
    pass->step = (uint64_t)run->state.step;
    c->losses[chunk] = 0;
    if (c->scale > 0) {
        pass->gradients = hd_tree_take(&run->tree);
        if (!pass->gradients) {
            hd_pass_fail(pass, HEED_MEMORY, "out of memory for a block of gradients");
            return;
        }
        pass->stream.device->zero(&pass->stream, &(hd_zero_call){run->tree.block_size, pass->gradients});
    }
    run_pass(c, chunk, pass);
    if (pass->gradients && pass->status == HEED_OK) hd_tree_put(&run->tree, &pass->stream, chunk, pass->gradients);
}

/* Cuts pairs into chunks of about chunk_tokens tokens, copies counted, as even as they can be: where each starts. */
static int64_t cut(const hd_run *run, const hd_pair *pairs, size_t count, int64_t copies, int32_t *starts) {
    int64_t total = 0, before = 0, chunks = 0;
    for (size_t i = 0; i < count; i++) total += hd_run_objective(run)->weight(&pairs[i]);
    int64_t most = (copies * total + run->options.chunk_tokens - 1) / run->options.chunk_tokens;
    for (size_t i = 0; i < count; i++) {
        if (before * most >= chunks * total) starts[chunks++] = (int32_t)i;
        before += hd_run_objective(run)->weight(&pairs[i]);
    }
    starts[chunks] = (int32_t)count;
    return chunks;
}

/* Runs chunks [first, first + count): `at_once` of them side by side, or one after the other with all threads each. */
static heed_status run_some(cutting *c, int64_t first, int64_t count, int at_once) {
    hd_run *run = c->run;
    heed_context side_by_side = hd_context_fork(run->context, at_once);
    c->first = first;
    for (int i = 0; i < at_once; i++) {
        run->workers[i].context.threads = at_once > 1 ? 1 : run->context->threads;
        run->workers[i].pass.status = HEED_OK;
    }
    hd_parallel_for(&side_by_side, count, INT64_MAX, run_chunk, c);
    for (int i = 0; i < at_once; i++)
        if (run->workers[i].pass.status != HEED_OK)
            return hd_fail_as(run->context, &run->workers[i].context, run->workers[i].pass.status);
    return HEED_OK;
}

/* The number of chunks to run side by side when `left` are left. A chunk with a thread of its own waits for no other; a few
 * chunks are faster with all threads each. */
static int64_t side_by_side(int64_t left, int64_t threads) {
    enum { FEW = 2 };
    if (left >= threads) return threads;
    return left > FEW && 2 * left >= threads ? left : 1;
}

/* A small model's chunks run side by side, with a thread and blocks of gradients each. A large model's chunk has all
 * threads. */
static heed_status run_all(cutting *c) {
    enum { MOST_GRADIENTS = 1 << 25 };
    const hd_run *run = c->run;
    int64_t threads = run->model->network->gradient_count <= MOST_GRADIENTS ? run->context->threads : 1;
    for (int64_t first = 0, count; first < c->count; first += count) {
        int64_t left = c->count - first, at_once = side_by_side(left, threads);
        count = at_once > 1 ? left / at_once * at_once : left;
        HD_TRY(run_some(c, first, count, (int)at_once));
    }
    return HEED_OK;
}

/* Adds the losses of some pairs to a sum over chunks; with a scale also computes the gradients, times scale. */
static heed_status run_pairs(hd_run *run, const hd_pair *pairs, size_t count, int64_t copies, float scale,
                             hd_tree_sum *loss) {
    cutting c = {.run = run, .pairs = pairs, .copies = copies, .scale = scale};
    c.starts = hd_alloc(run->context, count + 1, sizeof *c.starts);
    c.losses = hd_alloc(run->context, count + 1, sizeof *c.losses);
    heed_status status = c.starts && c.losses ? hd_network_pack(run->model->network) : HEED_MEMORY;
    if (status == HEED_OK) c.count = cut(run, pairs, count, copies, c.starts);
    if (status == HEED_OK && scale > 0) status = hd_tree_begin(&run->tree, c.count);
    if (status == HEED_OK) status = run_all(&c);
    for (int64_t i = 0; i < c.count && status == HEED_OK; i++) hd_tree_sum_add(loss, c.losses[i]);
    if (scale > 0) run->optimizer.gradients = run->tree.root;
    hd_free(run->context, c.starts);
    hd_free(run->context, c.losses);
    return status;
}

void hd_update_open(hd_update *update, heed_context *context) {
    *update = (hd_update){0};
    hd_arena_open(&update->ids, context);
}

void hd_update_close(hd_update *update) {
    hd_free(update->ids.context, update->pairs);
    hd_arena_close(&update->ids);
}

static heed_status add_batch(hd_run *run, hd_update *u) {
    const uint64_t *examples;
    size_t count;
    HD_TRY(hd_batches_next(&run->batches, &examples, &count));
    if (!hd_grow(run->context, &u->pairs, &u->capacity, u->count + count, sizeof *u->pairs)) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        hd_pair *pair = &u->pairs[u->count++];
        HD_TRY(hd_corpus_draw(&run->train, examples[i], run->batches.epoch, &u->ids, pair));
        run->step_tokens += hd_run_objective(run)->target_count(pair);
    }
    return HEED_OK;
}

heed_status hd_run_draw(hd_run *run, hd_update *update) {
    update->count = 0;
    hd_arena_reset(&update->ids);
    run->step_tokens = 0;
    for (int64_t i = 0; i < run->options.accumulate; i++) HD_TRY(add_batch(run, update));
    run->state.epoch = run->batches.epoch;
    run->state.batch = run->batches.number;
    return HEED_OK;
}

/* Names the examples whose losses are not finite: a few point at the data, all of them at the weights. */
static heed_status find_non_finite(hd_run *run, const hd_update *u) {
    enum { NAMED = 5 };
    size_t found = 0, size = sizeof run->non_finite;
    char lines[128] = "";
    for (size_t i = 0; i < u->count; i++) {
        hd_tree_sum loss = {.count = 0};
        HD_TRY(run_pairs(run, &u->pairs[i], 1, 1, 0.0f, &loss));
        uint64_t line = hd_corpus_line(&run->train, u->pairs[i].number);
        if (isfinite(hd_tree_sum_total(&loss)) || found++ >= NAMED || !line) continue;
        size_t at = strlen(lines);
        snprintf(lines + at, sizeof lines - at, "%s%llu", at ? ", " : "", (unsigned long long)line);
    }
    if (!found)
        snprintf(run->non_finite, size, "without dropout that of no example is so");
    else
        snprintf(run->non_finite, size, "so is that of %zu of its %zu examples%s%s%s", found, u->count,
                 lines[0] ? ", on train-source's lines " : "", lines, lines[0] && found > NAMED ? ", …" : "");
    return HEED_OK;
}

/* All batches come first, since each token weighs 1 / the tokens of all of them. With R-Drop the loss is the mean of both
 * passes' cross entropies and α/4 (KL(p ‖ q) + KL(q ‖ p)): half of what the paper's code adds up, with its α. */
static heed_status run_update(hd_run *run, hd_update *u) {
    HD_TRY(hd_run_draw(run, u));
    int64_t copies = run->options.r_drop > 0 ? 2 : 1, tokens = hd_max(copies * run->step_tokens, 1);
    hd_tree_sum loss = {.count = 0};
    HD_TRY(run_pairs(run, u->pairs, u->count, copies, 1.0f / (float)tokens, &loss));
    run->loss = hd_tree_sum_total(&loss) / (double)tokens;
    return isfinite(run->loss) ? HEED_OK : find_non_finite(run, u);
}

heed_status hd_run_batches(hd_run *run) {
    hd_update u;
    hd_update_open(&u, run->context);
    heed_status status = run_update(run, &u);
    hd_update_close(&u);
    return status;
}

heed_status hd_run_loss(hd_run *run, hd_corpus *corpus, double *loss) {
    enum { PAIRS = 256 };
    hd_pair pairs[PAIRS];
    hd_arena drawn;
    hd_arena_open(&drawn, run->context);
    heed_status status = HEED_OK;
    int64_t targets = 0;
    hd_tree_sum sum = {.count = 0}; /* its chunks are numbered through the whole corpus */
    for (uint64_t first = 0; first < corpus->count && status == HEED_OK; first += PAIRS) {
        size_t count = (size_t)hd_min(PAIRS, (int64_t)(corpus->count - first));
        hd_arena_reset(&drawn);
        for (size_t i = 0; i < count && status == HEED_OK; i++) {
            status = hd_corpus_draw(corpus, first + i, 0, &drawn, &pairs[i]); /* the same in every validation */
            if (status == HEED_OK) targets += hd_run_objective(run)->target_count(&pairs[i]);
        }
        if (status == HEED_OK) status = run_pairs(run, pairs, count, 1, 0.0f, &sum);
    }
    hd_arena_close(&drawn);
    *loss = hd_tree_sum_total(&sum) / (double)hd_max(targets, 1);
    return status;
}
