/* A step's batches: examples → ragged chunks → forward, loss and backward. */
#include "train/run.h"

#include <string.h>

/* Some chunks of examples, laid out for one pass. */
typedef struct chunked {
    hd_layout sources, targets;
    int32_t *source_ids, *fed, *wanted; /* fed: the target shifted right behind the start token */
} chunked;

static int32_t *ids(hd_pass *pass, int64_t count) { return hd_pass_alloc(pass, (size_t)count, sizeof(int32_t)); }

/* Copies the examples of chunks [chunk_starts[0], …, chunk_starts[chunks]) into the pass's arena. */
static bool lay_out(hd_pass *pass, const hd_corpus *corpus, int32_t start_token, const uint64_t *examples,
                    const int32_t *chunk_starts, int64_t chunks, chunked *out) {
    int64_t first = chunk_starts[0], count = chunk_starts[chunks] - first, source_tokens = 0, target_tokens = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_pair pair = hd_corpus_get(corpus, examples[first + i]);
        source_tokens += pair.source_count;
        target_tokens += pair.target_count;
    }
    int32_t *source_starts = ids(pass, count + 1), *target_starts = ids(pass, count + 1),
            *starts = ids(pass, chunks + 1);
    out->source_ids = ids(pass, source_tokens);
    out->fed = ids(pass, target_tokens);
    out->wanted = ids(pass, target_tokens);
    uint64_t *numbers = hd_pass_alloc(pass, (size_t)count, sizeof *numbers);
    if (pass->status != HEED_OK) return false;
    source_starts[0] = target_starts[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_pair pair = hd_corpus_get(corpus, examples[first + i]);
        numbers[i] = examples[first + i];
        memcpy(out->source_ids + source_starts[i], pair.source, (size_t)pair.source_count * sizeof(int32_t));
        memcpy(out->wanted + target_starts[i], pair.target, (size_t)pair.target_count * sizeof(int32_t));
        out->fed[target_starts[i]] = start_token;
        memcpy(out->fed + target_starts[i] + 1, pair.target, (size_t)(pair.target_count - 1) * sizeof(int32_t));
        source_starts[i + 1] = source_starts[i] + pair.source_count;
        target_starts[i + 1] = target_starts[i] + pair.target_count;
    }
    for (int64_t c = 0; c <= chunks; c++) starts[c] = chunk_starts[c] - (int32_t)first;
    out->sources = (hd_layout){count, source_starts, numbers, NULL, chunks, starts};
    out->targets = (hd_layout){count, target_starts, numbers, NULL, chunks, starts};
    return true;
}

/* The summed loss of some chunks; with `scale` > 0 also their gradients, times scale. */
static heed_status run_chunks(hd_run *run, const hd_corpus *corpus, const uint64_t *examples,
                              const int32_t *chunk_starts, int64_t chunks, float scale, double *loss) {
    hd_pass *pass = &run->pass;
    const hd_stack *stack = run->model->stack;
    const hd_recipe *recipe = &stack->recipe;
    hd_pass_reset(pass);
    pass->recording = pass->training = scale > 0;
    pass->seed = (uint64_t)run->options.seed;
    pass->step = (uint64_t)run->state.step;
    chunked batch;
    if (!lay_out(pass, corpus, recipe->decoder_start, examples, chunk_starts, chunks, &batch)) return pass->status;
    hd_tensor *memory = hd_stack_encode(stack, pass, batch.source_ids, &batch.sources);
    hd_tensor *states = hd_stack_decode(stack, pass, batch.fed, &batch.targets, memory, NULL);
    hd_cross_entropy_options options = {
        .bias = hd_stack_output_bias(stack),
        .smoothing = run->options.label_smoothing,
        .scale = scale,
        .classes = recipe->pad == recipe->vocabulary - 1 ? recipe->pad : recipe->vocabulary};
    HD_TRY(hd_cross_entropy(pass, states, &stack->output, batch.wanted, &options, loss));
    return scale > 0 ? hd_pass_backward(pass) : HEED_OK;
}

/* Cuts examples into chunks of at most chunk_tokens target tokens (at least one example each): where each starts. */
static int64_t cut(const hd_run *run, const hd_corpus *corpus, const uint64_t *examples, size_t count,
                   int32_t *starts) {
    int64_t chunks = 0, tokens = 0;
    for (size_t i = 0; i < count; i++) {
        hd_pair pair = hd_corpus_get(corpus, examples[i]);
        tokens += pair.target_count;
        if (i > 0 && tokens <= run->options.chunk_tokens) continue;
        starts[chunks++] = (int32_t)i;
        tokens = pair.target_count;
    }
    starts[chunks] = (int32_t)count;
    return chunks;
}

/* Examples of a corpus, chunk by chunk, pass_chunks of them to a pass. */
static heed_status run_examples(hd_run *run, const hd_corpus *corpus, const uint64_t *examples, size_t count,
                                float scale, double *loss) {
    int32_t *starts = hd_alloc(run->context, count + 1, sizeof *starts);
    if (!starts) return HEED_MEMORY;
    int64_t chunks = cut(run, corpus, examples, count, starts);
    heed_status status = HEED_OK;
    for (int64_t c = 0; c < chunks && status == HEED_OK; c += run->options.pass_chunks) {
        status =
            run_chunks(run, corpus, examples, starts + c, hd_min(run->options.pass_chunks, chunks - c), scale, loss);
    }
    hd_free(run->context, starts);
    return status;
}

/* All batches of an update come first, since each token weighs 1 / the tokens of all of them. */
heed_status hd_run_batches(hd_run *run) {
    uint64_t *all = NULL;
    size_t capacity = 0, total = 0, *ends = hd_alloc(run->context, (size_t)run->options.accumulate, sizeof *ends);
    heed_status status = ends ? HEED_OK : HEED_MEMORY;
    run->step_tokens = 0;
    for (int64_t i = 0; i < run->options.accumulate && status == HEED_OK; i++) {
        const uint64_t *examples;
        size_t count;
        status = hd_batches_next(&run->batches, &examples, &count);
        if (status == HEED_OK && !hd_grow(run->context, &all, &capacity, total + count, sizeof *all))
            status = HEED_MEMORY;
        if (status != HEED_OK) break;
        memcpy(all + total, examples, count * sizeof *all);
        for (size_t j = 0; j < count; j++) run->step_tokens += hd_corpus_get(&run->train, examples[j]).target_count;
        ends[i] = total += count;
    }
    run->state.epoch = run->batches.epoch;
    run->state.batch = run->batches.number;
    double loss = 0;
    for (int64_t i = 0; i < run->options.accumulate && status == HEED_OK; i++) {
        size_t first = i ? ends[i - 1] : 0;
        status = run_examples(run, &run->train, all + first, ends[i] - first, 1.0f / (float)run->step_tokens, &loss);
    }
    run->loss = loss / (double)run->step_tokens;
    hd_free(run->context, all);
    hd_free(run->context, ends);
    return status;
}

heed_status hd_run_loss(hd_run *run, const hd_corpus *corpus, double *loss) {
    enum { EXAMPLES = 256 };
    uint64_t examples[EXAMPLES];
    *loss = 0;
    for (uint64_t first = 0; first < corpus->count; first += EXAMPLES) {
        size_t count = (size_t)hd_min(EXAMPLES, (int64_t)(corpus->count - first));
        for (size_t i = 0; i < count; i++) examples[i] = first + i;
        HD_TRY(run_examples(run, corpus, examples, count, 0.0f, loss));
    }
    *loss /= (double)corpus->target_tokens;
    return HEED_OK;
}
