/* Decoded text that is passed on while it grows, token by token. A token may be a part of a character, and a decoder writes
 * U+FFFD there until the character is whole. */
#ifndef HD_TEXT_STREAM_H
#define HD_TEXT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

/* The length of a text without the U+FFFD at its end, which wait for more tokens. */
size_t hd_stream_whole(const char *text, size_t size);
/* The text of all tokens so far may be passed on from byte *first to the returned end, after `streamed` bytes of the text
 * of fewer tokens were; nothing if the two are equal. The caller sets `streamed` to the end. Without `last` a U+FFFD at the
 * end waits for more tokens. A decoder may later write in another way what was passed on: then less or nothing follows,
 * but no part of a character. */
size_t hd_stream_next(const char *text, size_t size, size_t streamed, bool last, size_t *first);

#endif
