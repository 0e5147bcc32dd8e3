/* text: tokenizers of SentencePiece's world give the results of tokenizers and transformers (golden/sentencepiece/make.py),
 * and damaged files are errors. */
#include "failing.h"
#include "text_goldens.h"

#include "base/file.h"
#include "text/charsmap.h"
#include "text/folder.h"
#include "text/sentencepiece_tokenizer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Each is a folder of golden/sentencepiece. */
static const char *const goldens[] = {"plain",
                                      "old",
                                      "bytes",
                                      "positive",
                                      "mapped",
                                      "t5",
                                      "xlm-roberta",
                                      "camembert",
                                      "mbart",
                                      "mbart50",
                                      "nllb",
                                      "albert",
                                      "deberta",
                                      "pegasus",
                                      "llama",
                                      "gemma",
                                      "own",
                                      "own-unigram",
                                      "own-renamed",
                                      "marian",
                                      "m2m",
                                      "marian-targets",
                                      "marian-separate"};

static const char *folder_path(const char *name, const char *file) {
    static char path[1024];
    snprintf(path, sizeof path, GOLDEN "/sentencepiece/%s/%s", name, file);
    return path;
}

static void expect_encoding(heed_context *context, const heed_tokenizer *tokenizer, const char *name,
                            const json_t *golden) {
    const json_t *text = json_object_get(golden, "text"), *ids = json_object_get(golden, "ids");
    const json_t *offsets = json_object_get(golden, "offsets"), *decoded = json_object_get(golden, "decoded");
    hd_encoding encoding = {0};
    hd_buffer out;
    hd_buffer_open(&out, context);
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, json_string_value(text), json_string_length(text), true,
                                           &encoding));
    bool equal = encoding.count == json_array_size(ids);
    for (size_t i = 0; i < encoding.count && equal; i++) {
        const json_t *pair = json_array_get(offsets, i);
        equal = encoding.ids[i] == json_integer_value(json_array_get(ids, i));
        if (pair && equal)
            equal = encoding.starts[i] == json_integer_value(json_array_get(pair, 0)) &&
                    encoding.ends[i] == json_integer_value(json_array_get(pair, 1));
    }
    if (!equal) {
        print_message("%s: \"%s\"\n", name, json_string_value(text));
        for (size_t i = 0; i < encoding.count; i++)
            print_message(" %d:%u:%u", encoding.ids[i], encoding.starts[i], encoding.ends[i]);
        fail_msg("not the expected ids and offsets");
    }
    assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &out));
    if (json_is_string(decoded)) {
        if (out.size != json_string_length(decoded) || memcmp(out.data, json_string_value(decoded), out.size) != 0)
            fail_msg("%s: \"%s\" is decoded as \"%s\"", name, json_string_value(text), out.data ? out.data : "");
    }
    hd_buffer_close(&out);
    hd_encoding_close(&encoding);
}

/* Marian's and M2M-100's way of sentencepiece cannot be written as a tokenizer.json. */
static bool is_listed(const char *name) { return strncmp(name, "marian", 6) == 0 || strcmp(name, "m2m") == 0; }

static void results_are_those_of_tokenizers_and_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(goldens); i++) {
        json_t *list = json_load_file(folder_path(goldens[i], "goldens.json"), JSON_ALLOW_NUL, NULL), *golden;
        heed_tokenizer *tokenizer, *again;
        hd_buffer json;
        size_t index;
        assert_true(json_array_size(list) > 20);
        assert_ok(context, hd_tokenizer_open_folder(context, folder_path(goldens[i], ""), &tokenizer));
        hd_buffer_open(&json, context);
        again = NULL;
        if (is_listed(goldens[i])) {
            assert_int_equal(hd_tokenizer_write(tokenizer, &json), HEED_UNSUPPORTED);
        } else {
            assert_ok(context, hd_tokenizer_write(tokenizer, &json));
            assert_ok(context, hd_tokenizer_parse(context, "saved", json.data, json.size, &again));
        }
        json_array_foreach(list, index, golden) {
            expect_encoding(context, tokenizer, goldens[i], golden);
            if (again) expect_encoding(context, again, goldens[i], golden);
        }
        hd_buffer_close(&json);
        hd_tokenizer_close(again);
        hd_tokenizer_close(tokenizer);
        json_decref(list);
    }
    heed_context_close(context);
}

static void targets_may_have_their_own_tokenizer(void **state) {
    (void)state;
    static const char *const names[] = {"marian-targets", "marian-separate"};
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        json_t *list = json_load_file(folder_path(names[i], "targets.json"), JSON_ALLOW_NUL, NULL), *golden;
        size_t index;
        assert_true(json_array_size(list) > 20);
        assert_ok(context, hd_tokenizer_open_target(context, folder_path(names[i], ""), &tokenizer));
        assert_non_null(tokenizer);
        json_array_foreach(list, index, golden) expect_encoding(context, tokenizer, names[i], golden);
        hd_tokenizer_close(tokenizer);
        json_decref(list);
    }
    /* the same model on both sides, and other kinds of files */
    static const char *const others[] = {"marian", "m2m", "t5", "plain"};
    for (size_t i = 0; i < HD_COUNT(others); i++) {
        assert_ok(context, hd_tokenizer_open_target(context, folder_path(others[i], ""), &tokenizer));
        assert_null(tokenizer);
    }
    heed_context_close(context);
}

/* ---- damage --------------------------------------------------------------------------------------------------- */

static void expect_map_refused(heed_context *context, const void *bytes, size_t size, const char *reason) {
    hd_charsmap *map;
    assert_int_equal(hd_charsmap_open(context, "map", bytes, size, &map), HEED_FORMAT);
    assert_null(map);
    if (!strstr(heed_context_message(context), reason)) fail_msg("%s", heed_context_message(context));
}

static void damaged_character_maps_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    /* A size, a root with its child in unit 1 ^ 'a', and the text "X". */
    struct {
        uint32_t size, units[256];
        char text[2];
    } good = {.size = 1024, .text = "X"}, bad;
    const size_t size = sizeof good.size + sizeof good.units + 2;
    good.units[0] = 1 << 10;
    good.units[1 ^ 'a'] = 'a' | 0x100 | (uint32_t)(1 ^ 'a' ^ 2) << 10;
    good.units[2] = 1u << 31;
    hd_charsmap *map;
    assert_ok(context, hd_charsmap_open(context, "map", &good, size, &map));
    const char *text;
    size_t text_size;
    assert_int_equal(hd_charsmap_longest(map, "ab", 2, &text, &text_size), 1);
    assert_int_equal(text_size, 1);
    assert_int_equal(text[0], 'X');
    assert_int_equal(hd_charsmap_longest(map, "ba", 2, &text, &text_size), 0);
    hd_charsmap_close(map);
    expect_map_refused(context, "", 0, "no size");
    expect_map_refused(context, &good, 3, "no size");
    expect_map_refused(context, &good, 1027, "ends inside its array");
    bad = good, bad.size = UINT32_MAX;
    expect_map_refused(context, &bad, size, "ends inside its array");
    bad = good, bad.text[0] = (char)0xFF;
    expect_map_refused(context, &bad, size, "UTF-8");
    bad = good, bad.units[2] = 1u << 31 | 3;
    expect_map_refused(context, &bad, size, "offset of a text");
    bad = good, bad.units[2] = 0;
    expect_map_refused(context, &bad, size, "offset of a text");
    bad = good, bad.units[0] = 1u << 20;
    expect_map_refused(context, &bad, size, "outside its array");
    assert_int_equal(hd_charsmap_open_text(context, "map", "AAA", 3, &map), HEED_FORMAT);
    assert_int_equal(hd_charsmap_open_text(context, "map", "AA!=", 4, &map), HEED_FORMAT);
    assert_int_equal(hd_charsmap_open_text(context, "map", "AB==", 4, &map), HEED_FORMAT);
    heed_context_close(context);
}

#define UNIGRAM(fields) "{\"model\":{\"type\":\"Unigram\"," fields "}}"

static void damaged_unigram_models_are_refused(void **state) {
    (void)state;
    static const char *const files[] = {
        UNIGRAM("\"unk_id\":0"),
        UNIGRAM("\"unk_id\":0,\"vocab\":{}"),
        UNIGRAM("\"unk_id\":0,\"vocab\":[]"),
        UNIGRAM("\"unk_id\":1,\"vocab\":[[\"a\",0]]"),
        UNIGRAM("\"unk_id\":-1,\"vocab\":[[\"a\",0]]"),
        UNIGRAM("\"unk_id\":\"a\",\"vocab\":[[\"a\",0]]"),
        UNIGRAM("\"unk_id\":0,\"vocab\":[[\"a\"]]"),
        UNIGRAM("\"unk_id\":0,\"vocab\":[[0,\"a\"]]"),
        UNIGRAM("\"unk_id\":0,\"vocab\":[\"a\"]"),
    };
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    for (size_t i = 0; i < HD_COUNT(files); i++)
        assert_int_equal(hd_tokenizer_parse(context, "t", files[i], strlen(files[i]), &tokenizer), HEED_FORMAT);
    /* Without an unknown piece, only a text that needs one is an error. */
    static const char no_unknown[] = UNIGRAM("\"vocab\":[[\"a\",-1],[\"ab\",-2]]");
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_parse(context, "t", no_unknown, strlen(no_unknown), &tokenizer));
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, "aab", 3, true, &encoding));
    assert_int_equal(encoding.count, 2);
    assert_int_equal(hd_tokenizer_encode(tokenizer, context, "ba", 2, true, &encoding), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "unk_id"));
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* The scores of a word's paths are kept for as many bytes as the longest piece has. */
static void pieces_of_any_length_compete(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    static const char model[] = UNIGRAM("\"vocab\":[[\"a\",-1],[\"aaa\",-2.5],[\"aaaaaaaaaaaaaaaaa\",30]]");
    char text[100];
    hd_encoding encoding = {0};
    memset(text, 'a', sizeof text);
    assert_ok(context, hd_tokenizer_parse(context, "t", model, strlen(model), &tokenizer));
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, sizeof text, true, &encoding));
    assert_int_equal(encoding.count, 10); /* 5 of 17 and 5 of 3 */
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void damaged_models_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_sentencepiece model;
    hd_map file;
    assert_ok(context, hd_map_copy(context, folder_path("models", "fairseq.model"), &file));
    /* A prefix of the file has fewer pieces, or no settings, or ends inside a field. */
    for (size_t size = 0; size < file.size; size++) {
        heed_status status = hd_sentencepiece_parse(context, "m.model", file.data, size, &model);
        assert_true(status == HEED_OK || status == HEED_FORMAT);
        if (status != HEED_OK) assert_int_equal(strncmp(heed_context_message(context), "m.model: ", 9), 0);
        hd_sentencepiece_close(&model);
    }
    hd_map_close(&file);
    static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
    } cases[] = {
        {"", 0, "list of tokens"},
        {"\x0B", 1, "the file is damaged"},                                          /* a group */
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "the file is damaged"}, /* a field of 2^64 - 1 bytes */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, "the file is damaged"}, /* an endless number */
        {"\x0A\x03\x0A\x01\xFF", 5, "not UTF-8"},
        {"\x0A\x02\x0A\x00", 4, "is empty"},
        {"\x0A\x04\x0A\x02x\x00", 6, "is empty"}, /* a NUL inside */
        {"\x0A\x08\x0A\x01x\x15\x00\x00\xC0\x7F", 10, "not a finite number"},
        {"\x0A\x03\x0A\x01x", 5, "id 1"},
        {"\x0A\x03\x0A\x01x\x0A\x03\x0A\x01y\x0A\x03\x0A\x01z\x12\x03\xC0\x02\x09", 20, "id 9"},
        {"\x0A\x03\x0A\x01x\x0A\x03\x0A\x01y\x0A\x03\x0A\x01z\x12\x02\x18\x07", 19, "model_type is 7"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        assert_int_equal(hd_sentencepiece_parse(context, "m", cases[i].bytes, cases[i].size, &model), HEED_FORMAT);
        if (!strstr(heed_context_message(context), cases[i].reason))
            fail_msg("case %zu: %s", i, heed_context_message(context));
        hd_sentencepiece_close(&model);
    }
    heed_context_close(context);
}

static heed_status build(heed_context *context, const char *name, const char *settings, heed_tokenizer **tokenizer) {
    hd_sentencepiece model;
    hd_tokenizer_config config = {.context = context};
    heed_status status = hd_sentencepiece_open(context, folder_path("models", name), &model);
    if (status == HEED_OK)
        status = hd_json_open_bytes(context, "settings", settings, strlen(settings), HD_JSON_LENIENT, &config.options);
    *tokenizer = NULL;
    if (status == HEED_OK) status = hd_sentencepiece_tokenizer_build(context, name, &model, &config, tokenizer);
    hd_tokenizer_config_close(&config);
    hd_sentencepiece_close(&model);
    return status;
}

static void other_classes_are_refused_by_name(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    assert_int_equal(build(context, "fairseq.model", "{\"tokenizer_class\": \"XLNetTokenizer\"}", &tokenizer),
                     HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "fairseq.model: the tokenizer class XLNetTokenizer"));
    assert_int_equal(
        build(context, "fairseq.model", "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":-1}", &tokenizer),
        HEED_FORMAT);
    assert_int_equal(build(context, "fairseq.model",
                           "{\"tokenizer_class\":\"T5Tokenizer\",\"added_tokens_decoder\":{\"x\":1}}", &tokenizer),
                     HEED_FORMAT);
    heed_context_close(context);
}

static const char *failing_folder;

static heed_status open_and_encode(heed_context *context) {
    heed_tokenizer *tokenizer = NULL;
    hd_encoding encoding = {0};
    heed_tokenizer *target = NULL;
    heed_status status = hd_tokenizer_open_folder(context, folder_path(failing_folder, ""), &tokenizer);
    if (status == HEED_OK) status = hd_tokenizer_open_target(context, folder_path(failing_folder, ""), &target);
    hd_tokenizer_close(target);
    if (status == HEED_OK)
        status = hd_tokenizer_encode(tokenizer, context, "the dog \xE2\x91\xA0 \xEF\xAC\x81", 14, true, &encoding);
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    return status;
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    static const char *const folders[] = {"t5", "own", "mapped"};
    for (size_t i = 0; i < HD_COUNT(folders); i++) {
        failing_folder = folders[i];
        fail_each_allocation(open_and_encode);
    }
}

/* ---- training ------------------------------------------------------------------------------------------------- */

static heed_tokenizer *train(heed_context *context, const hd_buffer *text, size_t size) {
    corpus lines = {text->data, -1, false};
    const hd_tokenizer_options options = kind_options(HD_KIND_UNIGRAM, size, 1);
    heed_tokenizer *tokenizer;
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    return tokenizer;
}

static void expect_piece(const heed_tokenizer *tokenizer, const json_t *golden) {
    const char *text = json_string_value(json_array_get(golden, 0));
    double score = json_number_value(json_array_get(golden, 1));
    int32_t id = hd_tokenizer_id(tokenizer, text);
    if (id < 0) fail_msg("\"%s\" is not a piece", text);
    /* Characters that are no piece of their own get scores that depend on their order, which is random in tokenizers. */
    double difference = tokenizer->unigram.pieces[id].score - score;
    if (difference > 0.01 || difference < -0.01) fail_msg("\"%s\" differs by %g", text, difference);
}

static void expect_pieces(heed_context *context, const hd_buffer *text, size_t size, const char *golden) {
    heed_tokenizer *tokenizer = train(context, text, size);
    json_t *pieces = json_load_file(golden, 0, NULL), *piece;
    size_t index;
    assert_int_equal(json_array_size(pieces), hd_tokenizer_size(tokenizer));
    json_array_foreach(pieces, index, piece) expect_piece(tokenizer, piece);
    json_decref(pieces);
    hd_tokenizer_close(tokenizer);
}

static void unigram_training_finds_the_pieces_of_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text, one, other;
    hd_buffer_open(&text, context);
    hd_buffer_open(&one, context);
    hd_buffer_open(&other, context);
    assert_ok(context, hd_file_read(context, GOLDEN "/text/corpus.txt", &text));
    expect_pieces(context, &text, 4000, GOLDEN "/sentencepiece/trained-4000.json");
    expect_pieces(context, &text, 130, GOLDEN "/sentencepiece/trained-130.json");
    expect_pieces(context, &text, 90, GOLDEN "/sentencepiece/trained-90.json");
    /* Pieces are dropped until the vocabulary has its size, every time the same ones. */
    heed_tokenizer *tokenizer = train(context, &text, 100);
    heed_tokenizer *again = train(context, &text, 100);
    assert_int_equal(hd_tokenizer_size(tokenizer), 100);
    assert_ok(context, hd_tokenizer_write(tokenizer, &one));
    assert_ok(context, hd_tokenizer_write(again, &other));
    assert_string_equal(one.data, other.data);
    hd_tokenizer_close(again);
    hd_tokenizer_close(tokenizer);
    /* The characters alone are more than that. */
    corpus lines = {text.data, -1, false};
    const hd_tokenizer_options small = kind_options(HD_KIND_UNIGRAM, 20, 1);
    assert_int_equal(hd_tokenizer_train(context, &small, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "characters"));
    hd_buffer_close(&text);
    hd_buffer_close(&one);
    hd_buffer_close(&other);
    heed_context_close(context);
}

static heed_status train_small(heed_context *context) {
    corpus lines = {"the dog and the cat\nthe cat and the dog\nthen dogs\n", -1, false};
    const hd_tokenizer_options options = kind_options(HD_KIND_UNIGRAM, 24, 1);
    heed_tokenizer *tokenizer;
    heed_status status = hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer);
    hd_tokenizer_close(tokenizer);
    return status;
}

static void each_allocation_of_training_may_fail(void **state) {
    (void)state;
    fail_each_allocation(train_small);
}

static void folders_without_a_tokenizer_are_named(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    bool found;
    assert_ok(context, hd_tokenizer_find_in_folder(context, folder_path("plain", ""), &found));
    assert_true(found);
    assert_ok(context, hd_tokenizer_find_in_folder(context, GOLDEN, &found));
    assert_false(found);
    assert_int_equal(hd_tokenizer_open_folder(context, GOLDEN, &tokenizer), HEED_FILE);
    assert_null(tokenizer);
    assert_non_null(strstr(heed_context_message(context), "tokenizer.json"));
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_tokenizers_and_transformers),
        cmocka_unit_test(targets_may_have_their_own_tokenizer),
        cmocka_unit_test(damaged_character_maps_are_refused),
        cmocka_unit_test(damaged_unigram_models_are_refused),
        cmocka_unit_test(pieces_of_any_length_compete),
        cmocka_unit_test(damaged_models_are_refused),
        cmocka_unit_test(other_classes_are_refused_by_name),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(unigram_training_finds_the_pieces_of_tokenizers),
        cmocka_unit_test(each_allocation_of_training_may_fail),
        cmocka_unit_test(folders_without_a_tokenizer_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
