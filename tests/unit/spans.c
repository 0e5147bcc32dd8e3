/* The F1 of spans, in the less obvious cases of seqeval's rules. */
#include "fixture.h"

#include "measure/metrics/spans.h"

#include <string.h>

enum { MOST = 8 };

typedef struct sentence {
    const char *expected, *predicted; /* labels with spaces between */
    uint64_t spans[3];                /* expected, predicted, right; as seqeval 1.2.2 counts them */
} sentence;

static const sentence sentences[] = {
    {"B-PER I-PER O", "B-PER I-PER O", {1, 1, 1}},
    {"B-PER I-PER O", "B-PER O O", {1, 1, 0}},                     /* too short */
    {"B-PER O O", "B-PER I-PER O", {1, 1, 0}},                     /* too long */
    {"B-PER B-PER", "B-PER I-PER", {2, 1, 0}},                     /* two adjacent spans, found as one */
    {"B-PER B-LOC", "B-PER I-LOC", {2, 2, 2}},                     /* another kind begins a span, with B- or I- */
    {"O I-PER I-PER", "O B-PER I-PER", {1, 1, 1}},                 /* equal in IO and BIO */
    {"B-PER O", "B-LOC O", {1, 1, 0}},                             /* another kind */
    {"O O O O", "O I-LOC O I-LOC", {0, 2, 0}},                     /* nothing there */
    {"B-PER I-PER B-LOC I-LOC", "O I-PER B-LOC I-LOC", {2, 2, 1}}, /* begins late */
    {"S-PER S-PER", "S-PER O", {2, 1, 1}},                         /* BIOES: adjacent spans stay separate */
    {"B-PER E-PER S-PER", "B-PER I-PER S-PER", {2, 2, 2}},
    {"I-PER E-PER I-PER", "I-PER I-PER I-PER", {2, 1, 0}}, /* IOE: E ends a span */
    {"E-PER E-PER O", "E-PER O O", {2, 1, 1}},
    {"B I", "B O", {1, 1, 0}}, /* tags without a kind */
    {"B B I", "B B I", {2, 2, 2}},
    {"U-PER U-PER", "U-PER O", {1, 1, 0}}, /* a tag that is not known continues a span */
    {"B-e-mail I-e-mail", "B-e-mail I-mail", {1, 2, 0}},
    {"PER PER O LOC", "PER O O LOC", {2, 2, 1}},
};

/* Splits labels in place; the number of a label is its position. */
static int64_t split(char *text, const char **names, int64_t first, int32_t *labels) {
    int64_t count = 0;
    for (char *label = strtok(text, " "); label; label = strtok(NULL, " ")) {
        names[first + count] = label;
        labels[count] = (int32_t)(first + count);
        count++;
    }
    return count;
}

static void spans_are_counted(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(sentences); i++) {
        const sentence *s = &sentences[i];
        const char *names[2 * MOST];
        int32_t expected[MOST], predicted[MOST];
        char left[80], right[80];
        hd_counts one = {0};
        hd_spans spans = {0};
        strcpy(left, s->expected), strcpy(right, s->predicted);
        int64_t count = split(left, names, 0, expected);
        assert_int_equal(split(right, names, MOST, predicted), count);
        hd_spans_add(&spans, &one, NULL, names, expected, predicted, count);
        hd_spans_add(&spans, &one, NULL, names, expected, predicted, count);
        if (one.expected != 2 * s->spans[0] || one.predicted != 2 * s->spans[1] || one.right != 2 * s->spans[2])
            fail_msg("sentence %zu twice: %d expected, %d predicted, %d right", i, (int)one.expected,
                     (int)one.predicted, (int)one.right);
    }
    assert_true(hd_f1(&(hd_counts){0}) == 0);
}

static void kinds_follow_the_tag(void **state) {
    (void)state;
    assert_string_equal(hd_span_kind("B-PER"), "PER");
    assert_string_equal(hd_span_kind("B-e-mail"), "e-mail");
    assert_string_equal(hd_span_kind("PER"), "ER");
    assert_string_equal(hd_span_kind("PER-B"), "B");
    assert_string_equal(hd_span_kind("é-PER"), "PER");
    assert_string_equal(hd_span_kind("B"), "_");
    assert_string_equal(hd_span_kind("B-"), "_");
    assert_string_equal(hd_span_kind(""), "_");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(spans_are_counted), cmocka_unit_test(kinds_follow_the_tag)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
