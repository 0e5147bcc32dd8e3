/* Windows of attention, and caps of scores and logits, as configs of decoders state them. */
#include "family_recipes.h"

#include <stdio.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_are_those_of_transformers),
                                       cmocka_unit_test(every_set_of_layers_is_written), cmocka_unit_test(gemma2_caps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
