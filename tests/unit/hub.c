/* The hub: names, the answers of a hub and which files a pull selects; heed_pull and heed_push with failing allocations. The
 * command's tests (cli/hub) have the exchange with a hub. */
#include "memory.h"

#include "formats/hub/answers.h"
#include "formats/hub/select.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define SHA256 SHA1 "0123456789abcdef01234567"

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void checks_names(void **state) {
    (void)state;
    static const char *const names[] = {"gpt2", "a/b", "Helsinki-NLP/opus-mt-en-de", "_x/y_", "a.b/c.d-e_f", "0/1"};
    static const char *const others[] = {"",     "/",    "a/",   "/a",   "a/b/c", "../a",  "a/..", "a--b", "a/b--c",
                                         "a..b", "-a/b", "a/b-", ".a/b", "a b",   "a/b\n", "ä/b",  "a\\b", "a%2fb"};
    for (size_t i = 0; i < HD_COUNT(names); i++)
        if (!hd_hub_is_name(names[i])) fail_msg("%s is a name", names[i]);
    for (size_t i = 0; i < HD_COUNT(others); i++)
        if (hd_hub_is_name(others[i])) fail_msg("%s is no name", others[i]);
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[96] = 0;
    assert_true(hd_hub_is_name(longest));
    longest[96] = 'a', longest[97] = 0;
    assert_false(hd_hub_is_name(longest));
}

static void checks_paths(void **state) {
    (void)state;
    static const char *const paths[] = {"config.json", "1_Pooling/config.json", ".gitattributes", "a b/ä…", "...",
                                        "refs/pr/1"};
    static const char *const others[] = {
        "",     "/",    "/a",   "a/",        "a//b",  ".",     "..",        "a/../b",    "./a",          "a/.",
        "../a", "a\\b", "a\nb", "a\033[2Jb", "a\177", "a\xff", "a\xc0\xaf", "a\xc2\x9b", "a\xe2\x80\xae"};
    for (size_t i = 0; i < HD_COUNT(paths); i++)
        if (!hd_hub_is_path(paths[i])) fail_msg("%s is a path", paths[i]);
    for (size_t i = 0; i < HD_COUNT(others); i++)
        if (hd_hub_is_path(others[i])) fail_msg("%s is no path", others[i]);
    char longest[1100];
    memset(longest, 'a', sizeof longest);
    longest[255] = 0;
    assert_true(hd_hub_is_path(longest));
    longest[255] = 'a', longest[256] = 0;
    assert_false(hd_hub_is_path(longest));
}

static void converts_names_to_folders(void **state) {
    (void)state;
    heed_context *context = open_context();
    char *repository = hd_hub_repository(context, "/cache", "me/a-b.c");
    assert_string_equal(repository, "/cache/models--me--a-b.c");
    hd_free(context, repository);
    hd_buffer name;
    hd_buffer_open(&name, context);
    assert_true(hd_hub_repository_name("models--me--a-b.c", &name));
    assert_string_equal(name.data, "me/a-b.c");
    assert_true(hd_hub_repository_name("models--gpt2", &name));
    assert_string_equal(name.data, "gpt2");
    static const char *const others[] = {"datasets--me--x", "models--", "models--a--b--c", "models--..--x", ".locks"};
    for (size_t i = 0; i < HD_COUNT(others); i++) assert_false(hd_hub_repository_name(others[i], &name));
    hd_buffer_close(&name);
    heed_context_close(context);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void assert_message(heed_context *context, const char *expected) {
    if (!strstr(heed_context_message(context), expected))
        fail_msg("\"%s\" does not have \"%s\"", heed_context_message(context), expected);
}

static heed_status read_tree(heed_context *context, const char *text, hd_hub_files *files) {
    hd_hub_files_open(context, files);
    heed_status status = hd_hub_read_tree("me/x", text, strlen(text), files);
    return status == HEED_OK ? hd_hub_files_sort(files, "me/x") : status;
}

static void reads_the_tree(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_hub_files files;
    assert_ok(context,
              read_tree(context,
                        "[{\"type\":\"file\",\"path\":\"m.safetensors\",\"size\":7,\"oid\":\"" SHA1
                        "\",\"lfs\":{\"oid\":\"" SHA256 "\",\"size\":7,\"pointerSize\":1},\"xetHash\":\"x\"},"
                        "{\"type\":\"directory\",\"path\":\"d\",\"oid\":\"x\"},"
                        "{\"type\":\"file\",\"path\":\"d/config.json\",\"size\":0,\"oid\":\"" SHA1 "\",\"lfs\":null}]",
                        &files));
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].path, "d/config.json");
    assert_string_equal(files.items[0].digest, SHA1);
    assert_false(files.items[0].large);
    assert_string_equal(files.items[1].digest, SHA256);
    assert_true(files.items[1].large);
    assert_int_equal(files.items[1].size, 7);
    hd_hub_files_close(&files);
    heed_context_close(context);
}

static void refuses_other_trees(void **state) {
    (void)state;
#define ENTRY(path, size, oid) "{\"type\":\"file\",\"path\":" path ",\"size\":" size ",\"oid\":" oid "}"
#define FINE                   ENTRY("\"a\"", "1", "\"" SHA1 "\"")
    static const char *const rows[][2] = {
        {"", "near end of file"},
        {"{}", "expected an array"},
        {"[3]", "\"[0]\" is 3, expected an object"},
        {"[" ENTRY("\"../a\"", "1", "\"" SHA1 "\"") "]", "expected a relative path"},
        {"[" ENTRY("\"/a\"", "1", "\"" SHA1 "\"") "]", "expected a relative path"},
        {"[" ENTRY("\"a\\u0000b\"", "1", "\"" SHA1 "\"") "]", "without NUL"},
        {"[" ENTRY("7", "1", "\"" SHA1 "\"") "]", "expected a string"},
        {"[{\"type\":\"directory\",\"path\":\"..\"}]", "expected a relative path"},
        {"[{\"type\":\"file\"}]", "\"[0].path\" is missing"},
        {"[" ENTRY("\"a\"", "-1", "\"" SHA1 "\"") "]", "\"[0].size\" is -1"},
        {"[" ENTRY("\"a\"", "1e300", "\"" SHA1 "\"") "]", "\"[0].size\" is"},
        {"[" ENTRY("\"a\"", "9223372036854775807", "\"" SHA1 "\"") "]", "\"[0].size\" is"},
        {"[" ENTRY("\"a\"", "null", "\"" SHA1 "\"") "]", "\"[0].size\" is missing"},
        {"[" ENTRY("\"a\"", "1", "\"../../x\"") "]", "expected 40 hexadecimal digits"},
        {"[" ENTRY("\"a\"", "1", "\"" SHA256 "\"") "]", "expected 40 hexadecimal digits"},
        {"[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1 "\",\"lfs\":{\"oid\":\"" SHA1
         "\",\"size\":1}}]",
         "expected 64 hexadecimal digits"},
        {"[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1 "\",\"lfs\":{\"oid\":\"" SHA256 "\"}}]",
         "\"[0].lfs.size\" is missing"},
        {"[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1 "\",\"lfs\":3}]", "expected an object"},
        {"[" FINE "," FINE "]", "the file \"a\" is there twice"},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        hd_hub_files files;
        assert_int_equal(read_tree(context, rows[i][0], &files), HEED_FORMAT);
        assert_message(context, rows[i][1]);
        hd_hub_files_close(&files);
    }
    enum { DEPTH = 10000 };
    char *deep = malloc(DEPTH + 1);
    memset(deep, '[', DEPTH);
    deep[DEPTH] = 0;
    hd_hub_files files;
    assert_int_equal(read_tree(context, deep, &files), HEED_FORMAT);
    hd_hub_files_close(&files);
    free(deep);
    heed_context_close(context);
}

static void reads_commits(void **state) {
    (void)state;
    heed_context *context = open_context();
    char commit[HD_COMMIT_DIGITS + 1];
    const char *fine = "{\"sha\":\"" SHA1 "\"}", *wrong = "{\"sha\":\"../x\"}", *none = "{\"commitOid\":7}";
    assert_ok(context, hd_hub_read_commit(context, "me/x", fine, strlen(fine), commit));
    assert_string_equal(commit, SHA1);
    assert_int_equal(hd_hub_read_commit(context, "me/x", wrong, strlen(wrong), commit), HEED_FORMAT);
    assert_int_equal(hd_hub_read_commit(context, "me/x", none, strlen(none), commit), HEED_FORMAT);
    assert_int_equal(hd_hub_read_new_commit(context, "me/x", none, strlen(none), commit), HEED_FORMAT);
    heed_context_close(context);
}

static void reads_modes(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_hub_files files;
    hd_hub_files_open(context, &files);
    hd_hub_files_add(&files, "a")->size = 3;
    hd_hub_files_add(&files, "b")->size = 0;
    hd_hub_files_add(&files, "c")->size = 3;
    const char *text = "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"lfs\",\"shouldIgnore\":false,\"oid\":\"" SHA256
                       "\"},{\"path\":\"b\",\"uploadMode\":\"lfs\",\"oid\":null},"
                       "{\"path\":\"c\",\"uploadMode\":\"regular\",\"shouldIgnore\":true,\"oid\":\"" SHA256 "\"}]}";
    assert_ok(context, hd_hub_read_modes("me/x", text, strlen(text), &files));
    assert_true(files.items[0].large && files.items[0].selected);
    assert_string_equal(files.items[0].digest, SHA256);
    assert_false(files.items[1].large); /* empty */
    assert_false(files.items[2].selected);
    assert_string_equal(files.items[2].digest, "");
    static const char *const wrong[] = {"{}", "{\"files\":[{\"path\":\"z\",\"uploadMode\":\"lfs\"}]}",
                                        "{\"files\":[{\"path\":\"a\",\"uploadMode\":\"x\"}]}", "{\"files\":[{}]}"};
    for (size_t i = 0; i < HD_COUNT(wrong); i++)
        assert_int_equal(hd_hub_read_modes("me/x", wrong[i], strlen(wrong[i]), &files), HEED_FORMAT);
    hd_hub_files_close(&files);
    heed_context_close(context);
}

static const hd_hub_file weights = {.path = (char *)"w", .size = 25, .digest = SHA256, .large = true};

static heed_status read_upload(heed_context *context, const char *object, hd_hub_upload *upload) {
    char text[1000];
    snprintf(text, sizeof text, "{\"objects\":[{\"oid\":\"" SHA256 "\",\"size\":25,%s}]}", object);
    return hd_hub_read_upload(context, "me/x: w", text, strlen(text), &weights, upload);
}

static void reads_uploads(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_hub_upload upload;
    assert_ok(context, read_upload(context, "\"x\":0", &upload));
    assert_null(upload.url); /* the hub has it */
    assert_ok(
        context,
        read_upload(context, "\"actions\":{\"upload\":{\"href\":\"https://a/b\"},\"verify\":{\"href\":\"https://c\"}}",
                    &upload));
    assert_string_equal(upload.url, "https://a/b");
    assert_string_equal(upload.verify, "https://c");
    assert_int_equal(upload.part_size, 0);
    hd_hub_upload_close(context, &upload);
    assert_ok(context,
              read_upload(context,
                          "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"3\":\"http://3\",\"1\":"
                          "\"http://1\",\"2\":\"http://2\",\"chunk_size\":\"10\",\"other\":7}}}",
                          &upload));
    assert_int_equal(upload.part_count, 3);
    assert_string_equal(upload.parts[2], "http://3");
    hd_hub_upload_close(context, &upload);
    static const char *const wrong[] = {
        "\"actions\":{\"upload\":{}}",
        "\"actions\":{\"upload\":{\"href\":\"file:///etc\"}}",
        "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"chunk_size\":0}}}",
        "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"chunk_size\":-5}}}",
        "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"chunk_size\":20,\"1\":\"http://1\"}}}",
        "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"chunk_size\":25,\"1\":\"http://"
        "1\",\"2\":\"http://"
        "2\"}}}",
        "\"actions\":{\"upload\":{\"href\":\"https://a\",\"header\":{\"chunk_size\":25,\"1\":\"http://"
        "1\",\"01\":\"http://"
        "2\"}}}",
    };
    for (size_t i = 0; i < HD_COUNT(wrong); i++)
        if (read_upload(context, wrong[i], &upload) != HEED_FORMAT) fail_msg("accepted: %s", wrong[i]);
    assert_int_equal(read_upload(context, "\"error\":{\"code\":422,\"message\":\"too large\"}", &upload), HEED_FILE);
    assert_message(context, "the hub refuses the file: too large");
    const char *other = "{\"objects\":[{\"oid\":\"x\"}]}", *none = "{\"objects\":[]}";
    assert_int_equal(hd_hub_read_upload(context, "w", other, strlen(other), &weights, &upload), HEED_FORMAT);
    assert_int_equal(hd_hub_read_upload(context, "w", none, strlen(none), &weights, &upload), HEED_FORMAT);
    heed_context_close(context);
}

static void reads_links(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"<https://a/b?c=1>; rel=\"next\"", "https://a/b?c=1"},
        {"<https://x>; rel=\"first\", <https://y>; rel=\"next\"", "https://y"},
        {"<https://y>;rel=next", "https://y"},
        {"<>; rel=\"next\"", ""},
        {"", NULL},
        {"<https://x>; rel=\"prev\"", NULL},
        {"<https://x", NULL},
        {"rel=\"next\"", NULL},
        {">;<;<", NULL},
    };
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        bool failed;
        char *found = hd_hub_next_page(context, rows[i][0], &failed);
        assert_false(failed);
        if (!found != !rows[i][1] || (found && strcmp(found, rows[i][1]) != 0)) fail_msg("%s", rows[i][0]);
        hd_free(context, found);
    }
    heed_context_close(context);
}

/* ---- selection --------------------------------------------------------------------------------------------------- */

static bool selects(const char *const *patterns, size_t pattern_count, const char *const *paths, size_t count,
                    const char *path) {
    heed_context *context = open_context();
    hd_hub_files files;
    hd_hub_files_open(context, &files);
    for (size_t i = 0; i < count; i++) assert_non_null(hd_hub_files_add(&files, paths[i]));
    char *items[4];
    for (size_t i = 0; i < pattern_count; i++) items[i] = (char *)(uintptr_t)patterns[i];
    const hd_string_list list = {.items = items, .count = pattern_count};
    hd_hub_select(&files, &list);
    bool selected = hd_hub_files_find(&files, path)->selected;
    hd_hub_files_close(&files);
    heed_context_close(context);
    return selected;
}

static void selects_files(void **state) {
    (void)state;
    static const char *const paths[] = {"config.json",
                                        "tokenizer.json",
                                        "model-00001-of-00002.safetensors",
                                        "pytorch_model.bin",
                                        "2_Dense/pytorch_model.bin",
                                        "onnx/config.json",
                                        "model.onnx",
                                        "tf_model.h5",
                                        "README.md",
                                        "source.spm",
                                        "optimizer.pt",
                                        "a/b/onnx/x.json"};
    static const bool expected[] = {true, true, true, false, true, false, false, false, true, true, false, false};
    for (size_t i = 0; i < HD_COUNT(paths); i++)
        if (selects(NULL, 0, paths, HD_COUNT(paths), paths[i]) != expected[i]) fail_msg("%s", paths[i]);
    assert_true(selects(NULL, 0, paths + 3, 1, "pytorch_model.bin")); /* without safetensors */
    const char *star = "*.json", *inside = "onnx/*", *exact = "model.onnx", *class = "[!a-m]*";
    assert_true(selects(&star, 1, paths, HD_COUNT(paths), "a/b/onnx/x.json")); /* "*" matches slashes */
    assert_false(selects(&star, 1, paths, HD_COUNT(paths), "README.md"));
    assert_true(selects(&inside, 1, paths, HD_COUNT(paths), "onnx/config.json"));
    assert_false(selects(&inside, 1, paths, HD_COUNT(paths), "a/b/onnx/x.json"));
    assert_true(selects(&exact, 1, paths, HD_COUNT(paths), "model.onnx"));
    assert_true(selects(&class, 1, paths, HD_COUNT(paths), "onnx/config.json"));
    assert_false(selects(&class, 1, paths, HD_COUNT(paths), "config.json"));
}

/* ---- digests ----------------------------------------------------------------------------------------------------- */

static void computes_digests(void **state) {
    (void)state;
    heed_context *context = open_context();
    const hd_hub_library *library;
    char digits[HD_SHA256_DIGITS + 1];
    assert_ok(context, hd_hub_library_open(context, &library));
    assert_ok(context, hd_digest_bytes(context, library, "abc", 3, HD_DIGEST_SHA256, digits)); /* FIPS 180-2, B.1 */
    assert_string_equal(digits, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(context, hd_digest_bytes(context, library, "", 0, HD_DIGEST_GIT, digits)); /* git hash-object /dev/null */
    assert_string_equal(digits, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_int_equal(hd_digest_file(context, library, PROJECT "/README.md", 3, HD_DIGEST_GIT, digits), HEED_FILE);
    assert_message(context, "expected 3");
    heed_context_close(context);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static pid_t server;

/* Starts a hub whose repository me/x has one small and one large file. */
static int start_hub(void **state) {
    int ends[2];
    char command[512], port[16] = "", address[64];
    if (set_up(state) != 0 || pipe(ends) != 0) return -1;
    snprintf(command, sizeof command,
             "mkdir -p %s/me/x/main %s/lfs && echo '{\"model_type\":\"x\"}' >%s/me/x/main/config.json && echo weights "
             ">%s/me/x/main/model.safetensors && cp -r %s/me/x/main %s/folder",
             folder, folder, folder, folder, folder, folder);
    if (system(command) != 0) return -1;
    server = fork();
    if (server == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(HUB, HUB, folder, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    bool started = read(ends[0], port, sizeof port - 1) > 0;
    close(ends[0]);
    snprintf(address, sizeof address, "http://127.0.0.1:%d", atoi(port));
    setenv("HF_ENDPOINT", address, 1);
    setenv("HF_TOKEN", "hf_a", 1);
    unsetenv("http_proxy");
    unsetenv("HF_HUB_OFFLINE");
    snprintf(address, sizeof address, "%s/hub", folder);
    setenv("HF_HUB_CACHE", address, 1);
    return started ? 0 : -1;
}

static int stop_hub(void **state) {
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return tear_down(state);
}

static void remove_from_folder(const char *what) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s/%s", folder, what);
    assert_int_equal(system(command), 0);
}

static bool count_reports(void *user, const char *file, uint64_t done, uint64_t total) {
    assert_true(file[0] && done <= total);
    *(int *)user += 1;
    return true;
}

static heed_status pull_x(heed_context *context) {
    char *pulled;
    remove_from_folder("hub");
    heed_status status = heed_pull(context, NULL, "me/x", NULL, NULL, &pulled);
    if (status != HEED_OK) assert_null(pulled);
    record(pulled);
    hd_free(context, pulled);
    return status;
}

static heed_status push_x(heed_context *context) {
    char *address;
    remove_from_folder("me/y");
    remove_from_folder("lfs/*");
    heed_status status = heed_push(context, NULL, in_folder("folder"), "me/y", NULL, NULL, &address);
    if (status != HEED_OK) assert_null(address);
    record(address);
    hd_free(context, address);
    return status;
}

static heed_status list_models(heed_context *context) {
    heed_models *models;
    heed_status status = heed_models_open(context, &models);
    if (status == HEED_OK) {
        size_t last = heed_models_count(models) - 1;
        assert_string_equal(heed_models_name(models, last), "me/x");
        assert_string_equal(heed_models_family(models, last), "x");
        assert_false(heed_models_is_shipped(models, last));
        assert_int_equal(heed_models_bytes(models, last), 27);
        assert_null(heed_models_name(models, last + 1));
        record(heed_models_folder(models, last));
    }
    heed_models_close(models);
    return status;
}

static void survives_failing_allocations(void **state) {
    (void)state;
    fail_each(pull_x, pull_x, 40, 50);
    fail_each(list_models, list_models, 20, 10);
    fail_each(push_x, push_x, 40, 50);
}

static void reports_progress(void **state) {
    (void)state;
    heed_context *context = open_context();
    char *pulled, *address;
    int reports = 0;
    remove_from_folder("hub");
    assert_ok(context, heed_pull(context, NULL, "me/x", count_reports, &reports, &pulled));
    assert_true(reports > 0);
    reports = 0;
    remove_from_folder("me/y");
    remove_from_folder("lfs/*");
    assert_ok(context, heed_push(context, NULL, pulled, "me/y", count_reports, &reports, &address));
    assert_true(reports > 0);
    hd_free(context, pulled);
    hd_free(context, address);
    heed_context_close(context);
}

static bool stop(void *user, const char *file, uint64_t done, uint64_t total) {
    (void)user, (void)file, (void)done, (void)total;
    return false;
}

static void stops(void **state) {
    (void)state;
    heed_context *context = open_context();
    char *result;
    remove_from_folder("hub");
    assert_int_equal(heed_pull(context, NULL, "me/x", stop, NULL, &result), HEED_STOPPED);
    remove_from_folder("me/y");
    remove_from_folder("lfs/*");
    assert_int_equal(heed_push(context, NULL, in_folder("folder"), "me/y", stop, NULL, &result), HEED_STOPPED);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_names),
        cmocka_unit_test(checks_paths),
        cmocka_unit_test(converts_names_to_folders),
        cmocka_unit_test(reads_the_tree),
        cmocka_unit_test(refuses_other_trees),
        cmocka_unit_test(reads_commits),
        cmocka_unit_test(reads_modes),
        cmocka_unit_test(reads_uploads),
        cmocka_unit_test(reads_links),
        cmocka_unit_test(selects_files),
        cmocka_unit_test(computes_digests),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(reports_progress),
        cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests(tests, start_hub, stop_hub);
}
