/* text: a tiny tokenizer for each component and each value of its options gives the ids, offsets, types and decoded text of
 * tokenizers for adversarial texts (golden/text/make_components.py), also when it has been saved. */
#include "text_goldens.h"

#include "text/stream.h"
#include "text/unicode.h"

/* A tokenizer of the file, and the one that is read from what it writes. */
typedef struct opened {
    heed_context *context;
    const char *name, *model;
    heed_tokenizer *tokenizers[2];
    hd_encoding encoding;
    hd_buffer text;
    int count;
} opened;

static void close_tokenizers(opened *it) {
    for (int i = 0; i < 2; i++) {
        hd_tokenizer_close(it->tokenizers[i]);
        it->tokenizers[i] = NULL;
    }
}

/* `parts` is the file but for its model. */
static void open_tokenizer(opened *it, const char *parts) {
    hd_buffer saved, again;
    hd_buffer_open(&saved, it->context);
    hd_buffer_open(&again, it->context);
    hd_buffer_clear(&it->text);
    hd_buffer_format(&it->text, "%.*s,\"model\":%s}", (int)strlen(parts) - 1, parts, it->model);
    close_tokenizers(it);
    assert_ok(it->context, hd_tokenizer_parse(it->context, it->name, it->text.data, it->text.size, &it->tokenizers[0]));
    assert_ok(it->context, hd_tokenizer_write(it->tokenizers[0], &saved));
    assert_ok(it->context, hd_tokenizer_parse(it->context, it->name, saved.data, saved.size, &it->tokenizers[1]));
    assert_ok(it->context, hd_tokenizer_write(it->tokenizers[1], &again));
    assert_string_equal(saved.data, again.data);
    hd_buffer_close(&saved);
    hd_buffer_close(&again);
    it->count++;
}

static void check_text(opened *it, const heed_tokenizer *tokenizer, const char *text, size_t size, const char *second,
                       size_t second_size, const char *expected) {
    const hd_truncation *truncation = hd_tokenizer_truncation(tokenizer);
    hd_encode_options options = {.add_special = true,
                                 .second = second,
                                 .second_size = second_size,
                                 .truncation = truncation->present ? truncation : NULL};
    assert_ok(it->context, hd_tokenizer_encode_with(tokenizer, it->context, text, size, &options, &it->encoding));
    hd_buffer_clear(&it->text);
    hd_buffer_text(&it->text, "");
    for (size_t i = 0; i < it->encoding.count; i++)
        hd_buffer_format(&it->text, i ? " %d:%u:%u:%u" : "%d:%u:%u:%u", it->encoding.ids[i], it->encoding.starts[i],
                         it->encoding.ends[i], it->encoding.types[i]);
    if (strcmp(it->text.data, expected) != 0)
        fail_msg("%s: \"%s\"\nis   %s\nnot  %s", it->name, text, it->text.data, expected);
}

/* Where character `number` of the text begins. */
static uint32_t byte_of(const char *text, size_t size, uint32_t number) {
    size_t at = 0;
    uint32_t code;
    for (; number && at < size; number--) at += hd_utf8_decode(text + at, size - at, &code);
    return (uint32_t)at;
}

/* The offsets in bytes are those in characters. */
static void check_bytes(opened *it, const heed_tokenizer *tokenizer, const char *text, size_t size) {
    hd_encoding bytes = {0};
    hd_encode_options options = {.add_special = true, .byte_offsets = true};
    assert_ok(it->context, hd_tokenizer_encode(tokenizer, it->context, text, size, true, &it->encoding));
    assert_ok(it->context, hd_tokenizer_encode_with(tokenizer, it->context, text, size, &options, &bytes));
    assert_int_equal(bytes.count, it->encoding.count);
    for (size_t i = 0; i < bytes.count; i++) {
        assert_int_equal(bytes.starts[i], byte_of(text, size, it->encoding.starts[i]));
        assert_int_equal(bytes.ends[i], byte_of(text, size, it->encoding.ends[i]));
    }
    hd_encoding_close(&bytes);
}

static void check_ids(opened *it, const heed_tokenizer *tokenizer, const char *ids, const char *expected, size_t size) {
    int32_t numbers[1024];
    size_t count = 0;
    for (char *at = (char *)ids, *end; count < HD_COUNT(numbers); at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        numbers[count++] = (int32_t)id;
    }
    hd_buffer_clear(&it->text);
    hd_buffer_text(&it->text, "");
    assert_ok(it->context, hd_tokenizer_decode(tokenizer, numbers, count, true, &it->text));
    if (it->text.size != size || memcmp(it->text.data, expected, size) != 0)
        fail_msg("%s: %s is decoded to \"%s\", not \"%s\"", it->name, ids, it->text.data, expected);
}

static void check_line(opened *it, char *line) {
    char *columns[4] = {NULL};
    size_t sizes[4] = {0};
    for (int i = 0; i < 4 && line; i++) {
        columns[i] = strsep(&line, "\t");
        sizes[i] = unescape(columns[i]);
    }
    if (strcmp(columns[0], "model") == 0) it->model = columns[1];
    if (strcmp(columns[0], "tokenizer") == 0) {
        it->name = columns[1];
        open_tokenizer(it, columns[2]);
    }
    for (int i = 0; i < 2; i++) {
        if (strcmp(columns[0], "text") == 0)
            check_text(it, it->tokenizers[i], columns[1], sizes[1], NULL, 0, columns[2]);
        if (strcmp(columns[0], "text") == 0) check_bytes(it, it->tokenizers[i], columns[1], sizes[1]);
        if (strcmp(columns[0], "pair") == 0)
            check_text(it, it->tokenizers[i], columns[1], sizes[1], columns[2], sizes[2], columns[3]);
        if (strcmp(columns[0], "ids") == 0) check_ids(it, it->tokenizers[i], columns[1], columns[2], sizes[2]);
    }
}

static void each_component_does_as_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer file;
    opened it = {.context = context};
    hd_buffer_open(&file, context);
    hd_buffer_open(&it.text, context);
    assert_ok(context, hd_file_read(context, golden_path("components", ".txt"), &file));
    char *rest = file.data, *line;
    while ((line = strsep(&rest, "\n")) && rest) check_line(&it, line);
    assert_true(it.count > 170);
    close_tokenizers(&it);
    hd_encoding_close(&it.encoding);
    hd_buffer_close(&it.text);
    hd_buffer_close(&file);
    heed_context_close(context);
}

/* ---- truncation ------------------------------------------------------------------------------------------------- */

static const char pairs_json[] =
    "{\"truncation\":{\"max_length\":7,\"strategy\":\"LongestFirst\",\"stride\":0,\"direction\":\"Right\"},"
    "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"c\",2],\"sep\":[\"s\",3]},"
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"s\":3},\"merges\":[]}}";

/* Nothing is cut unless a caller wants it, and what is cut is counted. */
static void truncation_is_counted(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_parse(context, "t", pairs_json, strlen(pairs_json), &tokenizer));
    hd_truncation limit = *hd_tokenizer_truncation(tokenizer);
    assert_int_equal(limit.longest, 7);
    hd_encode_options options = {.add_special = true, .second = "bbbbbb", .second_size = 6};
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, "aaa", 3, &options, &encoding));
    assert_int_equal(encoding.count, 12);
    assert_int_equal(encoding.cut[0] + encoding.cut[1], 0);
    options.truncation = &limit;
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, "aaa", 3, &options, &encoding));
    static const int32_t expected[] = {2, 0, 0, 3, 1, 1, 3};
    assert_int_equal(encoding.count, 7);
    assert_memory_equal(encoding.ids, expected, sizeof expected);
    assert_int_equal(encoding.cut[0], 1);
    assert_int_equal(encoding.cut[1], 4);
    limit.strategy = HD_TRUNCATE_FIRST; /* it has fewer tokens than must go */
    assert_int_equal(hd_tokenizer_encode_with(tokenizer, context, "aaa", 3, &options, &encoding), HEED_LENGTH);
    limit.strategy = HD_TRUNCATE_SECOND;
    assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, "aaa", 3, &options, &encoding));
    assert_int_equal(encoding.cut[1], 5);
    limit.longest = 2; /* fewer than the special tokens */
    assert_int_equal(hd_tokenizer_encode_with(tokenizer, context, "aaa", 3, &options, &encoding), HEED_LENGTH);
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- size ------------------------------------------------------------------------------------------------------- */

/* Encodes `unit` repeated to `size` bytes; returns the number of tokens. */
static size_t encode_long(heed_context *context, const char *json, const char *unit, size_t size,
                          hd_encoding *encoding) {
    heed_tokenizer *tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, context);
    while (text.size < size) hd_buffer_text(&text, unit);
    assert_ok(context, hd_tokenizer_parse(context, "t", json, strlen(json), &tokenizer));
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text.data, text.size, true, encoding));
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&text);
    return encoding->count;
}

/* A word of ten megabytes is encoded whole, also where a pattern runs over all of it. */
static void words_may_have_ten_megabytes(void **state) {
    (void)state;
    enum { SIZE = 10000000 };
    static const char words[] =
        "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},"
        "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{L}+\"},\"behavior\":\"Isolated\","
        "\"invert\":false},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\",\"vocab\":{\"u\":0}}}";
    static const char pairs[] =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"abab\":3},"
        "\"merges\":[[\"a\",\"b\"],[\"ab\",\"ab\"]]}}";
    heed_context *context = open_context();
    hd_encoding encoding = {0};
    assert_int_equal(encode_long(context, words, "a", SIZE, &encoding), 1);
    assert_int_equal(encoding.ends[0], SIZE);
    assert_int_equal(encode_long(context, words, " ", SIZE, &encoding), 1);
    assert_int_equal(encode_long(context, pairs, "ab", SIZE, &encoding), SIZE / 4);
    assert_int_equal(encoding.ends[SIZE / 4 - 1], SIZE);
    hd_encoding_close(&encoding);
    heed_context_close(context);
}

/* Thousands of added tokens with the same front cost no more than one at each place where they might begin. */
static void many_added_tokens_with_one_front(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_encoding encoding = {0};
    hd_buffer json;
    hd_buffer_open(&json, context);
    hd_buffer_text(&json, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"<\":0},\"merges\":[]},\"added_tokens\":[");
    for (int i = 0; i < 20000; i++)
        hd_buffer_format(&json, "%s{\"id\":%d,\"content\":\"<%d>\"}", i ? "," : "", i + 1, i);
    hd_buffer_text(&json, "]}");
    assert_int_equal(encode_long(context, json.data, "<", 1000000, &encoding), 1000000);
    assert_int_equal(encode_long(context, json.data, "<19999><1>", 10, &encoding), 2);
    assert_int_equal(encoding.ids[0], 20000);
    assert_int_equal(encoding.ids[1], 2);
    hd_buffer_close(&json);
    hd_encoding_close(&encoding);
    heed_context_close(context);
}

/* A file that is nested too deeply is one error, whatever is nested. */
static void deep_files_are_refused(void **state) {
    (void)state;
    static const char *const nested[][2] = {
        {"[", "]"}, {"{\"a\":", "}"}, {"{\"type\":\"Sequence\",\"normalizers\":[", "]}"}};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(nested); i++) {
        heed_tokenizer *tokenizer;
        hd_buffer json;
        hd_buffer_open(&json, context);
        hd_buffer_text(&json, "{\"normalizer\":");
        for (int depth = 0; depth < 10000; depth++) hd_buffer_text(&json, nested[i][0]);
        hd_buffer_text(&json, "1");
        for (int depth = 0; depth < 10000; depth++) hd_buffer_text(&json, nested[i][1]);
        hd_buffer_byte(&json, '}');
        assert_int_equal(hd_tokenizer_parse(context, "t.json", json.data, json.size, &tokenizer), HEED_FORMAT);
        assert_non_null(strstr(heed_context_message(context), "t.json: "));
        assert_non_null(strstr(heed_context_message(context), "depth"));
        hd_buffer_close(&json);
    }
    heed_context_close(context);
}

/* ---- streaming -------------------------------------------------------------------------------------------------- */

/* Streams the ids one by one as generate does; returns the text that is passed on in `out`. */
static void stream_ids(heed_context *context, const heed_tokenizer *tokenizer, const int32_t *ids, size_t count,
                       hd_buffer *out) {
    hd_buffer text;
    size_t streamed = 0;
    hd_buffer_open(&text, context);
    for (size_t i = 1; i <= count + 1; i++) {
        size_t first;
        hd_buffer_clear(&text);
        assert_ok(context, hd_tokenizer_decode(tokenizer, ids, i < count ? i : count, true, &text));
        size_t end = hd_stream_next(text.data ? text.data : "", text.size, streamed, i > count, &first);
        if (end > first) {
            assert_true(end <= text.size);
            assert_true(hd_utf8_valid(text.data + first, end - first)); /* no character is split */
            hd_buffer_append(out, text.data + first, end - first);
        }
        streamed = end;
    }
    hd_buffer_close(&text);
}

static const char byte_tokens[] = "\"model\":{\"type\":\"BPE\",\"vocab\":{%s},\"merges\":[]}}";

static heed_tokenizer *open_bytes(heed_context *context, const char *decoder, bool characters) {
    heed_tokenizer *tokenizer;
    hd_buffer vocabulary, json;
    hd_buffer_open(&vocabulary, context);
    hd_buffer_open(&json, context);
    for (int byte = 0; byte < 256; byte++) {
        char text[8];
        if (characters)
            text[hd_utf8_encode(hd_byte_character((uint8_t)byte), text)] = 0;
        else
            snprintf(text, sizeof text, "<0x%02X>", byte);
        bool escaped = characters && (byte == '"' || byte == '\\');
        hd_buffer_format(&vocabulary, "%s\"%s%s\":%d", byte ? "," : "", escaped ? "\\" : "", text, byte);
    }
    hd_buffer_format(&json, "{\"decoder\":{\"type\":\"%s\"},", decoder);
    hd_buffer_format(&json, byte_tokens, vocabulary.data);
    assert_ok(context, hd_tokenizer_parse(context, "t", json.data, json.size, &tokenizer));
    hd_buffer_close(&vocabulary);
    hd_buffer_close(&json);
    return tokenizer;
}

/* Whatever bytes come, whole characters are passed on; valid text is passed on as it is. */
static void streams_never_split_a_character(void **state) {
    (void)state;
    static const char valid[] = "a\u00e9\u20ac\U0001f600\u4e2d z";
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    for (int kind = 0; kind < 2; kind++) {
        heed_tokenizer *tokenizer = open_bytes(context, kind ? "ByteLevel" : "ByteFallback", kind);
        int32_t ids[24];
        for (size_t i = 0; i < strlen(valid); i++) ids[i] = (uint8_t)valid[i];
        hd_buffer_clear(&out);
        stream_ids(context, tokenizer, ids, strlen(valid), &out);
        hd_buffer_byte(&out, 0);
        assert_string_equal(out.data, valid);
        uint32_t random = 1;
        for (int round = 0; round < 3000; round++) {
            for (size_t i = 0; i < HD_COUNT(ids); i++) {
                random = random * 1664525u + 1013904223u;
                static const uint8_t bytes[] = {'a', 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0xFF};
                ids[i] = bytes[(random >> 16) % sizeof bytes];
            }
            hd_buffer_clear(&out);
            stream_ids(context, tokenizer, ids, HD_COUNT(ids), &out);
        }
        hd_tokenizer_close(tokenizer);
    }
    hd_buffer_close(&out);
    heed_context_close(context);
}

/* ---- notes ------------------------------------------------------------------------------------------------------ */

static void remember(void *user, const char *message) {
    hd_buffer *notes = user;
    hd_buffer_text(notes, message);
    hd_buffer_byte(notes, '\n');
}

/* Dropout of the file is for training: noted once when the file is opened, kept, and without effect. */
static void dropout_of_the_file_is_noted(void **state) {
    (void)state;
    static const char json[] =
        "{\"model\":{\"type\":\"BPE\",\"dropout\":0.5,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},"
        "\"merges\":[[\"a\",\"b\"]]}}";
    heed_context *context = open_context();
    hd_buffer notes, saved;
    hd_buffer_open(&notes, context);
    hd_buffer_open(&saved, context);
    heed_context_set_log(context, remember, &notes);
    heed_tokenizer *tokenizer;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_parse(context, "t.json", json, strlen(json), &tokenizer));
    for (int i = 0; i < 20; i++) {
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, "ab", 2, true, &encoding));
        assert_int_equal(encoding.count, 1);
    }
    assert_string_equal(notes.data, "t.json: its BPE-dropout of 0.5 is ignored; texts are encoded without dropout\n");
    assert_ok(context, hd_tokenizer_write(tokenizer, &saved));
    assert_non_null(strstr(saved.data, "\"dropout\": 0.5"));
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&notes);
    hd_buffer_close(&saved);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_component_does_as_tokenizers), cmocka_unit_test(truncation_is_counted),
        cmocka_unit_test(dropout_of_the_file_is_noted),      cmocka_unit_test(words_may_have_ten_megabytes),
        cmocka_unit_test(many_added_tokens_with_one_front),  cmocka_unit_test(deep_files_are_refused),
        cmocka_unit_test(streams_never_split_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
