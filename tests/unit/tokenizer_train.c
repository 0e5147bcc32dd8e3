/* text: training learns the merges of Hugging Face's BpeTrainer, and its tokenizers give text back as it was. */
#include "text_goldens.h"

static void assert_same_tokenizer(const heed_tokenizer *a, const heed_tokenizer *b) {
    assert_int_equal(hd_tokenizer_size(a), hd_tokenizer_size(b));
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(a); id++) {
        assert_string_equal(hd_tokenizer_token(a, id), hd_tokenizer_token(b, id));
        assert_int_equal(hd_tokenizer_is_special(a, id), hd_tokenizer_is_special(b, id));
    }
    assert_int_equal(a->bpe.merge_count, b->bpe.merge_count);
    assert_memory_equal(a->bpe.merges, b->bpe.merges, a->bpe.merge_count * sizeof *a->bpe.merges);
}

static void learns_the_merges_of_tokenizers(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    static const char *const names[] = {"trained-plain", "trained-folded", "trained-whole"};
    const hd_tokenizer_options options[] = {marian_options(500, 2, HD_FORM_NONE, false),
                                            marian_options(400, 1, HD_FORM_NFKC, true),
                                            marian_options(4000, 0, HD_FORM_NFC, false)};
    for (size_t i = 0; i < 3; i++) {
        heed_tokenizer *trained, *golden = open_golden(context, names[i]);
        corpus lines = {text.data, -1};
        assert_ok(context, hd_tokenizer_train(context, &options[i], next_line, &lines, &trained));
        assert_same_tokenizer(trained, golden);
        assert_int_equal(hd_tokenizer_id(trained, "<pad>"), hd_tokenizer_size(trained) - 1);
        hd_tokenizer_close(trained);
        hd_tokenizer_close(golden);
    }
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* Capitals, quotes, commas and hyphens come back from a trained tokenizer as they went in. */
static void trained_tokenizers_give_text_back(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text, back;
    hd_buffer_open(&text, context);
    hd_buffer_open(&back, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    hd_tokenizer_options options = marian_options(400, 2, HD_FORM_NONE, false);
    heed_tokenizer *tokenizer;
    corpus lines = {text.data, -1};
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    hd_encoding encoding = {0};
    const char *line;
    size_t size;
    lines = (corpus){text.data, -1};
    while (next_line(&lines, &line, &size) == HEED_OK && line) {
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, line, size, true, &encoding));
        assert_int_equal(encoding.ids[encoding.count - 1], 0);
        hd_buffer_clear(&back);
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &back));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, line, size);
    }
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&text);
    hd_buffer_close(&back);
    heed_context_close(context);
}

static bool stop_at_once(void *user, size_t done, size_t total) {
    (void)user, (void)done, (void)total;
    return false;
}

static heed_status no_line(void *user, const char **text, size_t *size) {
    (void)size;
    *text = NULL;
    return user ? HEED_FILE : HEED_OK;
}

static void training_refuses_what_makes_no_sense(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    corpus lines = {"a b\nab ab\n", -1};
    hd_tokenizer_options options = marian_options(3, 0, HD_FORM_NONE, false);
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options = marian_options(50, 0, HD_FORM_NONE, false);
    options.unknown = "<other>";
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "<other>"));
    options.unknown = "<unk>";
    options.last_specials = first_specials;
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options.last_specials = last_specials;
    options.progress = stop_at_once;
    lines = (corpus){"a b\nab ab\n", -1};
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_STOPPED);
    assert_null(tokenizer);
    options.progress = NULL;
    assert_int_equal(hd_tokenizer_train(context, &options, no_line, &options, &tokenizer), HEED_FILE);
    assert_ok(context, hd_tokenizer_train(context, &options, no_line, NULL, &tokenizer)); /* no text: specials alone */
    assert_int_equal(hd_tokenizer_size(tokenizer), 3);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void alphabet_is_limited_and_given(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    corpus lines = {"aaa aa b\xC3\xA9\n", -1};
    hd_tokenizer_options options = marian_options(7, 100, HD_FORM_NONE, false);
    options.alphabet = "\xC3\xBC";
    options.alphabet_limit = 3;
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    assert_int_equal(hd_tokenizer_size(tokenizer), 6);
    assert_string_equal(hd_tokenizer_token(tokenizer, 2), "a");
    assert_string_equal(hd_tokenizer_token(tokenizer, 3), "\xC3\xBC");
    assert_string_equal(hd_tokenizer_token(tokenizer, 4), "\xE2\x96\x81");
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_the_merges_of_tokenizers),
        cmocka_unit_test(trained_tokenizers_give_text_back),
        cmocka_unit_test(training_refuses_what_makes_no_sense),
        cmocka_unit_test(alphabet_is_limited_and_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
