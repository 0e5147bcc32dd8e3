/* text: every code point through every component, and many regular expressions, against the sums of tokenizers
 * (golden/unicode/make.py). */
#include "text_goldens.h"

#include "text/unicode.h"

#include <jansson.h>

/* CRC-32 as in zlib, continued from `crc`. */
static uint32_t sum_bytes(uint32_t crc, const char *bytes, size_t size) {
    static uint32_t table[256];
    for (uint32_t i = 1; !table[255] && i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xEDB88320u ^ value >> 1 : value >> 1;
        table[i] = value;
    }
    crc = ~crc;
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ (uint8_t)bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint32_t sum_pieces(uint32_t crc, const hd_line *line) {
    for (size_t i = 0; i < line->segment_count; i++) {
        const hd_character *piece = line->characters + line->segments[i].first;
        char text[32];
        int size = snprintf(text, sizeof text, "%u %u ", piece[0].start, piece[line->segments[i].count - 1].end);
        crc = sum_bytes(crc, text, (size_t)size);
    }
    return crc;
}

static uint32_t sum_text(const hd_line *line) {
    uint32_t crc = 0;
    for (size_t i = 0; i < line->count; i++) {
        char bytes[4];
        crc = sum_bytes(crc, bytes, hd_utf8_encode(line->characters[i].code, bytes));
    }
    return crc;
}

/* A tokenizer of one component, or NULL if heed refuses it. */
static heed_tokenizer *open_component(heed_context *context, const char *key, const json_t *component) {
    char *text = json_dumps(component, JSON_COMPACT), *file = NULL;
    assert_non_null(text);
    assert_true(asprintf(&file, "{\"%s\":%s,\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", key, text) > 0);
    heed_tokenizer *tokenizer;
    hd_tokenizer_parse(context, "golden", file, strlen(file), &tokenizer);
    free(file);
    free(text);
    return tokenizer;
}

static json_t *open_json(const char *name) {
    json_error_t error;
    json_t *root = json_load_file(name, 0, &error);
    if (!root) fail_msg("%s: %s", name, error.text);
    return root;
}

/* All code points of a plane, each followed by `between`. */
static void put_plane(hd_buffer *out, uint32_t plane, char between) {
    hd_buffer_clear(out);
    for (uint32_t code = plane << 16; code < (plane + 1) << 16; code++) {
        char bytes[4];
        if (code >= 0xD800 && code < 0xE000) continue;
        hd_buffer_append(out, bytes, hd_utf8_encode(code, bytes));
        hd_buffer_byte(out, between);
    }
}

static void check_planes(heed_context *context, const json_t *row, hd_line *line, hd_line *spare) {
    const json_t *normalizer = json_object_get(row, "normalizer"), *other = json_object_get(row, "pre_tokenizer");
    heed_tokenizer *tokenizer =
        open_component(context, normalizer ? "normalizer" : "pre_tokenizer", normalizer ? normalizer : other);
    assert_non_null(tokenizer);
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (uint32_t plane = 0; plane < 17; plane++) {
        put_plane(&text, plane, normalizer ? '\n' : 'x');
        hd_tokenizer_words(tokenizer, text.data, text.size, line, spare);
        assert_false(line->failed || text.failed);
        char sum[16];
        snprintf(sum, sizeof sum, "%08x", normalizer ? sum_text(line) : sum_pieces(0, line));
        const char *expected = json_string_value(json_array_get(json_object_get(row, "sums"), plane));
        char *name = json_dumps(row, 0);
        if (strcmp(sum, expected) != 0) print_error("plane %u differs: %.120s\n", plane, name);
        free(name);
        assert_string_equal(sum, expected);
    }
    hd_buffer_close(&text);
    hd_tokenizer_close(tokenizer);
}

static void every_code_point(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_line line, spare;
    hd_line_open(&line, context);
    hd_line_open(&spare, context);
    json_t *rows = open_json(GOLDEN "/unicode/planes.json");
    for (size_t i = 0; i < json_array_size(rows); i++) check_planes(context, json_array_get(rows, i), &line, &spare);
    assert_true(json_array_size(rows) > 50);
    json_decref(rows);
    hd_line_close(&line);
    hd_line_close(&spare);
    heed_context_close(context);
}

static uint32_t sum_texts(const heed_tokenizer *tokenizer, const json_t *texts, hd_line *line, hd_line *spare) {
    uint32_t crc = 0;
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        hd_tokenizer_words(tokenizer, json_string_value(text), json_string_length(text), line, spare);
        assert_false(line->failed);
        crc = sum_pieces(crc, line);
        crc = sum_bytes(crc, "\n", 1);
    }
    return crc;
}

static void patterns_split_as_in_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_line line, spare;
    hd_line_open(&line, context);
    hd_line_open(&spare, context);
    json_t *root = open_json(GOLDEN "/unicode/patterns.json"), *rows = json_object_get(root, "patterns");
    size_t different = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *pattern = json_string_value(json_array_get(json_array_get(rows, i), 0));
        const char *expected = json_string_value(json_array_get(json_array_get(rows, i), 1));
        json_t *split =
            json_pack("{s:s,s:{s:s},s:s}", "type", "Split", "pattern", "Regex", pattern, "behavior", "Isolated");
        heed_tokenizer *tokenizer = open_component(context, "pre_tokenizer", split);
        char sum[16] = "refused";
        if (tokenizer)
            snprintf(sum, sizeof sum, "%08x", sum_texts(tokenizer, json_object_get(root, "texts"), &line, &spare));
        if (strcmp(sum, expected ? expected : "refused") != 0) {
            print_error("%s: %s, expected %s\n", pattern, sum, expected ? expected : "refused");
            different++;
        }
        hd_tokenizer_close(tokenizer);
        json_decref(split);
    }
    assert_int_equal(different, 0);
    assert_true(json_array_size(rows) > 500);
    json_decref(root);
    hd_line_close(&line);
    hd_line_close(&spare);
    heed_context_close(context);
}

/* Backtracking without end is an error with the names of the file and the pattern, not a different split. */
static void endless_patterns_are_errors(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char file[] =
        "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?:a|aa)+$b\"},"
        "\"behavior\":\"Isolated\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}";
    heed_tokenizer *tokenizer;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_parse(context, "m/tokenizer.json", file, strlen(file), &tokenizer));
    char text[101];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'c';
    assert_int_equal(hd_tokenizer_encode(tokenizer, context, text, sizeof text, false, &encoding), HEED_LENGTH);
    const char *message = heed_context_message(context);
    assert_non_null(strstr(message, "m/tokenizer.json: "));
    assert_non_null(strstr(message, "(?:a|aa)+$b"));
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(patterns_split_as_in_tokenizers),
        cmocka_unit_test(endless_patterns_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
