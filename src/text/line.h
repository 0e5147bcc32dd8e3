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

/* Makes room for `more` characters; false when the line has failed. */
bool hd_line_reserve(hd_line *line, size_t more);
void hd_line_append(hd_line *line, const hd_character *characters, size_t count);
static inline void hd_line_put(hd_line *line, uint32_t code, uint32_t start, uint32_t end) {
    if (line->count == line->capacity && !hd_line_reserve(line, 1)) return;
    line->characters[line->count++] = (hd_character){code, start, end};
}

bool hd_line_reserve_segment(hd_line *line);
/* Adds characters [first, first + count) of the line as a segment; nothing when they are none. */
static inline void hd_line_add_segment(hd_line *line, size_t first, size_t count, int32_t id) {
    if (count == 0 || line->failed) return;
    if (line->segment_count == line->segment_capacity && !hd_line_reserve_segment(line)) return;
    line->segments[line->segment_count++] = (hd_segment){(uint32_t)first, (uint32_t)count, id};
}

static inline void hd_line_swap(hd_line *a, hd_line *b) {
    hd_line kept = *a;
    *a = *b;
    *b = kept;
}

static inline void hd_line_swap_segments(hd_line *a, hd_line *b) {
    hd_segment *segments = a->segments;
    size_t count = a->segment_count, capacity = a->segment_capacity;
    a->segments = b->segments, a->segment_count = b->segment_count, a->segment_capacity = b->segment_capacity;
    b->segments = segments, b->segment_count = count, b->segment_capacity = capacity;
}

/* A short string of code points that a component searches for or inserts: a delimiter, an added token. */
typedef struct hd_codes {
    uint32_t *codes; /* NULL when empty; freed with hd_free */
    size_t count;
} hd_codes;

heed_status hd_codes_read(heed_context *context, const char *text, size_t size, hd_codes *out);

#endif
