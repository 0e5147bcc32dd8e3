/* base: arenas keep their memory and alignment, writers leave whole files or none and what is not a
 * regular file as it is, random numbers follow Philox, the best of
 * many scores are kept in order. */
#include "failing.h"

#include "base/arena.h"
#include "base/best.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/random.h"
#include "base/real.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* What is written to a link is written to the file that it leads to, by names of every form, and the link stays. */
static void links_are_followed(void **state) {
    (void)state;
    static const char *const links[][2] = {{"a", "f"}, {"b", "s/g"},    {"c", "ss/h"},
                                           {"d", "a"}, {"s/e", "../i"}, {"s/k", "j"}};
    static const char *const files[] = {"f", "s/g", "ss/h", "f", "i", "s/j"};
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-XXXXXX", path[128], absolute[128];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("s", 0777) | mkdir("ss", 0777), 0);
    for (int whole = 0; whole < 2; whole++)
        for (size_t i = 0; i < HD_COUNT(links); i++) {
            struct stat information;
            hd_buffer text;
            hd_buffer_open(&text, context);
            unlink(links[i][0]);
            assert_int_equal(symlink(links[i][1], links[i][0]), 0);
            snprintf(path, sizeof path, "%s%s%s", whole ? folder : "", whole ? "/" : "", links[i][0]);
            assert_ok(context, hd_file_write(context, path, links[i][0], strlen(links[i][0])));
            assert_int_equal(lstat(links[i][0], &information), 0);
            assert_true(S_ISLNK(information.st_mode));
            assert_ok(context, hd_file_read(context, files[i], &text));
            assert_string_equal(text.data, links[i][0]);
            hd_buffer_close(&text);
        }
    snprintf(absolute, sizeof absolute, "%s/ss/l", folder);
    assert_int_equal(symlink(absolute, "m"), 0);
    assert_ok(context, hd_file_write(context, "m", "x", 1));
    assert_true(hd_file_exists("ss/l"));
    assert_int_equal(symlink("o", "n") | symlink("n", "o"), 0); /* without an end */
    assert_int_equal(hd_file_write(context, "n", "x", 1), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "n: "));
    snprintf(path, sizeof path, "rm -rf %s", folder);
    assert_int_equal(chdir("/tmp") | system(path), 0);
    heed_context_close(context);
}

/* A round that needed several blocks has one the next time, and then needs no memory. */
static void arena_has_room_for_the_last_round(void **state) {
    (void)state;
    failing_allocator allocator = {.left = -1};
    heed_context *context = NULL;
    assert_int_equal(heed_context_open_with(failing_resize, &allocator, &context), HEED_OK);
    for (size_t size = 1000; size <= 1000000; size *= 10) {
        hd_arena arena;
        hd_arena_open(&arena, context);
        for (int round = 0; round < 4; round++) {
            if (round >= 2) allocator.left = 0;
            hd_arena_reset(&arena);
            for (int i = 0; i < 50; i++) assert_non_null(hd_arena_alloc(&arena, size, 1));
        }
        allocator.left = -1;
        hd_arena_close(&arena);
    }
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

static char *read_text(heed_context *context, const char *path) {
    hd_buffer read;
    hd_buffer_open(&read, context);
    assert_ok(context, hd_file_read(context, path, &read));
    return hd_buffer_take(&read);
}

static void assert_text(heed_context *context, const char *path, const char *expected) {
    char *text = read_text(context, path);
    assert_string_equal(text, expected);
    hd_free(context, text);
}

static size_t count_entries(const char *folder) {
    DIR *entries = opendir(folder);
    size_t count = 0;
    while (readdir(entries)) count++;
    closedir(entries);
    return count - 2; /* . and .. */
}

static void writer_keeps_links_and_modes(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-base-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *file = hd_path_join(context, folder, "file"), *link = hd_path_join(context, folder, "link");
    char *chain = hd_path_join(context, folder, "chain"), *loop = hd_path_join(context, folder, "loop");
    mode_t mask = umask(027);
    assert_ok(context, hd_file_write(context, file, "old", 3));
    umask(mask);
    struct stat information;
    assert_int_equal(stat(file, &information), 0);
    assert_int_equal(information.st_mode & 0777, 0640); /* a new file has the usual mode */
    assert_int_equal(chmod(file, 0604), 0);
    assert_true(geteuid() != 0 || chown(file, 12, 34) == 0);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(symlink(link, chain), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_ok(context, hd_file_write(context, chain, "new", 3));
    assert_int_equal(lstat(link, &information), 0);
    assert_true(S_ISLNK(information.st_mode));
    assert_int_equal(lstat(chain, &information), 0);
    assert_true(S_ISLNK(information.st_mode));
    assert_int_equal(lstat(file, &information), 0);
    assert_true(S_ISREG(information.st_mode));
    assert_int_equal(information.st_mode & 07777, 0604);
    assert_true(geteuid() != 0 || (information.st_uid == 12 && information.st_gid == 34));
    assert_text(context, file, "new");
    unlink(file);
    assert_ok(context, hd_file_write(context, chain, "again", 5)); /* a link to nothing yet */
    assert_text(context, file, "again");
    assert_int_equal(hd_file_write(context, loop, "x", 1), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "loop: cannot write: "));
    assert_int_equal(hd_file_write(context, folder, "x", 1), HEED_FILE);
    assert_non_null(strstr(heed_context_message(context), "Is a directory"));
    assert_int_equal(hd_file_write(context, "", "x", 1), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "the name of the file is empty");
    assert_int_equal(hd_folder_make(context, ""), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context), "the name of the folder is empty");
    assert_int_equal(count_entries(folder), 4);
    char *const paths[] = {file, link, chain, loop};
    for (size_t i = 0; i < HD_COUNT(paths); i++) {
        unlink(paths[i]);
        hd_free(context, paths[i]);
    }
    assert_int_equal(rmdir(folder), 0);
    heed_context_close(context);
}

/* Devices, pipes and descriptors are written, not replaced. */
static void writer_writes_devices_directly(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-base-XXXXXX", bytes[16], name[64];
    assert_non_null(mkdtemp(folder));
    char *pipe_path = hd_path_join(context, folder, "pipe"), *link = hd_path_join(context, folder, "link");
    char *file = hd_path_join(context, folder, "file");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    int reader = open(pipe_path, O_RDONLY | O_NONBLOCK);
    assert_ok(context, hd_file_write(context, pipe_path, "through", 7));
    assert_int_equal(read(reader, bytes, sizeof bytes), 7);
    assert_memory_equal(bytes, "through", 7);
    close(reader);
    struct stat information;
    assert_int_equal(lstat(pipe_path, &information), 0);
    assert_true(S_ISFIFO(information.st_mode));
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_ok(context, hd_file_write(context, link, "gone", 4));
    assert_int_equal(stat("/dev/null", &information), 0);
    assert_true(S_ISCHR(information.st_mode));
    assert_int_equal(hd_file_write(context, "/dev/full", "x", 1), HEED_FILE);
    assert_string_equal(heed_context_message(context), "/dev/full: cannot write: No space left on device");
    int descriptor = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(descriptor, "before ", 7), 7);
    snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
    assert_ok(context, hd_file_write(context, name, "between ", 8));
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    assert_ok(context, hd_file_write(context, name, "later ", 6));
    assert_int_equal(write(descriptor, "after", 5), 5);
    close(descriptor);
    assert_text(context, file, "before between later after");
    assert_int_equal(hd_file_write(context, name, "x", 1), HEED_FILE);
    char *const paths[] = {pipe_path, link, file};
    for (size_t i = 0; i < HD_COUNT(paths); i++) {
        unlink(paths[i]);
        hd_free(context, paths[i]);
    }
    assert_int_equal(rmdir(folder), 0);
    heed_context_close(context);
}

/* A file that lies where a temporary one might is not touched; temporary files of a killed process are swept. */
static void temporary_names_cannot_be_guessed(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-base-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *file = hd_path_join(context, folder, "file"), *part = hd_path_join(context, folder, "file.part");
    char *parts[2];
    assert_ok(context, hd_file_write(context, part, "mine", 4));
    hd_writer writer[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(context, hd_writer_open(context, file, &writer[i]));
        assert_ok(context, hd_writer_write(&writer[i], i ? "b" : "a", 1));
        parts[i] = hd_copy_string(context, writer[i].part);
    }
    assert_string_not_equal(parts[0], parts[1]);
    assert_ok(context, hd_writer_commit(&writer[0]));
    assert_text(context, file, "a");
    hd_folder_sweep(folder); /* as if the second one's process had been killed */
    assert_int_not_equal(access(parts[1], F_OK), 0);
    hd_writer_abandon(&writer[1]);
    assert_text(context, file, "a");
    assert_text(context, part, "mine");
    assert_int_equal(count_entries(folder), 2);
    hd_writer unnamed;
    hd_map map;
    assert_ok(context, hd_writer_open_unnamed(context, folder, &unnamed));
    assert_int_equal(count_entries(folder), 2);
    assert_ok(context, hd_writer_write(&unnamed, "hidden", 6));
    assert_ok(context, hd_writer_map(&unnamed, &map));
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.data, "hidden", 6);
    hd_map_close(&map);
    for (int i = 0; i < 2; i++) hd_free(context, parts[i]);
    unlink(file);
    unlink(part);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, file);
    hd_free(context, part);
    heed_context_close(context);
}

/* With standard input, output and error closed, files are opened on other descriptors. */
static void files_avoid_standard_descriptors(void **state) {
    (void)state;
    heed_context *context = open_context();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i <= STDERR_FILENO; i++) close(i);
        hd_writer writer, unnamed;
        hd_lines lines;
        bool fine = hd_writer_open(context, "/tmp/heed-base-closed", &writer) == HEED_OK && writer.descriptor > 2 &&
                    hd_writer_open_unnamed(context, "/tmp", &unnamed) == HEED_OK && unnamed.descriptor > 2 &&
                    hd_lines_open(context, "/dev/null", 0, &lines) == HEED_OK && lines.descriptor > 2;
        for (int i = 0; i <= STDERR_FILENO; i++) fine = fine && fcntl(i, F_GETFD) < 0;
        hd_writer_abandon(&writer);
        _exit(fine ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    heed_context_close(context);
}

static bool stop_now(void *user) {
    int *calls = user;
    return ++*calls > 2;
}

/* Waiting for a pipe that nobody writes to ends when the caller wants it to. */
static void a_wait_for_a_pipe_can_be_stopped(void **state) {
    (void)state;
    heed_context *context = open_context();
    char folder[] = "/tmp/heed-base-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = hd_path_join(context, folder, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    int calls = 0;
    heed_context_set_stop(context, stop_now, &calls);
    hd_lines lines;
    assert_ok(context, hd_lines_open(context, path, 0, &lines));
    assert_false(hd_lines_next(&lines));
    assert_int_equal(lines.status, HEED_STOPPED);
    hd_lines_close(&lines);
    hd_buffer text;
    hd_buffer_open(&text, context);
    calls = 0;
    assert_int_equal(hd_file_read(context, path, &text), HEED_STOPPED);
    assert_string_equal(heed_context_message(context), "stopped");
    hd_buffer_close(&text);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    hd_free(context, path);
    heed_context_close(context);
}

/* The pieces in which bytes come do not matter, each byte and their number do. */
static void checksums_see_every_byte(void **state) {
    (void)state;
    unsigned char bytes[100] = {0};
    for (size_t i = 0; i < 50; i++) bytes[i] = (unsigned char)(i * 37);
    uint64_t whole = hd_checksum_of(bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        hd_checksum sum = {0};
        hd_checksum_add(&sum, bytes, cut / 3);
        hd_checksum_add(&sum, bytes + cut / 3, cut - cut / 3);
        hd_checksum_add(&sum, bytes + cut, sizeof bytes - cut);
        assert_true(hd_checksum_value(&sum) == whole);
        assert_true(cut == sizeof bytes || hd_checksum_of(bytes, cut) != whole);
    }
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        assert_true(hd_checksum_of(bytes, sizeof bytes) != whole);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
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

static void powers_have_the_same_bits_everywhere(void **state) {
    static const float exponents[] = {0, 1, 2, -1, 0.5f, 1.5f, -2.5f, 0.6f, 0.1f, -0.3f, 3.3f, 10, -10, 9.9f};
    uint64_t bits = FINGERPRINT_OF_NOTHING;
    (void)state;
    for (int64_t length = 1; length <= 1 << 20; length += 1 + length / 50) {
        for (size_t i = 0; i < HD_COUNT(exponents); i++) {
            double power = hd_power((double)length, (double)exponents[i]);
            double expected = pow((double)length, (double)exponents[i]);
            assert_true(fabs(power / expected - 1) < 1e-13);
            if (length == 1) assert_true(power == 1);
            bits = fingerprint(bits, &power, sizeof power);
        }
        double x = (double)length;
        assert_true(hd_power(x, 1) == x && hd_power(x, 2) == x * x && hd_power(x * x, 1.5) == x * x * x);
    }
    assert_fingerprint(bits, 0xe147460f2eb6adb6u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_rewinds_and_reuses),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(arena_has_room_for_the_last_round),
        cmocka_unit_test(arena_joins_its_blocks),
        cmocka_unit_test(the_best_are_kept_in_order),
        cmocka_unit_test(philox_matches_published_vectors),
        cmocka_unit_test(writer_leaves_the_old_file_on_failure),
        cmocka_unit_test(writer_keeps_links_and_modes),
        cmocka_unit_test(writer_writes_devices_directly),
        cmocka_unit_test(temporary_names_cannot_be_guessed),
        cmocka_unit_test(files_avoid_standard_descriptors),
        cmocka_unit_test(a_wait_for_a_pipe_can_be_stopped),
        cmocka_unit_test(checksums_see_every_byte),
        cmocka_unit_test(softmax_sums_to_one),
        cmocka_unit_test(powers_have_the_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
