/* Special tokens of saved folders, by their roles. */
#include "fixture.h"

#include "base/file.h"
#include "models/model.h"

#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static void write_text(const char *folder, const char *name, const char *text, size_t size) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, path, text, size));
    heed_context_close(context);
}

/* A tokenizer of 37 tokens without a template. */
static void write_tokenizer(const char *folder) {
    static const char *const first[] = {"<begin>", "<unk>", "<stop>", "<gap>", "<hole>"};
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_buffer_text(&text, "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"merges\":[],\"vocab\":{");
    for (int i = 0; i < 37; i++) {
        if (i < (int)HD_COUNT(first))
            hd_buffer_format(&text, "%s\"%s\":%d", i ? "," : "", first[i], i);
        else
            hd_buffer_format(&text, ",\"t%d\":%d", i, i);
    }
    hd_buffer_text(&text, "}}}");
    write_text(folder, "tokenizer.json", text.data, text.size);
    hd_buffer_close(&text);
    heed_context_close(context);
}

static void copy_file(const char *from, const char *to, const char *name) {
    char path[700];
    hd_map map;
    heed_context *context = open_context();
    snprintf(path, sizeof path, "%s/%s", from, name);
    assert_ok(context, hd_map_open(context, path, &map));
    write_text(to, name, (const char *)map.data, map.size);
    hd_map_close(&map);
    heed_context_close(context);
}

static void assert_token(const json_t *config, const char *key, const char *text) {
    const char *found = json_string_value(json_object_get(config, key));
    if (!text && !found) return;
    if (!text || !found || strcmp(text, found) != 0)
        fail_msg("%s is %s, not %s", key, found ? found : "missing", text ? text : "missing");
}

/* The padding token of the config is 1, which the tokenizer calls unknown. */
static void special_tokens_are_saved_by_role(void **state) {
    (void)state;
    static const char *const files[] = {"special_tokens_map.json", "tokenizer_config.json"};
    static const char *const pads[] = {NULL, "<gap>"};
    char folder[] = "/tmp/heed-XXXXXX", saved[64], path[128], text[512];
    assert_non_null(mkdtemp(folder));
    snprintf(saved, sizeof saved, "%s/saved", folder);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", saved);
    copy_file(GOLDEN "/families/roberta-masked", folder, "config.json");
    copy_file(GOLDEN "/families/roberta-masked", folder, "model.safetensors");
    write_tokenizer(folder);
    for (int i = 0; i < 2; i++) {
        heed_context *context = open_context();
        heed_model *model;
        int size = snprintf(text, sizeof text,
                            "{\"bos_token\": \"<begin>\", \"cls_token\": {\"content\": \"<begin>\"}, \"sep_token\": "
                            "\"<stop>\", \"eos_token\": \"<stop>\", \"mask_token\": \"<hole>\"%s}",
                            pads[i] ? ", \"pad_token\": \"<gap>\"" : "");
        write_text(folder, files[i], text, (size_t)size);
        assert_ok(context, hd_model_open(context, folder, HD_OPEN_TO_TRAIN, &model));
        assert_ok(context, hd_model_save(model, saved, HD_F32, "a card"));
        json_t *config = json_load_file(path, 0, NULL);
        assert_non_null(config);
        assert_token(config, "bos_token", "<begin>");
        assert_token(config, "cls_token", "<begin>");
        assert_token(config, "sep_token", "<stop>");
        assert_token(config, "eos_token", "<stop>");
        assert_token(config, "mask_token", "<hole>");
        assert_token(config, "unk_token", "<unk>");
        assert_token(config, "pad_token", pads[i]);
        json_decref(config);
        hd_model_close(model);
        heed_context_close(context);
    }
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(special_tokens_are_saved_by_role)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
