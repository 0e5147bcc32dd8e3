#include "line_edit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libedit's functions for programs that were written for GNU readline. */
static struct {
    bool loaded;
    char *(*read)(const char *prompt); /* NULL: there is no libedit */
    int (*remember)(const char *line);
} library;

static void load(void) {
    if (library.loaded) return;
    library.loaded = true;
    void *handle = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    library.read = (char *(*)(const char *))(uintptr_t)dlsym(handle, "readline");
    library.remember = (int (*)(const char *))(uintptr_t)dlsym(handle, "add_history");
}

static char *plain_line(const char *prompt) {
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    fputs(prompt, stdout);
    fflush(stdout);
    while ((size = getline(&line, &room, stdin)) < 0 && errno == EINTR && !feof(stdin)) clearerr(stdin);
    if (size < 0) {
        free(line);
        return NULL;
    }
    if (size && line[size - 1] == '\n') line[size - 1] = 0;
    return line;
}

char *edit_line(const char *prompt) {
    load();
    if (!library.read) return plain_line(prompt);
    char *line = library.read(prompt);
    if (line && *line && library.remember) library.remember(line);
    return line;
}
