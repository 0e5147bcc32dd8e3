/* Sums by a fixed binary tree, against its definition: whatever the order in which leaves come, and from whichever
 * threads. */
#include "fixture.h"

#include "base/parallel.h"
#include "base/random.h"
#include "train/tree.h"

#include <string.h>

enum { MOST_LEAVES = 33, WIDTH = 40 };

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

/* Numbers of very different sizes: another order of additions rounds otherwise. */
static float leaf_value(int64_t leaf, int64_t column) {
    uint32_t words[4];
    hd_philox(hd_random_key_make(7, HD_RANDOM_SHUFFLE, 0), (uint32_t)column, 0, (uint64_t)leaf, words);
    float value = (float)(words[0] >> 8) * 0x1p-24f * (words[1] & 1 ? 1.0f : 1000.0f);
    return words[2] & 1 ? -value : value;
}

static int levels_of(int64_t leaves) {
    int levels = 0;
    while ((int64_t)1 << levels < leaves) levels++;
    return levels;
}

/* node (l, i) as it is defined. */
static float node(int64_t leaves, int level, int64_t i, int64_t column) {
    if (level == 0) return leaf_value(i, column);
    float left = node(leaves, level - 1, 2 * i, column);
    if ((2 * i + 1) << (level - 1) >= leaves) return left;
    return left + node(leaves, level - 1, 2 * i + 1, column);
}

static double double_node(int64_t leaves, int level, int64_t i) {
    if (level == 0) return (double)leaf_value(i, 0) / 3;
    double left = double_node(leaves, level - 1, 2 * i);
    if ((2 * i + 1) << (level - 1) >= leaves) return left;
    return left + double_node(leaves, level - 1, 2 * i + 1);
}

static void doubles_follow_the_tree(void **state) {
    (void)state;
    for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++) {
        hd_tree_sum sum = {.count = 0};
        for (int64_t i = 0; i < leaves; i++) hd_tree_sum_add(&sum, (double)leaf_value(i, 0) / 3);
        double expected = double_node(leaves, levels_of(leaves), 0), found = hd_tree_sum_total(&sum);
        assert_memory_equal(&expected, &found, sizeof found);
    }
    hd_tree_sum nothing = {.count = 0};
    assert_true(hd_tree_sum_total(&nothing) == 0);
}

static void check_root(const hd_tree *tree, int64_t leaves) {
    assert_non_null(tree->root);
    float expected[WIDTH];
    for (int64_t j = 0; j < WIDTH; j++) expected[j] = node(leaves, levels_of(leaves), 0, j);
    assert_memory_equal(expected, tree->root, sizeof expected);
}

static void put_leaf(hd_tree *tree, hd_stream *stream, int64_t leaf) {
    float *block = hd_tree_take(tree);
    assert_non_null(block);
    for (int64_t j = 0; j < WIDTH; j++) block[j] = leaf_value(leaf, j);
    hd_tree_put(tree, stream, leaf, block);
}

static void leaves_come_in_any_order(void **state) {
    (void)state;
    hd_arena arena;
    hd_tree tree;
    hd_stream stream;
    heed_status status = HEED_OK;
    assert_ok(context, hd_stream_open(&stream, context, &status));
    hd_arena_open(&arena, context);
    hd_tree_open(&tree, &arena, WIDTH);
    for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (uint64_t shuffle = 0; shuffle < 20; shuffle++) {
            uint32_t order[MOST_LEAVES];
            for (uint32_t i = 0; i < leaves; i++) order[i] = i;
            if (shuffle) hd_random_shuffle(hd_random_key_make(shuffle, HD_RANDOM_SHUFFLE, 0), order, (uint32_t)leaves);
            assert_ok(context, hd_tree_begin(&tree, leaves));
            for (int64_t i = 0; i < leaves; i++) put_leaf(&tree, &stream, order[i]);
            check_root(&tree, leaves);
        }
    hd_tree_close(&tree);
    hd_arena_close(&arena);
    hd_stream_close(&stream);
    assert_int_equal(status, HEED_OK);
}

enum { MOST_THREADS = 5 };

typedef struct parallel_sum {
    hd_tree *tree;
    heed_context alone;
    heed_status status[MOST_THREADS];
    hd_stream streams[MOST_THREADS];
} parallel_sum;

static void put_part(void *argument, int64_t piece, int worker) {
    parallel_sum *p = argument;
    put_leaf(p->tree, &p->streams[worker], piece);
}

/* Also: no more blocks exist than the bound says. */
static void threads_take_leaves(void **state) {
    (void)state;
    int before = context->threads;
    for (int threads = 1; threads <= MOST_THREADS; threads++)
        for (int64_t leaves = 1; leaves <= MOST_LEAVES; leaves++) {
            hd_arena arena;
            hd_tree tree;
            hd_arena_open(&arena, context);
            hd_tree_open(&tree, &arena, WIDTH);
            parallel_sum p = {.tree = &tree, .alone = hd_context_fork(context, 1)};
            for (int i = 0; i < threads; i++)
                assert_ok(&p.alone, hd_stream_open(&p.streams[i], &p.alone, &p.status[i]));
            context->threads = threads;
            assert_ok(context, hd_tree_begin(&tree, leaves));
            hd_parallel_for(context, leaves, INT64_MAX, put_part, &p);
            check_root(&tree, leaves);
            assert_in_range(tree.blocks, 1, threads * (levels_of(leaves) + 1));
            for (int i = 0; i < threads; i++) hd_stream_close(&p.streams[i]);
            hd_tree_close(&tree);
            hd_arena_close(&arena);
        }
    context->threads = before;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_follow_the_tree),
        cmocka_unit_test(leaves_come_in_any_order),
        cmocka_unit_test(threads_take_leaves),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
