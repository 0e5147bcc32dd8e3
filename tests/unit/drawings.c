/* Every kind of picture, drawn from fixed numbers in every format, equals its file in tests/golden/pictures (golden.h).
 *
 * The numbers are at the limits of what is drawn: labels that are too long, wide or combining characters, shades at and just
 * below each threshold, more columns and points than there is room for, and curves with gaps. */
#include "golden.h"

#include "inspect/curves.h"
#include "inspect/draw.h"
#include "inspect/label.h"
#include "inspect/measured.h"
#include "inspect/neighbours.h"
#include "inspect/paper.h"
#include "inspect/screen.h"
#include "inspect/steps.h"
#include "inspect/strip.h"
#include "inspect/vectors.h"

#include <math.h>
#include <string.h>

/* ---- attention ---- */

enum { LAYERS = 2, HEADS = 3, QUERIES = 5, KEYS = 6, WEIGHTS = LAYERS * HEADS * QUERIES * KEYS };

static const char *const query_labels[QUERIES] = {"Ein", "Hu̱nd", "犬犬", "ein-ganz-besonders-langes-Wort-ohne-Ende",
                                                  "."};
static const char *const key_labels[KEYS] = {
    "A", "d<o>g", "狗", "e\xCC\x81t\xC3\xA9", "supercalifragilisticexpialidocious", "&."};

/* Weights at the limits of the shades, of the lines, and of the 64 levels of a map. */
static void fill_weights(float weights[WEIGHTS]) {
    static const float limits[] = {0,      0.0599f, 0.06f,  0.2499f, 0.25f,  0.4999f, 0.5f,    0.7499f, 0.75f, 1,
                                   0.054f, 0.0551f, 0.008f, 0.0079f, 0.996f, 0.125f,  0.3333f, 0.6667f, 0.9f};
    for (int i = 0; i < WEIGHTS; i++) weights[i] = limits[(size_t)i * 7 % HD_COUNT(limits)];
}

static void attention_is_drawn(void **state) {
    (void)state;
    static float weights[WEIGHTS], one[] = {0.25f, 0.5f};
    fill_weights(weights);
    hd_attention_map maps[] = {{.kind = HD_CROSS_ATTENTION,
                                .layers = LAYERS,
                                .heads = HEADS,
                                .queries = QUERIES,
                                .keys = KEYS,
                                .weights = weights,
                                .query_labels = query_labels,
                                .key_labels = key_labels},
                               {.kind = HD_ENCODER_ATTENTION,
                                .layers = 1,
                                .heads = 1,
                                .queries = 1,
                                .keys = 2,
                                .weights = one,
                                .query_labels = query_labels,
                                .key_labels = key_labels}};
    static const struct {
        int map;
        int64_t layer, head;
    } views[] = {{0, -1, -1}, {0, 1, -1}, {0, -1, 0}, {0, 0, 2}, {1, -1, -1}, {1, 0, 0}};
    heed_context *context = open_context();
    heed_attention attention = {
        .context = context, .maps = {maps[0], maps[1]}, .count = 2, .source = "A <dog>.", .target = "Ein \"Hund\"."};
    hd_buffer text, svg;
    hd_buffer_open(&text, context);
    hd_buffer_open(&svg, context);
    for (size_t i = 0; i < HD_COUNT(views); i++) {
        hd_view view = {&maps[views[i].map], views[i].layer, views[i].head};
        for (int color = 0; color < 2; color++)
            for (int64_t columns = 0; columns < 60; columns += 29) {
                if (!color || i == 3) assert_ok(context, hd_draw_text_map(&view, color, columns, &text));
                if (color ? i == 1 && columns : i != 3)
                    assert_ok(context, hd_draw_text_grid(&view, color, columns, &text));
            }
        if (i != 1) assert_ok(context, hd_draw_svg_map(&view, &svg));
        if (i < 2 || i == 4) assert_ok(context, hd_draw_svg_grid(&view, &svg));
        if (i) assert_ok(context, hd_draw_svg_lines(&view, &svg));
    }
    assert_golden("pictures/attention.txt", &text);
    assert_golden("pictures/attention.svg.txt", &svg);
    assert_ok(context, hd_write_json(&attention, NULL, &text));
    assert_ok(context, hd_write_json(&attention, &attention.maps[0], &text));
    assert_ok(context, hd_write_json(&attention, &attention.maps[1], &text));
    assert_ok(context, hd_draw_html(&attention, NULL, HD_PAGE_MAP, &svg)); /* of which the data is compared, not the page */
    const char *data = strstr(svg.data, "{\"source\":");
    assert_non_null(data);
    hd_buffer_append(&text, data, (size_t)(strstr(data, "</script>") - data));
    assert_golden("pictures/attention.json.txt", &text);
    hd_write_npy(&maps[0], &text);
    assert_int_equal(text.size, 128 + sizeof weights);
    assert_memory_equal(text.data + 128, weights, sizeof weights);
    assert_non_null(strstr(text.data + 10, "'shape': (2, 3, 5, 6), }"));
    hd_buffer_close(&text);
    hd_buffer_close(&svg);
    heed_context_close(context);
}

/* ---- vectors, neighbours, steps ---- */

static void draw_all(const heed_picture *picture, bool color, hd_buffer *text, hd_buffer *svg, hd_buffer *json) {
    heed_context *context = picture->context;
    assert_ok(context, picture->class->text(picture, false, 0, text));
    if (color) assert_ok(context, picture->class->text(picture, true, 24, text));
    assert_ok(context, picture->class->svg(picture, svg));
    assert_ok(context, picture->class->json(picture, json));
}

enum { ROWS = 21, COLUMNS = 300 };
static float numbers[ROWS * COLUMNS];

static void fill_numbers(void) {
    for (int i = 0; i < ROWS * COLUMNS; i++) numbers[i] = (float)(i * 37 % 129 - 64) / 32;
    numbers[3] = INFINITY;
    numbers[7] = 0.12f, numbers[8] = 0.1199f, numbers[9] = -0.5f, numbers[10] = -1.4999f;
}

static void vectors_are_drawn(void **state) {
    (void)state;
    static const char *const labels[ROWS] = {"a",
                                             "dog",
                                             "runs",
                                             "狗",
                                             "e\xCC\x81t\xC3\xA9",
                                             "an-embedding-with-a-long-name",
                                             "g",
                                             "h",
                                             "i",
                                             "j",
                                             "k",
                                             "l",
                                             "m",
                                             "n",
                                             "o",
                                             "p",
                                             "q",
                                             "r",
                                             "s",
                                             "t",
                                             "u"};
    static double points[2 * ROWS];
    static const struct {
        int64_t rows, columns;
        bool labelled, points, noted;
    } cases[] = {{3, 5, true, true, false},   {ROWS, 40, true, true, true}, {11, COLUMNS, false, false, true},
                 {1, 1, false, false, false}, {2, 256, true, false, false}, {2, 257, true, false, false}};
    heed_context *context = open_context();
    hd_buffer text, svg, json;
    hd_buffer_open(&text, context), hd_buffer_open(&svg, context), hd_buffer_open(&json, context);
    fill_numbers();
    for (int i = 0; i < ROWS; i++) { /* a crowd at the centre, and points at the corners */
        points[2 * i] = i < 4 ? (i & 1 ? 2.5 : -2.5) : (i % 5 - 2) * 0.125;
        points[2 * i + 1] = i < 4 ? (i & 2 ? 2.5 : -2.5) : (i % 3 - 1) * 0.0625;
    }
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        hd_vectors *v;
        assert_ok(context, hd_vectors_open(context, &v));
        v->title = "Vectors of a title that is rather long", v->what = "vectors";
        v->rows = cases[i].rows, v->columns = cases[i].columns;
        v->values = i == 3 ? numbers + 64 * 3 : numbers + (i == 2 ? 0 : 16);
        v->labels = cases[i].labelled ? labels : NULL;
        v->points = cases[i].points ? points : NULL;
        v->note = cases[i].noted ? "a note <below>" : NULL;
        v->shares[0] = 0.625, v->shares[1] = 0.21;
        draw_all(&v->picture, i < 2, &text, &svg, &json);
        heed_picture_close(&v->picture);
    }
    assert_golden("pictures/vectors.txt", &text);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, svg.data, svg.size), 0x3a41e98fef952556u);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, json.data, json.size), 0x6ab456b70991337du);
    hd_buffer_close(&text), hd_buffer_close(&svg), hd_buffer_close(&json);
    heed_context_close(context);
}

static void neighbours_are_drawn(void **state) {
    (void)state;
    hd_neighbour nearest[] = {{"dogs", 0.65625}, {"\"boy\"", -0.000244140625}, {"</script>", 1}};
    heed_context *context = open_context();
    hd_buffer text, svg, json;
    hd_buffer_open(&text, context), hd_buffer_open(&svg, context), hd_buffer_open(&json, context);
    hd_neighbours *n;
    assert_ok(context, hd_neighbours_open(context, &n));
    n->word = "dog", n->nearest = nearest, n->count = 3;
    assert_null(n->picture.class->svg);
    assert_ok(context, n->picture.class->text(&n->picture, false, 0, &text));
    assert_string_equal(text.data, " 0.656  dogs\n-0.000  \"boy\"\n 1.000  </script>\n");
    assert_ok(context, n->picture.class->json(&n->picture, &json));
    assert_string_equal(
        json.data,
        "{\"word\": \"dog\", \"nearest\": [{\"word\": \"dogs\", \"score\": 0.65625}, {\"word\": "
        "\"\\u0022boy\\u0022\", \"score\": -0.000244140625}, {\"word\": \"\\u003c/script>\", \"score\": 1}]}\n");
    heed_picture_close(&n->picture);
    hd_buffer_close(&text), hd_buffer_close(&svg), hd_buffer_close(&json);
    heed_context_close(context);
}

static void steps_are_drawn(void **state) {
    (void)state;
    enum { WIDTH = 40, STEPS = 11, SOURCES = 3 };
    static const char *const keys[SOURCES] = {"A", "狗<d>", "an-extraordinarily-long-token-of-the-source"};
    static const double scores[SOURCES] = {1.25, -0.004, 12.5};
    static const float weights[SOURCES] = {0.25f, 0.0061f, 0.74375f};
    static const hd_prediction candidates[] = {{"Hund", 0.5}, {"Katze", 0.25}, {"</s>", 0.0004}};
    static const hd_prediction predicted[] = {{"Hund", 0.5}, {"Katze", 0.25}, {"Haus", 0.1}};
    static const struct {
        const char *memory;
        bool attends, first;
    } cases[] = {{"Bahdanau's attention", true, true},
                 {"Luong's attention", true, false},
                 {"last state", false, false},
                 {"mean of states", false, false},
                 {"states", false, false}};
    heed_context *context = open_context();
    hd_buffer text, svg, json;
    hd_buffer_open(&text, context), hd_buffer_open(&svg, context), hd_buffer_open(&json, context);
    fill_numbers();
    for (size_t c = 0; c < HD_COUNT(cases); c++) {
        hd_steps *s;
        hd_step steps[STEPS];
        for (int i = 0; i < STEPS; i++) {
            const float *at = numbers + 20 + i * WIDTH * 3;
            steps[i] = (hd_step){.read = i ? "Hund" : "<s>",
                                 .state = at,
                                 .output = at + 2 * WIDTH,
                                 .candidates = candidates,
                                 .predicted = predicted[i % 3]};
            if (cases[c].attends) steps[i].context = at + WIDTH, steps[i].scores = scores, steps[i].weights = weights;
        }
        assert_ok(context, hd_steps_open(context, &s));
        s->source = "A dog \x1b[31m.", s->target = "Ein Hund.", s->cell = "GRU", s->memory = cases[c].memory;
        s->attends = cases[c].attends, s->attends_first = cases[c].first;
        s->layers = 2, s->width = c == 4 ? 20 : WIDTH, s->keys = SOURCES, s->key_labels = keys;
        s->memory_vector = numbers + 40, s->memory_size = c == 4 ? 8 : 33, s->initial = numbers + 90;
        if (c != 3) s->encoder = numbers + 60, s->two_ways = c == 0;
        s->direct = c == 4;
        s->steps = steps, s->count = c ? 3 : STEPS, s->candidates = c == 1 ? 1 : 3;
        draw_all(&s->picture, c == 1, &text, &svg, &json);
        heed_picture_close(&s->picture);
    }
    assert_golden("pictures/steps.txt", &text);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, svg.data, svg.size), 0x69578aed56a686fcu);
    assert_fingerprint(fingerprint(FINGERPRINT_OF_NOTHING, json.data, json.size), 0x426855550f384076u);
    hd_buffer_close(&text), hd_buffer_close(&svg), hd_buffer_close(&json);
    heed_context_close(context);
}

/* ---- curves ---- */

static void curves_are_drawn(void **state) {
    (void)state;
    enum { POINTS = 40, SERIES = 14 };
    static double x[POINTS], y[SERIES][POINTS], small_x[4] = {-2, 0, 1, 7}, small_y[4] = {3, NAN, 1e301, 4};
    static const double one_x[1] = {5}, one_y[1] = {0.3}, negative[4] = {-4, -3, -8, 0.25};
    static const double decades_x[4] = {1e-9, 1, 2e6, 3e7}, decades_y[4] = {1e-7, 0, 3e9, 5e-3};
    hd_series many[SERIES];
    for (int s = 0; s < SERIES; s++) {
        for (int i = 0; i < POINTS; i++) x[i] = 100.0 * i, y[s][i] = 20 + (s * 3 + i * (s % 5 + 1) * 7 % 45) * 0.5;
        many[s] = (hd_series){"curve", x, y[s], s < 4 ? POINTS : 15 + s};
    }
    const hd_series one = {"one", one_x, one_y, 1}, gaps = {"gaps", small_x, small_y, 4},
                    below = {"below zero & more", small_x, negative, 4}, decades = {"d", decades_x, decades_y, 4},
                    close[] = {{"a", small_x, (const double[]){40, 41, 42, 43}, 4},
                               {"a name that is wider than forty cells are, alas", small_x, small_y, 4}};
    const hd_curves cases[] = {
        {"Many", "step", "loss", many, SERIES, false},
        {"Many, in decades", "step", "loss", many, 2, true},
        {"One", "x", "y", &one, 1, false},
        {"One", "x", "y", &one, 1, true},
        {"Gaps and a title that is wider than everything that is below it, and wider still", "x", "y", &gaps, 1, false},
        {"Below", "x", "y", &below, 1, false},
        {"Decades", "x", "y", &decades, 1, true},
        {"Close", "x", "y", close, 2, false},
        {"None", "x", "y", NULL, 0, false}};
    heed_context *context = open_context();
    hd_buffer text, svg;
    hd_buffer_open(&text, context), hd_buffer_open(&svg, context);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        assert_ok(context, hd_draw_text_curves(&cases[i], i == 1, i % 2 ? 0 : 46, &text));
        if (i == 2 || i == 7) assert_ok(context, hd_draw_text_curves(&cases[i], true, 8, &text));
        assert_ok(context, hd_draw_svg_curves(&cases[i], &svg));
    }
    assert_golden("pictures/curves.txt", &text);
    assert_golden("pictures/curves.svg.txt", &svg);
    hd_series crowd[64];
    for (int i = 0; i < 64; i++) crowd[i] = one;
    hd_curves most = {"t", "x", "y", crowd, 63, false};
    assert_ok(context, hd_draw_text_curves(&most, false, 0, &text));
    most.count = 64;
    assert_int_equal(hd_draw_text_curves(&most, false, 0, &text), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "64 curves are too many");
    hd_measured *m;
    assert_ok(context, hd_measured_open(context, &m));
    m->curves = cases[7], m->x_name = "distances", m->y_name = "norms";
    hd_buffer_clear(&text), hd_buffer_clear(&svg);
    assert_ok(context, m->picture.class->json(&m->picture, &text));
    assert_ok(context, m->picture.class->text(&m->picture, false, 60, &text));
    assert_ok(context, m->picture.class->svg(&m->picture, &text));
    assert_golden("pictures/measured.txt", &text);
    heed_picture_close(&m->picture);
    hd_buffer_close(&text), hd_buffer_close(&svg);
    heed_context_close(context);
}

/* ---- shades, colours and labels ---- */

static void shades_change_at_their_thresholds(void **state) {
    (void)state;
    static const double thresholds[] = {0.06, 0.25, 0.5, 0.75};
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    for (size_t i = 0; i < HD_COUNT(thresholds); i++) {
        assert_string_equal(hd_screen_shade(nextafter(thresholds[i], 0)), shades[i]);
        assert_string_equal(hd_screen_shade(thresholds[i]), shades[i + 1]);
    }
    assert_string_equal(hd_screen_shade(0), " ");
    assert_string_equal(hd_screen_shade(1), "█");
}

static void append_color(hd_buffer *out, const char *name, double value, hd_color c) {
    hd_buffer_format(out, "%s %.4f: #%02x%02x%02x\n", name, value, c.red, c.green, c.blue);
}

static void colours_are_interpolated(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    for (int i = -36; i <= 36; i++) {
        double value = i / 32.0;
        if (i % 2 == 0) append_color(&out, "paper", value, hd_paper_color(value));
        if (i % 2 == 0) append_color(&out, "screen", value, hd_screen_color(value));
        append_color(&out, "signed paper", value, hd_signed_paper_color(value));
        append_color(&out, "signed screen", value, hd_signed_screen_color(value));
    }
    for (int i = 0; i <= 12; i++) append_color(&out, "head", i, hd_head_color(i));
    assert_golden("pictures/colors.txt", &out);
    hd_buffer_close(&out);
    heed_context_close(context);
}

static void labels_fill_their_width(void **state) {
    (void)state;
    static const char *const labels[] = {"", "a", "word", "e\xCC\x81t\xC3\xA9", "狗狗狗", "a狗b", "longer label"};
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    for (size_t i = 0; i < HD_COUNT(labels); i++) {
        for (int64_t width = 1; width < 8; width++) {
            hd_buffer_text(&out, "|");
            hd_screen_label_right(&out, labels[i], width);
            hd_buffer_text(&out, "|");
            hd_screen_label_left(&out, labels[i], width);
            hd_buffer_text(&out, "|\n");
        }
        hd_buffer_format(&out, "%lld characters, %lld cells, %lld pixels, %lld of a title\n",
                         (long long)hd_screen_length(labels[i]), (long long)hd_text_cells(labels[i]),
                         (long long)hd_paper_room(labels[i]), (long long)hd_paper_title_room(labels[i]));
    }
    for (int c = 33; c < 127; c++) hd_buffer_format(&out, "%c %.2f\n", c, hd_text_ems((char[]){(char)c, 0}));
    hd_buffer_format(&out, "%.2f %.2f %.2f %.2f\n", hd_text_ems("狗"), hd_text_ems("ä"), hd_text_ems("\xCC\x81"),
                     hd_text_ems(" "));
    hd_append_xml(&out, "tab\tand\x1f, \xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD<>&\"\n");
    assert_golden("pictures/labels.txt", &out);
    hd_buffer_close(&out);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_drawn),       cmocka_unit_test(vectors_are_drawn),
        cmocka_unit_test(neighbours_are_drawn),     cmocka_unit_test(steps_are_drawn),
        cmocka_unit_test(curves_are_drawn),         cmocka_unit_test(shades_change_at_their_thresholds),
        cmocka_unit_test(colours_are_interpolated), cmocka_unit_test(labels_fill_their_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
