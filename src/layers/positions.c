#include "layers/positions.h"

#include "base/real.h"
#include "layers/rotary.h"

static const double SINUSOID_BASE = 10000;

void hd_sinusoids(int64_t first, int64_t count, int64_t width, float *table) {
    int64_t half = (width + 1) / 2;
    double log_base = hd_logarithm(SINUSOID_BASE);
    for (int64_t j = 0; j < half; j++) {
        double frequency = hd_exponential(-log_base * (double)(2 * j) / (double)width);
        for (int64_t i = 0; i < count; i++) {
            double sine, cosine;
            hd_sine_cosine((double)(first + i) * frequency, &sine, &cosine);
            table[i * width + j] = (float)sine;
            if (half + j < width) table[i * width + half + j] = (float)cosine;
        }
    }
}

int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width) {
    return side->positions == HD_POSITIONS_SINUSOIDAL ? width
           : side->positions == HD_POSITIONS_ROTARY   ? hd_rotary_columns(side, width)
                                                      : 0;
}

void hd_fixed_positions(const hd_side_recipe *side, int64_t width, int64_t length, int64_t count, float *table) {
    if (side->positions == HD_POSITIONS_ROTARY)
        hd_rotary_angles(side, width, false, length, 0, count, table);
    else
        hd_sinusoids(0, count, width, table);
}

int32_t hd_position_bucket(int64_t distance, int64_t buckets, int64_t farthest, bool two_sided) {
    int64_t side = two_sided ? buckets / 2 : buckets, exact = side / 2;
    int64_t first = two_sided && distance > 0 ? side : 0;
    int64_t far = two_sided && distance > 0 ? distance : hd_max(-distance, 0);
    if (far < exact) return (int32_t)(first + far);
    float ratio = (float)hd_logarithm((double)((float)far / (float)exact));
    float most = (float)hd_logarithm((double)farthest / (double)exact);
    int64_t bucket = exact + (int64_t)(ratio / most * (float)(side - exact));
    return (int32_t)(first + hd_min(bucket, side - 1));
}
