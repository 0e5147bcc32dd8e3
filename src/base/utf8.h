/* UTF-8, and the characters that cannot be seen or must not be printed. A code point is a uint32_t below 0x110000 that is
 * not a surrogate. */
#ifndef HD_BASE_UTF8_H
#define HD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HD_REPLACEMENT_CHARACTER = 0xFFFD };

/* Reads one character of text[0 … size), size > 0, and returns the number of bytes read. Invalid UTF-8 becomes U+FFFD,
 * one for each longest prefix of a valid sequence or each stray byte: the Unicode Standard's recommended practice
 * (chapter 3, "U+FFFD Substitution of Maximal Subparts") and Python's errors="replace". */
size_t hd_utf8_decode(const char *text, size_t size, uint32_t *code);
/* Writes one character and returns its size, 1 to 4 bytes. */
size_t hd_utf8_encode(uint32_t code, char bytes[4]);
bool hd_utf8_valid(const char *text, size_t size);
/* The number of characters; the byte offset of character `number`, or `size` past the last. */
size_t hd_utf8_count(const char *text, size_t size);
size_t hd_utf8_offset(const char *text, size_t size, size_t number);

/* White space, and characters that by themselves show nothing: zero-width spaces, joiners, variation selectors, directional
 * and other format characters. */
bool hd_is_invisible(uint32_t code);
/* True if a text has nothing to read: no character, or invisible ones only. Such a line counts as an empty line wherever
 * texts are read. A zero byte is data. */
bool hd_text_is_blank(const char *text, size_t size);

/* Characters that must not reach a terminal: C0, DEL, C1, and the controls that embed, override or isolate a direction. */
bool hd_is_terminal_control(uint32_t code);
/* Replaces each such character, and each invalid sequence, by '?', in place: the text becomes one line of UTF-8. */
void hd_text_make_visible(char *text);

/* The size of the byte order mark at the beginning of a file, 3 or 0: no part of its text (Python's utf-8-sig). */
size_t hd_byte_order_mark(const char *text, size_t size);

#endif
