/* Kernels on rows: dropout, the two norms, dot products, column sums.
 *
 * A sum along a row uses 16 lanes, element i in lane i mod 16, and the fixed tree of lanes_sum. A sum over rows is one
 * chain a column, ascending from zero, and is then added to the total. */
#include "device/cpu/kernels/each.h"

void HD_KERNEL(dropout_row)(const hd_dropout *dropout, uint64_t example, uint32_t position, int64_t width,
                            const float *x, const float *residual, float *y) {
    lanes scale = lanes_set(dropout->scale), zero = lanes_set(0.0f);
    lanes_u threshold = lanes_set_u(dropout->threshold);
    for (int64_t start = 0; start < width; start += 4 * LANES) {
        lanes_u random[4] = {0};
        if (dropout->threshold) lanes_philox(dropout->key, (uint32_t)(start / 64), position, example, random);
        for (int l = 0; l < 4 && start + l * LANES < width; l++) {
            int64_t i = start + l * LANES, n = width - i;
            lanes value = lanes_load_some(x + i, n);
            if (dropout->threshold) value = lanes_select_less_u(random[l], threshold, zero, lanes_mul(scale, value));
            if (residual) value = lanes_add(lanes_load_some(residual + i, n), value);
            lanes_store_some(y + i, value, n);
        }
    }
}

void HD_KERNEL(layer_norm)(int64_t rows, int64_t width, float epsilon, const float *x, const float *gain,
                           const float *bias, float *y, float *statistics) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        lanes sum = lanes_set(0.0f);
        for (int64_t j = 0; j < width; j += LANES) sum = lanes_add(sum, lanes_load_some(x + j, width - j));
        float mean = lanes_sum(sum) / (float)width;
        lanes squares = lanes_set(0.0f);
        for (int64_t j = 0; j < width; j += LANES) {
            lanes d = lanes_sub(lanes_load_some(x + j, width - j), lanes_set(mean));
            d = lanes_select_first(width - j, d, lanes_set(0.0f));
            squares = lanes_fma(d, d, squares);
        }
        float inverse = 1.0f / sqrtf(lanes_sum(squares) / (float)width + epsilon);
        for (int64_t j = 0; j < width; j += LANES) {
            int64_t n = width - j;
            lanes unit = lanes_mul(lanes_sub(lanes_load_some(x + j, n), lanes_set(mean)), lanes_set(inverse));
            lanes_store_some(y + j, lanes_fma(unit, lanes_load_some(gain + j, n), lanes_load_some(bias + j, n)), n);
        }
        if (statistics) statistics[2 * r] = mean, statistics[2 * r + 1] = inverse;
    }
}

/* dx = inverse (g − mean(g) − x̂ mean(g x̂)), g = dy · gain (Ba, Kiros and Hinton, 2016) */
void HD_KERNEL(layer_norm_backward)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                    const float *gain, const float *dy, float *dx, bool add) {
    for (int64_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        lanes mean = lanes_set(statistics[2 * r]), inverse = lanes_set(statistics[2 * r + 1]);
        lanes sum = lanes_set(0.0f), product = lanes_set(0.0f);
        for (int64_t j = 0; j < width; j += LANES) { /* the partial lanes of dy are 0, and so g is */
            int64_t n = width - j;
            lanes g = lanes_mul(lanes_load_some(dy + j, n), lanes_load_some(gain + j, n));
            lanes unit = lanes_mul(lanes_sub(lanes_load_some(x + j, n), mean), inverse);
            sum = lanes_add(sum, g);
            product = lanes_fma(g, unit, product);
        }
        lanes mean_g = lanes_set(lanes_sum(sum) / (float)width),
              mean_product = lanes_set(lanes_sum(product) / (float)width);
        for (int64_t j = 0; j < width; j += LANES) {
            int64_t n = width - j;
            lanes g = lanes_mul(lanes_load_some(dy + j, n), lanes_load_some(gain + j, n));
            lanes unit = lanes_mul(lanes_sub(lanes_load_some(x + j, n), mean), inverse);
            lanes value = lanes_mul(inverse, lanes_sub(lanes_sub(g, mean_g), lanes_mul(unit, mean_product)));
            if (add) value = lanes_add(lanes_load_some(dx + j, n), value);
            lanes_store_some(dx + j, value, n);
        }
    }
}

INLINE void add_to(float *total, lanes value, int64_t n) {
    lanes_store_some(total, lanes_add(lanes_load_some(total, n), value), n);
}

void HD_KERNEL(layer_norm_backward_gain)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                         const float *dy, float *d_gain, float *d_bias, int64_t column,
                                         int64_t column_end) {
    for (int64_t j = column; j < column_end; j += LANES) {
        int64_t n = column_end - j;
        lanes gain = lanes_set(0.0f), bias = lanes_set(0.0f);
        for (int64_t r = 0; r < rows; r++) {
            lanes d = lanes_load_some(dy + r * width + j, n);
            lanes unit = lanes_mul(lanes_sub(lanes_load_some(x + r * width + j, n), lanes_set(statistics[2 * r])),
                                   lanes_set(statistics[2 * r + 1]));
            gain = lanes_fma(d, unit, gain);
            bias = lanes_add(bias, d);
        }
        if (d_gain) add_to(d_gain + j, gain, n);
        if (d_bias) add_to(d_bias + j, bias, n);
    }
}

void HD_KERNEL(rms_norm)(int64_t rows, int64_t width, float epsilon, const float *x, const float *gain, float *y,
                         float *statistics) {
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        lanes squares = lanes_set(0.0f);
        for (int64_t j = 0; j < width; j += LANES) {
            lanes value = lanes_load_some(x + j, width - j);
            squares = lanes_fma(value, value, squares);
        }
        float inverse = 1.0f / sqrtf(lanes_sum(squares) / (float)width + epsilon);
        for (int64_t j = 0; j < width; j += LANES) {
            int64_t n = width - j;
            lanes unit = lanes_mul(lanes_load_some(x + j, n), lanes_set(inverse));
            lanes_store_some(y + j, lanes_mul(unit, lanes_load_some(gain + j, n)), n);
        }
        if (statistics) statistics[r] = inverse;
    }
}

/* dx = inverse (g − x̂ mean(g x̂)) (Zhang and Sennrich, 2019) */
void HD_KERNEL(rms_norm_backward)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                  const float *gain, const float *dy, float *dx, bool add) {
    for (int64_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        lanes inverse = lanes_set(statistics[r]), product = lanes_set(0.0f);
        for (int64_t j = 0; j < width; j += LANES) {
            int64_t n = width - j;
            lanes g = lanes_mul(lanes_load_some(dy + j, n), lanes_load_some(gain + j, n));
            product = lanes_fma(g, lanes_mul(lanes_load_some(x + j, n), inverse), product);
        }
        lanes mean_product = lanes_set(lanes_sum(product) / (float)width);
        for (int64_t j = 0; j < width; j += LANES) {
            int64_t n = width - j;
            lanes g = lanes_mul(lanes_load_some(dy + j, n), lanes_load_some(gain + j, n));
            lanes unit = lanes_mul(lanes_load_some(x + j, n), inverse);
            lanes value = lanes_mul(inverse, lanes_sub(g, lanes_mul(unit, mean_product)));
            if (add) value = lanes_add(lanes_load_some(dx + j, n), value);
            lanes_store_some(dx + j, value, n);
        }
    }
}

void HD_KERNEL(rms_norm_backward_gain)(int64_t rows, int64_t width, const float *x, const float *statistics,
                                       const float *dy, float *d_gain, int64_t column, int64_t column_end) {
    for (int64_t j = column; j < column_end; j += LANES) {
        int64_t n = column_end - j;
        lanes gain = lanes_set(0.0f);
        for (int64_t r = 0; r < rows; r++) {
            lanes unit = lanes_mul(lanes_load_some(x + r * width + j, n), lanes_set(statistics[r]));
            gain = lanes_fma(lanes_load_some(dy + r * width + j, n), unit, gain);
        }
        add_to(d_gain + j, gain, n);
    }
}

/* Elements j … of a row, n of them and then zeros. */
INLINE lanes load_elements(const void *row, hd_dtype dtype, int64_t j, int64_t n) {
    if (dtype == HD_F32) return lanes_load_some((const float *)row + j, n);
    const uint16_t *halves = (const uint16_t *)row + j;
    uint16_t some[LANES] = {0};
    if (n >= LANES) return lanes_load_f16(halves);
    memcpy(some, halves, (size_t)n * sizeof *some);
    return lanes_load_f16(some);
}

/* `count` neighbouring rows together, a constant of the caller: their sums do not wait for each other. */
INLINE void dot_some_rows(int count, int64_t width, hd_dtype dtype, const char *x, const float *q, float *y) {
    int64_t stride = width * (dtype == HD_F32 ? 4 : 2);
    lanes sums[4];
    for (int i = 0; i < count; i++) sums[i] = lanes_set(0.0f);
    for (int64_t j = 0; j < width; j += LANES) {
        lanes factor = lanes_load_some(q + j, width - j);
        for (int i = 0; i < count; i++)
            sums[i] = lanes_fma(load_elements(x + i * stride, dtype, j, width - j), factor, sums[i]);
    }
    for (int i = 0; i < count; i++) y[i] = lanes_sum(sums[i]);
}

INLINE void dot_all_rows(int64_t rows, int64_t width, hd_dtype dtype, const char *x, const float *q, float *y) {
    int64_t r = 0, stride = width * (dtype == HD_F32 ? 4 : 2);
    for (; r + 4 <= rows; r += 4) dot_some_rows(4, width, dtype, x + r * stride, q, y + r);
    for (; r < rows; r++) dot_some_rows(1, width, dtype, x + r * stride, q, y + r);
}

void HD_KERNEL(dot_rows)(int64_t rows, int64_t width, hd_dtype dtype, const void *x, const float *q, float *y) {
    if (dtype == HD_F32)
        dot_all_rows(rows, width, HD_F32, x, q, y);
    else
        dot_all_rows(rows, width, HD_F16, x, q, y);
}

void HD_KERNEL(sum_rows)(int64_t rows, int64_t width, const float *x, float *total, int64_t column,
                         int64_t column_end) {
    for (int64_t j = column; j < column_end; j += LANES) {
        int64_t n = column_end - j;
        lanes sum = lanes_set(0.0f);
        for (int64_t r = 0; r < rows; r++) sum = lanes_add(sum, lanes_load_some(x + r * width + j, n));
        add_to(total + j, sum, n);
    }
}
