/* Functions on doubles that give the same bits everywhere: C libraries differ from each other, and from themselves on
 * other processors, in the last place. Taylor series after reduction, the remainders below 2^-54. */
#ifndef HD_BASE_REAL_H
#define HD_BASE_REAL_H

#include <stdint.h>

/* e^x for −40 <= x <= 0. */
double hd_exponential(double x);
/* The natural logarithm of a normal x > 0. */
double hd_logarithm(double x);
/* Probabilities [count] of logits [count]; one more than 40 below the largest has 0. */
void hd_softmax(const float *logits, int64_t count, double *probabilities);
/* The sine and cosine of 0 <= x < 2^20. */
void hd_sine_cosine(double x, double *sine, double *cosine);

#endif
