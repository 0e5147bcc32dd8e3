/* Characters: the classes and case mappings that tokenizers need.
 *
 * Classes follow the Rust standard library and regex crate, on which Hugging Face tokenizers is built; the data is
 * utf8proc's. A code point is a uint32_t below 0x110000 that is not a surrogate. */
#ifndef HD_TEXT_UNICODE_H
#define HD_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

bool hd_is_whitespace(uint32_t code);       /* White_Space, Rust's char::is_whitespace */
bool hd_is_punctuation(uint32_t code);      /* any ASCII punctuation or symbol, or a category P* */
bool hd_is_word(uint32_t code);             /* \w of Rust's regex: alphabetic, mark, decimal digit, connector, joiner */
bool hd_is_numeric(uint32_t code);          /* a category N* */
bool hd_is_mark(uint32_t code);             /* a category M* */
bool hd_is_nonspacing_mark(uint32_t code);  /* Mn */
bool hd_is_control(uint32_t code);          /* Cc, Cf and Co: what BERT's clean_text drops */
bool hd_is_chinese(uint32_t code);          /* ideographs, which BERT treats as words */

/* Rust's char::to_lowercase, the full mapping: one code point, but two for U+0130. */
size_t hd_lowercase(uint32_t code, uint32_t out[2]);

/* GPT-2's alphabet of bytes: visible characters stand for themselves, other bytes are U+0100 and on; the space is Ġ. */
uint32_t hd_byte_character(uint8_t byte);
int hd_character_byte(uint32_t code); /* -1 for a character outside that alphabet */
/* Width in terminal cells: 0 for combining and other invisible characters, 2 for wide ones. */
int hd_cell_width(uint32_t code);

/* Canonical combining class. */
int hd_combining_class(uint32_t code);
/* The full (canonical, or with `compatible` the compatibility) decomposition; at most HD_DECOMPOSED code points. */
enum { HD_DECOMPOSED = 32 };
size_t hd_decompose(uint32_t code, bool compatible, uint32_t out[HD_DECOMPOSED]);
/* The primary composite of two code points, or 0. */
uint32_t hd_compose(uint32_t first, uint32_t second);

#endif
