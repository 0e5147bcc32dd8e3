/* Regular expressions of pre-tokenizers, by PCRE2. tokenizers has them matched by Oniguruma; what the two read alike is
 * nearly all that tokenizers' files use, and the rest is refused when a file is opened. */
#ifndef HD_TEXT_PATTERN_H
#define HD_TEXT_PATTERN_H

#include "text/line.h"

typedef struct hd_pattern hd_pattern;

/* `literal`: the text is looked for as it stands. HEED_FORMAT for what is no regular expression, HEED_UNSUPPORTED for what
 * Oniguruma reads in its own way; `where` goes in front of the message. */
heed_status hd_pattern_open(heed_context *context, const char *where, const char *text, size_t size, bool literal,
                            hd_pattern **out);
void hd_pattern_close(hd_pattern *pattern); /* NULL is fine */
const char *hd_pattern_text(const hd_pattern *pattern, size_t *size);
bool hd_pattern_is_literal(const hd_pattern *pattern);

/* The matches in a piece of text, and room to find them in. */
typedef struct hd_matches {
    heed_context *context;
    struct hd_match {
        size_t first, last; /* characters [first, last) of the piece; may be empty */
    } * items;
    size_t count, capacity;
    uint32_t *codes; /* the piece */
    size_t code_capacity;
    void *memory, *block; /* PCRE2's, for this context */
} hd_matches;

void hd_matches_open(hd_matches *matches, heed_context *context);
void hd_matches_close(hd_matches *matches);

/* Leaves all matches, from left to right, in matches->items. HEED_MEMORY, or HEED_LENGTH when the pattern tries more ways
 * of matching than PCRE2's limit. */
heed_status hd_pattern_find(const hd_pattern *pattern, const hd_character *text, size_t count, hd_matches *matches);

#endif
