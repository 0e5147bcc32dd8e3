/* Texts that grow phrase by phrase, for the generators of data sets. */
#ifndef EXAMPLES_PHRASES_H
#define EXAMPLES_PHRASES_H

#include <stdarg.h>
#include <stdio.h>

typedef struct phrase {
    size_t size;
    char text[2048]; /* the longest text of a generator is near 700 bytes */
} phrase;

/* Appends formatted text; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) static inline void say(phrase *said, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(said->text + said->size, sizeof said->text - said->size, format, arguments);
    va_end(arguments);
    if (length > 0) said->size += (size_t)length;
    if (said->size >= sizeof said->text) said->size = sizeof said->text - 1;
}

/* Makes the letter at `at` a capital one. */
static inline void capitalize(phrase *said, size_t at) {
    if (said->text[at] >= 'a' && said->text[at] <= 'z') said->text[at] = (char)(said->text[at] + 'A' - 'a');
}

#endif
