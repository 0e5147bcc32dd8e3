/* Texts in parts: the sentences of a document, or parts of a text that is longer than the model reads. Each part is decoded by
 * itself, and the outputs of the parts are put together again. */
#ifndef HD_TASKS_PARTS_H
#define HD_TASKS_PARTS_H

#include "tasks/decoding.h"

/* A line break inside a part, which was read as a space. */
typedef struct hd_text_break {
    size_t at;        /* byte of the part's text */
    const char *text; /* [size]: the line break, and the indentation of the next line */
    size_t size;
} hd_text_break;

typedef struct hd_text_part {
    size_t index;       /* of its text */
    const char *before; /* [before_size]: comes before its output: layout, or a space */
    size_t before_size;
    const char *text; /* [size]: what the model reads */
    size_t size;
    size_t first_break, breaks; /* of hd_text_parts */
} hd_text_part;

/* Initialize with hd_text_parts_open, close at the end. */
typedef struct hd_text_parts {
    const heed_model *model;
    const hd_decoding *settings;
    hd_arena arena;
    hd_text_tokens tokens; /* scratch */
    hd_text_part *items;   /* [count], those of a text side by side and in order */
    size_t count, capacity;
    hd_text_break *breaks; /* [break_count] */
    size_t break_count, break_capacity;
} hd_text_parts;

void hd_text_parts_open(hd_text_parts *parts, const heed_model *model, const hd_decoding *settings);
void hd_text_parts_close(hd_text_parts *parts);

/* Adds a part; its text and `before` outlive the parts. */
heed_status hd_text_parts_add(hd_text_parts *parts, const hd_text_part *part);
/* Adds a break of the next part that is added. */
heed_status hd_text_parts_add_break(hd_text_parts *parts, const hd_text_break *one);
/* The tokens of a text, with its prefix and those of the template. HEED_LENGTH for one that cannot be encoded at all. */
heed_status hd_text_parts_measure(hd_text_parts *parts, const char *text, size_t size, int64_t *tokens);
/* The number of bytes, at least one character, at the beginning of a text that the model reads at once: to the end of a clause,
 * else of a word, else of a character. White space follows to byte *next. */
heed_status hd_text_parts_fit(hd_text_parts *parts, const char *text, size_t size, size_t *fitting, size_t *next);

/* Adds the sentences of a document as parts (document.c). From byte *tail on it has no more of them. *split is the number of
 * sentences that are longer than the model reads, and therefore several parts. */
heed_status hd_text_parts_add_document(hd_text_parts *parts, size_t index, const char *text, size_t size, size_t *tail,
                                       size_t *split);
/* Adds a text as a part or, if it is longer than the model reads, its sentences in as many parts of similar length as that
 * takes (long_texts.c). `tokens` are those of the whole text. */
heed_status hd_text_parts_add_text(hd_text_parts *parts, size_t index, const char *text, size_t size, int64_t *tokens);

/* Appends the output of a part, with its line breaks at the spaces that are nearest to their places. */
void hd_text_parts_write(const hd_text_parts *parts, const hd_text_part *part, const char *output, size_t size,
                         hd_buffer *out);

#endif
