#include "text/stream.h"

#include <string.h>

static bool inside_character(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

size_t hd_stream_whole(const char *text, size_t size) {
    while (size >= 3 && memcmp(text + size - 3, "\xEF\xBF\xBD", 3) == 0) size -= 3;
    return size;
}

size_t hd_stream_next(const char *text, size_t size, size_t streamed, bool last, size_t *first) {
    size_t end = last ? size : hd_stream_whole(text, size);
    *first = streamed;
    if (end <= streamed) return streamed;
    while (*first < end && inside_character(text[*first])) ++*first;
    return end;
}
