/* Models made by transformers that are no translators: equal logits (tests/golden/families/make.py), opened to run and to
 * train; and a folder that heed writes of them holds the same weights. */
#include "fixture.h"

#include "formats/json.h"
#include "models/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"bert-masked", "bert-text", "bert-tokens", "gpt2", "llama", "llama-grouped"};

enum { MOST = 64 };

static void assert_logits(const char *name, heed_model *model, const json_t *expected) {
    int32_t ids[MOST], starts[MOST] = {0}, tokens = 0;
    size_t i, j;
    json_t *text, *value, *row;
    json_array_foreach(json_object_get(expected, "texts"), i, text) {
        json_array_foreach(text, j, value) ids[tokens++] = (int32_t)json_integer_value(value);
        starts[i + 1] = tokens;
    }
    hd_layout layout = {(int64_t)i, starts, NULL, NULL};
    const hd_network *network = model->network;
    hd_pass pass;
    hd_pass_open(&pass, model->context, &model->network->arena);
    hd_tensor *states = network->recipe.side[HD_ENCODER].layers
                            ? hd_network_encode(network, &pass, &(hd_input){.ids = ids}, &layout)
                            : hd_network_decode(network, &pass, &(hd_input){.ids = ids}, &layout, NULL);
    hd_tensor *logits =
        hd_network_logits(network, &pass, hd_network_head(network, &pass, states), 0, network->output->rows);
    if (!logits) fail_msg("%s: %s", name, model->context->message);
    assert_int_equal(logits->rows, json_array_size(json_object_get(expected, "logits")));
    json_array_foreach(json_object_get(expected, "logits"), i, row) json_array_foreach(row, j, value) {
        double found = (double)logits->data[(int64_t)i * logits->columns + (int64_t)j];
        if (!(fabs(found - json_number_value(value)) <= 1e-5 * (1 + fabs(found))))
            fail_msg("%s: row %zu, column %zu is %.7g, expected %.7g", name, i, j, found, json_number_value(value));
    }
    hd_pass_close(&pass);
}

static void logits_are_those_of_transformers(void **state) {
    (void)state;
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        char path[512], file[600];
        snprintf(path, sizeof path, "%s/families/%s", GOLDEN, names[n]);
        snprintf(file, sizeof file, "%s/expected.json", path);
        json_t *expected = json_load_file(file, 0, NULL);
        assert_non_null(expected);
        for (int purpose = HD_OPEN_TO_RUN; purpose <= HD_OPEN_TO_TRAIN; purpose++) {
            heed_context *context = open_context();
            heed_model *model;
            assert_ok(context, hd_model_open_network(context, path, (hd_open_purpose)purpose, &model));
            assert_logits(names[n], model, expected);
            hd_model_close(model);
            heed_context_close(context);
        }
        json_decref(expected);
    }
}

static void labels_have_names(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    assert_ok(context, hd_model_open_network(context, GOLDEN "/families/bert-tokens", HD_OPEN_TO_RUN, &model));
    assert_int_equal(model->network->recipe.labels, 4);
    assert_string_equal(model->labels[0], "O");
    assert_string_equal(model->labels[3], "ORG");
    hd_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_are_those_of_transformers),
                                       cmocka_unit_test(labels_have_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
