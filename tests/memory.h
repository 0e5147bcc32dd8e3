/* Memory that runs out at every point of a call. Each call runs with its nth allocation failing, alone or with all that
 * follow; it must return HEED_MEMORY with a message, or succeed with the usual result, leak nothing, leave no incomplete file
 * and none open, and succeed when it is called again. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include "fixture.h"

#include "base/file.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory that runs out --------------------------------------------------------------------------------------- */

/* heed allocates through its context and Jansson through its own hooks; nothing else here allocates. */
static struct {
    bool armed, for_good; /* for good: all later allocations fail too */
    long left;            /* allocations that still succeed; below 0 all do */
    long made, held;      /* while armed: allocations requested, and blocks made then and not freed */
} memory = {.left = -1};

static bool is_granted(bool for_good) {
    if (!memory.armed) return true;
    memory.made++;
    if (memory.left != 0) {
        if (memory.left > 0) memory.left--;
        return true;
    }
    if (!for_good) memory.left = -1;
    return false;
}

/* Before each block: was it made while armed? A model that was opened before and is closed later may keep some meanwhile. */
typedef union header {
    bool armed;
    max_align_t align;
} header;

static void *release(void *block) {
    header *it = block ? (header *)block - 1 : NULL;
    if (it && it->armed) memory.held--;
    free(it);
    return NULL;
}

static void *resize(void *user, void *block, size_t size) {
    (void)user;
    if (size == 0) return release(block);
    if (!is_granted(memory.for_good) || size > SIZE_MAX - sizeof(header)) return NULL;
    header *it = realloc(block ? (header *)block - 1 : NULL, sizeof *it + size);
    if (!it) return NULL;
    if (!block) it->armed = memory.armed;
    if (!block && memory.armed) memory.held++;
    return it + 1;
}

/* Always for good: Jansson's lexer drops a character when its text cannot grow, and continues with the next one. */
static void *jansson_malloc(size_t size) {
    if (!is_granted(true)) return NULL;
    if (memory.armed) memory.held++;
    return malloc(size);
}

static void jansson_free(void *block) {
    if (block && memory.armed) memory.held--;
    free(block);
}

static heed_status open_failing(heed_context **context) { return heed_context_open_with(resize, NULL, context); }

/* These files need not survive a power failure, and hundreds of training runs sync thousands of them. */
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

/* ---- the checks of every call ----------------------------------------------------------------------------------- */

static char folder[] = "/tmp/heed-memory-XXXXXX";

/* The results of a call, compared with those of the same call without failures. */
static char recorded[1 << 15];

static void record(const char *text) {
    size_t length = strlen(recorded);
    snprintf(recorded + length, sizeof recorded - length, "%s\n", text ? text : "none");
}

static const char *in_folder(const char *name) {
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Open descriptors, and mappings of files: a file that was not closed or unmapped. */
typedef struct open_files {
    int descriptors, mappings;
} open_files;

static open_files count_open_files(void) {
    open_files files = {0, 0};
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory)) files.descriptors++;
    if (directory) closedir(directory);
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) files.mappings += strchr(line, '/') != NULL;
    if (maps) fclose(maps);
    return files;
}

static void assert_same_files(open_files before, const char *when, long n) {
    open_files after = count_open_files();
    if (after.descriptors != before.descriptors || after.mappings != before.mappings)
        fail_msg("%s %ld: %d descriptors and %d mappings of files, before %d and %d", when, n, after.descriptors,
                 after.mappings, before.descriptors, before.mappings);
}

typedef heed_status work_function(heed_context *context);

static void check_failure(heed_context *context, heed_status status, long n) {
    const char *message = heed_context_message(context);
    if (!message[0]) fail_msg("allocation %ld fails: %s without a message", n, heed_status_name(status));
    if (status != HEED_MEMORY) fail_msg("allocation %ld fails: %s: %s", n, heed_status_name(status), message);
}

/* Runs `work` with allocation n failing. */
static void fail_one(work_function *work, work_function *afterwards, const char *expected, long n, bool for_good) {
    heed_context *context = NULL;
    assert_int_equal(open_failing(&context), HEED_OK);
    assert_ok(context, heed_context_set_threads(context, 1)); /* threads allocate in any order */
    open_files before = count_open_files();
    recorded[0] = 0;
    memory.for_good = for_good;
    memory.left = n;
    memory.made = memory.held = 0;
    memory.armed = true;
    heed_status status = work(context);
    memory.armed = false;
    memory.left = -1;
    if (memory.held)
        fail_msg("allocation %ld fails%s: %ld blocks are left", n, for_good ? " for good" : "", memory.held);
    assert_same_files(before, "with the failing allocation", n);
    if (status != HEED_OK)
        check_failure(context, status, n);
    else if (strcmp(recorded, expected) != 0)
        fail_msg("allocation %ld fails%s, the call succeeds, and says\n%s\nnot\n%s", n, for_good ? " for good" : "",
                 recorded, expected);
    recorded[0] = 0;
    status = afterwards(context);
    if (status != HEED_OK) fail_msg("after allocation %ld failed: %s", n, heed_context_message(context));
    assert_string_equal(recorded, expected);
    heed_context_close(context);
}

/* Fails the allocations of `work` in turn: the first `each` of them one by one, then about `samples` of the rest. */
static void fail_each(work_function *work, work_function *afterwards, long each, long samples) {
    char expected[sizeof recorded];
    for (int round = 0; round < 2; round++) { /* the first round fills the C library's own caches */
        open_files before = count_open_files();
        heed_context *context = NULL;
        assert_int_equal(open_failing(&context), HEED_OK);
        assert_ok(context, heed_context_set_threads(context, 1));
        recorded[0] = 0;
        memory.made = memory.held = 0;
        memory.armed = true;
        heed_status status = work(context);
        memory.armed = false;
        if (status != HEED_OK) fail_msg("with memory: %s", heed_context_message(context));
        heed_context_close(context);
        if (round) assert_same_files(before, "in round", round);
        memcpy(expected, recorded, sizeof recorded);
    }
    long count = memory.made, step = count > each ? (count - each) / samples + 1 : 1;
    assert_true(count > 0);
    for (long n = 0; n < count; n += n < each ? 1 : step) {
        fail_one(work, afterwards, expected, n, false);
        fail_one(work, afterwards, expected, n, true);
    }
}

static inline heed_status draw_picture(const heed_options *set, heed_status status, heed_picture *picture) {
    static const char *const formats[] = {"picture.txt", "picture.svg", "picture.json"};
    if (status != HEED_OK) assert_null(picture);
    for (size_t i = 0; i < 3 && status == HEED_OK; i++) status = heed_picture_save(picture, set, in_folder(formats[i]));
    heed_picture_close(picture);
    return status;
}

/* ---- the files -------------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    (void)state;
    static const char source[] = "one two\nthree\ntwo three one\none\nfour two\nthree four\n";
    static const char target[] = "12\n3\n231\n1\n42\n34\n";
    if (!mkdtemp(folder)) return -1;
    json_set_alloc_funcs(jansson_malloc, jansson_free);
    unsetenv("HEED_MODELS");
    heed_context *context = open_context();
    assert_ok(context, hd_file_write(context, in_folder("source"), source, sizeof source - 1));
    assert_ok(context, hd_file_write(context, in_folder("target"), target, sizeof target - 1));
    heed_context_close(context);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

#endif
