/* Classification, tagging and masked words of long texts, of pairs and with labels of the caller's choice: where texts are cut,
 * which windows they have, what is refused, and memory that runs out. Python's tests compare the answers with transformers. */
#include "memory.h"

#include "models/model.h"
#include "tasks/windows.h"

#include <math.h>
#include <sys/stat.h>

enum { VOCABULARY = 37, CLS = 2, SEP = 3, MASK = 4, POSITIONS = 16, WORDS = 40, MOST_BYTES = 2048 };

/* ---- golden models with a tokenizer: token 5 is the word "t5" ---- */

static void write_tokenizer(heed_context *context) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_buffer_text(&text,
                   "{\"added_tokens\":[{\"id\":2,\"content\":\"[CLS]\",\"special\":true},{\"id\":3,\"content\":\"[SEP]"
                   "\",\"special\":true},{\"id\":4,"
                   "\"content\":\"[MASK]\",\"special\":true}],\"pre_tokenizer\":{"
                   "\"type\":\"WhitespaceSplit\"},\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":["
                   "\"[SEP]\",3],\"cls\":[\"[CLS]\",2]},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"t0\","
                   "\"vocab\":{\"t0\":0,\"t1\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4");
    for (int i = MASK + 1; i < VOCABULARY; i++) hd_buffer_format(&text, ",\"t%d\":%d", i, i);
    hd_buffer_text(&text, "}}}");
    assert_ok(context, hd_file_write(context, in_folder("tokenizer.json"), text.data, text.size));
    hd_buffer_close(&text);
}

/* A folder with the weights of a golden one. Its config is changed to have these labels, unless `labels` is NULL. */
static void make_model(const char *name, const char *labels) {
    char path[512];
    heed_context *context = open_context();
    snprintf(path, sizeof path, GOLDEN "/families/%s/config.json", name);
    json_t *config = json_load_file(path, 0, NULL);
    assert_non_null(config);
    if (labels) assert_int_equal(json_object_update_new(config, json_loads(labels, 0, NULL)), 0);
    assert_int_equal(json_dump_file(config, in_folder("config.json"), 0), 0);
    json_decref(config);
    snprintf(path, sizeof path, GOLDEN "/families/%s/model.safetensors", name);
    unlink(in_folder("model.safetensors"));
    assert_int_equal(symlink(path, in_folder("model.safetensors")), 0);
    write_tokenizer(context);
    heed_context_close(context);
}

static heed_model *open_model(heed_context *context, const char *name, const char *labels) {
    heed_model *model;
    make_model(name, labels);
    assert_ok(context, heed_model_open(context, folder, &model));
    return model;
}

static int word_at(int i) { return MASK + 1 + (i * 11 + i * i % 7) % (VOCABULARY - MASK - 1); }

/* Words [first, end) of a long text. */
static const char *words(char *text, int first, int end) {
    text[0] = 0;
    for (int i = first; i < end; i++)
        snprintf(text + strlen(text), MOST_BYTES - strlen(text), "%st%d", i > first ? " " : "", word_at(i));
    return text;
}

/* Options by name and value, with a NULL at the end. */
static heed_options *set_options(heed_context *context, heed_status (*open)(heed_context *, heed_options **),
                                 const char *const *settings) {
    heed_options *options;
    assert_ok(context, open(context, &options));
    for (size_t i = 0; settings[i]; i += 2) assert_ok(context, heed_options_set(options, settings[i], settings[i + 1]));
    return options;
}

/* ---- windows ---- */

typedef struct expected_window {
    size_t first, end;
} expected_window;

static hd_windowed_text text_of(size_t count, const int32_t *rows, int64_t row_count) {
    return (hd_windowed_text){
        .tokens = {.count = count + 2, .firsts = {1}, .counts = {count}}, .rows = rows, .row_count = row_count};
}

/* As return_overflowing_tokens of tokenizers 0.23 divides 30 tokens with a template of two. */
static void windows_overlap_as_in_tokenizers(void **state) {
    (void)state;
    static const struct {
        int64_t size, stride;
        size_t count;
        expected_window windows[5];
    } cases[] = {{16, 4, 3, {{1, 15}, {11, 25}, {21, 31}}},
                 {16, 0, 3, {{1, 15}, {15, 29}, {29, 31}}},
                 {16, -1, 3, {{1, 15}, {12, 26}, {23, 31}}},
                 {17, 0, 2, {{1, 16}, {16, 31}}},
                 {32, 3, 1, {{1, 31}}},
                 {10, 1, 5, {{1, 9}, {8, 16}, {15, 23}, {22, 30}, {29, 31}}}};
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_windowed_text text = text_of(30, NULL, 0);
        assert_ok(context, hd_windows_split(&arena, cases[i].size, cases[i].stride, &text));
        assert_int_equal(text.count, cases[i].count);
        for (size_t w = 0; w < text.count; w++) {
            assert_int_equal(text.windows[w].first, cases[i].windows[w].first);
            assert_int_equal(text.windows[w].end, cases[i].windows[w].end);
        }
    }
    hd_windowed_text text = text_of(30, NULL, 0);
    assert_int_equal(hd_windows_split(&arena, 2, 0, &text), HEED_LENGTH);
    assert_int_equal(hd_windows_split(&arena, 16, 14, &text), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "stride is 14, but a window has 14 tokens of a text");
    hd_arena_close(&arena);
    heed_context_close(context);
}

/* Windows [1, 9), [5, 13) and [9, 17) of rows 1, 3, 5, 7, 8, 9, 12, 16. */
static void rows_come_from_the_window_of_their_context(void **state) {
    (void)state;
    static const int32_t rows[] = {1, 3, 5, 7, 8, 9, 12, 16};
    static const float expected[] = {0, 0, 0, 1, 1, 1, 2, 2};
    static const float logits[3][8] = {{0, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {2, 2, 2}};
    heed_context *context = open_context();
    hd_arena arena;
    float merged[8];
    hd_arena_open(&arena, context);
    hd_windowed_text text = text_of(16, rows, 8);
    assert_ok(context, hd_windows_split(&arena, 10, 4, &text));
    assert_int_equal(text.count, 3);
    assert_int_equal(text.unfinished, 3);
    static const int64_t first[] = {0, 2, 5}, counts[] = {5, 5, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(text.windows[i].first_row, first[i]);
        assert_int_equal(text.windows[i].row_count, counts[i]);
        text.windows[i].logits = logits[i];
    }
    text.columns = 1;
    hd_windows_merge(&text, merged);
    for (size_t i = 0; i < 8; i++) assert_true(merged[i] == expected[i]);
    hd_arena_close(&arena);
    heed_context_close(context);
}

/* ---- long texts that are tagged ---- */

static heed_results *tag(heed_model *model, const char *text, const char *const *settings) {
    heed_results *results;
    heed_options *options = set_options(model->context, heed_tag_options, settings);
    assert_ok(model->context, heed_tag(model, options, &text, NULL, 1, &results));
    assert_null(heed_results_problem(results, 0));
    heed_options_close(options);
    return results;
}

static const char *const each_token[] = {"aggregation", "none", "ignore", "", NULL};

/* Each token once, with the bits that it has in the window in which it is farthest from a border. */
static void assert_tokens(heed_model *model, const heed_results *found) {
    enum { SIZE = POSITIONS - 2, STEP = SIZE - SIZE / 4 };
    assert_int_equal(heed_results_alternatives(found, 0), WORDS);
    for (int first = 0, last = 0; !last; first += STEP) {
        char part[MOST_BYTES];
        int end = first + SIZE < WORDS ? first + SIZE : WORDS;
        last = end == WORDS;
        heed_results *alone = tag(model, words(part, first, end), each_token);
        assert_int_equal(heed_results_alternatives(alone, 0), end - first);
        for (int i = first ? first + 2 : 0; i < (last ? end : end - 2); i++) {
            float expected = heed_results_score(alone, 0, (size_t)(i - first));
            float score = heed_results_score(found, 0, (size_t)i);
            if (memcmp(&score, &expected, sizeof score) != 0)
                fail_msg("token %d: %g, not %g", i, (double)score, (double)expected);
            assert_string_equal(heed_results_label(found, 0, (size_t)i),
                                heed_results_label(alone, 0, (size_t)(i - first)));
            assert_int_equal(heed_results_position(found, 0, (size_t)i), i + 1);
        }
        heed_results_close(alone);
    }
}

/* Neighbours with one label, which has no B-, are one entity, also over the border of a window. */
static void assert_entities(const heed_results *tokens, const heed_results *found) {
    size_t entity = 0, token = 0, start, end, from, to, none;
    while (token < WORDS) {
        const char *label = heed_results_label(tokens, 0, token);
        heed_results_span(tokens, 0, token, &start, &end);
        for (token++; token < WORDS && strcmp(heed_results_label(tokens, 0, token), label) == 0; token++)
            heed_results_span(tokens, 0, token, &none, &end);
        if (strcmp(label, "O") == 0) continue;
        assert_string_equal(heed_results_label(found, 0, entity), label);
        heed_results_span(found, 0, entity++, &from, &to);
        assert_int_equal(from, start);
        assert_int_equal(to, end);
    }
    assert_int_equal(heed_results_alternatives(found, 0), entity);
    assert_true(entity > 4);
}

static void long_texts_are_tagged_in_windows(void **state) {
    (void)state;
    char text[MOST_BYTES];
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-tokens", NULL);
    words(text, 0, WORDS);
    float scores[WORDS];
    for (int threads = 1; threads <= 3; threads += 2) {
        assert_ok(context, heed_context_set_threads(context, threads));
        heed_results *tokens = tag(model, text, each_token);
        assert_tokens(model, tokens);
        for (size_t i = 0; i < WORDS; i++) {
            float score = heed_results_score(tokens, 0, i);
            if (threads > 1) assert_memory_equal(&score, &scores[i], sizeof score);
            scores[i] = score;
        }
        heed_results *entities = tag(model, text, (const char *const[]){NULL});
        assert_entities(tokens, entities);
        heed_results_close(entities);
        heed_results_close(tokens);
    }
    heed_model_close(model);
    heed_context_close(context);
}

/* A CRF chooses the labels of the whole text. Windows are as small as the tokenizer's file says. */
static void limits_come_from_the_files(void **state) {
    (void)state;
    static const struct {
        const char *config;
        int64_t window;
    } cases[] = {{"{\"model_max_length\": 9}", 9},
                 {"{\"model_max_length\": 1000000000000000019884624838656}", POSITIONS},
                 {"{\"model_max_length\": 600}", POSITIONS},
                 {"{}", POSITIONS}};
    heed_context *context = open_context();
    make_model("bert-tokens", NULL);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_model *model;
        assert_ok(context,
                  hd_file_write(context, in_folder("tokenizer_config.json"), cases[i].config, strlen(cases[i].config)));
        assert_ok(context, heed_model_open(context, folder, &model));
        assert_int_equal(hd_model_window(model), cases[i].window);
        heed_model_close(model);
    }
    unlink(in_folder("tokenizer_config.json"));
    heed_context_close(context);
}

static void strides_are_smaller_than_windows(void **state) {
    (void)state;
    static const char *const strides[] = {"16", "14"};
    static const char *const messages[] = {"stride is 16, but a window has 16 tokens",
                                           "stride is 14, but a window has 14 tokens of a text"};
    char buffer[MOST_BYTES];
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-tokens", NULL);
    const char *text = words(buffer, 0, WORDS);
    for (size_t i = 0; i < 2; i++) {
        heed_results *results;
        heed_options *options =
            set_options(context, heed_tag_options, (const char *const[]){"stride", strides[i], NULL});
        assert_int_equal(heed_tag(model, options, &text, NULL, 1, &results), HEED_ARGUMENT);
        assert_null(results);
        assert_string_equal(heed_context_message(context), messages[i]);
        heed_options_close(options);
    }
    heed_model_close(model);
    heed_context_close(context);
}

/* With both a stride and an aggregation, no two answers overlap. */
static void overlapping_entities_are_reported_once(void **state) {
    (void)state;
    static const char *const strategies[] = {"none", "simple", "first", "average", "max"};
    char text[MOST_BYTES];
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-tokens", NULL);
    words(text, 0, WORDS);
    for (size_t i = 0; i < HD_COUNT(strategies); i++) {
        heed_results *found =
            tag(model, text, (const char *const[]){"aggregation", strategies[i], "stride", "6", NULL});
        size_t count = heed_results_alternatives(found, 0), start, end, last = 0;
        assert_true(count > 4);
        for (size_t j = 0; j < count; j++) {
            heed_results_span(found, 0, j, &start, &end);
            assert_true(start >= last && end > start);
            last = end;
        }
        heed_results_close(found);
    }
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- masks in long texts ---- */

static void long_texts_have_masks(void **state) {
    (void)state;
    char begin[MOST_BYTES], middle[MOST_BYTES], end[MOST_BYTES], buffer[3 * MOST_BYTES];
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-masked", NULL);
    heed_results *results, *alone;
    words(begin, 0, 2);
    words(middle, 2, 30);
    words(end, 30, WORDS);
    snprintf(buffer, sizeof buffer, "%s [MASK] %s [MASK] %s", begin, middle, end);
    const char *text = buffer;
    assert_ok(context, heed_fill(model, NULL, &text, NULL, 1, &results));
    assert_null(heed_results_problem(results, 0));
    assert_int_equal(heed_results_alternatives(results, 0), 2);
    char expected[4 * MOST_BYTES];
    snprintf(expected, sizeof expected, "%s %s %s %s %s", begin, heed_results_label(results, 0, 0), middle,
             heed_results_label(results, 0, 1), end);
    assert_string_equal(heed_results_text(results, 0, 0), expected);
    /* the first window alone */
    words(middle, 2, 13);
    snprintf(buffer, sizeof buffer, "%s [MASK] %s", begin, middle);
    assert_ok(context, heed_fill(model, NULL, &text, NULL, 1, &alone));
    float score = heed_results_score(results, 0, 0), of_window = heed_results_score(alone, 0, 0);
    assert_memory_equal(&score, &of_window, sizeof score);
    heed_results_close(alone);
    heed_results_close(results);
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- texts and pairs that are cut ---- */

static const char *const truncated[] = {"truncate", "true", NULL};

/* What is cut has the scores of the shorter text or pair. */
static void assert_cut(heed_model *model, const char *first, const char *second, const char *const cut[2],
                       const char *note) {
    heed_context *context = model->context;
    heed_results *found, *expected;
    heed_options *options = set_options(context, heed_classify_options, truncated);
    if (second) {
        assert_ok(context, heed_classify_pairs(model, options, &first, NULL, &second, NULL, 1, &found));
        assert_ok(context, heed_classify_pairs(model, NULL, &cut[0], NULL, &cut[1], NULL, 1, &expected));
    } else {
        assert_ok(context, heed_classify(model, options, &first, NULL, 1, &found));
        assert_ok(context, heed_classify(model, NULL, &cut[0], NULL, 1, &expected));
    }
    assert_string_equal(heed_results_note(found, 0), note);
    assert_null(heed_results_note(expected, 0));
    for (size_t i = 0; i < 3; i++) {
        float a = heed_results_score(found, 0, i), b = heed_results_score(expected, 0, i);
        assert_memory_equal(&a, &b, sizeof a);
    }
    heed_results_close(found);
    heed_results_close(expected);
    heed_options_close(options);
}

static void long_texts_are_cut_with_a_note(void **state) {
    (void)state;
    static const char longer[] = "t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20";
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-text", NULL);
    heed_results *results;
    const char *text = longer;
    assert_ok(context, heed_classify(model, NULL, &text, NULL, 1, &results));
    assert_string_equal(heed_results_problem(results, 0), "18 tokens are more than the model's 16");
    heed_results_close(results);
    assert_cut(model, longer, NULL, (const char *const[]){"t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18", NULL},
               "cut after 14 of 16 tokens, at character 50");
    assert_cut(model, longer, "t20 t21", (const char *const[]){"t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15", "t20 t21"},
               "first text cut after 11 of 16 tokens, at character 38");
    assert_cut(model, "t20 t21", longer, (const char *const[]){"t20 t21", "t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15"},
               "second text cut after 11 of 16 tokens, at character 38");
    assert_cut(
        model, longer, longer, (const char *const[]){"t5 t6 t7 t8 t9 t10", "t5 t6 t7 t8 t9 t10 t11"},
        "first text cut after 6 of 16 tokens, at character 18; second text cut after 7 of 16 tokens, at character 22");
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- labels of the caller's choice ---- */

static const char inference[] =
    "{\"id2label\": {\"0\": \"contradiction\", \"1\": \"Entailment\", \"2\": \"neutral\"}, \"label2id\": null}";

static double softmax2(double a, double b) { return 1 / (1 + exp(b - a)); }

/* The logits of a pair, by label. */
static void find_logits(heed_model *model, const char *first, const char *second, double *entailment,
                        double *contradiction) {
    heed_results *results;
    heed_options *options =
        set_options(model->context, heed_classify_options, (const char *const[]){"scores", "none", NULL});
    assert_ok(model->context, heed_classify_pairs(model, options, &first, NULL, &second, NULL, 1, &results));
    for (size_t i = 0; i < 3; i++) {
        const char *label = heed_results_label(results, 0, i);
        if (label[0] == 'E') *entailment = (double)heed_results_score(results, 0, i);
        if (label[0] == 'c') *contradiction = (double)heed_results_score(results, 0, i);
    }
    heed_results_close(results);
    heed_options_close(options);
}

static void labels_are_hypotheses(void **state) {
    (void)state;
    static const char *const texts[] = {"t9 t8 t7 t30", NULL, "t12"}, *const names[] = {"t20", "t21 t25", "t22"};
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-text", inference);
    for (int multi = 0; multi < 2; multi++) {
        heed_results *results;
        heed_options *options =
            set_options(context, heed_classify_options,
                        (const char *const[]){"label", names[0], "label", names[1], "label", names[2], "template",
                                              "t5 {} t6 {{}}", "multi-label", multi ? "true" : "false", NULL});
        assert_ok(context, heed_classify(model, options, texts, NULL, 3, &results));
        assert_int_equal(heed_results_alternatives(results, 1), 0);
        for (size_t t = 0; t < 3; t += 2) {
            double entailment[3], contradiction[3], sum = 0;
            for (size_t i = 0; i < 3; i++) {
                char hypothesis[64];
                snprintf(hypothesis, sizeof hypothesis, "t5 %s t6 {}", names[i]);
                find_logits(model, texts[t], hypothesis, &entailment[i], &contradiction[i]);
                sum += exp(entailment[i]);
            }
            assert_int_equal(heed_results_alternatives(results, t), 3);
            for (size_t a = 0; a < 3; a++) {
                size_t i = 0;
                while (strcmp(heed_results_label(results, t, a), names[i]) != 0) i++;
                double expected = multi ? softmax2(entailment[i], contradiction[i]) : exp(entailment[i]) / sum;
                assert_true(fabs((double)heed_results_score(results, t, a) - expected) < 1e-6);
                assert_string_equal(heed_results_text(results, t, a), names[i]);
                assert_true(!a || heed_results_score(results, t, a) <= heed_results_score(results, t, a - 1));
            }
        }
        heed_results_close(results);
        heed_options_close(options);
    }
    heed_model_close(model);
    heed_context_close(context);
}

/* Labels of the same tokens. */
static void equally_probable_labels_keep_their_order(void **state) {
    (void)state;
    static const char *const names[] = {"unknown", "t9", "zzz", "aaa"};
    const char *text = "t5 t6";
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-text", inference);
    heed_results *results;
    heed_options *options = set_options(
        context, heed_classify_options,
        (const char *const[]){"label", names[0], "label", names[1], "label", names[2], "label", names[3], NULL});
    assert_ok(context, heed_classify(model, options, &text, NULL, 1, &results));
    for (size_t i = 0, next = 0; i < 4; i++) {
        const char *label = heed_results_label(results, 0, i);
        if (strcmp(label, names[1]) == 0) continue;
        assert_string_equal(label, names[next]);
        next = next ? next + 1 : 2;
    }
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

static void long_texts_are_cut_but_no_hypothesis(void **state) {
    (void)state;
    static const char *const texts[] = {"t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20", "t5"};
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-text", inference);
    heed_results *results;
    heed_options *options =
        set_options(context, heed_classify_options,
                    (const char *const[]){"label", "t20", "template", "t5 t6 {}", "top", "1", NULL});
    assert_ok(context, heed_classify(model, options, texts, NULL, 2, &results));
    assert_string_equal(heed_results_note(results, 0), "first text cut after 10 of 16 tokens, at character 34");
    assert_null(heed_results_note(results, 1));
    assert_int_equal(heed_results_alternatives(results, 0), 1);
    heed_results_close(results);
    assert_ok(context, heed_options_set(options, "template", "t5 {0} {0} {0} {0} {0} {0} {0} {0} {0} {0} {0} {0} {0}"));
    assert_ok(context, heed_classify(model, options, texts, NULL, 2, &results));
    assert_non_null(strstr(heed_results_problem(results, 0), "truncating the first text alone does not suffice"));
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

static void entailment_is_found_as_in_transformers(void **state) {
    (void)state;
    static const struct {
        const char *labels;
        int entailment;
    } cases[] = {{inference, 1},
                 {"{\"label2id\": {\"x\": 0, \"Entails\": 2, \"entailment\": 1}}", 2},
                 {"{\"label2id\": {\"entailment\": \"1\", \"entail\": 7}}", -1},
                 {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"not entailed\"}}", -1}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_model *model = open_model(context, "bert-text", cases[i].labels);
        assert_int_equal(model->entailment, cases[i].entailment);
        heed_model_close(model);
    }
    heed_context_close(context);
}

static void refuse(heed_model *model, const char *const *settings, bool pair, heed_status expected,
                   const char *message) {
    const char *text = "t5";
    heed_results *results;
    heed_options *options = set_options(model->context, heed_classify_options, settings);
    heed_status status = pair ? heed_classify_pairs(model, options, &text, NULL, &text, NULL, 1, &results)
                              : heed_classify(model, options, &text, NULL, 1, &results);
    assert_int_equal(status, expected);
    assert_null(results);
    if (!strstr(heed_context_message(model->context), message))
        fail_msg("%s, expected %s", heed_context_message(model->context), message);
    heed_options_close(options);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const templates[][2] = {
        {"this is x", "template is \"this is x\", which has no {} for the label"},
        {"{{}}", "which has no {} for the label"},
        {"{} or {}", "which has more than one {}"},
        {"{} or {0}", "which has more than one {}"},
        {"{label}", "which has a brace that is not one of {}, {{ or }}"},
        {"{} }", "which has a brace that is not one of {}, {{ or }}"},
        {"{} {", "which has a brace that is not one of {}, {{ or }}"}};
    heed_context *context = open_context();
    heed_model *model = open_model(context, "bert-text", inference);
    for (size_t i = 0; i < HD_COUNT(templates); i++)
        refuse(model, (const char *const[]){"label", "t6", "template", templates[i][0], NULL}, false, HEED_ARGUMENT,
               templates[i][1]);
    refuse(model, (const char *const[]){"label", "x", NULL}, true, HEED_ARGUMENT,
           "label classifies single texts, not pairs");
    refuse(model, (const char *const[]){"label", "x", "scores", "none", NULL}, false, HEED_ARGUMENT,
           "label and scores exclude each other");
    refuse(model, (const char *const[]){"template", "{}", NULL}, false, HEED_ARGUMENT, "template requires label");
    refuse(model, (const char *const[]){"multi-label", "true", NULL}, false, HEED_ARGUMENT,
           "multi-label requires label");
    heed_results *results;
    const char *text = "t5";
    assert_int_equal(heed_classify_pairs(model, NULL, &text, NULL, NULL, NULL, 1, &results), HEED_ARGUMENT);
    assert_ok(context, heed_classify_pairs(model, NULL, NULL, NULL, NULL, NULL, 0, &results));
    heed_results_close(results);
    heed_model_close(model);
    model = open_model(context, "bert-text", NULL);
    refuse(model, (const char *const[]){"label", "x", NULL}, false, HEED_UNSUPPORTED,
           " has no label \"entailment\", expected a model of natural language inference; its labels are bad, good, "
           "neither");
    heed_model_close(model);
    model = open_model(context, "bert-tokens", NULL);
    refuse(
        model, (const char *const[]){"label", "x", NULL}, false, HEED_UNSUPPORTED,
        " is a BertForTokenClassification, expected a model of natural language inference; its verbs are tag, embed, "
        "cluster, attend and tokenize");
    refuse(model, (const char *const[]){NULL}, true, HEED_UNSUPPORTED, "expected a text classification model");
    heed_model_close(model);
    heed_context_close(context);
}

/* ---- memory that runs out ---- */

static void record_all(const heed_results *results, size_t count) {
    for (size_t i = 0; i < count && results; i++) {
        record(heed_results_note(results, i));
        for (size_t a = 0; a < heed_results_alternatives(results, i); a++) {
            char score[64];
            snprintf(score, sizeof score, "%s %a", heed_results_label(results, i, a),
                     (double)heed_results_score(results, i, a));
            record(score);
        }
    }
}

static heed_status classify_all(heed_context *context) {
    static const char *const first[] = {"t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17", "t6"}, *const second[] = {
                                                                                                     "t9 t10", "t7"};
    heed_model *model;
    heed_results *results = NULL;
    heed_options *options = NULL;
    HD_TRY(heed_model_open(context, folder, &model));
    heed_status status = heed_classify_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "truncate", NULL);
    if (status == HEED_OK) status = heed_classify_pairs(model, options, first, NULL, second, NULL, 2, &results);
    record_all(results, 2);
    heed_results_close(results);
    results = NULL;
    if (status == HEED_OK) status = heed_options_set(options, "label", "t9 t10");
    if (status == HEED_OK) status = heed_options_set(options, "label", "t11");
    if (status == HEED_OK) status = heed_classify(model, options, first, NULL, 2, &results);
    record_all(results, 2);
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    return status;
}

static heed_status tag_all(heed_context *context) {
    char buffer[MOST_BYTES];
    const char *text = words(buffer, 0, 20);
    heed_model *model;
    heed_results *results = NULL;
    heed_options *options = NULL;
    HD_TRY(heed_model_open(context, folder, &model));
    heed_status status = heed_tag(model, NULL, &text, NULL, 1, &results);
    record_all(results, 1);
    heed_results_close(results);
    results = NULL;
    if (status == HEED_OK) status = heed_tag_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "aggregation", "max");
    if (status == HEED_OK) status = heed_options_set(options, "stride", "4");
    if (status == HEED_OK) status = heed_tag(model, options, &text, NULL, 1, &results);
    record_all(results, 1);
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    return status;
}

static void survives_without_memory(void **state) {
    (void)state;
    make_model("bert-text", inference);
    fail_each(classify_all, classify_all, 20, 250);
    make_model("bert-tokens", NULL);
    fail_each(tag_all, tag_all, 20, 250);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_overlap_as_in_tokenizers),
        cmocka_unit_test(rows_come_from_the_window_of_their_context),
        cmocka_unit_test(long_texts_are_tagged_in_windows),
        cmocka_unit_test(limits_come_from_the_files),
        cmocka_unit_test(strides_are_smaller_than_windows),
        cmocka_unit_test(overlapping_entities_are_reported_once),
        cmocka_unit_test(long_texts_have_masks),
        cmocka_unit_test(long_texts_are_cut_with_a_note),
        cmocka_unit_test(labels_are_hypotheses),
        cmocka_unit_test(equally_probable_labels_keep_their_order),
        cmocka_unit_test(long_texts_are_cut_but_no_hypothesis),
        cmocka_unit_test(entailment_is_found_as_in_transformers),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
