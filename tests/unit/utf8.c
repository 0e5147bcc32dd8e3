/* utf8: what counts as blank, what must not reach a terminal, and messages made of it. */
#include "fixture.h"

#include "base/buffer.h"
#include "base/utf8.h"

#include <string.h>

static bool is_blank(const char *text) { return hd_text_is_blank(text, strlen(text)); }

static void invisible_characters_are_blank(void **state) {
    (void)state;
    int count = 0;
    for (uint32_t code = 0; code < 0x110000; code++) count += hd_is_invisible(code);
    assert_int_equal(count,
                     4218); /* of [\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}] without the visible ones */
    static const char *const blank[] = {"",
                                        " \t\r\n\v\f",
                                        "\u00a0",
                                        "\u3000",
                                        "\u2003",
                                        "\u200b",
                                        "\ufeff",
                                        "\u00ad",
                                        "\u200e",
                                        "\xc2\x85",
                                        "\u2028",
                                        "\ufe0f",
                                        "\u2060 \u3164\u180e"};
    for (size_t i = 0; i < HD_COUNT(blank); i++)
        if (!is_blank(blank[i])) fail_msg("text %zu is not blank", i);
    static const char *const visible[] = {".", "\u00a0x", "\u0600", "\u2581", "\ufffd", "\xff", "\u2800", "\x01"};
    for (size_t i = 0; i < HD_COUNT(visible); i++)
        if (is_blank(visible[i])) fail_msg("text %zu is blank", i);
    assert_false(hd_text_is_blank("\0", 1)); /* a zero byte is data */
    assert_true(hd_text_is_blank(NULL, 0));
    assert_true(heed_text_is_blank("\u3000", 3));
}

static void controls_are_replaced(void **state) {
    (void)state;
    char text[] = "a\x1b[2J\x7f\xc2\x9b\u202eb\u2069\n\xff\xe2\x82 é\ufffd";
    hd_text_make_visible(text);
    assert_string_equal(text,
                        "a?[2J???b????"
                        " é\ufffd");
    for (uint32_t code = 0; code < 0x3000; code++) {
        bool control = code < 32 || (code >= 127 && code < 160) || (code >= 0x202a && code <= 0x202e) ||
                       (code >= 0x2066 && code <= 0x2069);
        assert_int_equal(heed_character_is_control(code), control);
    }
}

static void messages_and_notes_have_no_controls(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_int_equal(hd_fail(context, HEED_FILE, "%s: cannot", "x\x1b\n\xc2\x9by\x9b"), HEED_FILE);
    assert_string_equal(heed_context_message(context), "x???y?: cannot");
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_buffer_visible(&out, "B-\x1b\nPER\xff");
    assert_string_equal(out.data, "B-\ufffd\ufffdPER\ufffd");
    hd_buffer_close(&out);
    heed_context_close(context);
}

static void characters_are_read_as_python_does(void **state) {
    (void)state;
    static const char text[] = "a\0\xf0\x9f\x98x\xe2\x82\xac\xed\xa0\x80";
    static const uint32_t expected[] = {'a', 0, 0xFFFD, 'x', 0x20AC, 0xFFFD, 0xFFFD, 0xFFFD};
    size_t at = 0, size = sizeof text - 1;
    for (size_t i = 0; i < HD_COUNT(expected); i++) {
        uint32_t code;
        at += heed_text_character(text + at, size - at, &code);
        assert_int_equal(code, expected[i]);
    }
    assert_int_equal(at, size);
    uint32_t code;
    assert_int_equal(heed_text_character(text, 0, &code), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invisible_characters_are_blank),
        cmocka_unit_test(controls_are_replaced),
        cmocka_unit_test(messages_and_notes_have_no_controls),
        cmocka_unit_test(characters_are_read_as_python_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
