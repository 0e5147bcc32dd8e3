/* Logits processors and sampling on many random settings: the results have the bits of a fingerprint, and rows of logits are
 * processed as their definition says. */
#include "fixture.h"

#include "base/random.h"
#include "decode/processors.h"
#include "decode/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { TOKENS = 9, CASES = 3000, MOST = 12 };

/* Numbers that depend on the case and on their order alone. */
typedef struct source {
    hd_random_key key;
    uint32_t next;
} source;

static int64_t below(source *s, int64_t limit) {
    return (int64_t)((double)hd_random_uniform(s->key, s->next++, 0, 0) * (double)limit);
}

static int32_t token(source *s) { return (int32_t)below(s, TOKENS + 1) - 1; } /* −1 is none */

typedef struct setting {
    hd_generation generation;
    hd_prefix prefix;
    int32_t tokens[MOST], source[MOST], ends[2], suppressed[2], first[2], words[4], biased[3];
    float logits[TOKENS];
} setting;

/* Each processor is on in some of the cases, at its limits in some of these. */
static void make_setting(uint64_t number, setting *c) {
    static const int32_t word_starts[] = {0, 1, 4}, bias_starts[] = {0, 1, 3};
    static const float biases[] = {0.5f, -1.25f};
    source s = {hd_random_key_make(7, HD_RANDOM_GENERATE, number), 0};
    hd_generation *g = &c->generation;
    *c = (setting){.prefix = {.generation = g}};
    hd_generation_default(g);
    for (int i = 0; i < MOST; i++) c->tokens[i] = (int32_t)below(&s, 3), c->source[i] = (int32_t)below(&s, 4);
    for (int i = 0; i < 2; i++) c->ends[i] = token(&s), c->suppressed[i] = token(&s), c->first[i] = token(&s);
    for (int i = 0; i < 4; i++) c->words[i] = (int32_t)below(&s, 3);
    for (int i = 0; i < 3; i++) c->biased[i] = (int32_t)below(&s, 3);
    for (int i = 0; i < TOKENS; i++) c->logits[i] = (float)(below(&s, 17) - 8) / 4;
    g->beams = 1 + below(&s, 2);
    g->ends = (hd_ids){c->ends, below(&s, 3)};
    if (below(&s, 2)) g->repetition_penalty = below(&s, 2) ? 1.5f : 0.75f;
    if (below(&s, 3) == 0) g->source_penalty = 2;
    if (below(&s, 3) == 0) g->no_repeat_ngram = 1 + below(&s, 3);
    if (below(&s, 3) == 0) g->no_source_ngram = 1 + below(&s, 3);
    if (below(&s, 3) == 0) g->suppressed = (hd_ids){c->suppressed, 1 + below(&s, 2)};
    if (below(&s, 3) == 0) g->suppressed_first = (hd_ids){c->first, 1 + below(&s, 2)};
    if (below(&s, 4) == 0) g->forced_first = (hd_ids){c->first, 1};
    if (below(&s, 3) == 0) g->bad_words = (hd_sequences){below(&s, 3), c->words, word_starts, NULL};
    if (below(&s, 3) == 0) g->sequence_bias = (hd_sequences){below(&s, 3), c->biased, bias_starts, biases};
    if (below(&s, 3) == 0) g->min_new_tokens = below(&s, 4);
    if (below(&s, 3) == 0) g->min_length = below(&s, 6);
    if (below(&s, 3) == 0) g->decay_factor = below(&s, 2) ? 1.25 : 0.5, g->decay_start = below(&s, 4);
    g->renormalize = below(&s, 3) == 0;
    g->replace_invalid = below(&s, 3) == 0;
    if (g->replace_invalid && below(&s, 2)) {
        c->logits[below(&s, TOKENS)] = NAN;
        c->logits[below(&s, TOKENS)] = INFINITY;
        c->logits[below(&s, TOKENS)] = -INFINITY;
    }
    if (g->beams > 1) /* the sum over a row must be a number */
        for (int i = 0; i < TOKENS; i++) c->logits[i] = isfinite(c->logits[i]) ? c->logits[i] : -0.25f;
    c->prefix.tokens = c->tokens;
    c->prefix.given = 1 + below(&s, 3);
    c->prefix.length = c->prefix.given + below(&s, 5);
    if (hd_reads_source(g)) c->prefix.source = (hd_ids){c->source, below(&s, MOST)};
}

static void rows_and_changes_have_these_bits(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena scratch;
    hd_arena_open(&scratch, context);
    uint64_t rows = FINGERPRINT_OF_NOTHING, lists = FINGERPRINT_OF_NOTHING;
    int needed = 0;
    for (uint64_t i = 0; i < CASES; i++) {
        setting c;
        hd_score_change changes[200];
        make_setting(i, &c);
        assert_true(hd_most_changes(&c.prefix) <= (int64_t)HD_COUNT(changes));
        int64_t count = hd_list_changes(&c.prefix, TOKENS, changes);
        assert_true(count <= hd_most_changes(&c.prefix));
        for (int64_t j = 0; j < count; j++) {
            lists = fingerprint(lists, &changes[j].token, sizeof changes[j].token);
            lists = fingerprint(lists, &changes[j].bias, sizeof changes[j].bias);
            lists = fingerprint(lists, &changes[j].penalty, sizeof changes[j].penalty);
        }
        unsigned char needs = hd_needs_row(&c.generation);
        needed += needs;
        lists = fingerprint(lists, &needs, 1);
        assert_ok(context, hd_process_row(&c.prefix, c.logits, TOKENS, &scratch));
        rows = fingerprint(rows, c.logits, sizeof c.logits);
    }
    assert_true(needed > CASES / 4 && needed < CASES);
    assert_fingerprint(lists, 0x0268089151aad689u);
    assert_fingerprint(rows, 0x2bfa8364bfd340c3u);
    hd_arena_close(&scratch);
    heed_context_close(context);
}

/* NaN becomes 0, infinities the largest numbers. */
static void invalid_values_are_replaced(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena scratch;
    hd_arena_open(&scratch, context);
    hd_generation g;
    hd_generation_default(&g);
    g.replace_invalid = true;
    const int32_t start = 0;
    float row[] = {NAN, INFINITY, -INFINITY, 1.5f, -0.5f}, expected[] = {0, FLT_MAX, -FLT_MAX, 1.5f, -0.5f};
    hd_prefix prefix = {.generation = &g, .tokens = &start, .length = 1, .given = 1};
    assert_ok(context, hd_process_row(&prefix, row, HD_COUNT(row), &scratch));
    assert_memory_equal(row, expected, sizeof row);
    hd_arena_close(&scratch);
    heed_context_close(context);
}

/* x + |x| (factor^n − 1), n tokens past the start of the decay; the start is counted without the given tokens. */
static void the_end_grows_past_the_start_of_the_decay(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena scratch;
    hd_arena_open(&scratch, context);
    static const int32_t tokens[16] = {0}, ends[] = {1, 2};
    hd_generation g;
    hd_generation_default(&g);
    g.ends = (hd_ids){ends, 2}, g.decay_start = 3, g.decay_factor = 1.5;
    for (int64_t length = 2; length < 12; length++) {
        float row[] = {1, 2, -2, 4};
        int64_t past = hd_max(length - 2 - 3, 0);
        float growth = (float)(pow(1.5, (double)past) - 1);
        hd_prefix prefix = {.generation = &g, .tokens = tokens, .length = length, .given = 2};
        assert_ok(context, hd_process_row(&prefix, row, HD_COUNT(row), &scratch));
        assert_true(row[0] == 1 && row[3] == 4);
        assert_true(row[1] == 2 + 2 * growth && row[2] == -2 + 2 * growth);
    }
    hd_arena_close(&scratch);
    heed_context_close(context);
}

static void logarithms_of_sums(void **state) {
    (void)state;
    float row[] = {-INFINITY, -INFINITY, 0, 1, 2}, far[] = {0, -40, -41, -3e38f};
    assert_true(hd_log_sum(row, 2) == 0);
    assert_true(hd_log_sum(row, 0) == 0);
    assert_true(fabs(hd_log_sum(row, 5) - log(1 + exp(1) + exp(2))) < 1e-12);
    assert_true(fabs(hd_log_sum(far, 4) - log1p(exp(-40))) < 1e-15);
}

/* Samples with every combination of filters. */
static void samples_have_these_bits(void **state) {
    (void)state;
    static const float temperatures[] = {1, 0.02f, 0.5f, 3}, shares[] = {1, 0.9f, 0.5f, 1e-6f}, least[] = {0, 0.05f, 1};
    static const float typical[] = {1, 0.6f}, epsilons[] = {0, 0.04f}, etas[] = {0, 0.1f};
    uint64_t found = FINGERPRINT_OF_NOTHING;
    for (uint64_t i = 0; i < 4 * 4 * 3 * 2 * 2 * 2 * 3; i++) {
        uint64_t at = i;
        source s = {hd_random_key_make(11, HD_RANDOM_GENERATE, i), 0};
        hd_generation g;
        hd_generation_default(&g);
        g.temperature = temperatures[at % 4], at /= 4;
        g.top_p = shares[at % 4], at /= 4;
        g.min_p = least[at % 3], at /= 3;
        g.typical_p = typical[at % 2], at /= 2;
        g.epsilon_cutoff = epsilons[at % 2], at /= 2;
        g.eta_cutoff = etas[at % 2], at /= 2;
        g.top_k = (int64_t)at * 4;
        for (int64_t position = 0; position < 5; position++) {
            hd_sample_choice choices[3 * TOKENS];
            for (int32_t t = 0; t < 3 * TOKENS; t++)
                choices[t] = (hd_sample_choice){.logit = (float)(below(&s, 33) - 16) / 4, .token = t};
            hd_continuation c = hd_sample(&g, choices, HD_COUNT(choices), position, i);
            found = fingerprint(found, &c.token, sizeof c.token);
            found = fingerprint(found, &c.log_prob, sizeof c.log_prob);
        }
    }
    assert_fingerprint(found, 0x004db201fbd6dea7u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_changes_have_these_bits),
        cmocka_unit_test(invalid_values_are_replaced),
        cmocka_unit_test(the_end_grows_past_the_start_of_the_decay),
        cmocka_unit_test(logarithms_of_sums),
        cmocka_unit_test(samples_have_these_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
