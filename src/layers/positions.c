#include "layers/positions.h"

#include "base/real.h"

void hd_sinusoids(int64_t length, int64_t width, double base, float *table) {
    int64_t half = (width + 1) / 2;
    double log_base = hd_logarithm(base);
    for (int64_t j = 0; j < half; j++) {
        double frequency = hd_exponential(-log_base * (double)(2 * j) / (double)width);
        for (int64_t p = 0; p < length; p++) {
            double sine, cosine;
            hd_sine_cosine((double)p * frequency, &sine, &cosine);
            table[p * width + j] = (float)sine;
            if (half + j < width) table[p * width + half + j] = (float)cosine;
        }
    }
}
