/* text: training gives the same tokens as Hugging Face's BpeTrainer and WordPieceTrainer, and decoding restores the text. */
#include "text_goldens.h"

static void assert_same_tokenizer(const heed_tokenizer *a, const heed_tokenizer *b) {
    assert_int_equal(hd_tokenizer_size(a), hd_tokenizer_size(b));
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(a); id++) {
        assert_string_equal(hd_tokenizer_token(a, id), hd_tokenizer_token(b, id));
        assert_int_equal(hd_tokenizer_is_special(a, id), hd_tokenizer_is_special(b, id));
    }
    assert_int_equal(a->bpe.merge_count, b->bpe.merge_count);
    for (size_t i = 0; i < a->bpe.merge_count; i++) {
        assert_int_equal(a->bpe.merges[i].left, b->bpe.merges[i].left);
        assert_int_equal(a->bpe.merges[i].right, b->bpe.merges[i].right);
        assert_int_equal(a->bpe.merges[i].id, b->bpe.merges[i].id);
    }
}

/* The other components are equal too. */
static void assert_same_ids(heed_context *context, const heed_tokenizer *a, const heed_tokenizer *b, const char *text) {
    hd_encoding got = {0}, want = {0};
    corpus lines = {text, -1, true};
    const char *line;
    size_t size;
    while (next_line(&lines, &line, &size) == HEED_OK && line) {
        assert_ok(context, hd_tokenizer_encode(a, context, line, size, true, &got));
        assert_ok(context, hd_tokenizer_encode(b, context, line, size, true, &want));
        assert_int_equal(got.count, want.count);
        assert_memory_equal(got.ids, want.ids, got.count * sizeof *got.ids);
        assert_memory_equal(got.starts, want.starts, got.count * sizeof *got.starts);
        assert_memory_equal(got.ends, want.ends, got.count * sizeof *got.ends);
    }
    hd_encoding_close(&got);
    hd_encoding_close(&want);
}

static void learns_what_tokenizers_learns(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    static const char *const names[] = {"trained-plain",     "trained-folded",          "trained-whole",
                                        "trained-wordpiece", "trained-wordpiece-cased", "trained-byte-bpe",
                                        "trained-characters"};
    hd_tokenizer_options options[] = {
        marian_options(500, 2, HD_FORM_NONE, false), marian_options(400, 1, HD_FORM_NFKC, true),
        marian_options(4000, 0, HD_FORM_NFC, false), kind_options(HD_KIND_WORDPIECE, 400, 2),
        kind_options(HD_KIND_WORDPIECE, 700, 1),     kind_options(HD_KIND_BYTE_BPE, 500, 2),
        kind_options(HD_KIND_CHARACTERS, 500, 2)};
    options[3].lowercase = true;
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        heed_tokenizer *trained, *golden = open_golden(context, names[i]);
        corpus lines = {text.data, -1, hd_tokenizer_learns_line_ends(options[i].kind)};
        assert_ok(context, hd_tokenizer_train(context, &options[i], next_line, &lines, &trained));
        assert_same_tokenizer(trained, golden);
        assert_same_ids(context, trained, golden, text.data);
        hd_tokenizer_close(trained);
        hd_tokenizer_close(golden);
    }
    hd_buffer_close(&text);
    heed_context_close(context);
}

static void give_back(heed_context *context, hd_tokenizer_options options, const char *text) {
    hd_buffer back;
    hd_buffer_open(&back, context);
    heed_tokenizer *tokenizer;
    corpus lines = {text, -1, hd_tokenizer_learns_line_ends(options.kind)};
    assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
    hd_encoding encoding = {0};
    const char *line;
    size_t size;
    lines.at = text;
    while (next_line(&lines, &line, &size) == HEED_OK && line) {
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, line, size, true, &encoding));
        if (options.kind == HD_KIND_BPE) assert_int_equal(encoding.ids[encoding.count - 1], 0);
        hd_buffer_clear(&back);
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &back));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, line, size);
    }
    hd_encoding_close(&encoding);
    hd_tokenizer_close(tokenizer);
    hd_buffer_close(&back);
}

/* Decoding restores capitals, quotes, commas and hyphens, and line ends for kinds with tokens for them. */
static void trained_tokenizers_give_text_back(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_file_read(context, golden_path("corpus", ".txt"), &text));
    give_back(context, kind_options(HD_KIND_BPE, 400, 2), text.data);
    give_back(context, kind_options(HD_KIND_BYTE_BPE, 400, 2), text.data);
    give_back(context, kind_options(HD_KIND_CHARACTERS, 400, 2), text.data);
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* Bytes that do not occur in the text are tokens too; unknown characters become one <unk> each. */
static void nothing_is_lost_in_silence(void **state) {
    (void)state;
    heed_context *context = open_context();
    static const char seen[] = "ab\n", unseen[] = "a \xE2\x82\xAC\n";
    for (int kind = HD_KIND_BYTE_BPE; kind <= HD_KIND_CHARACTERS; kind++) {
        hd_tokenizer_options options = kind_options((hd_tokenizer_kind)kind, 300, 1);
        corpus lines = {seen, -1, true};
        heed_tokenizer *tokenizer;
        hd_encoding encoding = {0};
        hd_buffer back;
        hd_buffer_open(&back, context);
        assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
        assert_ok(context, hd_tokenizer_encode(tokenizer, context, unseen, strlen(unseen), true, &encoding));
        assert_ok(context, hd_tokenizer_decode(tokenizer, encoding.ids, encoding.count, false, &back));
        assert_string_equal(back.data, kind == HD_KIND_BYTE_BPE ? unseen : "a<unk><unk>\n");
        hd_buffer_close(&back);
        hd_encoding_close(&encoding);
        hd_tokenizer_close(tokenizer);
    }
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
    corpus lines = {"a b\nab ab\n", -1, false};
    hd_tokenizer_options options = marian_options(3, 0, HD_FORM_NONE, false);
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options = marian_options(50, 0, HD_FORM_NONE, false);
    options.unknown = "<other>";
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "<other>"));
    options.unknown = "<unk>";
    const char *const *pad = options.last_specials;
    options.last_specials = options.first_specials;
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    options.last_specials = pad;
    options.single = "<s> $A";
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_ARGUMENT);
    assert_non_null(strstr(heed_context_message(context), "\"<s>\" of the template"));
    options.single = "$A";
    options.progress = stop_at_once;
    lines = (corpus){"a b\nab ab\n", -1, false};
    assert_int_equal(hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer), HEED_STOPPED);
    assert_null(tokenizer);
    options.progress = NULL;
    assert_int_equal(hd_tokenizer_train(context, &options, no_line, &options, &tokenizer), HEED_FILE);
    /* no text: special tokens only */
    assert_ok(context, hd_tokenizer_train(context, &options, no_line, NULL, &tokenizer));
    assert_int_equal(hd_tokenizer_size(tokenizer), 3);
    hd_tokenizer_close(tokenizer);
    heed_context_close(context);
}

static void alphabet_is_limited_and_given(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    corpus lines = {"aaa aa b\xC3\xA9\n", -1, false};
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

/* Word i of 7,000 that differ from each other. */
static void append_word(hd_buffer *text, uint32_t i) {
    uint32_t x = i * 2654435761u;
    for (uint32_t k = 0; k < 3 + i % 5; k++, x /= 26) hd_buffer_byte(text, (char)('a' + x % (k ? 26 : 13)));
    hd_buffer_format(text, "%c%c%c%c", "0123456789"[i % 10], "xyzuvwklmn"[i / 10 % 10], "0123456789"[i / 100 % 10],
                     "pqrstuvwab"[i / 1000]);
}

/* So many words and pairs that the tables of both grow. The fingerprints are of the tokens, in the order of their ids, that
 * tokenizers 0.23 learns from the same text: with the BpeTrainer of golden/text/make.py's marian(). */
static void many_words_are_learned_as_by_tokenizers(void **state) {
    (void)state;
    enum { WORDS = 7000, PER_LINE = 7 };
    static const struct {
        size_t size, learned;
        uint64_t minimum, tokens;
    } cases[] = {{9000, 9000, 2, 0x24d9d8ca7167708bu}, {20000, 20000, 1, 0x9ad351c33dc2607fu}};
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (uint32_t i = 0; i < 2 * WORDS; i++) { /* each word twice */
        append_word(&text, i % WORDS);
        hd_buffer_byte(&text, i % PER_LINE == PER_LINE - 1 ? '\n' : ' ');
    }
    for (size_t c = 0; c < HD_COUNT(cases); c++) {
        hd_tokenizer_options options = marian_options(cases[c].size, cases[c].minimum, HD_FORM_NONE, false);
        corpus lines = {text.data, -1, false};
        heed_tokenizer *tokenizer;
        assert_ok(context, hd_tokenizer_train(context, &options, next_line, &lines, &tokenizer));
        assert_int_equal(hd_tokenizer_size(tokenizer), cases[c].learned);
        uint64_t found = FINGERPRINT_OF_NOTHING;
        for (int32_t id = 0; id < (int32_t)cases[c].learned; id++) {
            const char *token = hd_tokenizer_token(tokenizer, id);
            found = fingerprint(found, token, strlen(token) + 1);
        }
        assert_fingerprint(found, cases[c].tokens);
        hd_tokenizer_close(tokenizer);
    }
    hd_buffer_close(&text);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_what_tokenizers_learns), cmocka_unit_test(trained_tokenizers_give_text_back),
        cmocka_unit_test(nothing_is_lost_in_silence),    cmocka_unit_test(training_refuses_what_makes_no_sense),
        cmocka_unit_test(alphabet_is_limited_and_given), cmocka_unit_test(many_words_are_learned_as_by_tokenizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
