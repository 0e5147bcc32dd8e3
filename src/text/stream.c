#include "text/stream.h"

#include <string.h>

static bool inside_character(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

size_t hd_stream_next(const char *text, size_t size, size_t streamed, bool last, size_t *first) {
    size_t end = size;
    while (!last && end >= 3 && memcmp(text + end - 3, "\xEF\xBF\xBD", 3) == 0) end -= 3;
    *first = streamed;
    if (end <= streamed) return streamed;
    while (*first < end && inside_character(text[*first])) ++*first;
    return end;
}
