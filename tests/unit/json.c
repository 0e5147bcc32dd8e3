/* json: reads what Python writes, errors name the path of the value, and output is stable and short. */
#include "fixture.h"

#include "base/file.h"
#include "formats/json.h"
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char config_text[] =
    "{\n"
    "  \"hidden_size\": 768, \"layer_norm_eps\": 1e-5, \"scale\": 2, \"tie\": true, \"whole\": 12.0,\n"
    "  \"activation\": \"gelu\", \"nothing\": null, \"half\": 0.5, \"eos\": [2, 3], \"pad\": 1, \"pad\": 0,\n"
    "  \"text_config\": {\"heads\": 12, \"layers\": [{\"kind\": \"full\"}, {\"kind\": 7}]},\n"
    "  \"nul\": \"a\\u0000b\"\n"
    "}\n";

static hd_json open_text(heed_context *context, const char *text) {
    hd_json json;
    assert_ok(context, hd_json_open_bytes(context, "m/config.json", text, strlen(text), HD_JSON_LENIENT, &json));
    return json;
}

/* The call fails with this message after the path. */
#define assert_refused(context, call, text)                                         \
    do {                                                                            \
        assert_int_equal(call, HEED_FORMAT);                                        \
        assert_string_equal(heed_context_message(context), "m/config.json: " text); \
    } while (0)

static void getters_and_their_errors(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_json json = open_text(context, config_text);
    int64_t integer, ids[3];
    double real;
    bool truth;
    const char *text;
    size_t count;
    assert_ok(context, hd_json_int(&json, "hidden_size", 1, 1, 1 << 20, &integer));
    assert_int_equal(integer, 768);
    assert_ok(context, hd_json_int(&json, "whole", 1, 1, 100, &integer));
    assert_int_equal(integer, 12);
    assert_ok(context, hd_json_int(&json, "absent", -1, 1, 100, &integer));
    assert_int_equal(integer, -1);
    assert_ok(context, hd_json_int(&json, "nothing", 5, 1, 100, &integer));
    assert_int_equal(integer, 5);
    assert_ok(context, hd_json_int(&json, "pad", 5, 0, 100, &integer));
    assert_int_equal(integer, 0); /* the last of equal keys */
    assert_ok(context, hd_json_float(&json, "layer_norm_eps", 1, 0, 1, &real));
    assert_true(real == 1e-5);
    assert_ok(context, hd_json_float(&json, "scale", 1, 0, 10, &real));
    assert_true(real == 2);
    assert_ok(context, hd_json_float(&json, "absent", -7, 0, 10, &real));
    assert_true(real == -7);
    assert_ok(context, hd_json_bool(&json, "tie", false, &truth));
    assert_true(truth);
    assert_ok(context, hd_json_bool(&json, "absent", true, &truth));
    assert_true(truth);
    assert_ok(context, hd_json_string(&json, "activation", NULL, &text));
    assert_string_equal(text, "gelu");
    assert_ok(context, hd_json_string(&json, "absent", NULL, &text));
    assert_null(text);
    assert_ok(context, hd_json_ints(&json, "eos", 0, 100, ids, 3, &count));
    assert_true(count == 2 && ids[0] == 2 && ids[1] == 3);
    assert_ok(context, hd_json_ints(&json, "hidden_size", 0, 1000, ids, 3, &count));
    assert_true(count == 1 && ids[0] == 768);
    assert_ok(context, hd_json_ints(&json, "absent", 0, 1000, ids, 3, &count));
    assert_int_equal(count, 0);
    assert_true(hd_json_has(&json, "tie") && !hd_json_has(&json, "nothing") && !hd_json_has(&json, "absent"));
    assert_ok(context, hd_json_require(&json, "tie"));

    assert_refused(context, hd_json_int(&json, "activation", 1, 1, 9, &integer),
                   "\"activation\" is \"gelu\", expected an integer");
    assert_refused(context, hd_json_int(&json, "half", 1, 1, 9, &integer), "\"half\" is 0.5, expected an integer");
    assert_refused(context, hd_json_int(&json, "tie", 1, 1, 9, &integer), "\"tie\" is true, expected an integer");
    assert_refused(context, hd_json_int(&json, "hidden_size", 1, 1, 9, &integer),
                   "\"hidden_size\" is 768, expected an integer from 1 to 9");
    assert_int_equal(integer, 1);
    assert_refused(context, hd_json_int(&json, "pad", 1, 1, INT64_MAX, &integer),
                   "\"pad\" is 0, expected an integer of at least 1");
    assert_refused(context, hd_json_float(&json, "text_config", 1, 0, 1, &real),
                   "\"text_config\" is an object, expected a number");
    assert_refused(context, hd_json_float(&json, "scale", 1, 0, 1, &real),
                   "\"scale\" is 2, expected a number from 0 to 1");
    assert_refused(context, hd_json_bool(&json, "pad", true, &truth), "\"pad\" is 0, expected true or false");
    assert_refused(context, hd_json_string(&json, "eos", NULL, &text), "\"eos\" is an array of 2, expected a string");
    assert_refused(context, hd_json_string(&json, "nul", NULL, &text),
                   "\"nul\" is \"a\\u0000b\", expected a string without NUL");
    assert_refused(context, hd_json_ints(&json, "eos", 0, 2, ids, 3, &count),
                   "\"eos[1]\" is 3, expected an integer from 0 to 2");
    assert_refused(context, hd_json_ints(&json, "eos", 0, 9, ids, 1, &count),
                   "\"eos\" is an array of 2, expected at most 1 integers");
    assert_refused(context, hd_json_ints(&json, "tie", 0, 9, ids, 1, &count),
                   "\"tie\" is true, expected an integer or an array of them");
    assert_refused(context, hd_json_require(&json, "nothing"), "\"nothing\" is missing");
    hd_json_close(&json);
    heed_context_close(context);
}

static void values_inside(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_json json = open_text(context, config_text), inner, layers, layer, absent;
    int64_t heads;
    const char *kind;
    size_t count;
    assert_ok(context, hd_json_object(&json, "text_config", &inner));
    assert_ok(context, hd_json_int(&inner, "heads", 0, 1, 64, &heads));
    assert_int_equal(heads, 12);
    assert_refused(context, hd_json_int(&inner, "heads", 0, 1, 8, &heads),
                   "\"text_config.heads\" is 12, expected an integer from 1 to 8");
    assert_ok(context, hd_json_array(&inner, "layers", &layers, &count));
    assert_int_equal(count, 2);
    hd_json_element(&layers, 0, &layer);
    assert_ok(context, hd_json_string(&layer, "kind", NULL, &kind));
    assert_string_equal(kind, "full");
    hd_json_element(&layers, 1, &layer);
    assert_refused(context, hd_json_string(&layer, "kind", NULL, &kind),
                   "\"text_config.layers[1].kind\" is 7, expected a string");
    assert_ok(context, hd_json_object(&json, "absent", &absent));
    assert_ok(context, hd_json_int(&absent, "heads", 3, 1, 8, &heads));
    assert_int_equal(heads, 3);
    assert_ok(context, hd_json_array(&absent, "layers", &layers, &count));
    assert_int_equal(count, 0);
    assert_refused(context, hd_json_object(&json, "tie", &absent), "\"tie\" is true, expected an object");
    assert_refused(context, hd_json_array(&json, "tie", &absent, &count), "\"tie\" is true, expected an array");
    hd_json_close(&json);
    hd_json_close(&json);
    heed_context_close(context);
}

static void broken_text(void **state) {
    (void)state;
    heed_context *context = open_context();
    const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1, column 0: '[' or '{' expected near end of file"},
        {"3", "line 1, column 1: '[' or '{' expected near '3'"},
        {"{\n\"a\": 1,\n  \"b\" 2}", "line 3, column 7: ':' expected near '2'"},
        {"{\"a\": NaN}", "line 1, column 9: invalid token near 'NaN'"},
        {"{\"a\": -Infinity}", "line 1, column 7: invalid token near '-'"},
        {"{\"a\": 1e999}", "line 1, column 11: real number overflow near '1e999'"},
        {"{} x", "line 1, column 4: end of file expected near 'x'"},
        {"{\"a\": \"\\ud800\"}", "line 1, column 14: invalid Unicode '\\uD800' near '\"\\ud800\"'"},
        {"{'a': 1}", "line 1, column 2: string or '}' expected near '''"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_json json;
        const char *text = cases[i].text;
        assert_int_equal(hd_json_open_bytes(context, "x", text, strlen(text), HD_JSON_LENIENT, &json), HEED_FORMAT);
        if (strcmp(heed_context_message(context) + 3, cases[i].message) != 0)
            fail_msg("%s: %s", text, heed_context_message(context));
        hd_json_close(&json);
    }
    /* Python's int(1e30), which tokenizer_config.json has for "no limit". */
    hd_json json = open_text(context, "{\"model_max_length\": 1000000000000000019884624838656, \"n\": 7}");
    double limit;
    int64_t n;
    assert_ok(context, hd_json_float(&json, "model_max_length", 0, 0, 1e300, &limit));
    assert_true(limit == 1e30);
    assert_ok(context, hd_json_int(&json, "n", 0, 0, 9, &n));
    assert_int_equal(n, 7);
    assert_refused(context, hd_json_int(&json, "model_max_length", 0, 0, 9, &n),
                   "\"model_max_length\" is 1e30, expected an integer");
    hd_json_close(&json);
    assert_int_equal(hd_json_open_bytes(context, "x", "{\"a\":1,\"a\":2}", 13, HD_JSON_STRICT, &json), HEED_FORMAT);
    /* A long value is shortened between characters. */
    char text[400] = "{\"a\": \"x";
    for (int i = 0; i < 100; i++) strcat(text, "ä");
    strcat(text, "\"}");
    json = open_text(context, text);
    assert_int_equal(hd_json_int(&json, "a", 0, 0, 9, &n), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "ää…, expected an integer"));
    hd_json_close(&json);
    heed_context_close(context);
}

static void files(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "config.json");
    json_t *root =
        json_pack("{s:s, s:i, s:[f, f, f, f], s:{}, s:[], s:{s:n, s:b}}", "zeta", "gr\xc3\xbc\xc3\x9f \"x\"\n", "a", 3,
                  "reals", 1e-12, 0.1, 2.0, 0.30000000000000004, "empty", "none", "inner", "b", "c", 1);
    assert_non_null(root);
    assert_ok(context, hd_json_write(context, path, root));
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_file_read(context, path, &text));
    assert_string_equal(
        text.data,
        "{\n  \"zeta\": \"gr\xc3\xbc\xc3\x9f \\\"x\\\"\\n\",\n  \"a\": 3,\n  \"reals\": [\n    1e-12,\n    0.1,\n"
        "    2.0,\n    0.30000000000000004\n  ],\n  \"empty\": {},\n  \"none\": [],\n  \"inner\": {\n"
        "    \"b\": null,\n    \"c\": true\n  }\n}\n");
    hd_json json;
    assert_ok(context, hd_json_open(context, path, &json));
    assert_true(json_equal(json.root, root));
    hd_json_close(&json);
    assert_ok(context, hd_file_write(context, path, "[1]", 3));
    assert_int_equal(hd_json_open(context, path, &json), HEED_FORMAT);
    assert_non_null(
        strstr(heed_context_message(context), "config.json: the file is an array of 1, expected an object"));
    unlink(path);
    assert_int_equal(hd_json_open(context, path, &json), HEED_FILE);
    assert_int_equal(hd_json_open(context, folder, &json), HEED_FILE);
    json_decref(root);
    hd_buffer_close(&text);
    hd_free(context, path);
    assert_int_equal(rmdir(folder), 0);
    heed_context_close(context);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static int allocations_left;

static void *jansson_malloc(size_t size) { return allocations_left-- > 0 ? malloc(size) : NULL; }

static heed_status read_and_write(heed_context *context, const char *path, json_t *root) {
    hd_json json = {.context = NULL};
    hd_safetensors *file = NULL;
    hd_safetensors_writer writer;
    const hd_declared_tensor tensors[] = {{"a", HD_F32, 2, {1, 1}}, {"b", HD_U8, 1, {1}}};
    heed_status status = hd_json_write(context, path, root);
    if (status == HEED_OK) status = hd_json_open(context, path, &json);
    hd_json_close(&json);
    if (status == HEED_OK) status = hd_safetensors_writer_open(context, path, tensors, 2, &writer);
    if (status == HEED_OK) status = hd_safetensors_writer_write(&writer, "12345", 5);
    if (status == HEED_OK) status = hd_safetensors_writer_commit(&writer);
    if (status == HEED_OK) status = hd_safetensors_open(context, path, &file);
    hd_safetensors_close(file);
    return status;
}

static void each_allocation_of_jansson_may_fail(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "file");
    json_t *root = json_pack("{s:s, s:[f, i, {s:b}]}", "name", "value", "list", 0.1, 3, "inner", 1);
    assert_non_null(root);
    heed_status status = HEED_MEMORY;
    int allowed = 0;
    for (; status != HEED_OK && allowed < 500; allowed++) {
        allocations_left = allowed;
        json_set_alloc_funcs(jansson_malloc, free);
        status = read_and_write(context, path, root);
        json_set_alloc_funcs(malloc, free);
        if (status != HEED_OK && status != HEED_MEMORY)
            fail_msg("after %d allocations: %s", allowed, heed_context_message(context));
    }
    assert_int_equal(status, HEED_OK);
    assert_true(allowed > 50);
    json_decref(root);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, path);
    heed_context_close(context);
}

static int allocations_before_failure;

static void *jansson_malloc_once(size_t size) { return allocations_before_failure-- == 0 ? NULL : malloc(size); }

/* One allocation fails and those after it succeed: what is written is whole, or there is no file. */
static void one_allocation_of_jansson_may_fail(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "file");
    json_t *root = json_pack("{s:s, s:[f, i, [s, n], {s:b}], s:{s:{s:i}}, s:f}", "name", "value", "list", 0.5, 3, "x",
                             "inner", 1, "a", "b", "c", 5, "last", 0.25);
    assert_non_null(root);
    hd_buffer expected, text;
    hd_buffer_open(&expected, context), hd_buffer_open(&text, context);
    assert_ok(context, hd_json_append_pretty(context, root, &expected));
    int failures = 0;
    bool failed = true;
    for (int n = 0; failed; n++) {
        unlink(path);
        allocations_before_failure = n;
        json_set_alloc_funcs(jansson_malloc_once, free);
        heed_status status = hd_json_write(context, path, root);
        json_set_alloc_funcs(malloc, free);
        failed = allocations_before_failure < 0;
        if (status == HEED_OK) {
            hd_buffer_clear(&text);
            assert_ok(context, hd_file_read(context, path, &text));
            assert_string_equal(text.data, expected.data);
        } else {
            assert_int_equal(status, HEED_MEMORY);
            assert_int_equal(access(path, F_OK), -1);
            failures++;
        }
        hd_buffer line;
        hd_buffer_open(&line, context);
        allocations_before_failure = n;
        json_set_alloc_funcs(jansson_malloc_once, free);
        status = hd_json_append(context, root, &line);
        json_set_alloc_funcs(malloc, free);
        if (status == HEED_OK)
            assert_string_equal(line.data,
                                "{\"name\":\"value\",\"list\":[0.5,3,[\"x\",null],{\"inner\":true}],"
                                "\"a\":{\"b\":{\"c\":5}},\"last\":0.25}");
        else
            assert_int_equal(status, HEED_MEMORY);
        hd_buffer_close(&line);
    }
    assert_true(failures > 10);
    json_decref(root);
    hd_buffer_close(&expected), hd_buffer_close(&text);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, path);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getters_and_their_errors),
        cmocka_unit_test(values_inside),
        cmocka_unit_test(broken_text),
        cmocka_unit_test(files),
        cmocka_unit_test(each_allocation_of_jansson_may_fail),
        cmocka_unit_test(one_allocation_of_jansson_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
