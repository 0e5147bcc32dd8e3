/* Continuing texts: many at once, each with the result of a separate call; and past a model's positions, where the
 * continuation is that of the visible text. models/shakespeare has 256 positions, and a token is a character. */
#include "fixture.h"

#include "base/utf8.h"
#include "models/model.h"

#include <stdio.h>
#include <string.h>

enum { POSITIONS = 256, GROWN = 600 };

typedef struct fixture {
    heed_context *context;
    heed_model *model;
    char note[256]; /* the last */
} fixture;

static void note(void *user, const char *line) {
    fixture *f = user;
    snprintf(f->note, sizeof f->note, "%s", line);
}

static int set_up(void **state) {
    static fixture f;
    f.context = open_context();
    heed_context_set_log(f.context, note, &f);
    assert_ok(f.context, heed_model_open(f.context, PROJECT "/models/shakespeare", &f.model));
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    heed_model_close(f->model);
    heed_context_close(f->context);
    return 0;
}

/* Appends this number of tokens to the `size` bytes of a text. */
static void go_on(fixture *f, const char *text, size_t size, const char *beams, size_t tokens, char *added) {
    heed_options *options;
    heed_results *results;
    char number[16];
    snprintf(number, sizeof number, "%zu", tokens);
    assert_ok(f->context, heed_generate_options(f->context, &options));
    assert_ok(f->context, heed_options_set(options, "max-new-tokens", number));
    assert_ok(f->context, heed_options_set(options, "beams", beams));
    assert_ok(f->context, heed_generate(f->model, options, &text, &size, 1, 0, NULL, NULL, &results));
    assert_null(heed_results_problem(results, 0));
    assert_int_equal(strlen(heed_results_text(results, 0, 0)), tokens);
    strcpy(added, heed_results_text(results, 0, 0));
    heed_results_close(results);
    heed_options_close(options);
}

/* The first visible token of this number, as an array: when all positions are used, half of them are dropped. */
static size_t first_seen(size_t length) {
    size_t first = 0;
    while (length - first > POSITIONS) first += POSITIONS / 2;
    return first;
}

static void the_window_slides(void **state) {
    fixture *f = *state;
    static const size_t places[] = {100, 255, 256, 257, 300, 384, 385, 386, 512, 513, 599};
    char text[GROWN + 1] = "ROMEO:", next[2];
    go_on(f, text, 6, "1", GROWN - 6, text + 6);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length = places[i], first = first_seen(length);
        go_on(f, text + first, length - first, "1", 1, next);
        if (next[0] != text[length])
            fail_msg("after %zu characters: '%c', expected '%c'", length, text[length], next[0]);
    }
}

static void a_long_text_is_cut(void **state) {
    fixture *f = *state;
    static const char *const beams[] = {"1", "3"};
    char text[GROWN + 1] = "ROMEO:", whole[141], end[141];
    go_on(f, text, 6, "1", 386 - 6, text + 6);
    for (size_t i = 0; i < 2; i++) {
        f->note[0] = 0;
        go_on(f, text + first_seen(386), 386 - first_seen(386), beams[i], 140, end);
        assert_string_equal(f->note, "");
        go_on(f, text, 386, beams[i], 140, whole);
        assert_string_equal(f->note,
                            "a text of 386 tokens is more than the model's 256: only the last 130 are its context");
        assert_string_equal(whole, end);
    }
}

enum { TOGETHER = 150, ADDED = 24 }; /* more than run at once */

typedef struct streams {
    char text[TOGETHER][ADDED + 1];
    size_t stopped; /* the text that is stopped after ten characters */
} streams;

static bool hear(void *user, size_t index, const char *text, size_t size) {
    streams *s = user;
    strncat(s->text[index], text, size);
    return index != s->stopped || strlen(s->text[index]) < 10;
}

/* Prompts of different lengths, one missing, and one stopped early: each result is that of its text alone. */
static void texts_are_continued_together(void **state) {
    fixture *f = *state;
    static const char verse[] = "What light through yonder window breaks? It is the east, and Juliet is the sun.";
    const char *texts[TOGETHER];
    size_t sizes[TOGETHER];
    static streams together = {.stopped = 7}, alone = {.stopped = TOGETHER};
    heed_options *options;
    heed_results *all, *one;
    for (size_t i = 0; i < TOGETHER; i++) texts[i] = verse + i % 5, sizes[i] = i * 7 % 70;
    texts[11] = NULL;
    assert_ok(f->context, heed_generate_options(f->context, &options));
    assert_ok(f->context, heed_options_set(options, "max-new-tokens", "24"));
    assert_ok(f->context, heed_options_set(options, "sample", NULL));
    assert_ok(f->context, heed_generate(f->model, options, texts, sizes, TOGETHER, 100, hear, &together, &all));
    assert_int_equal(heed_results_alternatives(all, 11), 0);
    for (size_t i = 0; i < TOGETHER; i++) {
        if (!texts[i]) continue;
        memset(&alone.text, 0, sizeof alone.text);
        assert_ok(f->context, heed_generate(f->model, options, &texts[i], &sizes[i], 1, 100 + i, hear, &alone, &one));
        const char *expected = heed_results_text(one, 0, 0), *found = heed_results_text(all, i, 0);
        assert_string_equal(together.text[i], found);
        assert_string_equal(alone.text[0], expected);
        if (i == together.stopped) {
            assert_int_equal(strlen(found), 10);
            assert_memory_equal(found, expected, 10);
        } else {
            float score = heed_results_score(one, 0, 0), other = heed_results_score(all, i, 0);
            assert_string_equal(found, expected);
            assert_memory_equal(&other, &score, sizeof score);
        }
        heed_results_close(one);
    }
    heed_results_close(all);
    heed_options_close(options);
}

/* ---- streaming ---- */

typedef struct heard {
    hd_buffer text;
    int pieces, stop_after;
} heard;

/* A piece is whole characters. */
static bool hear_pieces(void *user, size_t index, const char *text, size_t size) {
    heard *h = user;
    assert_int_equal(index, 0);
    assert_true(size > 0);
    if (!hd_utf8_valid(text, size)) fail_msg("a piece ends within a character, or begins there");
    hd_buffer_append(&h->text, text, size);
    return ++h->pieces != h->stop_after;
}

/* Random bytes from a network with random weights: the pieces together are the text, and none is part of a character. */
static void pieces_are_whole_characters(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_tokenizer *tokenizer;
    heed_model *model;
    heed_options *options;
    hd_recipe recipe;
    assert_ok(context, hd_tokenizer_open(context, GOLDEN "/text/trained-byte-bpe.json", &tokenizer));
    assert_ok(context, hd_family_default(context, &hd_gpt2, HD_HEAD_LANGUAGE, NULL, &recipe));
    recipe.vocabulary = (int64_t)hd_tokenizer_size(tokenizer), recipe.width = 8;
    recipe.side[HD_DECODER].layers = recipe.side[HD_DECODER].heads = 1;
    recipe.side[HD_DECODER].ffn_width = 8, recipe.side[HD_DECODER].max_positions = 128;
    assert_ok(context, hd_model_make(context, NULL, &recipe, tokenizer, 7, &model));
    assert_ok(context, heed_generate_options(context, &options));
    assert_ok(context, heed_options_set(options, "sample", NULL));
    assert_ok(context, heed_options_set(options, "max-new-tokens", "90"));
    int broken = 0;
    for (uint64_t number = 0; number < 12; number++) {
        const char *text = "a \xC3\xA4";
        heed_results *results;
        heard h = {.stop_after = number < 8 ? 0 : (int)number};
        hd_buffer_open(&h.text, context);
        assert_ok(context, heed_generate(model, options, &text, NULL, 1, number, hear_pieces, &h, &results));
        const char *whole = heed_results_text(results, 0, 0);
        assert_string_equal(h.text.data, whole);
        broken += strstr(whole, "\xEF\xBF\xBD") != NULL;
        if (h.stop_after) assert_in_range(h.pieces, h.stop_after, h.stop_after + 1);
        heed_results_close(results);
        hd_buffer_close(&h.text);
    }
    assert_true(broken > 4);
    heed_options_close(options);
    hd_model_close(model);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_window_slides), cmocka_unit_test(a_long_text_is_cut),
                                       cmocka_unit_test(texts_are_continued_together),
                                       cmocka_unit_test(pieces_are_whole_characters)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
