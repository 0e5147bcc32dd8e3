/* Questions of files, the windows of their contexts, and the scores of answers. */
#include "fixture.h"

#include "base/lines.h"
#include "data/readers/questions.h"
#include "formats/json.h"
#include "measure/metrics/squad.h"
#include "text/pair_windows.h"
#include "text/tokenizer.h"

#include <string.h>
#include <unistd.h>

static heed_context *context;

static int set_up(void **state) {
    (void)state;
    return heed_context_open(&context) == HEED_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    heed_context_close(context);
    return 0;
}

/* ---- files ---- */

/* One line per question: id, question, context, answers with their starts. */
static heed_status read_text(const char *text, char *out, size_t size) {
    char path[] = "/tmp/heed-questions-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
    hd_lines lines;
    hd_questions questions;
    size_t at = 0;
    bool more;
    out[0] = 0;
    assert_int_equal(hd_lines_open(context, path, 0, &lines), HEED_OK);
    heed_status status = hd_questions_open(context, &lines, &questions);
    while (status == HEED_OK && (status = hd_questions_next(&questions, &more)) == HEED_OK && more) {
        const hd_question *q = &questions.question;
        at += (size_t)snprintf(out + at, size - at, "%s|%s|%s", q->id ? q->id : "-", q->question, q->context);
        for (size_t i = 0; i < q->count; i++)
            at += (size_t)snprintf(out + at, size - at, "|%s %lld", q->answers[i].text, (long long)q->answers[i].start);
        at += (size_t)snprintf(out + at, size - at, "\n");
    }
    hd_questions_close(&questions);
    hd_lines_close(&lines);
    unlink(path);
    return status;
}

static void files_are_read(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"version\": \"v2.0\", \"data\": [{\"title\": \"t\", \"paragraphs\": [{\"context\": \"a b\", \"qas\": [\n"
         "{\"id\": \"1\", \"question\": \"q\", \"answers\": [{\"text\": \"b\", \"answer_start\": 2}, {\"text\": \"a\", "
         "\"answer_start\": 0}]},\n"
         "{\"id\": \"2\", \"question\": \"r\", \"is_impossible\": true, \"plausible_answers\": [], \"answers\": "
         "[]}]},\n"
         "{\"context\": \"c\", \"qas\": []}]}, {\"paragraphs\": [{\"context\": \"d\", \"qas\": [{\"question\": \"s\", "
         "\"answers\": "
         "[{\"text\": \"d\"}]}]}]}]}",
         "1|q|a b|b 2|a 0\n2|r|a b\n-|s|d|d -1\n"},
        {"{\"question\": \"q\", \"context\": \"a b\", \"answers\": {\"text\": [\"b\", \"a\"], \"answer_start\": [2, "
         "0]}}\n\n"
         "{\"id\": \"x\", \"question\": \"r\", \"context\": \"c\", \"answers\": [\"c\"]}",
         "-|q|a b|b 2|a 0\nx|r|c|c -1\n"},
        {"\n[{\"question\": \"q\", \"context\": \"a\", \"answers\": []},\n {\"question\": \"r\", \"context\": \"b\", "
         "\"is_impossible\": "
         "true}]\n",
         "-|q|a\n-|r|b\n"},
        {"{\"data\": [{\"question\": \"q\", \"context\": \"a\", \"answers\": {\"text\": [], \"answer_start\": []}}]}",
         "-|q|a\n"},
        {"{\"data\": []}", ""},
    };
    char found[1024];
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        if (read_text(cases[i][0], found, sizeof found) != HEED_OK)
            fail_msg("%zu: %s", i, heed_context_message(context));
        assert_string_equal(found, cases[i][1]);
    }
}

static void bad_files_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "holds no question"},
        {"who?\n", "line 1, column"},
        {"{\"question\": \"q\"\n", "line 2, column"},
        {"{\"question\": \"q\", \"answers\": []}\n", "\"context\" is missing"},
        {"{\"question\": \"q\", \"context\": \"c\"}\n", "\"answers\" is missing"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": [3]}\n", "answers[0].text"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": [\"a\\u0000b\"]}\n", "answers[0].text"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": {\"text\": [\"c\"], \"answer_start\": [0, 1]}}\n",
         "expected one per text"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": {\"text\": [\"c\"], \"answer_start\": [-1]}}\n",
         "expected an array of integers"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": [{\"text\": \"c\", \"answer_start\": -3}]}\n",
         "expected an integer from 0"},
        {"{\"question\": \"q\", \"context\": \"c\", \"answers\": []}\n{\"question\"\n", "line 2"},
        {"{\"data\": 3}", "\"data\" is 3"},
        {"{\"data\": [{\"paragraphs\": [{\"qas\": [{\"question\": \"q\"}]}]}]}",
         "\"data[0].paragraphs[0].context\" is missing"},
        {"[4]", "\"[0].question\" is missing"},
    };
    char found[1024];
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_status status = read_text(cases[i][0], found, sizeof found);
        if (status != HEED_FORMAT || !strstr(heed_context_message(context), cases[i][1]))
            fail_msg("%zu: status %d, \"%s\"", i, status, heed_context_message(context));
    }
}

static void references_are_found(void **state) {
    (void)state;
    const hd_question q = {.context =
                               "\xC3\x9C"
                               "ber a b a"};
    size_t start, end;
    assert_true(hd_reference_find(&q, &(hd_reference){"a b", 5}, &start, &end));
    assert_true(start == 5 && end == 8);
    assert_true(hd_reference_find(&q, &(hd_reference){"a", -1}, &start, &end));
    assert_true(start == 5 && end == 6);
    assert_true(hd_reference_find(&q, &(hd_reference){"\xC3\x9C", -1}, &start, &end));
    assert_true(start == 0 && end == 1);
    assert_false(hd_reference_find(&q, &(hd_reference){"a", 6}, &start, &end));
    assert_false(hd_reference_find(&q, &(hd_reference){"a", 4000}, &start, &end));
    assert_false(hd_reference_find(&q, &(hd_reference){"c", -1}, &start, &end));
    assert_false(hd_reference_find(&q, &(hd_reference){"", 0}, &start, &end));
}

/* ---- windows ---- */

/* 3 tokens of the first text, a template of one token at each of three places, `count` tokens of the second text. */
static hd_encoding pair_of(size_t count) {
    return (hd_encoding){.count = 6 + count, .firsts = {1, 5}, .counts = {3, count}};
}

/* The starts and ends of the windows, as the package tokenizers makes them: Encoding::truncate. */
static void windows_are_those_of_tokenizers(void **state) {
    (void)state;
    for (size_t count = 1; count < 40; count++)
        for (size_t longest = 7; longest < 24; longest++)
            for (int64_t stride = 0; stride < (int64_t)longest - 6; stride++) {
                const hd_encoding pair = pair_of(count);
                hd_pair_windows windows;
                size_t room = longest - 6, number = 0, first = 0;
                assert_int_equal(hd_pair_windows_cut(context, &pair, longest, stride, &windows), HEED_OK);
                for (bool last = false; !last; number++, first += room - (size_t)stride) {
                    size_t end = first + room < count ? first + room : count;
                    hd_pair_window w = hd_pair_windows_get(&windows, number);
                    assert_true(w.first == first + 5 && w.end == end + 5 && w.count == 6 + end - first);
                    for (size_t i = 0; i < w.count; i++) {
                        size_t token = i < 5 ? i : i < 5 + end - first ? first + i : i + count - (end - first);
                        assert_int_equal(hd_pair_window_token(&w, i), token);
                    }
                    last = end == count;
                }
                assert_int_equal(windows.count, number);
            }
}

static void windows_without_space_are_refused(void **state) {
    (void)state;
    const hd_encoding pair = pair_of(30);
    hd_pair_windows windows;
    assert_int_equal(hd_pair_windows_cut(context, &pair, 6, -1, &windows), HEED_LENGTH);
    assert_string_equal(heed_context_message(context),
                        "the question has 3 tokens, and leaves no space for the context in a window of 6");
    assert_int_equal(hd_pair_windows_cut(context, &pair, 10, 4, &windows), HEED_LENGTH);
    assert_string_equal(heed_context_message(context),
                        "a stride of 4 tokens is not less than the 4 of the context in a window of 10");
    assert_int_equal(hd_pair_windows_cut(context, &pair, 10, -1, &windows), HEED_OK); /* half of it */
    assert_true(windows.room == 4 && windows.step == 2);
    assert_int_equal(hd_pair_windows_cut(context, &pair, 7, -1, &windows), HEED_OK);
    assert_true(windows.room == 1 && windows.step == 1 && windows.count == 30);
}

/* ---- scores ---- */

/* Those of the scripts (tests/golden/squad/make.py). */
static void scores_are_those_of_the_scripts(void **state) {
    (void)state;
    hd_json json, list, item;
    hd_squad_scorer scorer = {.context = context};
    size_t count, references;
    assert_int_equal(hd_json_open(context, GOLDEN "/squad/scores.json", &json), HEED_OK);
    assert_int_equal(hd_json_array(&json, "cases", &list, &count), HEED_OK);
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++) {
        const char *texts[8];
        hd_json_element(&list, i, &item);
        const json_t *gold = json_object_get(item.root, "references"),
                     *prediction = json_object_get(item.root, "prediction");
        references = json_array_size(gold);
        for (size_t r = 0; r < references; r++) texts[r] = json_string_value(json_array_get(gold, r));
        for (int second = 0; second < 2; second++) {
            const json_t *expected = json_object_get(item.root, second ? "2.0" : "1.1");
            hd_squad_score score;
            assert_int_equal(hd_squad_compare(&scorer, second, json_string_value(prediction),
                                              json_string_length(prediction), texts, references, &score),
                             HEED_OK);
            double exact = json_number_value(json_array_get(expected, 0)),
                   f1 = json_number_value(json_array_get(expected, 1));
            if (score.exact != exact || score.f1 > f1 + 1e-12 || score.f1 < f1 - 1e-12)
                fail_msg("case %zu, version %d: %g %g, expected %g %g", i, second + 1, score.exact, score.f1, exact,
                         f1);
        }
    }
    hd_squad_close(&scorer);
    hd_json_close(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_read),
                                       cmocka_unit_test(bad_files_are_refused),
                                       cmocka_unit_test(references_are_found),
                                       cmocka_unit_test(windows_are_those_of_tokenizers),
                                       cmocka_unit_test(windows_without_space_are_refused),
                                       cmocka_unit_test(scores_are_those_of_the_scripts)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
