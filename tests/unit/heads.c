/* The verbs on heads that others than encoders have: texts and tokens classified by decoders, as transformers' logits say, and
 * what models without a head and with a head for answers do not do. */
#include "fixture.h"

#include "base/file.h"
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024, VOCABULARY = 37, MOST_LABELS = 8, PAD = 1 };

/* ---- a golden folder with a tokenizer: the token 5 is the word "t5" ---- */

static char folder[] = "/tmp/heed-heads-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_tokenizer(heed_context *context) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_buffer_text(&text,
                   "{\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":"
                   "\"t0\",\"vocab\":{\"t0\":0");
    for (int i = 1; i < VOCABULARY; i++) hd_buffer_format(&text, ",\"t%d\":%d", i, i);
    hd_buffer_text(&text, "}}}");
    assert_ok(context, hd_file_write(context, in_folder("tokenizer.json"), text.data, text.size));
    hd_buffer_close(&text);
}

static heed_model *open_golden(heed_context *context, const char *name) {
    static const char *const files[] = {"config.json", "model.safetensors"};
    heed_model *model;
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        char path[512];
        snprintf(path, sizeof path, GOLDEN "/families/%s/%s", name, files[i]);
        unlink(in_folder(files[i]));
        assert_int_equal(symlink(path, in_folder(files[i])), 0);
    }
    write_tokenizer(context);
    assert_ok(context, heed_model_open(context, folder, &model));
    return model;
}

static json_t *expected_of(const char *name) {
    char path[512];
    snprintf(path, sizeof path, GOLDEN "/families/%s/expected.json", name);
    json_t *expected = json_load_file(path, 0, NULL);
    assert_non_null(expected);
    return expected;
}

static void write_words(const json_t *ids, char *text) {
    size_t i;
    json_t *id;
    text[0] = 0;
    json_array_foreach(ids, i, id)
        snprintf(text + strlen(text), TEXT_BYTES - strlen(text), "t%d ", (int)json_integer_value(id));
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.json"};
    for (size_t i = 0; i < HD_COUNT(files); i++) unlink(in_folder(files[i]));
    return rmdir(folder);
}

/* ---- texts ---- */

/* The softmax of one row of logits. */
static size_t probabilities(const json_t *logits, double *p) {
    size_t count = json_array_size(logits);
    double sum = 0;
    assert_in_range(count, 1, MOST_LABELS);
    for (size_t i = 0; i < count; i++) sum += p[i] = exp(json_number_value(json_array_get(logits, i)));
    for (size_t i = 0; i < count; i++) p[i] /= sum;
    return count;
}

static float score_of(const heed_results *results, size_t index, const char *label) {
    for (size_t i = 0; i < heed_results_alternatives(results, index); i++)
        if (strcmp(heed_results_label(results, index, i), label) == 0) return heed_results_score(results, index, i);
    fail_msg("there is no label %s", label);
    return 0;
}

/* Padding tokens at the end, which the tokenizer may have added, are not the last token that is classified. */
static void decoders_classify_texts(void **state) {
    (void)state;
    static const char *const names[] = {"bart-text",  "gpt2-text",     "llama-text",  "mbart-text",
                                        "olmo2-text", "opt-350m-text", "opt-text",    "phi3-text",
                                        "qwen2-text", "qwen3-text",    "smollm3-text"};
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        heed_context *context = open_context();
        heed_model *model = open_golden(context, names[n]);
        json_t *expected = expected_of(names[n]), *ids;
        size_t i;
        assert_int_equal(model->network->recipe.pad, PAD);
        json_array_foreach(json_object_get(expected, "texts"), i, ids) {
            char text[TEXT_BYTES], padded[TEXT_BYTES + 16], only_pads[] = "t1 t1";
            double p[MOST_LABELS];
            heed_results *results;
            write_words(ids, text);
            snprintf(padded, sizeof padded, "%s t1 t1 ", text);
            const char *const texts[] = {text, padded, only_pads, "t1"};
            size_t labels = probabilities(json_array_get(json_object_get(expected, "logits"), i), p);
            assert_ok(context, heed_classify(model, NULL, texts, NULL, HD_COUNT(texts), &results));
            for (size_t j = 0; j < labels; j++) {
                float found = score_of(results, 0, model->labels[j]);
                if (fabs((double)found - p[j]) > 1e-5)
                    fail_msg("%s: text %zu, label %zu: %g, expected %g", names[n], i, j, (double)found, p[j]);
                if (hd_recipe_translates(&model->network->recipe)) continue; /* its encoder reads all tokens */
                float with_pads = score_of(results, 1, model->labels[j]);
                assert_memory_equal(&found, &with_pads, sizeof found);
                float pads = score_of(results, 2, model->labels[j]), one_pad = score_of(results, 3, model->labels[j]);
                assert_memory_equal(&pads, &one_pad, sizeof pads);
            }
            heed_results_close(results);
        }
        json_decref(expected);
        heed_model_close(model);
        heed_context_close(context);
    }
}

/* ---- tokens ---- */

static int best_label(const json_t *logits, const heed_model *model) {
    int best = 0;
    for (int i = 1; i < model->network->recipe.labels; i++)
        if (json_number_value(json_array_get(logits, (size_t)i)) >
            json_number_value(json_array_get(logits, (size_t)best)))
            best = i;
    return best;
}

/* Each word is a token. Neighbours with the same label, which has no B-, are one entity. */
static void check_entities(const heed_results *results, size_t index, const heed_model *model, const json_t *logits,
                           size_t row, size_t tokens, const char *name) {
    size_t entities = 0;
    int last = 0;
    for (size_t t = 0; t < tokens; t++) {
        int label = best_label(json_array_get(logits, row + t), model);
        if (label && label != last) {
            const char *found = entities < heed_results_alternatives(results, index)
                                    ? heed_results_label(results, index, entities)
                                    : "missing";
            if (strcmp(found, model->labels[label]) != 0)
                fail_msg("%s: text %zu, entity %zu is %s, expected %s", name, index, entities, found,
                         model->labels[label]);
            entities++;
        }
        last = label;
    }
    assert_int_equal(entities, heed_results_alternatives(results, index));
}

static void decoders_tag_words(void **state) {
    (void)state;
    static const char *const names[] = {"gpt2-tokens", "llama-tokens", "qwen3-tokens", "distilbert-tokens"};
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        heed_context *context = open_context();
        heed_model *model = open_golden(context, names[n]);
        json_t *expected = expected_of(names[n]), *ids;
        size_t i, row = 0;
        json_array_foreach(json_object_get(expected, "texts"), i, ids) {
            char text[TEXT_BYTES];
            const char *const texts[] = {"t4", text};
            heed_results *results;
            write_words(ids, text);
            assert_ok(context, heed_tag(model, NULL, texts, NULL, 2, &results));
            check_entities(results, 1, model, json_object_get(expected, "logits"), row, json_array_size(ids), names[n]);
            row += json_array_size(ids);
            heed_results_close(results);
        }
        json_decref(expected);
        heed_model_close(model);
        heed_context_close(context);
    }
}

/* As transformers' pipeline does it with byte-level tokenizers: the text of an entity is that of its tokens, which have the space
 * before a word. The span has the space unless the tokenizer removes it from offsets. */
static void write_byte_level_tokenizer(heed_context *context, bool trims) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_buffer_format(&text,
                     "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true},"
                     "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":%s},"
                     "\"decoder\":{\"type\":"
                     "\"ByteLevel\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"0\",\"vocab\":{\"0\":0",
                     trims ? "true" : "false");
    for (int i = 1; i <= 26; i++) hd_buffer_format(&text, ",\"\u0120%c\":%d", 'a' + i - 1, i);
    hd_buffer_text(&text, "}}}");
    assert_ok(context, hd_file_write(context, in_folder("tokenizer.json"), text.data, text.size));
    hd_buffer_close(&text);
}

static void words_have_the_space_of_their_first_token(void **state) {
    (void)state;
    static const char text[] = " e i q d x b c";
    const char *const texts[] = {text};
    for (int trims = 0; trims < 2; trims++) {
        heed_context *context = open_context();
        heed_model *model = open_golden(context, "qwen3-tokens");
        heed_model_close(model);
        write_byte_level_tokenizer(context, trims);
        assert_ok(context, heed_model_open(context, folder, &model));
        heed_results *results;
        assert_ok(context, heed_tag(model, NULL, texts, NULL, 1, &results));
        size_t entities = heed_results_alternatives(results, 0);
        assert_in_range(entities, 2, 7);
        for (size_t i = 0; i < entities; i++) {
            size_t start, end, size = heed_results_size(results, 0, i);
            const char *words = heed_results_text(results, 0, i);
            heed_results_span(results, 0, i, &start, &end);
            assert_int_equal(text[start] == ' ', !trims);
            assert_int_equal(words[0], ' ');
            assert_int_equal(size, end - start + (size_t)trims);
            assert_memory_equal(words + trims, text + start, end - start);
        }
        heed_results_close(results);
        heed_model_close(model);
        heed_context_close(context);
    }
}

/* ---- what a model does ---- */

typedef struct doing {
    const char *name;
    bool classifies, tags, fills, generates, embeds;
} doing;

static heed_status generate(heed_model *model, const char *text, heed_results **results) {
    heed_options *options;
    assert_ok(model->context, heed_generate_options(model->context, &options));
    assert_ok(model->context, heed_options_set(options, "max-new-tokens", "3"));
    heed_status status = heed_generate(model, options, &text, NULL, 1, 0, NULL, NULL, results);
    heed_options_close(options);
    return status;
}

static void assert_does(const heed_model *model, const char *name, bool expected, heed_status status,
                        heed_results *results) {
    if ((status == HEED_OK) != expected)
        fail_msg("%s: %s", name, expected ? heed_context_message(model->context) : "it is done");
    if (!expected) {
        assert_int_equal(status, HEED_UNSUPPORTED);
        assert_non_null(strstr(heed_context_message(model->context), "; its verbs are "));
    }
    heed_results_close(results);
}

static void models_do_what_their_head_does(void **state) {
    (void)state;
    static const doing all[] = {
        {"bert-answer", .embeds = true},
        {"bert-headless", .embeds = true},
        {"distilbert-masked", .fills = true, .embeds = true},
        {"albert-text", .classifies = true, .embeds = true},
        {"llama-text", .classifies = true, .embeds = true},
        {"llama-tokens", .tags = true, .embeds = true},
        {"llama-answer", .embeds = true},
        {"llama-headless", .embeds = true}, /* its embedding is not tied */
        {"qwen3-headless", .generates = true, .embeds = true},
        {"gpt2-headless", .generates = true, .embeds = true},
    };
    for (size_t i = 0; i < HD_COUNT(all); i++) {
        heed_context *context = open_context();
        heed_model *model = open_golden(context, all[i].name);
        const char *text = "t5 t9 t7";
        heed_results *results = NULL;
        heed_status status = heed_classify(model, NULL, &text, NULL, 1, &results);
        assert_does(model, all[i].name, all[i].classifies, status, results);
        status = heed_tag(model, NULL, &text, NULL, 1, &results);
        assert_does(model, all[i].name, all[i].tags, status, results);
        status = heed_fill(model, NULL, &text, NULL, 1, &results);
        assert_does(model, all[i].name, all[i].fills, status, results);
        status = generate(model, text, &results);
        assert_does(model, all[i].name, all[i].generates, status, results);
        status = heed_embed(model, NULL, &text, NULL, 1, &results);
        assert_does(model, all[i].name, all[i].embeds, status, results);
        heed_model_close(model);
        heed_context_close(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(decoders_classify_texts), cmocka_unit_test(decoders_tag_words),
                                       cmocka_unit_test(words_have_the_space_of_their_first_token),
                                       cmocka_unit_test(models_do_what_their_head_does)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
