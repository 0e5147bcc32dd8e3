/* Softmax over a row of scores: its logarithm for decoding, and cross entropy with label smoothing for training.
 *
 * With logits x, V of them, target t and smoothing ε, the smoothed target is q_j = ε/V, plus 1 − ε at t (Szegedy et al.,
 * 2016). The loss is KL(q ‖ softmax x) = Σ q log q − Σ q log p, and its gradient softmax x − q. */
#include "kernels/each.h"

typedef struct row_sums {
    float largest;
    float denominator; /* Σ exp(x − largest) */
    float sum;         /* Σ x */
} row_sums;

/* Leaves exp(x − largest) in y, unless y is NULL. */
INLINE row_sums exponentials(int64_t width, const float *x, float *y) {
    const float lowest = -INFINITY;
    lanes largest = lanes_set(lowest), sum = lanes_set(0.0f), total = lanes_set(0.0f);
    for (int64_t j = 0; j < width; j += LANES) {
        lanes value = lanes_load_some(x + j, width - j);
        largest = lanes_max(largest, lanes_select_first(width - j, value, lanes_set(lowest)));
        total = lanes_add(total, value);
    }
    row_sums row = {.largest = lanes_largest(largest), .sum = lanes_sum(total)};
    for (int64_t j = 0; j < width; j += LANES) {
        int64_t n = width - j;
        lanes e = lanes_exp(lanes_sub(lanes_load_some(x + j, n), lanes_set(row.largest)));
        e = lanes_select_first(n, e, lanes_set(0.0f));
        sum = lanes_add(sum, e);
        if (y) lanes_store_some(y + j, e, n);
    }
    row.denominator = lanes_sum(sum);
    return row;
}

INLINE float logarithm(float x) {
    float t[LANES];
    lanes_store(t, lanes_log(lanes_set(x)));
    return t[0];
}

void HD_KERNEL(log_softmax)(int64_t width, const float *x, float *y) {
    row_sums row = exponentials(width, x, NULL);
    lanes log_sum = lanes_set(row.largest + logarithm(row.denominator));
    for (int64_t j = 0; j < width; j += LANES)
        lanes_store_some(y + j, lanes_sub(lanes_load_some(x + j, width - j), log_sum), width - j);
}

INLINE double loss_of(const row_sums *row, int64_t width, float at_target, float smoothing) {
    double log_sum = (double)row->largest + (double)logarithm(row->denominator),
           share = (double)smoothing / (double)width;
    double entropy = 0; /* Σ q log q, a constant of the task */
    if (smoothing > 0) {
        double peak = 1.0 - (double)smoothing + share;
        entropy = peak * (double)logarithm((float)peak) + share * (double)(width - 1) * (double)logarithm((float)share);
    }
    double cross = (1.0 - (double)smoothing) * (log_sum - (double)at_target) +
                   share * ((double)width * log_sum - (double)row->sum);
    return entropy + cross;
}

double HD_KERNEL(cross_entropy_loss)(int64_t width, const float *logits, int64_t target, float smoothing) {
    row_sums row = exponentials(width, logits, NULL);
    return loss_of(&row, width, logits[target], smoothing);
}

double HD_KERNEL(cross_entropy)(int64_t width, float *logits, int64_t target, float smoothing, float scale) {
    float at_target = logits[target];
    row_sums row = exponentials(width, logits, logits);
    lanes factor = lanes_set(scale / row.denominator), share = lanes_set(-scale * (smoothing / (float)width));
    for (int64_t j = 0; j < width; j += LANES)
        lanes_store_some(logits + j, lanes_fma(lanes_load_some(logits + j, width - j), factor, share), width - j);
    logits[target] -= scale * (1.0f - smoothing);
    return loss_of(&row, width, at_target, smoothing);
}
