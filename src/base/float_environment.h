/* heed's floating-point environment: round to nearest, subnormal numbers kept. The caller may have set another one
 * (fast-math start-up code flushes subnormals), so each thread sets heed's and restores the one that it found. */
#ifndef HD_BASE_FLOAT_ENVIRONMENT_H
#define HD_BASE_FLOAT_ENVIRONMENT_H

#if defined(__x86_64__)
#include <xmmintrin.h>
typedef unsigned hd_float_environment;
static inline hd_float_environment hd_float_enter(void) {
    hd_float_environment found = _mm_getcsr();
    _mm_setcsr(0x1f80); /* all exceptions masked, nearest, no flush to zero, no denormals-are-zero */
    return found;
}
static inline void hd_float_leave(hd_float_environment found) { _mm_setcsr(found); }
#else
#include <fenv.h>
typedef fenv_t hd_float_environment;
static inline hd_float_environment hd_float_enter(void) {
    hd_float_environment found;
    fegetenv(&found);
    fesetenv(FE_DFL_ENV);
    return found;
}
static inline void hd_float_leave(hd_float_environment found) { fesetenv(&found); }
#endif

#endif
