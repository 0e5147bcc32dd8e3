/* A step's batches: pairs → ragged chunks → forward, loss and backward. */
#include "base/parallel.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Chunks that run at the same time, a worker each. */
typedef struct group {
    hd_run *run;
    const hd_pair *pairs;
    const int32_t *starts; /* [chunks + 1], in pairs */
    int64_t copies;        /* of each pair: 2 for R-Drop */
    float scale;           /* of the gradients; 0: only the loss is wanted */
    float **blocks;        /* [chunks]: where the gradients go */
} group;

/* The summed loss of a chunk; with a scale also its gradients, times scale. */
static void run_chunk(void *argument, int64_t chunk, int thread) {
    (void)thread;
    const group *g = argument;
    hd_run *run = g->run;
    hd_worker *worker = &run->workers[chunk];
    hd_pass *pass = &worker->pass;
    const hd_network *network = run->model->network;
    hd_pass_reset(pass);
    pass->recording = pass->training = g->scale > 0;
    pass->gradients = g->blocks ? g->blocks[chunk] : NULL;
    pass->seed = (uint64_t)run->options.seed;
    pass->step = (uint64_t)run->state.step;
    worker->loss = 0;
    if (pass->gradients) memset(pass->gradients, 0, (size_t)network->gradient_count * sizeof(float));
    hd_laid_out batch;
    const int32_t *starts = g->starts + chunk;
    if (!hd_lay_out(pass, run->objective, network->recipe.decoder_start, g->pairs + starts[0], starts[1] - starts[0],
                    g->copies, &batch))
        return;
    hd_tensor *states = hd_ask(network, pass, &batch);
    hd_cross_entropy_options options = {.bias = network->output_bias,
                                        .smoothing = run->options.label_smoothing,
                                        .scale = g->scale,
                                        .agreement = g->copies > 1 ? run->options.r_drop : 0,
                                        .classes = hd_network_classes(network)};
    if (hd_network_loss(network, pass, states, batch.wanted, &batch.texts, &options, &worker->loss) == HEED_OK &&
        g->scale > 0)
        hd_pass_backward(pass);
}

/* Cuts pairs into chunks of about chunk_tokens tokens, copies counted, as even as they can be: where each starts. */
static int64_t cut(const hd_run *run, const hd_pair *pairs, size_t count, int64_t copies, int32_t *starts) {
    int64_t total = 0, before = 0, chunks = 0;
    for (size_t i = 0; i < count; i++) total += hd_corpus_weight(&run->train, &pairs[i]);
    int64_t wanted = (copies * total + run->options.chunk_tokens - 1) / run->options.chunk_tokens;
    for (size_t i = 0; i < count; i++) {
        if (before * wanted >= chunks * total) starts[chunks++] = (int32_t)i;
        before += hd_corpus_weight(&run->train, &pairs[i]);
    }
    starts[chunks] = (int32_t)count;
    return chunks;
}

/* A small model's chunks run side by side, a thread and a block of gradients each, and never wait for one another; a
 * large one's chunk has all threads. */
static int64_t chunks_at_once(const hd_run *run, int64_t left) {
    enum { MOST_GRADIENTS = 1 << 25 };
    int64_t threads = run->threads;
    return left >= threads && run->model->network->gradient_count <= MOST_GRADIENTS ? threads : 1;
}

typedef struct addition {
    const hd_run *run;
    int64_t first, end; /* blocks */
} addition;

enum { GRADIENTS_A_PIECE = 1 << 14 };

static void add_piece(void *argument, int64_t piece, int thread) {
    (void)thread;
    const addition *a = argument;
    int64_t start = piece * GRADIENTS_A_PIECE;
    int64_t count = hd_min(GRADIENTS_A_PIECE, a->run->model->network->gradient_count - start);
    float *total = a->run->blocks[0] + start;
    for (int64_t i = a->first; i < a->end; i++)
        a->run->context->kernels->add(count, total, a->run->blocks[i] + start, total);
}

/* Adds blocks to the total, block 0, in their order. */
static void add_blocks(const hd_run *run, int64_t first, int64_t end) {
    addition a = {run, first, end};
    int64_t count = run->model->network->gradient_count;
    hd_parallel_for(run->context, (count + GRADIENTS_A_PIECE - 1) / GRADIENTS_A_PIECE, (end - first) * count, add_piece,
                    &a);
}

/* Runs `count` chunks at once. The first chunk of all begins the total, block 0; the others have blocks of their own,
 * which are added to it. */
static heed_status run_group(hd_run *run, group *g, int64_t count, bool first, double *loss) {
    int64_t block = first ? 0 : 1;
    g->blocks = g->scale > 0 ? run->blocks + block : NULL;
    for (int64_t i = 0; i < count; i++) {
        run->workers[i].context.threads = count == 1 ? run->threads : 1;
        if (!g->blocks || g->blocks[i]) continue;
        const hd_network *network = run->model->network;
        g->blocks[i] = hd_arena_alloc(&run->model->network->arena, (size_t)network->gradient_count, sizeof(float));
        if (!g->blocks[i]) return HEED_MEMORY;
    }
    hd_parallel_for(run->context, count, INT64_MAX, run_chunk, g);
    for (int64_t i = 0; i < count; i++) {
        const hd_worker *worker = &run->workers[i];
        if (worker->pass.status != HEED_OK)
            return hd_fail_as(run->context, &worker->context, worker->pass.status);
        *loss += worker->loss;
    }
    if (g->blocks) add_blocks(run, 1, block + count);
    return HEED_OK;
}

/* The summed loss of some pairs, chunk by chunk; with a scale also their gradients, times scale. */
static heed_status run_pairs(hd_run *run, const hd_pair *pairs, size_t count, int64_t copies, float scale,
                             double *loss) {
    int32_t *starts = hd_alloc(run->context, count + 1, sizeof *starts);
    if (!starts) return HEED_MEMORY;
    int64_t chunks = cut(run, pairs, count, copies, starts), at_once;
    heed_status status = hd_network_pack(run->model->network);
    for (int64_t c = 0; c < chunks && status == HEED_OK; c += at_once) {
        at_once = chunks_at_once(run, chunks - c);
        group g = {.run = run, .pairs = pairs, .starts = starts + c, .copies = copies, .scale = scale};
        status = run_group(run, &g, at_once, c == 0, loss);
    }
    hd_free(run->context, starts);
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
        run->step_tokens += hd_asked_of(run->objective, pair);
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

/* Says which examples' losses are no numbers: one by itself points at the data, all of them at the weights. */
static heed_status find_unsound(hd_run *run, const hd_update *u) {
    enum { NAMED = 5 };
    size_t found = 0, size = sizeof run->unsound;
    char lines[128] = "";
    for (size_t i = 0; i < u->count; i++) {
        double loss = 0;
        HD_TRY(run_pairs(run, &u->pairs[i], 1, 1, 0.0f, &loss));
        uint64_t line = hd_corpus_line(&run->train, u->pairs[i].number);
        if (isfinite(loss) || found++ >= NAMED || !line) continue;
        size_t at = strlen(lines);
        snprintf(lines + at, sizeof lines - at, "%s%llu", at ? ", " : "", (unsigned long long)line);
    }
    if (!found)
        snprintf(run->unsound, size, "without dropout that of no example is so");
    else
        snprintf(run->unsound, size, "so is that of %zu of its %zu examples%s%s%s", found, u->count,
                 lines[0] ? ", on train-source's lines " : "", lines, lines[0] && found > NAMED ? ", …" : "");
    return HEED_OK;
}

/* All batches come first, since each token weighs 1 / the tokens of all of them. With R-Drop the loss is the mean of both
 * passes' cross entropies and α/4 (KL(p ‖ q) + KL(q ‖ p)): half of what the paper's code adds up, with its α. */
static heed_status run_update(hd_run *run, hd_update *u) {
    HD_TRY(hd_run_draw(run, u));
    int64_t copies = run->options.r_drop > 0 ? 2 : 1, tokens = hd_max(copies * run->step_tokens, 1);
    double loss = 0;
    HD_TRY(run_pairs(run, u->pairs, u->count, copies, 1.0f / (float)tokens, &loss));
    run->loss = loss / (double)tokens;
    return isfinite(run->loss) ? HEED_OK : find_unsound(run, u);
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
    int64_t asked = 0;
    *loss = 0;
    for (uint64_t first = 0; first < corpus->count && status == HEED_OK; first += PAIRS) {
        size_t count = (size_t)hd_min(PAIRS, (int64_t)(corpus->count - first));
        hd_arena_reset(&drawn);
        for (size_t i = 0; i < count && status == HEED_OK; i++) {
            status = hd_corpus_draw(corpus, first + i, 0, &drawn, &pairs[i]); /* the same in every validation */
            if (status == HEED_OK) asked += hd_asked_of(run->objective, &pairs[i]);
        }
        if (status == HEED_OK) status = run_pairs(run, pairs, count, 1, 0.0f, loss);
    }
    hd_arena_close(&drawn);
    *loss /= (double)hd_max(asked, 1);
    return status;
}
