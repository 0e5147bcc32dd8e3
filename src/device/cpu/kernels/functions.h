/* exp, log, tanh, erf and the activations on lanes. Each is one polynomial for every instruction set. The errors
 * given were measured over the stated range, most over all of its floats; tests/unit/functions.c checks every 499th
 * float.
 *
 * The coefficients are least-squares fits at Chebyshev nodes, computed for this file, of the function named beside
 * them. */
#ifndef HD_KERNELS_FUNCTIONS_H
#define HD_KERNELS_FUNCTIONS_H

#include "device/cpu/kernels/kernels.h"
#include "device/cpu/kernels/lanes.h"

/* 2^n for n in -126 … 127, given as integers. */
INLINE lanes lanes_power_of_two(lanes_u n) {
    return lanes_from_bits(lanes_shift_left_u(lanes_add_u(n, lanes_set_u(127)), 23));
}

/* e^x within 1.1 ulp; exp(0) is 1 exactly, exp(-inf) 0, exp(inf) inf, NaN stays NaN.
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r = 1 + r + r² q(r); 2^n in two factors, so that the ends are reached. */
INLINE lanes lanes_exp(lanes x) {
    x = lanes_max(lanes_set(-105.0f), lanes_min(lanes_set(89.0f), x));
    lanes magic = lanes_set(0x1.8p23f); /* adding it leaves the nearest integer in the low bits */
    lanes shifted = lanes_fma(x, lanes_set(0x1.715476p0f), magic);
    lanes n = lanes_sub(shifted, magic);
    lanes r = lanes_fma(n, lanes_set(-0x1.62e4p-1f), x);
    r = lanes_fma(n, lanes_set(-0x1.7f7d1cp-20f), r);
    lanes q = lanes_set(0.0013751407f);
    q = lanes_fma(q, r, lanes_set(0.008368916f));
    q = lanes_fma(q, r, lanes_set(0.041669533f));
    q = lanes_fma(q, r, lanes_set(0.16666518f));
    q = lanes_fma(q, r, lanes_set(0.49999988f));
    lanes p = lanes_add(lanes_fma(lanes_mul(r, r), q, r), lanes_set(1.0f));
    lanes_u whole = lanes_sub_u(lanes_bits(shifted), lanes_set_u(0x4b400000u));
    lanes_u half = lanes_shift_right_signed_u(whole, 1);
    return lanes_mul(lanes_mul(p, lanes_power_of_two(half)), lanes_power_of_two(lanes_sub_u(whole, half)));
}

/* ln x within 0.9 ulp for normal x > 0; undefined for 0, subnormal and negative numbers. x = 2^n (1 + f) with 1 + f
 * in [√½, √2); ln(1 + f) = f − f²/2 + f³ q(f). */
INLINE lanes lanes_log(lanes x) {
    lanes_u bits = lanes_bits(x);
    lanes_u offset = lanes_sub_u(bits, lanes_set_u(0x3f3504f3u)); /* √½ */
    lanes_u n = lanes_shift_right_signed_u(offset, 23);
    lanes f = lanes_sub(lanes_from_bits(lanes_sub_u(bits, lanes_shift_left_u(n, 23))), lanes_set(1.0f));
    lanes q = lanes_set(0.06800912f);
    q = lanes_fma(q, f, lanes_set(-0.11726605f));
    q = lanes_fma(q, f, lanes_set(0.118909895f));
    q = lanes_fma(q, f, lanes_set(-0.12396445f));
    q = lanes_fma(q, f, lanes_set(0.14217763f));
    q = lanes_fma(q, f, lanes_set(-0.16668512f));
    q = lanes_fma(q, f, lanes_set(0.20002246f));
    q = lanes_fma(q, f, lanes_set(-0.25f));
    q = lanes_fma(q, f, lanes_set(0.3333331f));
    lanes square = lanes_mul(f, f), whole = lanes_from_signed_u(n);
    lanes tail = lanes_fma(lanes_mul(square, f), q, lanes_mul(whole, lanes_set(0x1.7f7d1cp-20f)));
    tail = lanes_fma(square, lanes_set(-0.5f), tail);
    return lanes_fma(whole, lanes_set(0x1.62e4p-1f), lanes_add(f, tail));
}

/* tanh within 1.4 ulp: a polynomial near 0, else 1 − 2 / (e^2|x| + 1) with the sign of x. */
INLINE lanes lanes_tanh(lanes x) {
    lanes magnitude = lanes_abs(x), s = lanes_mul(x, x);
    lanes q = lanes_set(-0.0057040425f);
    q = lanes_fma(q, s, lanes_set(0.020637862f));
    q = lanes_fma(q, s, lanes_set(-0.053739157f));
    q = lanes_fma(q, s, lanes_set(0.13331431f));
    q = lanes_fma(q, s, lanes_set(-0.3333328f));
    lanes near = lanes_fma(lanes_mul(x, s), q, x);
    lanes e = lanes_exp(lanes_add(magnitude, magnitude));
    lanes far = lanes_sub(lanes_set(1.0f), lanes_div(lanes_set(2.0f), lanes_add(e, lanes_set(1.0f))));
    return lanes_select_less(magnitude, lanes_set(0.625f), near, lanes_copy_sign(far, x));
}

/* erf within 2.5 ulp: x q(x²) below 1, else 1 − e^−g(|x|) with g fitted to −ln erfc. */
INLINE lanes lanes_erf(lanes x) {
    lanes s = lanes_mul(x, x);
    lanes q = lanes_set(7.8824974e-05f);
    q = lanes_fma(q, s, lanes_set(-0.0008018855f));
    q = lanes_fma(q, s, lanes_set(0.005189312f));
    q = lanes_fma(q, s, lanes_set(-0.026854329f));
    q = lanes_fma(q, s, lanes_set(0.11283597f));
    q = lanes_fma(q, s, lanes_set(-0.37612626f));
    q = lanes_fma(q, s, lanes_set(1.1283791f));
    lanes magnitude = lanes_abs(x), t = lanes_min(lanes_set(4.0f), magnitude);
    lanes g = lanes_set(-3.8777065e-07f);
    g = lanes_fma(g, t, lanes_set(2.7220889e-05f));
    g = lanes_fma(g, t, lanes_set(-0.00047519975f));
    g = lanes_fma(g, t, lanes_set(0.004320642f));
    g = lanes_fma(g, t, lanes_set(-0.025452157f));
    g = lanes_fma(g, t, lanes_set(0.10874038f));
    g = lanes_fma(g, t, lanes_set(0.63295937f));
    g = lanes_fma(g, t, lanes_set(1.1296968f));
    g = lanes_fma(g, t, lanes_set(-0.00021116555f));
    lanes far = lanes_sub(lanes_set(1.0f), lanes_exp(lanes_negate(g)));
    return lanes_select_less(magnitude, lanes_set(1.0f), lanes_mul(x, q), lanes_copy_sign(far, x));
}

/* 1 / (1 + e^−x) within 2.5 ulp where that is a normal number; 0 below. */
INLINE lanes lanes_sigmoid(lanes x) {
    return lanes_div(lanes_set(1.0f), lanes_add(lanes_set(1.0f), lanes_exp(lanes_negate(x))));
}

/* The argument of GELU's tanh form (Hendrycks and Gimpel, 2016): √(2/π) (x + 0.044715 x³). */
INLINE lanes lanes_gelu_inner(lanes x) {
    lanes cube = lanes_mul(lanes_mul(x, x), x);
    return lanes_mul(lanes_set(0.7978845608f), lanes_fma(cube, lanes_set(0.044715f), x));
}

/* Below this, GELU and SiLU are −0 in float32. Multiplying by it instead of by −∞ gives −0 there too. */
INLINE lanes lanes_not_below_gate(lanes x) { return lanes_max(lanes_set(-105.0f), x); }

/* For x >= 0 GELU is within 2.3 ulp and its tanh form within 1.9; below, where 1 + erf x cancels, both within
 * 1e-7 (|x| + 1). SiLU is within 3 ulp above −87. */
INLINE lanes lanes_activate(hd_activation activation, lanes x) {
    lanes one = lanes_set(1.0f), gated = lanes_not_below_gate(x), half = lanes_mul(gated, lanes_set(0.5f));
    switch (activation) {
        case HD_IDENTITY:
            return x;
        case HD_RELU:
            return lanes_max(lanes_set(0.0f), x);
        case HD_GELU:
            return lanes_mul(half, lanes_add(one, lanes_erf(lanes_mul(x, lanes_set(0.70710678f)))));
        case HD_GELU_TANH:
            return lanes_mul(half, lanes_add(one, lanes_tanh(lanes_gelu_inner(x))));
        case HD_SILU:
            return lanes_mul(gated, lanes_sigmoid(x));
        case HD_TANH:
            return lanes_tanh(x);
        case HD_SIGMOID:
            return lanes_sigmoid(x);
    }
    return x;
}

/* The derivative at x. */
INLINE lanes lanes_activate_slope(hd_activation activation, lanes x) {
    lanes zero = lanes_set(0.0f), one = lanes_set(1.0f), half = lanes_set(0.5f);
    /* Slopes are constant outside these bounds, where x² may overflow and lead to ∞ · 0. */
    x = lanes_not_below_gate(lanes_min(lanes_set(105.0f), x));
    switch (activation) {
        case HD_IDENTITY:
            return one;
        case HD_RELU:
            return lanes_select_less(zero, x, one, zero);
        case HD_GELU: { /* Φ(x) + x φ(x) */
            lanes cumulative = lanes_mul(half, lanes_add(one, lanes_erf(lanes_mul(x, lanes_set(0.70710678f)))));
            lanes density =
                lanes_mul(lanes_set(0.3989422804f), lanes_exp(lanes_mul(lanes_mul(x, x), lanes_set(-0.5f))));
            return lanes_fma(x, density, cumulative);
        }
        case HD_GELU_TANH: {
            lanes t = lanes_tanh(lanes_gelu_inner(x));
            lanes inner = lanes_mul(lanes_set(0.7978845608f), lanes_fma(lanes_mul(x, x), lanes_set(0.134145f), one));
            lanes rest = lanes_mul(lanes_mul(x, lanes_sub(one, lanes_mul(t, t))), inner);
            return lanes_mul(half, lanes_add(lanes_add(one, t), rest));
        }
        case HD_SILU: { /* σ (1 + x (1 − σ)) */
            lanes s = lanes_sigmoid(x);
            return lanes_mul(s, lanes_fma(x, lanes_sub(one, s), one));
        }
        case HD_TANH: {
            lanes t = lanes_tanh(x);
            return lanes_sub(one, lanes_mul(t, t));
        }
        case HD_SIGMOID: {
            lanes s = lanes_sigmoid(x);
            return lanes_mul(s, lanes_sub(one, s));
        }
    }
    return one;
}

#endif
