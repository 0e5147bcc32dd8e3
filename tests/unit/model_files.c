/* What is said of a model and what is written of it, to the byte (golden.h): `heed info` as text and as JSON, and config.json,
 * generation_config.json and the model card of a saved folder. */
#include "golden.h"

#include "models/model.h"
#include "small_networks.h"

#include <ftw.h>
#include <unistd.h>

static const char *const names[] = {"families/bert-masked",
                                    "families/bert-text",
                                    "families/bert-tokens",
                                    "families/gpt2",
                                    "families/llama",
                                    "families/llama-grouped",
                                    "families/llama-wide",
                                    "families/opt",
                                    "families/qwen2",
                                    "families/qwen3",
                                    "families/roberta-text",
                                    "families/roberta-padded",
                                    "marian",
                                    "pegasus"};

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

/* A file of the folder; nothing if it is missing. */
static void append_file(const char *folder, const char *name, hd_buffer *out) {
    char path[128];
    hd_buffer text;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, F_OK) != 0) return;
    hd_buffer_open(&text, out->context);
    assert_ok(out->context, hd_file_read(out->context, path, &text));
    hd_buffer_format(out, "%s:\n", name);
    hd_buffer_append(out, text.data, text.size);
    hd_buffer_close(&text);
}

static void append_saved(const heed_model *model, hd_dtype dtype, hd_buffer *out) {
    char folder[] = "/tmp/heed-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_ok(out->context, hd_model_save(model, folder, dtype, "a card\n"));
    char path[128];
    hd_buffer weights;
    hd_buffer_open(&weights, out->context);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_ok(out->context, hd_file_read(out->context, path, &weights));
    hd_buffer_format(out, "model.safetensors: %zu bytes, %016llx\n", weights.size,
                     (unsigned long long)fingerprint(FINGERPRINT_OF_NOTHING, weights.data, weights.size));
    hd_buffer_close(&weights);
    for (size_t i = 0; hd_model_file(i); i++)
        if (!strstr(hd_model_file(i), "safetensors") && strcmp(hd_model_file(i), "tokenizer.json") != 0)
            append_file(folder, hd_model_file(i), out);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void append_description(const heed_model *model, hd_buffer *out) {
    for (int json = 0; json < 2; json++) {
        char *text;
        assert_ok(out->context, heed_model_describe(model, json, &text));
        const char *line = text;
        for (const char *end; *line; line = end) { /* the folder is this machine's */
            end = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + strlen(line);
            const char *project = strstr(line, GOLDEN);
            if (project && project < end)
                hd_buffer_append(out, line, (size_t)(project - line)), line = project + strlen(GOLDEN);
            hd_buffer_append(out, line, (size_t)(end - line));
        }
        hd_buffer_byte(out, '\n');
        heed_free(out->context, text);
    }
}

static void models_are_described_and_saved(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer described, saved;
    hd_buffer_open(&described, context), hd_buffer_open(&saved, context);
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        char path[512];
        heed_model *model;
        bool tokenized = i >= HD_COUNT(names) - 2;
        snprintf(path, sizeof path, "%s/%s", GOLDEN, names[i]);
        assert_ok(context, tokenized ? hd_model_open(context, path, HD_OPEN_TO_TRAIN, &model)
                                     : hd_model_open_untokenized(context, path, HD_OPEN_TO_TRAIN, &model));
        hd_buffer_format(&saved, "==== %s\n", names[i]);
        append_saved(model, i % 3 == 0 ? HD_BF16 : i % 3 == 1 ? HD_F16 : HD_F32, &saved);
        if (tokenized) {
            hd_buffer_format(&described, "==== %s\n", names[i]);
            append_description(model, &described);
        }
        hd_model_close(model);
    }
    static const char *const shipped[] = {"multi30k-en-de", "multi30k-en-fr-gru", "shakespeare", "sst2"};
    for (size_t i = 0; i < HD_COUNT(shipped); i++) {
        char path[512];
        heed_model *model;
        snprintf(path, sizeof path, PROJECT "/models/%s", shipped[i]);
        assert_ok(context, hd_model_open(context, path, HD_OPEN_TO_RUN, &model));
        char *text;
        for (int json = 0; json < 2; json++) {
            assert_ok(context, heed_model_describe(model, json, &text));
            const char *at = strstr(text, PROJECT);
            assert_non_null(at);
            hd_buffer_append(&described, text, (size_t)(at - text));
            hd_buffer_format(&described, "%s\n", at + strlen(PROJECT));
            heed_free(context, text);
        }
        hd_model_close(model);
    }
    assert_golden("models/described.txt", &described);
    assert_golden("models/saved.txt", &saved);
    hd_buffer_close(&described), hd_buffer_close(&saved);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(models_are_described_and_saved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
