/* text: damaged, hostile and unsupported files are refused with the cause, and a failed allocation leaks nothing. */
#include "text_goldens.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- hostile files ---------------------------------------------------------------------------------------------- */

#define MODEL(vocabulary, merges) "{\"model\":{\"type\":\"BPE\",\"vocab\":" vocabulary ",\"merges\":" merges "}}"
#define PART(key, value)          "{\"" key "\":" value ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}"

static const struct {
    const char *json;
    heed_status status;
    const char *says;
} hostile[] = {
    {"", HEED_FORMAT, "line 1"},
    {"not JSON", HEED_FORMAT, "line 1"},
    {"[]", HEED_FORMAT, "\"model\" is missing"},
    {"{\"model\":3}", HEED_FORMAT, "\"model\" is missing"},
    {"{\"model\":{\"type\":\"WordLevel\"}}", HEED_FORMAT, "\"vocab\" is not an object"},
    {"{\"model\":{\"type\":\"WordSalad\"}}", HEED_UNSUPPORTED, "model \"WordSalad\" is not supported"},
    {"{\"model\":{}}", HEED_UNSUPPORTED, "model \"without a type\" is not supported"},
    {"{\"model\":{\"type\":\"WordPiece\"}}", HEED_FORMAT, "\"max_input_chars_per_word\" is not a count"},
    {"{\"model\":{\"type\":7}}", HEED_FORMAT, "\"type\" is not a string"},
    {MODEL("[]", "[]"), HEED_FORMAT, "\"vocab\" is not an object"},
    {MODEL("{\"a\":\"0\"}", "[]"), HEED_FORMAT, "the id of token \"a\" is not an integer"},
    {MODEL("{\"a\":-1}", "[]"), HEED_FORMAT, "token \"a\" has id -1"},
    {MODEL("{\"a\":2097152}", "[]"), HEED_FORMAT, "token \"a\" has id 2097152"},
    {MODEL("{\"a\":9223372036854775807}", "[]"), HEED_FORMAT, "token \"a\" has id"},
    {MODEL("{\"a\":99999999999999999999}", "[]"), HEED_FORMAT, "is not an integer"},
    {MODEL("{\"a\":0}", "{}"), HEED_FORMAT, "\"merges\" is not a list"},
    {MODEL("{\"a\":0}", "[\"a\"]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[\"a a a\"]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[[\"a\",3]]"), HEED_FORMAT, "merge 0 is not a pair"},
    {MODEL("{\"a\":0}", "[[\"a\",\"a\"]]"), HEED_FORMAT, "merge 0 makes \"aa\""},
    {MODEL("{\"a\":0,\"aa\":1}", "[[\"a\",\"a\"],[\"a\",\"b\"]]"), HEED_FORMAT, "merge 1 makes \"ab\""},
    {"{\"model\":{\"type\":\"BPE\",\"dropout\":1.1,\"vocab\":{},\"merges\":[]}}", HEED_FORMAT,
     "\"dropout\" is not a probability"},
    {"{\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":3,\"vocab\":{},\"merges\":[]}}", HEED_FORMAT,
     "\"end_of_word_suffix\" is not a string"},
    {"{\"model\":{\"type\":\"BPE\",\"continuing_subword_prefix\":\"##\",\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\"]]}"
     "}",
     HEED_FORMAT, "without the prefix \"##\""},
    {"{\"model\":{\"type\":\"BPE\",\"fuse_unk\":1,\"vocab\":{},\"merges\":[]}}", HEED_FORMAT,
     "\"fuse_unk\" is not true or false"},
    {PART("normalizer", "{}"), HEED_FORMAT, "normalizer has no \"type\""},
    {PART("normalizer", "{\"type\":\"Precompiled\"}"), HEED_FORMAT,
     "normalizer: \"precompiled_charsmap\" is not a string"},
    {PART("normalizer", "{\"type\":\"Replace\",\"pattern\":\"a\",\"content\":\"\"}"), HEED_FORMAT,
     "\"String\" is not a string"},
    {PART("normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\"}]}"), HEED_FORMAT,
     "\"normalizers\" is not a list"},
    {PART("pre_tokenizer", "{\"type\":\"Scripts\"}"), HEED_UNSUPPORTED, "pre_tokenizer \"Scripts\" is not supported"},
    {PART("pre_tokenizer", "{\"type\":\"Split\"}"), HEED_FORMAT, "\"String\" is not a string"},
    {PART("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"}}"), HEED_FORMAT,
     "the regular expression \"(a\": end pattern with unmatched parenthesis"},
    {PART("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{Klingon}\"}}"), HEED_FORMAT,
     "invalid character property name {Klingon}"},
    {PART("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?y{w})a\"}}"), HEED_UNSUPPORTED,
     "(?y is not supported"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\"}"), HEED_FORMAT, "\"replacement\" is not a string"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"__\"}"), HEED_FORMAT,
     "\"replacement\" is not one character"},
    {PART("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"x\"}"), HEED_FORMAT,
     "\"x\""},
    {PART("pre_tokenizer", "{\"type\":\"Punctuation\",\"behavior\":[]}"), HEED_FORMAT, "\"behavior\""},
    {PART("decoder", "{\"type\":\"CTC\"}"), HEED_UNSUPPORTED, "decoder \"CTC\" is not supported"},
    {PART("decoder", "{\"type\":\"WordPiece\"}"), HEED_FORMAT, "\"prefix\" is not a string"},
    {PART("decoder", "{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}"), HEED_FORMAT,
     "\"start\" is not a count"},
    {PART("post_processor", "{\"type\":\"RobertaProcessing\"}"), HEED_FORMAT, "\"sep\" is not a token and its id"},
    {PART("post_processor", "{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1]}"), HEED_FORMAT,
     "\"sep\" is not a token and its id"},
    {PART("post_processor",
          "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[]},"
          "{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[]}]}"),
     HEED_UNSUPPORTED, "\"TemplateProcessing\" after another is not supported for 0 parts"},
    {PART("truncation", "{}"), HEED_FORMAT, "truncation: \"max_length\" is not a count"},
    {PART("truncation", "{\"max_length\":3,\"stride\":0,\"strategy\":\"Shortest\"}"), HEED_FORMAT, "\"Shortest\""},
    {PART("padding", "{\"strategy\":3}"), HEED_FORMAT, "padding: \"strategy\" is not"},
    {PART("padding", "{\"strategy\":{\"Fixed\":-1}}"), HEED_FORMAT, "padding: \"Fixed\" is not a count"},
    {PART("padding", "{\"strategy\":\"BatchLongest\",\"pad_id\":0,\"pad_type_id\":0}"), HEED_FORMAT,
     "padding: \"pad_token\" is not a string"},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}],\"pair\":[]}"),
     HEED_FORMAT, "names \"x\""},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"pair\":[]}"),
     HEED_FORMAT, "\"single\""},
    {PART("post_processor",
          "{\"type\":\"TemplateProcessing\",\"special_tokens\":{\"x\":{\"ids\":[1]}},\"single\":[],\"pair\":[]}"),
     HEED_FORMAT, "an id that the vocabulary lacks"},
    {PART("added_tokens", "{}"), HEED_FORMAT, "\"added_tokens\" is not a list"},
    {PART("added_tokens", "[{\"id\":1}]"), HEED_FORMAT, "\"content\" is not a string"},
    {PART("added_tokens", "[{\"id\":-5,\"content\":\"b\"}]"), HEED_FORMAT, "\"id\" is not a count"},
    {PART("version", "\"2.0\""), HEED_UNSUPPORTED, "\"version\" is not \"1.0\""},
    {PART("unheard_of", "1"), HEED_UNSUPPORTED, "key \"unheard_of\""},
};

static void hostile_files_are_refused_by_name(void **state) {
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < HD_COUNT(hostile); i++) {
        heed_tokenizer *tokenizer;
        heed_status status =
            hd_tokenizer_parse(context, "x/t.json", hostile[i].json, strlen(hostile[i].json), &tokenizer);
        const char *message = heed_context_message(context);
        if (status != hostile[i].status || strncmp(message, "x/t.json: ", 10) != 0 || !strstr(message, hostile[i].says))
            fail_msg("%s: status %d, \"%s\"", hostile[i].json, status, message);
        assert_null(tokenizer);
    }
    heed_tokenizer *tokenizer;
    assert_int_equal(hd_tokenizer_open(context, "/no/such/file", &tokenizer), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "/no/such/file"));
    heed_context_close(context);
}

static void truncated_files_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, golden_path("llama", ".json"), &file));
    while (file.size && file.data[file.size - 1] != '}') file.size--;
    for (size_t size = 0; size < file.size; size += 37) {
        heed_tokenizer *tokenizer;
        assert_int_equal(hd_tokenizer_parse(context, "t", file.data, size, &tokenizer), HEED_FORMAT);
    }
    hd_buffer_close(&file);
    heed_context_close(context);
}

/* A pattern that backtracks too much is stopped: the text is refused, not split in part. */
static void patterns_give_up(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char json[] = PART("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+a+)+(?=b|c)\"}}");
    heed_tokenizer *tokenizer;
    hd_encoding encoding = {0};
    char text[64];
    memset(text, 'a', sizeof text);
    assert_ok(context, hd_tokenizer_parse(context, "t", json, strlen(json), &tokenizer));
    assert_int_equal(hd_tokenizer_encode(tokenizer, context, text, sizeof text, true, &encoding), HEED_LENGTH);
    assert_non_null(strstr(heed_context_message(context), "(a+a+)+(?=b|c)"));
    assert_ok(context, hd_tokenizer_encode(tokenizer, context, text, 3, true, &encoding));
    assert_int_equal(encoding.count, 3);
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void holes_in_the_ids_are_fine(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char json[] = MODEL("{\"a\":5,\"b\":2}", "[]");
    heed_tokenizer *tokenizer;
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_tokenizer_parse(context, "t", json, strlen(json), &tokenizer));
    assert_int_equal(hd_tokenizer_size(tokenizer), 6);
    assert_null(hd_tokenizer_token(tokenizer, 3));
    assert_ok(context, hd_tokenizer_decode(tokenizer, (int32_t[]){3, 5, -1, 2, 999, INT32_MAX}, 6, true, &text));
    assert_string_equal(text.data, "a b");
    hd_buffer_close(&text);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

/* ---- memory that runs out --------------------------------------------------------------------------------------- */

static long allocations_left;

static void *failing_resize(void *user, void *pointer, size_t size) {
    (void)user;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return allocations_left-- > 0 ? realloc(pointer, size) : NULL;
}

static heed_status open_and_use(heed_context *context, const char *name, hd_encoding *encoding, hd_buffer *text,
                                heed_tokenizer **tokenizer) {
    static const char line[] = "The gr\xC3\xBCn dog [M] runs </s> zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";
    HD_TRY(hd_tokenizer_open(context, golden_path(name, ".json"), tokenizer));
    HD_TRY(hd_tokenizer_encode(*tokenizer, context, line, strlen(line), true, encoding));
    return hd_tokenizer_decode(*tokenizer, encoding->ids, encoding->count, false, text);
}

static heed_status train_and_save(heed_context *context, hd_tokenizer_kind kind, const char *text, const char *path,
                                  heed_tokenizer **tokenizer) {
    hd_tokenizer_options options = kind_options(kind, kind == HD_KIND_BYTE_BPE ? 280 : 60, 1);
    options.form = HD_FORM_NFKC;
    options.lowercase = true;
    corpus lines = {text, 6, hd_tokenizer_learns_line_ends(kind)};
    HD_TRY(hd_tokenizer_train(context, &options, next_line, &lines, tokenizer));
    return hd_tokenizer_save(*tokenizer, context, path);
}

static void every_failed_allocation_comes_back(void **state) {
    (void)state;
    char path[] = "/tmp/heed-tokenizer-XXXXXX";
    close(mkstemp(path));
    heed_context *plain = open_context();
    hd_buffer text;
    hd_buffer_open(&text, plain);
    assert_ok(plain, hd_file_read(plain, golden_path("corpus", ".txt"), &text));
    static const char *const opened[] = {"bert", "wordpiece", "llama-3", "affixes"};
    for (int what = 0; what < 8; what++) { /* open four tokenizers, train four */
        heed_status status = HEED_MEMORY;
        for (long n = 0; status != HEED_OK; n += n < 300 ? 1 : 7) {
            heed_context *context;
            allocations_left = 1000000;
            assert_int_equal(heed_context_open_with(failing_resize, NULL, &context), HEED_OK);
            heed_tokenizer *tokenizer = NULL;
            hd_encoding encoding = {0};
            hd_buffer decoded;
            hd_buffer_open(&decoded, context);
            allocations_left = n;
            status = what < 4 ? open_and_use(context, opened[what], &encoding, &decoded, &tokenizer)
                              : train_and_save(context, (hd_tokenizer_kind)(what - 4), text.data, path, &tokenizer);
            assert_true(status == HEED_OK || status == HEED_MEMORY);
            if (status == HEED_MEMORY) assert_non_null(strstr(heed_context_message(context), "memory"));
            hd_encoding_close(&encoding);
            hd_buffer_close(&decoded);
            hd_tokenizer_close(tokenizer);
            heed_context_close(context);
            assert_true(n < 100000);
        }
    }
    hd_buffer_close(&text);
    heed_context_close(plain);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_files_are_refused_by_name),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(patterns_give_up),
        cmocka_unit_test(holes_in_the_ids_are_fine),
        cmocka_unit_test(every_failed_allocation_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
