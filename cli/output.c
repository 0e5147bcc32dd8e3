#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int write_error; /* errno of the first failure */

void put_line_text(const char *text) {
    for (; *text; text++) putchar(*text == '\n' || *text == '\r' ? ' ' : *text);
}

void put_json_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte == '\n')
            fputs("\\n", stdout);
        else if (byte == '\t')
            fputs("\\t", stdout);
        else if (byte == '\r')
            fputs("\\r", stdout);
        else if (byte < 32 || byte == 127)
            printf("\\u%04x", byte);
        else
            putchar(byte);
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
    if (write_error != EPIPE)
        fprintf(stderr, "heed %s: cannot write standard output: %s\n", name, strerror(write_error));
    return 1;
}
