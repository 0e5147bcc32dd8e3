/* Methods of Python's str that search, split, pad and join. */
#ifndef HD_TEXT_JINJA_TEXT_METHODS_H
#define HD_TEXT_JINJA_TEXT_METHODS_H

#include "text/jinja/value.h"

/* The text without white space (`characters` MISSING or NONE) or without these characters at its ends. */
hd_jinja_value hd_jinja_strip_text(hd_jinja *j, hd_jinja_value text, hd_jinja_value characters, bool left, bool right);
/* A list: split at `separator`, or at white space if it is MISSING or NONE, at most `most` times (−1: always). */
hd_jinja_value hd_jinja_split(hd_jinja *j, hd_jinja_value text, hd_jinja_value separator, int64_t most,
                              bool from_right);
hd_jinja_value hd_jinja_split_lines(hd_jinja *j, hd_jinja_value text, bool keep_ends);
hd_jinja_value hd_jinja_replace(hd_jinja *j, hd_jinja_value text, hd_jinja_value old, hd_jinja_value new, int64_t most);
/* The items, which must be strings unless `any`, joined by `separator`. */
hd_jinja_value hd_jinja_join(hd_jinja *j, hd_jinja_value separator, hd_jinja_value items, bool any);
/* The text in a field of `width` characters: '<', '>' or '^'. */
hd_jinja_value hd_jinja_justify(hd_jinja *j, hd_jinja_value text, int64_t width, hd_jinja_value fill, char align);
/* (before, separator, after) at the first or the last separator. */
hd_jinja_value hd_jinja_partition(hd_jinja *j, hd_jinja_value text, hd_jinja_value separator, bool last);
hd_jinja_value hd_jinja_expand_tabs(hd_jinja *j, hd_jinja_value text, int64_t width);
hd_jinja_value hd_jinja_zero_fill(hd_jinja *j, hd_jinja_value text, int64_t width);
/* text[start:end], as the methods with these arguments see it. *offset is its first character. */
hd_jinja_value hd_jinja_part(hd_jinja *j, hd_jinja_value text, hd_jinja_value start, hd_jinja_value end,
                             size_t *offset);

#endif
