/* The F1 of spans, in the less obvious cases of conlleval's rules. */
#include "fixture.h"

#include "measure/metrics/spans.h"

enum { O, BP, IP, BL, IL, MOST = 8 };
static const char *const names[] = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"};

typedef struct sentence {
    int64_t count;
    int32_t expected[MOST], predicted[MOST];
    uint64_t spans[3]; /* expected, predicted, right */
} sentence;

static const sentence sentences[] = {
    {3, {BP, IP, O}, {BP, IP, O}, {1, 1, 1}},
    {3, {BP, IP, O}, {BP, O, O}, {1, 1, 0}},           /* too short */
    {3, {BP, O, O}, {BP, IP, O}, {1, 1, 0}},           /* too long */
    {2, {BP, BP}, {BP, IP}, {2, 1, 0}},                /* two adjacent spans, found as one */
    {2, {BP, BL}, {BP, IL}, {2, 2, 2}},                /* another kind begins a span, with B- or I- */
    {3, {O, IP, IP}, {O, BP, IP}, {1, 1, 1}},          /* equal in IO and BIO */
    {2, {BP, O}, {BL, O}, {1, 1, 0}},                  /* another kind */
    {4, {O, O, O, O}, {O, IL, O, IL}, {0, 2, 0}},      /* nothing there */
    {4, {BP, IP, BL, IL}, {O, IP, BL, IL}, {2, 2, 1}}, /* begins late */
};

static void spans_are_counted(void **state) {
    (void)state;
    hd_counts all = {0};
    for (size_t i = 0; i < HD_COUNT(sentences); i++) {
        const sentence *s = &sentences[i];
        hd_counts one = {0};
        hd_spans_add(&one, NULL, names, s->expected, s->predicted, s->count);
        hd_spans_add(&all, NULL, names, s->expected, s->predicted, s->count);
        if (one.expected != s->spans[0] || one.predicted != s->spans[1] || one.right != s->spans[2])
            fail_msg("sentence %zu: %d expected, %d predicted, %d right", i, (int)one.expected, (int)one.predicted,
                     (int)one.right);
    }
    assert_true(hd_f1(&all) == 200.0 * 5 / (11 + 12));
    assert_true(hd_f1(&(hd_counts){0}) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(spans_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
