/* text: many texts on several threads have the encodings of one after the other, and remembered words have the tokens that their
 * model gives them. */
#include "text_goldens.h"

#include "text/word_cache.h"

/* Names of at most five letters, a different one per number. */
static void put_name(hd_buffer *text, uint32_t number) {
    for (int i = 0; i < 5 && (i == 0 || number); i++, number /= 26) hd_buffer_byte(text, (char)('a' + number % 26));
}

/* ---- many texts ------------------------------------------------------------------------------------------------- */

enum { TEXTS = 515, MISSING = 200, FAILING = 333 };

typedef struct many {
    hd_buffer text[TEXTS];
    const char *texts[TEXTS]; /* NULL at MISSING */
    size_t sizes[TEXTS];
    heed_encoding *encodings[TEXTS];
} many;

/* Texts of 0 to 59 words; that of FAILING has a character that the golden tokenizers know, and `json` below does not. */
static void make_texts(heed_context *context, many *it) {
    for (uint32_t i = 0; i < TEXTS; i++) {
        hd_buffer *text = &it->text[i];
        hd_buffer_open(text, context);
        for (uint32_t word = 0; word < i * 7 % 60; word++) {
            if (word) hd_buffer_byte(text, ' ');
            put_name(text, (i * 31 + word * word) % 3000);
        }
        if (i == FAILING) hd_buffer_text(text, "0");
        assert_false(text->failed);
        it->texts[i] = i == MISSING ? NULL : text->size ? text->data : "";
        it->sizes[i] = text->size;
    }
}

static void close_texts(many *it) {
    for (size_t i = 0; i < TEXTS; i++) hd_buffer_close(&it->text[i]);
}

static void close_encodings(many *it) {
    for (size_t i = 0; i < TEXTS; i++) heed_encoding_close(it->encodings[i]);
}

static void check_equal(const heed_encoding *a, const heed_encoding *b) {
    size_t count = heed_encoding_count(a);
    assert_int_equal(heed_encoding_count(b), count);
    if (!count) return;
    assert_memory_equal(heed_encoding_ids(a), heed_encoding_ids(b), count * sizeof(int32_t));
    assert_memory_equal(heed_encoding_starts(a), heed_encoding_starts(b), count * sizeof(uint32_t));
    assert_memory_equal(heed_encoding_ends(a), heed_encoding_ends(b), count * sizeof(uint32_t));
}

static const int threads[] = {1, 2, 4};

static void many_texts_have_the_encodings_of_each(void **state) {
    (void)state;
    static const char *const names[] = {"gpt2", "bert", "llama", "marian"};
    heed_context *context = open_context();
    many *it = hd_alloc_zeroed(context, 1, sizeof *it);
    make_texts(context, it);
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        heed_tokenizer *tokenizer = open_golden(context, names[n]);
        for (size_t t = 0; t < HD_COUNT(threads); t++) {
            assert_ok(context, heed_context_set_threads(context, threads[t]));
            assert_ok(context,
                      heed_tokenizer_encode_all(tokenizer, context, it->texts, it->sizes, TEXTS, true, it->encodings));
            for (size_t i = 0; i < TEXTS; i++) {
                heed_encoding *one;
                if (i == MISSING) {
                    assert_null(it->encodings[i]);
                    continue;
                }
                assert_ok(context, heed_tokenizer_encode(tokenizer, context, it->texts[i], it->sizes[i], true, &one));
                check_equal(one, it->encodings[i]);
                heed_encoding_close(one);
            }
            close_encodings(it);
        }
        assert_ok(context, heed_tokenizer_encode_all(tokenizer, context, NULL, NULL, 0, true, NULL));
        heed_tokenizer_close(tokenizer);
    }
    close_texts(it);
    hd_free(context, it);
    heed_context_close(context);
}

/* A vocabulary of letters and the space, without its unknown token. */
static heed_tokenizer *open_letters(heed_context *context) {
    hd_buffer json;
    heed_tokenizer *tokenizer;
    hd_buffer_open(&json, context);
    hd_buffer_text(&json, "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"<nope>\",\"merges\":[],\"vocab\":{\" \":0");
    for (int i = 0; i < 26; i++) hd_buffer_format(&json, ",\"%c\":%d", 'a' + i, i + 1);
    hd_buffer_text(&json, "}}}");
    assert_ok(context, hd_tokenizer_parse(context, "t.json", json.data, json.size, &tokenizer));
    hd_buffer_close(&json);
    return tokenizer;
}

static void a_text_that_fails_leaves_the_others(void **state) {
    (void)state;
    heed_context *context = open_context();
    many *it = hd_alloc_zeroed(context, 1, sizeof *it);
    make_texts(context, it);
    heed_tokenizer *tokenizer = open_letters(context);
    for (size_t t = 0; t < HD_COUNT(threads); t++) {
        assert_ok(context, heed_context_set_threads(context, threads[t]));
        assert_int_equal(
            heed_tokenizer_encode_all(tokenizer, context, it->texts, it->sizes, TEXTS, true, it->encodings),
            HEED_FORMAT);
        assert_string_equal(heed_context_message(context),
                            "t.json: the unk_token \"<nope>\" of the model is not in its vocabulary");
        for (size_t i = 0; i < TEXTS; i++) {
            if (i == MISSING || i == FAILING) {
                assert_null(it->encodings[i]);
                continue;
            }
            assert_non_null(it->encodings[i]);
            assert_int_equal(heed_encoding_count(it->encodings[i]), it->sizes[i]);
        }
        close_encodings(it);
    }
    heed_tokenizer_close(tokenizer);
    close_texts(it);
    hd_free(context, it);
    heed_context_close(context);
}

/* ---- the cache of words ----------------------------------------------------------------------------------------- */

enum { NAMES = 70000 };

/* Dropout that skips no merge: such words are not remembered. */
static void remembered_words_have_the_same_tokens(void **state) {
    (void)state;
    static const char *const names[] = {"gpt2", "llama-3", "marian"};
    heed_context *context = open_context();
    hd_buffer text;
    hd_buffer_open(&text, context);
    for (uint32_t i = 0; i < NAMES; i++) {
        put_name(&text, i);
        hd_buffer_byte(&text, ' ');
        put_name(&text, i % 100);
        hd_buffer_byte(&text, ' ');
    }
    for (size_t n = 0; n < HD_COUNT(names); n++) {
        heed_tokenizer *tokenizer = open_golden(context, names[n]);
        hd_encode_options without = {.dropout = 1e-30f, .key = hd_random_key_make(3, HD_RANDOM_DROPOUT, 0)};
        hd_encoding expected = {0}, found = {0};
        assert_ok(context, hd_tokenizer_encode_with(tokenizer, context, text.data, text.size, &without, &expected));
        for (int round = 0; round < 2; round++) {
            assert_ok(context, hd_tokenizer_encode(tokenizer, context, text.data, text.size, false, &found));
            assert_int_equal(found.count, expected.count);
            assert_memory_equal(found.ids, expected.ids, found.count * sizeof *found.ids);
            assert_memory_equal(found.starts, expected.starts, found.count * sizeof *found.starts);
            assert_memory_equal(found.ends, expected.ends, found.count * sizeof *found.ends);
        }
        hd_encoding_close(&expected);
        hd_encoding_close(&found);
        hd_tokenizer_close(tokenizer);
    }
    hd_buffer_close(&text);
    heed_context_close(context);
}

/* One token per character; its id depends on the word. */
static size_t make_word(uint32_t number, hd_character word[40], hd_word_scratch *scratch) {
    size_t length = 1 + number % 40;
    scratch->count = length;
    for (size_t i = 0; i < length; i++) {
        word[i].code = number + (uint32_t)i;
        scratch->symbols[i] = (hd_symbol){.id = (int32_t)(number * 3 + i), .first = (uint32_t)i, .count = 1};
    }
    return length;
}

/* False if the word is not in the cache; its tokens are those that it was added with. */
static bool is_remembered(const hd_word_cache *cache, uint32_t number, hd_word_scratch *scratch) {
    hd_character word[40];
    size_t length = make_word(number, word, scratch);
    scratch->count = 0;
    memset(scratch->symbols, 0, 40 * sizeof *scratch->symbols);
    if (!hd_word_cache_find(cache, hd_word_hash(word, length), word, length, scratch)) return false;
    assert_int_equal(scratch->count, length);
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(scratch->symbols[i].id, number * 3 + i);
        assert_int_equal(scratch->symbols[i].first, i);
        assert_int_equal(scratch->symbols[i].count, 1);
    }
    return true;
}

static void a_full_cache_is_cleared(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_word_scratch scratch;
    hd_word_cache cache;
    size_t cleared = 0;
    hd_word_scratch_open(&scratch, context);
    hd_word_cache_open(&cache, context);
    scratch.symbols = hd_alloc(context, scratch.symbol_capacity = 40, sizeof *scratch.symbols);
    for (uint32_t number = 0; number < 100000; number++) {
        hd_character word[40];
        size_t length = make_word(number, word, &scratch), before = cache.size;
        uint64_t hash = hd_word_hash(word, length);
        assert_ok(context, hd_word_cache_add(&cache, hash, word, length, &scratch));
        assert_int_equal(is_remembered(&cache, number, &scratch), length <= 32);
        assert_true(cache.slot_count <= 1 << 15 && cache.size <= 1 << 19);
        if (number % 10 == 0) is_remembered(&cache, number / 2, &scratch);
        if (cache.size >= before || !cache.slot_count) continue;
        cleared++;
        assert_false(is_remembered(&cache, number - 1, &scratch));
    }
    assert_true(cleared > 5);
    hd_word_cache_close(&cache);
    hd_word_scratch_close(&scratch);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_texts_have_the_encodings_of_each),
        cmocka_unit_test(a_text_that_fails_leaves_the_others),
        cmocka_unit_test(remembered_words_have_the_same_tokens),
        cmocka_unit_test(a_full_cache_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
