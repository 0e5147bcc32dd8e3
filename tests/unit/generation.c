/* The settings of a folder, config.json and generation_config.json, give the texts that transformers makes with them, or are
 * refused by name (tests/golden/generation/make.py). */
#include "settings_folder.h"

#include "base/file.h"
#include "models/model.h"

#include <heed/heed.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* transformers keeps stop strings in the text. */
static heed_status answer_with(heed_context *context, const json_t *one, const char *const *texts, size_t count,
                               heed_model *model, heed_results **results) {
    heed_options *options;
    bool translates = is_translation(one);
    HD_TRY(translates ? heed_translate_options(context, &options) : heed_generate_options(context, &options));
    heed_status status = HEED_OK;
    if (json_object_get(json_object_get(one, "generation"), "stop_strings"))
        status = heed_options_set(options, "keep-stop", NULL);
    if (status == HEED_OK)
        status = translates ? heed_translate(model, options, texts, NULL, count, results)
                            : heed_generate(model, options, texts, NULL, count, 0, NULL, NULL, results);
    heed_options_close(options);
    return status;
}

static heed_status answer(heed_context *context, const json_t *one, bool together, heed_model **model,
                          heed_results **results) {
    const char *texts[8];
    size_t i, count = json_array_size(json_object_get(one, "texts"));
    *results = NULL;
    HD_TRY(heed_model_open(context, folder, model));
    for (i = 0; i < count; i++) texts[i] = json_string_value(json_array_get(json_object_get(one, "texts"), i));
    if (!together) count = 1;
    return answer_with(context, one, texts, count, *model, results);
}

static void check_text(const char *name, const heed_results *results, size_t i, size_t alternative,
                       const json_t *text) {
    const char *found = heed_results_text(results, i, alternative), *expected = json_string_value(text);
    if (!found || strcmp(found, expected) != 0)
        fail_msg("%s: text %zu is \"%s\", expected \"%s\"", name, i, found ? found : "missing", expected);
}

/* All of a beam search, with transformers' sequences_scores. */
static void check_alternatives(const char *name, const heed_results *results, size_t i, const json_t *expected) {
    size_t j;
    const json_t *one;
    if (heed_results_alternatives(results, i) != json_array_size(expected))
        fail_msg("%s: text %zu has %zu alternatives", name, i, heed_results_alternatives(results, i));
    json_array_foreach(expected, j, one) {
        double score = json_number_value(json_array_get(one, 1)), found = (double)heed_results_score(results, i, j);
        check_text(name, results, i, j, json_array_get(one, 0));
        if (!(fabs(found - score) <= 1e-5 * fmax(1, fabs(score))))
            fail_msg("%s: the score of text %zu is %.7g, expected %.7g", name, i, found, score);
    }
}

static void check_case(const char *name, const json_t *one, bool together) {
    heed_context *context = open_context();
    heed_model *model = NULL;
    heed_results *results;
    const char *refused = json_string_value(json_object_get(one, "refused"));
    make_folder(context, one);
    heed_status status = answer(context, one, together, &model, &results);
    if (refused && (status == HEED_OK || !strstr(heed_context_message(context), refused)))
        fail_msg("%s: not refused, or not by name: %s", name, heed_context_message(context));
    if (!refused && status != HEED_OK) fail_msg("%s: %s", name, heed_context_message(context));
    for (size_t i = 0; !refused && i < (together ? json_array_size(json_object_get(one, "texts")) : 1); i++) {
        const json_t *expected = json_array_get(json_object_get(one, "expected"), i);
        if (json_is_string(expected))
            check_text(name, results, i, 0, expected);
        else
            check_alternatives(name, results, i, expected);
    }
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
}

static void settings_of_folders_are_those_of_transformers(void **state) {
    (void)state;
    const char *name;
    json_t *cases = json_load_file(GOLDEN "/generation/cases.json", 0, NULL), *one;
    assert_non_null(cases);
    open_folder();
    json_object_foreach(cases, name, one) {
        check_case(name, one, true);
        check_case(name, one, false);
    }
    json_decref(cases);
    remove_folder();
}

/* ---- tokens that the model lacks ---- */

/* The folder with a tokenizer of one more token, "z". */
static void add_token(heed_context *context) {
    json_t *tokenizer = json_load_file(GOLDEN "/generation/llama/tokenizer.json", 0, NULL);
    assert_non_null(tokenizer);
    json_t *vocabulary = json_object_get(json_object_get(tokenizer, "model"), "vocab");
    json_object_set_new(vocabulary, "z", json_integer((json_int_t)json_object_size(vocabulary)));
    write_object(context, "tokenizer.json", tokenizer);
    json_decref(tokenizer);
}

static void a_token_that_the_model_lacks_is_one_text_s_problem(void **state) {
    (void)state;
    static const char *const texts[] = {"a", "a z", "a"};
    heed_context *context = open_context();
    heed_model *model;
    heed_results *results;
    json_t *one = json_object();
    open_folder();
    make_folder(context, one);
    char path[256];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    unlink(path);
    add_token(context);
    assert_ok(context, heed_model_open(context, folder, &model));
    assert_ok(context, heed_generate(model, NULL, texts, NULL, 3, 0, NULL, NULL, &results));
    assert_int_equal(heed_results_alternatives(results, 0), 1);
    assert_int_equal(heed_results_alternatives(results, 1), 0);
    assert_string_equal(heed_results_problem(results, 1), "the token \"z\" (16) is not one of the model's 16");
    assert_string_equal(heed_results_text(results, 2, 0), heed_results_text(results, 0, 0));
    heed_results_close(results);
    heed_model_close(model);
    json_decref(one);
    heed_context_close(context);
    remove_folder();
}

/* ---- written and read again ---- */

static void settings_survive_saving(void **state) {
    (void)state;
    static const char text[] =
        "{\"eos_token_id\": [2, 4], \"min_new_tokens\": 3, \"num_beams\": 2, \"bad_words_ids\": [[5], [6, 7]],"
        " \"sequence_bias\": [[[8, 9], -1.5]], \"suppress_tokens\": [10], \"do_sample\": false, \"typical_p\": 0.5,"
        " \"exponential_decay_length_penalty\": [2, 1.5], \"renormalize_logits\": true, \"forced_eos_token_id\": 2}";
    char path[] = "/tmp/heed-XXXXXX", file[64];
    heed_context *context = open_context();
    hd_json json;
    hd_arena arena;
    hd_arena_open(&arena, context);
    hd_recipe recipe = {.vocabulary = 16, .pad = -1, .eos = 2, .decoder_start = 1};
    hd_generation first, again;
    assert_non_null(mkdtemp(path));
    assert_ok(context, hd_json_open_bytes(context, "settings", text, strlen(text), HD_JSON_STRICT, &json));
    hd_generation_default(&first);
    assert_ok(context, hd_generation_parse(&json, &recipe, &arena, &first));
    assert_ok(context, hd_generation_write(context, path, &first, &recipe));
    assert_ok(context, hd_generation_read(path, &json, &recipe, &arena, &again, &(hd_chosen){0}));
    assert_int_equal(again.ends.count, 2);
    assert_int_equal(again.ends.ids[1], 4);
    assert_int_equal(again.bad_words.count, 2);
    assert_int_equal(again.bad_words.ids[2], 7);
    assert_int_equal(again.suppressed.ids[0], 10);
    assert_int_equal(again.sequence_bias.ids[1], 9);
    assert_true(again.sequence_bias.biases[0] < -1.4f && again.sequence_bias.biases[0] > -1.6f);
    assert_int_equal(again.forced_last.ids[0], 2);
    assert_int_equal(again.min_new_tokens, 3);
    assert_int_equal(again.decay_start, 2);
    assert_true(again.renormalize && !again.sample && again.typical_p < 1 && again.decay_factor > 1.4);
    assert_int_equal(again.beams, 2);
    hd_json_close(&json);
    hd_arena_close(&arena);
    snprintf(file, sizeof file, "%s/generation_config.json", path);
    remove(file);
    remove(path);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(settings_of_folders_are_those_of_transformers),
                                       cmocka_unit_test(a_token_that_the_model_lacks_is_one_text_s_problem),
                                       cmocka_unit_test(settings_survive_saving)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
