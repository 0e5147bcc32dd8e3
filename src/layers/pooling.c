#include "layers/pooling.h"

#include <math.h>
#include <string.h>

const hd_choice hd_state_poolings[] = {{"cls", HD_STATES_FIRST, NULL},
                                       {"max", HD_STATES_MAX, NULL},
                                       {"mean", HD_STATES_MEAN, NULL},
                                       {"mean_sqrt_len_tokens", HD_STATES_MEAN_SQRT, NULL},
                                       {"weightedmean", HD_STATES_WEIGHTED, NULL},
                                       {"lasttoken", HD_STATES_LAST, NULL},
                                       {NULL, 0, NULL}};

static void take_largest(const float *states, int64_t rows, int64_t columns, float *pooled) {
    memcpy(pooled, states, (size_t)columns * sizeof *pooled);
    for (int64_t r = 1; r < rows; r++)
        for (int64_t j = 0; j < columns; j++)
            if (states[r * columns + j] > pooled[j]) pooled[j] = states[r * columns + j];
}

/* Σ weight x, where the weights are 1, or ascend by 1 from `first`. */
static double add_rows(const float *states, int64_t rows, int64_t columns, bool weighted, int64_t first, double *sums) {
    double total = 0;
    for (int64_t j = 0; j < columns; j++) sums[j] = 0;
    for (int64_t r = 0; r < rows; r++) {
        double weight = weighted ? (double)(first + r) : 1;
        for (int64_t j = 0; j < columns; j++) sums[j] += weight * (double)states[r * columns + j];
        total += weight;
    }
    return total;
}

void hd_pool_states(hd_state_pooling pooling, const float *states, int64_t rows, int64_t columns, int64_t first,
                    double *sums, float *pooled) {
    double divisor;
    switch (pooling) {
        case HD_STATES_FIRST:
            memcpy(pooled, states, (size_t)columns * sizeof *pooled);
            return;
        case HD_STATES_LAST:
            memcpy(pooled, states + (rows - 1) * columns, (size_t)columns * sizeof *pooled);
            return;
        case HD_STATES_MAX:
            take_largest(states, rows, columns, pooled);
            return;
        case HD_STATES_WEIGHTED:
            divisor = add_rows(states, rows, columns, true, first + 1, sums);
            break;
        case HD_STATES_MEAN_SQRT:
            divisor = sqrt(add_rows(states, rows, columns, false, 0, sums));
            break;
        default:
            divisor = add_rows(states, rows, columns, false, 0, sums);
            break;
    }
    for (int64_t j = 0; j < columns; j++) pooled[j] = (float)(sums[j] / divisor);
}

void hd_normalize_vector(float *x, int64_t columns) {
    double square = 0;
    for (int64_t j = 0; j < columns; j++) square += (double)x[j] * (double)x[j];
    double norm = fmax(sqrt(square), 1e-12);
    for (int64_t j = 0; j < columns; j++) x[j] = (float)((double)x[j] / norm);
}
