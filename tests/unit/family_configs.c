/* What families read of configs and write into them: labels, recipe fields, defaults and limits. */
#include "family_recipes.h"

#include "models/model.h"

#include <math.h>
#include <stdio.h>

static void labels_have_names(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    assert_ok(context, hd_model_open_untokenized(context, GOLDEN "/families/bert-tokens", HD_OPEN_TO_RUN, &model));
    assert_int_equal(model->network->recipe.labels, 4);
    assert_string_equal(model->labels[0], "O");
    assert_string_equal(model->labels[3], "ORG");
    hd_model_close(model);
    heed_context_close(context);
}

/* As transformers' text-classification pipeline: softmax, sigmoid, or the logit itself. */
static void scores_follow_the_problem(void **state) {
    (void)state;
    static const char *const types[] = {"single_label_classification", "multi_label_classification", "regression"};
    static const float logits[] = {-1.5f, 0.25f, 60.0f};
    static char path[] = "config.json";
    for (int64_t labels = 1; labels <= 3; labels += 2)
        for (int problem = -1; problem < 3; problem++) {
            heed_context *context = open_context();
            heed_model *model;
            double scores[3];
            assert_ok(context,
                      hd_model_open_untokenized(context, GOLDEN "/families/bert-text", HD_OPEN_TO_RUN, &model));
            model->network->recipe.labels = labels;
            json_t *config = json_object();
            if (problem >= 0) json_object_set_new(config, "problem_type", json_string(types[problem]));
            hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
            assert_ok(context, hd_labels_read(&json, model));
            hd_labels_score(model->problem, logits, labels, scores);
            bool regression = problem == HD_PROBLEM_REGRESSION;
            bool sigmoid = !regression && (labels == 1 || problem == HD_PROBLEM_MANY_LABELS);
            double x = (double)logits[0], expected = regression ? x : 1 / (1 + exp(-x));
            if (regression || sigmoid) assert_true(fabs(scores[0] - expected) < 1e-9);
            if (labels == 3 && !regression && !sigmoid) assert_true(fabs(scores[0] + scores[1] + scores[2] - 1) < 1e-9);
            json_object_set_new(config, "problem_type", json_string("ranking"));
            assert_int_equal(hd_labels_read(&json, model), HEED_UNSUPPORTED);
            assert_non_null(strstr(heed_context_message(context), "\"problem_type\" is \"ranking\""));
            json_decref(config);
            hd_model_close(model);
            heed_context_close(context);
        }
}

/* ---- recipes ---- */

/* Each bit of each field is flipped: a family refuses the recipe, or reads again what it has written. */
static void check_flips(heed_context *context, const hd_family *family, const hd_recipe *recipe) {
    bool carries;
    assert_ok(context, hd_family_carries(context, family, recipe, &carries));
    assert_true(carries);
    for (size_t byte = 0; byte < sizeof *recipe; byte++) {
        hd_recipe other = *recipe, back;
        ((unsigned char *)&other)[byte] ^= 1;
        assert_ok(context, hd_family_carries(context, family, &other, &carries));
        if (!carries || hd_recipe_equal(recipe, &other)) continue; /* refused, or a field that does not matter */
        assert_ok(context, write_and_read(context, family, &other, &back));
        if (!hd_recipe_equal(&other, &back) || hd_recipe_equal(recipe, &back))
            fail_msg("%s: byte %zu is carried but lost", family->model_type, byte);
    }
}

static void each_field_is_carried_or_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    int recipes = 0;
    for (int f = 0; hd_families[f]; f++)
        for (int head = 0; head < HD_HEADS; head++)
            for (int sides = 1; sides < 4; sides++) {
                hd_recipe recipe;
                if (!small_recipe(context, hd_families[f], (hd_head)head, sides & 1, sides & 2, &recipe)) continue;
                check_flips(context, hd_families[f], &recipe);
                recipes++;
            }
    assert_true(recipes >= 14);
    heed_context_close(context);
}

/* A recipe that one family's forward code would lose is not written as it. */
static void what_a_family_lacks_is_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe recipe;
    bool carries;
    assert_true(small_recipe(context, &hd_marian, HD_HEAD_LANGUAGE, true, true, &recipe));
    recipe.side[HD_DECODER].key_heads = 1;
    assert_ok(context, hd_family_carries(context, &hd_marian, &recipe, &carries));
    assert_false(carries);
    recipe.side[HD_DECODER].key_heads = 2; /* as many as heads: the same model */
    assert_ok(context, hd_family_carries(context, &hd_marian, &recipe, &carries));
    assert_true(carries);
    recipe.side[HD_DECODER].activation = HD_GELU; /* one key for both sides */
    assert_ok(context, hd_family_carries(context, &hd_marian, &recipe, &carries));
    assert_false(carries);
    assert_false(small_recipe(context, &hd_marian, HD_HEAD_LANGUAGE, false, true, &recipe));
    assert_false(small_recipe(context, &hd_gpt2, HD_HEAD_MASKED, true, false, &recipe));
    heed_context_close(context);
}

/* A default or constant of a family replaces the base's. */
static void a_family_replaces_its_base_keys(void **state) {
    (void)state;
    static char path[] = "config.json";
    heed_context *context = open_context();
    hd_recipe recipe;
    json_t *config =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "vocab_size", 11, "hidden_size", 8, "intermediate_size", 12,
                  "num_hidden_layers", 1, "num_attention_heads", 2, "max_position_embeddings", 16);
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    assert_ok(context, hd_family_read(&hd_qwen3, &json, &recipe));
    assert_int_equal(recipe.side[HD_DECODER].head_width, 128);
    assert_ok(context, hd_family_read(&hd_bert, &json, &recipe));
    assert_true(recipe.pad == 0 && recipe.side[HD_ENCODER].max_positions == 16);
    assert_ok(context, hd_family_read(&hd_roberta, &json, &recipe));
    assert_true(recipe.pad == 1 && recipe.side[HD_ENCODER].max_positions == 14);
    json_object_set_new(config, "attention_bias", json_true());
    assert_ok(context, hd_family_read(&hd_qwen2, &json, &recipe));
    assert_int_equal(recipe.side[HD_DECODER].biases, HD_BIAS_QKV);
    assert_ok(context, hd_family_read(&hd_llama, &json, &recipe));
    assert_int_equal(recipe.side[HD_DECODER].biases, HD_BIAS_QKV | HD_BIAS_OUT);
    json_object_set_new(config, "is_decoder", json_true());
    assert_int_equal(hd_family_read(&hd_bert, &json, &recipe), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "\"is_decoder\" is something other than false"));
    json_decref(config);
    heed_context_close(context);
}

static void other_spellings_are_tried(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_slot slot = {HD_ENCODER, HD_MODULE_ATTENTION_NORM, .layer = 3, .part = HD_WEIGHT};
    bool found = false;
    hd_buffer name;
    hd_buffer_open(&name, context);
    hd_family_weight_name(&hd_bert, &slot, &name);
    for (unsigned set = 0; hd_family_respell(&hd_bert, set, &name); set++) {
        found |= strcmp(name.data, "encoder.layer.3.attention.output.LayerNorm.gamma") == 0;
        hd_buffer_clear(&name);
        hd_family_weight_name(&hd_bert, &slot, &name);
    }
    assert_true(found);
    hd_buffer_close(&name);
    heed_context_close(context);
}

/* ---- defaults and limits ---- */

/* A token id that a config of gpt2 or llama lacks is none, not that of the first of these models. */
static bool has_another_default(const char *family, const char *key) {
    return (strcmp(family, "gpt2") == 0 || strcmp(family, "llama") == 0) &&
           (strcmp(key, "bos_token_id") == 0 || strcmp(key, "eos_token_id") == 0);
}

/* The defaults of transformers (defaults.py), less one key: the same recipe, or an error that names the key. */
static void a_missing_key_has_transformers_default(void **state) {
    (void)state;
    json_t *all = json_load_file(GOLDEN "/families/defaults.json", 0, NULL);
    heed_context *context = open_context();
    const char *name, *key;
    json_t *defaults, *value;
    int same = 0, required = 0;
    assert_non_null(all);
    json_object_foreach(all, name, defaults) {
        const hd_family *family = hd_family_named(name);
        hd_recipe whole, recipe;
        assert_non_null(family);
        assert_ok(context, read_config(context, family, defaults, &whole));
        json_object_foreach(defaults, key, value) {
            if (has_another_default(name, key)) continue;
            json_t *config = json_copy(defaults);
            json_object_del(config, key);
            if (read_config(context, family, config, &recipe) != HEED_OK) {
                char quoted[64];
                snprintf(quoted, sizeof quoted, "\"%s\"", key);
                if (!strstr(heed_context_message(context), quoted))
                    fail_msg("%s without %s: %s", name, key, heed_context_message(context));
                required++;
            } else if (!hd_recipe_equal(&whole, &recipe)) {
                fail_msg("%s without %s has another recipe", name, key);
            } else {
                same++;
            }
            json_decref(config);
        }
    }
    assert_true(required >= 4 * (int)json_object_size(all)); /* at least the sizes */
    assert_true(same > 10 * (int)json_object_size(all));
    json_decref(all);
    heed_context_close(context);
}

/* Whether a family between `family` and its base has a key of this name too, which replaces that of the base. */
static bool is_replaced(const hd_family *family, const hd_family *base, const char *name) {
    for (const hd_family *f = family; f != base; f = f->base)
        for (size_t i = 0; i < f->key_count; i++)
            if (strcmp(f->keys[i].name, name) == 0) return true;
    return false;
}

/* What is taken for granted may be written, and nothing else in its place. */
static void constants_are_checked(void **state) {
    (void)state;
    json_t *all = json_load_file(GOLDEN "/families/defaults.json", 0, NULL);
    heed_context *context = open_context();
    const char *name;
    json_t *defaults;
    int checked = 0;
    json_object_foreach(all, name, defaults) {
        const hd_family *family = hd_family_named(name);
        for (const hd_family *f = family; f; f = f->base)
            for (size_t i = 0; i < f->key_count; i++) {
                hd_recipe recipe;
                if (f->keys[i].kind != HD_KEY_CONSTANT || is_replaced(family, f, f->keys[i].name)) continue;
                json_t *config = json_copy(defaults),
                       *constant = json_loads(f->keys[i].otherwise, JSON_DECODE_ANY, NULL);
                json_t *other =
                    json_is_boolean(constant) ? json_boolean(!json_is_true(constant)) : json_string("other");
                json_object_set_new(config, f->keys[i].name, other);
                if (read_config(context, family, config, &recipe) != HEED_UNSUPPORTED)
                    fail_msg("%s is read with another \"%s\"", name, f->keys[i].name);
                assert_non_null(strstr(heed_context_message(context), f->keys[i].name));
                json_object_set_new(config, f->keys[i].name, constant);
                assert_ok(context, read_config(context, family, config, &recipe));
                json_decref(config);
                checked++;
            }
    }
    assert_true(checked > 25);
    json_decref(all);
    heed_context_close(context);
}

static void recurrent_defaults_are_heeds_own(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe recipe;
    json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:s, s:s}", "vocab_size", 11, "hidden_size", 8, "encoder_layers",
                               1, "decoder_layers", 0, "cell", "gru", "memory", "last");
    assert_ok(context, read_config(context, &hd_heed_rnn, config, &recipe));
    assert_true(recipe.bidirectional && !recipe.crf && recipe.dropout == 0.1f);
    assert_true(recipe.pad == -1 && recipe.eos == -1 && recipe.decoder_start == -1);
    assert_true(recipe.side[HD_ENCODER].max_positions == 512 && recipe.side[HD_DECODER].max_positions == 512);
    assert_true(recipe.side[HD_ENCODER].layers == 1 && recipe.side[HD_DECODER].layers == 0);
    json_object_set_new(config, "bidirectional", json_false());
    assert_ok(context, read_config(context, &hd_heed_rnn, config, &recipe));
    assert_false(recipe.bidirectional);
    json_decref(config);
    heed_context_close(context);
}

/* Each kind of key at its limits and just past them. */
static void keys_have_limits(void **state) {
    (void)state;
    static const struct {
        const char *key, *value;
        bool fits;
    } cases[] = {
        {"num_hidden_layers", "1", true},    {"num_hidden_layers", "0", false},     {"num_key_value_heads", "1", true},
        {"num_key_value_heads", "0", false}, {"hidden_size", "16777216", true},     {"hidden_size", "16777217", false},
        {"rms_norm_eps", "0", true},         {"rms_norm_eps", "-1e-9", false},      {"eos_token_id", "16777216", true},
        {"eos_token_id", "16777217", false}, {"eos_token_id", "[16777217]", false}, {"eos_token_id", "[3, 4]", true},
        {"eos_token_id", "-5", true},        {"eos_token_id", "null", true},        {"eos_token_id", "[]", true},
        {"eos_token_id", "[\"a\"]", false},  {"bos_token_id", "[3]", true},         {"bos_token_id", "[3, 4]", false},
        {"attention_bias", "1", false},      {"hidden_act", "\"tanhx\"", false},    {"rope_theta", "1", false},
        {"rope_theta", "1.5", true}};
    heed_context *context = open_context();
    json_t *all = json_load_file(GOLDEN "/families/defaults.json", 0, NULL);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe;
        json_t *config = json_copy(json_object_get(all, "llama"));
        json_object_set_new(config, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        heed_status status = read_config(context, &hd_llama, config, &recipe);
        if ((status == HEED_OK) != cases[i].fits)
            fail_msg("%s = %s: %s", cases[i].key, cases[i].value, heed_context_message(context));
        if (strcmp(cases[i].value, "[3, 4]") == 0 && cases[i].fits) assert_int_equal(recipe.eos, 3);
        if (strcmp(cases[i].value, "[3]") == 0) assert_int_equal(recipe.decoder_start, 3);
        if (strcmp(cases[i].value, "-5") == 0 || strcmp(cases[i].value, "null") == 0 ||
            strcmp(cases[i].value, "[]") == 0)
            assert_int_equal(recipe.eos, -1);
        json_decref(config);
    }
    json_decref(all);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(labels_have_names),
                                       cmocka_unit_test(scores_follow_the_problem),
                                       cmocka_unit_test(each_field_is_carried_or_refused),
                                       cmocka_unit_test(what_a_family_lacks_is_refused),
                                       cmocka_unit_test(a_family_replaces_its_base_keys),
                                       cmocka_unit_test(other_spellings_are_tried),
                                       cmocka_unit_test(a_missing_key_has_transformers_default),
                                       cmocka_unit_test(constants_are_checked),
                                       cmocka_unit_test(recurrent_defaults_are_heeds_own),
                                       cmocka_unit_test(keys_have_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
