/* A verb's texts: the arguments, or the lines of --input or standard input. They are read in batches. Large batches are
 * fast, their limit bounds memory, and a line that arrives alone is answered before the next one is read. */
#ifndef CLI_TEXTS_H
#define CLI_TEXTS_H

#include "arguments.h"

typedef struct text_source {
    const char **items; /* [count], not followed by a 0; NULL for a line that is too long */
    size_t *sizes;      /* [count] bytes */
    size_t count;
    uint64_t first;         /* the number of items[0], from 1 */
    const char *noun;       /* "text", "line": what the number counts */
    const invocation *line; /* this and all below is private to texts.c */
    const char *path;
    int descriptor; /* -1: the arguments are the texts */
    bool ended, failed, skipping;
    bool whole; /* all of the input is one text */
    bool begun; /* the byte order mark of a file is no part of its first line; it was skipped, or there is none */
    char *held; /* [capacity]: [start, end) was read and not yet returned */
    size_t start, end, capacity;
    size_t *offsets; /* [item_capacity] in `held` */
    size_t item_capacity;
} text_source;

/* `input` NULL is standard input, unless there are arguments. False when it cannot be opened: that was reported, and the
 * program's *exit_code set. */
bool open_texts(const invocation *line, const char *input, text_source *texts, int *exit_code);
/* From now on, all of the input is one text, with its line breaks. Arguments stay texts of their own. */
void read_whole(text_source *texts);
/* Reads the next batch; false at the end, or when reading failed, which was reported and sets `failed`. */
bool next_texts(text_source *texts);
void close_texts(text_source *texts);

/* The reason why an item is NULL. */
extern const char too_long[];
/* `heed translate: line 3: …` on standard error; nothing for a text that a signal has stopped (report_stop). */
void report_text(const text_source *texts, size_t index, const char *problem);
/* Of results of `count` texts from `first` on, of a call that a signal has stopped: reports how many have no answer, in one line
 * on standard error, and returns the number of texts up to the last one that has an answer or another problem. */
size_t report_stop(const text_source *texts, size_t first, size_t count, const heed_results *results);

#endif
