/* base: arenas keep their memory and alignment, writers leave whole files or none, random numbers follow Philox, the best of
 * many scores are kept in order. */
#include "fixture.h"

#include "base/arena.h"
#include "base/best.h"
#include "base/file.h"
#include "base/random.h"
#include "base/real.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void arena_rewinds_and_reuses(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    char *first = hd_arena_alloc(&arena, 100, 1);
    hd_arena_mark mark = hd_arena_here(&arena);
    for (int i = 0; i < 100; i++) {
        char *block = hd_arena_alloc(&arena, 10000, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, i, 10000);
    }
    size_t held = hd_arena_size(&arena);
    hd_arena_rewind(&arena, mark);
    for (int i = 0; i < 100; i++) hd_arena_alloc(&arena, 10000, 1);
    assert_int_equal(hd_arena_size(&arena), held);
    hd_arena_rewind(&arena, (hd_arena_mark){0});
    assert_ptr_equal(hd_arena_alloc(&arena, 100, 1), first);
    assert_null(hd_arena_alloc(&arena, SIZE_MAX / 2, 3));
    hd_arena_close(&arena);
    heed_context_close(context);
}

/* After rounds of different sizes an arena has one block, as large as the largest round. */
static void arena_joins_its_blocks(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_arena arena;
    hd_arena_open(&arena, context);
    for (size_t round = 0; round < 200; round++) {
        hd_arena_reset(&arena);
        for (size_t i = 0; i < 30; i++)
            assert_non_null(hd_arena_alloc(&arena, 1 + (round * 7919 + i * 104729) % 300000, 1));
    }
    assert_true(hd_arena_size(&arena) < 12000000);
    hd_arena_close(&arena);
    heed_context_close(context);
}

static void philox_matches_published_vectors(void **state) {
    (void)state; /* from kat_vectors of the Random123 distribution, philox4x32-10 */
    uint32_t out[4];
    hd_philox((hd_random_key){{0, 0}}, 0, 0, 0, out);
    assert_int_equal(out[0], 0x6627e8d5u);
    assert_int_equal(out[1], 0xe169c58du);
    assert_int_equal(out[2], 0xbc57ac4cu);
    assert_int_equal(out[3], 0x9b00dbd8u);
    hd_philox((hd_random_key){{0xffffffffu, 0xffffffffu}}, 0xffffffffu, 0xffffffffu, 0xffffffffffffffffull, out);
    assert_int_equal(out[0], 0x408f276du);
    assert_int_equal(out[1], 0x41c83b0eu);
    assert_int_equal(out[2], 0xa20bc7c6u);
    assert_int_equal(out[3], 0x6d5451fdu);
}

static void writer_leaves_the_old_file_on_failure(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-base-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "file");
    assert_ok(context, hd_file_write(context, path, "old", 3));
    hd_writer writer;
    assert_ok(context, hd_writer_open(context, path, &writer));
    assert_ok(context, hd_writer_write(&writer, "new", 3));
    hd_writer_abandon(&writer);
    hd_buffer read;
    hd_buffer_open(&read, context);
    assert_ok(context, hd_file_read(context, path, &read));
    assert_string_equal(read.data, "old");
    hd_buffer_close(&read);
    char *missing = hd_path_join(context, folder, "no/such/file");
    assert_int_equal(hd_file_write(context, missing, "x", 1), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), missing));
    hd_free(context, missing);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no other file is left */
    hd_free(context, path);
    heed_context_close(context);
}

/* The best three of some scores; equal ones in the order of their arrival. */
static void the_best_are_kept_in_order(void **state) {
    (void)state;
    typedef struct item {
        float score;
        int number;
    } item;
    static const float scores[] = {1, 3, 3, 2, 3, 1, 4, NAN, 2};
    static const int64_t indexes[] = {0, 0, 1, 2, 2, -1, 0, -1, -1};
    item best[3];
    int64_t count = 0;
    for (int i = 0; i < (int)HD_COUNT(scores); i++) {
        item new = {scores[i], i};
        assert_int_equal(hd_keep_best(best, &count, 3, sizeof new, &new), indexes[i]);
    }
    assert_int_equal(count, 3);
    assert_int_equal(best[0].number, 6);
    assert_int_equal(best[1].number, 1);
    assert_int_equal(best[2].number, 2);
    assert_int_equal(hd_keep_best(best, &(int64_t){0}, 0, sizeof *best, best), -1);
}

static void softmax_sums_to_one(void **state) {
    (void)state;
    double p[3], q[3];
    hd_softmax((const float[]){1, 1, -100}, 3, p);
    assert_true(p[0] == 0.5 && p[1] == 0.5 && p[2] == 0);
    hd_softmax((const float[]){1e30f, 0, 1e30f}, 3, q); /* no overflow */
    assert_true(q[0] == 0.5 && q[1] == 0 && q[2] == 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_rewinds_and_reuses),
        cmocka_unit_test(arena_joins_its_blocks),
        cmocka_unit_test(the_best_are_kept_in_order),
        cmocka_unit_test(philox_matches_published_vectors),
        cmocka_unit_test(writer_leaves_the_old_file_on_failure),
        cmocka_unit_test(softmax_sums_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
