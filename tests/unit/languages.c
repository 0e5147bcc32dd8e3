/* Translators with tokenizers of their own translate as transformers does (tests/golden/languages/make.py), from and to the
 * languages that are chosen. */
#include "failing.h"

#include "heed/heed.h"
#include "models/model.h"
#include "text/folder.h"
#include "text/languages.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"bart",    "byt5", "m2m",         "marian",  "marian-separate", "mbart",
                                    "mbart50", "nllb", "nllb-legacy", "pegasus", "small100"};

static const char *path_of(const char *name, const char *file) {
    static char path[1024];
    snprintf(path, sizeof path, GOLDEN "/languages/%s%s%s", name, *file ? "/" : "", file);
    return path;
}

static heed_model *open_named(heed_context *context, const char *name) {
    heed_model *model;
    assert_ok(context, heed_model_open(context, path_of(name, ""), &model));
    return model;
}

static heed_options *choose(heed_context *context, const char *from, const char *to, const char *beams) {
    heed_options *options;
    assert_ok(context, heed_translate_options(context, &options));
    if (from) assert_ok(context, heed_options_set(options, "from", from));
    if (to) assert_ok(context, heed_options_set(options, "to", to));
    assert_ok(context, heed_options_set(options, "beams", beams));
    return options;
}

static void translations_are_those_of_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        json_t *rows = json_load_file(path_of(names[n], "expected.json"), 0, NULL), *row;
        heed_model *model = open_named(context, names[n]);
        size_t index;
        assert_true(json_array_size(rows) > 3);
        json_array_foreach(rows, index, row) {
            const char *text = json_string_value(json_object_get(row, "text"));
            const char *from = json_string_value(json_object_get(row, "from"));
            const char *to = json_string_value(json_object_get(row, "to"));
            for (int beams = 0; beams < 2; beams++) {
                const char *expected = json_string_value(json_object_get(row, beams ? "beams" : "greedy"));
                heed_options *options = choose(context, from, to, beams ? "4" : "1");
                heed_results *results;
                assert_ok(context, heed_translate(model, options, &text, NULL, 1, &results));
                const char *found = heed_results_text(results, 0, 0);
                if (!found || strcmp(found, expected) != 0)
                    fail_msg("%s, \"%s\" from %s to %s: \"%s\", expected \"%s\"", names[n], text, from ? from : "none",
                             to ? to : "none", found ? found : heed_results_problem(results, 0), expected);
                heed_results_close(results);
                heed_options_close(options);
            }
        }
        heed_model_close(model);
        json_decref(rows);
    }
    heed_context_close(context);
}

/* The ids of the source, with the languages of each row. */
static void sources_have_the_token_of_their_language(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        json_t *rows = json_load_file(path_of(names[n], "expected.json"), 0, NULL), *row;
        heed_model *model = open_named(context, names[n]);
        size_t index;
        json_array_foreach(rows, index, row) {
            const char *text = json_string_value(json_object_get(row, "text"));
            const json_t *ids = json_object_get(row, "ids");
            hd_side_tokenizer side[HD_SIDES];
            hd_generation generation = model->generation;
            hd_encoding encoding = {0};
            assert_ok(context,
                      hd_model_choose_languages(model, json_string_value(json_object_get(row, "from")),
                                                json_string_value(json_object_get(row, "to")), side, &generation));
            assert_ok(context, hd_side_encode(&side[HD_ENCODER], context, text, strlen(text), &encoding));
            assert_int_equal(encoding.count, json_array_size(ids));
            for (size_t i = 0; i < encoding.count; i++)
                assert_int_equal(encoding.ids[i], json_integer_value(json_array_get(ids, i)));
            hd_encoding_close(&encoding);
        }
        heed_model_close(model);
        json_decref(rows);
    }
    heed_context_close(context);
}

static void expect_target(heed_context *context, const char *name, const char *to, int place, const char *language) {
    heed_model *model = open_named(context, name);
    hd_side_tokenizer side[HD_SIDES];
    hd_generation generation = model->generation;
    hd_encoding encoding = {0};
    assert_ok(context, hd_model_choose_languages(model, NULL, to, side, &generation));
    assert_ok(context, hd_side_encode(&side[HD_DECODER], context, "the dog", 7, &encoding));
    const hd_languages *languages = hd_tokenizer_languages(model->tokenizer);
    for (size_t i = 0; i < encoding.count; i++) {
        size_t at = place < 0 ? SIZE_MAX : (size_t)place;
        bool is_language = false;
        for (size_t j = 0; j < languages->count; j++) is_language |= encoding.ids[i] == languages->ids[j];
        if (is_language != (i == at)) fail_msg("%s: token %zu of the target is %d", name, i, encoding.ids[i]);
        if (i == at) assert_string_equal(hd_tokenizer_token(side[HD_DECODER].tokenizer, encoding.ids[i]), language);
    }
    hd_encoding_close(&encoding);
    heed_model_close(model);
}

/* As transformers' text_target: with the token that the decoder reads or predicts. The one that starts mBART's decoder, and
 * those of models that read it in the source, are not part of the target. */
static void targets_have_the_token_of_their_language(void **state) {
    (void)state;
    heed_context *context = open_context();
    expect_target(context, "nllb", "fra_Latn", 0, "fra_Latn");
    expect_target(context, "nllb", NULL, 0, "deu_Latn"); /* none is chosen: the source's */
    expect_target(context, "mbart50", NULL, 0, "gl_ES");
    expect_target(context, "mbart50", "fr_XX", 0, "fr_XX");
    expect_target(context, "m2m", "fr", 0, "__fr__");
    expect_target(context, "mbart", "fr_XX", -1, NULL);
    expect_target(context, "small100", "fr", -1, NULL);
    expect_target(context, "marian", "fra", -1, NULL);
    heed_context_close(context);
}

static void expect_refusal(const char *name, const char *from, const char *to, const char *message) {
    heed_context *context = open_context();
    heed_model *model = open_named(context, name);
    heed_options *options = choose(context, from, to, "1");
    const char *text = "the dog";
    heed_results *results;
    assert_int_equal(heed_translate(model, options, &text, NULL, 1, &results), HEED_ARGUMENT);
    assert_null(results);
    if (!strstr(heed_context_message(context), message))
        fail_msg("%s: \"%s\", expected \"%s\"", name, heed_context_message(context), message);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

static void unknown_and_missing_languages_are_refused(void **state) {
    (void)state;
    expect_refusal("nllb", NULL, NULL,
                   "nllb translates into 4 languages, such as \"fra_Latn\", and its files choose none: set \"to\"");
    expect_refusal("m2m", "de", NULL,
                   "m2m translates into 100 languages, such as \"fr\", and its files choose none: set \"to\"");
    expect_refusal("nllb", NULL, "fra", "\"fra\" is not one of the model's 4 languages; the nearest is \"fra_Latn\"");
    expect_refusal("nllb", "EN", "fra_Latn", "the nearest is \"eng_Latn\"");
    expect_refusal("mbart50", "de", NULL, "the nearest is \"de_DE\"");
    expect_refusal("m2m", "eng_Latn", "de", "the nearest is \"en\"");
    expect_refusal("marian", "en", NULL, "reads the code of the target language alone: leave out \"from\"");
    expect_refusal("small100", "en", "de", "reads the code of the target language alone: leave out \"from\"");
    expect_refusal("bart", NULL, "de", "has no language codes");
    expect_refusal("bart", "de", NULL, "has no language codes");
}

/* M2M-100's tokens are also accepted as they are. */
static void languages_have_names(void **state) {
    (void)state;
    static const char *const expected[][2] = {{"nllb", "deu_Latn\neng_Latn\nfra_Latn\nzul_Latn"},
                                              {"marian", "fra"},
                                              {"bart", ""},
                                              {"marian-separate", "fra"}};
    heed_context *context = open_context();
    char *codes;
    for (size_t i = 0; i < HD_COUNT(expected); i++) {
        heed_model *model = open_named(context, expected[i][0]);
        assert_ok(context, heed_model_languages(model, &codes));
        assert_string_equal(codes, expected[i][1]);
        heed_free(context, codes);
        heed_model_close(model);
    }
    heed_model *model = open_named(context, "m2m");
    assert_ptr_equal(hd_language_find(model->tokenizer, "fr"), hd_language_find(model->tokenizer, "__fr__"));
    assert_non_null(hd_language_find(model->tokenizer, "fr"));
    assert_null(hd_language_find(model->tokenizer, "dog"));
    assert_null(hd_language_find(model->tokenizer, ""));
    heed_model_close(model);
    heed_context_close(context);
}

/* `heed info` lists them. */
static void information_has_the_languages(void **state) {
    (void)state;
    static const char *const expected[][2] = {{"nllb", "deu_Latn, eng_Latn, fra_Latn, zul_Latn"}, {"bart", NULL}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(expected); i++) {
        char *text, line[128];
        assert_ok(context, heed_info(context, NULL, path_of(expected[i][0], ""), false, &text));
        snprintf(line, sizeof line, "\nlanguages     %s\n", expected[i][1] ? expected[i][1] : "");
        assert_true((strstr(text, expected[i][1] ? line : "\nlanguages") != NULL) == (expected[i][1] != NULL));
        heed_free(context, text);
        assert_ok(context, heed_info(context, NULL, path_of(expected[i][0], ""), true, &text));
        json_t *object = json_loads(text, 0, NULL), *names = json_object_get(object, "languages"), *name;
        size_t at = 0, index;
        line[0] = 0;
        json_array_foreach(names, index, name) at +=
            (size_t)snprintf(line + at, sizeof line - at, "%s%s", index ? ", " : "", json_string_value(name));
        assert_string_equal(line, expected[i][1] ? expected[i][1] : "");
        json_decref(object);
        heed_free(context, text);
    }
    heed_context_close(context);
}

static const char *failing_name;

static heed_status open_and_choose(heed_context *context) {
    heed_model *model;
    hd_side_tokenizer side[HD_SIDES];
    heed_status status = hd_model_open(context, path_of(failing_name, ""), HD_OPEN_TO_RUN, &model);
    if (status != HEED_OK) return status;
    hd_generation generation = model->generation;
    status = hd_model_choose_languages(model, NULL, "fra_Latn", side, &generation);
    if (status == HEED_OK && hd_model_choose_languages(model, "fra", NULL, side, &generation) == HEED_MEMORY)
        status = HEED_MEMORY;
    hd_model_close(model);
    return status;
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    failing_name = "nllb";
    fail_each_allocation(open_and_choose);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translations_are_those_of_transformers),
        cmocka_unit_test(sources_have_the_token_of_their_language),
        cmocka_unit_test(targets_have_the_token_of_their_language),
        cmocka_unit_test(unknown_and_missing_languages_are_refused),
        cmocka_unit_test(languages_have_names),
        cmocka_unit_test(information_has_the_languages),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
