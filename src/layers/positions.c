#include "layers/positions.h"

#include "base/real.h"
#include "layers/rotary.h"

#include <math.h>

static const double SINUSOID_BASE = 10000;

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

void hd_sinusoids(int64_t first, int64_t count, int64_t width, float *table) {
    int64_t half = (width + 1) / 2;
    double log_base = hd_logarithm(SINUSOID_BASE);
    for (int64_t j = 0; j < half; j++)
        fill_pair(first, count, width, j, half, hd_exponential(-log_base * (double)(2 * j) / (double)width), table);
}

void hd_sinusoids_apart(int64_t first, int64_t count, int64_t width, float *table) {
    int64_t half = width / 2;
    double step = hd_logarithm(SINUSOID_BASE) / (double)hd_max(half - 1, 1);
    for (int64_t j = 0; j < half; j++)
        fill_pair(first, count, width, j, half, hd_exponential(-step * (double)j), table);
    for (int64_t i = 0; i < count && width % 2; i++) table[i * width + width - 1] = 0;
}

int64_t hd_fixed_columns(const hd_side_recipe *side, int64_t width) {
    if (hd_is_sinusoidal(side)) return width;
    return side->positions == HD_POSITIONS_ROTARY ? hd_rotary_columns(side, width) : 0;
}

void hd_fixed_positions(const hd_side_recipe *side, int64_t width, int64_t first, int64_t count, float *table) {
    if (side->positions == HD_POSITIONS_ROTARY)
        hd_rotary_angles(side, width, false, first + count, first, count, table);
    else if (side->positions == HD_POSITIONS_SINUSOIDAL_APART)
        hd_sinusoids_apart(side->position_offset + first, count, width, table);
    else
        hd_sinusoids(first, count, width, table);
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

/* log(a / b), rounded step by step. */
static float log_ratio(int64_t a, int64_t b) { return (float)hd_logarithm((double)((float)a / (float)b)); }

static int64_t log_bucket(int64_t distance, int64_t buckets, int64_t farthest) {
    int64_t middle = buckets / 2, far = distance < 0 ? -distance : distance;
    if (far <= middle) return distance;
    float most = (float)hd_logarithm((double)(float)((double)(farthest - 1) / (double)middle));
    far = middle + (int64_t)ceilf(log_ratio(far, middle) / most * (float)(middle - 1));
    return distance < 0 ? -far : far;
}

int64_t hd_relative_row(int64_t distance, int64_t buckets, int64_t farthest) {
    int64_t span = buckets ? buckets : farthest;
    int64_t bucket = buckets ? log_bucket(distance, buckets, farthest) : distance;
    return hd_min(hd_max(bucket + span, 0), 2 * span - 1);
}
