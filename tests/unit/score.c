/* Scoring next tokens behind a decoder whose logits are given: the processors act as transformers' do, each token once. */
#include "fixture.h"

#include "decode/score.h"

#include <math.h>
#include <string.h>

enum { TOKENS = 12, PAD = 11 };
enum { GREEDY, BEAMS, SAMPLE, TOP_K, ROWS };

static const int32_t pad[] = {PAD}, word_starts[] = {0, 1};

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

typedef struct scorer {
    heed_context *context;
    heed_status status;
    hd_stream stream;
    hd_arena device, host;
    hd_decoder decoder;
} scorer;

static void open_scorer(scorer *s) {
    static const hd_decoder_class class = {.logits = logits};
    s->context = open_context();
    s->status = HEED_OK;
    assert_int_equal(hd_stream_open(&s->stream, s->context, &s->status), HEED_OK);
    hd_stream_arena_open(&s->stream, &s->device);
    hd_arena_open(&s->host, s->context);
    s->decoder = (hd_decoder){&class, s->context, &s->stream, .vocabulary = TOKENS};
}

static void close_scorer(scorer *s) {
    hd_arena_close(&s->host);
    hd_arena_close(&s->device);
    hd_stream_close(&s->stream);
    heed_context_close(s->context);
}

static void open_row(scorer *s, const hd_generation *generation, hd_scoring *row) {
    static const int32_t source[] = {7, 1, 9, 7, 3};
    *row = (hd_scoring){.prefix = {.generation = generation, .tokens = tokens, .length = LENGTH, .given = 1},
                        .most = generation->beams > 1 ? TOKENS : 1};
    if (hd_reads_source(generation)) row->prefix.source = (hd_ids){source, HD_COUNT(source)};
    assert_ok(s->context, hd_scoring_open(row, &s->host));
}

static void processors_change_each_token_once(void **state) {
    (void)state;
    scorer s;
    hd_generation generations[ROWS];
    hd_scoring rows[ROWS];
    open_scorer(&s);
    for (int i = 0; i < ROWS; i++) {
        hd_generation_default(&generations[i]);
        generations[i].repetition_penalty = 1.5f;
        generations[i].no_repeat_ngram = 2;
        generations[i].bad_words = (hd_sequences){1, pad, word_starts, NULL};
        generations[i].beams = i == BEAMS ? 2 : 1;
        generations[i].sample = i >= SAMPLE;
        generations[i].top_k = i == TOP_K ? 3 : 0;
        open_row(&s, &generations[i], &rows[i]);
    }
    assert_ok(s.context, hd_score_next(&s.decoder, rows, ROWS, &s.device, &s.host));
    double x[TOKENS];
    for (int i = 0; i < ROWS; i++) {
        define(1.5f, i == BEAMS, i < SAMPLE, x);
        check_row(&rows[i], x);
    }
    assert_non_null(rows[SAMPLE].logits);
    assert_null(rows[TOP_K].logits);
    assert_int_equal(rows[TOP_K].count, 4); /* one more than top-k */
    close_scorer(&s);
}

/* The device's changes and the host's row are two ways to the same scores. */
static void rows_are_processed_like_single_tokens(void **state) {
    (void)state;
    static const int32_t biased[] = {3, 4, 1, 6, 4, 1, 4, 2, 7}, biased_starts[] = {0, 1, 4, 7, 9}, ends[] = {8, 10};
    static const float biases[] = {0.75f, -1.5f, 2, 5}; /* 4 is excluded, and 2 is not the last token */
    static const int32_t suppressed[] = {0, 40};        /* the model lacks 40 */
    scorer s;
    hd_generation g[2];
    hd_scoring changed[ROWS], whole[ROWS];
    for (int i = 0; i < 2; i++) {
        hd_generation_default(&g[i]);
        g[i].beams = 1 + i;
        g[i].repetition_penalty = 1.5f, g[i].source_penalty = 1.25f;
        g[i].no_repeat_ngram = 2, g[i].no_source_ngram = 2;
        g[i].sequence_bias = (hd_sequences){4, biased, biased_starts, biases};
        g[i].ends = (hd_ids){ends, 2}, g[i].min_new_tokens = LENGTH;
        g[i].suppressed = (hd_ids){suppressed, 2};
    }
    open_scorer(&s);
    for (int i = 0; i < ROWS; i++) {
        open_row(&s, &g[i % 2], &changed[i]);
        open_row(&s, &g[i % 2], &whole[i]);
        assert_false(changed[i].needs_row);
        whole[i].needs_row = true;
    }
    assert_ok(s.context, hd_score_next(&s.decoder, changed, ROWS, &s.device, &s.host));
    assert_ok(s.context, hd_score_next(&s.decoder, whole, ROWS, &s.device, &s.host));
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(changed[i].count, whole[i].count);
        assert_int_equal(changed[i].count, i % 2 ? TOKENS - 5 : 1); /* without 0, 4, 8, 9 and 10 */
        for (int64_t j = 0; j < changed[i].count; j++) {
            assert_int_equal(changed[i].best[j].token, whole[i].best[j].token);
            assert_true(fabs((double)changed[i].best[j].log_prob - (double)whole[i].best[j].log_prob) < 1e-5);
        }
    }
    close_scorer(&s);
}

/* Top-k keeps all tokens that are as probable as the last one. */
static void equals_of_the_last_of_top_k_are_in_the_row(void **state) {
    (void)state;
    static const int32_t best[] = {11};
    scorer s;
    hd_generation g[ROWS];
    hd_scoring rows[ROWS];
    open_scorer(&s);
    for (int i = 0; i < ROWS; i++) {
        hd_generation_default(&g[i]);
        g[i].sample = true, g[i].top_k = i + 1;
        if (i == 0) g[i].suppressed = (hd_ids){best, 1}; /* 1 and 4 are then the first of all */
        open_row(&s, &g[i], &rows[i]);
    }
    assert_ok(s.context, hd_score_next(&s.decoder, rows, ROWS, &s.device, &s.host));
    assert_non_null(rows[0].logits);
    assert_true(rows[0].logits[11] == -INFINITY && rows[0].logits[4] == given[4]);
    assert_non_null(rows[1].logits);
    assert_null(rows[2].logits);
    assert_null(rows[3].logits);
    close_scorer(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(processors_change_each_token_once),
                                       cmocka_unit_test(rows_are_processed_like_single_tokens),
                                       cmocka_unit_test(equals_of_the_last_of_top_k_are_in_the_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
