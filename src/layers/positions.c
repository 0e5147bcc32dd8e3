#include "layers/positions.h"

#include "base/real.h"

/* Column j becomes the sines, and column half + j, if there is one, the cosines of the positions times a frequency. */
static void fill_pair(int64_t first, int64_t count, int64_t width, int64_t j, int64_t half, double frequency,
                      float *table) {
    for (int64_t i = 0; i < count; i++) {
        double sine, cosine;
        hd_sine_cosine((double)(first + i) * frequency, &sine, &cosine);
        table[i * width + j] = (float)sine;
        if (half + j < width) table[i * width + half + j] = (float)cosine;
    }
}

void hd_sinusoids(int64_t first, int64_t count, int64_t width, double base, float *table) {
    int64_t half = (width + 1) / 2;
    double log_base = hd_logarithm(base);
    for (int64_t j = 0; j < half; j++)
        fill_pair(first, count, width, j, half, hd_exponential(-log_base * (double)(2 * j) / (double)width), table);
}

void hd_sinusoids_apart(int64_t first, int64_t count, int64_t width, float *table) {
    int64_t half = width / 2;
    double step = hd_logarithm(10000) / (double)hd_max(half - 1, 1);
    for (int64_t j = 0; j < half; j++)
        fill_pair(first, count, width, j, half, hd_exponential(-step * (double)j), table);
    for (int64_t i = 0; i < count && width % 2; i++) table[i * width + width - 1] = 0;
}

int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width) {
    switch (side->positions) {
        case HD_POSITIONS_SINUSOIDAL:
        case HD_POSITIONS_SINUSOIDAL_APART:
            return width;
        case HD_POSITIONS_ROTARY:
            return hd_side_head_width(side, width);
        default:
            return 0;
    }
}

void hd_fixed_positions(const hd_side_recipe *side, int64_t first, int64_t count, int64_t columns, float *table) {
    if (side->positions == HD_POSITIONS_SINUSOIDAL_APART)
        hd_sinusoids_apart(side->position_offset + first, count, columns, table);
    else
        hd_sinusoids(first, count, columns, side->positions == HD_POSITIONS_ROTARY ? (double)side->rotary_base : 10000,
                     table);
}
