/* text: odd tokenizer.json files have the meaning that tokenizers 0.23 gives them, and special tokens can be read as text. */
#include "text_goldens.h"

#define VOCABULARY "\"<unk>\":0,\"a\":1,\"b\":2,\" \":3,\"ab\":4,\" a\":5"
#define BPE(unknown, more)                                                                  \
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"" unknown "\",\"vocab\":{" VOCABULARY more \
    "},\"merges\":[[\"a\",\"b\"],"                                                          \
    "[\" \",\"a\"]]}"
#define ADDED(id, text, special) "{\"id\":" #id ",\"content\":\"" text "\",\"special\":" #special "}"

/* Ids and decoded text are those of tokenizers 0.23.3. */
static const struct {
    const char *json, *text;
    int32_t ids[8]; /* up to the first -1 */
    const char *decoded;
} corners[] = {
    {"{\"added_tokens\":[" ADDED(6, "", false) "," ADDED(7, "<x>", false) "]," BPE("<unk>", "") "}",
     "<x>",
     {6, -1},
     "<x>"},
    {"{\"added_tokens\":[" ADDED(11, "ab", false) "]," BPE("<unk>", "") "}", "ab", {4, -1}, "ab"},
    {"{\"added_tokens\":[" ADDED(20, "<x>", false) "," ADDED(9, "<y>", false) "]," BPE("<unk>", "") "}",
     "<y>a<x>",
     {7, 1, 6, -1},
     "<y> a <x>"},
    {"{\"added_tokens\":[" ADDED(4, "<x>", true) "]," BPE("<unk>", "") "}", "ab<x>", {4, 6, -1}, "ab"},
    {"{\"added_tokens\":[" ADDED(6, "<x>", false) "," ADDED(6, "<y>", false) "]," BPE("<unk>", "") "}",
     "<x><y>",
     {6, 7, -1},
     "<x> <y>"},
    {"{\"added_tokens\":[" ADDED(8, "<x>", false) "]," BPE("<unk>", ",\"z\":500") "}", "z<x>", {500, 7, -1}, "z <x>"},
    {"{" BPE("<unk>", ",\"z\":4") "}", "az", {1, 4, -1}, "a ab"},
    {"{" BPE("<unk>", ",\"a\":12") "}", "a", {12, -1}, "a"},
    {"{" BPE("<nope>", "") "}", "ab", {4, -1}, "ab"},
    {"{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[]}," BPE("<unk>", "") "}", "ab a", {4, 5, -1}, "ab a"},
    {"{" BPE("<unk>", "") "}", "ab a", {4, 5, -1}, "ab  a"},
    {"{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[^ab ]+\"},\"content\":\"a\"}," BPE("<unk>",
                                                                                                         "") "}",
     "xyb",
     {4, -1},
     "ab"},
    {"{\"decoder\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(?<=a)b\"},\"content\":\"c\"}," BPE("<unk>", "") "}",
     "abb",
     {4, 2, -1},
     "acb"},
    /* two texts of the model with one id */
    {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1,\"b\":1,\"ab\":3},\"merges\":[[\"a\",\"b\"]]}}",
     "abba",
     {3, 3, -1},
     "ab ab"},
    /* an added token with the id of a token of the model, which a merge or unk_token names */
    {"{\"added_tokens\":[" ADDED(3, "<x>", false) "],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":1,\"b\":3,\"ab\":5},"
                                                  "\"merges\":[[\"a\",\"b\"]]}}",
     "ab<x>",
     {5, 3, -1},
     "ab <x>"},
    {"{\"added_tokens\":[" ADDED(2, "<x>", false) "],\"model\":{\"type\":\"BPE\",\"unk_token\":\"u\",\"vocab\":"
                                                  "{\"a\":1,\"u\":2},\"merges\":[]}}",
     "a?<x>",
     {1, 2, 2, -1},
     "a <x> <x>"},
    {"{\"added_tokens\":[" ADDED(
         2, "<x>",
         false) "],\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\","
                "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":9,\"vocab\":{\"a\":1,\"u\":2}}}",
     "?<x>",
     {2, 2, -1},
     "<x> <x>"},
    {"{\"added_tokens\":[" ADDED(2, "<x>", false) "],\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"u\","
                                                  "\"vocab\":{\"a\":1,\"u\":2}}}",
     "?<x>",
     {2, 2, -1},
     "<x> <x>"},
};

static void encode(heed_context *context, const heed_tokenizer *tokenizer, const char *text, const int32_t *ids,
                   hd_encoding *encoding) {
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, strlen(text), false, encoding));
    size_t count = 0;
    while (ids[count] >= 0) count++;
    assert_int_equal(encoding->count, count);
    assert_memory_equal(encoding->ids, ids, count * sizeof *ids);
}

static void files_mean_what_tokenizers_makes_of_them(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(corners); i++) {
        heed_tokenizer *tokenizer, *again;
        hd_encoding encoding = {0};
        hd_buffer out;
        hd_buffer_open(&out, context);
        assert_ok(context, hd_tokenizer_parse(context, "t", corners[i].json, strlen(corners[i].json), &tokenizer));
        encode(context, tokenizer, corners[i].text, corners[i].ids, &encoding);
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &out));
        assert_string_equal(out.data, corners[i].decoded);
        hd_buffer_clear(&out);
        assert_ok(context, hd_tokenizer_write(tokenizer, &out));
        assert_ok(context, hd_tokenizer_parse(context, "again", out.data, out.size, &again));
        encode(context, again, corners[i].text, corners[i].ids, &encoding);
        hd_tokenizer_close(again);
        hd_tokenizer_close(tokenizer);
        hd_encoding_close(&encoding);
        hd_buffer_close(&out);
    }
    heed_context_close(context);
}

static void a_missing_unknown_token_fails_the_texts_that_need_it(void **state) {
    (void)state;
    static const char *const files[] = {"{" BPE("<nope>", "") "}",
                                        "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<nope>\","
                                        "\"max_input_chars_per_word\":9,\"vocab\":{\"ab\":4}}}"};
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(files); i++) {
        heed_tokenizer *tokenizer;
        hd_encoding encoding = {0};
        assert_ok(context, hd_tokenizer_parse(context, "m/t.json", files[i], strlen(files[i]), &tokenizer));
        encode(context, tokenizer, "ab", (int32_t[]){4, -1}, &encoding);
        assert_int_equal(hd_tokenizer_encode(tokenizer, context, "x", 1, false, &encoding), HEED_FORMAT);
        assert_string_equal(heed_context_message(context),
                            "m/t.json: the unk_token \"<nope>\" of the model is not in its vocabulary");
        hd_encoding_close(&encoding);
        hd_tokenizer_close(tokenizer);
    }
    heed_context_close(context);
}

static void special_tokens_can_be_text(void **state) {
    (void)state;
    static const char file[] =
        "{\"added_tokens\":[" ADDED(6, "ba", true) "," ADDED(7, "aa", false) "]," BPE("<unk>", "") "}";
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    hd_encoding encoding = {0};
    assert_ok(context, hd_tokenizer_parse(context, "t", file, strlen(file), &tokenizer));
    encode(context, tokenizer, "baaa", (int32_t[]){6, 7, -1}, &encoding);
    assert_int_equal(heed_context_set_special_tokens(context, "words"), HEED_ARGUMENT);
    assert_ok(context, heed_context_set_special_tokens(context, "text"));
    encode(context, tokenizer, "baaa", (int32_t[]){2, 7, 1, -1}, &encoding);
    assert_ok(context, heed_context_set_special_tokens(context, "parse"));
    encode(context, tokenizer, "baaa", (int32_t[]){6, 7, -1}, &encoding);
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_mean_what_tokenizers_makes_of_them),
        cmocka_unit_test(a_missing_unknown_token_fails_the_texts_that_need_it),
        cmocka_unit_test(special_tokens_can_be_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
