/* Added tokens: strings such as "</s>" that are found in the text before it is tokenized. */
#ifndef HD_TEXT_ADDED_H
#define HD_TEXT_ADDED_H

#include "text/line.h"

typedef struct hd_added_token {
    int32_t id;
    bool single_word;    /* only where it is not part of a longer word */
    bool lstrip, rstrip; /* includes the white space on that side */
    bool normalized;     /* searched for in the normalized text, else in the original */
    bool special;
    bool leading;     /* only where a text, or the text after another token, begins; but not after a leading one */
    hd_codes pattern; /* owned: its content, normalized if `normalized` */
} hd_added_token;

typedef struct hd_added {
    heed_context *context;
    hd_added_token *tokens; /* [count], as listed in the file */
    size_t count, capacity;
    uint32_t *raw, *normalized; /* the tokens of each stage, sorted by pattern */
    size_t raw_count, normalized_count;
    uint8_t raw_first[256], normalized_first[256]; /* by the low byte of a character: may a token begin with it? */
    bool has_codes;       /* a text, or the text after a token, may begin with a language code, ">>fra<<", */
    int32_t unknown_code; /* which is this token if it is not a leading one */
} hd_added;

void hd_added_open(hd_added *added, heed_context *context);
void hd_added_close(hd_added *added);
/* Takes ownership of token.pattern, also on failure. */
heed_status hd_added_add(hd_added *added, hd_added_token token);
void hd_added_replace(hd_added *added, size_t index, hd_added_token token); /* takes ownership of token.pattern */
/* Builds the search order, once the list is complete. */
heed_status hd_added_finish(hd_added *added);
/* Splits characters [first, first + count) of `line` into segments at the tokens in it: leftmost, then longest.
 * `special_as_text`: special ones are skipped, as if they were text. */
void hd_added_split(const hd_added *added, bool normalized, bool special_as_text, hd_line *line, size_t first,
                    size_t count);

#endif
