/* Where a verb's texts come from: the command line's words, else the lines of --input or of standard input. They come in
 * batches, so that much text is worked on at once, memory is bounded, and a line typed or piped in slowly is answered
 * before the next one comes. */
#ifndef CLI_TEXTS_H
#define CLI_TEXTS_H

#include "arguments.h"

typedef struct text_source {
    const char **items; /* [count], not followed by a 0; NULL for a line that is too long to be held */
    size_t *sizes;      /* [count] bytes */
    size_t count;
    uint64_t first;         /* the number of items[0], from 1 */
    const char *noun;       /* "text", "line": what the number counts */
    const invocation *line; /* the rest is the reader's own */
    const char *path;
    int descriptor; /* -1: the words are the texts */
    bool ended, failed, skipping;
    char *held; /* [capacity]: [start, end) is yet to be given out */
    size_t start, end, capacity;
    size_t *offsets; /* [item_capacity] in `held` */
    size_t item_capacity;
} text_source;

/* `input` NULL is standard input, unless there are words. False when it cannot be opened: that was reported, and the
 * program's *exit_code set. */
bool open_texts(const invocation *line, const char *input, text_source *texts, int *exit_code);
/* The next batch; false at the end, or when reading failed, which was reported and is in `failed`. */
bool next_texts(text_source *texts);
void close_texts(text_source *texts);

/* Why a text that is NULL has no answer. */
extern const char too_long[];
/* `heed translate: line 3: …` on standard error. */
void report_text(const text_source *texts, size_t index, const char *problem);

#endif
