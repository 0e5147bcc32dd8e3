/* A line of text on its way to ids: characters with their offsets in the original, split into segments.
 *
 * Normalizers and pre-tokenizers read one line and write another; added tokens are segments of their own; the model
 * encodes each remaining segment. Failure is sticky, as in hd_buffer: check `failed` once at the end. */
#ifndef HD_TEXT_LINE_H
#define HD_TEXT_LINE_H

#include "base/context.h"

/* A code point, and its offsets: characters [start, end) of the original text. */
typedef struct hd_character {
    uint32_t code;
    uint32_t start, end;
} hd_character;

/* Characters [first, first + count) of the line. */
typedef struct hd_segment {
    uint32_t first, count;
    int32_t id; /* of the added token; -1 for text that is still to be encoded */
} hd_segment;

typedef struct hd_line {
    heed_context *context;
    hd_character *characters;
    size_t count, capacity;
    hd_segment *segments;
    size_t segment_count, segment_capacity;
    bool failed; /* out of memory, or a pattern exceeded its limits; the context has status and message */
} hd_line;

void hd_line_open(hd_line *line, heed_context *context);
void hd_line_close(hd_line *line);
void hd_line_clear(hd_line *line); /* keeps the memory */
/* Reads a text as one segment, or none when it is empty. `size` is at most HD_LINE_BYTES. */
enum { HD_LINE_BYTES = 0x7FFFFFF0 };
void hd_line_read(hd_line *line, const char *text, size_t size);

void hd_line_append(hd_line *line, const hd_character *characters, size_t count);
void hd_line_put(hd_line *line, uint32_t code, uint32_t start, uint32_t end);
/* Adds characters [first, first + count) of the line as a segment; nothing when they are none. */
void hd_line_add_segment(hd_line *line, size_t first, size_t count, int32_t id);

static inline void hd_line_swap(hd_line *a, hd_line *b) {
    hd_line kept = *a;
    *a = *b;
    *b = kept;
}

/* A short string of code points that a component searches for or inserts: a delimiter, an added token. */
typedef struct hd_codes {
    uint32_t *codes; /* NULL when empty; freed with hd_free */
    size_t count;
} hd_codes;

heed_status hd_codes_read(heed_context *context, const char *text, size_t size, hd_codes *out);

#endif
