/* The data in the HTML page of attention maps: the numbers that stand for weights, masked keys, special tokens, what the page
 * opens with, and texts that look like HTML. */
#include "fixture.h"

#include "inspect/draw.h"
#include "inspect/mask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES = 2, KEYS = 3, CELLS = QUERIES * KEYS };

static const char *const labels[] = {"a", "b\xE2\x80\xA8", "</s>"};

static hd_attention_map make_map(float *weights, const uint8_t *masked, const uint8_t *special) {
    return (hd_attention_map){.kind = HD_DECODER_ATTENTION,
                              .layers = 1,
                              .heads = 1,
                              .queries = QUERIES,
                              .keys = KEYS,
                              .query_labels = labels,
                              .key_labels = labels,
                              .weights = weights,
                              .masked = masked,
                              .special = special};
}

/* The page, and where its data begins. */
static const char *draw_page(heed_context *context, heed_attention *attention, const hd_view *first, hd_page_view as,
                             hd_buffer *page) {
    static const char before[] = "<script id=\"data\" type=\"application/json\">";
    attention->context = context;
    hd_buffer_open(page, context);
    assert_ok(context, hd_draw_html(attention, first, as, page));
    const char *data = strstr(page->data, before);
    assert_non_null(data);
    return data + strlen(before);
}

static void assert_begins(const char *text, const char *expected) {
    char found[512];
    assert_true(strlen(expected) < sizeof found);
    snprintf(found, sizeof found, "%.*s", (int)strlen(expected), text);
    assert_string_equal(found, expected);
}

static void weights_have_exact_numbers(void **state) {
    (void)state;
    heed_context *context = open_context();
    float weights[CELLS] = {1, 0, 0.25f, 0.0625f, NAN, 2};
    static const uint8_t masked[CELLS] = {0, 1, 1, 0, 0, 0}, special[KEYS] = {0, 0, 1};
    heed_attention attention = {
        .maps = {make_map(weights, masked, special)}, .count = 1, .source = "a b", .target = ""};
    hd_buffer page;
    /* 1 + 65534 √w, rounded, low byte first: ff ff, masked 00 00 and 00 00, 01 40, 01 00 for NaN, ff ff for more than 1 */
    assert_begins(
        draw_page(context, &attention, NULL, HD_PAGE_MAP, &page),
        "{\"source\":\"a b\",\"target\":\"\",\"levels\":65535,\"maps\":[{\"kind\":\"decoder\",\"layers\":1,\"heads\":1,"
        "\"queries\":[\"a\",\"b\xE2\x80\xA8\"],\"keys\":[\"a\",\"b\xE2\x80\xA8\",\"\\u003c/s>\"],\"special\":[2],"
        "\"weights\":\"//8AAAAAAUABAP//\"}]}</script>");
    hd_buffer_close(&page);
    heed_context_close(context);
}

/* Large pages have one byte per weight. */
static void large_pages_are_compact(void **state) {
    (void)state;
    enum { ROWS = 1025 };
    heed_context *context = open_context();
    float *weights = calloc(ROWS * ROWS, sizeof *weights);
    const char **names = calloc(ROWS, sizeof *names);
    assert_true(weights && names);
    for (int i = 0; i < ROWS; i++) names[i] = "x";
    weights[0] = 1, weights[1] = 0.25f, weights[ROWS * ROWS - 1] = 1;
    hd_attention_map map = {.kind = HD_ENCODER_ATTENTION,
                            .layers = 1,
                            .heads = 1,
                            .queries = ROWS,
                            .keys = ROWS,
                            .query_labels = names,
                            .key_labels = names,
                            .weights = weights};
    heed_attention attention = {.maps = {map}, .count = 1, .source = "x", .target = ""};
    hd_buffer page;
    const char *data = draw_page(context, &attention, NULL, HD_PAGE_MAP, &page);
    assert_begins(data, "{\"source\":\"x\",\"target\":\"\",\"levels\":255,");
    const char *numbers = strstr(data, "\"weights\":\"") + strlen("\"weights\":\""); /* 255, 128, 1 … 1, 255 */
    assert_begins(numbers, "/4AB");
    size_t length = strcspn(numbers, "\"");
    assert_int_equal(length, (ROWS * ROWS + 2) / 3 * 4);
    assert_begins(numbers + length - 8, "AQEB/w==\"");
    hd_buffer_close(&page);
    free(weights);
    free(names);
    heed_context_close(context);
}

static void first_view_is_said(void **state) {
    (void)state;
    heed_context *context = open_context();
    float weights[CELLS] = {0};
    heed_attention attention = {.maps = {make_map(weights, NULL, NULL)}, .count = 1, .source = "", .target = ""};
    static const char *const names[HD_PAGE_VIEWS] = {"map", "lines", "heads"};
    for (int as = 0; as < HD_PAGE_VIEWS; as++) {
        hd_view first = {&attention.maps[0], 0, -1};
        char expected[128];
        hd_buffer page;
        snprintf(expected, sizeof expected, "\"first\":{\"kind\":\"decoder\",\"layer\":1,\"head\":0,\"view\":\"%s\"},",
                 names[as]);
        assert_non_null(strstr(draw_page(context, &attention, &first, (hd_page_view)as, &page), expected));
        hd_buffer_close(&page);
    }
    heed_context_close(context);
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

static void texts_are_no_html(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char *const hostile[] = {"</script><script>wrong()</script>", "<!-- <script>", "\"},{{DATA}}"};
    float weights[CELLS] = {0};
    hd_attention_map map = make_map(weights, NULL, NULL);
    map.key_labels = map.query_labels = hostile;
    heed_attention attention = {.maps = {map}, .count = 1, .source = hostile[0], .target = hostile[1]};
    hd_buffer page;
    const char *data = draw_page(context, &attention, NULL, HD_PAGE_MAP, &page);
    assert_int_equal(count_of(page.data, "<script"), 2);
    assert_int_equal(count_of(page.data, "</script"), 2);
    assert_int_equal(count_of(page.data, "<!--"), 0);
    assert_begins(data, "{\"source\":\"\\u003c/script>\\u003cscript>wrong()\\u003c/script>\",");
    hd_buffer_close(&page);
    heed_context_close(context);
}

/* ---- masks ---- */

/* Three tokens, of which the first two are one word, and a special one. */
static int32_t word[] = {0, 0, 1, 2}, spaced[] = {0, 0, 1, -1};
static const hd_words words = {.tokens = 4, .words = 3, .spaced_words = 2, .word = word, .spaced_word = spaced};

static void assert_mask(hd_attention_kind kind, const hd_side_recipe *side, bool joined, const char *expected) {
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    hd_recipe recipe = {0};
    recipe.side[kind == HD_DECODER_ATTENTION ? HD_DECODER : HD_ENCODER] = *side;
    hd_attention_map map = {.kind = kind, .layers = side->layers, .heads = 1, .queries = 4, .keys = 4};
    assert_ok(context, hd_attention_mask(&map, &recipe, &words, &words, joined, &arena));
    int64_t count = joined ? 3 : 4;
    assert_int_equal(map.special[count - 1], 1);
    for (int64_t i = 0; i + 1 < count; i++) assert_int_equal(map.special[i], 0);
    assert_int_equal(!map.masked, !expected);
    for (int64_t i = 0, at = 0; expected && expected[i]; i++)
        if (expected[i] != ' ') assert_int_equal(map.masked[at++], expected[i] == '#');
    hd_arena_close(&arena);
    heed_context_close(context);
}

static void masks_are_the_models(void **state) {
    (void)state;
    hd_side_recipe side = {.layers = 1};
    assert_mask(HD_ENCODER_ATTENTION, &side, false, NULL);
    assert_mask(HD_CROSS_ATTENTION, &side, false, NULL);
    assert_mask(HD_DECODER_ATTENTION, &side, false, ".### ..## ...# ....");
    assert_mask(HD_DECODER_ATTENTION, &side, true, ".## ..# ...");
    side.window = 2;
    assert_mask(HD_ENCODER_ATTENTION, &side, false, "..## ...# #... ##..");
    assert_mask(HD_DECODER_ATTENTION, &side, false, ".### ..## #..# ##..");
    assert_mask(HD_DECODER_ATTENTION, &side, true, ".## ..# #..");
    assert_mask(HD_CROSS_ATTENTION, &side, false, NULL);
}

/* Layers without a window are masked otherwise. */
static void masks_differ_by_layer(void **state) {
    (void)state;
    hd_side_recipe side = {.layers = 2, .window = 2};
    hd_layer_set_add(&side.global_layers, 1);
    assert_mask(HD_ENCODER_ATTENTION, &side, false, "..## ...# #... ##.. .... .... .... ....");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_have_exact_numbers), cmocka_unit_test(large_pages_are_compact),
        cmocka_unit_test(first_view_is_said),         cmocka_unit_test(texts_are_no_html),
        cmocka_unit_test(masks_are_the_models),       cmocka_unit_test(masks_differ_by_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
