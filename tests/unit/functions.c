/* The functions on lanes against the C library's in double: the errors that device/cpu/kernels/functions.h states, and the ends.
 * Every 499th float is tried, and all tables agree on what the portable one gives (tests/unit/kernels.c). */
#include "fixture.h"

#define HD_ISA portable
#include "device/cpu/kernels/functions.h"

enum { STRIDE = 499 };

/* The distance between floats at `value`. */
static double ulp_at(double value) {
    int exponent;
    frexp(value, &exponent);
    return ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double gelu(double x) { return 0.5 * x * erfc(-x / sqrt(2)); }
static double gelu_tanh(double x) { return x * sigmoid(2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)); }
static double silu(double x) { return x * sigmoid(x); }

static lanes activate_gelu(lanes x) { return lanes_activate(HD_GELU, x); }
static lanes activate_gelu_tanh(lanes x) { return lanes_activate(HD_GELU_TANH, x); }
static lanes activate_silu(lanes x) { return lanes_activate(HD_SILU, x); }
static lanes exp_of(lanes x) { return lanes_exp(x); }
static lanes log_of(lanes x) { return lanes_log(x); }
static lanes tanh_of(lanes x) { return lanes_tanh(x); }
static lanes erf_of(lanes x) { return lanes_erf(x); }
static lanes sigmoid_of(lanes x) { return lanes_sigmoid(x); }

typedef struct function {
    const char *name;
    lanes (*ours)(lanes x);
    double (*exact)(double x);
    float from, to;
    double ulps;     /* the largest error; or */
    double absolute; /* that, in units of |x| + 1 */
} function;

static const function functions[] = {
    {"exp", exp_of, exp, -110.0f, 88.72283f, 1.1, 0},
    {"log", log_of, log, 0x1p-126f, 0x1.fffffep127f, 0.9, 0},
    {"tanh", tanh_of, tanh, -INFINITY, INFINITY, 1.4, 0},
    {"erf", erf_of, erf, -INFINITY, INFINITY, 2.5, 0},
    {"sigmoid", sigmoid_of, sigmoid, -87.0f, INFINITY, 2.5, 0},
    {"sigmoid, below", sigmoid_of, sigmoid, -INFINITY, -87.0f, 0, 0x1p-125},
    {"gelu", activate_gelu, gelu, -0x1.fffffep127f, 0.0f, 0, 1e-7},
    {"gelu, above", activate_gelu, gelu, 0.0f, INFINITY, 2.3, 0},
    {"gelu by tanh", activate_gelu_tanh, gelu_tanh, -0x1p40f, 0.0f, 0, 1e-7},
    {"gelu by tanh, above", activate_gelu_tanh, gelu_tanh, 0.0f, 0x1p40f, 1.9, 0},
    {"silu", activate_silu, silu, -87.0f, INFINITY, 3, 0},
    {"silu, below", activate_silu, silu, -0x1.fffffep127f, -87.0f, 0, 0x1p-120},
};

static void errors_are_as_stated(void **state) {
    (void)state;
    for (size_t f = 0; f < HD_COUNT(functions); f++) {
        const function *c = &functions[f];
        double worst = 0, worst_absolute = 0;
        float at = 0, x[LANES], y[LANES];
        int filled = 0;
        for (uint64_t bits = 0; bits < 1ull << 32; bits += STRIDE) {
            float value = hd_bits_float((uint32_t)bits);
            if (!(value >= c->from && value <= c->to)) continue;
            x[filled++] = value;
            if (filled < LANES) continue;
            filled = 0;
            lanes_store(y, c->ours(lanes_load(x)));
            for (int i = 0; i < LANES; i++) {
                double exact = c->exact((double)x[i]), error = fabs((double)y[i] - exact);
                worst_absolute = fmax(worst_absolute, error / (fabs((double)x[i]) + 1));
                if (error / ulp_at(exact) <= worst) continue;
                worst = error / ulp_at(exact);
                at = x[i];
            }
        }
        if (c->ulps > 0 && !(worst <= c->ulps)) fail_msg("%s is %g ulp off at %a", c->name, worst, (double)at);
        if (c->absolute > 0 && !(worst_absolute <= c->absolute)) fail_msg("%s is %g off", c->name, worst_absolute);
    }
}

static float one(lanes (*f)(lanes), float x) {
    float y[LANES];
    lanes_store(y, f(lanes_set(x)));
    return y[LANES - 1];
}

static void ends_are_exact(void **state) {
    (void)state;
    const float zero = 0.0f, infinite = INFINITY, largest = 0x1.fffffep127f, smallest = 0x1p-149f;
    const struct {
        lanes (*f)(lanes);
        float x, y;
    } rows[] = {
        {exp_of, zero, 1},
        {exp_of, -zero, 1},
        {exp_of, smallest, 1},
        {exp_of, -infinite, zero},
        {exp_of, infinite, infinite},
        {exp_of, largest, infinite},
        {exp_of, -largest, zero},
        {exp_of, 89, infinite},
        {log_of, 1, zero},
        {tanh_of, zero, zero},
        {tanh_of, -zero, -zero},
        {tanh_of, smallest, smallest},
        {tanh_of, infinite, 1},
        {tanh_of, -infinite, -1},
        {tanh_of, 10, 1},
        {tanh_of, -largest, -1},
        {erf_of, zero, zero},
        {erf_of, -zero, -zero},
        {erf_of, smallest, smallest},
        {erf_of, infinite, 1},
        {erf_of, -infinite, -1},
        {erf_of, 4.5f, 1},
        {erf_of, -largest, -1},
        {sigmoid_of, zero, 0.5f},
        {sigmoid_of, infinite, 1},
        {sigmoid_of, -infinite, zero},
        {activate_gelu, zero, zero},
        {activate_gelu, infinite, infinite},
        {activate_gelu, -infinite, -zero},
        {activate_gelu, largest, largest},
        {activate_gelu_tanh, infinite, infinite},
        {activate_gelu_tanh, -infinite, -zero},
        {activate_gelu_tanh, largest, largest},
        {activate_silu, infinite, infinite},
        {activate_silu, -infinite, -zero},
        {activate_silu, largest, largest},
        {activate_silu, -largest, -zero},
    };
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        float y = one(rows[i].f, rows[i].x);
        if (y != rows[i].y)
            fail_msg("row %zu: f(%a) is %a, not %a", i, (double)rows[i].x, (double)y, (double)rows[i].y);
    }
    for (size_t f = 0; f < HD_COUNT(functions); f++)
        if (functions[f].ours != log_of) assert_true(isnan(one(functions[f].ours, NAN)));
}

/* Slopes outside the varying range are exactly constant, without ∞ · 0; NaN stays NaN. */
static void slopes_reach_their_limits(void **state) {
    (void)state;
    static const float x[] = {INFINITY, 0x1.fffffep127f, 1e20f, 200, -200, -1e20f, -0x1.fffffep127f, -INFINITY, NAN};
    for (int t = 0; hd_kernels_at(t); t++)
        for (int activation = HD_RELU; activation <= HD_SIGMOID; activation++) {
            float dy[HD_COUNT(x)], dx[HD_COUNT(x)], y[HD_COUNT(x)];
            for (size_t i = 0; i < HD_COUNT(x); i++) dy[i] = 1;
            hd_kernels_at(t)->activate_backward((hd_activation)activation, HD_COUNT(x), x, dy, dx, false);
            hd_kernels_at(t)->activate((hd_activation)activation, HD_COUNT(x), x, y);
            for (size_t i = 0; i + 1 < HD_COUNT(x); i++)
                assert_true(dx[i] == (x[i] > 0 && activation != HD_TANH && activation != HD_SIGMOID ? 1.0f : 0.0f));
            assert_true(isnan(y[HD_COUNT(x) - 1]));
            if (activation != HD_RELU) assert_true(isnan(dx[HD_COUNT(x) - 1]));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_as_stated), cmocka_unit_test(ends_are_exact),
                                       cmocka_unit_test(slopes_reach_their_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
