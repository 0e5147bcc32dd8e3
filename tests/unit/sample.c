/* Drawing tokens: each has the probability that transformers' filters leave it (tests/golden/sample/make.py). */
#include "fixture.h"

#include "base/random.h"
#include "decode/sample.h"

#include <jansson.h>
#include <math.h>

enum { TOKENS = 40, DRAWS = 4000 };

static hd_continuation sample(const hd_generation *generation, const float *logits, int64_t count, int64_t position,
                              uint64_t number, hd_sample_choice *choices) {
    for (int64_t i = 0; i < count; i++) choices[i] = (hd_sample_choice){.logit = logits[i], .token = (int32_t)i};
    return hd_sample(generation, choices, count, position, number);
}

static double setting(const json_t *settings, const char *name, double otherwise) {
    const json_t *value = json_object_get(settings, name);
    return value ? json_number_value(value) : otherwise;
}

static void probabilities_are_those_of_transformers(void **state) {
    (void)state;
    json_t *cases = json_load_file(GOLDEN "/sample/cases.json", 0, NULL), *one;
    assert_non_null(cases);
    size_t i;
    json_array_foreach(cases, i, one) {
        const json_t *settings = json_object_get(one, "settings");
        hd_generation generation;
        hd_generation_default(&generation);
        generation.temperature = (float)setting(settings, "temperature", 1);
        generation.top_k = (int64_t)setting(settings, "top_k", 0);
        generation.top_p = (float)setting(settings, "top_p", 1);
        generation.min_p = (float)setting(settings, "min_p", 0);
        generation.typical_p = (float)setting(settings, "typical_p", 1);
        generation.epsilon_cutoff = (float)setting(settings, "epsilon_cutoff", 0);
        generation.eta_cutoff = (float)setting(settings, "eta_cutoff", 0);
        double expected[TOKENS];
        float logits[TOKENS];
        hd_sample_choice order[TOKENS];
        int drawn[TOKENS] = {0};
        for (size_t j = 0; j < TOKENS; j++) {
            expected[j] = json_number_value(json_array_get(json_object_get(one, "probabilities"), j));
            logits[j] = (float)json_number_value(json_array_get(json_object_get(one, "logits"), j));
        }
        for (int64_t number = 0; number < DRAWS; number++) {
            hd_continuation c = sample(&generation, logits, TOKENS, number, 5, order);
            if (!(fabs(exp((double)c.log_prob) - expected[c.token]) <= 2e-6))
                fail_msg("case %zu: token %d was drawn with probability %.8f, expected %.8f", i, c.token,
                         exp((double)c.log_prob), expected[c.token]);
            drawn[c.token]++;
        }
        for (size_t j = 0; j < TOKENS; j++) { /* within five standard deviations */
            double spread = 5 * sqrt(DRAWS * expected[j] * (1 - expected[j])) + 1e-9;
            if (!(fabs(drawn[j] - DRAWS * expected[j]) <= spread + (expected[j] > 0)))
                fail_msg("case %zu: token %zu came %d times of %d at probability %.6f", i, j, drawn[j], DRAWS,
                         expected[j]);
        }
    }
    json_decref(cases);
}

static void other_texts_do_not_matter(void **state) {
    (void)state;
    hd_generation generation;
    hd_generation_default(&generation);
    float logits[TOKENS] = {0};
    hd_sample_choice order[TOKENS];
    int32_t first[8];
    for (int i = 0; i < 8; i++) first[i] = sample(&generation, logits, TOKENS, i, 3, order).token;
    bool other_text = false, other_seed = false;
    for (int i = 7; i >= 0; i--) {
        assert_int_equal(sample(&generation, logits, TOKENS, i, 3, order).token, first[i]);
        other_text |= sample(&generation, logits, TOKENS, i, 4, order).token != first[i];
        generation.seed = 2;
        other_seed |= sample(&generation, logits, TOKENS, i, 3, order).token != first[i];
        generation.seed = 0;
    }
    assert_true(other_text && other_seed);
}

/* With top-k, one token more than k is enough, with the equals of the last of k, whatever the other filters are. */
static void top_k_needs_the_best_tokens_alone(void **state) {
    (void)state;
    static const struct {
        float temperature, top_p, min_p;
    } settings[] = {{1, 1, 0}, {0.03f, 1, 0}, {1, 0.8f, 0}, {0.03f, 0.95f, 0}, {2, 0.9f, 0.2f}, {0.2f, 1, 0.01f}};
    hd_random_key key = hd_random_key_make(3, HD_RANDOM_GENERATE, 1);
    float logits[TOKENS];
    for (int i = 0; i < TOKENS; i++) /* some are equal */
        logits[i] = (float)(int)(20 * hd_random_uniform(key, (uint32_t)i, 0, 0)) / 8;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        for (int64_t k = 1; k < TOKENS; k++) {
            hd_generation g;
            hd_generation_default(&g);
            g.top_k = k, g.temperature = settings[i].temperature;
            g.top_p = settings[i].top_p, g.min_p = settings[i].min_p;
            for (int64_t position = 0; position < 20; position++) {
                hd_sample_choice all[TOKENS], best[TOKENS];
                hd_continuation expected = sample(&g, logits, TOKENS, position, 5, all);
                int64_t count = 0;
                for (int j = 0; j < TOKENS; j++) {
                    int above = 0, before = 0;
                    for (int l = 0; l < TOKENS; l++)
                        above += logits[l] > logits[j], before += logits[l] == logits[j] && l < j;
                    if (above < k || above + before <= k)
                        best[count++] = (hd_sample_choice){.logit = logits[j], .token = j};
                }
                hd_continuation found = hd_sample(&g, best, count, position, 5);
                assert_memory_equal(&found, &expected, sizeof found);
            }
        }
}

static void nothing_to_draw(void **state) {
    (void)state;
    hd_generation generation;
    hd_generation_default(&generation);
    float logits[2] = {-INFINITY, -INFINITY};
    hd_sample_choice order[2];
    hd_continuation c = sample(&generation, logits, 2, 0, 0, order);
    assert_int_equal(c.token, 0);
    assert_true(c.log_prob == -INFINITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_of_transformers), cmocka_unit_test(other_texts_do_not_matter),
        cmocka_unit_test(top_k_needs_the_best_tokens_alone), cmocka_unit_test(nothing_to_draw)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
