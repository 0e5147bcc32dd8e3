/* inspect: captured weights match the definition, an observer changes no result, and tokens are grouped into words. */
#include "fixture.h"

#include "autograd/ops/ops.h"
#include "inspect/align.h"
#include "inspect/capture.h"
#include "inspect/draw.h"
#include "inspect/label.h"
#include "inspect/words.h"
#include "text/json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights ---- */

static hd_tensor *filled(hd_pass *pass, int64_t rows, int64_t columns, const hd_layout *layout, uint64_t seed) {
    hd_tensor *x = hd_tensor_new(pass, rows, columns, layout);
    hd_random_key key = hd_random_key_make(seed, HD_RANDOM_GENERATE, 0);
    assert_non_null(x);
    for (int64_t i = 0; i < rows * columns; i++) x->data[i] = 4 * hd_random_uniform(key, (uint32_t)i, 0, 0) - 2;
    return x;
}

static hd_layout sequence(int32_t starts[2], int64_t count) {
    starts[0] = 0, starts[1] = (int32_t)count;
    return (hd_layout){1, starts, NULL, NULL};
}

/* Row `found` [keys] is the softmax of the first `seen` of `scores`; the rest is masked. */
static void assert_softmax(const float *found, const double *scores, int64_t seen, int64_t keys) {
    double largest = -INFINITY, whole = 0, sum = 0;
    for (int64_t k = 0; k < seen; k++) largest = fmax(largest, scores[k]);
    for (int64_t k = 0; k < seen; k++) whole += exp(scores[k] - largest);
    for (int64_t k = 0; k < keys; k++) {
        double expected = k < seen ? exp(scores[k] - largest) / whole : 0;
        if (!(fabs((double)found[k] - expected) <= 1e-6))
            fail_msg("weight %lld is %.9g, expected %.9g", (long long)k, (double)found[k], expected);
        sum += (double)found[k];
    }
    assert_true(fabs(sum - 1) <= 1e-6);
}

static void check_dot_product(int64_t queries, int64_t keys, int64_t heads, int64_t width, bool causal) {
    heed_context *context = open_context();
    hd_capture capture;
    hd_pass pass;
    hd_capture_open(&capture, context);
    hd_pass_open(&pass, context, NULL);
    pass.observer = &capture.observer;
    int32_t query_starts[2], key_starts[2];
    hd_layout query_layout = sequence(query_starts, queries), key_layout = sequence(key_starts, keys);
    hd_tensor *q[2], *k[2];
    for (int layer = 0; layer < 2; layer++) {
        q[layer] = filled(&pass, queries, heads * width, &query_layout, 1 + (uint64_t)layer);
        k[layer] = filled(&pass, keys, heads * width, &key_layout, 3 + (uint64_t)layer);
        hd_attend_options options = {.heads = heads, .causal = causal, .where = "decoder", .layer = layer};
        assert_non_null(hd_attend(&pass, q[layer], k[layer], k[layer], &options));
    }
    hd_arena arena;
    hd_attention_map map, none;
    hd_arena_open(&arena, context);
    assert_ok(context, hd_capture_map(&capture, HD_DECODER_ATTENTION, &arena, &map));
    assert_ok(context, hd_capture_map(&capture, HD_CROSS_ATTENTION, &arena, &none));
    assert_int_equal(none.layers, 0);
    assert_true(map.layers == 2 && map.heads == heads && map.queries == queries && map.keys == keys);
    double *scores = malloc((size_t)keys * sizeof *scores);
    for (int64_t i = 0; i < 2 * heads * queries; i++) {
        int64_t layer = i / queries / heads, head = i / queries % heads, row = i % queries;
        for (int64_t key = 0; key < keys; key++) {
            scores[key] = 0;
            for (int64_t c = head * width; c < (head + 1) * width; c++)
                scores[key] +=
                    (double)q[layer]->data[row * heads * width + c] * (double)k[layer]->data[key * heads * width + c];
            scores[key] /= sqrt((double)width);
        }
        assert_softmax(map.weights + i * keys, scores, causal ? row + 1 : keys, keys);
    }
    free(scores);
    hd_arena_close(&arena);
    hd_pass_close(&pass);
    hd_capture_close(&capture);
    heed_context_close(context);
}

static void weights_are_those_of_the_definition(void **state) {
    (void)state;
    check_dot_product(7, 7, 3, 8, true);
    check_dot_product(1, 1, 1, 4, true);
    check_dot_product(5, 150, 2, 16, false);
    check_dot_product(130, 130, 2, 24, true);
}

/* A recurrent decoder reports one row per step; the rows are joined. */
static void steps_are_put_together(void **state) {
    (void)state;
    enum { STEPS = 6, KEYS = 37, WIDTH = 20 };
    heed_context *context = open_context();
    hd_capture capture;
    hd_pass pass;
    hd_capture_open(&capture, context);
    hd_pass_open(&pass, context, NULL);
    pass.observer = &capture.observer;
    int32_t one[2], all[2];
    hd_layout query_layout = sequence(one, 1), key_layout = sequence(all, KEYS);
    hd_tensor *keys = filled(&pass, KEYS, WIDTH, &key_layout, 5), *scores = filled(&pass, 1, WIDTH, NULL, 6);
    hd_parameter scorer = {.data = scores->data, .rows = 1, .columns = WIDTH, .dimensions = 1};
    hd_tensor *queries[STEPS];
    for (int step = 0; step < STEPS; step++) {
        queries[step] = filled(&pass, 1, WIDTH, &query_layout, 7 + (uint64_t)step);
        assert_non_null(hd_attend_additive(&pass, queries[step], keys, keys, &scorer));
    }
    hd_arena arena;
    hd_attention_map map;
    hd_arena_open(&arena, context);
    assert_ok(context, hd_capture_map(&capture, HD_CROSS_ATTENTION, &arena, &map));
    assert_true(map.layers == 1 && map.heads == 1 && map.queries == STEPS && map.keys == KEYS);
    for (int step = 0; step < STEPS; step++) {
        double expected[KEYS] = {0};
        for (int k = 0; k < KEYS; k++)
            for (int c = 0; c < WIDTH; c++)
                expected[k] +=
                    (double)scores->data[c] * tanh((double)queries[step]->data[c] + (double)keys->data[k * WIDTH + c]);
        assert_softmax(map.weights + step * KEYS, expected, KEYS, KEYS);
    }
    hd_arena_close(&arena);
    hd_pass_close(&pass);
    hd_capture_close(&capture);
    heed_context_close(context);
}

/* ---- whole networks ---- */

enum { SOURCE = 9, FED = 5 };
static const int32_t source_ids[SOURCE] = {3, 9, 4, 11, 5, 8, 4, 4, 0}, fed_ids[FED] = {1, 7, 3, 10, 6};

static void assert_rows(const hd_attention_map *map, int64_t layers, int64_t heads, int64_t queries, int64_t keys) {
    assert_true(map->layers == layers && map->heads == heads && map->queries == queries && map->keys == keys);
    for (int64_t row = 0; row < layers * heads * queries; row++) {
        double sum = 0;
        for (int64_t k = 0; k < keys; k++) {
            float weight = map->weights[row * keys + k];
            assert_true(weight >= 0);
            if (map->kind == HD_DECODER_ATTENTION && k > row % queries) assert_true(weight == 0);
            sum += (double)weight;
        }
        assert_true(fabs(sum - 1) <= 1e-6);
    }
}

static void check_network(heed_context *context, const hd_recipe *recipe, int64_t shapes[HD_ATTENTION_KINDS][2]) {
    hd_network *network;
    hd_capture capture;
    hd_arena arena;
    assert_ok(context, hd_network_open(context, recipe, &network));
    assert_ok(context, hd_network_initialize(network, 1));
    assert_ok(context, hd_network_pack(network));
    hd_capture_open(&capture, context);
    hd_arena_open(&arena, context);
    assert_ok(context, hd_capture_run(&capture, network, source_ids, SOURCE, fed_ids, FED));
    for (int kind = 0; kind < HD_ATTENTION_KINDS; kind++) {
        hd_attention_map map;
        assert_ok(context, hd_capture_map(&capture, (hd_attention_kind)kind, &arena, &map));
        assert_int_equal(map.layers, shapes[kind][0]);
        if (map.layers)
            assert_rows(&map, shapes[kind][0], shapes[kind][1], kind == HD_ENCODER_ATTENTION ? SOURCE : FED,
                        kind == HD_DECODER_ATTENTION ? FED : SOURCE);
    }
    if (hd_recipe_longest(recipe) < 100) { /* recurrent networks have no limit */
        assert_int_equal(hd_capture_run(&capture, network, source_ids, 100, fed_ids, FED), HEED_LENGTH);
        assert_string_equal(heed_context_message(context), "100 tokens are more than the model's 32");
    }
    hd_arena_close(&arena);
    hd_capture_close(&capture);
    hd_network_close(network);
}

static void networks_show_their_attention(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_side_recipe side = {
        .ffn_width = 8, .max_positions = 32, .norm_epsilon = 1e-5f, .biases = HD_BIAS_ALL, .layers = 3, .heads = 2};
    hd_recipe transformer = {.vocabulary = 12, .width = 16, .side = {side, side}, .pad = 11, .decoder_start = 11};
    transformer.side[HD_DECODER].layers = 2, transformer.side[HD_DECODER].heads = 4;
    check_network(context, &transformer, (int64_t[HD_ATTENTION_KINDS][2]){{3, 2}, {2, 4}, {2, 4}});
    for (int memory = HD_MEMORY_LAST; memory <= HD_MEMORY_LUONG_CONCAT; memory++) {
        hd_recipe recurrent = {.architecture = HD_RECURRENT,
                               .vocabulary = 12,
                               .width = 16,
                               .side[HD_ENCODER].layers = 1,
                               .side[HD_DECODER].layers = 2,
                               .side[HD_ENCODER].max_positions = 32,
                               .side[HD_DECODER].max_positions = 32,
                               .cell = HD_GRU,
                               .memory = memory,
                               .bidirectional = true,
                               .pad = 11,
                               .decoder_start = 11};
        int64_t attends = memory >= HD_MEMORY_BAHDANAU;
        check_network(context, &recurrent, (int64_t[HD_ATTENTION_KINDS][2]){{0, 0}, {0, 0}, {attends, attends}});
    }
    heed_context_close(context);
}

/* ---- words ---- */

typedef struct text_case {
    const char *text, *words; /* words with a bar between them, and the tokens of each in brackets */
} text_case;

static void append_words(const hd_words *w, hd_buffer *out) {
    for (int64_t word = 0; word < w->words; word++) {
        hd_buffer_format(out, "%s%s[", word ? " | " : "", w->word_labels[word]);
        for (int64_t i = 0; i < w->tokens; i++)
            if (w->word[i] == word) hd_buffer_format(out, "%s:%d ", w->token_labels[i], w->spaced_word[i]);
        out->data[out->size - 1] = ']';
    }
}

static void tokens_become_words(void **state) {
    (void)state;
    static const text_case cases[] = {
        {"a dog runs.", "a[▁a:0] | dog[▁:1 d:1 o:1 g:1] | runs[▁runs:2] | .[.:2] | </s>[</s>:-1]"},
        {"(do)  bok", "([▁:0 <unk>:0] | do[d:0 o:0] | )[<unk>:0] | bok[▁:1 ▁b:1 o:1 k:1] | </s>[</s>:-1]"},
        {"", "</s>[</s>:-1]"},
    };
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/marian/tokenizer.json", &tokenizer));
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_encoding encoding = {0};
        hd_words words;
        hd_arena arena;
        hd_buffer found;
        hd_arena_open(&arena, context);
        hd_buffer_open(&found, context);
        const char *text = cases[i].text;
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, strlen(text), true, &encoding));
        assert_ok(context, hd_words_of_text(tokenizer, text, strlen(text), &encoding, &arena, &words));
        append_words(&words, &found);
        assert_string_equal(found.data, cases[i].words);
        hd_buffer_close(&found);
        hd_arena_close(&arena);
        hd_encoding_close(&encoding);
    }
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* The text of ids is what they decode to. */
static void ids_become_words(void **state) {
    (void)state;
    static const int32_t ids[] = {71, 35, 30, 11, 21, 1, 14, 68, 4, 4, 0};
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    hd_words words;
    hd_arena arena;
    hd_buffer found;
    hd_arena_open(&arena, context);
    hd_buffer_open(&found, context);
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/marian/tokenizer.json", &tokenizer));
    assert_ok(context, hd_words_of_ids(tokenizer, ids, HD_COUNT(ids), &arena, &words));
    append_words(&words, &found);
    assert_string_equal(found.data,
                        "<pad>[<pad>:-1] | a[▁a:0] | do[▁:1 d:1 o:1] | <unk>[<unk>:-1] | g[g:1] | "
                        "runs[▁runs:2] | ..[.:2 .:2] | </s>[</s>:-1]");
    assert_int_equal(words.spaced_words, 3);
    hd_buffer_close(&found);
    hd_arena_close(&arena);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void joined_weights_are_summed_over_keys_and_averaged_over_queries(void **state) {
    (void)state;
    static const float weights[] = {0.5f, 0.25f, 0.25f, 0, 0.25f, 0.75f, 1, 0, 0};
    static const int32_t queries[] = {0, 0, 2}, keys[] = {0, 1, 1}, partly[] = {-1, 0, 1};
    static const float expected[] = {0.25f, 0.75f, 0, 0, 1, 0}, rest[] = {0.25f, 0.5f, 0, 0, 0, 0};
    float joined[6];
    hd_join_weights(weights, 3, 3, queries, 3, keys, 2, joined);
    assert_memory_equal(joined, expected, sizeof expected);
    hd_join_weights(weights, 3, 3, queries, 3, partly, 2, joined);
    assert_memory_equal(joined, rest, sizeof rest);
}

/* ---- labels and data ---- */

static void labels_have_room_and_are_escaped(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_append_xml(&out, "a<b>&c\t\x7F\xC2\x9B\xE2\x80\xAE\x1B"); /* without what a terminal would obey */
    hd_json_append_page_string(&out, "\"</script>\\ \xC3\xA4\t");
    assert_string_equal(out.data,
                        "a&lt;b&gt;&amp;c\t\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"\\u0022\\u003c/"
                        "script>\\u005c \xC3\xA4\\u0009\"");
    hd_buffer_close(&out);
    assert_int_equal(hd_text_cells("e\xCC\x81\xE7\x8A\xAC"), 3); /* e with a combining accent, a wide character */
    assert_true(hd_text_ems("WWW") > hd_text_ems("iii"));
    heed_context_close(context);
}

static void arrays_are_numpys(void **state) {
    (void)state;
    heed_context *context = open_context();
    float weights[] = {1, 0, 0.25f, 0.75f};
    hd_attention_map map = {.layers = 1, .heads = 2, .queries = 1, .keys = 2, .weights = weights};
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_write_npy(&map, &out);
    assert_int_equal(out.size, 128 + sizeof weights);
    assert_memory_equal(out.data,
                        "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1, 2), }",
                        10 + 64);
    assert_int_equal(out.data[127], '\n');
    assert_memory_equal(out.data + 128, weights, sizeof weights);
    hd_buffer_close(&out);
    heed_context_close(context);
}

/* ---- odd maps ---- */

typedef heed_status draw_function(const hd_view *view, hd_buffer *out);

static heed_status draw_text_map(const hd_view *view, hd_buffer *out) { return hd_draw_text_map(view, false, 40, out); }
static heed_status draw_text_grid(const hd_view *view, hd_buffer *out) {
    return hd_draw_text_grid(view, false, 40, out);
}

static draw_function *const drawers[] = {draw_text_map, draw_text_grid, hd_draw_svg_map, hd_draw_svg_grid,
                                         hd_draw_svg_lines};

/* A model that overflows has weights that are not numbers: they are drawn as zeros. */
static void not_numbers_are_drawn_as_zeros(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *labels[] = {"a", "b"};
    float zeros[] = {0, 1, 0, 0}, odd[] = {NAN, 1, NAN, 0};
    hd_attention_map map = {
        .layers = 1, .heads = 1, .queries = 2, .keys = 2, .query_labels = labels, .key_labels = labels};
    for (size_t i = 0; i < HD_COUNT(drawers); i++) {
        hd_buffer out[2];
        for (int j = 0; j < 2; j++) {
            hd_buffer_open(&out[j], context);
            map.weights = j ? odd : zeros;
            assert_ok(context, drawers[i](&(hd_view){&map, 0, 0}, &out[j]));
        }
        assert_string_equal(out[0].data, out[1].data);
        hd_buffer_close(&out[0]);
        hd_buffer_close(&out[1]);
    }
    heed_context_close(context);
}

static void maps_without_rows_or_columns_are_drawn(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *labels[] = {"a"};
    float weights[] = {0};
    for (int64_t rows = 0; rows < 2; rows++) {
        hd_attention_map map = {.layers = 1,
                                .heads = 1,
                                .queries = rows,
                                .keys = 0,
                                .query_labels = labels,
                                .key_labels = labels,
                                .weights = weights};
        for (size_t i = 0; i < HD_COUNT(drawers); i++) {
            hd_buffer out;
            hd_buffer_open(&out, context);
            assert_ok(context, drawers[i](&(hd_view){&map, -1, -1}, &out));
            hd_buffer_close(&out);
        }
    }
    heed_context_close(context);
}

/* All of a character's marks are above a column, however many. */
static void headings_have_whole_characters(void **state) {
    (void)state;
    heed_context *context = open_context();
    char label[1 + 2 * 40 + 1] = "e";
    for (int i = 0; i < 40; i++) memcpy(label + 1 + 2 * i, "\xCC\x81", 3);
    const char *labels[] = {label};
    float weights[] = {1};
    hd_attention_map map = {.layers = 1,
                            .heads = 1,
                            .queries = 1,
                            .keys = 1,
                            .query_labels = labels,
                            .key_labels = labels,
                            .weights = weights};
    hd_buffer out;
    hd_buffer_open(&out, context);
    assert_ok(context, hd_draw_text_map(&(hd_view){&map, 0, 0}, false, 0, &out));
    const char *heading = strstr(out.data, label);
    assert_non_null(heading);
    assert_non_null(strstr(heading + 1, label));
    hd_buffer_close(&out);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_those_of_the_definition),
        cmocka_unit_test(steps_are_put_together),
        cmocka_unit_test(networks_show_their_attention),
        cmocka_unit_test(tokens_become_words),
        cmocka_unit_test(ids_become_words),
        cmocka_unit_test(joined_weights_are_summed_over_keys_and_averaged_over_queries),
        cmocka_unit_test(labels_have_room_and_are_escaped),
        cmocka_unit_test(arrays_are_numpys),
        cmocka_unit_test(not_numbers_are_drawn_as_zeros),
        cmocka_unit_test(maps_without_rows_or_columns_are_drawn),
        cmocka_unit_test(headings_have_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
