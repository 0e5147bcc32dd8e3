/* text: folders with vocab.txt, with vocab.json and merges.txt, and ByT5's give the results of transformers
 * (golden/folders/make.py), and damaged ones are errors. */
#include "failing.h"
#include "fixture.h"

#include "base/file.h"
#include "text/folder.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const goldens[] = {"bert",       "bert-cased", "distilbert", "electra", "mpnet", "gpt2",
                                      "gpt2-marks", "roberta",    "bart",       "clip",    "qwen2", "byt5"};

static const char *golden_path(const char *name, const char *file) {
    static char path[1024];
    snprintf(path, sizeof path, GOLDEN "/folders/%s/%s", name, file);
    return path;
}

static bool same_tokens(const hd_encoding *encoding, const json_t *ids, const json_t *offsets) {
    if (encoding->count != json_array_size(ids)) return false;
    for (size_t i = 0; i < encoding->count; i++) {
        const json_t *pair = json_array_get(offsets, i);
        if (encoding->ids[i] != json_integer_value(json_array_get(ids, i))) return false;
        if (pair && (encoding->starts[i] != json_integer_value(json_array_get(pair, 0)) ||
                     encoding->ends[i] != json_integer_value(json_array_get(pair, 1))))
            return false;
    }
    return true;
}

static void expect(heed_context *context, const heed_tokenizer *tokenizer, const char *name, const json_t *golden) {
    const json_t *text = json_object_get(golden, "text"), *decoded = json_object_get(golden, "decoded");
    hd_encoding encoding = {0};
    hd_buffer out;
    hd_buffer_open(&out, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, json_string_value(text), json_string_length(text), true,
                                           &encoding));
    if (!same_tokens(&encoding, json_object_get(golden, "ids"), json_object_get(golden, "offsets"))) {
        print_message("%s: \"%s\"\n", name, json_string_value(text));
        for (size_t i = 0; i < encoding.count; i++)
            print_message(" %d:%u:%u", encoding.ids[i], encoding.starts[i], encoding.ends[i]);
        fail_msg("not the expected ids and offsets");
    }
    assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &out));
    if (out.size != json_string_length(decoded) ||
        (out.size && memcmp(out.data, json_string_value(decoded), out.size) != 0))
        fail_msg("%s: \"%s\" is decoded as \"%s\"", name, json_string_value(text), out.data ? out.data : "");
    hd_buffer_close(&out);
    hd_encoding_close(&encoding);
}

static void results_are_those_of_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        json_t *list = json_load_file(golden_path(goldens[i], "goldens.json"), JSON_ALLOW_NUL, NULL), *golden;
        heed_tokenizer *tokenizer, *again;
        hd_buffer json;
        size_t index;
        assert_true(json_array_size(list) > 20);
        assert_ok(context, hd_tokenizer_open_folder(context, golden_path(goldens[i], ""), &tokenizer));
        hd_buffer_open(&json, context);
        assert_ok(context, hd_tokenizer_write(tokenizer, &json));
        assert_ok(context, hd_tokenizer_parse(context, "saved", json.data, json.size, &again));
        json_array_foreach(list, index, golden) {
            expect(context, tokenizer, goldens[i], golden);
            expect(context, again, goldens[i], golden);
        }
        hd_buffer_close(&json);
        hd_tokenizer_close(again);
        hd_tokenizer_close(tokenizer);
        json_decref(list);
    }
    heed_context_close(context);
}

/* ---- damaged folders -------------------------------------------------------------------------------------------- */

static const struct {
    struct {
        const char *name, *contents;
    } files[3];
    heed_status status;
    const char *message; /* a part of it */
} damaged[] = {
    {{{"vocab.txt", "[UNK]\n\xFF\n"}}, HEED_FORMAT, "vocab.txt: line 2 is not a token"},
    {{{"vocab.txt", "[UNK]\n"}, {"tokenizer_config.json", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}"}},
     HEED_UNSUPPORTED,
     "the tokenizer class BertJapaneseTokenizer is not supported"},
    {{{"vocab.txt", "[UNK]\n"}, {"tokenizer_config.json", "{\"do_lower_case\": 3}"}}, HEED_FORMAT, "do_lower_case"},
    {{{"vocab.json", "{\"a\": 0"}, {"merges.txt", ""}}, HEED_FORMAT, "vocab.json: line 1"},
    {{{"vocab.json", "{\"a\": \"x\"}"}, {"merges.txt", ""}}, HEED_FORMAT, "id of token \"a\" is not an integer"},
    {{{"vocab.json", "{\"a\": 0, \"b\": 1}"}, {"merges.txt", "#version: 0.2\na b\n"}},
     HEED_FORMAT,
     "merges.txt: line 2 makes \"ab\"; one of the three tokens is not in vocab.json"},
    {{{"vocab.json", "{\"a\": 0, \"b\": 1}"}, {"merges.txt", "a\n"}}, HEED_FORMAT, "merges.txt: line 1 is not a pair"},
    {{{"vocab.json", "{\"a\": 0}"}}, HEED_FILE, "no tokenizer: none of tokenizer.json"},
    {{{"tokenizer_config.json", "{\"tokenizer_class\": \"T5Tokenizer\"}"}}, HEED_FILE, "vocab.json with merges.txt"},
};

static void damaged_folders_are_errors(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(damaged); i++) {
        char folder[] = "/tmp/heed-folder-XXXXXX", path[128];
        heed_tokenizer *tokenizer;
        assert_non_null(mkdtemp(folder));
        for (size_t j = 0; j < 3 && damaged[i].files[j].name; j++) {
            snprintf(path, sizeof path, "%s/%s", folder, damaged[i].files[j].name);
            assert_ok(context,
                      hd_file_write(context, path, damaged[i].files[j].contents, strlen(damaged[i].files[j].contents)));
        }
        heed_status status = hd_tokenizer_open_folder(context, folder, &tokenizer);
        if (status != damaged[i].status || (damaged[i].status && !strstr(context->message, damaged[i].message)))
            fail_msg("case %zu: status %d, \"%s\"", i, status, heed_context_message(context));
        assert_null(strchr(context->message, '\n'));
        hd_tokenizer_close(tokenizer);
        for (size_t j = 0; j < 3 && damaged[i].files[j].name; j++) {
            snprintf(path, sizeof path, "%s/%s", folder, damaged[i].files[j].name);
            unlink(path);
        }
        rmdir(folder);
    }
    heed_context_close(context);
}

static const char *failing_folder;

static heed_status open_failing_folder(heed_context *context) {
    heed_tokenizer *tokenizer;
    heed_status status = hd_tokenizer_open_folder(context, golden_path(failing_folder, ""), &tokenizer);
    hd_tokenizer_close(tokenizer);
    return status;
}

static void failed_allocations_are_reported(void **state) {
    (void)state;
    static const char *const folders[] = {"distilbert", "mpnet", "clip", "byt5"};
    for (size_t i = 0; i < HD_COUNT(folders); i++) {
        failing_folder = folders[i];
        fail_each_allocation(open_failing_folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_transformers),
        cmocka_unit_test(damaged_folders_are_errors),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
