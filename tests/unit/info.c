/* heed info and heed convert when memory runs out, and what the memory in a description is. */
#include "memory.h"

#include "models/model.h"

static heed_status describe(heed_context *context, const char *name, bool json) {
    heed_options *options;
    char *text = NULL;
    heed_status status = heed_info_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "tensors", NULL);
    if (status == HEED_OK) status = heed_info(context, options, name, json, &text);
    if (status == HEED_OK) record(text);
    heed_free(context, text);
    heed_options_close(options);
    return status;
}

static heed_status describe_model(heed_context *context) { return describe(context, GOLDEN "/marian", false); }
static heed_status describe_as_json(heed_context *context) { return describe(context, GOLDEN "/marian", true); }
static heed_status describe_file(heed_context *context) {
    return describe(context, GOLDEN "/pytorch/model/zip.bin", false);
}

/* A model that does not open is described, and its status is that of the opening. */
static heed_status describe_strange(heed_context *context) {
    char *text;
    heed_status status = heed_info(context, NULL, in_folder("strange"), true, &text);
    record(text);
    heed_free(context, text);
    return status == HEED_UNSUPPORTED && text ? HEED_OK : status;
}

static heed_status convert(heed_context *context) {
    heed_options *options;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", in_folder("converted"));
    assert_int_equal(system(command), 0);
    heed_status status = heed_convert_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "dtype", "bf16");
    if (status == HEED_OK) status = heed_options_set(options, "shard-size", "40KB");
    if (status == HEED_OK) status = heed_convert(context, options, GOLDEN "/marian", in_folder("converted"));
    if (status != HEED_OK) assert_int_not_equal(access(in_folder("converted"), F_OK), 0); /* whole or not at all */
    heed_options_close(options);
    return status;
}

static void descriptions_survive(void **state) {
    (void)state;
    fail_each(describe_model, describe_model, 20, 40);
    fail_each(describe_as_json, describe_as_json, 20, 40);
    fail_each(describe_file, describe_file, 40, 60);
}

static void descriptions_of_what_does_not_open_survive(void **state) {
    (void)state;
    static const char *const configs[] = {
        "{\"model_type\": \"martian\", \"hidden_size\": 3}",
        "{\"model_type\": \"gpt2\", \"vocab_size\": 3, \"n_embd\": 4, \"n_layer\": 1, \"n_head\": 1,"
        " \"activation_function\": \"martian\"}",
    };
    heed_context *context = open_context();
    assert_ok(context, hd_folder_make(context, in_folder("strange")));
    for (size_t i = 0; i < HD_COUNT(configs); i++) {
        assert_ok(context, hd_file_write(context, in_folder("strange/config.json"), configs[i], strlen(configs[i])));
        fail_each(describe_strange, describe_strange, 60, 40);
    }
    heed_context_close(context);
}

static void conversions_survive(void **state) {
    (void)state;
    fail_each(convert, convert, 20, 40);
}

static json_int_t weights_of(heed_context *context, const char *name) {
    char *text;
    assert_ok(context, heed_info(context, NULL, name, true, &text));
    json_t *object = json_loads(text, 0, NULL);
    json_int_t bytes = json_integer_value(json_object_get(json_object_get(object, "memory"), "weights"));
    json_decref(object);
    heed_free(context, text);
    return bytes;
}

static double used(const hd_arena *arena) { return (double)(arena->filled + arena->used); }

/* The stated memory is that of the parameters of a model that was opened to run: its two arenas, but for names and layers. */
static void memory_is_that_of_an_open_model(void **state) {
    (void)state;
    static const char *const names[] = {PROJECT "/models/shakespeare", PROJECT "/models/multi30k-en-de",
                                        PROJECT "/models/sst2"};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        if (access(names[i], R_OK) != 0) continue;
        heed_model *model;
        double stated = (double)weights_of(context, names[i]);
        assert_ok(context, hd_model_open(context, names[i], HD_OPEN_TO_RUN, &model));
        double found = used(&model->network->arena) + used(&model->network->numbers);
        if (stated > found || stated < 0.85 * found)
            fail_msg("%s: %.0f bytes are stated, %.0f allocated", names[i], stated, found);
        hd_model_close(model);
    }
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptions_survive),
        cmocka_unit_test(descriptions_of_what_does_not_open_survive),
        cmocka_unit_test(conversions_survive),
        cmocka_unit_test(memory_is_that_of_an_open_model),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
