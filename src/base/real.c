#include "base/real.h"

#include <math.h>

double hd_exponential(double x) { /* e^x = (e^(x/64))^64 */
    double r = x / 64, sum = 1, term = 1;
    for (int i = 1; i < 16; i++) {
        term = term * r / i;
        sum = sum + term;
    }
    for (int i = 0; i < 6; i++) sum = sum * sum;
    return sum;
}

double hd_logarithm(double x) { /* x = m 2^k with m near 1:  ln x = k ln 2 + 2 artanh((m − 1) / (m + 1)) */
    int power;
    double m = frexp(x, &power);
    if (m < 0.7071067811865476) m *= 2, power--;
    double t = (m - 1) / (m + 1), square = t * t, sum = 0;
    for (int i = 21; i >= 3; i -= 2) sum = (sum + 1.0 / i) * square;
    return (double)power * 0x1.62e42fefa39efp-1 + 2 * t * (1 + sum);
}

double hd_power(double x, double y) {
    if (2 * y == floor(2 * y) && fabs(y) <= 64) {
        double product = y == floor(y) ? 1 : sqrt(x);
        for (int i = 0; i < (int)fabs(y); i++) product *= x;
        return y < 0 ? 1 / product : product;
    }
    double exponent = y * hd_logarithm(x),
           twos = ceil(exponent / 0x1.62e42fefa39efp-1);                            /* e^exponent = 2^twos e^rest */
    double rest = exponent - twos * 0x1.62e42feep-1 - twos * 0x1.a39ef35793c76p-33; /* ln 2 in two parts */
    return ldexp(hd_exponential(rest), (int)twos);
}

void hd_softmax(const float *logits, int64_t count, double *probabilities) {
    float largest = -INFINITY;
    double total = 0;
    for (int64_t i = 0; i < count; i++) largest = logits[i] > largest ? logits[i] : largest;
    for (int64_t i = 0; i < count; i++) {
        double below = (double)logits[i] - (double)largest;
        probabilities[i] = below > -40 ? hd_exponential(below) : 0;
        total += probabilities[i];
    }
    for (int64_t i = 0; i < count; i++) probabilities[i] /= total;
}

/* x less a multiple of π/2 whose high parts multiply exactly. */
void hd_sine_cosine(double x, double *sine, double *cosine) {
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
