/* Texts in pieces: the sentences of a document, or parts of a text that is longer than the model reads. Each piece is decoded by
 * itself, and the outputs of the pieces are put together again. */
#ifndef HD_TASKS_PIECES_H
#define HD_TASKS_PIECES_H

#include "tasks/decoding.h"

/* A line break inside a piece, which was read as a space. */
typedef struct hd_piece_break {
    size_t at;        /* byte of the piece's text */
    const char *text; /* [size]: the line break, and the indentation of the next line */
    size_t size;
} hd_piece_break;

typedef struct hd_piece {
    size_t index;       /* of its text */
    const char *before; /* [before_size]: comes before its output: layout, or a space */
    size_t before_size;
    const char *text; /* [size]: what the model reads */
    size_t size;
    size_t first_break, breaks; /* of hd_pieces */
} hd_piece;

/* Initialize with hd_pieces_open, close at the end. */
typedef struct hd_pieces {
    const heed_model *model;
    const hd_decoding *settings;
    hd_arena arena;
    hd_text_tokens tokens; /* scratch */
    hd_piece *items;       /* [count], those of a text side by side and in order */
    size_t count, capacity;
    hd_piece_break *breaks; /* [break_count] */
    size_t break_count, break_capacity;
} hd_pieces;

void hd_pieces_open(hd_pieces *pieces, const heed_model *model, const hd_decoding *settings);
void hd_pieces_close(hd_pieces *pieces);

/* Adds a piece; its text and `before` outlive the pieces. */
heed_status hd_pieces_add(hd_pieces *pieces, const hd_piece *piece);
/* Adds a break of the next piece that is added. */
heed_status hd_pieces_add_break(hd_pieces *pieces, const hd_piece_break *one);
/* The tokens of a text, with its prefix and those of the template. HEED_LENGTH for one that cannot be encoded at all. */
heed_status hd_pieces_measure(hd_pieces *pieces, const char *text, size_t size, int64_t *tokens);
/* The number of bytes, at least one character, at the beginning of a text that the model reads at once: to the end of a clause,
 * else of a word, else of a character. White space follows to byte *next. */
heed_status hd_pieces_fit(hd_pieces *pieces, const char *text, size_t size, size_t *fitting, size_t *next);

/* Adds the sentences of a document as pieces (document.c). From byte *tail on it has no more of them. *split is the number of
 * sentences that are longer than the model reads, and therefore several pieces. */
heed_status hd_pieces_add_document(hd_pieces *pieces, size_t index, const char *text, size_t size, size_t *tail,
                                   size_t *split);
/* Adds a text as a piece or, if it is longer than the model reads, its sentences in as many pieces of similar length as that
 * takes (parts.c). `tokens` are those of the whole text. */
heed_status hd_pieces_add_parts(hd_pieces *pieces, size_t index, const char *text, size_t size, int64_t *tokens);

/* Appends the output of a piece, with its line breaks at the spaces that are nearest to their places. */
void hd_pieces_write(const hd_pieces *pieces, const hd_piece *piece, const char *output, size_t size, hd_buffer *out);

#endif
