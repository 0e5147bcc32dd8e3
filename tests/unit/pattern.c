/* Patterns: those that are matched without Oniguruma give its matches. */
#include "text/pattern_known.h"

#include "base/random.h"
#include "fixture.h"
#include "text/pattern.h"

#include <stdio.h>
#include <string.h>

static const char *const known[] = {
    HD_BYTE_LEVEL_PATTERN,
    HD_QWEN_PATTERN,
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};

typedef struct both {
    hd_pattern *known, *searched;
    hd_matches ours, theirs;
} both;

/* The same expression in a group is not recognized, so that Oniguruma matches it. */
static both open_both(heed_context *context, const char *text) {
    both it;
    char group[1024];
    int size = snprintf(group, sizeof group, "(?:%s)", text);
    assert_true(hd_known_pattern_of(text, strlen(text)) != NULL);
    assert_null(hd_known_pattern_of(group, (size_t)size));
    assert_int_equal(hd_pattern_open(context, "test", text, strlen(text), false, &it.known), HEED_OK);
    assert_int_equal(hd_pattern_open(context, "test", group, (size_t)size, false, &it.searched), HEED_OK);
    hd_matches_open(&it.ours, context);
    hd_matches_open(&it.theirs, context);
    return it;
}

static void close_both(both *it) {
    hd_pattern_close(it->known);
    hd_pattern_close(it->searched);
    hd_matches_close(&it->ours);
    hd_matches_close(&it->theirs);
}

static void compare(both *it, const hd_character *text, size_t count) {
    assert_int_equal(hd_pattern_find(it->known, text, count, &it->ours), HEED_OK);
    assert_int_equal(hd_pattern_find(it->searched, text, count, &it->theirs), HEED_OK);
    assert_int_equal(it->ours.count, it->theirs.count);
    if (it->ours.count) assert_memory_equal(it->ours.items, it->theirs.items, it->ours.count * sizeof *it->ours.items);
}

enum { PLANE_4 = 0x34000, ALL = 0x110000 };

/* Within blocks of letters that are all alike a few are enough. */
static uint32_t next_code(uint32_t code) {
    static const uint32_t blocks[][2] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xAC00, 0xD7A3},
                                         {0x13000, 0x143FF}, {0x17000, 0x18CFF}, {0x1B180, 0x1BBFF},
                                         {0x20000, 0x2A6DF}, {0x2A700, 0x2EBE0}, {0x30000, 0x33479}};
    for (size_t i = 0; i < HD_COUNT(blocks); i++)
        if (code >= blocks[i][0] && code + 97 < blocks[i][1]) return code + 97;
    if (code + 1 == 0xD800) return 0xE000;
    if (code + 1 == 0xE100) return 0xF8F0;
    if (code + 1 == PLANE_4) return 0xE0000;
    if (code + 1 == 0xE0200) return 0x10FFF0;
    return code + 1;
}

/* Each code point that one of the sets could contain, beside characters of each class. The patterns share the classes;
 * the last one has marks too. */
static void every_code_point_has_oniguruma_class(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t p = 0; p < HD_COUNT(known); p += HD_COUNT(known) - 1) {
        both it = open_both(context, known[p]);
        for (uint32_t code = 1; code < ALL; code = next_code(code)) {
            const hd_character text[] = {{code, 0, 0}, {'a', 0, 0},  {code, 0, 0}, {'1', 0, 0},
                                         {code, 0, 0}, {code, 0, 0}, {'!', 0, 0}};
            compare(&it, text, HD_COUNT(text));
        }
        close_both(&it);
    }
    heed_context_close(context);
}

/* No set has members past plane 3 but the variation selectors: each code point follows a letter. */
static void far_code_points_have_oniguruma_class(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_character *text = hd_alloc(context, 2 * (ALL - PLANE_4), sizeof *text);
    size_t count = 0;
    for (uint32_t code = PLANE_4; code < ALL; code++) {
        if (code % 16 == 0) text[count++] = (hd_character){'a', 0, 0};
        text[count++] = (hd_character){code, 0, 0};
    }
    both it = open_both(context, known[HD_COUNT(known) - 1]);
    compare(&it, text, count);
    close_both(&it);
    hd_free(context, text);
    heed_context_close(context);
}

/* Random texts of characters on which alternatives of the patterns depend. */
static void random_texts_have_oniguruma_matches(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const uint32_t characters[] = {
        'a',  's',    't',     'r',     'e',     'v',    'm',   'l',    'd',    'S',    'E',   'L',  '\'', '\'',
        ' ',  ' ',    '\n',    '\r',    '\t',    '1',    '2',   '!',    '-',    0x17F,  0x301, 0xE9, 0xA0, 0x2028,
        0x85, 0x4E2D, 0x1D7CE, 0x1F600, 0xE0100, 0x200D, 0x149, 0x212A, 0xFB06, 0xFFFD, 0x903, 0};
    hd_random_key key = hd_random_key_make(7, HD_RANDOM_DROPOUT, 0);
    for (size_t p = 0; p < HD_COUNT(known); p++) {
        both it = open_both(context, known[p]);
        for (uint32_t round = 0; round < 10000; round++) {
            hd_character text[24];
            size_t count = round % HD_COUNT(text) + 1, kinds = round % 3 ? HD_COUNT(characters) : 24;
            for (uint32_t i = 0; i < count; i++) {
                float number = hd_random_uniform(key, i, round, p);
                text[i] = (hd_character){characters[(size_t)(number * (float)kinds) % kinds], 0, 0};
            }
            compare(&it, text, count);
        }
        close_both(&it);
    }
    heed_context_close(context);
}

/* Runs that are longer than what Oniguruma may remember, or may go back over. */
static void long_runs_are_matched(void **state) {
    static const struct {
        uint32_t run, last;
        size_t matches[HD_COUNT(known)];
    } cases[] = {
        {'a', 'b', {1, 1, 1, 1}},
        {' ', 'b', {2, 2, 2, 2}},
        {'!', '\n', {2, 1, 1, 1}},
    };
    enum { COUNT = 12 * 1000 * 1000 };
    (void)state;
    heed_context *context = open_context();
    hd_character *text = hd_alloc(context, COUNT, sizeof *text);
    hd_matches matches;
    hd_matches_open(&matches, context);
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        for (size_t j = 0; j < COUNT; j++) text[j] = (hd_character){j + 1 < COUNT ? cases[i].run : cases[i].last, 0, 0};
        for (size_t p = 0; p < HD_COUNT(known); p++) {
            hd_pattern *pattern;
            assert_int_equal(hd_pattern_open(context, "test", known[p], strlen(known[p]), false, &pattern), HEED_OK);
            assert_int_equal(hd_pattern_find(pattern, text, COUNT, &matches), HEED_OK);
            assert_int_equal(matches.count, cases[i].matches[p]);
            assert_int_equal(matches.items[matches.count - 1].last, COUNT);
            hd_pattern_close(pattern);
        }
    }
    hd_matches_close(&matches);
    hd_free(context, text);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_has_oniguruma_class),
        cmocka_unit_test(far_code_points_have_oniguruma_class),
        cmocka_unit_test(random_texts_have_oniguruma_matches),
        cmocka_unit_test(long_runs_are_matched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
