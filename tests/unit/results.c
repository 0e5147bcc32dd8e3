/* Every getter returns what is there, and past the end NULL, 0 or nothing. */
#include "fixture.h"

#include "base/buffer.h"
#include "inspect/attention.h"
#include "tasks/results.h"

#include <string.h>

static void getters_end_where_the_results_do(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_results *results;
    assert_ok(context, hd_results_open(context, 3, &results));
    hd_answer answers[] = {
        {.text = "one", .size = 3, .score = 0.75f, .alignment = "0-0", .label = "A", .start = 1, .end = 4},
        {.text = "three", .size = 5, .score = -2, .alignment = "1-0", .label = "B", .start = 5, .end = 9}};
    results->items[0].answers = answers, results->items[0].count = 2;
    results->items[1].answers = answers + 1, results->items[1].count = 1;
    assert_ok(context, hd_results_problem(results, 2, "too long"));
    static const size_t counts[] = {2, 1, 0, 0, 0};
    for (size_t i = 0; i < HD_COUNT(counts); i++) {
        assert_int_equal(heed_results_alternatives(results, i), counts[i]);
        for (size_t j = 0; j < 4; j++) {
            const hd_answer *a = j < counts[i] ? &answers[i + j] : NULL;
            size_t start = 7, end = 7;
            heed_results_span(results, i, j, &start, &end);
            assert_ptr_equal(heed_results_text(results, i, j), a ? a->text : NULL);
            assert_int_equal(heed_results_size(results, i, j), a ? a->size : 0);
            assert_true(heed_results_score(results, i, j) == (a ? a->score : 0));
            assert_ptr_equal(heed_results_alignment(results, i, j), a ? a->alignment : NULL);
            assert_ptr_equal(heed_results_label(results, i, j), a ? a->label : NULL);
            assert_int_equal(start, a ? a->start : 0);
            assert_int_equal(end, a ? a->end : 0);
        }
        if (i == 2)
            assert_string_equal(heed_results_problem(results, i), "too long");
        else
            assert_null(heed_results_problem(results, i));
    }
    heed_results_close(results);
    heed_results_close(NULL);
    heed_context_close(context);
}

static void texts_are_checked(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *const texts[] = {"a"};
    assert_ok(context, hd_results_check(context, NULL, 0));
    assert_ok(context, hd_results_check(context, texts, 1));
    assert_int_equal(hd_results_check(context, NULL, 1), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "texts is NULL, but count is 1");
    assert_ok(context, hd_results_check(context, texts, PTRDIFF_MAX / sizeof(hd_result)));
    assert_int_equal(hd_results_check(context, texts, PTRDIFF_MAX / sizeof(hd_result) + 1), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), " texts are more than memory can address"));
    heed_context_close(context);
}

static void copies_may_have_zero_bytes(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_results *results;
    assert_ok(context, hd_results_open(context, 0, &results));
    assert_memory_equal(hd_results_copy(results, "a\0b", 3), "a\0b", 4);
    assert_string_equal(hd_results_copy(results, "", 0), "");
    assert_int_equal(heed_results_alternatives(results, 0), 0);
    heed_results_close(results);
    heed_context_close(context);
}

/* ---- attention ---- */

static void attention_ends_where_its_maps_do(void **state) {
    (void)state;
    static const char *const queries[] = {"q0", "q1"}, *const keys[] = {"k0", "k1", "k2"};
    float weights[2 * 4 * 6] = {0};
    heed_context *context = open_context();
    heed_attention attention = {.context = context, .count = 2, .source = "s", .target = "t"};
    attention.maps[0] = (hd_attention_map){.kind = HD_ENCODER_ATTENTION,
                                           .layers = 2,
                                           .heads = 4,
                                           .queries = 2,
                                           .keys = 3,
                                           .weights = weights,
                                           .query_labels = queries,
                                           .key_labels = keys};
    attention.maps[1] = (hd_attention_map){.kind = HD_CROSS_ATTENTION,
                                           .layers = 1,
                                           .heads = 1,
                                           .queries = 1,
                                           .keys = 1,
                                           .weights = weights + 7,
                                           .query_labels = queries + 1,
                                           .key_labels = keys + 2};
    assert_int_equal(heed_attention_maps(&attention), 2);
    assert_string_equal(heed_attention_kind(&attention, 0), "encoder");
    assert_string_equal(heed_attention_kind(&attention, 1), "cross");
    for (int64_t map = -1; map < 4; map++) {
        bool there = map == 0 || map == 1;
        int64_t shape[4] = {0};
        assert_int_equal(heed_attention_kind(&attention, map) != NULL, there);
        assert_ptr_equal(heed_attention_weights(&attention, map, shape), there ? weights + 7 * map : NULL);
        const int64_t expected[3][4] = {{2, 4, 2, 3}, {1, 1, 1, 1}, {0}};
        assert_memory_equal(shape, expected[there ? map : 2], sizeof shape);
        for (int64_t i = -1; i < 5; i++) {
            int64_t rows = there ? shape[2] : 0, columns = there ? shape[3] : 0;
            assert_ptr_equal(heed_attention_query(&attention, map, i), i >= 0 && i < rows ? queries[map + i] : NULL);
            assert_ptr_equal(heed_attention_key(&attention, map, i), i >= 0 && i < columns ? keys[2 * map + i] : NULL);
        }
    }
    assert_string_equal(heed_attention_source(&attention), "s");
    assert_string_equal(heed_attention_target(&attention), "t");
    assert_ptr_equal(hd_attention_find(&attention, HD_CROSS_ATTENTION), &attention.maps[1]);
    assert_null(hd_attention_find(&attention, HD_DECODER_ATTENTION));
    heed_context_close(context);
}

/* Means over layers, over heads, over both, and of one head alone. */
static void means_are_over_layers_and_heads(void **state) {
    (void)state;
    enum { LAYERS = 3, HEADS = 2, CELLS = 4 };
    float weights[LAYERS * HEADS * CELLS], mean[CELLS];
    for (int i = 0; i < LAYERS * HEADS * CELLS; i++) weights[i] = (float)(i * i);
    hd_attention_map map = {.layers = LAYERS, .heads = HEADS, .queries = 2, .keys = 2, .weights = weights};
    for (int64_t layer = -1; layer < LAYERS; layer++)
        for (int64_t head = -1; head < HEADS; head++) {
            hd_attention_mean(&map, layer, head, mean);
            for (int i = 0; i < CELLS; i++) {
                double sum = 0;
                int count = 0;
                for (int l = 0; l < LAYERS; l++)
                    for (int h = 0; h < HEADS; h++) {
                        if ((layer >= 0 && l != layer) || (head >= 0 && h != head)) continue;
                        sum += (double)weights[(l * HEADS + h) * CELLS + i];
                        count++;
                    }
                assert_true(mean[i] == (float)(sum / count));
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getters_end_where_the_results_do), cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(copies_may_have_zero_bytes),       cmocka_unit_test(attention_ends_where_its_maps_do),
        cmocka_unit_test(means_are_over_layers_and_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
