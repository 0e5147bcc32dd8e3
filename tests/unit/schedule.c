/* Learning rate schedules: no step has a rate of 0, warm-up is linear, and the end is that of transformers 5.24's
 * get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup. */
#include "fixture.h"

#include "train/optimizer.h"

#include <math.h>

static const hd_train_options base = {.lr = 0.01, .steps = 8, .warmup = 4};

static void assert_rates(hd_schedule schedule, int64_t warmup, const double *expected, int64_t steps) {
    hd_train_options options = base;
    options.schedule = (int)schedule;
    options.warmup = warmup;
    options.steps = steps;
    for (int64_t step = 1; step <= steps; step++) {
        double rate = hd_learning_rate(&options, step);
        if (fabs(rate - expected[step - 1]) > 1e-12)
            fail_msg("step %lld has %.9g, not %.9g", (long long)step, rate, expected[step - 1]);
    }
}

static void rates_end_as_in_transformers(void **state) {
    (void)state;
    assert_rates(HD_LINEAR, 4, (const double[]){0.0025, 0.005, 0.0075, 0.01, 0.01, 0.0075, 0.005, 0.0025}, 8);
    assert_rates(HD_LINEAR, 0, (const double[]){0.01, 0.0075, 0.005, 0.0025}, 4);
    assert_rates(
        HD_COSINE, 4,
        (const double[]){0.0025, 0.005, 0.0075, 0.01, 0.01, 0.0085355339059327386, 0.005, 0.0014644660940672627}, 8);
    assert_rates(HD_CONSTANT, 2, (const double[]){0.005, 0.01, 0.01}, 3);
    assert_rates(HD_INVERSE_SQUARE_ROOT, 1, (const double[]){0.01, 0.0070710678118654752, 0.0057735026918962576}, 3);
}

static void no_step_has_rate_zero(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 2, 3, 1000, 1000000000000};
    for (int schedule = HD_INVERSE_SQUARE_ROOT; schedule <= HD_CONSTANT; schedule++)
        for (size_t i = 0; i < HD_COUNT(lengths); i++)
            for (size_t j = 0; j <= i + 1; j++) {
                int64_t steps = lengths[i], warmup = j ? lengths[j - 1 < i ? j - 1 : i] : 0;
                hd_train_options options = base;
                options.schedule = schedule;
                options.steps = steps;
                options.warmup = warmup;
                const int64_t chosen[] = {1, warmup, warmup + 1, steps / 2, steps - 1, steps};
                for (size_t k = 0; k < HD_COUNT(chosen); k++) {
                    if (chosen[k] < 1 || chosen[k] > steps) continue;
                    float rate = (float)hd_learning_rate(&options, chosen[k]);
                    if (!(rate > 0 && rate <= 0.01f))
                        fail_msg("schedule %d, warm-up %lld: step %lld of %lld has %g", schedule, (long long)warmup,
                                 (long long)chosen[k], (long long)steps, (double)rate);
                }
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_end_as_in_transformers),
        cmocka_unit_test(no_step_has_rate_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
