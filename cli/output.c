#include "output.h"

#include <errno.h>
#include <heed/heed.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

static int write_error; /* errno of the first failure */

/* ---- standard output -------------------------------------------------------------------------------------------- */

static bool is_terminal(void) {
    static int known; /* 1: yes, 2: no */
    if (!known) known = isatty(STDOUT_FILENO) ? 1 : 2;
    return known == 1;
}

bool has_colors(void) {
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return is_terminal() && !(refused && *refused) && terminal && strcmp(terminal, "dumb") != 0;
}

bool has_all_colors(void) {
    const char *refused = getenv("NO_COLOR"), *has = getenv("COLORTERM");
    if (!isatty(STDOUT_FILENO) || (refused && *refused)) return false;
    return has && (strcmp(has, "truecolor") == 0 || strcmp(has, "24bit") == 0);
}

/* A terminal receives no control characters and no invalid UTF-8. A file or a pipe receives the bytes as they are. */
static void put_character(const char *bytes, size_t size, uint32_t code) {
    bool control = heed_character_is_control(code) && code != '\n' && code != '\t';
    if (is_terminal() && (control || code == 0xFFFD))
        fputs("\xEF\xBF\xBD", stdout);
    else
        fwrite(bytes, 1, size, stdout);
}

static void put(const char *text, size_t size, bool one_line) {
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t code;
        length = heed_text_character(text + at, size - at, &code);
        if (one_line && (code == '\n' || code == '\r'))
            putchar(' ');
        else
            put_character(text + at, length, code);
    }
}

void put_line_text(const char *text, size_t size) { put(text, size, true); }
void put_lines(const char *text, size_t size) { put(text, size, false); }

void put_json_string(const char *text, size_t size) {
    putchar('"');
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t code;
        length = heed_text_character(text + at, size - at, &code);
        if (code == '"' || code == '\\')
            printf("\\%c", (int)code);
        else if (code == '\n')
            fputs("\\n", stdout);
        else if (code == '\t')
            fputs("\\t", stdout);
        else if (code == '\r')
            fputs("\\r", stdout);
        else if (heed_character_is_control(code))
            printf("\\u%04x", (unsigned)code);
        else if (code == 0xFFFD)
            fputs("\xEF\xBF\xBD", stdout);
        else
            fwrite(text + at, 1, length, stdout);
    }
    putchar('"');
}

void put_json_float(float number) { printf("%.9g", (double)number); }

bool flush_output(void) {
    errno = 0;
    bool fine = fflush(stdout) == 0 && !ferror(stdout);
    if (!fine && !write_error) write_error = errno ? errno : EIO;
    return !write_error;
}

int finish_output(const char *name, int exit_code) {
    if (flush_output()) return exit_code;
    if (write_error != EPIPE) print_message("heed %s: cannot write standard output: %s", name, strerror(write_error));
    return 1;
}

/* ---- standard error --------------------------------------------------------------------------------------------- */

void print_message(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t size = length > 0 ? (size_t)length : 0;
    char *line = grow_memory(NULL, size + 1, 1);
    line[0] = 0;
    vsnprintf(line, size + 1, format, again);
    va_end(again);
    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t code;
        bytes = heed_text_character(line + at, size - at, &code);
        if (heed_character_is_control(code) || code == 0xFFFD)
            fputc('?', stderr);
        else
            fwrite(line + at, 1, bytes, stderr);
    }
    fputc('\n', stderr);
    free(line);
}

/* ---- progress bars ---------------------------------------------------------------------------------------------- */

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int progress_columns(void) {
    int columns = terminal_columns(STDERR_FILENO);
    return columns > 20 ? columns - 1 : 79;
}
