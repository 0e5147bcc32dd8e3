/* Pictures of what is inside a model: what they show is what the model's own passes make. */
#include "fixture.h"

#include "inspect/steps.h"
#include "layers/recurrent.h"
#include "models/model.h"

#include <math.h>
#include <string.h>

/* A model with random weights that reads the tokens of the Marian golden. */
static heed_model *make_model(heed_context *context, hd_recipe recipe) {
    heed_tokenizer *tokenizer;
    heed_model *model;
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/marian/tokenizer.json", &tokenizer));
    recipe.vocabulary = (int64_t)hd_tokenizer_size(tokenizer);
    recipe.pad = recipe.decoder_start = (int32_t)recipe.vocabulary - 1;
    recipe.max_positions = 64;
    recipe.norm_epsilon = 1e-5f;
    assert_ok(context, hd_model_make(context, &recipe, tokenizer, 7, &model));
    return model;
}

static const hd_recipe recurrent = {.architecture = HD_RECURRENT,
                                    .width = 24,
                                    .encoder_layers = 1,
                                    .decoder_layers = 2,
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

/* The words are those of the real decoder's greedy search, and the likeliest of the pass that is drawn. */
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
        if (i) assert_string_equal(step->read, s->steps[i - 1].made.label);
        if (i < s->count - 1 || s->count < 6) { /* the last end may be forced */
            assert_string_equal(step->made.label, step->candidates[0].label);
            assert_true(step->made.probability == step->candidates[0].probability);
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

/* h₀ is where the last layer begins, and C the mean of the encoder's states by weight. */
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
    hd_tensor *memory = hd_network_encode(model->network, &pass, encoding.ids, &layout);
    hd_recurrent_step begin;
    assert_true(hd_recurrent_begin((const hd_recurrent *)model->network, &pass, memory, 1, &begin));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_the_decoder),
        cmocka_unit_test(contexts_are_weighted_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
