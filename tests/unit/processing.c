/* Each logits processor and each filter of sampling, alone and many together, on saved scores: what is excluded, and the
 * probabilities of the rest, are those of transformers (tests/golden/processors/make.py). */
#include "fixture.h"

#include "decode/sample.h"
#include "decode/search.h"
#include "formats/json.h"
#include "models/generation.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TOKENS = 20, MOST = 32 };

typedef struct golden {
    const char *name;
    hd_generation generation;
    hd_prefix prefix;
    int32_t tokens[MOST], source[MOST];
    int64_t limit;
    float scores[TOKENS];    /* before */
    double expected[TOKENS]; /* after; −∞ for what is excluded */
    bool normal;             /* scores are log-probabilities */
} golden;

static int64_t integer(const json_t *one, const char *key) { return json_integer_value(json_object_get(one, key)); }

static int64_t read_ids(const json_t *list, int32_t *ids) {
    size_t i;
    const json_t *id;
    json_array_foreach(list, i, id) ids[i] = (int32_t)json_integer_value(id);
    return (int64_t)json_array_size(list);
}

static void normalize(float *x) {
    double log_sum = hd_log_sum(x, TOKENS);
    for (int i = 0; i < TOKENS; i++) x[i] = (float)((double)x[i] - log_sum);
}

static void read_case(heed_context *context, const json_t *one, hd_arena *arena, golden *g) {
    static char path[] = "cases.json";
    static const int32_t eos[] = {3};
    const hd_recipe recipe = {.vocabulary = TOKENS, .pad = -1, .eos = 3, .decoder_start = -1};
    json_t *settings = json_object_get(one, "settings");
    *g = (golden){.name = json_string_value(json_object_get(one, "name"))};
    hd_json json = {.context = context, .path = path, .root = settings, .index = SIZE_MAX};
    hd_generation_default(&g->generation);
    assert_ok(context, hd_generation_parse(&json, &recipe, arena, &g->generation));
    assert_null(g->generation.lacking);
    g->generation.top_k = integer(settings, "top_k");
    if (!json_object_get(settings, "eos_token_id")) g->generation.ends = (hd_ids){eos, 1};
    g->generation.presence_penalty = (float)json_number_value(json_object_get(settings, "presence_penalty"));
    g->generation.frequency_penalty = (float)json_number_value(json_object_get(settings, "frequency_penalty"));
    g->limit = integer(one, "limit");
    g->prefix = (hd_prefix){.generation = &g->generation, .tokens = g->tokens, .given = integer(one, "given")};
    g->prefix.length = read_ids(json_object_get(one, "tokens"), g->tokens);
    int64_t sources = read_ids(json_object_get(one, "source"), g->source);
    if (hd_reads_source(&g->generation)) g->prefix.source = (hd_ids){g->source, sources};
    g->normal = g->generation.beams > 1;
    for (size_t i = 0; i < TOKENS; i++) {
        const json_t *score = json_array_get(json_object_get(one, "scores"), i);
        g->scores[i] = (float)json_number_value(json_array_get(json_object_get(one, "quarters"), i)) / 4;
        g->expected[i] = json_is_null(score) ? -INFINITY : json_number_value(score);
    }
}

static void softmax(const double *x, double *p) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < TOKENS; i++) largest = fmax(largest, x[i]);
    for (int i = 0; i < TOKENS; i++) sum += p[i] = largest > -INFINITY ? exp(x[i] - largest) : 0;
    for (int i = 0; i < TOKENS && sum > 0; i++) p[i] /= sum;
}

/* Tokens of a probability below e^−40 are never sampled: heed leaves them out, transformers does not. */
static void check(const golden *g, const char *how, const bool *kept, const double *p, const double *expected) {
    for (int i = 0; i < TOKENS; i++) {
        bool improbable = g->generation.sample && expected[i] < 1e-17;
        if (kept[i] != (g->expected[i] > -INFINITY && !improbable))
            fail_msg("%s, %s: token %d is %s", g->name, how, i, kept[i] ? "not excluded" : "excluded");
        if (!(fabs(p[i] - expected[i]) <= 1e-6 * fmax(1, fabs(expected[i]))))
            fail_msg("%s, %s: the probability of token %d is %.9f, expected %.9f", g->name, how, i, p[i], expected[i]);
    }
}

/* Scores of a row: log-probabilities of a beam search are compared as they are, logits by their probabilities. */
static void check_row(const golden *g, const char *how, const float *row) {
    bool kept[TOKENS];
    double scores[TOKENS], p[TOKENS], expected[TOKENS];
    for (int i = 0; i < TOKENS; i++) {
        kept[i] = row[i] > -INFINITY;
        scores[i] = (double)row[i];
        p[i] = kept[i] ? exp(fmax(scores[i], -100)) : 0;
        expected[i] = g->expected[i] > -INFINITY ? exp(fmax(g->expected[i], -100)) : 0;
    }
    if (!g->normal) {
        softmax(scores, p);
        softmax(g->expected, expected);
    }
    check(g, how, kept, p, expected);
}

/* As the device changes single scores (device/device.h: best_tokens). */
static void change(const golden *g, float *row) {
    hd_score_change changes[12 * MOST];
    assert_true(hd_most_changes(&g->prefix) <= (int64_t)HD_COUNT(changes));
    int64_t count = hd_list_changes(&g->prefix, TOKENS, changes);
    if (g->normal) normalize(row);
    for (int64_t i = 0; i < count; i++) {
        const hd_score_change *c = &changes[i];
        float score = row[c->token] + c->bias;
        row[c->token] =
            c->bias > -INFINITY ? (score < 0 ? score * c->penalty : score / c->penalty) - c->reduction : -INFINITY;
    }
    if (g->normal && g->generation.renormalize) normalize(row);
}

static void sample(const golden *g, const float *row) {
    bool kept[TOKENS] = {false};
    double total, p[TOKENS] = {0}, expected[TOKENS];
    hd_sample_choice choices[TOKENS];
    for (int i = 0; i < TOKENS; i++) choices[i] = (hd_sample_choice){.logit = row[i], .token = i};
    int64_t count = hd_sample_filter(&g->generation, HD_SAMPLE_STAGES - 1, choices, TOKENS, &total);
    for (int64_t i = 0; i < count; i++) {
        kept[choices[i].token] = true;
        p[choices[i].token] = choices[i].weight / total;
    }
    softmax(g->expected, expected);
    check(g, "sampling", kept, p, expected);
}

/* A token that is forced by its position has probability 1, shared with its alternatives. */
static bool check_forced(const golden *g) {
    hd_search search = {.generation = g->generation,
                        .length = g->prefix.length,
                        .given = g->prefix.given,
                        .limit = g->limit - g->prefix.given};
    const hd_ids *forced = hd_search_forced(&search);
    if (!forced) return false;
    for (int i = 0; i < TOKENS; i++)
        if (hd_ids_have(forced, i) != (g->expected[i] > -1e30)) fail_msg("%s: token %d", g->name, i);
    return true;
}

static void scores_are_those_of_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena arena;
    json_t *cases = json_load_file(GOLDEN "/processors/cases.json", 0, NULL), *one;
    assert_non_null(cases);
    size_t index;
    int changed = 0, sampled = 0, forced = 0;
    hd_arena_open(&arena, context);
    json_array_foreach(cases, index, one) {
        golden g;
        float row[TOKENS], other[TOKENS];
        read_case(context, one, &arena, &g);
        if (check_forced(&g)) {
            forced++;
            continue;
        }
        memcpy(row, g.scores, sizeof row);
        memcpy(other, g.scores, sizeof other);
        assert_ok(context, hd_process_row(&g.prefix, row, TOKENS, &arena));
        if (g.generation.sample) {
            sample(&g, row);
            sampled++;
            continue;
        }
        check_row(&g, "a row", row);
        if (hd_needs_row(&g.generation)) continue;
        change(&g, other);
        check_row(&g, "changes", other);
        changed++;
    }
    assert_true(changed > 60 && sampled > 80 && forced > 5);
    json_decref(cases);
    hd_arena_close(&arena);
    heed_context_close(context);
}

/* The presence penalty counts a token once, the frequency penalty each time, and neither counts the prompt. */
static void generated_tokens_are_penalized(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    static const int32_t tokens[] = {0, 0, 1, 1, 1, 2};
    hd_generation g;
    hd_generation_default(&g);
    g.presence_penalty = 0.5f, g.frequency_penalty = 0.25f, g.repetition_penalty = 2;
    hd_prefix prefix = {.generation = &g, .tokens = tokens, .length = HD_COUNT(tokens), .given = 2};
    float row[] = {4, 4, -4, 4}, expected[] = {2, 2 - 0.5f - 3 * 0.25f, -8 - 0.5f - 0.25f, 4};
    assert_ok(context, hd_process_row(&prefix, row, HD_COUNT(row), &arena));
    assert_memory_equal(row, expected, sizeof row);
    hd_arena_close(&arena);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_transformers),
        cmocka_unit_test(generated_tokens_are_penalized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
