/* Additive attention of one query (Bahdanau, Cho and Bengio, 2015; Luong's "concat", 2015):
 *   score of key j = s · tanh(q + k_j),   weights = softmax over j,   output = Σ weight_j value_j
 * Sums along a row use 16 lanes and the fixed tree; sums over keys ascend. */
#include "device/cpu/kernels/each.h"

static float dot(int64_t width, const float *a, const float *b) {
    lanes sum = lanes_set(0.0f);
    for (int64_t j = 0; j < width; j += LANES)
        sum = lanes_fma(lanes_load_some(a + j, width - j), lanes_load_some(b + j, width - j), sum);
    return lanes_sum(sum);
}

/* y += factor x */
static void add_scaled(int64_t width, float factor, const float *x, float *y) {
    HD_KERNEL(add_scaled)(width, factor, x, y);
}

INLINE lanes tanh_of_sum(const hd_additive_attention *a, const float *key, int64_t j) {
    int64_t n = a->width - j;
    return lanes_tanh(lanes_add(lanes_load_some(a->q + j, n), lanes_load_some(key + j, n)));
}

static void softmax(int64_t count, float *x) {
    lanes largest = lanes_set(-INFINITY), sum = lanes_set(0.0f);
    for (int64_t j = 0; j < count; j += LANES)
        largest = lanes_max(lanes_select_first(count - j, lanes_load_some(x + j, count - j), largest), largest);
    lanes most = lanes_set(lanes_largest(largest));
    for (int64_t j = 0; j < count; j += LANES) {
        int64_t n = count - j;
        lanes e = lanes_exp(lanes_sub(lanes_load_some(x + j, n), most));
        sum = lanes_add(sum, lanes_select_first(n, e, lanes_set(0.0f)));
        lanes_store_some(x + j, e, n);
    }
    lanes whole = lanes_set(lanes_sum(sum));
    for (int64_t j = 0; j < count; j += LANES)
        lanes_store_some(x + j, lanes_div(lanes_load_some(x + j, count - j), whole), count - j);
}

void HD_KERNEL(additive_attention)(const hd_additive_attention *a) {
    memset(a->output, 0, (size_t)a->value_width * sizeof *a->output);
    if (!a->keys) return; /* no keys: the output is zero */
    for (int64_t key = 0; key < a->keys; key++) {
        const float *k = a->k + key * a->width;
        lanes sum = lanes_set(0.0f);
        for (int64_t j = 0; j < a->width; j += LANES)
            sum = lanes_fma(lanes_load_some(a->scorer + j, a->width - j), tanh_of_sum(a, k, j), sum);
        a->weights[key] = lanes_sum(sum);
    }
    softmax(a->keys, a->weights);
    for (int64_t key = 0; key < a->keys; key++)
        add_scaled(a->value_width, a->weights[key], a->values + key * a->value_width, a->output);
}

/* With D = Σ_j weight_j (dO · value_j) = dO · O:  d_score_j = weight_j (dO · value_j − D),
 *   d(q + k_j) = d_score_j s (1 − tanh²),   ds = Σ_j d_score_j tanh,   d_value_j = weight_j dO */
void HD_KERNEL(additive_attention_backward)(const hd_additive_attention *a) {
    float whole = dot(a->value_width, a->d_output, a->output);
    memset(a->dq, 0, (size_t)a->width * sizeof *a->dq);
    memset(a->d_scorer, 0, (size_t)a->width * sizeof *a->d_scorer);
    for (int64_t key = 0; key < a->keys; key++) {
        const float *k = a->k + key * a->width;
        float *dk = a->dk + key * a->width;
        float slope = dot(a->value_width, a->d_output, a->values + key * a->value_width) - whole;
        lanes d_score = lanes_set(a->weights[key] * slope), one = lanes_set(1.0f);
        for (int64_t j = 0; j < a->width; j += LANES) {
            int64_t n = a->width - j;
            lanes t = tanh_of_sum(a, k, j);
            lanes d = lanes_mul(lanes_mul(d_score, lanes_load_some(a->scorer + j, n)), lanes_sub(one, lanes_mul(t, t)));
            lanes_store_some(a->dq + j, lanes_add(lanes_load_some(a->dq + j, n), d), n);
            lanes_store_some(dk + j, lanes_add(lanes_load_some(dk + j, n), d), n);
            lanes_store_some(a->d_scorer + j, lanes_fma(d_score, t, lanes_load_some(a->d_scorer + j, n)), n);
        }
        add_scaled(a->value_width, a->weights[key], a->d_output, a->d_values + key * a->value_width);
    }
}
