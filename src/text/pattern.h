/* Regular expressions of pre-tokenizers, matched by PCRE2. tokenizers uses Oniguruma; the syntax of real tokenizer
 * files means the same in both, and what does not is refused when a file is opened. */
#ifndef HD_TEXT_PATTERN_H
#define HD_TEXT_PATTERN_H

#include "text/line.h"

typedef struct hd_pattern hd_pattern;

/* `literal`: search for the text itself. HEED_FORMAT for an invalid regular expression, HEED_UNSUPPORTED for syntax
 * that means something else to Oniguruma; messages begin with `where`. */
heed_status hd_pattern_open(heed_context *context, const char *where, const char *text, size_t size, bool literal,
                            hd_pattern **out);
void hd_pattern_close(hd_pattern *pattern); /* NULL is fine */
const char *hd_pattern_text(const hd_pattern *pattern, size_t *size);
bool hd_pattern_is_literal(const hd_pattern *pattern);

/* The matches in a segment of text, and scratch. */
typedef struct hd_matches {
    heed_context *context;
    struct hd_match {
        size_t first, last; /* characters [first, last) of the segment; may be empty */
    } * items;
    size_t count, capacity;
    uint32_t *codes; /* the segment */
    size_t code_capacity;
    void *memory, *block; /* PCRE2's memory context and match data */
} hd_matches;

void hd_matches_open(hd_matches *matches, heed_context *context);
void hd_matches_close(hd_matches *matches);

/* Finds all matches, from left to right, into matches->items. HEED_MEMORY, or HEED_LENGTH when matching exceeds PCRE2's
 * limit of backtracking. */
heed_status hd_pattern_find(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches);

#endif
