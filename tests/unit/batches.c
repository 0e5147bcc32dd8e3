/* Texts in batches: each text has the same result, bit for bit, alone and among any others, in any order, on any number of
 * threads. */
#include "fixture.h"

#include "models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 320, TEXT_BYTES = 4096, LABELS = 5, WIDTH = 32 };

static char texts[TEXTS][TEXT_BYTES];

static uint32_t seed;
static uint32_t below(uint32_t limit) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

/* Up to 30 words; some texts are empty, some equal, some have masks, and one is longer than a pass. */
static void make_texts(void) {
    static const char *const words[] = {"a",   "film",   "of",      "rare",   "beauty",       ".",  "dull", "Paris",
                                        "and", "Merkel", "visited", "[MASK]", "unbelievably", "IBM"};
    seed = 1;
    for (int i = 0; i < TEXTS; i++) {
        int count = i == 7 ? 480 : i % 31 == 3 ? 0 : (int)below(30) + 1;
        size_t used = 0;
        for (int j = 0; j < count; j++)
            used += (size_t)snprintf(texts[i] + used, TEXT_BYTES - used, "%s%s", j ? " " : "",
                                     words[i == 7 ? j % 6 : (int)below(HD_COUNT(words))]);
        if (i % 40 == 9) memcpy(texts[i], texts[i - 1], TEXT_BYTES);
    }
    memset(texts[11], 0, TEXT_BYTES);
    for (int j = 0; j < 600; j++) strcat(texts[11], "a "); /* too long for the models */
}

typedef heed_status answering(heed_model *model, const char *const *some, size_t count, heed_results **results);

static heed_status classify(heed_model *model, const char *const *some, size_t count, heed_results **results) {
    return heed_classify(model, NULL, some, NULL, count, results);
}
static heed_status tag(heed_model *model, const char *const *some, size_t count, heed_results **results) {
    return heed_tag(model, NULL, some, NULL, count, results);
}
static heed_status fill(heed_model *model, const char *const *some, size_t count, heed_results **results) {
    heed_options *options;
    assert_ok(model->context, heed_fill_options(model->context, &options));
    assert_ok(model->context, heed_options_set(options, "top", "3"));
    heed_status status = heed_fill(model, options, some, NULL, count, results);
    heed_options_close(options);
    return status;
}

static void assert_same_string(const char *a, const char *b) {
    assert_int_equal(!a, !b);
    if (a) assert_string_equal(a, b);
}

/* Item i of a is item j of b. */
static void assert_same_result(const heed_results *a, size_t i, const heed_results *b, size_t j) {
    size_t count = heed_results_alternatives(a, i);
    assert_same_string(heed_results_problem(a, i), heed_results_problem(b, j));
    assert_int_equal(count, heed_results_alternatives(b, j));
    for (size_t n = 0; n < count; n++) {
        float scores[] = {heed_results_score(a, i, n), heed_results_score(b, j, n)};
        size_t span[2], other[2];
        heed_results_span(a, i, n, &span[0], &span[1]);
        heed_results_span(b, j, n, &other[0], &other[1]);
        assert_memory_equal(&scores[0], &scores[1], sizeof scores[0]);
        assert_memory_equal(span, other, sizeof span);
        assert_same_string(heed_results_label(a, i, n), heed_results_label(b, j, n));
        assert_same_string(heed_results_text(a, i, n), heed_results_text(b, j, n));
    }
}

/* Answers all texts in a random order, in calls of random sizes up to `most`, and compares them with those alone. */
static void answer_shuffled(heed_model *model, answering *answer, heed_results *const *alone, size_t most) {
    const char *some[TEXTS];
    size_t order[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) order[i] = i;
    for (size_t i = TEXTS - 1; i > 0; i--) {
        size_t j = below((uint32_t)i + 1), swapped = order[i];
        order[i] = order[j], order[j] = swapped;
    }
    for (size_t i = 0; i < TEXTS; i++) some[i] = texts[order[i]];
    for (size_t at = 0, count; at < TEXTS; at += count) {
        heed_results *results;
        count = most == TEXTS ? TEXTS : (size_t)hd_min((int64_t)below((uint32_t)most) + 1, (int64_t)(TEXTS - at));
        assert_ok(model->context, answer(model, some + at, count, &results));
        for (size_t i = 0; i < count; i++) assert_same_result(results, i, alone[order[at + i]], 0);
        heed_results_close(results);
    }
}

static void answer_all(heed_model *model, answering *answer) {
    heed_results *alone[TEXTS];
    make_texts();
    assert_ok(model->context, heed_context_set_threads(model->context, 1));
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = texts[i];
        assert_ok(model->context, answer(model, &text, 1, &alone[i]));
    }
    for (int threads = 1; threads <= 8; threads = threads < 3 ? threads + 1 : threads + 5) {
        assert_ok(model->context, heed_context_set_threads(model->context, threads));
        answer_shuffled(model, answer, alone, TEXTS);
        answer_shuffled(model, answer, alone, 40);
    }
    for (size_t i = 0; i < TEXTS; i++) heed_results_close(alone[i]);
}

/* ---- models that ship ---- */

static void answer_shipped(const char *folder, answering *answer) {
    heed_context *context = open_context();
    heed_model *model;
    assert_ok(context, hd_model_open(context, folder, HD_OPEN_TO_RUN, &model));
    answer_all(model, answer);
    hd_model_close(model);
    heed_context_close(context);
}

static void shipped_classifier(void **state) {
    (void)state;
    answer_shipped(PROJECT "/models/sst2", classify);
}

static void shipped_tagger(void **state) {
    (void)state;
    answer_shipped(PROJECT "/models/entities", tag);
}

/* ---- recipes that none of them has ---- */

static void answer_made(const hd_recipe *made, answering *answer) {
    static char *labels[LABELS] = {"O", "B-A", "I-A", "B-B", "I-B"};
    heed_context *context = open_context();
    heed_model *source;
    hd_recipe recipe = *made;
    assert_ok(context, hd_model_open(context, PROJECT "/models/sst2", HD_OPEN_TO_RUN, &source));
    recipe.vocabulary = (int64_t)hd_tokenizer_size(source->tokenizer);
    recipe.width = WIDTH;
    heed_model model = *source;
    assert_ok(context, hd_network_open(context, &recipe, &model.network));
    for (int64_t i = 0; i < model.network->count; i++) model.network->parameters[i]->name = "a parameter";
    assert_ok(context, hd_network_initialize(model.network, 5));
    model.labels = labels;
    answer_all(&model, answer);
    hd_network_close(model.network);
    hd_model_close(source);
    heed_context_close(context);
}

static const hd_side_recipe encoder = {.layers = 2,
                                       .heads = 2,
                                       .ffn_width = 48,
                                       .max_positions = 512,
                                       .activation = HD_GELU,
                                       .norm_epsilon = 1e-5f,
                                       .biases = HD_BIAS_ALL,
                                       .rotary_base = 10000,
                                       .positions = HD_POSITIONS_ROTARY};
static const hd_side_recipe recurrent = {.layers = 1, .max_positions = 512};

static void masked_words(void **state) {
    (void)state;
    hd_recipe recipe = {.side = {encoder},
                        .pad = 0,
                        .eos = -1,
                        .decoder_start = -1,
                        .head = HD_HEAD_MASKED,
                        .head_activation = HD_GELU};
    answer_made(&recipe, fill);
    recipe.side[HD_ENCODER].positions = HD_POSITIONS_LEARNED;
    recipe.side[HD_ENCODER].norm_placement = HD_NORM_POST;
    answer_made(&recipe, fill);
}

static void poolings(void **state) {
    (void)state;
    for (int pooling = HD_POOL_FIRST; pooling <= HD_POOL_LAST; pooling++) {
        hd_recipe recipe = {.side = {encoder},
                            .pad = 0,
                            .eos = -1,
                            .decoder_start = -1,
                            .head = HD_HEAD_CLASSIFY_TEXT,
                            .labels = LABELS,
                            .pooling = pooling,
                            .head_dense = true,
                            .head_activation = HD_TANH};
        answer_made(&recipe, classify);
        recipe.architecture = HD_RECURRENT;
        recipe.side[HD_ENCODER] = recurrent;
        recipe.cell = HD_GRU;
        recipe.bidirectional = true;
        answer_made(&recipe, classify);
    }
}

/* The text is read by a decoder alone, or by one that attends to the text, shifted right. */
static void decoders(void **state) {
    (void)state;
    for (int translates = 0; translates < 2; translates++) {
        hd_recipe recipe = {.side = {encoder, encoder},
                            .pad = 0,
                            .eos = 1,
                            .decoder_start = 2,
                            .head = HD_HEAD_CLASSIFY_TEXT,
                            .labels = LABELS,
                            .pooling = HD_POOL_LAST,
                            .head_output_unbiased = true};
        if (!translates) recipe.side[HD_ENCODER].layers = 0;
        answer_made(&recipe, classify);
        recipe.head = HD_HEAD_CLASSIFY_TOKENS;
        recipe.head_dense = recipe.head_norm = recipe.head_dense_unbiased = true;
        recipe.head_activation = HD_GELU;
        answer_made(&recipe, tag);
    }
}

static void conditional_random_field(void **state) {
    (void)state;
    answer_made(&(hd_recipe){.side = {encoder},
                             .pad = 0,
                             .eos = -1,
                             .decoder_start = -1,
                             .head = HD_HEAD_CLASSIFY_TOKENS,
                             .labels = LABELS,
                             .crf = true},
                tag);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_classifier), cmocka_unit_test(shipped_tagger),
        cmocka_unit_test(masked_words),       cmocka_unit_test(poolings),
        cmocka_unit_test(decoders),           cmocka_unit_test(conditional_random_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
