/* Stored numbers to f32 and back. Sources and destinations may lie at any address; f32 arrays are aligned as floats.
 * Needs rounding to nearest (base/float_environment.h). */
#ifndef HD_FORMATS_WIDEN_H
#define HD_FORMATS_WIDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/dtype.h"

/* source [count] of `dtype` → destination [count]. F16, BF16 and 8-bit floats are exact, F64 rounds to nearest
 * even, a NaN stays one. False, with nothing written, for the integer dtypes. */
bool hd_widen(hd_dtype dtype, const void *source, float *destination, size_t count);

/* source [count] → destination [count] of `dtype`: rounds to nearest even, past the largest number to infinity, a NaN
 * stays one. False, with nothing written, for the integer dtypes and the 8-bit floats. */
bool hd_narrow(hd_dtype dtype, const float *source, void *destination, size_t count);

/* The first index whose number is a NaN or an infinity once widened to f32, or -1; integers never are. */
int64_t hd_find_nonfinite(hd_dtype dtype, const void *source, size_t count);

#endif
