/* Curves: axes end at round numbers, points are at their coordinates, missing values leave gaps. */
#include "fixture.h"

#include "inspect/curves.h"

#include <math.h>
#include <string.h>

static const double lengths[] = {5, 10, 20, 30};
static const double flat[] = {40, 40, 39, 38}, falling[] = {38, 30, 20, 8};
static const hd_series two[] = {{"attention", lengths, flat, 4}, {"last <state>", lengths, falling, 4}};
static const hd_curves lines = {"BLEU by length", "words", "BLEU", two, 2, false};

static char *draw(heed_context *context, const hd_curves *curves, bool svg, bool color) {
    hd_buffer out;
    hd_buffer_open(&out, context);
    assert_ok(context, svg ? hd_draw_svg_curves(curves, &out) : hd_draw_text_curves(curves, color, 40, &out));
    return hd_buffer_take(&out);
}

static void text_has_axes_marks_and_names(void **state) {
    (void)state;
    heed_context *context = open_context();
    char *text = draw(context, &lines, false, false), *colored = draw(context, &lines, false, true);
    assert_string_equal(text,
                        "BLEU by length\n"
                        "\n"
                        "BLEU\n"
                        "40 ┤●······●·············●···\n"
                        "   │■·                       ··········●\n"
                        "   │  ···\n"
                        "   │    ··\n"
                        "30 ┤      ·■·\n"
                        "   │         ····\n"
                        "   │             ···\n"
                        "   │                ····\n"
                        "20 ┤                    ·■·\n"
                        "   │                       ···\n"
                        "   │                          ···\n"
                        "   │                            ···\n"
                        "10 ┤                               ····\n"
                        "   │                                   ■\n"
                        "   │\n"
                        "   │\n"
                        " 0 ┤\n"
                        "   └┴──────┴──────┴──────┴──────┴──────┴\n"
                        "    5     10     15     20     25     30\n"
                        "                                   words\n"
                        "\n"
                        "● attention   ■ last <state>\n");
    assert_non_null(strstr(colored, "\x1b[38;2;232;119;34m■\x1b[0m last <state>\n"));
    hd_free(context, text);
    hd_free(context, colored);
    heed_context_close(context);
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

static void svg_points_are_where_the_axes_say(void **state) {
    (void)state;
    heed_context *context = open_context();
    char *svg = draw(context, &lines, true, false);
    /* x from 5 to 30 over 480 pixels, y from 0 to 40 over 300 */
    assert_non_null(strstr(svg, "d=\"M45.0 93.0L141.0 153.0L333.0 228.0L525.0 318.0\"/>"));
    assert_non_null(strstr(svg, ">last &lt;state&gt;</text>"));
    hd_free(context, svg);
    heed_context_close(context);
}

/* On a logarithmic axis a curve is broken where it is not positive; ticks are powers of ten. */
static void logarithms_break_at_zero(void **state) {
    (void)state;
    static const double x[] = {1, 2, 3, 4, 5}, y[] = {1, 1e-2, 0, 1e-4, 1e-6};
    const hd_series one = {"one", x, y, 5};
    const hd_curves curves = {"t", "x", "y", &one, 1, true};
    heed_context *context = open_context();
    char *svg = draw(context, &curves, true, false), *text = draw(context, &curves, false, false);
    assert_int_equal(count_of(svg, "<path fill=\"none\" stroke=\"#2e6bb0\" stroke-width=\"1.8\" d=\"M"), 2);
    assert_non_null(strstr(svg, "L180.0 178.0M420.0 278.0L540.0 378.0\"/>"));
    for (const char *const *tick = (const char *const[]){">1<", ">0.01<", ">1e-4<", ">1e-6<", NULL}; *tick; tick++)
        assert_non_null(strstr(svg, *tick));
    assert_non_null(strstr(text, "\n1e-6 ┤"));
    hd_free(context, svg);
    hd_free(context, text);
    heed_context_close(context);
}

/* Series without a range or without points can be drawn too. */
static void little_is_drawn_too(void **state) {
    (void)state;
    static const double x[] = {3}, y[] = {0}, nothing[] = {NAN};
    const hd_series cases[] = {{"one", x, y, 1}, {"none", x, nothing, 1}, {"empty", NULL, NULL, 0}};
    heed_context *context = open_context();
    for (int i = 0; i < 8; i++) {
        hd_curves curves = {"t", "x", "y", cases + i % 4, i % 4 < 3, i >= 4};
        char *text = draw(context, &curves, false, false), *svg = draw(context, &curves, true, false);
        assert_int_equal(count_of(text, "●") - (i % 4 < 3), i == 0);
        assert_int_equal(count_of(svg, "nan") + count_of(svg, "inf"), 0);
        hd_free(context, text);
        hd_free(context, svg);
    }
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_axes_marks_and_names),
        cmocka_unit_test(svg_points_are_where_the_axes_say),
        cmocka_unit_test(logarithms_break_at_zero),
        cmocka_unit_test(little_is_drawn_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
