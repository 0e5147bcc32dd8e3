/* The steps of an attention head: what is printed of q, k and v gives the printed products, scores, weights and output, for
 * every kind of attention and everything that changes scores. */
#include "fixture.h"

#include "failing.h"
#include "svg_texts.h"

#include "inspect/head_steps.h"
#include "models/model.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char text[] = "a dog runs in the park .";

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
        if (!recipe.side[i].layers) recipe.side[i] = (hd_side_recipe){0};
    }
    assert_ok(context, hd_model_make(context, NULL, &recipe, tokenizer, 7, &model));
    return model;
}

static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static double element_of(const json_t *object, const char *key, size_t index) {
    return json_number_value(json_array_get(json_object_get(object, key), index));
}

static void assert_near(double found, double expected, double tolerance) {
    if (!(fabs(found - expected) <= tolerance)) fail_msg("found %.9g, expected %.9g", found, expected);
}

/* Recomputes everything from the printed q, k and v. */
static void check_numbers(const json_t *head) {
    const json_t *keys = json_object_get(head, "keys"), *key;
    size_t k, width = json_array_size(json_object_get(head, "query"));
    double scale = number_of(head, "scale"), cap = number_of(head, "softcap"), sum = 0, weights = 0;
    assert_true(width > 0 && json_array_size(keys) > 1);
    json_array_foreach(keys, k, key) {
        double product = 0, score;
        for (size_t i = 0; i < width; i++) product += element_of(head, "query", i) * element_of(key, "key", i);
        assert_near(number_of(key, "product"), product, 1e-6);
        assert_near(number_of(key, "scaled"), product * scale, 1e-6);
        score = product * scale + number_of(key, "bias");
        if (cap > 0) score = cap * tanh(score / cap);
        assert_near(number_of(key, "score"), score, 1e-6);
        if (!json_is_true(json_object_get(key, "masked"))) sum += exp(score);
    }
    json_array_foreach(keys, k, key) {
        bool masked = json_is_true(json_object_get(key, "masked"));
        assert_near(number_of(key, "weight"), masked ? 0 : exp(number_of(key, "score")) / sum, 1e-5);
        weights += number_of(key, "weight");
    }
    assert_near(weights, 1, 1e-5);
    for (size_t i = 0; i < width; i++) {
        double output = 0;
        json_array_foreach(keys, k, key) output += number_of(key, "weight") * element_of(key, "value", i);
        assert_near(element_of(head, "output", i), output, 1e-5);
    }
}

static int64_t count_masked(const json_t *head) {
    const json_t *key;
    int64_t masked = 0;
    size_t k;
    json_array_foreach(json_object_get(head, "keys"), k, key) masked += json_is_true(json_object_get(key, "masked"));
    return masked;
}

/* Draws the head in all formats; returns the number of masked keys. */
static int64_t check_head(const heed_model *model, heed_options *options, const char *kind, const char *word) {
    heed_context *context = model->context;
    heed_picture *picture;
    hd_buffer out;
    hd_buffer_open(&out, context);
    assert_ok(context, heed_options_set(options, "kind", kind));
    assert_ok(context, heed_options_set(options, "word", word));
    assert_ok(context, heed_inspect_steps((heed_model *)model, options, text, strlen(text), &picture));
    assert_int_equal(hd_head_steps_json(picture, &out), HEED_OK);
    json_t *head = json_loads(out.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(head, "kind")), kind);
    check_numbers(head);
    int64_t masked = count_masked(head);
    json_decref(head);
    hd_buffer_clear(&out);
    assert_int_equal(hd_head_steps_svg(picture, &out), HEED_OK);
    assert_legible(kind, out.data, 830);
    hd_buffer_clear(&out);
    assert_int_equal(hd_head_steps_text(picture, true, 80, &out), HEED_OK);
    assert_int_equal(picture->class->html(picture, &out), HEED_OK);
    heed_picture_close(picture);
    hd_buffer_close(&out);
    return masked;
}

static const hd_recipe translator = {.architecture = HD_TRANSFORMER,
                                     .width = 16,
                                     .side = {{.layers = 2, .heads = 2, .ffn_width = 24, .biases = HD_BIAS_ALL},
                                              {.layers = 2, .heads = 2, .ffn_width = 24, .biases = HD_BIAS_ALL}},
                                     .output_bias = true};

static heed_options *open_options(heed_context *context, const char *layer, const char *head) {
    heed_options *options;
    assert_ok(context, heed_attend_options(context, &options));
    assert_ok(context, heed_options_set(options, "layer", layer));
    assert_ok(context, heed_options_set(options, "head", head));
    return options;
}

static void heads_of_a_translator(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model = make_model(context, translator);
    for (int layer = 1; layer <= 2; layer++) {
        heed_options *options = open_options(context, layer == 1 ? "1" : "2", layer == 1 ? "2" : "1");
        assert_ok(context, heed_options_set(options, "target", text));
        assert_int_equal(check_head(model, options, "encoder", "dog"), 0);
        assert_int_equal(check_head(model, options, "cross", "2"), 0);
        assert_true(check_head(model, options, "decoder", "3") > 0);
        heed_options_close(options);
    }
    hd_model_close(model);
    heed_context_close(context);
}

/* Rotary positions, shared key heads, a window, a cap and norms of queries and keys. */
static void heads_with_adjusted_scores(void **state) {
    (void)state;
    hd_recipe recipe = {.architecture = HD_TRANSFORMER, .width = 16, .eos = -1};
    recipe.side[HD_DECODER] = (hd_side_recipe){.layers = 2,
                                               .heads = 4,
                                               .key_heads = 2,
                                               .head_width = 8,
                                               .ffn_width = 24,
                                               .gated = true,
                                               .positions = HD_POSITIONS_ROTARY,
                                               .rotary_base = 10000,
                                               .norm = HD_NORM_RMS,
                                               .norm_placement = HD_NORM_PRE,
                                               .final_norm = true,
                                               .activation = HD_SILU};
    heed_context *context = open_context();
    heed_model *model = make_model(context, recipe);
    heed_options *options = open_options(context, "2", "3");
    assert_true(check_head(model, options, "decoder", "dog") > 0);
    hd_model_close(model);
    heed_options_close(options);
    heed_context_close(context);
}

static void words_select_queries(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model = make_model(context, translator);
    heed_options *options = open_options(context, "0", "0");
    heed_picture *picture;
    assert_ok(context, heed_options_set(options, "kind", "encoder"));
    assert_ok(context, heed_inspect_steps(model, options, text, strlen(text), &picture));
    assert_true(((const hd_head_steps *)picture)->index > 0); /* the last word */
    heed_picture_close(picture);
    static const char *const wrong[] = {"0", "999", "unheard"};
    for (size_t i = 0; i < HD_COUNT(wrong); i++) {
        assert_ok(context, heed_options_set(options, "word", wrong[i]));
        assert_int_equal(heed_inspect_steps(model, options, text, strlen(text), &picture), HEED_ARGUMENT);
        assert_null(picture);
    }
    hd_model_close(model);
    heed_options_close(options);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_a_translator),
        cmocka_unit_test(heads_with_adjusted_scores),
        cmocka_unit_test(words_select_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
