/* A linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001; on an LSTM: Huang, Xu and Yu, 2015). The
 * score of labels y of a sequence is
 *   start[y_1] + Σ_t logits[t, y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_n],
 * and its loss log Z − score, Z the sum of e^score over all labellings. The gradient of each number is how often the model
 * expects it to count, less how often it does. As a loss op, it makes the gradients on the way. */
#include "autograd/ops/ops.h"

static heed_status check(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf) {
    int64_t n = logits->columns;
    if (crf->transitions->rows != n || crf->transitions->columns != n || hd_parameter_count(crf->start) != n ||
        hd_parameter_count(crf->end) != n)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and does not lead between %lld labels",
                     crf->transitions->name, (long long)crf->transitions->rows, (long long)crf->transitions->columns,
                     (long long)n);
    return pass->status;
}

static heed_status check_labels(hd_pass *pass, const hd_tensor *logits, const int32_t *labels) {
    for (int64_t r = 0; r < logits->rows && pass->status == HEED_OK; r++)
        if (labels[r] < 0 || labels[r] >= logits->columns)
            hd_pass_fail(pass, HEED_ARGUMENT, "target id %d lies outside the %lld classes", labels[r],
                         (long long)logits->columns);
    return pass->status;
}

static hd_crf_field field_of(const hd_tensor *logits, const hd_crf *crf, const hd_layout *layout) {
    return (hd_crf_field){.labels = logits->columns,
                          .layout = *layout,
                          .logits = logits->data,
                          .transitions = crf->transitions->data,
                          .start = crf->start->data,
                          .end = crf->end->data};
}

heed_status hd_crf_loss(hd_pass *pass, hd_tensor *logits, const hd_crf *crf, const int32_t *labels,
                        const hd_layout *layout, float scale, double *loss) {
    if (!logits || check(pass, logits, crf) != HEED_OK || check_labels(pass, logits, labels) != HEED_OK)
        return pass->status;
    bool add;
    hd_crf_loss_call call = {.field = field_of(logits, crf, layout), .targets = labels, .scale = scale};
    call.losses = (double *)hd_pass_zeros(pass, 2, 1); /* 64 bits, all zeros: 0.0 */
    if (pass->recording) call.d_logits = hd_gradient(pass, logits, &add);
    if (call.d_logits) {
        call.d_transitions = hd_pass_gradient(pass, crf->transitions);
        call.d_start = hd_pass_gradient(pass, crf->start);
        call.d_end = hd_pass_gradient(pass, crf->end);
    }
    if (pass->status != HEED_OK) return pass->status;
    pass->stream.device->crf_loss(&pass->stream, &call);
    hd_pass_add_loss(pass, call.losses, loss);
    return pass->status;
}

heed_status hd_crf_best(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf, const hd_layout *layout,
                        int32_t *labels) {
    if (!logits || check(pass, logits, crf) != HEED_OK) return pass->status;
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    int32_t *best = (int32_t *)hd_pass_numbers(pass, logits->rows, 1); /* as large as floats */
    if (!best) return pass->status;
    hd_stream *stream = &pass->stream;
    stream->device->crf_best(stream, &(hd_crf_best_call){field_of(logits, crf, layout), best});
    stream->device->download(stream, (size_t)logits->rows * sizeof *best, best, labels);
    hd_arena_rewind(&pass->arena, mark);
    return pass->status;
}
