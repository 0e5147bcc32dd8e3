/* bleu: sacreBLEU's numbers to the last digit, for each tokenizer, smoothing, case and number of references. */
#include "failing.h"

#include "base/lines.h"
#include "measure/metrics/bleu.h"

#include <stdio.h>
#include <string.h>

#define FOLDER GOLDEN "/bleu/"

enum { FILES = 3 };
static heed_context *context;
static hd_line_index corpus[FILES]; /* hypotheses and two references */

static int open_corpus(void **state) {
    (void)state;
    static const char *const names[FILES] = {FOLDER "hypotheses", FOLDER "references-0", FOLDER "references-1"};
    context = open_context();
    for (int i = 0; i < FILES; i++) assert_ok(context, hd_line_index_open(context, names[i], &corpus[i]));
    return 0;
}

static int close_corpus(void **state) {
    (void)state;
    for (int i = 0; i < FILES; i++) hd_line_index_close(&corpus[i]);
    heed_context_close(context);
    return 0;
}

static heed_status add_row(hd_bleu *bleu, uint64_t row, size_t references) {
    const char *text[FILES];
    size_t sizes[FILES];
    for (size_t i = 0; i <= references; i++) hd_line_index_get(&corpus[i], row, &text[i], &sizes[i]);
    return hd_bleu_add(bleu, text[0], sizes[0], text + 1, sizes + 1, references);
}

static int find(const char *name, const char *const *names) {
    int i = 0;
    while (strcmp(name, names[i]) != 0) i++;
    return i;
}

static const char *const tokenizers[] = {"13a", "intl", "char", "none"};
static const char *const smoothings[] = {"exp", "floor", "add-k", "none"};

static void corpus_scores_match(void **state) {
    (void)state;
    hd_lines lines;
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_lines_open(context, FOLDER "corpus", 0, &lines));
    while (hd_lines_next(&lines)) {
        char tokenizer[8], smoothing[8];
        int lowercase, effective, used;
        unsigned references, first, last;
        double score;
        hd_bleu_options options = {0};
        int fields = sscanf(lines.text, "%7s %d %u %u %u %7s %lf %d %lf %n", tokenizer, &lowercase, &references, &first,
                            &last, smoothing, &options.smooth_value, &effective, &score, &used);
        assert_int_equal(fields, 9);
        options.tokenizer = (hd_bleu_tokenizer)find(tokenizer, tokenizers);
        options.smoothing = (hd_bleu_smoothing)find(smoothing, smoothings);
        options.lowercase = lowercase;
        options.effective_order = effective;

        hd_bleu *bleu;
        assert_ok(context, hd_bleu_open(context, &options, &bleu));
        for (uint64_t row = first; row < last; row++) assert_ok(context, add_row(bleu, row, references));
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        char mine[32], theirs[32];
        snprintf(mine, sizeof mine, "%.10f", result.score);
        snprintf(theirs, sizeof theirs, "%.10f", score);
        assert_string_equal(mine, theirs);
        hd_buffer_clear(&text);
        hd_bleu_line(bleu, &result, 1, &text);
        char *version = strstr(text.data, "|heed:");
        assert_non_null(version);
        memmove(version, strchr(version, ' '), strlen(strchr(version, ' ')) + 1);
        assert_string_equal(text.data, lines.text + used);
        hd_bleu_close(bleu);
    }
    assert_int_equal(lines.status, HEED_OK);
    assert_true(lines.number > 900);
    hd_lines_close(&lines);
    hd_buffer_close(&text);
}

static void each_segment_matches(void **state) {
    (void)state;
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, FOLDER "segments", 0, &lines));
    while (hd_lines_next(&lines)) {
        char tokenizer[8], mine[256];
        unsigned row;
        assert_int_equal(sscanf(lines.text, "%7s %u", tokenizer, &row), 2);
        hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)find(tokenizer, tokenizers), .lowercase = true};
        hd_bleu *bleu;
        assert_ok(context, hd_bleu_open(context, &options, &bleu));
        assert_ok(context, add_row(bleu, row, 2));
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        const int64_t *m = result.matches, *t = result.totals;
        snprintf(mine, sizeof mine, "%s %u %d %d %d %d %d %d %d %d %d %d", tokenizer, row,
                 (int)result.hypothesis_length, (int)result.reference_length, (int)m[0], (int)m[1], (int)m[2],
                 (int)m[3], (int)t[0], (int)t[1], (int)t[2], (int)t[3]);
        assert_string_equal(mine, lines.text);
        hd_bleu_close(bleu);
    }
    assert_int_equal(lines.number, 4 * corpus[0].count);
    hd_lines_close(&lines);
}

static void lowercase_is_that_of_python(void **state) {
    (void)state;
    hd_line_index pairs;
    assert_ok(context, hd_line_index_open(context, FOLDER "lowercase", &pairs));
    hd_bleu_text mine, theirs;
    hd_bleu_text_open(&mine, context);
    hd_bleu_text_open(&theirs, context);
    for (uint64_t i = 0; i + 1 < pairs.count; i += 2) {
        const char *text;
        size_t size;
        hd_line_index_get(&pairs, i, &text, &size);
        assert_ok(context, hd_bleu_tokenize(&mine, HD_BLEU_NONE, true, text, size));
        hd_line_index_get(&pairs, i + 1, &text, &size);
        assert_ok(context, hd_bleu_tokenize(&theirs, HD_BLEU_NONE, false, text, size));
        if (mine.count != theirs.count || memcmp(mine.points, theirs.points, mine.count * sizeof *mine.points) != 0)
            fail_msg("not lowercased: %.*s", (int)size, text);
    }
    hd_bleu_text_close(&mine);
    hd_bleu_text_close(&theirs);
    hd_line_index_close(&pairs);
}

static void nothing_scores_zero(void **state) {
    (void)state;
    hd_bleu *bleu;
    hd_bleu_result result;
    assert_ok(context, hd_bleu_open(context, &(hd_bleu_options){0}, &bleu));
    hd_bleu_score(bleu, &result);
    assert_true(result.score == 0 && result.ratio == 0 && result.brevity_penalty == 1);
    assert_int_equal(hd_bleu_add(bleu, "x", 1, NULL, NULL, 0), HEED_ARGUMENT);
    hd_bleu_score(bleu, &result);
    assert_int_equal(result.sentences, 0);
    hd_bleu_close(bleu);
}

static void count_notes(void *user, const char *line) {
    (void)line;
    ++*(int *)user;
}

static void fields_are_those_of_sacrebleu(void **state) {
    (void)state;
    hd_bleu *bleu;
    hd_bleu_result result;
    hd_buffer text;
    int notes = 0;
    heed_context_set_log(context, count_notes, &notes);
    hd_buffer_open(&text, context);
    assert_ok(context, hd_bleu_open(context, &(hd_bleu_options){0}, &bleu));
    const char *references[] = {"a b c d f .", "a b c d f ."};
    const size_t sizes[] = {11, 11};
    for (int i = 0; i < 100; i++) assert_ok(context, hd_bleu_add(bleu, "a b c d e .", 11, references, sizes, 1));
    hd_bleu_score(bleu, &result);
    assert_int_equal(notes, 1); /* these look tokenized */
    hd_bleu_json(bleu, &result, 2, &text);
    assert_string_equal(text.data,
                        "{\"name\": \"BLEU\", \"score\": 53.73, "
                        "\"signature\": \"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|heed:" HEED_VERSION
                        "\", "
                        "\"verbose_score\": \"83.3/60.0/50.0/33.3 (BP = 1.000 ratio = 1.000 hyp_len = 600 "
                        "ref_len = 600)\", \"nrefs\": \"1\", \"case\": \"mixed\", \"eff\": \"no\", \"tok\": \"13a\", "
                        "\"smooth\": \"exp\", \"heed\": \"" HEED_VERSION "\"}");
    assert_ok(context, hd_bleu_add(bleu, "a", 1, references, sizes, 2));
    hd_buffer_clear(&text);
    hd_bleu_signature(bleu, &text);
    assert_memory_equal(text.data, "nrefs:var|", 10);
    hd_bleu_close(bleu);
    hd_buffer_close(&text);
    heed_context_set_log(context, NULL, NULL);
}

static heed_status score_some(heed_context *failing) {
    hd_bleu *bleu;
    HD_TRY(hd_bleu_open(failing, &(hd_bleu_options){.lowercase = true}, &bleu));
    heed_status status = HEED_OK;
    for (uint64_t row = 0; row < 5 && status == HEED_OK; row++) status = add_row(bleu, row, 2);
    hd_bleu_result result;
    hd_bleu_score(bleu, &result);
    hd_buffer text;
    hd_buffer_open(&text, failing);
    hd_bleu_json(bleu, &result, 1, &text);
    if (text.failed) status = HEED_MEMORY;
    hd_buffer_close(&text);
    hd_bleu_close(bleu);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_each_allocation(score_some);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus_scores_match),           cmocka_unit_test(each_segment_matches),
        cmocka_unit_test(lowercase_is_that_of_python),   cmocka_unit_test(nothing_scores_zero),
        cmocka_unit_test(fields_are_those_of_sacrebleu), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_corpus, close_corpus);
}
