/* The first and the last token of an answer: column 0 of the logits scores each row of a sequence as the first one, column 1
 * as the last one (Devlin et al., 2018). The loss of a column is the cross entropy over the rows of the sequence:
 *   loss = log Σ_r e^logit[r] − logit[target]        d logit[r] = scale · (softmax[r] − (r = target))
 * As a loss op, it makes the gradients on the way. */
#include "autograd/ops/ops.h"

static heed_status check(hd_pass *pass, const hd_tensor *logits, const int32_t *targets, const hd_layout *layout) {
    if (logits->columns != 2 || logits->rows != hd_layout_rows(layout))
        hd_pass_fail(pass, HEED_ARGUMENT, "logits [%lld, %lld] are not two for each of %lld rows",
                     (long long)logits->rows, (long long)logits->columns, (long long)hd_layout_rows(layout));
    for (int64_t s = 0; s < layout->sequences && pass->status == HEED_OK; s++) {
        int32_t rows = layout->starts[s + 1] - layout->starts[s];
        for (int end = 0; end < 2 && rows; end++)
            if (targets[2 * s + end] < 0 || targets[2 * s + end] >= rows)
                hd_pass_fail(pass, HEED_ARGUMENT, "target row %d lies outside the %d rows of its sequence",
                             targets[2 * s + end], rows);
    }
    return pass->status;
}

heed_status hd_ends_loss(hd_pass *pass, hd_tensor *logits, const int32_t *targets, const hd_layout *layout, float scale,
                         double *loss) {
    if (!logits || check(pass, logits, targets, layout) != HEED_OK) return pass->status;
    bool add;
    hd_ends_loss_call call = {.layout = *layout, .logits = logits->data, .targets = targets, .scale = scale};
    call.losses = (double *)hd_pass_zeros(pass, 2, 1); /* 64 bits, all zeros: 0.0 */
    if (pass->recording) call.d_logits = hd_gradient(pass, logits, &add);
    if (pass->status != HEED_OK) return pass->status;
    pass->stream.device->ends_loss(&pass->stream, &call);
    hd_pass_add_loss(pass, call.losses, loss);
    return pass->status;
}
