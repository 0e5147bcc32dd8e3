/* y += x on all threads. */
#ifndef HD_TENSOR_ACCUMULATE_H
#define HD_TENSOR_ACCUMULATE_H

#include "base/context.h"

void hd_accumulate(const heed_context *context, int64_t count, const float *x, float *y);

#endif
