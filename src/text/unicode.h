/* Characters: the classes and case mappings that tokenizers need.
 *
 * Classes are those of Hugging Face tokenizers 0.23, each in the version of Unicode that its component follows there
 * (scripts/unicode-tables). A code point is a uint32_t below 0x110000 that is not a surrogate. */
#ifndef HD_TEXT_UNICODE_H
#define HD_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

bool hd_is_whitespace(uint32_t code);      /* White_Space, Rust's char::is_whitespace */
/* The first byte from `at` on that begins no White_Space character, or size. */
size_t hd_skip_whitespace(const char *text, size_t size, size_t at);
bool hd_is_punctuation(uint32_t code);     /* any ASCII punctuation or symbol, or a category P* */
bool hd_is_word(uint32_t code);            /* \w of Rust's regex: alphabetic, mark, decimal digit, connector, joiner */
bool hd_is_pattern_word(uint32_t code);    /* \w of Oniguruma: a newer version of Unicode, without the joiners */
bool hd_is_numeric(uint32_t code);         /* a category N* */
bool hd_is_mark(uint32_t code);            /* a category M* */
bool hd_is_nonspacing_mark(uint32_t code); /* Mn */
bool hd_is_control(uint32_t code);         /* Cc, Cf and Co: what BERT's clean_text drops */
bool hd_is_chinese(uint32_t code);         /* ideographs, which BERT treats as words */

/* A number for the script of a character, such as Latin, as in SentencePiece: Hiragana and Katakana are Han. */
enum { HD_SCRIPT_ANY = 0 }; /* the script of the space and of unassigned code points */
int hd_script(uint32_t code);

/* Rust's char::to_lowercase, the full mapping: one code point, but two for U+0130. */
size_t hd_lowercase(uint32_t code, uint32_t out[2]);

/* The case folding of Oniguruma: the one to three characters that it compares in place of a character. */
size_t hd_case_fold(uint32_t code, uint32_t out[3]);
/* The characters that fold to these one to three, themselves left out; at most `most`. */
size_t hd_case_unfold(const uint32_t *fold, size_t count, uint32_t *out, size_t most);
/* Calls for each character that folds to another or to several. */
void hd_case_fold_each(void (*call)(uint32_t code, void *user), void *user);

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
