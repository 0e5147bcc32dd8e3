/* A large tokenizer.json, whose vocabulary and merges are read from its text, gives the tokenizer or the message that a small
 * one gives, which is read as a tree. */
#include "text/model_text.h"

#include "fixture.h"
#include "text/tokenizer.h"

#include <string.h>

#define MODEL(rest)    "{\"model\": {\"type\": \"BPE\", " rest "}}"
#define VOCABULARY     "\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"c\": 3, \"abc\": 4}"
#define TOKENS(tokens) MODEL("\"vocab\": {" tokens "}, \"merges\": []")
#define MERGES(merges) MODEL(VOCABULARY ", \"merges\": " merges)

static const char *const plain[] = {
    MERGES("[[\"a\", \"b\"], [\"ab\", \"c\"]]"),
    MERGES("[\"a b\", \"ab c\"]"),
    MERGES("[]"),
    "\xEF\xBB\xBF" MERGES("[[\"a\",\"b\"]]"),
    MODEL("\"merges\": [[\"a\", \"b\"]] , " VOCABULARY),
    TOKENS(
        "\"\\u00e9\": 0, \"\xC3\xA8\": 1, \"\\ud83d\\ude00\": 2, \"\\\"\\\\\\/\\b\\f\\n\\r\\t\": 3, \"x\\u0041y\": 4"),
    TOKENS(""),
    TOKENS(" \"a\" : 7 , \"b\"\n:\t5 "),
    "{\"added_tokens\": [{\"id\": 5, \"content\": \"]}\\\"\", \"special\": true}], \"model\": {" VOCABULARY
    ", \"merges\": [], \"x\": {\"vocab\": [\"}\"]}}, \"version\": \"1.0\"}",
    /* in this form, but refused for what it says */
    MERGES("[[\"a\", \"c\"]]"),
    TOKENS("\"a\": 99999999"),
    TOKENS("\"a\": 0, \"a\": 1"),
    TOKENS("\"a\": 0, \"\\u0061\": 1"),
};

static const char *const others[] = {
    "",
    "{}",
    "[]",
    "{\"model\": 1}",
    "{\"model\": {}, \"model\": {\"type\": \"BPE\", " VOCABULARY ", \"merges\": []}}",
    "{\"mod\\u0065l\": {\"type\": \"BPE\", " VOCABULARY ", \"merges\": []}}",
    MODEL(VOCABULARY ", \"vocab\": {\"q\": 0}, \"merges\": []"),
    MODEL("\"voc\\u0061b\": {\"q\": 0}, \"merges\": []"),
    MODEL("\"vocab\": [[\"a\", 0]], \"merges\": []"),
    MODEL(VOCABULARY ", \"merges\": {}"),
    MODEL(VOCABULARY),
    MODEL("\"vocab\": {\"a\": 0}, \"merges\": []") "x",
    MERGES("[[\"a\", \"b\"] [\"ab\", \"c\"]]"),
    MERGES("[[\"a\", \"b\"],]"),
    MERGES("[,[\"a\", \"b\"]]"),
    MERGES("[[\"a\", \"b\", \"c\"]]"),
    MERGES("[[\"a\"]]"),
    MERGES("[\"ab\"]"),
    MERGES("[\"a b c\"]"),
    MERGES("[1]"),
    MERGES("[[\"a\", 1]]"),
    MERGES("[null]"),
    MERGES("[[\"a\", \"b\"]"),
    TOKENS("\"a\": -1"),
    TOKENS("\"a\": 1.0"),
    TOKENS("\"a\": 1e0"),
    TOKENS("\"a\": 01"),
    TOKENS("\"a\": 99999999999999999999"),
    TOKENS("\"a\": \"0\""),
    TOKENS("\"a\": null"),
    TOKENS("\"a\": {}"),
    TOKENS("\"a\" 0"),
    TOKENS("\"a\": 0 \"b\": 1"),
    TOKENS("\"a\": 0,"),
    TOKENS(", \"a\": 0"),
    TOKENS("a: 0"),
    TOKENS("\"\xFF\": 0"),
    TOKENS("\"\xC0\x80\": 0"),
    TOKENS("\"\xED\xA0\x80\": 0"),
    TOKENS("\"\n\": 0"),
    TOKENS("\"\\x\": 0"),
    TOKENS("\"\\u12\": 0"),
    TOKENS("\"\\u0000\": 0"),
    TOKENS("\"\\ud83d\": 0"),
    TOKENS("\"\\ud83dx\": 0"),
    TOKENS("\"\\ude00\": 0"),
    TOKENS("\"\\ud83d\\u0041\": 0"),
    TOKENS("\"a: 0"),
};

typedef struct result {
    heed_status status;
    char message[1024];
    hd_buffer saved;
} result;

static result parse(heed_context *context, const char *text, size_t size) {
    result it = {.status = HEED_OK};
    heed_tokenizer *tokenizer;
    hd_buffer_open(&it.saved, context);
    it.status = hd_tokenizer_parse(context, "file", text, size, &tokenizer);
    if (it.status == HEED_OK)
        assert_ok(context, hd_tokenizer_write(tokenizer, &it.saved));
    else
        strcpy(it.message, heed_context_message(context));
    hd_tokenizer_close(tokenizer);
    return it;
}

/* White space after the document makes it large. What a message says about an unexpected end is
 * different then. */
static void compare(heed_context *context, const char *text, bool truncated) {
    enum { LARGE = 1 << 17 };
    static char padded[LARGE];
    memset(padded, ' ', LARGE);
    memcpy(padded, text, strlen(text));
    result tree = parse(context, text, strlen(text)), large = parse(context, padded, LARGE);
    bool ends = truncated || strstr(tree.message, "end of") || strstr(tree.message, "premature");
    if (ends && tree.message[0] && large.message[0]) strcpy(large.message, tree.message);
    if (tree.status != large.status || strcmp(tree.message, large.message) != 0 ||
        tree.saved.size != large.saved.size ||
        (tree.saved.size && memcmp(tree.saved.data, large.saved.data, tree.saved.size) != 0))
        fail_msg("%s\nas a tree: %d %s\nas text: %d %s", text, tree.status, tree.message, large.status, large.message);
    hd_buffer_close(&tree.saved);
    hd_buffer_close(&large.saved);
}

static void large_files_are_read_as_small_ones(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(plain); i++) compare(context, plain[i], false);
    for (size_t i = 0; i < HD_COUNT(others); i++) compare(context, others[i], false);
    heed_context_close(context);
}

/* Every file that ends early. */
static void truncated_files_are_read_as_small_ones(void **state) {
    (void)state;
    heed_context *context = open_context();
    char text[512];
    for (size_t i = 0; i < HD_COUNT(plain); i++)
        for (size_t size = 0; size < strlen(plain[i]); size++) {
            memcpy(text, plain[i], size);
            text[size] = 0;
            compare(context, text, true);
        }
    heed_context_close(context);
}

/* The plain form is recognized: the comparison above is one of two ways. */
static void the_plain_form_is_found(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer rest;
    hd_buffer_open(&rest, context);
    hd_json_range vocabulary, merges;
    assert_true(hd_model_text_find(plain[0], strlen(plain[0]), &vocabulary, &merges, &rest));
    assert_string_equal(rest.data, MODEL("\"vocab\": {}, \"merges\": []"));
    hd_model_string strings[2] = {{0}};
    hd_buffer_open(&strings[0].text, context);
    bool more;
    int64_t id;
    assert_true(hd_model_text_entry(&vocabulary, strings, &id, &more) && more && id == 0 && strings[0].bytes[0] == 'a');
    assert_true(hd_model_text_merge(&merges, strings, &more) && more && strings[1].bytes[0] == 'b');
    assert_true(hd_model_text_merge(&merges, strings, &more) && more && strings[1].bytes[0] == 'c');
    assert_true(hd_model_text_merge(&merges, strings, &more) && !more);
    hd_buffer_close(&strings[0].text);
    hd_buffer_close(&rest);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_files_are_read_as_small_ones),
        cmocka_unit_test(truncated_files_are_read_as_small_ones),
        cmocka_unit_test(the_plain_form_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
