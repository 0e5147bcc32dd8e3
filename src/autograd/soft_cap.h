/* The soft cap of logits, y = c tanh(x / c), and its gradient dx = dy (1 − tanh²(x / c)) (Gemma 2, 2024). Shared by the ops
 * that compute logits. */
#ifndef HD_AUTOGRAD_SOFT_CAP_H
#define HD_AUTOGRAD_SOFT_CAP_H

#include "autograd/pass.h"

/* y = c tanh(x / c) for `count` numbers. ratios [count] becomes x / c, which the gradient needs; it may be x or y. */
void hd_soft_cap(hd_pass *pass, int64_t count, float cap, const float *x, float *ratios, float *y);
/* dx = dy (1 − tanh²(ratio)); dx may be dy. */
void hd_soft_cap_backward(hd_pass *pass, int64_t count, const float *ratios, const float *dy, float *dx);

#endif
