/* Objectives: every row is complete, and a batch has the inputs and targets that its objective says. */
#include "fixture.h"

#include "data/batch.h"

#include <string.h>

static heed_context *context;
static hd_pass pass;

static int set_up(void **state) {
    (void)state;
    if (heed_context_open(&context) != HEED_OK) return -1;
    hd_pass_open(&pass, context, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    hd_pass_close(&pass);
    heed_context_close(context);
    return 0;
}

static void rows_are_complete(void **state) {
    (void)state;
    int count = 0;
    for (; hd_objective_name(count); count++) {
        const hd_objective *o = &hd_objectives[count];
        assert_true(o->encodes || o->decodes);
        assert_true(o->read && o->weight && o->target_count && o->write);
        assert_true(o->decodes == (o->decoder_count != NULL));
        assert_true(o->metrics >> o->metric & 1);
        assert_true(o->pipeline && o->examples && o->targets && o->target);
        assert_false(o->two_texts && o->labels);
    }
    assert_int_equal(count, HD_OBJECTIVE_ANSWER + 1);
    assert_null(hd_objective_name(-1));
    assert_string_equal(hd_metric_option(HD_METRIC_SPAN_F1), "span-f1");
    assert_string_equal(hd_metric_option(HD_METRIC_ANSWER_F1), "answer-f1");
    assert_null(hd_metric_option(HD_METRIC_ANSWER_F1 + 1));
}

static const int32_t source[] = {5, 6, 7, 8}, target[] = {4, -1, 3, 2};

/* Two copies of two examples, of which the second has one token fewer. */
static hd_batch make(hd_objective_kind kind) {
    const hd_pair pairs[] = {{.number = 9, .source = source, .target = target, .source_count = 4, .target_count = 4},
                             {.number = 3, .source = source, .target = target, .source_count = 3, .target_count = 3}};
    hd_batch batch;
    hd_pass_reset(&pass);
    assert_true(hd_batch_make(&pass, &hd_objectives[kind], 99, pairs, 2, 2, &batch));
    assert_int_equal(batch.texts.sequences, 4);
    assert_int_equal(batch.texts.starts[4], batch.target_count);
    assert_true(batch.texts.examples[1] == 3 && batch.texts.examples[2] == (9 | (uint64_t)1 << 63));
    return batch;
}

static void check_ids(const int32_t *ids, int64_t count, const int32_t *expected, size_t size) {
    assert_int_equal((size_t)count * sizeof *ids, size);
    assert_memory_equal(ids, expected, size);
}

#define CHECK(ids, count, ...)                            \
    do {                                                  \
        static const int32_t expected[] = {__VA_ARGS__};  \
        check_ids(ids, count, expected, sizeof expected); \
    } while (0)

static void batches_are_laid_out(void **state) {
    (void)state;
    hd_batch b = make(HD_OBJECTIVE_TRANSLATE);
    CHECK(b.source_ids, b.sources.starts[4], 5, 6, 7, 8, 5, 6, 7, 5, 6, 7, 8, 5, 6, 7);
    CHECK(b.decoder_ids, b.decoded.starts[4], 99, 4, -1, 3, 99, 4, -1, 99, 4, -1, 3, 99, 4, -1);
    CHECK(b.targets, b.target_count, 4, -1, 3, 2, 4, -1, 3, 4, -1, 3, 2, 4, -1, 3);
    assert_null(b.rows);
    b = make(HD_OBJECTIVE_LANGUAGE);
    assert_null(b.source_ids);
    CHECK(b.decoder_ids, b.decoded.starts[4], 4, -1, 3, 4, -1, 4, -1, 3, 4, -1);
    CHECK(b.targets, b.target_count, -1, 3, 2, -1, 3, -1, 3, 2, -1, 3);
    b = make(HD_OBJECTIVE_TAG);
    assert_null(b.decoder_ids);
    CHECK(b.rows, b.target_count, 0, 2, 3, 4, 6, 7, 9, 10, 11, 13);
    CHECK(b.targets, b.target_count, 4, 3, 2, 4, 3, 4, 3, 2, 4, 3);
}

/* Marks are token types with the ends of the answer. */
static void answers_are_laid_out(void **state) {
    (void)state;
    enum { TYPE = HD_MARK_TYPE };
    const int32_t marks[] = {0, 0, TYPE | HD_MARK_FIRST, TYPE | HD_MARK_LAST},
                  none[] = {HD_MARK_FIRST | HD_MARK_LAST, TYPE, TYPE};
    const hd_pair pairs[] = {{.number = 1, .source = source, .target = marks, .source_count = 4, .target_count = 4},
                             {.number = 2, .source = source, .target = none, .source_count = 3, .target_count = 3}};
    hd_batch b;
    hd_pass_reset(&pass);
    assert_true(hd_batch_make(&pass, &hd_objectives[HD_OBJECTIVE_ANSWER], 99, pairs, 2, 1, &b));
    CHECK(b.source_ids, b.sources.starts[2], 5, 6, 7, 8, 5, 6, 7);
    CHECK(b.types, b.sources.starts[2], 0, 0, 1, 1, 0, 1, 1);
    CHECK(b.targets, b.target_count, 2, 3, 0, 0);
    assert_int_equal(b.texts.starts[2], 4);
    assert_null(b.rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_complete), cmocka_unit_test(batches_are_laid_out),
                                       cmocka_unit_test(answers_are_laid_out)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
