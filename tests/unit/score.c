/* Scoring next tokens behind a decoder whose logits are given: the processors act as transformers' do, each token once. */
#include "fixture.h"

#include "decode/score.h"

#include <math.h>
#include <string.h>

enum { TOKENS = 12, PAD = 11 };
enum { GREEDY, BEAMS, SAMPLE, TOP_K, ROWS };

static const float given[TOKENS] = {0.5f, 2, -1, 1.5f, 2, -0.25f, 0, 1, -2, 0.75f, 1.25f, 3};
static const int32_t tokens[] = {5, 2, 5, 1, 4, 1}; /* 4 came after 1; 1 and 5 occur twice */
enum { LENGTH = sizeof tokens / sizeof *tokens };

static heed_status logits(hd_decoder *decoder, int64_t first, int64_t count, float **out) {
    static float copy[ROWS][TOKENS];
    assert_int_equal(first, 0);
    assert_int_equal(count, TOKENS);
    for (int row = 0; row < ROWS; row++) memcpy(copy[row], given, sizeof given);
    (void)decoder;
    *out = copy[0];
    return HEED_OK;
}

static double changed(double score, int32_t token, float penalty) {
    if (token == PAD || token == 4) return -INFINITY; /* 4 would repeat the bigram 1 4 */
    if (token != 1 && token != 2 && token != 5) return score;
    return score < 0 ? score * (double)penalty : score / (double)penalty;
}

static double log_sum(const double *x) {
    double sum = 0;
    for (int i = 0; i < TOKENS; i++) sum += exp(x[i]);
    return log(sum);
}

/* The scores by their definition: changes before or after the softmax, or without one. */
static void define(float penalty, bool before, bool softmax, double *x) {
    double plain[TOKENS], sum;
    for (int i = 0; i < TOKENS; i++) plain[i] = (double)given[i];
    sum = before ? log_sum(plain) : 0;
    for (int32_t i = 0; i < TOKENS; i++) x[i] = changed(plain[i] - sum, i, penalty);
    sum = softmax && !before ? log_sum(x) : 0;
    for (int i = 0; i < TOKENS; i++) x[i] -= sum;
}

static void check_row(const hd_scoring *s, const double *x) {
    int allowed = 0;
    for (int i = 0; i < TOKENS; i++) allowed += x[i] > -INFINITY;
    assert_int_equal(s->count, hd_min(s->most, allowed));
    for (int64_t i = 0; i < s->count; i++) {
        int above = 0, token = s->best[i].token;
        for (int j = 0; j < TOKENS; j++) above += x[j] > x[token] || (x[j] == x[token] && j < token);
        assert_int_equal(above, i);
        assert_true(fabs((double)s->best[i].log_prob - x[token]) < 1e-5);
    }
    for (int i = 0; s->logits && i < TOKENS; i++)
        assert_true((double)s->logits[i] == x[i] || fabs((double)s->logits[i] - x[i]) < 1e-5);
}

static void processors_change_each_token_once(void **state) {
    (void)state;
    static const hd_decoder_class class = {.logits = logits};
    heed_context *context = open_context();
    heed_status status = HEED_OK;
    hd_stream stream;
    hd_arena device, host;
    assert_int_equal(hd_stream_open(&stream, context, &status), HEED_OK);
    hd_stream_arena_open(&stream, &device);
    hd_arena_open(&host, context);
    hd_decoder decoder = {&class, context, &stream, .vocabulary = TOKENS, .pad = PAD};
    hd_generation generations[ROWS];
    hd_scoring rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        hd_generation_default(&generations[i]);
        generations[i].repetition_penalty = 1.5f;
        generations[i].no_repeat_ngram = 2;
        generations[i].sample = i >= SAMPLE;
        generations[i].top_k = i == TOP_K ? 3 : 0;
        rows[i] = (hd_scoring){
            .generation = &generations[i], .tokens = tokens, .length = LENGTH, .most = i == BEAMS ? TOKENS : 1};
        assert_ok(context, hd_scoring_open(&rows[i], &host));
    }
    assert_ok(context, hd_score_next(&decoder, rows, ROWS, &device, &host));
    double x[TOKENS];
    for (int i = 0; i < ROWS; i++) {
        define(1.5f, i == BEAMS, i < SAMPLE, x);
        check_row(&rows[i], x);
    }
    assert_non_null(rows[SAMPLE].logits);
    assert_null(rows[TOP_K].logits);
    assert_int_equal(rows[TOP_K].count, 4); /* one more than top-k */
    hd_arena_close(&host);
    hd_arena_close(&device);
    hd_stream_close(&stream);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(processors_change_each_token_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
