/* model folders: found by path, by the name of a shipped model and in the hub's cache; weights in one file and in shards. */
#include "fixture.h"

#include "base/file.h"
#include "formats/model_folder.h"
#include "formats/weights.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[64];

static void write_text(heed_context *context, const char *name, const char *text) {
    char path[512], folder[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    assert_ok(context, hd_folder_make(context, folder));
    assert_ok(context, hd_file_write(context, path, text, strlen(text)));
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static int make_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/heed-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_found(heed_context *context, const char *name, const char *expected) {
    char *folder, path[512];
    snprintf(path, sizeof path, "%s/%s", root, expected);
    assert_ok(context, hd_model_folder_find(context, name, &folder));
    assert_string_equal(folder, path);
    hd_free(context, folder);
}

static void assert_not_found(heed_context *context, const char *name, const char *part) {
    char *folder;
    assert_int_equal(hd_model_folder_find(context, name, &folder), HEED_FILE);
    assert_null(folder);
    if (!strstr(heed_context_message(context), part)) fail_msg("%s", heed_context_message(context));
}

static void finds_models(void **state) {
    (void)state;
    heed_context *context = open_context();
    char path[512];
    write_text(context, "here/config.json", "{}");
    write_text(context, "empty/readme", "");
    write_text(context, "shipped/tiny-en-de/config.json", "{}");
    write_text(context, "home/hub/models--anna--bert/refs/main", "0123abc\n");
    write_text(context, "home/hub/models--anna--bert/snapshots/0123abc/config.json", "{}");
    write_text(context, "home/hub/models--gpt2/refs/main", "77");
    write_text(context, "home/hub/models--gpt2/snapshots/77/config.json", "{}");
    write_text(context, "home/hub/models--anna--evil/refs/main", "../../../../here");
    write_text(context, "home/hub/models--anna--dots/refs/main", "..");
    write_text(context, "home/hub/models--anna--dots/snapshots/readme", "");
    write_text(context, "home/hub/models--anna--gone/refs/main", "88");
    snprintf(path, sizeof path, "%s/shipped", root);
    setenv("HEED_MODELS", path, 1);
    unsetenv("HF_HUB_CACHE");
    snprintf(path, sizeof path, "%s/home", root);
    setenv("HF_HOME", path, 1);

    snprintf(path, sizeof path, "%s/here", root);
    assert_found(context, path, "here");
    assert_found(context, "tiny-en-de", "shipped/tiny-en-de");
    assert_found(context, "anna/bert", "home/hub/models--anna--bert/snapshots/0123abc");
    assert_found(context, "gpt2", "home/hub/models--gpt2/snapshots/77");
    assert_not_found(context, "anna/evil", "no model \"anna/evil\": no config.json in anna/evil, ");
    assert_not_found(context, "anna/evil", "/home/hub/models--anna--evil");
    assert_not_found(context, "anna/dots", "/home/hub/models--anna--dots");
    assert_null(strstr(heed_context_message(context), "snapshots"));
    assert_not_found(context, "anna/gone", "/home/hub/models--anna--gone/snapshots/88");
    assert_not_found(context, "nobody", "/shipped/nobody, ");
    assert_not_found(context, "nobody", "share/heed/models/nobody, ");
    assert_not_found(context, "../here", "../here: no such folder");
    assert_not_found(context, "a/b/c", "a/b/c: no such folder");
    assert_not_found(context, "anna/..", "anna/..: no such folder");
    snprintf(path, sizeof path, "%s/empty", root);
    assert_not_found(context, path, "/empty: the folder has no config.json");
    char *folder;
    assert_int_equal(hd_model_folder_find(context, "", &folder), HEED_ARGUMENT);

    snprintf(path, sizeof path, "%s/home/hub", root);
    setenv("HF_HUB_CACHE", path, 1);
    setenv("HF_HOME", "/nowhere", 1);
    assert_found(context, "gpt2", "home/hub/models--gpt2/snapshots/77");
    heed_context_close(context);
}

static void lists_shipped_models(void **state) {
    (void)state;
    heed_context *context = open_context();
    char path[512], *names;
    write_text(context, "shipped/zz-last/config.json", "{}");
    write_text(context, "shipped/a-first/config.json", "{}");
    write_text(context, "shipped/sst2/config.json", "{}"); /* also in the source tree: once in the list */
    write_text(context, "shipped/no-model/readme", "");
    snprintf(path, sizeof path, "%s/shipped", root);
    setenv("HEED_MODELS", path, 1);
    assert_ok(context, hd_model_folder_list(context, &names));
    assert_memory_equal(names, "a-first\n", 8);
    assert_non_null(strstr(names, "\nsst2\n"));
    assert_string_equal(names + strlen(names) - 8, "\nzz-last");
    assert_null(strstr(strstr(names, "\nsst2\n") + 1, "\nsst2\n"));
    assert_null(strstr(names, "no-model"));
    hd_free(context, names);
    heed_context_close(context);
}

static void opens_configs(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[512];
    const char *type;
    hd_json config;
    snprintf(folder, sizeof folder, "%s/m", root);
    write_text(context, "m/config.json", "{\"model_type\": \"bert\", \"hidden_size\": 8}");
    assert_ok(context, hd_model_config_open(context, folder, &config, &type));
    assert_string_equal(type, "bert");
    hd_json_close(&config);
    write_text(context, "m/config.json", "{\"hidden_size\": 8}");
    assert_int_equal(hd_model_config_open(context, folder, &config, &type), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "m/config.json: \"model_type\" is missing"));
    write_text(context, "m/config.json", "{\"model_type\": 3}");
    assert_int_equal(hd_model_config_open(context, folder, &config, &type), HEED_FORMAT);
    write_text(context, "m/config.json", "[]");
    assert_int_equal(hd_model_config_open(context, folder, &config, &type), HEED_FORMAT);
    heed_context_close(context);
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* A file with byte tensors of these names, each with the value `value`. */
static void write_weights(heed_context *context, const char *name, const char *first, const char *second,
                          uint8_t value) {
    char path[512];
    const hd_declared_tensor tensors[] = {{first, HD_U8, 1, {1}}, {second, HD_U8, 1, {1}}};
    size_t count = second ? 2 : 1;
    hd_safetensors_writer writer;
    snprintf(path, sizeof path, "%s/w/%s", root, name);
    assert_ok(context, hd_safetensors_writer_open(context, path, tensors, count, &writer));
    for (size_t i = 0; i < count; i++) assert_ok(context, hd_safetensors_writer_write(&writer, &value, 1));
    assert_ok(context, hd_safetensors_writer_commit(&writer));
}

static void assert_broken(heed_context *context, const char *folder, const char *index, heed_status status,
                          const char *part) {
    hd_weights *weights;
    write_text(context, "w/model.safetensors.index.json", index);
    assert_int_equal(hd_weights_open(context, folder, &weights), status);
    assert_null(weights);
    if (!strstr(heed_context_message(context), part)) fail_msg("%s", heed_context_message(context));
}

static void opens_weights(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[512], path[540];
    hd_weights *weights;
    const hd_stored_tensor *tensor;
    snprintf(folder, sizeof folder, "%s/w", root);
    assert_ok(context, hd_folder_make(context, folder));
    assert_int_equal(hd_weights_open(context, folder, &weights), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "/w: has neither model.safetensors nor"));

    write_weights(context, "one.safetensors", "b", "stray", 1);
    write_weights(context, "two.safetensors", "a", "b", 2);
    write_text(context, "w/model.safetensors.index.json",
               "{\"metadata\": {\"total_size\": 3}, \"weight_map\": {\"b\": \"one.safetensors\", \"a\": "
               "\"two.safetensors\"}}");
    assert_ok(context, hd_weights_open(context, folder, &weights));
    assert_int_equal(hd_weights_count(weights), 2);
    assert_string_equal(hd_weights_at(weights, 0)->name, "b");
    assert_string_equal(hd_weights_at(weights, 1)->name, "a");
    assert_int_equal(*(const uint8_t *)hd_weights_find(weights, "b")->data, 1); /* the one in the shard of the index */
    assert_int_equal(*(const uint8_t *)hd_weights_find(weights, "a")->data, 2);
    assert_null(hd_weights_find(weights, "stray"));
    assert_ok(context, hd_weights_require(weights, "a", &tensor));
    assert_int_equal(hd_weights_require(weights, "c", &tensor), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "index.json: tensor \"c\" is missing"));
    hd_weights_close(weights);

    assert_broken(context, folder, "{\"weight_map\": {\"a\": \"two.safetensors\", \"c\": \"three.safetensors\"}}",
                  HEED_FILE, "index.json: the shard \"three.safetensors\" with tensor \"c\" is missing");
    assert_broken(context, folder, "{\"weight_map\": {\"c\": \"two.safetensors\"}}", HEED_FORMAT,
                  "index.json: tensor \"c\" should be in \"two.safetensors\", which lacks it");
    assert_broken(context, folder, "{\"weight_map\": {\"a\": \"../w/two.safetensors\"}}", HEED_FORMAT,
                  "\"weight_map.a\" is \"../w/two.safetensors\", expected the name of a file beside the index");
    assert_broken(context, folder, "{\"weight_map\": {\"a\": 1}}", HEED_FORMAT,
                  "\"weight_map.a\" is 1, expected a string");
    assert_broken(context, folder, "{}", HEED_FORMAT, "\"weight_map\" is missing");

    write_weights(context, "model.safetensors", "whole", NULL, 7); /* a single file has precedence over an index */
    assert_ok(context, hd_weights_open(context, folder, &weights));
    assert_int_equal(hd_weights_count(weights), 1);
    assert_int_equal(*(const uint8_t *)hd_weights_find(weights, "whole")->data, 7);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_string_equal(hd_weights_path(weights), path);
    hd_weights_close(weights);
    heed_context_close(context);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void *fail_after(void *user, void *pointer, size_t size) {
    int *left = user;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return (*left)-- > 0 ? realloc(pointer, size) : NULL;
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[512];
    snprintf(folder, sizeof folder, "%s/w", root);
    write_text(context, "home/hub/models--a--b/refs/main", "1");
    write_text(context, "home/hub/models--a--b/snapshots/1/config.json", "{\"model_type\": \"bert\"}");
    assert_ok(context, hd_folder_make(context, folder));
    write_weights(context, "one.safetensors", "a", "b", 1);
    write_weights(context, "two.safetensors", "c", "d", 2);
    write_text(context, "w/model.safetensors.index.json",
               "{\"weight_map\": {\"a\": \"one.safetensors\", \"c\": \"two.safetensors\"}}");
    char cache[512];
    snprintf(cache, sizeof cache, "%s/home/hub", root);
    setenv("HF_HUB_CACHE", cache, 1);
    heed_context_close(context);
    for (int allowed = 0;; allowed++) {
        int left = 1 << 20;
        assert_int_equal(heed_context_open_with(fail_after, &left, &context), HEED_OK);
        left = allowed;
        char *found = NULL;
        const char *type;
        hd_json config = {.context = NULL};
        hd_weights *weights = NULL;
        heed_status status = hd_model_folder_find(context, "a/b", &found);
        if (status == HEED_OK) {
            char *shipped;
            status = hd_model_folder_find(context, "nobody", &shipped);
            status = status == HEED_FILE ? HEED_OK : status; /* there is none, but the search allocates too */
        }
        if (status == HEED_OK) {
            char *names;
            status = hd_model_folder_list(context, &names);
            hd_free(context, names);
        }
        if (status == HEED_OK) status = hd_model_config_open(context, found, &config, &type);
        if (status == HEED_OK) status = hd_weights_open(context, folder, &weights);
        hd_weights_close(weights);
        hd_json_close(&config);
        hd_free(context, found);
        heed_context_close(context);
        if (status == HEED_OK) break;
        assert_int_equal(status, HEED_MEMORY);
        assert_true(allowed < 2000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_models, make_root, remove_root),
        cmocka_unit_test_setup_teardown(lists_shipped_models, make_root, remove_root),
        cmocka_unit_test_setup_teardown(opens_configs, make_root, remove_root),
        cmocka_unit_test_setup_teardown(opens_weights, make_root, remove_root),
        cmocka_unit_test_setup_teardown(each_allocation_may_fail, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
