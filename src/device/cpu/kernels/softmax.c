/* Softmax over a row of scores: its denominator for decoding, and cross entropy with label smoothing for training.
 *
 * With logits x, V of them, target t and smoothing ε, the smoothed target is q_j = ε/V, plus 1 − ε at t (Szegedy et al.,
 * 2016). The loss is KL(q ‖ softmax x) = Σ q log q − Σ q log p, and its gradient softmax x − q.
 *
 * R-Drop (Liang et al., 2021) makes the distributions of two rows agree. With p and q their softmaxes and
 * d = log p − log q, the divergences KL(p ‖ q) = Σ p d and KL(q ‖ p) = −Σ q d have, for the logits of p, the gradients
 * p (d − KL(p ‖ q)) and p − q. */
#include "device/cpu/kernels/each.h"

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

float HD_KERNEL(add_exponentials)(int64_t count, const float *x, hd_exp_sum *sum) {
    const lanes lowest = lanes_set(-INFINITY);
    lanes top = lowest;
    int64_t whole = count / LANES * LANES;
    for (int64_t j = 0; j < whole; j += LANES) top = lanes_max(top, lanes_load(x + j));
    if (whole < count)
        top = lanes_max(top, lanes_select_first(count - whole, lanes_load_some(x + whole, count - whole), lowest));
    float largest = lanes_largest(top);
    lanes total = lanes_load(sum->lanes);
    if (largest > sum->largest) {
        total = lanes_mul(total, lanes_exp(lanes_sub(lanes_set(sum->largest), lanes_set(largest))));
        sum->largest = largest;
    }
    lanes shift = lanes_set(sum->largest);
    if (sum->largest > -INFINITY) { /* else all values so far are −∞ and add nothing */
        for (int64_t j = 0; j < whole; j += LANES)
            total = lanes_add(total, lanes_exp(lanes_sub(lanes_load(x + j), shift)));
        if (whole < count) {
            lanes e = lanes_exp(lanes_sub(lanes_load_some(x + whole, count - whole), shift));
            total = lanes_add(total, lanes_select_first(count - whole, e, lanes_set(0.0f)));
        }
    }
    lanes_store(sum->lanes, total);
    return largest;
}

float HD_KERNEL(log_of_sum)(const hd_exp_sum *sum) {
    return sum->largest + logarithm(lanes_sum(lanes_load(sum->lanes)));
}

int64_t HD_KERNEL(find_above)(int64_t count, const float *x, float bound) {
    const lanes limit = lanes_set(bound);
    int64_t j = 0;
    while (j + LANES <= count && !lanes_any_less(limit, lanes_load(x + j))) j += LANES;
    while (j < count && !(x[j] > bound)) j++;
    return j;
}

INLINE double loss_of(const row_sums *row, int64_t width, float at_target, float smoothing) {
    double log_sum = (double)row->largest + (double)logarithm(row->denominator),
           uniform = (double)smoothing / (double)width;
    double entropy = 0; /* Σ q log q, which does not depend on the logits */
    if (smoothing > 0) {
        double peak = 1.0 - (double)smoothing + uniform;
        entropy =
            peak * (double)logarithm((float)peak) + uniform * (double)(width - 1) * (double)logarithm((float)uniform);
    }
    double cross = (1.0 - (double)smoothing) * (log_sum - (double)at_target) +
                   uniform * ((double)width * log_sum - (double)row->sum);
    return entropy + cross;
}

double HD_KERNEL(cross_entropy_loss)(int64_t width, const float *logits, int64_t target, float smoothing) {
    row_sums row = exponentials(width, logits, NULL);
    return loss_of(&row, width, logits[target], smoothing);
}

double HD_KERNEL(cross_entropy)(int64_t width, float *logits, int64_t target, float smoothing, float scale) {
    float at_target = logits[target];
    row_sums row = exponentials(width, logits, logits);
    lanes factor = lanes_set(scale / row.denominator), uniform = lanes_set(-scale * (smoothing / (float)width));
    for (int64_t j = 0; j < width; j += LANES)
        lanes_store_some(logits + j, lanes_fma(lanes_load_some(logits + j, width - j), factor, uniform), width - j);
    logits[target] -= scale * (1.0f - smoothing);
    return loss_of(&row, width, at_target, smoothing);
}

/* One vector of two rows: their probabilities, zeros past the end, and the difference of their logarithms. */
typedef struct pair_of_lanes {
    lanes p, q, difference;
} pair_of_lanes;

INLINE pair_of_lanes probabilities(int64_t n, const float *a, const float *b, lanes log_sum_a, lanes log_sum_b) {
    lanes log_p = lanes_sub(lanes_load_some(a, n), log_sum_a), log_q = lanes_sub(lanes_load_some(b, n), log_sum_b);
    lanes zero = lanes_set(0.0f);
    return (pair_of_lanes){lanes_select_first(n, lanes_exp(log_p), zero), lanes_select_first(n, lanes_exp(log_q), zero),
                           lanes_sub(log_p, log_q)};
}

double HD_KERNEL(cross_entropy_pair)(int64_t width, float *a, float *b, int64_t target, float smoothing,
                                     float agreement, float scale) {
    row_sums row_a = exponentials(width, a, NULL), row_b = exponentials(width, b, NULL);
    double loss = loss_of(&row_a, width, a[target], smoothing) + loss_of(&row_b, width, b[target], smoothing);
    lanes log_sum_a = lanes_set(row_a.largest + logarithm(row_a.denominator)),
          log_sum_b = lanes_set(row_b.largest + logarithm(row_b.denominator));
    lanes sum_p = lanes_set(0.0f), sum_q = lanes_set(0.0f);
    for (int64_t j = 0; j < width; j += LANES) {
        pair_of_lanes at = probabilities(width - j, a + j, b + j, log_sum_a, log_sum_b);
        sum_p = lanes_fma(at.p, at.difference, sum_p);
        sum_q = lanes_fma(at.q, at.difference, sum_q);
    }
    float p_from_q = lanes_sum(sum_p), q_from_p = -lanes_sum(sum_q); /* KL(p ‖ q), KL(q ‖ p) */
    float half = 0.5f * agreement;
    lanes weight = lanes_set(half), factor = lanes_set(scale), uniform = lanes_set(-scale * (smoothing / (float)width));
    /* of p and of q: 1 of the cross entropy, and half of each divergence */
    lanes own_p = lanes_set(1.0f + half - half * p_from_q), own_q = lanes_set(1.0f + half - half * q_from_p);
    for (int64_t j = 0; j < width; j += LANES) {
        int64_t n = width - j;
        pair_of_lanes at = probabilities(n, a + j, b + j, log_sum_a, log_sum_b);
        lanes difference = lanes_mul(weight, at.difference);
        lanes da = lanes_sub(lanes_mul(at.p, lanes_add(own_p, difference)), lanes_mul(weight, at.q));
        lanes db = lanes_sub(lanes_mul(at.q, lanes_sub(own_q, difference)), lanes_mul(weight, at.p));
        lanes_store_some(a + j, lanes_fma(da, factor, uniform), n);
        lanes_store_some(b + j, lanes_fma(db, factor, uniform), n);
    }
    a[target] -= scale * (1.0f - smoothing);
    b[target] -= scale * (1.0f - smoothing);
    return loss + 0.5 * (double)agreement * ((double)p_from_q + (double)q_from_p);
}
