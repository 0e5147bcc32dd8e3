/* The distribution of the next token, and the log-probabilities of generated tokens: both are the softmax of the logits, and what
 * processors and the stages of sampling leave of it. */
#include "settings_folder.h"

#include <heed/heed.h>
#include <math.h>

enum { VOCABULARY = 16 };

typedef struct fixture {
    heed_context *context;
    heed_model *model;
} fixture;

static int set_up(void **state) {
    static fixture f;
    f.context = open_context();
    assert_ok(f.context, heed_model_open(f.context, GOLDEN "/generation/llama", &f.model));
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    heed_model_close(f->model);
    heed_context_close(f->context);
    return 0;
}

/* "name=value" pairs; a flag has no value. */
static heed_options *options_of(fixture *f, const char *const *pairs) {
    heed_options *options;
    assert_ok(f->context, heed_generate_options(f->context, &options));
    for (; *pairs; pairs++) {
        char name[32];
        const char *value = strchr(*pairs, '=');
        snprintf(name, sizeof name, "%.*s", value ? (int)(value - *pairs) : 31, *pairs);
        assert_ok(f->context, heed_options_set(options, name, value ? value + 1 : NULL));
    }
    return options;
}

static int count_kept(const heed_next *next, size_t stage, double *sum) {
    int kept = 0;
    *sum = 0;
    for (size_t i = 0; i < heed_next_count(next); i++) {
        kept += heed_next_probability(next, i, stage) > 0;
        *sum += heed_next_probability(next, i, stage);
    }
    return kept;
}

static void stages_change_the_softmax_of_the_logits(void **state) {
    fixture *f = *state;
    static const char *const names[] = {"model", "processors", "temperature", "top-k", "top-p"};
    static const int kept[] = {VOCABULARY, VOCABULARY - 1, VOCABULARY - 1, 4, 0};
    heed_options *options = options_of(
        f, (const char *const[]){"forbid=d", "temperature=0.5", "top-k=4", "top-p=0.8", NULL}); /* sample is implied */
    heed_next *next;
    assert_ok(f->context, heed_next_open(f->model, options, "a b", 3, &next));
    assert_int_equal(heed_next_count(next), VOCABULARY);
    assert_int_equal(heed_next_stages(next), HD_COUNT(names));
    double logits = 0, sum;
    for (size_t i = 0; i < VOCABULARY; i++) {
        logits += exp((double)heed_next_logit(next, i));
        if (i) assert_true(heed_next_logit(next, i) <= heed_next_logit(next, i - 1));
    }
    for (size_t i = 0; i < VOCABULARY; i++) {
        size_t size;
        const char *text = heed_next_text(next, i, &size);
        bool forbidden = size == 2 && memcmp(text, " d", 2) == 0;
        assert_true(fabs(heed_next_probability(next, i, 0) - exp((double)heed_next_logit(next, i)) / logits) < 1e-7);
        assert_int_equal(heed_next_probability(next, i, 1) > 0, !forbidden);
    }
    for (size_t stage = 0; stage < HD_COUNT(names); stage++) {
        assert_string_equal(heed_next_stage(next, stage), names[stage]);
        int found = count_kept(next, stage, &sum);
        assert_true(fabs(sum - 1) < 1e-9);
        if (kept[stage]) assert_int_equal(found, kept[stage]);
    }
    assert_true(count_kept(next, 4, &sum) < 4);
    assert_null(heed_next_stage(next, HD_COUNT(names)));
    assert_int_equal(heed_next_token(next, VOCABULARY), -1);
    heed_next_close(next);
    heed_options_close(options);
}

/* Neither sampling nor processors change what is kept. */
static void log_probabilities_are_those_of_the_model(void **state) {
    fixture *f = *state;
    static const char *const text = "f g a";
    const size_t size = strlen(text);
    heed_options *options = options_of(f, (const char *const[]){"logprobs", "top-logprobs=2", "max-new-tokens=1", "sample",
                                                                "temperature=3", "repetition-penalty=2", NULL});
    heed_results *results;
    heed_next *next;
    assert_ok(f->context, heed_generate(f->model, options, &text, &size, 1, 0, NULL, NULL, &results));
    assert_ok(f->context, heed_next_open(f->model, NULL, text, size, &next));
    assert_int_equal(heed_next_stages(next), 1);
    assert_int_equal(heed_results_tokens(results, 0, 0), 1);
    for (size_t rank = 0; rank <= 2; rank++) {
        int32_t token = heed_results_token(results, 0, 0, 0, rank);
        size_t i = 0, bytes, other;
        while (heed_next_token(next, i) != token) i++;
        if (rank) assert_int_equal(i, rank - 1);
        assert_true(fabs(log(heed_next_probability(next, i, 0)) -
                         (double)heed_results_log_prob(results, 0, 0, 0, rank)) < 1e-6);
        const char *found = heed_results_token_text(results, 0, 0, 0, rank, &bytes);
        const char *expected = heed_next_text(next, i, &other);
        assert_true(bytes == other && memcmp(found, expected, bytes) == 0);
    }
    assert_int_equal(heed_results_token(results, 0, 0, 0, 3), -1);
    assert_int_equal(heed_results_token(results, 0, 0, 1, 0), -1);
    assert_int_equal(heed_results_tokens(results, 0, 1), 0);
    heed_next_close(next);
    heed_results_close(results);
    heed_options_close(options);
}

static void options_without_effect_are_refused(void **state) {
    fixture *f = *state;
    static const char *const refused[] = {"beams=2", "best=2",  "max-new-tokens=3", "stop=a",
                                          "seed=3",  "logprobs", "presence-penalty=1", "early-stopping=full"};
    for (size_t i = 0; i < HD_COUNT(refused); i++) {
        heed_options *options = options_of(f, (const char *const[]){refused[i], NULL});
        heed_next *next;
        assert_int_equal(heed_next_open(f->model, options, "a", 1, &next), HEED_ARGUMENT);
        assert_null(next);
        heed_options_close(options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_change_the_softmax_of_the_logits),
        cmocka_unit_test(log_probabilities_are_those_of_the_model),
        cmocka_unit_test(options_without_effect_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
