/* A temporary folder for a target whose parser reads files: created once, with links to the files that do not change, and
 * removed when the program ends. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char fuzz_folder[64];

/* These files need not survive a power failure. */
int fsync(int descriptor);
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

static inline void check(int truth) {
    if (!truth) abort();
}

static inline void remove_fuzz_folder(void) {
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", fuzz_folder);
    if (system(command) != 0) perror(fuzz_folder);
}

static inline void make_fuzz_folder(void) {
    if (fuzz_folder[0]) return;
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/heed-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    check(mkdtemp(fuzz_folder) != NULL);
    atexit(remove_fuzz_folder);
}

/* The path of a file in the folder; valid until the second call after this one. */
static inline const char *in_fuzz_folder(const char *name) {
    static char paths[2][160];
    static int turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder, name);
    return path;
}

static inline void write_fuzz_file(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(in_fuzz_folder(name), "wb");
    check(file != NULL);
    check(fwrite(bytes, 1, size, file) == size);
    check(fclose(file) == 0);
}

static inline void link_fuzz_file(const char *name, const char *target) {
    check(symlink(target, in_fuzz_folder(name)) == 0);
}

#endif
