/* Patterns of Split and Replace: plain strings, and regular expressions, which Oniguruma matches as in tokenizers. */
#ifndef HD_TEXT_PATTERN_H
#define HD_TEXT_PATTERN_H

#include "text/line.h"

typedef struct hd_pattern hd_pattern;

/* `literal`: search for the text itself. HEED_FORMAT for a regular expression that Oniguruma refuses; messages begin
 * with `where`. */
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
    char *bytes; /* [size]: the segment in UTF-8 */
    size_t size, byte_capacity;
    void *region, *limits; /* Oniguruma's */
} hd_matches;

void hd_matches_open(hd_matches *matches, heed_context *context);
void hd_matches_close(hd_matches *matches);

/* Finds all matches, from left to right, into matches->items; none in an empty text. HEED_MEMORY, or HEED_LENGTH with
 * the pattern's name when matching takes too many steps or too much memory. */
heed_status hd_pattern_find(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches);

#endif
