/* The patterns that published byte-level tokenizers split words with, matched without Oniguruma. They are recognized by
 * their exact text and give the same matches (tests/unit/pattern.c compares the two), many times as fast, and for texts
 * of any length, without Oniguruma's limits. */
#ifndef HD_TEXT_PATTERN_KNOWN_H
#define HD_TEXT_PATTERN_KNOWN_H

#include "text/line.h"

/* The pattern of GPT-2 and of ByteLevel: English clitics, runs of letters, of digits and of other characters, each with
 * the space before it. */
#define HD_BYTE_LEVEL_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* That of Qwen2: clitics of any case, letters with one other character before them, single digits, line ends. */
#define HD_QWEN_PATTERN                                                                                \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" \
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

typedef struct hd_known_pattern hd_known_pattern;

/* NULL for any other pattern. */
const hd_known_pattern *hd_known_pattern_of(const char *text, size_t size);

/* The end of the match that begins at character `at` of text[0 … count), at < count; `at` when none begins there. No
 * match is empty. */
size_t hd_known_pattern_match(const hd_known_pattern *pattern, const hd_character *text, size_t count, size_t at);

#endif
