/* The network's predictions for held-out examples, compared with their targets. */
#include "measure/metrics/spans.h"
#include "train/run.h"

typedef struct tally {
    hd_run *run;
    uint64_t targets, right;
    hd_spans spans;
    hd_counts span_counts;
} tally;

static void add_spans(tally *t, const hd_batch *batch, const int32_t *predicted) {
    for (int64_t i = 0; i < batch->texts.sequences; i++) {
        int64_t start = batch->texts.starts[i], end = batch->texts.starts[i + 1];
        hd_spans_add(&t->spans, &t->span_counts, NULL, (const char *const *)t->run->labels.names,
                     batch->targets + start, predicted + start, end - start);
    }
}

static heed_status add_batch(tally *t, const hd_pair *pairs, int64_t count) {
    hd_run *run = t->run;
    hd_pass *pass = &run->workers[0].pass;
    const hd_network *network = run->model->network;
    run->workers[0].context.threads = run->context->threads;
    hd_pass_reset(pass);
    pass->recording = pass->training = false;
    hd_batch batch;
    if (!hd_batch_make(pass, hd_run_objective(run), network->recipe.decoder_start, pairs, count, 1, &batch))
        return HEED_MEMORY;
    hd_tensor *states = hd_batch_forward(network, pass, &batch);
    hd_tensor *logits = hd_network_logits(network, pass, states, 0, hd_network_classes(network));
    int32_t *predicted = hd_pass_alloc(pass, (size_t)batch.target_count, sizeof *predicted);
    if (!predicted || hd_network_choose(network, pass, logits, &batch.texts, predicted) != HEED_OK)
        return hd_fail_as(run->context, &run->workers[0].context, pass->status);
    for (int64_t i = 0; i < batch.target_count; i++) t->right += predicted[i] == batch.targets[i];
    t->targets += (uint64_t)batch.target_count;
    if (run->metric == HD_METRIC_SPAN_F1) add_spans(t, &batch, predicted);
    return HEED_OK;
}

heed_status hd_validate_predictions(hd_run *run, double *score) {
    enum { PAIRS = 64 };
    hd_pair pairs[PAIRS];
    hd_arena drawn;
    hd_arena_open(&drawn, run->context);
    tally t = {.run = run};
    heed_status status = hd_network_pack(run->model->network);
    for (uint64_t first = 0; first < run->valid.count && status == HEED_OK; first += PAIRS) {
        int64_t count = hd_min(PAIRS, (int64_t)(run->valid.count - first));
        hd_arena_reset(&drawn);
        status = hd_check_stop(run->context);
        for (int64_t i = 0; i < count && status == HEED_OK; i++)
            status = hd_corpus_draw(&run->valid, first + (uint64_t)i, 0, &drawn, &pairs[i]);
        if (status == HEED_OK) status = add_batch(&t, pairs, count);
    }
    hd_arena_close(&drawn);
    *score = run->metric == HD_METRIC_SPAN_F1 ? hd_f1(&t.span_counts) : hd_percentage(t.right, t.targets);
    return status;
}
