/* lines: sequential and by number, with any line end and of any length. */
#include "failing.h"

#include "base/lines.h"
#include "base/random.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static heed_context *context;
static char folder[] = "/tmp/heed-lines-XXXXXX";
static char path[64];

static int open_folder(void **state) {
    (void)state;
    context = open_context();
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/text", folder);
    return 0;
}

static int close_folder(void **state) {
    (void)state;
    unlink(path);
    rmdir(folder);
    heed_context_close(context);
    return 0;
}

static void put(const char *text, size_t size) { assert_ok(context, hd_file_write(context, path, text, size)); }

static void expect_line(hd_lines *lines, const char *text, size_t size) {
    assert_true(hd_lines_next(lines));
    assert_false(lines->too_long);
    assert_int_equal(lines->size, size);
    assert_memory_equal(lines->text, text, size + 1);
}

static void expect_end(hd_lines *lines, uint64_t count) {
    assert_false(hd_lines_next(lines));
    assert_int_equal(lines->status, HEED_OK);
    assert_int_equal(lines->number, count);
    assert_false(hd_lines_next(lines));
    hd_lines_close(lines);
}

static void lines_end_in_many_ways(void **state) {
    (void)state;
    static const char text[] = "one\r\ntwo\n\n\r\nth\0ree\r\r\n a\rb\nlast\r";
    put(text, sizeof text - 1);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, path, 0, &lines));
    expect_line(&lines, "one", 3);
    expect_line(&lines, "two", 3);
    expect_line(&lines, "", 0);
    expect_line(&lines, "", 0);
    expect_line(&lines, "th\0ree\r", 7);
    expect_line(&lines, " a\rb", 4);
    assert_int_equal(lines.number, 6);
    expect_line(&lines, "last\r", 5); /* no newline followed it */
    expect_end(&lines, 7);
}

static void lines_keep_their_ends(void **state) {
    (void)state;
    static const char text[] = "one\r\n\ntwo\nlast";
    static const char *const expected[] = {"one\r\n", "\n", "two\n", "last"};
    put(text, sizeof text - 1);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, path, 0, &lines));
    lines.keep_ends = true;
    for (int i = 0; i < 4; i++) {
        assert_true(hd_lines_next(&lines));
        assert_int_equal(lines.size, strlen(expected[i]));
        assert_memory_equal(lines.text, expected[i], lines.size);
    }
    expect_end(&lines, 4);
}

static void a_byte_order_mark_is_no_text(void **state) {
    (void)state;
    static const char *const texts[] = {"\ufeffone\n\ufefftwo\n", "\ufeff\none", "\ufeff", "\xef\xbb\n", "\xef\xbb"};
    static const char *const expected[][2] = {{"one", "\ufefftwo"}, {"", "one"}, {NULL}, {"\xef\xbb"}, {"\xef\xbb"}};
    for (size_t i = 0; i < HD_COUNT(texts); i++) {
        put(texts[i], strlen(texts[i]));
        hd_lines lines;
        hd_line_index index;
        assert_ok(context, hd_lines_open(context, path, 3 + 3, &lines)); /* the mark does not make a line too long */
        assert_ok(context, hd_line_index_open(context, path, &index));
        uint64_t count = 0;
        for (; count < 2 && expected[i][count]; count++) {
            const char *text;
            size_t size, length = strlen(expected[i][count]);
            expect_line(&lines, expected[i][count], length);
            hd_line_index_get(&index, count, &text, &size);
            assert_int_equal(size, length);
            assert_memory_equal(text, expected[i][count], size);
        }
        assert_int_equal(index.count, count);
        expect_end(&lines, count);
        hd_line_index_close(&index);
    }
}

/* From a pipe the mark may come in pieces, and with the first line's end or before it. */
static void a_byte_order_mark_may_come_in_pieces(void **state) {
    (void)state;
    int ends[2], kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, "-", 0, &lines));
    assert_int_equal(write(ends[1], "\xef\xbb", 2), 2);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(write(ends[1], "\xbf\na\n", 4) != 4);
    }
    close(ends[1]);
    expect_line(&lines, "", 0);
    expect_line(&lines, "a", 1);
    expect_end(&lines, 2);
    waitpid(child, NULL, 0);
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(ends[0]);
}

static void an_empty_file_has_no_line(void **state) {
    (void)state;
    put("", 0);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, path, 0, &lines));
    expect_end(&lines, 0);
    hd_line_index index;
    assert_ok(context, hd_line_index_open(context, path, &index));
    assert_int_equal(index.count, 0);
    hd_line_index_close(&index);
}

static void too_long_lines_are_skipped(void **state) {
    (void)state;
    put("1234\n12345\n1234\r\n12345\r\n123456\r\n1234\r", 37);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, path, 4, &lines));
    expect_line(&lines, "1234", 4);
    for (int i = 2; i <= 6; i++) {
        if (i == 3) {
            expect_line(&lines, "1234", 4);
            continue;
        }
        assert_true(hd_lines_next(&lines));
        assert_true(lines.too_long);
        assert_int_equal(lines.number, i);
        assert_int_equal(lines.size, 0);
        assert_string_equal(lines.text, "");
    }
    expect_end(&lines, 6);
}

/* Lines about as long as the read buffer, with and without a limit, compared with a search in memory. */
static void long_lines_cross_reads(void **state) {
    (void)state;
    enum { SIZE = 2000000 };
    char *text = malloc(SIZE);
    hd_random_key key = hd_random_key_make(7, HD_RANDOM_GENERATE, 0);
    size_t size = 0;
    for (uint64_t i = 0; size < SIZE; i++) {
        static const uint64_t lengths[] = {3, 100, 65535, 65536, 65537, 200000};
        uint64_t length = hd_random_below(key, 2 * i, 1 + lengths[hd_random_below(key, 2 * i + 1, 6)]);
        for (uint64_t j = 0; j < length && size < SIZE; j++) text[size++] = (char)('a' + j % 26);
        if (i % 3 == 0 && size < SIZE) text[size++] = '\r';
        if (size < SIZE) text[size++] = '\n';
    }
    put(text, SIZE);
    hd_line_index index;
    assert_ok(context, hd_line_index_open(context, path, &index));
    static const size_t limits[] = {0, 1, 50, 65534, 65535, 65536, 100000};
    for (size_t i = 0; i < HD_COUNT(limits); i++) {
        hd_lines lines;
        assert_ok(context, hd_lines_open(context, path, limits[i], &lines));
        size_t at = 0;
        for (uint64_t number = 0; number < index.count; number++) {
            const char *newline = memchr(text + at, '\n', SIZE - at);
            size_t length = newline ? (size_t)(newline - text) - at : SIZE - at, whole = length;
            if (newline && length && newline[-1] == '\r') length--;
            const char *indexed;
            size_t indexed_size;
            hd_line_index_get(&index, number, &indexed, &indexed_size);
            assert_int_equal(indexed_size, length);
            if (memcmp(indexed, text + at, length) != 0) fail_msg("line %d of the index differs", (int)number);
            assert_true(hd_lines_next(&lines));
            assert_int_equal(lines.too_long, limits[i] && length > limits[i]);
            if (!lines.too_long) {
                assert_int_equal(lines.size, length);
                if (memcmp(lines.text, text + at, length) != 0) fail_msg("line %d differs", (int)number);
            }
            at += whole + 1;
        }
        assert_true(at >= SIZE);
        expect_end(&lines, index.count);
    }
    hd_line_index_close(&index);
    free(text);
}

static void standard_input_is_read(void **state) {
    (void)state;
    int ends[2], kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, "-", 0, &lines));
    assert_int_equal(write(ends[1], "one\ntw", 6), 6);
    expect_line(&lines, "one", 3); /* before the second is complete */
    assert_int_equal(write(ends[1], "o", 1), 1);
    close(ends[1]);
    expect_line(&lines, "two", 3);
    expect_end(&lines, 2);
    assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(ends[0]);
}

static void what_cannot_be_read_is_named(void **state) {
    (void)state;
    hd_lines lines;
    assert_int_equal(hd_lines_open(context, "/no/such/file", 0, &lines), HEED_FILE);
    assert_string_equal(heed_context_message(context), "/no/such/file: cannot open: No such file or directory");
    assert_int_equal(hd_lines_open(context, folder, 0, &lines), HEED_FILE);
    hd_line_index index;
    assert_int_equal(hd_line_index_open(context, folder, &index), HEED_FILE);
    assert_int_equal(hd_line_index_open(context, "/dev/null", &index), HEED_FILE);

    int kept = dup(STDIN_FILENO), unreadable = open("/dev/null", O_WRONLY);
    dup2(unreadable, STDIN_FILENO); /* an error while reading is not the end of the file */
    assert_ok(context, hd_lines_open(context, "-", 0, &lines));
    assert_false(hd_lines_next(&lines));
    assert_int_equal(lines.status, HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "standard input: cannot read"));
    hd_lines_close(&lines);
    dup2(kept, STDIN_FILENO);
    close(kept);
    close(unreadable);
}

static heed_status read_both_ways(heed_context *failing) {
    hd_lines lines;
    HD_TRY(hd_lines_open(failing, path, 0, &lines));
    while (hd_lines_next(&lines)) continue;
    heed_status status = lines.status;
    hd_lines_close(&lines);
    if (status != HEED_OK) return status;
    hd_line_index index;
    HD_TRY(hd_line_index_open(failing, path, &index));
    hd_line_index_close(&index);
    return HEED_OK;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    enum { SIZE = 300000 };
    char *text = calloc(SIZE, 1);
    put(text, SIZE);
    free(text);
    fail_each_allocation(read_both_ways);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_in_many_ways),       cmocka_unit_test(lines_keep_their_ends),
        cmocka_unit_test(a_byte_order_mark_is_no_text), cmocka_unit_test(a_byte_order_mark_may_come_in_pieces),
        cmocka_unit_test(an_empty_file_has_no_line),    cmocka_unit_test(too_long_lines_are_skipped),
        cmocka_unit_test(long_lines_cross_reads),       cmocka_unit_test(standard_input_is_read),
        cmocka_unit_test(what_cannot_be_read_is_named), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
