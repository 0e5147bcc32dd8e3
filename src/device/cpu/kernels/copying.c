/* Copying from the source (CopyNet, Gu et al., 2016): the logits of the vocabulary and the scores of the source's tokens have one
 * softmax. So token w has the logit log(exp l_w + Σ exp score_j), where j are the places of w in the source, ascending. */
#include "device/cpu/kernels/each.h"

/* log(exp a + exp b) */
INLINE float add_logarithms(float a, float b) {
    float largest = a > b ? a : b, difference = a > b ? b - a : a - b, sum[LANES];
    lanes_store(sum, lanes_log(lanes_add(lanes_set(1.0f), lanes_exp(lanes_set(difference)))));
    return largest + sum[0];
}

void HD_KERNEL(add_copies)(int64_t count, const int32_t *ids, const float *scores, int64_t first, int64_t columns,
                           float *logits, float *shares) {
    float *own = shares ? shares + count : NULL;
    for (int64_t j = 0; j < count && own; j++) {
        int64_t column = ids[j] - first;
        own[j] = column >= 0 && column < columns ? logits[column] : -INFINITY;
    }
    for (int64_t j = 0; j < count; j++) {
        int64_t column = ids[j] - first;
        if (column >= 0 && column < columns) logits[column] = add_logarithms(logits[column], scores[j]);
    }
    for (int64_t j = 0; j < count && own; j++) {
        int64_t column = ids[j] - first;
        bool has_column = column >= 0 && column < columns;
        shares[j] = has_column ? scores[j] - logits[column] : -INFINITY;
        own[j] -= has_column ? logits[column] : 0.0f;
    }
    for (int64_t j = 0; j < 2 * count && own; j += LANES)
        lanes_store_some(shares + j, lanes_exp(lanes_load_some(shares + j, 2 * count - j)), 2 * count - j);
}
