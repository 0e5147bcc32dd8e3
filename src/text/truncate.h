/* The blocks "truncation" and "padding" of a tokenizer.json. heed cuts a text only if the options of encoding say so, and reports
 * how much; it never pads. */
#ifndef HD_TEXT_TRUNCATE_H
#define HD_TEXT_TRUNCATE_H

#include "text/component_type.h"

/* The block "truncation" of a tokenizer.json. */
typedef struct hd_truncation {
    bool present;
    size_t longest; /* in tokens, with those of the template */
    int strategy, direction;
    size_t stride; /* tokens that the parts of a text that is cut into several have in common */
} hd_truncation;
enum { HD_TRUNCATE_LONGEST_FIRST, HD_TRUNCATE_FIRST, HD_TRUNCATE_SECOND }; /* which text of a pair is cut */
enum { HD_TRUNCATE_LEFT, HD_TRUNCATE_RIGHT };                              /* where it is cut */

/* The block "padding". */
typedef struct hd_padding {
    bool present;
    int direction;   /* 0 left, 1 right */
    size_t fixed;    /* the length with the strategy Fixed; 0: BatchLongest */
    size_t multiple; /* pad_to_multiple_of; 0: null */
    size_t id, type;
    char *token; /* owned */
    size_t token_size;
} hd_padding;

heed_status hd_truncation_read(heed_context *context, const json_t *root, hd_truncation *out);
void hd_truncation_write(const hd_truncation *it, hd_buffer *out);
/* The caller closes *out, also on failure. */
heed_status hd_padding_read(heed_context *context, const json_t *root, hd_padding *out);
void hd_padding_write(const hd_padding *it, hd_buffer *out);
void hd_padding_close(heed_context *context, hd_padding *it);

/* The lengths that two texts of counts[0] and counts[1] tokens keep, so that together they have at most `most`; the
 * second count is 0 for one text. HEED_LENGTH if the strategy cannot reach it. */
heed_status hd_truncate(heed_context *context, const hd_truncation *it, bool pair, size_t most, const size_t counts[2],
                        size_t kept[2]);

#endif
