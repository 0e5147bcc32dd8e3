/* Beam search with forced words finds what transformers finds (tests/golden/forced/make.py), and which forced words a hypothesis
 * has is counted as there. */
#include "settings_folder.h"

#include "decode/forced.h"

#include <heed/heed.h>
#include <math.h>

static void check_text(const char *name, const heed_results *results, size_t i, const json_t *expected) {
    size_t j;
    const json_t *one;
    if (heed_results_alternatives(results, i) != json_array_size(expected))
        fail_msg("%s: text %zu has %zu alternatives: %s", name, i, heed_results_alternatives(results, i),
                 heed_results_problem(results, i));
    json_array_foreach(expected, j, one) {
        const char *text = json_string_value(json_array_get(one, 0)), *found = heed_results_text(results, i, j);
        double score = json_number_value(json_array_get(one, 1)), own = (double)heed_results_score(results, i, j);
        if (strcmp(found, text) != 0 || !(fabs(own - score) <= 1e-5 * fmax(1, fabs(score))))
            fail_msg("%s: text %zu, alternative %zu is \"%s\" (%.7g), expected \"%s\" (%.7g)", name, i, j, found, own,
                     text, score);
    }
}

static void check_case(const char *name, const json_t *one) {
    heed_context *context = open_context();
    heed_model *model;
    heed_results *results;
    const char *texts[8];
    const json_t *list = json_object_get(one, "texts"), *expected = json_object_get(one, "expected");
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) texts[i] = json_string_value(json_array_get(list, i));
    make_folder(context, one);
    assert_ok(context, heed_model_open(context, folder, &model));
    assert_ok(context, is_translation(one) ? heed_translate(model, NULL, texts, NULL, count, &results)
                                           : heed_generate(model, NULL, texts, NULL, count, 0, NULL, NULL, &results));
    for (size_t i = 0; i < count; i++) check_text(name, results, i, json_array_get(expected, i));
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
}

static void texts_are_those_of_transformers(void **state) {
    (void)state;
    const char *name;
    json_t *cases = json_load_file(GOLDEN "/forced/cases.json", 0, NULL), *one;
    assert_non_null(cases);
    open_folder();
    json_object_foreach(cases, name, one) check_case(name, one);
    json_decref(cases);
    remove_folder();
}

/* A token takes part in one word at a time; a word that is broken off begins again at its first token. */
static void words_are_counted(void **state) {
    (void)state;
    /* groups: "1 2 3"; "4", or "5 6" */
    static const int32_t ids[] = {1, 2, 3, 4, 5, 6}, words[] = {0, 3, 4, 6}, groups[] = {0, 1, 3};
    static const hd_forced_words forced = {2, {3, ids, words, NULL}, groups};
    static const struct {
        int32_t tokens[6];
        int64_t count, bank;
        bool complete;
    } cases[] = {
        {{0}, 0, 0, false},
        {{9, 1}, 2, 1, false},
        {{1, 2, 3}, 3, 3, false},
        {{1, 2, 1, 2, 3}, 5, 0, false}, /* the third token breaks the word off and begins none; 2 and 3 neither */
        {{1, 4, 4, 1, 2, 3}, 6, 6, true},
        {{5, 6, 1, 2}, 4, 5, false},
        {{5, 9, 5, 6}, 4, 3, false},
        {{4, 1, 2, 3}, 4, 6, true}};
    heed_context *context = open_context();
    hd_arena arena;
    hd_forced_state forcing;
    hd_arena_open(&arena, context);
    assert_ok(context, hd_forced_open(&forced, &arena, &forcing));
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_forced_read(&forcing, cases[i].tokens, cases[i].count);
        assert_int_equal(hd_forced_bank(&forcing), cases[i].bank);
        assert_int_equal(hd_forced_is_complete(&forcing), cases[i].complete);
    }
    int32_t next[3];
    hd_forced_read(&forcing, cases[0].tokens, 0);
    assert_int_equal(hd_forced_next(&forcing, next), 3);
    assert_true(next[0] == 1 && next[1] == 4 && next[2] == 5);
    hd_arena_close(&arena);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_transformers),
        cmocka_unit_test(words_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
