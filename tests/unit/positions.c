/* Buckets of relative positions: those of PyTorch, by tables of where each bucket begins, and every distance of
 * ../shared/fixtures/position-buckets.json, which is skipped where it is absent. HEED_SHARED names another folder than
 * ../shared. */
#include "fixture.h"

#include "layers/positions.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FARTHEST = 3000, MOST = 72 };

/* The distances at which each bucket of one side begins, by transformers 5.24 and torch 2.13. */
typedef struct bucket_case {
    bool two_sided;
    int64_t buckets, farthest, count;
    int16_t starts[MOST];
} bucket_case;

/* clang-format off */
static const bucket_case cases[] = {
    {true, 32, 128, 16, {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91}},
    {false, 32, 128, 32, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59,
                          67, 77, 87, 99, 113}},
    {true, 8, 20, 4, {0, 1, 2, 7}},
    {false, 8, 20, 8, {0, 1, 2, 3, 4, 6, 9, 14}},
    {true, 64, 512, 32, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 25, 31, 39, 48, 59, 73, 91, 113, 140,
                         174, 216, 268, 332, 413}},
    {false, 64, 256, 64, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
                          27, 28, 29, 30, 31, 32, 35, 37, 39, 42, 45, 48, 51, 54, 58, 62, 66, 70, 75, 80, 85, 91, 97, 104,
                          110, 118, 126, 134, 143, 153, 163, 174, 185, 198, 211, 225, 240}},
    {true, 10, 50, 5, {0, 1, 2, 6, 18}},
    {false, 7, 1000, 7, {0, 1, 2, 3, 13, 55, 235}},
    {true, 4, 3, 2, {0, 1}},
    {false, 2, 2, 2, {0, 1}},
    {true, 33, 129, 16, {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 17, 23, 33, 46, 65, 92}},
    /* where arithmetic in double has other buckets */
    {false, 9, 128, 9, {0, 1, 2, 3, 4, 8, 16, 32, 64}},
    {false, 36, 50, 36, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 26,
                     27, 29, 31, 32, 34, 36, 38, 40, 43, 45, 48}},
    {true, 144, 100, 72, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
                      25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 38, 39, 40, 41, 42, 43, 44, 46, 47, 48, 50,
                      51, 53, 54, 56, 57, 59, 61, 62, 64, 66, 68, 70, 72, 74, 76, 78, 80, 82, 85, 87, 90, 92, 95,
                      98}},
};
/* clang-format on */

static void buckets_begin_where_those_of_pytorch_do(void **state) {
    (void)state;
    for (const bucket_case *c = cases; c < cases + HD_COUNT(cases); c++) {
        int32_t bucket = 0;
        for (int64_t distance = 0; distance <= FARTHEST; distance++) {
            while (bucket + 1 < c->count && distance >= c->starts[bucket + 1]) bucket++;
            int32_t after = !c->two_sided ? 0 : distance ? (int32_t)c->count + bucket : 0;
            assert_int_equal(hd_position_bucket(-distance, c->buckets, c->farthest, c->two_sided), bucket);
            assert_int_equal(hd_position_bucket(distance, c->buckets, c->farthest, c->two_sided), after);
        }
    }
}

/* Rows of the relative positions of DeBERTa, by transformers 5.24 and torch 2.13: the distances at which each bucket of one side
 * begins. Without buckets each distance has its own. */
static void relative_rows_begin_where_those_of_pytorch_do(void **state) {
    (void)state;
    static const struct {
        int64_t buckets, farthest, count;
        int16_t starts[32];
    } rows[] = {{32, 128, 32, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                               16, 17, 19, 22, 25, 28, 32, 37, 43, 49, 56, 64, 74, 84, 97, 111}},
                {8, 30, 8, {0, 1, 2, 3, 4, 5, 8, 15}},
                {5, 40, 5, {0, 1, 2, 3, 40}},
                {2, 10, 2, {0, 1}},
                {0, 9, 9, {0, 1, 2, 3, 4, 5, 6, 7, 8}}};
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        int64_t bucket = 0, span = rows[i].buckets ? rows[i].buckets : rows[i].farthest;
        for (int64_t distance = 0; distance <= FARTHEST; distance++) {
            while (bucket + 1 < rows[i].count && distance >= rows[i].starts[bucket + 1]) bucket++;
            /* keys far after the query have a bucket more than keys far before it */
            int64_t after = hd_relative_row(-distance, rows[i].buckets, rows[i].farthest);
            assert_int_equal(hd_relative_row(distance, rows[i].buckets, rows[i].farthest), span + bucket);
            assert_true(after == span - bucket || (after == 0 && bucket == span - 1));
            if (bucket < span - 1) assert_int_equal(after, span - bucket);
        }
        /* two buckets have no logarithm */
        assert_int_equal(hd_relative_row(-FARTHEST, rows[i].buckets, rows[i].farthest), rows[i].buckets == 2);
        assert_int_equal(hd_relative_row((int64_t)1 << 40, rows[i].buckets, rows[i].farthest), 2 * span - 1);
    }
}

/* Far beyond any text: the last bucket. */
static void the_farthest_keys_are_in_the_last_bucket(void **state) {
    (void)state;
    int64_t far = (int64_t)1 << 40;
    assert_int_equal(hd_position_bucket(-far, 32, 128, true), 15);
    assert_int_equal(hd_position_bucket(far, 32, 128, true), 31);
    assert_int_equal(hd_position_bucket(-far, 32, 128, false), 31);
    assert_int_equal(hd_position_bucket(far, 32, 128, false), 0);
}

static void buckets_are_those_of_pytorch_for_every_distance(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t buckets, farthest;
        bool two_sided;
    } lists[] = {{"t5 bidirectional=True buckets=32 distance=128", 32, 128, true},
                 {"t5 bidirectional=True buckets=8 distance=20", 8, 20, true},
                 {"t5 bidirectional=False buckets=32 distance=128", 32, 128, false},
                 {"t5 bidirectional=False buckets=8 distance=20", 8, 20, false},
                 {"mpnet 32,128", 32, 128, true}};
    const char *shared = getenv("HEED_SHARED");
    char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/position-buckets.json", shared ? shared : PROJECT "/../shared");
    if (access(path, R_OK) != 0) {
        print_message("position-buckets.json is absent\n");
        skip();
    }
    json_t *all = json_load_file(path, 0, NULL);
    const json_t *distances = json_object_get(all, "distances (key - query)");
    assert_true(json_array_size(distances) > 2000);
    for (size_t i = 0; i < HD_COUNT(lists); i++) {
        const json_t *buckets = json_object_get(all, lists[i].name);
        assert_int_equal(json_array_size(buckets), json_array_size(distances));
        for (size_t j = 0; j < json_array_size(distances); j++)
            assert_int_equal(hd_position_bucket(json_integer_value(json_array_get(distances, j)), lists[i].buckets,
                                                lists[i].farthest, lists[i].two_sided),
                             json_integer_value(json_array_get(buckets, j)));
    }
    static const struct {
        const char *name;
        int64_t buckets, farthest;
    } relative[] = {{"deberta-v2 of query-key, buckets=256 max=512", 256, 512},
                    {"deberta-v2 of query-key, buckets=32 max=128", 32, 128}};
    for (size_t i = 0; i < HD_COUNT(relative); i++) {
        const json_t *buckets = json_object_get(all, relative[i].name);
        int64_t span = relative[i].buckets;
        assert_int_equal(json_array_size(buckets), json_array_size(distances));
        for (size_t j = 0; j < json_array_size(distances); j++) {
            int64_t bucket = json_integer_value(json_array_get(buckets, j)) + span; /* not limited to the table */
            assert_int_equal(
                hd_relative_row(-json_integer_value(json_array_get(distances, j)), span, relative[i].farthest),
                hd_min(hd_max(bucket, 0), 2 * span - 1));
        }
    }
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(buckets_begin_where_those_of_pytorch_do),
                                       cmocka_unit_test(relative_rows_begin_where_those_of_pytorch_do),
                                       cmocka_unit_test(the_farthest_keys_are_in_the_last_bucket),
                                       cmocka_unit_test(buckets_are_those_of_pytorch_for_every_distance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
