/* What all SVG pictures have in common, and what distinguishes masked cells, white space and pairs of curves. */
#include "golden.h"

#include "inspect/curves.h"
#include "inspect/draw.h"
#include "inspect/label.h"
#include "inspect/paper.h"

#include <string.h>

static int count_of(const hd_buffer *out, const char *text) {
    int count = 0;
    for (const char *at = out->data; (at = strstr(at, text)) != NULL; at += strlen(text)) count++;
    return count;
}

/* A causal map of two layers: the second head of the first layer gives a visible key no weight. */
static float causal[2 * 2 * 3 * 3] = {1, 0, 0, 0.5f, 0.5f, 0, 0.2f, 0.3f, 0.5f, 1, 0, 0, 1, 0, 0, 0.5f, 0, 0.5f,
                                      1, 0, 0, 0.5f, 0.5f, 0, 0,    0.5f, 0.5f, 1, 0, 0, 1, 0, 0, 0,    1, 0};
static const uint8_t mask[2 * 3 * 3] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0};
static const char *const words[] = {"a", "<b>", "c & d"};

static hd_attention_map causal_map(hd_attention_kind kind) {
    return (hd_attention_map){.kind = kind,
                              .layers = 2,
                              .heads = 2,
                              .queries = 3,
                              .keys = 3,
                              .weights = causal,
                              .masked = kind == HD_CROSS_ATTENTION ? NULL : mask,
                              .query_labels = words,
                              .key_labels = words};
}

static void masked_is_not_zero(void **state) {
    (void)state;
    hd_attention_map map = causal_map(HD_DECODER_ATTENTION), cross = causal_map(HD_CROSS_ATTENTION);
    for (int64_t layer = -1; layer < 2; layer++)
        for (int64_t q = 0; q < 3; q++)
            for (int64_t k = 0; k < 3; k++) {
                assert_int_equal(hd_attention_is_masked(&map, layer, q, k), k > q); /* not where weights are 0 */
                assert_false(hd_attention_is_masked(&cross, layer, q, k));
            }
    heed_context *context = open_context();
    hd_buffer svg;
    hd_buffer_open(&svg, context);
    assert_ok(context, hd_draw_svg_map(&(hd_view){&map, 0, -1}, &svg));
    assert_int_equal(count_of(&svg, ">masked</text>"), 1);
    hd_buffer_clear(&svg);
    assert_ok(context, hd_draw_svg_grid(&(hd_view){&map, -1, -1}, &svg));
    assert_int_equal(count_of(&svg, ">masked</text>"), 1);
    hd_buffer_clear(&svg);
    assert_ok(context, hd_draw_svg_map(&(hd_view){&cross, 0, -1}, &svg));
    assert_int_equal(count_of(&svg, ">masked</text>"), 0);
    hd_buffer_close(&svg);
    heed_context_close(context);
}

static void pictures_have_titles_and_descriptions(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_attention_map map = causal_map(HD_DECODER_ATTENTION);
    hd_view view = {&map, -1, -1};
    static const double x[] = {1, 2}, y[] = {3, 4};
    hd_series series = {"s < t", x, y, 2};
    hd_buffer svg;
    hd_buffer_open(&svg, context);
    assert_ok(context, hd_draw_svg_map(&view, &svg));
    assert_ok(context, hd_draw_svg_grid(&view, &svg));
    assert_ok(context, hd_draw_svg_lines(&view, &svg));
    assert_ok(context, hd_draw_svg_curves(&(hd_curves){"Title", "x", "y & z", &series, 1, .logarithmic = false}, &svg));
    assert_int_equal(count_of(&svg, "<svg "), 4);
    assert_int_equal(count_of(&svg, " role=\"img\" "), 4);
    assert_int_equal(count_of(&svg, "<title>"), 4);
    assert_int_equal(count_of(&svg, "</desc>"), 4);
    assert_int_equal(count_of(&svg, "prefers-color-scheme:dark"), 4);
    assert_non_null(strstr(svg.data, "<title>Title</title>\n<desc>y &amp; z against x. Curves: s &lt; t</desc>"));
    assert_non_null(strstr(svg.data, "<desc>Rows are queries, columns are keys: a &lt;b&gt; c &amp; d. "));
    for (int size = 1; size < 11; size++) {
        char small[32];
        snprintf(small, sizeof small, "font-size=\"%d\"", size);
        assert_int_equal(count_of(&svg, small), 0);
    }
    hd_buffer_close(&svg);
    heed_context_close(context);
}

static void curves_of_a_pair_share_a_colour(void **state) {
    (void)state;
    static const double x[] = {1, 2}, y[] = {3, 4};
    const hd_series series[] = {{"gru-last", x, y, 2},  {"lstm-last", x, y, 2}, {"gru-mean", x, y, 2},
                                {"lstm-mean", x, y, 2}, {"other", x, y, 2},     {"pre-norm", x, y, 2}};
    heed_context *context = open_context();
    hd_buffer svg;
    hd_buffer_open(&svg, context);
    assert_ok(context, hd_draw_svg_curves(&(hd_curves){"t", "x", "y", series, 6, .logarithmic = false}, &svg));
    assert_int_equal(count_of(&svg, "stroke-dasharray"), 4); /* two curves, and the lines to their names */
    assert_int_equal(count_of(&svg, "stroke=\"#2e6bb0\""), 4);
    assert_int_equal(count_of(&svg, "stroke=\"#e87722\""), 4);
    assert_int_equal(count_of(&svg, "stroke=\"#34914e\""), 4); /* the fifth series: its marks are hollow */
    hd_buffer_clear(&svg);
    /* a single pair has no meaning */
    assert_ok(context, hd_draw_svg_curves(&(hd_curves){"t", "x", "y", series, 3, .logarithmic = false}, &svg));
    assert_int_equal(count_of(&svg, "stroke-dasharray"), 0);
    hd_buffer_close(&svg);
    heed_context_close(context);
}

static void a_paragraph_has_the_lines_that_it_is_said_to_have(void **state) {
    (void)state;
    static const char *const texts[] = {"", "one", "one two three four five six seven eight nine ten",
                                        "averyveryverylongwordthatdoesnotfit and more", "two  spaces  here"};
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    for (size_t i = 0; i < HD_COUNT(texts); i++)
        for (int64_t width = 10; width < 400; width += 30) {
            hd_buffer_clear(&out);
            hd_buffer_text(&out, "");
            hd_paper_paragraph(&out, 0, 0, width, texts[i]);
            assert_int_equal(out.data ? count_of(&out, "<text ") : 0, hd_paper_lines(texts[i], width));
        }
    hd_buffer_close(&out);
    heed_context_close(context);
}

static void white_space_is_visible(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    assert_string_equal(hd_visible_label(&arena, " a\n\tb\x1b\xff", 7), "␣a↵⇥b\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(hd_visible_label(&arena, "", 0), "");
    hd_arena_close(&arena);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_is_not_zero),
        cmocka_unit_test(pictures_have_titles_and_descriptions),
        cmocka_unit_test(curves_of_a_pair_share_a_colour),
        cmocka_unit_test(a_paragraph_has_the_lines_that_it_is_said_to_have),
        cmocka_unit_test(white_space_is_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
