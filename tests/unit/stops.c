/* Stop strings: where transformers ends a text (tests/golden/stops/make.py), and what of a text is held back and cut. */
#include "fixture.h"

#include "text/stops.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 4 };

typedef struct strings {
    const char *texts[MOST];
    size_t sizes[MOST];
    hd_stop_strings stops;
} strings;

static void read_strings(const json_t *list, strings *s) {
    *s = (strings){.stops = {.count = (int64_t)json_array_size(list)}};
    for (size_t i = 0; i < json_array_size(list); i++) {
        s->texts[i] = json_string_value(json_array_get(list, i));
        s->sizes[i] = json_string_length(json_array_get(list, i));
    }
    s->stops.texts = s->texts, s->stops.sizes = s->sizes;
}

static void check_case(heed_context *context, const json_t *one, int *ends) {
    char path[512];
    heed_tokenizer *tokenizer;
    hd_stop_finder finder;
    strings s;
    int32_t ids[512];
    const json_t *list = json_object_get(one, "ids");
    const char *name = json_string_value(json_object_get(one, "tokenizer"));
    const char *expected = json_string_value(json_object_get(one, "ends"));
    size_t count = json_array_size(list);
    assert_true(count <= HD_COUNT(ids) && strlen(expected) == count);
    for (size_t i = 0; i < count; i++) ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    snprintf(path, sizeof path, "%s/text/%s.json", GOLDEN, name);
    read_strings(json_object_get(one, "stops"), &s);
    assert_ok(context, hd_tokenizer_open(context, path, &tokenizer));
    assert_ok(context, hd_stop_finder_open(&finder, tokenizer, context, &s.stops));
    for (size_t length = 1; length <= count; length++) {
        size_t bytes;
        assert_ok(context, hd_stop_finder_match(&finder, ids, (int64_t)length, &bytes));
        if ((bytes != 0) != (expected[length - 1] == '1'))
            fail_msg("%s, \"%s\": %zu tokens, the last of which is \"%s\", are%s an end", name, s.texts[0], length,
                     hd_tokenizer_token(tokenizer, ids[length - 1]), bytes ? "" : " not");
        *ends += bytes != 0;
    }
    hd_stop_finder_close(&finder);
    hd_tokenizer_close(tokenizer);
}

static void texts_end_where_transformers_ends_them(void **state) {
    (void)state;
    heed_context *context = open_context();
    json_t *cases = json_load_file(GOLDEN "/stops/cases.json", 0, NULL), *one;
    assert_non_null(cases);
    size_t i;
    int ends = 0;
    json_array_foreach(cases, i, one) check_case(context, one, &ends);
    assert_true(ends > 100);
    json_decref(cases);
    heed_context_close(context);
}

#define STOPS(...)                                                                                          \
    (hd_stop_strings) {                                                                                     \
        (int64_t) HD_COUNT(((const char *const[]){__VA_ARGS__})), (const char *const[]){__VA_ARGS__}, sizes \
    }

/* The beginning of a stop string is held back, the longest one. */
static void beginnings_are_held_back(void **state) {
    (void)state;
    static const size_t sizes[] = {4, 3};
    const hd_stop_strings stops = STOPS("stop", "\n\nQ");
    static const struct {
        const char *text;
        size_t begun;
    } cases[] = {{"", 0},     {"a", 0},   {"s", 1},   {"a st", 2},  {"sto", 3},
                 {"stop", 0}, {"sts", 1}, {"x\n", 1}, {"x\n\n", 2}, {"\n\n\n", 2}};
    for (size_t i = 0; i < HD_COUNT(cases); i++)
        assert_int_equal(hd_stops_begun(&stops, cases[i].text, strlen(cases[i].text)), cases[i].begun);
}

/* A text is cut at the first stop string that is not wholly in the prompt. */
static void texts_are_cut_at_the_first_stop_string(void **state) {
    (void)state;
    static const size_t sizes[] = {4, 3};
    const hd_stop_strings stops = STOPS("stop", "two");
    static const struct {
        const char *text;
        size_t given, cut;
    } cases[] = {{"one stopper", 0, 4}, {"a stop, a stop", 6, 10}, {"a stop, a stop", 5, 5}, {"two stop", 0, 0},
                 {"stop two", 4, 5},    {"no end", 0, 6},          {"a sto", 2, 5},          {"stop", 4, 4}};
    for (size_t i = 0; i < HD_COUNT(cases); i++)
        assert_int_equal(hd_stops_cut(&stops, cases[i].text, strlen(cases[i].text), cases[i].given), cases[i].cut);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_end_where_transformers_ends_them),
        cmocka_unit_test(beginnings_are_held_back),
        cmocka_unit_test(texts_are_cut_at_the_first_stop_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
