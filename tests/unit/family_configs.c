/* What families read of configs and write into them: labels, recipe fields, defaults, limits and special tokens. */
#include "fixture.h"

#include "base/file.h"
#include "formats/json.h"
#include "models/model.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A recipe as a family writes it, read again. */
static heed_status write_and_read(heed_context *context, const hd_family *family, const hd_recipe *recipe,
                                  hd_recipe *back) {
    static char path[] = "written";
    json_t *config = hd_family_write(context, family, recipe);
    assert_non_null(config);
    json_object_set_new(config, "num_labels", json_integer(recipe->labels));
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    heed_status status = hd_family_read(family, &json, back);
    json_decref(config);
    return status;
}

/* A small recipe of a family, with such a head and such sides; false when there is none. */
static bool small_recipe(heed_context *context, const hd_family *family, hd_head head, bool encoder, bool decoder,
                         hd_recipe *recipe) {
    bool has;
    assert_ok(context, hd_family_has(context, family, head, encoder, decoder, &has));
    if (!has) return false;
    assert_ok(context, hd_family_default(context, family, head, NULL, recipe));
    recipe->vocabulary = 11, recipe->width = 8;
    recipe->labels = hd_head_classifies(head) ? 5 : 0;
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        side->layers = (i == HD_ENCODER ? encoder : decoder) ? 2 : 0;
        side->heads = 2, side->ffn_width = 12, side->max_positions = 16;
    }
    return true;
}

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

static void opt_350m_is_refused_by_name(void **state) {
    (void)state;
    static char path[] = "config.json";
    heed_context *context = open_context();
    hd_recipe recipe;
    json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "vocab_size", 11, "hidden_size", 8, "ffn_dim", 12,
                               "num_hidden_layers", 1, "num_attention_heads", 2, "word_embed_proj_dim", 4);
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    assert_int_equal(hd_family_read(&hd_opt, &json, &recipe), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "word_embed_proj_dim"));
    json_object_set_new(config, "do_layer_norm_before", json_false());
    assert_int_equal(hd_family_read(&hd_opt, &json, &recipe), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "do_layer_norm_before"));
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

/* ---- defaults ---- */

static heed_status read_config(heed_context *context, const hd_family *family, json_t *config, hd_recipe *recipe) {
    static char path[] = "config.json";
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    return hd_family_read(family, &json, recipe);
}

/* Configs of DeBERTa that say the same in other ways, as transformers reads them. */
static void deberta_has_several_spellings(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"{}", "{}"},
        {"{\"pos_att_type\": \"p2c|c2p\"}", "{}"},
        {"{\"pos_att_type\": \" C2P | p2c|p2p\"}", "{}"},
        {"{\"pos_att_type\": [\"c2p\", \"p2p\", \"p2c\"]}", "{}"},
        {"{\"max_relative_positions\": 512}", "{}"},
        {"{\"max_relative_positions\": 0}", "{}"},
        {"{\"norm_rel_ebd\": \"LAYER_NORM\"}", "{}"},
        {"{\"embedding_size\": 24}", "{}"},
        {"{\"attention_head_size\": 8, \"conv_kernel_size\": 0}", "{}"},
        {"{\"pos_att_type\": null}", "{\"pos_att_type\": \"\"}"},
        {"{\"position_buckets\": 0}", "{\"position_buckets\": -1}"},
        {"{\"relative_attention\": false, \"position_buckets\": 9, \"share_att_key\": false}",
         "{\"relative_attention\": false}"},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(changes); i++) {
        hd_recipe recipes[2];
        for (int j = 0; j < 2; j++) {
            json_t *config =
                json_pack("{s:i, s:i, s:i, s:i, s:i, s:b, s:[ss], s:i, s:b, s:b, s:s}", "vocab_size", 11, "hidden_size",
                          24, "intermediate_size", 12, "num_hidden_layers", 1, "num_attention_heads", 3,
                          "relative_attention", 1, "pos_att_type", "p2c", "c2p", "position_buckets", 256,
                          "share_att_key", 1, "position_biased_input", 0, "norm_rel_ebd", "layer_norm");
            json_t *change = json_loads(changes[i][j], 0, NULL);
            json_object_update(config, change);
            assert_ok(context, read_config(context, &hd_deberta_v2, config, &recipes[j]));
            json_decref(change);
            json_decref(config);
        }
        if (!hd_recipe_equal(&recipes[0], &recipes[1])) fail_msg("%s is another recipe", changes[i][0]);
    }
    heed_context_close(context);
}

/* What transformers computes and heed does not, and sizes that contradict each other. */
static void deberta_options_are_refused_by_name(void **state) {
    (void)state;
    static const char *const changes[][2] = {{"{\"conv_kernel_size\": 3}", "\"conv_kernel_size\""},
                                             {"{\"norm_rel_ebd\": \"batch\"}", "\"norm_rel_ebd\" is \"batch\""},
                                             {"{\"pooler_hidden_size\": 8}", "\"pooler_hidden_size\" is 8"},
                                             {"{\"attention_head_size\": 7}", "\"attention_head_size\" is 7"},
                                             {"{\"pos_att_type\": [3]}", "\"pos_att_type[0]\""},
                                             {"{\"pos_att_type\": 3}", "\"pos_att_type\""},
                                             {"{\"position_buckets\": \"256\"}", "\"position_buckets\""},
                                             {"{\"hidden_act\": \"swoosh\"}", "\"hidden_act\" is \"swoosh\""},
                                             {"{\"pooler_hidden_act\": \"swoosh\"}", "\"pooler_hidden_act\""}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(changes); i++) {
        hd_recipe recipe;
        json_t *config = json_load_file(GOLDEN "/families/deberta-v2-text/config.json", 0, NULL);
        json_t *change = json_loads(changes[i][0], 0, NULL);
        assert_ok(context, read_config(context, &hd_deberta_v2, config, &recipe));
        json_object_update(config, change);
        assert_true(read_config(context, &hd_deberta_v2, config, &recipe) != HEED_OK);
        if (!strstr(heed_context_message(context), changes[i][1]))
            fail_msg("%s: %s", changes[i][0], heed_context_message(context));
        json_decref(change);
        json_decref(config);
    }
    heed_context_close(context);
}

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

/* ---- windows of attention ---- */

/* A config of six layers with further keys: the window of each layer, or a part of the message that refuses it. */
typedef struct window_case {
    const hd_family *family;
    const char *keys; /* in JSON, without braces */
    int64_t window;
    const char *layers; /* "w" with the window, "." without */
    const char *refusal;
} window_case;

static json_t *six_layers(const char *keys) {
    char text[1024];
    snprintf(text, sizeof text,
             "{\"vocab_size\": 11, \"hidden_size\": 8, \"intermediate_size\": 12, \"num_hidden_layers\": 6, "
             "\"num_layers\": 6, "
             "\"num_attention_heads\": 2, \"num_heads\": 2, \"num_key_value_heads\": 1%s%s}",
             *keys ? ", " : "", keys);
    json_t *config = json_loads(text, 0, NULL);
    assert_non_null(config);
    return config;
}

static void assert_windows(const window_case *c, const hd_recipe *recipe) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    for (int64_t i = 0; i < side->layers; i++)
        if (hd_side_window(side, i) != (c->layers[i] == 'w' ? c->window : 0))
            fail_msg("%s {%s}: layer %d has a window of %d", c->family->model_type, c->keys, (int)i,
                     (int)hd_side_window(side, i));
}

static void windows_are_those_of_transformers(void **state) {
    (void)state;
#define FULL    "\"full_attention\""
#define SLIDING "\"sliding_attention\""
#define TYPES   "\"layer_types\": [" SLIDING ", " FULL ", " FULL ", " SLIDING ", " FULL ", " FULL "]"
#define ON      "\"use_sliding_window\": true, "
    static const window_case cases[] = {
        {&hd_mistral, "", 4096, "wwwwww", NULL},
        {&hd_mistral, "\"sliding_window\": 7", 7, "wwwwww", NULL},
        {&hd_mistral, "\"sliding_window\": null", 0, "......", NULL},
        {&hd_mistral, "\"sliding_window\": 0", 0, NULL, "\"sliding_window\" is 0"},
        {&hd_mistral, TYPES, 0, NULL, "\"layer_types\", of which a model of type \"mistral\" has none"},
        {&hd_gemma2, "", 4096, "w.w.w.", NULL},
        {&hd_gemma2, "\"sliding_window\": 9, " TYPES, 9, "w..w..", NULL},
        {&hd_gemma2, "\"layer_types\": [" FULL "]", 0, NULL, "\"layer_types\" has 1 types for 6 layers"},
        {&hd_gemma2, "\"layer_types\": 3", 0, NULL, "\"layer_types\" is 3"},
        {&hd_gemma2, "\"sliding_window\": null", 0, "......", NULL},
        {&hd_gemma2, "\"sliding_window\": null, " TYPES, 0, NULL, "has sliding_attention, but there is no window"},
        {&hd_gemma2, "\"use_bidirectional_attention\": true", 0, NULL, "\"use_bidirectional_attention\""},
        {&hd_qwen2, "", 0, "......", NULL},
        {&hd_qwen2, "\"sliding_window\": 9, \"max_window_layers\": 2", 0, "......", NULL},
        {&hd_qwen2, ON "\"sliding_window\": 9, \"max_window_layers\": 4", 9, "....ww", NULL},
        {&hd_qwen2, ON "\"sliding_window\": 9, \"max_window_layers\": 0", 9, "wwwwww", NULL},
        {&hd_qwen2, ON "\"max_window_layers\": 5", 4096, ".....w", NULL},
        {&hd_qwen2, ON "\"sliding_window\": 9", 9, "......", NULL}, /* from layer 28 on */
        {&hd_qwen2, ON "\"sliding_window\": null, \"max_window_layers\": 2", 0, "......", NULL},
        {&hd_qwen2, TYPES, 0, NULL, "has sliding_attention, but there is no window"},
        {&hd_qwen2, ON TYPES, 4096, "w..w..", NULL},
        {&hd_qwen3, ON "\"sliding_window\": 9, " TYPES, 9, "w..w..", NULL},
        {&hd_qwen3, ON "\"sliding_window\": 9, \"max_window_layers\": 4", 9, "....ww", NULL},
        {&hd_qwen3, "\"layer_types\": [\"chunked_attention\", 1, 2, 3, 4, 5]", 0, NULL,
         "\"layer_types\" has chunked_attention, which heed lacks; it has full_attention and sliding_attention"},
        {&hd_qwen3, "\"layer_types\": [1, 1, 2, 3, 4, 5]", 0, NULL, "\"layer_types\" has an unknown kind"},
        {&hd_gpt_neo, "\"attention_types\": [[[\"global\", \"local\"], 3]]", 256, ".w.w.w", NULL},
        {&hd_gpt_neo, "", 256, ".w.w.w", NULL},
        {&hd_gpt_neo,
         "\"window_size\": 5, \"attention_types\": [[[\"local\"], 2], [[\"global\", \"global\", \"local\"], 1], "
         "[[\"global\"], 0], [[\"local\"], 1]]",
         5, "ww..ww", NULL},
        {&hd_gpt_neo, "\"attention_types\": [[[\"global\"], 6]]", 0, "......", NULL},
        {&hd_gpt_neo, "\"attention_types\": [[[\"global\"], 5]]", 0, NULL, "has 5 kinds of attention for 6 layers"},
        {&hd_gpt_neo, "\"attention_types\": [[[\"global\", \"local\"], 4]]", 0, NULL,
         "has 8 kinds of attention for 6 layers"},
        {&hd_gpt_neo, "\"attention_types\": [[[\"sparse\"], 6]]", 0, NULL, "has sparse, which heed lacks"},
        {&hd_gpt_neo, "\"attention_types\": [[\"global\", 6]]", 0, NULL, "kinds of attention with a number of times"},
        {&hd_gpt_neo, "\"attention_types\": [[[\"global\"], -1]]", 0, NULL,
         "kinds of attention with a number of times"},
        {&hd_gpt_neo, "\"attention_layers\": [\"global\", \"local\", \"global\", \"local\", \"global\", \"local\"]",
         256, ".w.w.w", NULL},
        {&hd_gpt_neo, "\"attention_layers\": [\"global\", \"global\", \"global\", \"local\", \"global\", \"local\"]", 0,
         NULL, "have other kinds for layer 1"},
        {&hd_gpt_neo, "\"attention_layers\": [\"global\"]", 0, NULL, "\"attention_layers\" has 1 kinds"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        const window_case *c = &cases[i];
        heed_context *context = open_context();
        hd_recipe recipe, back;
        json_t *config = six_layers(c->keys);
        heed_status status = read_config(context, c->family, config, &recipe);
        json_decref(config);
        if (c->refusal) {
            assert_int_not_equal(status, HEED_OK);
            if (!strstr(heed_context_message(context), c->refusal))
                fail_msg("%s {%s}: %s", c->family->model_type, c->keys, heed_context_message(context));
        } else {
            assert_ok(context, status);
            assert_windows(c, &recipe);
            assert_ok(context, write_and_read(context, c->family, &recipe, &back));
            assert_windows(c, &back);
            assert_true(hd_recipe_equal(&recipe, &back));
        }
        heed_context_close(context);
    }
}

/* A family writes a recipe with any set of global layers, or refuses it. */
static void every_set_of_layers_is_written(void **state) {
    (void)state;
    static const hd_family *const families[] = {&hd_gemma2, &hd_qwen2, &hd_qwen3, &hd_gpt_neo, &hd_mistral, &hd_llama};
    heed_context *context = open_context();
    for (size_t f = 0; f < HD_COUNT(families); f++)
        for (unsigned set = 0; set < 16; set++) {
            hd_recipe recipe;
            bool carries, any = set != 15, all = set == 0;
            assert_true(small_recipe(context, families[f], HD_HEAD_LANGUAGE, false, true, &recipe));
            hd_side_recipe *side = &recipe.side[HD_DECODER];
            side->layers = 4, side->window = 5, side->global_layers = (hd_layer_set){{set}};
            assert_ok(context, hd_family_carries(context, families[f], &recipe, &carries));
            bool expected = families[f] == &hd_llama ? !any : families[f] == &hd_mistral ? all || !any : true;
            if (carries != expected) fail_msg("%s, global layers %x", families[f]->model_type, set);
        }
    heed_context_close(context);
}

/* null, a number or no key: caps of scores and logits, and the scale. */
static void gemma2_caps(void **state) {
    (void)state;
    static const struct {
        const char *keys;
        float scale, scores, logits;
    } cases[] = {{"", 0.0625f, 50, 30},
                 {"\"attn_logit_softcapping\": null", 0.0625f, 0, 30},
                 {"\"final_logit_softcapping\": null, \"query_pre_attn_scalar\": 4", 0.5f, 50, 0},
                 {"\"final_logit_softcapping\": 2.5, \"attn_logit_softcapping\": 1.25", 0.0625f, 1.25f, 2.5f},
                 {"\"query_pre_attn_scalar\": 144", 1 / 12.0f, 50, 30}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_context *context = open_context();
        hd_recipe recipe, back;
        json_t *config = six_layers(cases[i].keys);
        assert_ok(context, read_config(context, &hd_gemma2, config, &recipe));
        assert_true(recipe.side[HD_DECODER].score_scale == cases[i].scale);
        assert_true(recipe.side[HD_DECODER].score_softcap == cases[i].scores);
        assert_true(recipe.logit_softcap == cases[i].logits);
        assert_ok(context, write_and_read(context, &hd_gemma2, &recipe, &back));
        assert_true(hd_recipe_equal(&recipe, &back));
        json_decref(config);
        heed_context_close(context);
    }
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

/* What transformers reads of the configs of T5 1.1, of those that its version 5 writes, and of those that say little. */
static void t5_configs_are_read_as_by_transformers(void **state) {
    (void)state;
    static const struct {
        const hd_family *family;
        const char *more; /* besides the sizes */
        hd_activation activation;
        bool gated, scaled, untied, per_layer;
    } cases[] = {
        {&hd_t5, "{}", HD_RELU, false, true, false, false},
        {&hd_t5, "{\"feed_forward_proj\": \"gated-gelu\", \"tie_word_embeddings\": false}", HD_GELU_TANH, true, false,
         true, false},
        {&hd_t5, "{\"feed_forward_proj\": \"gelu\", \"scale_decoder_outputs\": false}", HD_GELU, false, false, false,
         false},
        {&hd_t5, "{\"feed_forward_proj\": \"gated-silu\", \"dense_act_fn\": \"relu\"}", HD_RELU, true, true, false,
         false},
        {&hd_t5, "{\"feed_forward_proj\": \"gated-gelu\", \"dense_act_fn\": \"gelu\", \"is_gated_act\": false}",
         HD_GELU, false, true, false, false},
        {&hd_mt5, "{}", HD_GELU_TANH, true, false, false, false},
        {&hd_mt5, "{\"feed_forward_proj\": \"relu\", \"tie_word_embeddings\": false}", HD_RELU, false, false, true,
         false},
        {&hd_mt5, "{\"scale_decoder_outputs\": true}", HD_GELU_TANH, true, false, false, false},
        {&hd_umt5, "{\"scale_decoder_outputs\": false}", HD_GELU_TANH, true, false, false, true},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe;
        json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:i}", "vocab_size", 11, "d_model", 16, "d_ff", 12,
                                   "num_layers", 3, "num_heads", 2),
               *more = json_loads(cases[i].more, 0, NULL);
        json_object_update(config, more);
        assert_ok(context, read_config(context, cases[i].family, config, &recipe));
        for (int s = 0; s < HD_SIDES; s++) {
            const hd_side_recipe *side = &recipe.side[s];
            assert_true(side->activation == (int)cases[i].activation && side->gated == cases[i].gated);
            assert_true(side->layers == 3 && side->head_width == 64 && side->position_buckets == 32);
            assert_true(side->bucket_distance == 128 && side->bucket_per_layer == cases[i].per_layer);
        }
        assert_true(recipe.scale_logits == cases[i].scaled && recipe.untied == cases[i].untied);
        assert_true(recipe.pad == 0 && recipe.decoder_start == 0 && recipe.eos == 1);
        json_object_set_new(config, "num_decoder_layers", json_integer(5));
        assert_ok(context, read_config(context, cases[i].family, config, &recipe));
        assert_int_equal(recipe.side[HD_DECODER].layers, 5);
        json_object_set_new(config, "dense_act_fn", json_string("gegelu"));
        assert_int_equal(read_config(context, cases[i].family, config, &recipe), HEED_UNSUPPORTED);
        assert_non_null(strstr(heed_context_message(context), "\"gegelu\""));
        json_decref(more);
        json_decref(config);
    }
    heed_context_close(context);
}

/* Classes with the head that heed has for them, and those of the encoder alone. */
static void t5_classes_have_sides(void **state) {
    (void)state;
    static const struct {
        const hd_family *family;
        const char *name;
        int head;
        bool decodes;
    } cases[] = {{&hd_t5, "T5WithLMHeadModel", HD_HEAD_LANGUAGE, true},
                 {&hd_t5, "T5Model", HD_HEAD_LANGUAGE, true},
                 {&hd_t5, "T5EncoderModel", HD_HEAD_NONE, false},
                 {&hd_mt5, "MT5EncoderModel", HD_HEAD_NONE, false},
                 {&hd_umt5, "UMT5ForTokenClassification", HD_HEAD_CLASSIFY_TOKENS, false}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe;
        json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:i, s:[s]}", "vocab_size", 11, "d_model", 16, "d_ff", 12,
                                   "num_layers", 3, "num_heads", 2, "architectures", cases[i].name);
        assert_ok(context, read_config(context, cases[i].family, config, &recipe));
        assert_int_equal(recipe.head, cases[i].head);
        assert_int_equal(recipe.side[HD_DECODER].layers, cases[i].decodes ? 3 : 0);
        json_decref(config);
    }
    heed_context_close(context);
}

/* Padding is token 1 whatever the tokenizer says, and the number of buckets is fixed in transformers' code. */
static void mpnet_has_its_own_padding(void **state) {
    (void)state;
    static const char *const keys[] = {"pad_token_id", "relative_attention_num_buckets"};
    heed_context *context = open_context();
    hd_recipe recipe;
    json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:i}", "vocab_size", 11, "hidden_size", 8, "intermediate_size", 12,
                               "num_hidden_layers", 1, "num_attention_heads", 2);
    assert_ok(context, read_config(context, &hd_mpnet, config, &recipe));
    const hd_side_recipe *side = &recipe.side[HD_ENCODER];
    assert_true(recipe.pad == 1 && side->position_offset == 2 && side->max_positions == 510 && !side->token_types);
    for (size_t i = 0; i < HD_COUNT(keys); i++) {
        json_object_set_new(config, keys[i], json_integer(8));
        assert_int_equal(read_config(context, &hd_mpnet, config, &recipe), HEED_UNSUPPORTED);
        assert_non_null(strstr(heed_context_message(context), keys[i]));
        json_object_del(config, keys[i]);
    }
    json_decref(config);
    hd_token_ids ids = {0, 2, -1};
    assert_int_equal(hd_family_default(context, &hd_mpnet, HD_HEAD_MASKED, &ids, &recipe), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "the padding token is 0"));
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

/* ---- special tokens ---- */

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static void write_text(const char *folder, const char *name, const char *text, size_t size) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, path, text, size));
    heed_context_close(context);
}

/* A tokenizer of 37 tokens without a template. */
static void write_tokenizer(const char *folder) {
    static const char *const first[] = {"<begin>", "<unk>", "<stop>", "<gap>", "<hole>"};
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_buffer_text(&text, "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"merges\":[],\"vocab\":{");
    for (int i = 0; i < 37; i++) {
        if (i < (int)HD_COUNT(first))
            hd_buffer_format(&text, "%s\"%s\":%d", i ? "," : "", first[i], i);
        else
            hd_buffer_format(&text, ",\"t%d\":%d", i, i);
    }
    hd_buffer_text(&text, "}}}");
    write_text(folder, "tokenizer.json", text.data, text.size);
    hd_buffer_close(&text);
    heed_context_close(context);
}

static void copy_file(const char *from, const char *to, const char *name) {
    char path[700];
    hd_map map;
    heed_context *context = open_context();
    snprintf(path, sizeof path, "%s/%s", from, name);
    assert_ok(context, hd_map_open(context, path, &map));
    write_text(to, name, (const char *)map.data, map.size);
    hd_map_close(&map);
    heed_context_close(context);
}

static void assert_token(const json_t *config, const char *key, const char *text) {
    const char *found = json_string_value(json_object_get(config, key));
    if (!text && !found) return;
    if (!text || !found || strcmp(text, found) != 0)
        fail_msg("%s is %s, not %s", key, found ? found : "missing", text ? text : "missing");
}

/* The padding token of the config is 1, which the tokenizer calls unknown. */
static void special_tokens_are_saved_by_role(void **state) {
    (void)state;
    static const char *const files[] = {"special_tokens_map.json", "tokenizer_config.json"};
    static const char *const pads[] = {NULL, "<gap>"};
    char folder[] = "/tmp/heed-XXXXXX", saved[64], path[128], text[512];
    assert_non_null(mkdtemp(folder));
    snprintf(saved, sizeof saved, "%s/saved", folder);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", saved);
    copy_file(GOLDEN "/families/roberta-masked", folder, "config.json");
    copy_file(GOLDEN "/families/roberta-masked", folder, "model.safetensors");
    write_tokenizer(folder);
    for (int i = 0; i < 2; i++) {
        heed_context *context = open_context();
        heed_model *model;
        int size = snprintf(text, sizeof text,
                            "{\"bos_token\": \"<begin>\", \"cls_token\": {\"content\": \"<begin>\"}, \"sep_token\": "
                            "\"<stop>\", \"eos_token\": \"<stop>\", \"mask_token\": \"<hole>\"%s}",
                            pads[i] ? ", \"pad_token\": \"<gap>\"" : "");
        write_text(folder, files[i], text, (size_t)size);
        assert_ok(context, hd_model_open(context, folder, HD_OPEN_TO_TRAIN, &model));
        assert_ok(context, hd_model_save(model, saved, HD_F32, "a card"));
        json_t *config = json_load_file(path, 0, NULL);
        assert_non_null(config);
        assert_token(config, "bos_token", "<begin>");
        assert_token(config, "cls_token", "<begin>");
        assert_token(config, "sep_token", "<stop>");
        assert_token(config, "eos_token", "<stop>");
        assert_token(config, "mask_token", "<hole>");
        assert_token(config, "unk_token", "<unk>");
        assert_token(config, "pad_token", pads[i]);
        json_decref(config);
        hd_model_close(model);
        heed_context_close(context);
    }
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(labels_have_names),
                                       cmocka_unit_test(scores_follow_the_problem),
                                       cmocka_unit_test(each_field_is_carried_or_refused),
                                       cmocka_unit_test(what_a_family_lacks_is_refused),
                                       cmocka_unit_test(a_family_replaces_its_base_keys),
                                       cmocka_unit_test(opt_350m_is_refused_by_name),
                                       cmocka_unit_test(windows_are_those_of_transformers),
                                       cmocka_unit_test(every_set_of_layers_is_written),
                                       cmocka_unit_test(gemma2_caps),
                                       cmocka_unit_test(deberta_has_several_spellings),
                                       cmocka_unit_test(deberta_options_are_refused_by_name),
                                       cmocka_unit_test(a_missing_key_has_transformers_default),
                                       cmocka_unit_test(constants_are_checked),
                                       cmocka_unit_test(recurrent_defaults_are_heeds_own),
                                       cmocka_unit_test(keys_have_limits),
                                       cmocka_unit_test(t5_configs_are_read_as_by_transformers),
                                       cmocka_unit_test(t5_classes_have_sides),
                                       cmocka_unit_test(mpnet_has_its_own_padding),
                                       cmocka_unit_test(other_spellings_are_tried),
                                       cmocka_unit_test(special_tokens_are_saved_by_role)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
