#include "layers/positions.h"

#include "base/real.h"

void hd_sinusoids(int64_t length, int64_t width, float *table) {
    int64_t half = (width + 1) / 2;
    for (int64_t j = 0; j < half; j++) {
        double frequency = hd_exponential(-9.210340371976184 * (double)(2 * j) / (double)width); /* ln 10000 */
        for (int64_t p = 0; p < length; p++) {
            double sine, cosine;
            hd_sine_cosine((double)p * frequency, &sine, &cosine);
            table[p * width + j] = (float)sine;
            if (half + j < width) table[p * width + half + j] = (float)cosine;
        }
    }
}
