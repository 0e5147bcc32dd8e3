/* Pairs of texts: the tokenizer's template arranges them and gives types to their tokens, and the network reads the types. The
 * probabilities are those of transformers (tests/golden/families). */
#include "golden_families.h"

#include "tasks/encoded.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_PAIRS = 8, MOST_LABELS = 8 };

/* ---- a golden folder with a tokenizer: the token 5 is the word "t5" ---- */

static void write_file(const char *folder, const char *name, const char *text) {
    char path[256];
    heed_context *context = open_context();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(context, hd_file_write(context, path, text, strlen(text)));
    heed_context_close(context);
}

static void write_tokenizer(const char *folder, const json_t *post_processor, int64_t words) {
    json_t *vocabulary = json_object();
    for (int i = 0; i < (int)words; i++) {
        char word[16];
        snprintf(word, sizeof word, "t%d", i);
        json_object_set_new(vocabulary, word, json_integer(i));
    }
    json_t *root = json_pack("{s:s, s:[], s:{s:s}, s:O, s:{s:s, s:s, s:o}}", "version", "1.0", "added_tokens",
                             "pre_tokenizer", "type", "WhitespaceSplit", "post_processor", post_processor, "model",
                             "type", "WordLevel", "unk_token", "t0", "vocab", vocabulary);
    char *text = json_dumps(root, 0);
    write_file(folder, "tokenizer.json", text);
    free(text);
    json_decref(root);
}

static void link_golden(const golden *g, const char *folder) {
    static const char *const files[] = {"config.json", "model.safetensors"};
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        char from[600], to[256];
        snprintf(from, sizeof from, "%s/%s", g->path, files[i]);
        snprintf(to, sizeof to, "%s/%s", folder, files[i]);
        assert_int_equal(symlink(from, to), 0);
    }
}

/* ---- pairs ---- */

static const json_t *at(const json_t *pairs, const char *key, size_t i) {
    return json_array_get(json_object_get(pairs, key), i);
}

static const char *text_at(const json_t *pairs, size_t i, size_t which) {
    return json_string_value(json_array_get(at(pairs, "texts", i), which));
}

static void assert_arranged(const golden *g, const heed_model *model, const json_t *pairs, size_t i) {
    const json_t *ids = at(pairs, "ids", i), *types = at(pairs, "types", i);
    const char *second = text_at(pairs, i, 1);
    hd_encode_options options = {.add_special = true, .second = second, .second_size = strlen(second)};
    hd_encoding e = {0};
    const char *first = text_at(pairs, i, 0);
    assert_ok(model->context,
              hd_tokenizer_encode_with(model->tokenizer, model->context, first, strlen(first), &options, &e));
    assert_int_equal(e.count, json_array_size(ids));
    for (size_t t = 0; t < e.count; t++) {
        bool same = e.ids[t] == (int32_t)json_integer_value(json_array_get(ids, t)) &&
                    e.types[t] == (uint32_t)json_integer_value(json_array_get(types, t));
        if (!same) fail_msg("%s: pair %zu, token %zu: %d of type %u", g->name, i, t, e.ids[t], e.types[t]);
    }
    hd_encoding_close(&e);
}

static void assert_scores(const golden *g, const heed_model *model, const heed_results *results, size_t i,
                          const json_t *logits) {
    double p[MOST_LABELS], sum = 0;
    size_t labels = json_array_size(logits);
    assert_in_range(labels, 2, MOST_LABELS);
    assert_null(heed_results_problem(results, i));
    for (size_t l = 0; l < labels; l++) sum += p[l] = exp(json_number_value(json_array_get(logits, l)));
    for (size_t l = 0; l < labels; l++)
        for (size_t a = 0; a < labels; a++) {
            if (strcmp(heed_results_label(results, i, a), model->labels[l]) != 0) continue;
            double found = (double)heed_results_score(results, i, a);
            if (fabs(found - p[l] / sum) > 1e-5)
                fail_msg("%s: pair %zu, label %zu: %g, expected %g", g->name, i, l, found, p[l] / sum);
        }
}

static void pairs_are_classified(void **state) {
    golden *g = *state;
    const json_t *pairs = json_object_get(g->expected, "pairs");
    char folder[64];
    heed_model *model;
    heed_results *results;
    const char *first[MOST_PAIRS], *second[MOST_PAIRS];
    heed_context *context = open_context();
    make_folder(folder);
    link_golden(g, folder);
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_DESCRIBE, &model));
    write_tokenizer(folder, json_object_get(pairs, "post_processor"), model->network->recipe.vocabulary);
    hd_model_close(model);
    assert_ok(context, heed_model_open(context, folder, &model));
    assert_true(model->typed == json_is_true(json_object_get(pairs, "typed")));
    size_t count = json_array_size(json_object_get(pairs, "texts"));
    assert_in_range(count, 2, MOST_PAIRS);
    for (size_t i = 0; i < count; i++) {
        first[i] = text_at(pairs, i, 0), second[i] = text_at(pairs, i, 1);
        assert_arranged(g, model, pairs, i);
    }
    assert_ok(context, heed_classify_pairs(model, NULL, first, NULL, second, NULL, count, &results));
    for (size_t i = 0; i < count; i++) assert_scores(g, model, results, i, at(pairs, "logits", i));
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
    remove_folder(folder);
}

/* ---- types ---- */

static heed_model *open_typed(heed_context *context, const golden *g, const char *folder, const char *config) {
    heed_model *model;
    const json_t *pairs = json_object_get(g->expected, "pairs");
    link_golden(g, folder);
    write_tokenizer(folder, json_object_get(pairs, "post_processor"), 37);
    if (config) write_file(folder, "tokenizer_config.json", config);
    assert_ok(context, heed_model_open(context, folder, &model));
    return model;
}

static float first_score(heed_model *model, const char *first, const char *second) {
    heed_results *results;
    assert_ok(model->context, heed_classify_pairs(model, NULL, &first, NULL, &second, NULL, 1, &results));
    assert_null(heed_results_problem(results, 0));
    float score = heed_results_score(results, 0, 0);
    heed_results_close(results);
    return score;
}

/* As in transformers, a tokenizer whose config does not list token types among its inputs gives none. */
static void a_folder_may_say_that_there_are_no_types(void **state) {
    static const char *const configs[] = {NULL, "{\"model_input_names\": [\"input_ids\", \"token_type_ids\"]}",
                                          "{\"model_input_names\": [\"input_ids\", \"attention_mask\"]}"};
    golden *g = *state;
    float scores[3];
    for (size_t i = 0; i < HD_COUNT(configs); i++) {
        char folder[64];
        heed_context *context = open_context();
        make_folder(folder);
        heed_model *model = open_typed(context, g, folder, configs[i]);
        assert_true(model->typed == (i < 2));
        scores[i] = first_score(model, "t5 t9", "t17");
        heed_model_close(model);
        heed_context_close(context);
        remove_folder(folder);
    }
    assert_memory_equal(&scores[0], &scores[1], sizeof(float));
    assert_memory_not_equal(&scores[0], &scores[2], sizeof(float));
}

static void types_outside_of_the_table_are_refused(void **state) {
    golden *g = *state;
    static const int32_t ids[] = {2, 5, 3, 6, 3}, types[] = {0, 0, 0, 2, 2}, starts[] = {0, 5};
    heed_context *context = open_context();
    heed_model *model;
    hd_pass pass;
    assert_ok(context, hd_model_open_untokenized(context, g->path, HD_OPEN_TO_RUN, &model));
    hd_pass_open(&pass, context, &model->network->arena);
    assert_null(hd_network_read(model->network, &pass, &(hd_input){.ids = ids, .types = types},
                                &(hd_layout){1, starts, NULL, NULL}, NULL));
    assert_int_equal(pass.status, HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "a token of type 2, but the model has 2 types"));
    hd_pass_close(&pass);
    hd_model_close(model);
    heed_context_close(context);
}

/* A pair that is longer than the model is refused, and the others are not. */
static void long_pairs_are_refused(void **state) {
    golden *g = *state;
    char folder[64];
    static const char *const first[] = {"t5 t6 t7 t8 t9 t10 t11 t12", "t5"};
    static const char *const second[] = {"t5 t6 t7 t8 t9 t10", "t6"};
    heed_results *results;
    heed_context *context = open_context();
    make_folder(folder);
    heed_model *model = open_typed(context, g, folder, NULL);
    assert_ok(context, heed_classify_pairs(model, NULL, first, NULL, second, NULL, 2, &results));
    assert_non_null(strstr(heed_results_problem(results, 0), "17 tokens are more than the model's 16"));
    assert_null(heed_results_problem(results, 1));
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
    remove_folder(folder);
}

/* The pairs of every golden that has some; and of one of them what depends on no family. */
int main(void) {
    static const struct CMUnitTest others[] = {
        {"a folder without types", a_folder_may_say_that_there_are_no_types, NULL, NULL, NULL},
        {"types outside of the table", types_outside_of_the_table_are_refused, NULL, NULL, NULL},
        {"long pairs", long_pairs_are_refused, NULL, NULL, NULL}};
    size_t folders = list_goldens(), count = 0;
    for (size_t i = 0; i < folders; i++) {
        golden *g = &goldens[i];
        if (json_object_get(g->expected, "pairs"))
            golden_tests[count++] = (struct CMUnitTest){g->name, pairs_are_classified, NULL, NULL, g};
        for (size_t o = 0; o < HD_COUNT(others) && strcmp(g->name, "bert-text") == 0; o++) {
            golden_tests[count] = others[o];
            golden_tests[count++].initial_state = g;
        }
    }
    int failed = _cmocka_run_group_tests("pairs", golden_tests, count, NULL, NULL);
    for (size_t i = 0; i < folders; i++) json_decref(goldens[i].expected);
    return failed || count < 12;
}
