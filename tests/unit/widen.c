/* widen: each of the 65,536 halves and of the 256 numbers of 8 bits widens to its exact value, and narrowing rounds to nearest
 * even. */
#include "fixture.h"

#include "formats/widen.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The value of a number with `exponent_bits` and `fraction_bits`, by the definition of IEEE 754. */
static double decode(unsigned pattern, int exponent_bits, int fraction_bits) {
    unsigned fraction = pattern & ((1u << fraction_bits) - 1);
    int exponent = (int)(pattern >> fraction_bits & ((1u << exponent_bits) - 1));
    int bias = (1 << (exponent_bits - 1)) - 1;
    double sign = pattern >> (exponent_bits + fraction_bits) & 1 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1u << fraction_bits), exponent - bias - fraction_bits);
}

static bool same(double a, double b) { return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b); }

static void check_all(hd_dtype dtype, int exponent_bits, int fraction_bits) {
    for (unsigned pattern = 0; pattern < 65536; pattern++) {
        unsigned char source[3];
        uint16_t half = (uint16_t)pattern, back;
        float wide;
        memcpy(source + 1, &half, 2); /* at an odd address */
        assert_true(hd_widen(dtype, source + 1, &wide, 1));
        double expected = decode(pattern, exponent_bits, fraction_bits);
        if (!same(wide, expected)) fail_msg("%04x is %g, expected %g", pattern, (double)wide, expected);
        assert_int_equal(hd_find_nonfinite(dtype, source + 1, 1), isfinite(expected) ? -1 : 0);
        assert_true(hd_narrow(dtype, &wide, source + 1, 1));
        memcpy(&back, source + 1, 2);
        if (isnan(expected))
            assert_true(isnan(decode(back, exponent_bits, fraction_bits)));
        else
            assert_int_equal(back, pattern);
    }
}

static void every_half_widens(void **state) {
    (void)state;
    check_all(HD_F16, 5, 10);
    check_all(HD_BF16, 8, 7);
}

/* E5M2 is as IEEE 754 has it. E4M3 has no infinity: its numbers continue to a single NaN. */
static void every_8_bit_float_widens(void **state) {
    (void)state;
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        uint8_t byte = (uint8_t)pattern;
        float e4m3, e5m2;
        assert_true(hd_widen(HD_F8_E4M3, &byte, &e4m3, 1));
        assert_true(hd_widen(HD_F8_E5M2, &byte, &e5m2, 1));
        double value = decode(pattern, 5, 2), other = decode(pattern, 4, 3);
        if ((pattern >> 3 & 15u) == 15u)
            other = (pattern & 7u) == 7u ? NAN : (pattern & 0x80u ? -1 : 1) * ldexp(8 + (pattern & 7u), 5);
        if (!same(e5m2, value) || !same(e4m3, other))
            fail_msg("%02x is %g and %g, expected %g and %g", pattern, (double)e5m2, (double)e4m3, value, other);
        assert_int_equal(hd_find_nonfinite(HD_F8_E5M2, &byte, 1), isfinite(value) ? -1 : 0);
        assert_int_equal(hd_find_nonfinite(HD_F8_E4M3, &byte, 1), isfinite(other) ? -1 : 0);
    }
}

/* Between adjacent halves, the midpoint rounds to the even one, and the floats next to it to the nearer one. */
static void check_rounding(hd_dtype dtype, int exponent_bits, int fraction_bits) {
    unsigned infinity = ((1u << exponent_bits) - 1) << fraction_bits;
    for (unsigned pattern = 0; pattern < infinity; pattern++) {
        double low = decode(pattern, exponent_bits, fraction_bits);
        double high = pattern + 1 < infinity ? decode(pattern + 1, exponent_bits, fraction_bits)
                                             : low + (low - decode(pattern - 1, exponent_bits, fraction_bits));
        float middle = (float)((low + high) / 2); /* exact: one more bit than a half has */
        for (int sign = 0; sign < 2; sign++) {
            float tries[3] = {nextafterf(middle, 0), middle, nextafterf(middle, INFINITY)};
            unsigned expected[3] = {pattern, pattern + (pattern & 1), pattern + 1};
            uint16_t found[3];
            for (int i = 0; i < 3; i++) tries[i] = sign ? -tries[i] : tries[i];
            assert_true(hd_narrow(dtype, tries, found, 3));
            for (int i = 0; i < 3; i++)
                if (found[i] != (expected[i] | (unsigned)sign << 15))
                    fail_msg("%s: %a is %04x, expected %04x", hd_dtype_name(dtype), (double)tries[i], found[i],
                             expected[i]);
        }
    }
    const float special[] = {INFINITY, -INFINITY, NAN, 3.4028235e38f};
    uint16_t found[4];
    assert_true(hd_narrow(dtype, special, found, 4));
    assert_int_equal(found[0], infinity);
    assert_int_equal(found[1], infinity | 0x8000);
    assert_true(isnan(decode(found[2], exponent_bits, fraction_bits)));
    assert_int_equal(found[3], infinity);
    uint32_t small_nan_bits = 0x7f800001;
    float small_nan;
    memcpy(&small_nan, &small_nan_bits, 4);
    assert_true(hd_narrow(dtype, &small_nan, found, 1));
    assert_true(isnan(decode(found[0], exponent_bits, fraction_bits)));
}

static void narrowing_rounds_to_nearest_even(void **state) {
    (void)state;
    check_rounding(HD_F16, 5, 10);
    check_rounding(HD_BF16, 8, 7);
}

static void other_dtypes(void **state) {
    (void)state;
    const double wide[] = {0.1, 1e300, -1e-300};
    float narrow[3] = {7, 7, 7};
    assert_true(hd_widen(HD_F64, wide, narrow, 3));
    assert_true(narrow[0] == 0.1f && isinf(narrow[1]) && narrow[2] == 0 && signbit(narrow[2]));
    assert_int_equal(hd_find_nonfinite(HD_F64, wide, 3), 1);
    double back[3];
    assert_true(hd_narrow(HD_F64, narrow, back, 1));
    assert_true(back[0] == (double)0.1f);
    assert_false(hd_widen(HD_I64, wide, narrow, 3));
    assert_false(hd_narrow(HD_U8, narrow, back, 3));
    assert_int_equal(hd_find_nonfinite(HD_I64, wide, 3), -1);
    assert_true(hd_widen(HD_F32, NULL, NULL, 0));
}

static void finds_the_first_nonfinite(void **state) {
    (void)state;
    static float numbers[5000];
    assert_int_equal(hd_find_nonfinite(HD_F32, numbers, 5000), -1);
    const int places[] = {4999, 4864, 256, 255, 0};
    for (int i = 0; i < 5; i++) {
        numbers[places[i]] = i % 2 ? NAN : -INFINITY;
        assert_int_equal(hd_find_nonfinite(HD_F32, numbers, 5000), places[i]);
    }
}

/* Each type's row is whole, and those for weights come first, as the choices of --dtype name them. */
static void every_dtype_has_its_row(void **state) {
    (void)state;
    char choices[64] = "";
    for (int i = 0; i < HD_DTYPES; i++) {
        const hd_dtype_row *row = &hd_dtypes[i];
        assert_non_null(row->name);
        assert_true(row->size > 0);
        bool only_read = i == HD_F8_E4M3 || i == HD_F8_E5M2;
        assert_int_equal(row->widen != NULL && !only_read, row->narrow != NULL);
        assert_int_equal(row->widen != NULL, row->exponent != 0);
        if (!row->config) continue;
        assert_non_null(row->widen);
        assert_true(i == 0 || hd_dtypes[i - 1].config);
        size_t length = strlen(choices);
        if (length) choices[length++] = '|';
        for (const char *c = row->name; *c; c++) choices[length++] = (char)(*c | (*c >= 'A' ? 0x20 : 0));
        choices[length] = 0;
    }
    assert_string_equal(choices, HD_WEIGHT_DTYPES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens),
        cmocka_unit_test(every_8_bit_float_widens),
        cmocka_unit_test(narrowing_rounds_to_nearest_even),
        cmocka_unit_test(other_dtypes),
        cmocka_unit_test(every_dtype_has_its_row),
        cmocka_unit_test(finds_the_first_nonfinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
