/* Pictures: the numbers in them equal those of the model's own passes. */
#include "fixture.h"

#include "inspect/measured.h"
#include "inspect/neighbours.h"
#include "inspect/principal.h"
#include "inspect/steps.h"
#include "inspect/vectors.h"
#include "layers/positions.h"
#include "layers/recurrent.h"
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A model with random weights that reads the tokens of the Marian golden. */
static heed_model *make_model(heed_context *context, hd_recipe recipe) {
    heed_tokenizer *tokenizer;
    heed_model *model;
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/marian/tokenizer.json", &tokenizer));
    recipe.vocabulary = (int64_t)hd_tokenizer_size(tokenizer);
    recipe.pad = recipe.decoder_start = (int32_t)recipe.vocabulary - 1;
    for (int i = 0; i < HD_SIDES; i++) {
        recipe.side[i].max_positions = 64;
        recipe.side[i].norm_epsilon = 1e-5f;
    }
    assert_ok(context, hd_model_make(context, NULL, &recipe, tokenizer, 7, &model));
    return model;
}

static const hd_recipe recurrent = {.architecture = HD_RECURRENT,
                                    .width = 24,
                                    .side[HD_ENCODER].layers = 1,
                                    .side[HD_DECODER].layers = 2,
                                    .cell = HD_GRU,
                                    .bidirectional = true,
                                    .output_bias = true};

/* ---- steps ---- */

static void assert_softmax(const double *scores, const float *weights, int64_t count) {
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, scores[i]);
    for (int64_t i = 0; i < count; i++) sum += exp(scores[i] - largest);
    for (int64_t i = 0; i < count; i++) assert_true(fabs(exp(scores[i] - largest) / sum - (double)weights[i]) <= 1e-6);
}

/* The words equal those of greedy search, and are the most probable ones of the captured pass. */
static void check_steps(heed_context *context, const hd_recipe *recipe) {
    static const char text[] = "a dog runs in the park .";
    heed_model *model = make_model(context, *recipe);
    heed_options *options;
    heed_picture *picture;
    assert_ok(context, heed_attend_options(context, &options));
    assert_ok(context, heed_options_set(options, "max-new-tokens", "6"));
    assert_ok(context, heed_inspect_steps(model, options, text, strlen(text), &picture));
    const hd_steps *s = (const hd_steps *)picture;
    assert_int_equal(s->attends, recipe->memory >= HD_MEMORY_BAHDANAU);
    assert_in_range(s->count, 1, 7);
    for (int64_t i = 0; i < s->count; i++) {
        const hd_step *step = &s->steps[i];
        if (s->attends) assert_softmax(step->scores, step->weights, s->keys);
        if (i) assert_string_equal(step->read, s->steps[i - 1].predicted.label);
        if (i < s->count - 1 || s->count < 6) { /* the last end may be forced */
            assert_string_equal(step->predicted.label, step->candidates[0].label);
            assert_true(step->predicted.probability == step->candidates[0].probability);
        }
        for (int64_t c = 1; c < s->candidates; c++)
            assert_true(step->candidates[c].probability <= step->candidates[c - 1].probability);
    }
    heed_picture_close(picture);
    heed_options_close(options);
    hd_model_close(model);
}

static void steps_are_those_of_the_decoder(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (int memory = HD_MEMORY_LAST; memory <= HD_MEMORY_LUONG_CONCAT; memory++) {
        hd_recipe recipe = recurrent;
        recipe.memory = memory;
        check_steps(context, &recipe);
    }
    heed_context_close(context);
}

/* h₀ is the initial state of the last layer, and C the weighted mean of the encoder's states. */
static void contexts_are_weighted_means(void **state) {
    (void)state;
    static const char text[] = "two dogs run";
    heed_context *context = open_context();
    hd_recipe recipe = recurrent;
    recipe.memory = HD_MEMORY_LUONG_GENERAL;
    heed_model *model = make_model(context, recipe);
    heed_picture *picture;
    assert_ok(context, heed_inspect_steps(model, NULL, text, strlen(text), &picture));
    const hd_steps *s = (const hd_steps *)picture;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_encode(model->tokenizer, context, text, strlen(text), true, &encoding));
    hd_pass pass;
    hd_pass_open(&pass, context, &model->network->arena);
    int32_t starts[] = {0, (int32_t)encoding.count};
    hd_layout layout = {1, starts, NULL, NULL};
    hd_tensor *memory = hd_network_encode(model->network, &pass, &(hd_input){.ids = encoding.ids}, &layout);
    hd_recurrent_step begin;
    assert_true(hd_recurrent_begin(model->network, &pass, memory, 1, &begin));
    assert_memory_equal(s->initial, begin.states[1].h->data, (size_t)s->width * sizeof(float));
    for (int64_t c = 0; c < s->width; c++) {
        double mean = 0;
        for (int64_t k = 0; k < s->keys; k++)
            mean += (double)s->steps[1].weights[k] * (double)memory->data[k * s->width + c];
        assert_true(fabs(mean - (double)s->steps[1].context[c]) <= 1e-6);
    }
    hd_pass_close(&pass);
    hd_encoding_close(&encoding);
    heed_picture_close(picture);
    hd_model_close(model);
    heed_context_close(context);
}

/* ---- embeddings, positions, neighbours ---- */

/* Points on a long ellipse in three dimensions: its axes are found, whatever the mean. */
static void components_are_those_of_the_largest_variance(void **state) {
    (void)state;
    enum { ROWS = 40 };
    heed_context *context = open_context();
    float values[ROWS][3];
    double points[ROWS][2], shares[2];
    for (int i = 0; i < ROWS; i++) {
        double along = 5 * cos(i * 2 * 3.14159265358979 / ROWS), across = 2 * sin(i * 2 * 3.14159265358979 / ROWS);
        values[i][0] = (float)(7 + 0.6 * along - 0.8 * across);
        values[i][1] = (float)(-3 + 0.8 * along + 0.6 * across);
        values[i][2] = 1;
    }
    assert_ok(context, hd_principal_components(context, values[0], ROWS, 3, points[0], shares));
    assert_true(fabs(shares[0] - 25.0 / 29) < 1e-5 && fabs(shares[1] - 4.0 / 29) < 1e-5);
    for (int i = 0; i < ROWS; i++) {
        assert_true(fabs(fabs(points[i][0]) - fabs(5 * cos(i * 2 * 3.14159265358979 / ROWS))) < 1e-4);
        assert_true(fabs(fabs(points[i][1]) - fabs(2 * sin(i * 2 * 3.14159265358979 / ROWS))) < 1e-4);
    }
    for (int i = 0; i < ROWS; i++) values[i][0] = values[i][1] = 2; /* no variance at all */
    assert_ok(context, hd_principal_components(context, values[0], ROWS, 3, points[0], shares));
    assert_true(shares[0] == 0 && shares[1] == 0 && points[3][0] == 0 && points[3][1] == 0);
    heed_context_close(context);
}

static void embeddings_are_rows_of_the_table(void **state) {
    (void)state;
    static const char text[] = "a dog runs, a dog";
    heed_context *context = open_context();
    heed_model *model = make_model(context, recurrent);
    heed_picture *picture;
    hd_encoding encoding = {0};
    assert_ok(context, heed_inspect_embeddings(model, NULL, text, strlen(text), &picture));
    const hd_vectors *v = (const hd_vectors *)picture;
    assert_ok(context, hd_tokenizer_encode(model->tokenizer, context, text, strlen(text), false, &encoding));
    assert_true(v->rows < (int64_t)encoding.count); /* each token once */
    for (int64_t row = 0; row < v->rows; row++) {
        bool found = false;
        for (size_t i = 0; i < encoding.count && !found; i++)
            found = memcmp(model->network->source_embedding->data + encoding.ids[i] * 24, v->values + row * 24,
                           24 * sizeof(float)) == 0;
        assert_true(found);
    }
    heed_picture_close(picture);
    assert_int_equal(heed_inspect_positions(model, NULL, &picture), HEED_UNSUPPORTED);
    assert_null(picture);
    hd_encoding_close(&encoding);
    hd_model_close(model);
    heed_context_close(context);
}

/* A decoder alone: llama, or gpt2. */
static hd_recipe decoder_alone(const hd_family *family) {
    heed_context *context = open_context();
    hd_recipe recipe;
    assert_ok(context, hd_family_default(context, family, HD_HEAD_LANGUAGE, NULL, &recipe));
    recipe.width = 16;
    recipe.side[HD_DECODER].layers = recipe.side[HD_DECODER].heads = 2;
    recipe.side[HD_DECODER].ffn_width = 32;
    recipe.eos = 0;
    heed_context_close(context);
    return recipe;
}

static void positions_are_those_of_the_model(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe llama = decoder_alone(&hd_llama), gpt2 = decoder_alone(&hd_gpt2);
    llama.untied = true;
    heed_model *turning = make_model(context, llama), *learned = make_model(context, gpt2);
    heed_picture *picture;
    float table[64 * 8];
    hd_sinusoids(0, 64, 8, table); /* rotary positions with the same base have these sines and cosines */
    assert_ok(context, heed_inspect_positions(turning, NULL, &picture));
    const hd_vectors *v = (const hd_vectors *)picture;
    assert_true(v->rows == 64 && v->columns == 8);
    assert_memory_equal(v->values, table, sizeof table);
    heed_picture_close(picture);
    assert_ok(context, heed_inspect_positions(learned, NULL, &picture));
    v = (const hd_vectors *)picture;
    assert_true(v->rows == 64 && v->columns == 16);
    for (int64_t i = 0; i < learned->network->count; i++)
        if (learned->network->slots[i].module == HD_MODULE_POSITIONS)
            assert_memory_equal(v->values, learned->network->parameters[i]->data, 64 * 16 * sizeof(float));
    heed_picture_close(picture);
    hd_model_close(turning);
    hd_model_close(learned);
    heed_context_close(context);
}

static void neighbours_have_the_largest_cosines(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model = make_model(context, recurrent);
    int32_t a = hd_tokenizer_id(model->tokenizer, "▁runs"), b = hd_tokenizer_id(model->tokenizer, "▁small");
    float *table = model->network->source_embedding->data;
    heed_picture *picture;
    for (int i = 0; i < 24; i++) table[b * 24 + i] = 3 * table[a * 24 + i] + (i == 0 ? 0.01f : 0);
    assert_ok(context, heed_inspect_nearest(model, NULL, "runs", &picture));
    const hd_neighbours *n = (const hd_neighbours *)picture;
    assert_string_equal(n->nearest[0].word, "small");
    assert_true(n->nearest[0].cosine > 0.99 && n->nearest[0].cosine <= 1 + 1e-12);
    for (int64_t i = 1; i < n->count; i++) assert_true(n->nearest[i].cosine <= n->nearest[i - 1].cosine);
    heed_picture_close(picture);
    assert_int_equal(heed_inspect_nearest(model, NULL, "a dog runs", &picture), HEED_ARGUMENT);
    hd_model_close(model);
    heed_context_close(context);
}

/* ---- gradients ---- */

/* The loss of the token after the first `count` ids. */
static double loss_after(heed_model *model, const int32_t *ids, int64_t count) {
    double loss = 0;
    int32_t starts[] = {0, (int32_t)count}, last = (int32_t)count - 1;
    hd_layout layout = {1, starts, NULL, NULL};
    hd_pass pass;
    hd_pass_open(&pass, model->context, &model->network->arena);
    hd_cross_entropy_options options = {
        .classes = hd_network_classes(model->network), .scale = 1, .bias = model->network->output_bias};
    hd_tensor *states = hd_network_decode(model->network, &pass, &(hd_input){.ids = ids}, &layout, NULL);
    hd_tensor *row = hd_gather(&pass, states, &last, 1, 1, NULL);
    assert_ok(model->context, hd_network_loss(model->network, &pass, row, ids + count, &layout, &options, &loss));
    hd_pass_close(&pass);
    return loss;
}

/* One window: the norms match central differences of the loss over the embedding of a token that occurs only there. The
 * output's panels were packed before, so that they do not change with the table that they share. */
static void check_gradients(heed_context *context, hd_recipe recipe) {
    static const char text[] = "a dog runs in the park .";
    heed_model *model = make_model(context, recipe);
    heed_picture *picture;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_encode(model->tokenizer, context, text, strlen(text), true, &encoding));
    heed_options *options;
    char distance[16];
    snprintf(distance, sizeof distance, "%zu", encoding.count - 2);
    assert_ok(context, heed_attend_options(context, &options));
    assert_ok(context, heed_options_set(options, "distance", distance));
    const char *texts[] = {text};
    assert_ok(context, heed_inspect_gradients(&model, 1, options, texts, NULL, 1, &picture));
    const hd_series *series = &((const hd_measured *)picture)->curves.series[0];
    assert_int_equal(series->count, encoding.count - 1);
    int64_t checked = 0, width = recipe.width;
    for (int64_t d = 0; d < series->count; d++) {
        int64_t at = series->count - 1 - d, same = 0;
        for (int64_t i = 0; i < series->count + 1; i++) same += encoding.ids[i] == encoding.ids[at];
        if (same > 1 || encoding.ids[at] == recipe.pad) continue;
        double sum = 0;
        for (int64_t c = 0; c < width; c++) {
            float *x = model->network->target_embedding->data + encoding.ids[at] * width + c, held = *x;
            *x = held + 0x1p-8f;
            double above = loss_after(model, encoding.ids, series->count);
            *x = held - 0x1p-8f;
            double below = loss_after(model, encoding.ids, series->count);
            *x = held;
            sum += pow((above - below) * 0x1p7, 2);
        }
        if (fabs(sqrt(sum) - series->y[d]) > 1e-3 * (1 + sqrt(sum)))
            fail_msg("distance %lld: %.6g, expected %.6g", (long long)d, series->y[d], sqrt(sum));
        checked++;
    }
    assert_true(checked > 2);
    heed_picture_close(picture);
    heed_options_close(options);
    hd_encoding_close(&encoding);
    hd_model_close(model);
}

static void gradients_are_those_of_the_loss(void **state) {
    (void)state;
    heed_context *context = open_context();
    check_gradients(context, decoder_alone(&hd_llama));
    for (int cell = HD_ELMAN; cell <= HD_LSTM; cell++) {
        hd_recipe language = recurrent;
        language.side[HD_ENCODER].layers = 0, language.bidirectional = false, language.cell = cell;
        check_gradients(context, language);
    }
    heed_context_close(context);
}

/* The norms [distance + 1] over all windows of some texts. */
static void measure_gradients(heed_model *model, const char *distance, const char *const *texts, size_t count,
                              double *norms) {
    heed_options *options;
    heed_picture *picture;
    assert_ok(model->context, heed_attend_options(model->context, &options));
    assert_ok(model->context, heed_options_set(options, "distance", distance));
    assert_ok(model->context, heed_inspect_gradients(&model, 1, options, texts, NULL, count, &picture));
    const hd_series *series = &((const hd_measured *)picture)->curves.series[0];
    for (int64_t d = 0; d < series->count; d++) {
        norms[d] = series->y[d];
        assert_true(series->x[d] == (double)d);
    }
    heed_picture_close(picture);
    heed_options_close(options);
}

/* Over several texts: the mean of the windows of all. */
static void gradients_are_means_over_windows(void **state) {
    (void)state;
    enum { DISTANCE = 4 };
    static const char *const texts[] = {"a dog runs in the park .", "the park .",
                                        "two dogs run in the snow and in the park ."};
    heed_context *context = open_context();
    heed_model *model = make_model(context, decoder_alone(&hd_llama));
    double all[DISTANCE + 1], sums[DISTANCE + 1] = {0}, one[DISTANCE + 1];
    int64_t windows = 0;
    measure_gradients(model, "4", texts, HD_COUNT(texts), all);
    for (size_t i = 0; i < HD_COUNT(texts); i++) {
        hd_encoding encoding = {0};
        assert_ok(context, hd_tokenizer_encode(model->tokenizer, context, texts[i], strlen(texts[i]), true, &encoding));
        int64_t here = hd_max((int64_t)encoding.count - DISTANCE - 1, 0);
        hd_encoding_close(&encoding);
        if (!here) continue;
        measure_gradients(model, "4", &texts[i], 1, one);
        for (int d = 0; d <= DISTANCE; d++) sums[d] += one[d] * (double)here;
        windows += here;
    }
    assert_true(windows > 10);
    for (int d = 0; d <= DISTANCE; d++) assert_true(fabs(all[d] - sums[d] / (double)windows) <= 1e-9 * (1 + all[d]));
    heed_picture *picture;
    assert_int_equal(heed_inspect_gradients(&model, 1, NULL, (const char *const[]){""}, NULL, 1, &picture),
                     HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "gradients need a text of at least 3 tokens");
    hd_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_the_decoder),
        cmocka_unit_test(contexts_are_weighted_means),
        cmocka_unit_test(components_are_those_of_the_largest_variance),
        cmocka_unit_test(embeddings_are_rows_of_the_table),
        cmocka_unit_test(positions_are_those_of_the_model),
        cmocka_unit_test(neighbours_have_the_largest_cosines),
        cmocka_unit_test(gradients_are_those_of_the_loss),
        cmocka_unit_test(gradients_are_means_over_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
