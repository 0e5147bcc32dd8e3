/* A line of text on its way to ids: characters that remember where they came from, cut into pieces.
 *
 * Normalizers and pre-tokenizers read one line and write another; added tokens cut pieces out of it; the model turns
 * each remaining piece into ids. Failure is sticky, as in hd_buffer: append as you like, check `failed` once. */
#ifndef HD_TEXT_LINE_H
#define HD_TEXT_LINE_H

#include "base/context.h"

/* A code point, and the characters [start, end) of the original text that it stands for. */
typedef struct hd_character {
    uint32_t code;
    uint32_t start, end;
} hd_character;

/* Characters [first, first + count) of the line. */
typedef struct hd_piece {
    uint32_t first, count;
    int32_t id; /* of the added token that the piece is; -1 for text that the model is to cut further */
} hd_piece;

typedef struct hd_line {
    heed_context *context;
    hd_character *characters;
    size_t count, capacity;
    hd_piece *pieces;
    size_t piece_count, piece_capacity;
    bool failed; /* memory ran out, or a pattern its steps; the context has status and message */
} hd_line;

void hd_line_open(hd_line *line, heed_context *context);
void hd_line_close(hd_line *line);
void hd_line_clear(hd_line *line); /* keeps the memory */
/* The text as characters in one piece; none when it is empty. `size` is at most HD_LINE_BYTES. */
enum { HD_LINE_BYTES = 0x7FFFFFF0 };
void hd_line_read(hd_line *line, const char *text, size_t size);

void hd_line_append(hd_line *line, const hd_character *characters, size_t count);
void hd_line_put(hd_line *line, uint32_t code, uint32_t start, uint32_t end);
/* A piece of what lies in the line already; an empty one is not kept. */
void hd_line_cut(hd_line *line, size_t first, size_t count, int32_t id);

static inline void hd_line_swap(hd_line *a, hd_line *b) {
    hd_line kept = *a;
    *a = *b;
    *b = kept;
}

/* A short string of code points that a component searches for or puts in: a delimiter, an added token. */
typedef struct hd_codes {
    uint32_t *codes; /* NULL when empty; freed with hd_free */
    size_t count;
} hd_codes;

heed_status hd_codes_read(heed_context *context, const char *text, size_t size, hd_codes *out);
/* Whether `pattern`, not empty, begins at characters[0]. */
bool hd_codes_match(hd_codes pattern, const hd_character *characters, size_t count);

#endif
