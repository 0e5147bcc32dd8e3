/* Relevance scores: those of CrossEncoder of sentence-transformers, and of the code on the card of Qwen3-Reranker; what cannot
 * rank; batches and threads; memory that runs out. */
#include "memory.h"

#include "formats/json.h"

#include <math.h>
#include <sys/stat.h>

enum { MOST_TEXTS = 8 };

static json_t *golden;
static char made[96]; /* the folder of a case */

static int open_golden(void **state) {
    if (set_up(state) != 0) return -1;
    golden = json_load_file(GOLDEN "/rerank/cases.json", 0, NULL);
    return golden ? 0 : -1;
}

static int close_golden(void **state) {
    json_decref(golden);
    return tear_down(state);
}

/* The path of a file in the folder, whose own folder exists. */
static const char *in_made(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", made, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
    return path;
}

static const json_t *case_named(const char *name) {
    const json_t *cases = json_object_get(golden, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(cases, i), "name")), name) == 0)
            return json_array_get(cases, i);
    fail_msg("no case %s", name);
    return NULL;
}

static void make_folder(const json_t *entry) {
    char command[128], target[512];
    snprintf(made, sizeof made, "%s/case", folder);
    snprintf(command, sizeof command, "rm -rf %s", made);
    assert_int_equal(system(command), 0);
    assert_int_equal(mkdir(made, 0755), 0);
    json_t *files = json_object_get(entry, "files"), *links = json_object_get(entry, "links");
    for (void *at = json_object_iter(files); at; at = json_object_iter_next(files, at))
        assert_int_equal(json_dump_file(json_object_iter_value(at), in_made(json_object_iter_key(at)), 0), 0);
    for (void *at = json_object_iter(links); at; at = json_object_iter_next(links, at)) {
        snprintf(target, sizeof target, GOLDEN "/%s", json_string_value(json_object_iter_value(at)));
        assert_int_equal(symlink(target, in_made(json_object_iter_key(at))), 0);
    }
}

static size_t take_texts(const char **texts) {
    const json_t *list = json_object_get(golden, "texts");
    assert_true(json_array_size(list) <= MOST_TEXTS);
    for (size_t i = 0; i < json_array_size(list); i++) texts[i] = json_string_value(json_array_get(list, i));
    return json_array_size(list);
}

static const char *take_query(void) { return json_string_value(json_object_get(golden, "query")); }

static heed_options *options_of(heed_context *context, const json_t *entry) {
    heed_options *options;
    assert_ok(context, heed_rerank_options(context, &options));
    json_t *set = json_object_get(entry, "options");
    for (void *at = json_object_iter(set); at; at = json_object_iter_next(set, at))
        assert_ok(context,
                  heed_options_set(options, json_object_iter_key(at), json_string_value(json_object_iter_value(at))));
    return options;
}

/* Ranked scores descend, and equal ones keep the order of their texts. */
static void check_rank(heed_context *context, const heed_results *results, size_t count) {
    size_t order[MOST_TEXTS], ranked;
    assert_ok(context, heed_results_rank(results, order, &ranked));
    assert_int_equal(ranked, count);
    for (size_t i = 1; i < count; i++) {
        float before = heed_results_score(results, order[i - 1], 0), score = heed_results_score(results, order[i], 0);
        assert_true(before > score || (before == score && order[i - 1] < order[i]));
    }
}

static void scores_are_those_of_sentence_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    const json_t *cases = json_object_get(golden, "cases");
    const char *texts[MOST_TEXTS], *query = take_query();
    size_t count = take_texts(texts);
    assert_true(json_array_size(cases) > 10);
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *entry = json_array_get(cases, c), *scores = json_object_get(entry, "scores");
        const char *name = json_string_value(json_object_get(entry, "name"));
        heed_model *model;
        heed_results *results;
        make_folder(entry);
        heed_options *options = options_of(context, entry);
        assert_ok(context, heed_model_open(context, made, &model));
        assert_ok(context, heed_rerank(model, options, query, strlen(query), texts, NULL, count, &results));
        for (size_t i = 0; i < count; i++) {
            double expected = json_number_value(json_array_get(scores, i));
            double found = (double)heed_results_score(results, i, 0);
            if (heed_results_alternatives(results, i) != 1 || !(fabs(found - expected) < 1e-5))
                fail_msg("%s: text %zu has %g, not %g", name, i, found, expected);
            assert_string_equal(heed_results_text(results, i, 0), texts[i]);
        }
        check_rank(context, results, count);
        heed_results_close(results);
        heed_options_close(options);
        heed_model_close(model);
    }
    heed_context_close(context);
}

static void expect_note(heed_context *context, const char *name, size_t index, const char *expected) {
    const char *texts[MOST_TEXTS], *query = take_query();
    size_t count = take_texts(texts);
    heed_model *model;
    heed_results *results;
    make_folder(case_named(name));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, heed_rerank(model, NULL, query, strlen(query), texts, NULL, count, &results));
    assert_null(heed_results_note(results, 1));
    assert_string_equal(heed_results_note(results, index), expected);
    heed_results_close(results);
    heed_model_close(model);
}

static void says_where_texts_are_cut(void **state) {
    (void)state;
    heed_context *context = open_context();
    expect_note(context, "short", 5, "second text cut after 9 of 40 tokens, at character 35");
    expect_note(context, "short-prompt", 5, "cut after 90 of 115 tokens, at character 59");
    heed_context_close(context);
}

/* A query that fills the prompt leaves nothing for a text. */
static void a_query_that_is_too_long_is_a_problem(void **state) {
    (void)state;
    heed_context *context = open_context();
    char query[400] = "";
    const char *text = "a dog";
    heed_model *model;
    heed_results *results;
    for (int i = 0; i < 90; i++) strcat(query, "dog ");
    make_folder(case_named("short-prompt"));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, heed_rerank(model, NULL, query, strlen(query), &text, NULL, 1, &results));
    assert_string_equal(heed_results_problem(results, 0), "the query leaves no tokens for the text");
    assert_int_equal(heed_results_alternatives(results, 0), 0);
    size_t order[1], ranked;
    assert_ok(context, heed_results_rank(results, order, &ranked));
    assert_int_equal(ranked, 0);
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
}

/* The bits of a score depend on the query and the text alone. */
static void batches_and_threads_give_equal_bits(void **state) {
    (void)state;
    enum { COPIES = 30 };
    static const char *const names[] = {"sigmoid", "yes-no"};
    const char *texts[MOST_TEXTS], *many[COPIES * MOST_TEXTS], *query = take_query();
    size_t count = take_texts(texts), total = 0;
    heed_context *context = open_context();
    for (size_t i = 0; i < COPIES * count; i++) many[total++] = texts[i % count];
    for (size_t n = 0; n < HD_COUNT(names); n++)
        for (int threads = 1; threads <= 3; threads += 2) {
            heed_model *model;
            heed_results *all, *one;
            make_folder(case_named(names[n]));
            assert_ok(context, heed_context_set_threads(context, threads));
            assert_ok(context, heed_model_open(context, made, &model));
            assert_ok(context, heed_rerank(model, NULL, query, strlen(query), many, NULL, total, &all));
            for (size_t i = 0; i < count; i++) {
                assert_ok(context, heed_rerank(model, NULL, query, strlen(query), &texts[i], NULL, 1, &one));
                for (size_t j = i; j < total; j += count)
                    assert_true(heed_results_score(all, j, 0) == heed_results_score(one, 0, 0));
                heed_results_close(one);
            }
            heed_results_close(all);
            heed_model_close(model);
        }
    heed_context_close(context);
}

/* Special tokens of the prompt are tokens also where those of texts are not. */
static void prompts_keep_their_special_tokens(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *text = "a small dog", *query = take_query();
    heed_model *model;
    heed_results *parsed, *plain;
    make_folder(case_named("yes-no"));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, heed_rerank(model, NULL, query, strlen(query), &text, NULL, 1, &parsed));
    assert_ok(context, heed_context_set_special_tokens(context, "text"));
    assert_ok(context, heed_rerank(model, NULL, query, strlen(query), &text, NULL, 1, &plain));
    assert_true(heed_results_score(parsed, 0, 0) == heed_results_score(plain, 0, 0));
    heed_results_close(parsed);
    heed_results_close(plain);
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- what cannot rank ---- */

static void refuse(heed_context *context, const char *name, const char *file, const char *key, json_t *value,
                   heed_status expected, const char *message) {
    const char *text = "dog";
    heed_model *model;
    heed_results *results;
    json_t *entry = json_deep_copy(case_named(name)), *files = json_object_get(entry, "files");
    if (!json_object_get(files, file)) json_object_set_new(files, file, json_object());
    if (key)
        json_object_set_new(json_object_get(files, file), key, value);
    else
        json_object_set_new(files, file, value);
    make_folder(entry);
    json_decref(entry);
    heed_status status = heed_model_open(context, made, &model);
    if (status == HEED_OK) status = heed_rerank(model, NULL, "a", 1, &text, NULL, 1, &results);
    if (status != expected || !strstr(heed_context_message(context), message))
        fail_msg("%s: %s: %s: %s", name, file, heed_status_name(status), heed_context_message(context));
    heed_model_close(model);
}

static void names_what_it_lacks(void **state) {
    (void)state;
    heed_context *context = open_context();
    refuse(context, "sigmoid", "config.json", "sentence_transformers",
           json_pack("{s:s}", "activation_fn", "torch.nn.modules.activation.Tanh"), HEED_UNSUPPORTED,
           "\"activation_fn\" is torch.nn.modules.activation.Tanh, which heed lacks");
    refuse(context, "sigmoid", "config.json", "sbert_ce_default_activation_function", json_integer(3), HEED_FORMAT,
           "\"sbert_ce_default_activation_function\" is 3, expected a string");
    refuse(context, "logit-score", "1_LogitScore/config.json", "module_input_name", json_string("other"),
           HEED_UNSUPPORTED, "\"module_input_name\" is other, which heed lacks");
    refuse(context, "logit-score", "1_LogitScore/config.json", "true_token_id", json_integer(1000), HEED_FORMAT,
           "\"true_token_id\" is 1000");
    refuse(context, "logit-score", "modules.json", NULL,
           json_pack("[{s:s},{s:s}]", "type", "sentence_transformers.models.Transformer", "type", "own.Code"),
           HEED_UNSUPPORTED, "module 1 is \"own.Code\"");
    heed_context_close(context);
}

static void other_models_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *model, *message;
    } cases[] = {{PROJECT "/models/sst2", "has 2 labels, expected a cross-encoder with one"},
                 {PROJECT "/models/shakespeare", "its vocabulary has no token \"<|im_start|>\""},
                 {PROJECT "/models/entities", "expected a cross-encoder or a language model"},
                 {GOLDEN "/marian", "expected a cross-encoder or a language model"}};
    heed_context *context = open_context();
    const char *text = "dog";
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_model *model;
        heed_results *results;
        assert_ok(context, heed_model_open(context, cases[i].model, &model));
        assert_int_equal(heed_rerank(model, NULL, "a", 1, &text, NULL, 1, &results), HEED_UNSUPPORTED);
        assert_null(results);
        if (!strstr(heed_context_message(context), cases[i].message)) fail_msg("%s", heed_context_message(context));
        heed_model_close(model);
    }
    heed_context_close(context);
}

/* ---- memory ---- */

static heed_status rank_texts(heed_context *context) {
    const char *texts[MOST_TEXTS], *query = take_query();
    size_t count = take_texts(texts), order[MOST_TEXTS], ranked = 0;
    heed_model *model;
    heed_results *results = NULL;
    heed_status status = heed_model_open(context, made, &model);
    if (status == HEED_OK) status = heed_rerank(model, NULL, query, strlen(query), texts, NULL, count, &results);
    if (status == HEED_OK) status = heed_results_rank(results, order, &ranked);
    for (size_t i = 0; i < ranked && status == HEED_OK; i++) {
        char line[64];
        snprintf(line, sizeof line, "%zu %a", order[i], (double)heed_results_score(results, order[i], 0));
        record(line);
        record(heed_results_note(results, order[i]));
    }
    heed_results_close(results);
    heed_model_close(model);
    return status;
}

static void survives_without_memory(void **state) {
    (void)state;
    make_folder(case_named("short"));
    fail_each(rank_texts, rank_texts, 20, 200);
    make_folder(case_named("short-prompt"));
    fail_each(rank_texts, rank_texts, 20, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_sentence_transformers),
        cmocka_unit_test(says_where_texts_are_cut),
        cmocka_unit_test(a_query_that_is_too_long_is_a_problem),
        cmocka_unit_test(batches_and_threads_give_equal_bits),
        cmocka_unit_test(prompts_keep_their_special_tokens),
        cmocka_unit_test(names_what_it_lacks),
        cmocka_unit_test(other_models_are_refused),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
