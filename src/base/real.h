/* Functions on doubles with the same bits everywhere: those of C libraries differ in the last place, even between
 * processors. Taylor series after range reduction, with remainders below 2^-54. */
#ifndef HD_BASE_REAL_H
#define HD_BASE_REAL_H

#include <stdint.h>

/* e^x for −40 <= x <= 0. */
double hd_exponential(double x);
/* The natural logarithm of a normal x > 0. */
double hd_logarithm(double x);
/* x^y of a normal x >= 1, for |y ln x| < 700, with a relative error below 1e-13. Powers by whole numbers and halves are
 * products, with the square root of x: exact where every product is. */
double hd_power(double x, double y);
/* Probabilities [count] of logits [count]; one more than 40 below the largest has 0. */
void hd_softmax(const float *logits, int64_t count, double *probabilities);
/* The sine and cosine of 0 <= x < 2^20. */
void hd_sine_cosine(double x, double *sine, double *cosine);

#endif
