/* Cross entropy of the ends of answers (autograd/ops/ends.c), in double precision, one sequence after the other: a row has two
 * scores, too few to fill lanes, and what is compiled once has the same bits with every instruction set. */
#include "base/real.h"
#include "device/cpu/cpu.h"

#include <math.h>

/* e^x for x ≤ 0; what is too small to count is 0. */
static double exponential(double x) { return x > -40 ? hd_exponential(x) : 0; }

/* Column `end` of the rows [first, last): the loss of its target, and its gradients, which begin at d_logits unless that is
 * NULL. */
static double lose_end(const hd_ends_loss_call *c, int64_t first, int64_t last, int end, int32_t target) {
    enum { ENDS = 2 };
    double largest = -INFINITY, sum = 0;
    for (int64_t r = first; r < last; r++) {
        double logit = (double)c->logits[r * ENDS + end];
        largest = logit > largest ? logit : largest; /* with fmax, GCC 12 fails for AArch64 */
    }
    for (int64_t r = first; r < last; r++) sum += exponential((double)c->logits[r * ENDS + end] - largest);
    for (int64_t r = first; c->d_logits && r < last; r++) {
        double probability = exponential((double)c->logits[r * ENDS + end] - largest) / sum;
        c->d_logits[r * ENDS + end] = (float)((double)c->scale * (probability - (r == first + target)));
    }
    return largest + hd_logarithm(sum) - (double)c->logits[(first + target) * ENDS + end];
}

void hd_cpu_ends_loss(hd_stream *stream, const hd_ends_loss_call *c) {
    (void)stream;
    const hd_layout *layout = &c->layout;
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&c->chunks, hd_layout_rows(layout), &chunks);
    for (int64_t chunk = 0, s = 0; chunk < chunks.count; chunk++)
        for (; s < layout->sequences && layout->starts[s + 1] <= chunks.starts[chunk + 1]; s++) {
            int64_t first = layout->starts[s], last = layout->starts[s + 1];
            for (int end = 0; last > first && end < 2; end++)
                c->losses[chunk] += lose_end(c, first, last, end, c->targets[2 * s + end]);
        }
}
