/* Characters as Python's str classifies and maps them. A code point is a uint32_t below 0x110000 that is not a surrogate. */
#ifndef HD_TEXT_JINJA_CHARACTERS_H
#define HD_TEXT_JINJA_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool hd_jinja_is_space(uint32_t code);     /* str.isspace, and what str.strip removes */
bool hd_jinja_is_printable(uint32_t code); /* what repr() does not escape */
bool hd_jinja_is_alpha(uint32_t code);
bool hd_jinja_is_decimal(uint32_t code);
bool hd_jinja_is_digit(uint32_t code);
bool hd_jinja_is_numeric(uint32_t code);
bool hd_jinja_is_word(uint32_t code); /* \w of Python's re */
bool hd_jinja_is_lower(uint32_t code);
bool hd_jinja_is_upper(uint32_t code);
bool hd_jinja_is_title(uint32_t code);
bool hd_jinja_is_line_end(uint32_t code);   /* of str.splitlines */
bool hd_jinja_is_name_start(uint32_t code); /* of an identifier */
bool hd_jinja_is_name(uint32_t code);

/* The full mappings: one to three characters. */
enum { HD_JINJA_MAPPED = 3 };
size_t hd_jinja_upper(uint32_t code, uint32_t out[HD_JINJA_MAPPED]);
size_t hd_jinja_title(uint32_t code, uint32_t out[HD_JINJA_MAPPED]);
size_t hd_jinja_lower(uint32_t code, uint32_t out[HD_JINJA_MAPPED]); /* of a sigma, that inside a word */
size_t hd_jinja_fold(uint32_t code, uint32_t out[HD_JINJA_MAPPED]);

/* The text without white space, or without the characters of `characters` (NULL: white space), at its ends. */
typedef struct hd_jinja_span {
    const char *text;
    size_t size;
} hd_jinja_span;
hd_jinja_span hd_jinja_strip(hd_jinja_span text, const hd_jinja_span *characters, bool left, bool right);

#endif
