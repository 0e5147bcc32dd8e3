/* stories260K, a real Llama with grouped heads: ids, logits and generated tokens equal those of transformers. Skipped where
 * ../shared/fixtures/stories260K is absent; HEED_SHARED names another folder than ../shared. */
#include "fixture.h"

#include "base/file.h"
#include "decode/session.h"
#include "models/model.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MOST_TOKENS = 256 };

static int32_t read_ids(const json_t *array, int32_t *ids) {
    size_t i;
    json_t *value;
    assert_in_range(json_array_size(array), 1, MOST_TOKENS);
    json_array_foreach(array, i, value) ids[i] = (int32_t)json_integer_value(value);
    return (int32_t)json_array_size(array);
}

static void assert_encoded(heed_model *model, const json_t *one) {
    const char *text = json_string_value(json_object_get(one, "text"));
    int32_t ids[MOST_TOKENS], count = read_ids(json_object_get(one, "ids"), ids);
    hd_encoding encoding = {0};
    assert_ok(model->context,
              hd_tokenizer_encode(model->tokenizer, model->context, text, strlen(text), true, &encoding));
    assert_int_equal(encoding.count, count);
    assert_memory_equal(encoding.ids, ids, (size_t)count * sizeof *ids);
    hd_encoding_close(&encoding);
}

static void assert_logits(heed_model *model, const json_t *one) {
    int32_t ids[MOST_TOKENS], starts[] = {0, read_ids(json_object_get(one, "ids"), ids)};
    const json_t *expected = json_object_get(one, "last_logits"), *value;
    hd_layout layout = {1, starts, NULL, NULL};
    double largest = 1;
    size_t i;
    hd_pass pass;
    hd_pass_open(&pass, model->context, &model->network->arena);
    hd_tensor *states = hd_network_decode(model->network, &pass, &(hd_input){.ids = ids}, &layout, NULL);
    const hd_tensor *logits = hd_network_logits(model->network, &pass, states, 0, model->network->output->rows);
    if (!logits) fail_msg("%s", heed_context_message(model->context));
    const float *last = logits->data + (logits->rows - 1) * logits->columns;
    assert_int_equal(json_array_size(expected), logits->columns);
    json_array_foreach(expected, i, value) largest = fmax(largest, fabs(json_number_value(value)));
    json_array_foreach(expected, i, value) if (!(fabs((double)last[i] - json_number_value(value)) <= 1e-4 * largest))
        fail_msg("logit %zu is %g, expected %g", i, (double)last[i], json_number_value(value));
    hd_pass_close(&pass);
}

static void assert_generated(heed_model *model, const json_t *one, const char *key, int64_t beams) {
    int32_t prompt[MOST_TOKENS], expected[MOST_TOKENS];
    int32_t given = read_ids(json_object_get(one, "ids"), prompt);
    int32_t count = read_ids(json_object_get(one, key), expected) - given;
    hd_generation generation = model->generation;
    hd_session *session;
    hd_decoded decoded;
    generation.beams = beams;
    generation.max_new_tokens = count;
    hd_request request = {.ids = prompt, .count = given, .generation = &generation};
    assert_ok(model->context, hd_session_open(model->context, model->network, NULL, &session));
    assert_ok(model->context, hd_session_add(session, &request, NULL));
    while (hd_session_is_busy(session)) assert_ok(model->context, hd_session_step(session));
    assert_true(hd_session_next(session, &decoded));
    for (int32_t i = 0; i < count; i++)
        if (i >= decoded.best[0].count || decoded.best[0].ids[i] != expected[given + i])
            fail_msg("%s after \"%s\": token %d differs", key, json_string_value(json_object_get(one, "text")), i);
    hd_session_close(session);
}

static void stories260k_equals_transformers(void **state) {
    (void)state;
    char folder[1024], path[1100];
    const char *shared = getenv("HEED_SHARED");
    snprintf(folder, sizeof folder, "%s/fixtures/stories260K", shared ? shared : PROJECT "/../shared");
    snprintf(path, sizeof path, "%s/goldens.json", folder);
    json_t *goldens = json_load_file(path, 0, NULL), *one;
    size_t i;
    if (!goldens) {
        print_message("skipped: %s is absent\n", path);
        skip();
    }
    heed_context *context = open_context();
    heed_model *model;
    assert_ok(context, hd_model_open(context, folder, HD_OPEN_TO_RUN, &model));
    json_array_foreach(goldens, i, one) {
        assert_encoded(model, one);
        assert_logits(model, one);
        assert_generated(model, one, "greedy80", 1);
        assert_generated(model, one, "beam4_40", 4);
    }
    assert_true(i > 3);
    hd_model_close(model);
    heed_context_close(context);
    json_decref(goldens);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(stories260k_equals_transformers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
