/* Kernels on independent elements: sums, scalings, activations, Adam; and two that only read (squares, non-finite). */
#include "device/cpu/kernels/each.h"

void HD_KERNEL(add)(int64_t count, const float *a, const float *b, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t n = count - i;
        lanes_store_some(y + i, lanes_add(lanes_load_some(a + i, n), lanes_load_some(b + i, n)), n);
    }
}

void HD_KERNEL(scale)(int64_t count, float factor, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES)
        lanes_store_some(y + i, lanes_mul(lanes_set(factor), lanes_load_some(x + i, count - i)), count - i);
}

void HD_KERNEL(add_scaled)(int64_t count, float factor, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t n = count - i;
        lanes_store_some(y + i, lanes_fma(lanes_set(factor), lanes_load_some(x + i, n), lanes_load_some(y + i, n)), n);
    }
}

void HD_KERNEL(multiply)(int64_t count, const float *a, const float *b, float *y, bool add) {
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t n = count - i;
        lanes x = lanes_load_some(a + i, n), z = lanes_load_some(b + i, n);
        lanes_store_some(y + i, add ? lanes_fma(x, z, lanes_load_some(y + i, n)) : lanes_mul(x, z), n);
    }
}

void HD_KERNEL(rotate)(int64_t width, const float *table, float sign, const float *x, float *y) {
    int64_t half = width / 2;
    for (int64_t j = 0; j < half; j += LANES) {
        int64_t n = half - j;
        lanes sine = lanes_mul(lanes_set(sign), lanes_load_some(table + j, n));
        lanes cosine = lanes_load_some(table + half + j, n);
        lanes a = lanes_load_some(x + j, n), b = lanes_load_some(x + half + j, n);
        lanes_store_some(y + j, lanes_fma(a, cosine, lanes_negate(lanes_mul(b, sine))), n);
        lanes_store_some(y + half + j, lanes_fma(b, cosine, lanes_mul(a, sine)), n);
    }
}

/* The switch over activations is outside the loop, so that `activation` is a constant in each loop. */
INLINE void activate_all(const hd_activation activation, int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES)
        lanes_store_some(y + i, lanes_activate(activation, lanes_load_some(x + i, count - i)), count - i);
}

void HD_KERNEL(activate)(hd_activation activation, int64_t count, const float *x, float *y) {
    switch (activation) {
        case HD_IDENTITY:
            activate_all(HD_IDENTITY, count, x, y);
            break;
        case HD_RELU:
            activate_all(HD_RELU, count, x, y);
            break;
        case HD_GELU:
            activate_all(HD_GELU, count, x, y);
            break;
        case HD_GELU_TANH:
            activate_all(HD_GELU_TANH, count, x, y);
            break;
        case HD_SILU:
            activate_all(HD_SILU, count, x, y);
            break;
        case HD_TANH:
            activate_all(HD_TANH, count, x, y);
            break;
        case HD_SIGMOID:
            activate_all(HD_SIGMOID, count, x, y);
            break;
    }
}

INLINE void slope_all(const hd_activation activation, int64_t count, const float *x, const float *dy, float *dx,
                      bool add) {
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t n = count - i;
        lanes slope = lanes_activate_slope(activation, lanes_load_some(x + i, n)), d = lanes_load_some(dy + i, n);
        lanes value = lanes_mul(d, slope);
        if (add) value = lanes_add(lanes_load_some(dx + i, n), value);
        lanes_store_some(dx + i, value, n);
    }
}

void HD_KERNEL(activate_backward)(hd_activation activation, int64_t count, const float *x, const float *dy, float *dx,
                                  bool add) {
    switch (activation) {
        case HD_IDENTITY:
            slope_all(HD_IDENTITY, count, x, dy, dx, add);
            break;
        case HD_RELU:
            slope_all(HD_RELU, count, x, dy, dx, add);
            break;
        case HD_GELU:
            slope_all(HD_GELU, count, x, dy, dx, add);
            break;
        case HD_GELU_TANH:
            slope_all(HD_GELU_TANH, count, x, dy, dx, add);
            break;
        case HD_SILU:
            slope_all(HD_SILU, count, x, dy, dx, add);
            break;
        case HD_TANH:
            slope_all(HD_TANH, count, x, dy, dx, add);
            break;
        case HD_SIGMOID:
            slope_all(HD_SIGMOID, count, x, dy, dx, add);
            break;
    }
}

/* Each square is exact in double; 16 sums, then the tree. */
double HD_KERNEL(sum_of_squares)(int64_t count, const float *x) {
    double sums[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += (double)x[i + l] * (double)x[i + l];
    for (int l = 0; i + l < count; l++) sums[l] += (double)x[i + l] * (double)x[i + l];
    for (int half = 8; half; half /= 2)
        for (int l = 0; l < half; l++) sums[l] += sums[l + half];
    return sums[0];
}

int64_t HD_KERNEL(find_non_finite)(int64_t count, const float *x) {
    for (int64_t i = 0; i < count; i += 256) { /* 0 · x is 0 for each finite x and NaN for the others */
        int64_t end = hd_min(i + 256, count);
        lanes sum = lanes_set(0.0f);
        for (int64_t j = i; j < end; j += LANES) sum = lanes_fma(lanes_load_some(x + j, end - j), lanes_set(0.0f), sum);
        if (lanes_sum(sum) == 0.0f) continue;
        for (int64_t j = i; j < end; j++)
            if (!(x[j] * 0.0f == 0.0f)) return j;
    }
    return -1;
}

/* Adam (Kingma and Ba, 2015), with AdamW's decoupled decay (Loshchilov and Hutter, 2019):
 *   m = β₁ m + (1 − β₁) g     v = β₂ v + (1 − β₂) g²
 *   θ = θ − lr (m̂ / (√v̂ + ε) + decay θ)     with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ) */
void HD_KERNEL(adam)(const hd_adam *adam, int64_t count, const float *gradient, float *m, float *v, float *parameter) {
    lanes beta1 = lanes_set(adam->beta1), beta2 = lanes_set(adam->beta2);
    lanes rest1 = lanes_set(1.0f - adam->beta1), rest2 = lanes_set(1.0f - adam->beta2);
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t n = count - i;
        lanes g = lanes_mul(lanes_load_some(gradient + i, n), lanes_set(adam->gradient_scale));
        lanes new_m = lanes_fma(beta1, lanes_load_some(m + i, n), lanes_mul(rest1, g));
        lanes new_v = lanes_fma(beta2, lanes_load_some(v + i, n), lanes_mul(rest2, lanes_mul(g, g)));
        lanes_store_some(m + i, new_m, n);
        lanes_store_some(v + i, new_v, n);
        lanes root = lanes_sqrt(lanes_mul(new_v, lanes_set(adam->correction2)));
        lanes old = lanes_load_some(parameter + i, n);
        lanes step =
            lanes_div(lanes_mul(new_m, lanes_set(adam->correction1)), lanes_add(root, lanes_set(adam->epsilon)));
        step = lanes_fma(lanes_set(adam->weight_decay), old, step);
        lanes_store_some(parameter + i, lanes_fma(lanes_set(-adam->lr), step, old), n);
    }
}
