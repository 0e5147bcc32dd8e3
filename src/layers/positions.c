#include "layers/positions.h"

/* Taylor series in double after reduction; the remainders are below 2^-54. */

static double exponential(double x) { /* for −20 < x <= 0: e^x = (e^(x/64))^64 */
    double r = x / 64, sum = 1, term = 1;
    for (int i = 1; i < 16; i++) {
        term = term * r / i;
        sum = sum + term;
    }
    for (int i = 0; i < 6; i++) sum = sum * sum;
    return sum;
}

/* sin and cos of 0 <= x < 2^20: x less a multiple of π/2 whose high part multiplies exactly. */
static void sine_cosine(double x, double *sine, double *cosine) {
    int64_t quarter = (int64_t)(x * 0.6366197723675814 + 0.5);
    double n = (double)quarter;
    double r = x - n * 0x1.921fb544p0 - n * 0x1.0b4611a6p-34 - n * 0x1.3198a2e037073p-69; /* π/2 in three parts */
    double square = r * r, s = 0, c = 0;
    for (int i = 11; i >= 1; i--) {
        s = (1 + s) * -square / ((2 * i) * (2 * i + 1));
        c = (1 + c) * -square / ((2 * i - 1) * (2 * i));
    }
    s = r * (1 + s);
    c = 1 + c;
    *sine = quarter & 1 ? c : s;
    *cosine = quarter & 1 ? s : c;
    if (quarter & 2) *sine = -*sine;
    if ((quarter + 1) & 2) *cosine = -*cosine;
}

void hd_sinusoids(int64_t length, int64_t width, float *table) {
    int64_t half = (width + 1) / 2;
    for (int64_t j = 0; j < half; j++) {
        double frequency = exponential(-9.210340371976184 * (double)(2 * j) / (double)width); /* ln 10000 */
        for (int64_t p = 0; p < length; p++) {
            double sine, cosine;
            sine_cosine((double)p * frequency, &sine, &cosine);
            table[p * width + j] = (float)sine;
            if (half + j < width) table[p * width + half + j] = (float)cosine;
        }
    }
}
