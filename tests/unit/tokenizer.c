/* text: ids, offsets and decoded text equal those of Hugging Face's tokenizers (golden/text/make.py), also for invalid UTF-8,
 * very long words and on several threads at once. */
#include "text_goldens.h"

#include "base/parallel.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- goldens ---------------------------------------------------------------------------------------------------- */

static void write_ids(const hd_encoding *encoding, hd_buffer *out) {
    hd_buffer_clear(out);
    hd_buffer_text(out, "");
    for (size_t i = 0; i < encoding->count; i++)
        hd_buffer_format(out, i ? " %d:%u:%u" : "%d:%u:%u", encoding->ids[i], encoding->starts[i], encoding->ends[i]);
}

static void check_line(heed_context *context, const heed_tokenizer *tokenizer, char *line, hd_encoding *encoding) {
    char *columns[4];
    for (int i = 0; i < 4; i++) {
        columns[i] = strsep(&line, "\t");
        assert_non_null(columns[i]);
    }
    size_t size = unescape(columns[0]);
    hd_buffer got;
    hd_buffer_open(&got, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, columns[0], size, true, encoding));
    write_ids(encoding, &got);
    if (strcmp(got.data, columns[1]) != 0) fail_msg("\"%s\"\nis   %s\nnot  %s", columns[0], got.data, columns[1]);
    for (int keep = 0; keep < 2; keep++) {
        size_t expected = unescape(columns[2 + keep]);
        hd_buffer_clear(&got);
        hd_buffer_text(&got, "");
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding->ids, encoding->count, !keep, &got));
        assert_string_equal(got.data, columns[2 + keep]);
        assert_int_equal(got.size, expected); /* zero bytes are data */
        assert_memory_equal(got.data, columns[2 + keep], expected);
    }
    hd_buffer_close(&got);
}

static const char *const goldens[] = {
    "marian",     "nfc",     "nfkd",    "bert",          "metaspace-first", "metaspace-never", "old",
    "whitespace", "merged",  "llama",   "ignore-merges", "wordpiece",       "wordpiece-cased", "gpt2",
    "roberta",    "llama-3", "affixes", "split-0",       "split-1",         "split-2",         "characters"};

static void check_golden(heed_context *context, const char *name, const heed_tokenizer *tokenizer) {
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, golden_path(name, ".tsv"), &file));
    hd_encoding encoding = {0};
    char *rest = file.data, *line;
    int lines = 0;
    while ((line = strsep(&rest, "\n")) && rest) check_line(context, tokenizer, line, &encoding), lines++;
    assert_true(lines > 40);
    hd_encoding_close(&encoding);
    hd_buffer_close(&file);
}

static void encodes_and_decodes_as_tokenizers_does(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[i]);
        check_golden(context, goldens[i], tokenizer);
        hd_tokenizer_close(tokenizer);
    }
    heed_context_close(context);
}

static void saved_files_open_as_the_same_tokenizer(void **state) {
    (void)state;
    heed_context *context = open_context();
    char path[] = "/tmp/heed-tokenizer-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[i]);
        assert_ok(context, hd_tokenizer_save(tokenizer, context, path));
        hd_tokenizer_close(tokenizer);
        assert_ok(context, hd_tokenizer_open(context, path, &tokenizer));
        check_golden(context, goldens[i], tokenizer);
        hd_tokenizer_close(tokenizer);
    }
    unlink(path);
    heed_context_close(context);
}

/* A line of pairs.tsv: the tokenizer, two texts, whether special tokens are added, "id:start:end:type …". */
static void check_pair(heed_context *context, const heed_tokenizer *tokenizer, char **columns, hd_encoding *encoding) {
    hd_buffer got;
    hd_buffer_open(&got, context);
    hd_buffer_text(&got, "");
    size_t size = unescape(columns[1]);
    hd_encode_options options = {.add_special = columns[3][0] == '1', .second = columns[2]};
    options.second_size = unescape(columns[2]);
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, columns[1], size, &options, encoding));
    for (size_t i = 0; i < encoding->count; i++)
        hd_buffer_format(&got, i ? " %d:%u:%u:%u" : "%d:%u:%u:%u", encoding->ids[i], encoding->starts[i],
                         encoding->ends[i], encoding->types[i]);
    assert_string_equal(got.data, columns[4]);
    hd_buffer_close(&got);
}

static void encodes_pairs_as_tokenizers_does(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = NULL;
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, golden_path("pairs", ".tsv"), &file));
    hd_encoding encoding = {0};
    char *rest = file.data, *line, *columns[5], *name = "";
    int lines = 0;
    while ((line = strsep(&rest, "\n")) && rest) {
        for (int i = 0; i < 5; i++) assert_non_null(columns[i] = strsep(&line, "\t"));
        if (strcmp(columns[0], name) != 0) {
            hd_tokenizer_close(tokenizer);
            tokenizer = open_golden(context, name = columns[0]);
        }
        check_pair(context, tokenizer, columns, &encoding);
        lines++;
    }
    assert_true(lines > 100);
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&file);
    heed_context_close(context);
}

static void finds_tokens(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "marian");
    assert_int_equal(hd_tokenizer_size(tokenizer), 300);
    assert_int_equal(hd_tokenizer_id(tokenizer, "</s>"), 0);
    assert_int_equal(hd_tokenizer_special(tokenizer, "<unk>"), 1);
    assert_int_equal(hd_tokenizer_unknown(tokenizer), 1);
    assert_int_equal(hd_tokenizer_special(tokenizer, "<pad>"), 299);
    assert_int_equal(hd_tokenizer_special(tokenizer, "a"), -1);
    assert_int_equal(hd_tokenizer_id(tokenizer, "no such token"), -1);
    assert_string_equal(hd_tokenizer_token(tokenizer, 299), "<pad>");
    assert_null(hd_tokenizer_token(tokenizer, 300));
    assert_null(hd_tokenizer_token(tokenizer, -1));
    for (int32_t id = 0; id < 300; id++)
        assert_int_equal(hd_tokenizer_id(tokenizer, hd_tokenizer_token(tokenizer, id)), id);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* In a run of bytes that is not valid UTF-8 each byte becomes U+FFFD, as in tokenizers.decoders.ByteFallback. */
static void bytes_that_spell_nothing_are_replaced(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "llama");
    const int32_t ids[] = {hd_tokenizer_id(tokenizer, "a"),      hd_tokenizer_id(tokenizer, "<0xE2>"),
                           hd_tokenizer_id(tokenizer, "<0x82>"), hd_tokenizer_id(tokenizer, "b"),
                           hd_tokenizer_id(tokenizer, "<0xC3>"), hd_tokenizer_id(tokenizer, "<0xA9>")};
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_tokenizer_decode(tokenizer, ids, HD_COUNT(ids), false, &text));
    assert_string_equal(text.data,
                        "a\xEF\xBF\xBD\xEF\xBF\xBD"
                        "b\xC3\xA9");
    hd_buffer_close(&text);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- dropout, threads, length ----------------------------------------------------------------------------------- */

static void dropout_is_a_function_of_its_key(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "marian");
    static const char text[] = "The red dog runs, and another garden sleeps.";
    hd_encode_options options = {.dropout = 0.3f, .key = hd_random_key_make(1, HD_RANDOM_DROPOUT, 0)};
    hd_encoding plain = {0}, a = {0}, b = {0};
    hd_buffer back;
    hd_buffer_open(&back, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, strlen(text), false, &plain));
    int differ = 0;
    for (options.example = 0; options.example < 20; options.example++) {
        assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &a));
        assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &b));
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.ids, b.ids, a.count * sizeof *a.ids);
        differ += a.count != plain.count;
        hd_buffer_clear(&back);
        assert_ok(context, hd_tokenizer_decode(tokenizer, a.ids, a.count, true, &back));
        assert_string_equal(back.data, text);
    }
    assert_true(differ > 10);
    options.dropout = 1;
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text, strlen(text), &options, &a));
    assert_int_equal(a.count, strlen(text) + 1); /* one per character, and the "▁" before the first */
    hd_buffer_close(&back);
    hd_encoding_close(&plain), hd_encoding_close(&a), hd_encoding_close(&b);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static const heed_tokenizer *shared_tokenizer;

static void encode_many_times(void *argument, int64_t piece, int worker) {
    (void)worker;
    int *wrong = argument;
    heed_context *context = NULL;
    hd_encoding encoding = {0};
    heed_context_open(&context);
    static const char text[] = "Zwei Hunde, gr\xC3\xB6\xC3\x9F und gr\xC3\xBCn </s> x";
    size_t count = 0;
    for (int i = 0; i < 100; i++) {
        if (hd_tokenizer_encode(shared_tokenizer, context, text, strlen(text), true, &encoding) != HEED_OK)
            wrong[piece]++;
        if (i && encoding.count != count) wrong[piece]++;
        count = encoding.count;
    }
    hd_encoding_close(&encoding);
    heed_context_close(context);
}

static void threads_share_a_tokenizer(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer = open_golden(context, "nfkd");
    shared_tokenizer = tokenizer;
    int wrong[8] = {0};
    assert_ok(context, heed_context_set_threads(context, 4));
    hd_parallel_for(context, 8, INT64_MAX, encode_many_times, wrong);
    for (int i = 0; i < 8; i++) assert_int_equal(wrong[i], 0);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* Time must not be quadratic in the length of a word: each of these would then take minutes. */
static void long_words_take_no_time(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char *const units[] = {"a", "the", "garden", "\xCC\x81\xCC\xA3", "\xF0\x9F\x98\x80", "\xE2\x96\x81",
                                        "<s"};
    hd_buffer text;
    hd_buffer_open(&text, context);
    hd_encoding encoding = {0};
    clock_t start = clock(); /* CPU time, so that a busy machine does not make the test fail */
    for (size_t g = 0; g < HD_COUNT(goldens); g++) {
        heed_tokenizer *tokenizer = open_golden(context, goldens[g]);
        for (size_t i = 0; i < HD_COUNT(units); i++) {
            hd_buffer_clear(&text);
            while (text.size < 100000) hd_buffer_text(&text, units[i]);
            assert_ok(context, hd_tokenizer_encode(tokenizer, context, text.data, text.size, true, &encoding));
        }
        hd_tokenizer_close(tokenizer);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 60);
    hd_encoding_close(&encoding);
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* ---- Unicode ---------------------------------------------------------------------------------------------------- */

static void broken_utf8_becomes_replacement_characters(void **state) {
    (void)state; /* expected counts from Python's bytes.decode("utf-8", "replace") */
    static const struct {
        const char *bytes;
        size_t characters;
    } cases[] = {{"\xff", 1},
                 {"\xc0\xaf", 2},
                 {"\xe2\x82", 1},
                 {"\xe2\x82"
                  "a",
                  2},
                 {"\xed\xa0\x80", 3},
                 {"\xf0\x9f\x98", 1},
                 {"\xf0\x8f\x98\x80", 4},
                 {"\xf4\x90\x80\x80", 4},
                 {"\xe0\x9f\x80", 3},
                 {"\xf0\x9f\x98\x80", 1},
                 {"\x80", 1}};
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        size_t size = strlen(cases[i].bytes), count = 0;
        for (size_t at = 0; at < size; count++) {
            uint32_t code;
            at += hd_utf8_decode(cases[i].bytes + at, size - at, &code);
            assert_true(at <= size);
        }
        assert_int_equal(count, cases[i].characters);
    }
    for (uint32_t code = 0; code < 0x110000; code++) {
        if (code >= 0xD800 && code < 0xE000) continue;
        char bytes[4];
        uint32_t back;
        size_t size = hd_utf8_encode(code, bytes);
        assert_int_equal(hd_utf8_decode(bytes, size, &back), size);
        assert_int_equal(back, code);
    }
    assert_true(hd_utf8_valid("a\xEF\xBF\xBD", 4));
    assert_false(hd_utf8_valid("a\xEF\xBF", 3));
    assert_false(hd_utf8_valid("\x80", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_as_tokenizers_does),
        cmocka_unit_test(saved_files_open_as_the_same_tokenizer),
        cmocka_unit_test(encodes_pairs_as_tokenizers_does),
        cmocka_unit_test(finds_tokens),
        cmocka_unit_test(bytes_that_spell_nothing_are_replaced),
        cmocka_unit_test(dropout_is_a_function_of_its_key),
        cmocka_unit_test(threads_share_a_tokenizer),
        cmocka_unit_test(long_words_take_no_time),
        cmocka_unit_test(broken_utf8_becomes_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
