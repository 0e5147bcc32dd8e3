/* Characters: UTF-8 in and out, and the classes and case maps that tokenizers ask for.
 *
 * Classes follow the Rust standard library and regex crate, which Hugging Face tokenizers is built on; the data is
 * utf8proc's. A code point is a uint32_t under 0x110000 that is not a surrogate. */
#ifndef HD_TEXT_UNICODE_H
#define HD_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HD_REPLACEMENT_CHARACTER = 0xFFFD };

/* Reads one character of text[0 … size), size > 0, and returns how many bytes it took. What is not UTF-8 becomes
 * U+FFFD, one for each longest prefix of a sound sequence or each stray byte: the Unicode Standard's recommended
 * practice (chapter 3, "U+FFFD Substitution of Maximal Subparts") and what Python's errors="replace" does. */
size_t hd_utf8_decode(const char *text, size_t size, uint32_t *code);
/* Writes one character and returns its 1 to 4 bytes. */
size_t hd_utf8_encode(uint32_t code, char bytes[4]);
bool hd_utf8_valid(const char *text, size_t size);
/* How many characters there are; and the byte at which character `number` begins, or `size` behind the last. */
size_t hd_utf8_count(const char *text, size_t size);
size_t hd_utf8_offset(const char *text, size_t size, size_t number);

bool hd_is_whitespace(uint32_t code);      /* White_Space, Rust's char::is_whitespace */
bool hd_is_punctuation(uint32_t code);     /* any ASCII punctuation or symbol, or a category P* */
bool hd_is_word(uint32_t code);            /* \w of Rust's regex: alphabetic, mark, decimal digit, connector, joiner */
bool hd_is_numeric(uint32_t code);         /* a category N* */
bool hd_is_mark(uint32_t code);            /* a category M* */
bool hd_is_nonspacing_mark(uint32_t code); /* Mn */
bool hd_commands_terminal(uint32_t code);  /* what is not to be shown as it is: C0, C1 and delete */
bool hd_is_control(uint32_t code);         /* Cc, Cf and Co: what BERT's clean_text drops */
bool hd_is_chinese(uint32_t code);         /* the ideographs that BERT takes for words */

/* Rust's char::to_lowercase, the full mapping: one code point, but two for U+0130. */
size_t hd_lowercase(uint32_t code, uint32_t out[2]);

/* GPT-2's alphabet for bytes: those that are visible stand for themselves, the others for U+0100 and on; a space is Ġ. */
uint32_t hd_byte_character(uint8_t byte);
int hd_character_byte(uint32_t code); /* -1 for a character outside that alphabet */
/* Cells of a terminal that a character takes: 0 for combining and other invisible ones, 2 for wide ones. */
int hd_cell_width(uint32_t code);

/* Canonical combining class. */
int hd_combining_class(uint32_t code);
/* The full (canonical, or with `compatible` the compatibility) decomposition; at most HD_DECOMPOSED code points. */
enum { HD_DECOMPOSED = 32 };
size_t hd_decompose(uint32_t code, bool compatible, uint32_t out[HD_DECOMPOSED]);
/* The primary composite of two code points, or 0. */
uint32_t hd_compose(uint32_t first, uint32_t second);

#endif
