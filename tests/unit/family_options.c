/* Options of single families, as transformers reads them: OPT, DeBERTa, T5, MPNet. */
#include "family_recipes.h"

/* OPT-350m, models without biases, and those that were fine-tuned before transformers had a final norm. */
static void opt_options_are_read_as_by_transformers(void **state) {
    (void)state;
    static const struct {
        const char *keys;
        int64_t embedding_width;
        hd_norm_placement placement;
        bool final_norm, biased;
        const char *refusal;
    } cases[] = {
        {"{}", 0, HD_NORM_PRE, true, true, NULL},
        {"{\"word_embed_proj_dim\": 8}", 0, HD_NORM_PRE, true, true, NULL},
        {"{\"word_embed_proj_dim\": 4}", 4, HD_NORM_PRE, true, true, NULL},
        {"{\"word_embed_proj_dim\": 4, \"do_layer_norm_before\": false}", 4, HD_NORM_POST, false, true, NULL},
        {"{\"_remove_final_layer_norm\": true}", 0, HD_NORM_PRE, false, true, NULL},
        {"{\"enable_bias\": false}", 0, HD_NORM_PRE, true, false, NULL},
        {"{\"layer_norm_elementwise_affine\": false}", 0, HD_NORM_PRE, true, true, "layer_norm_elementwise_affine"},
        {"{\"word_embed_proj_dim\": 0}", 0, HD_NORM_PRE, true, true, "word_embed_proj_dim"},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_recipe recipe, back;
        json_t *config = json_pack("{s:i, s:i, s:i, s:i, s:i}", "vocab_size", 11, "hidden_size", 8, "ffn_dim", 12,
                                   "num_hidden_layers", 1, "num_attention_heads", 2),
               *keys = json_loads(cases[i].keys, 0, NULL);
        json_object_update(config, keys);
        heed_status status = read_config(context, &hd_opt, config, &recipe);
        if (cases[i].refusal) {
            assert_int_not_equal(status, HEED_OK);
            assert_non_null(strstr(heed_context_message(context), cases[i].refusal));
        } else {
            const hd_side_recipe *side = &recipe.side[HD_DECODER];
            assert_ok(context, status);
            assert_int_equal(recipe.embedding_width, cases[i].embedding_width);
            assert_int_equal(hd_recipe_state_width(&recipe), cases[i].embedding_width ? cases[i].embedding_width : 8);
            assert_int_equal(side->norm_placement, cases[i].placement);
            assert_true(side->final_norm == cases[i].final_norm && (side->biases != 0) == cases[i].biased);
            assert_ok(context, write_and_read(context, &hd_opt, &recipe, &back));
            assert_true(hd_recipe_equal(&recipe, &back));
        }
        json_decref(keys);
        json_decref(config);
    }
    heed_context_close(context);
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
        {"{\"conv_kernel_size\": -1, \"conv_act\": \"swoosh\", \"conv_groups\": 2}", "{}"},
        {"{\"conv_kernel_size\": 3}", "{\"conv_kernel_size\": 3, \"conv_act\": \"tanh\", \"conv_groups\": 1}"},
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
    static const char *const changes[][2] = {
        {"{\"conv_kernel_size\": 4}", "\"conv_kernel_size\" is 4"},
        {"{\"conv_kernel_size\": 3, \"conv_groups\": 2}", "\"conv_groups\" 2"},
        {"{\"conv_kernel_size\": 3, \"conv_act\": \"swoosh\"}", "\"conv_act\" is \"swoosh\""},
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
                 {&hd_umt5, "UMT5ForTokenClassification", HD_HEAD_CLASSIFY_TOKENS, false},
                 {&hd_t5, "T5ForSequenceClassification", HD_HEAD_CLASSIFY_TEXT, true},
                 {&hd_mt5, "MT5ForQuestionAnswering", HD_HEAD_ANSWER, true},
                 {&hd_umt5, "UMT5ForSequenceClassification", HD_HEAD_CLASSIFY_TEXT, true}};
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(opt_options_are_read_as_by_transformers),
                                       cmocka_unit_test(deberta_has_several_spellings),
                                       cmocka_unit_test(deberta_options_are_refused_by_name),
                                       cmocka_unit_test(t5_configs_are_read_as_by_transformers),
                                       cmocka_unit_test(t5_classes_have_sides),
                                       cmocka_unit_test(mpnet_has_its_own_padding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
