/* Text files by the line: in order from a file or a pipe, or in any order from a file, without holding the text. A line
 * ends in "\n" or "\r\n", which are not part of it; the last may end with the file. Zero bytes are data. */
#ifndef HD_BASE_LINES_H
#define HD_BASE_LINES_H

#include "base/context.h"
#include "base/file.h"

/* ---- in order --------------------------------------------------------------------------------------------------
 *
 *     HD_TRY(hd_lines_open(context, path, 1 << 20, &lines));
 *     while (hd_lines_next(&lines)) … lines.text, lines.size, lines.number …
 *     heed_status status = lines.status;
 *     hd_lines_close(&lines);
 *
 * With `keep_ends`, set after opening, each line comes with its "\n" or "\r\n", and no 0 follows it.
 */
typedef struct hd_lines {
    const char *text;   /* [size] and a 0, good until the next line is read; "" for a line that was too long */
    size_t size;        /* bytes, without the line's end */
    uint64_t number;    /* from 1 */
    bool too_long;      /* it had more bytes than `longest`; they were skipped, and reading goes on after them */
    heed_status status; /* once hd_lines_next is false: HEED_OK at the end of the file, else why reading failed */

    bool keep_ends;        /* the caller's to set */
    heed_context *context; /* the rest is the reader's own */
    char *path;
    int descriptor;
    size_t longest;
    char *held; /* [capacity]: bytes read, of which [start, end) are yet to be given out */
    size_t start, end, capacity;
    bool owned; /* the descriptor is not standard input */
    bool ended;
} hd_lines;

/* Opens `path`, or standard input for "-", which stays open when the reader is closed. Lines of more than `longest`
 * bytes are too long; 0 sets no limit. Memory is that of the longest line read. HEED_FILE, HEED_MEMORY; a reader that
 * failed to open needs no closing. */
heed_status hd_lines_open(heed_context *context, const char *path, size_t longest, hd_lines *lines);
/* Reads the next line. From a pipe it comes as soon as its end does. False at the end, or on HEED_FILE or HEED_MEMORY. */
bool hd_lines_next(hd_lines *lines);
void hd_lines_close(hd_lines *lines);

/* ---- in any order ----------------------------------------------------------------------------------------------- */

/* Where each line of a mapped file starts: 8 bytes a line in memory, the text in the system's page cache. The file may
 * be replaced while it is open but not cut short. */
typedef struct hd_line_index {
    heed_context *context;
    hd_map map;
    uint64_t *starts; /* [count + 1]; the last is where another line would start */
    uint64_t count;
} hd_line_index;

/* HEED_FILE also for what cannot be mapped: a pipe, a terminal. */
heed_status hd_line_index_open(heed_context *context, const char *path, hd_line_index *index);
/* Line `number`, from 0, of index->count; *text [size] is not followed by a 0, and is good until the index is closed. */
void hd_line_index_get(const hd_line_index *index, uint64_t number, const char **text, size_t *size);
void hd_line_index_close(hd_line_index *index);

#endif
