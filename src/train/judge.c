/* What the network answers for held-out examples, against what was wanted. */
#include "measure/metrics/spans.h"
#include "train/run.h"

#include <math.h>

typedef struct judging {
    hd_run *run;
    uint64_t asked, right;
    hd_counts spans;
} judging;

static heed_status judge_some(judging *j, const hd_pair *pairs, int64_t count) {
    hd_run *run = j->run;
    hd_pass *pass = &run->workers[0].pass;
    const hd_network *network = run->model->network;
    run->workers[0].context.threads = run->context->threads;
    hd_pass_reset(pass);
    pass->recording = pass->training = false;
    hd_laid_out batch;
    if (!hd_lay_out(pass, run->objective, network->recipe.decoder_start, pairs, count, 1, &batch)) return HEED_MEMORY;
    hd_tensor *logits = hd_network_logits(network, pass, hd_ask(network, pass, &batch), 0, hd_network_classes(network));
    int32_t *chosen = hd_pass_alloc(pass, (size_t)batch.asked, sizeof *chosen);
    if (!chosen || hd_network_choose(network, pass, logits, &batch.texts, chosen) != HEED_OK)
        return hd_fail(run->context, pass->status, "%s", run->workers[0].context.message);
    for (int64_t i = 0; i < batch.asked; i++) j->right += chosen[i] == batch.wanted[i];
    j->asked += (uint64_t)batch.asked;
    for (int64_t i = 0, at = 0; run->metric == HD_METRIC_SPAN_F1 && i < count; i++) {
        int64_t asked = hd_asked_of(run->objective, &pairs[i]);
        hd_spans_add(&j->spans, NULL, (const char *const *)run->labels.names, batch.wanted + at, chosen + at, asked);
        at += asked;
    }
    return HEED_OK;
}

heed_status hd_judge(hd_run *run, double *score) {
    enum { PAIRS = 64 };
    hd_pair pairs[PAIRS];
    hd_arena drawn;
    hd_arena_open(&drawn, run->context);
    judging j = {.run = run};
    heed_status status = hd_network_pack(run->model->network);
    for (uint64_t first = 0; first < run->valid.count && status == HEED_OK; first += PAIRS) {
        int64_t count = hd_min(PAIRS, (int64_t)(run->valid.count - first));
        hd_arena_reset(&drawn);
        for (int64_t i = 0; i < count && status == HEED_OK; i++)
            status = hd_corpus_draw(&run->valid, first + (uint64_t)i, 0, &drawn, &pairs[i]);
        if (status == HEED_OK) status = judge_some(&j, pairs, count);
    }
    hd_arena_close(&drawn);
    *score = run->metric == HD_METRIC_SPAN_F1 ? hd_f1(&j.spans) : hd_percentage(j.right, j.asked);
    return status;
}
