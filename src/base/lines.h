/* Lines of text files: sequentially from a file or a pipe, without reading it whole into memory, or by number from a
 * file. A line ends in "\n" or "\r\n", which are not part of it; the last line may end with the file. A "\r" elsewhere
 * is data, as is a zero byte: line numbers are those of `wc -l`, and parallel files stay in step. A byte order mark at the
 * beginning of a file is no part of its first line. */
#ifndef HD_BASE_LINES_H
#define HD_BASE_LINES_H

#include "base/context.h"
#include "base/file.h"

/* ---- sequential -------------------------------------------------------------------------------------------------
 *
 *     HD_TRY(hd_lines_open(context, path, 1 << 20, &lines));
 *     while (hd_lines_next(&lines)) … lines.text, lines.size, lines.number …
 *     heed_status status = lines.status;
 *     hd_lines_close(&lines);
 *
 * With `keep_ends`, set after opening, lines include their "\n" or "\r\n", and no 0 follows them.
 */
typedef struct hd_lines {
    const char *text;   /* [size] and a 0, valid until the next line is read; "" for a line that was too long */
    size_t size;        /* bytes, without the line end */
    uint64_t number;    /* from 1 */
    bool too_long;      /* it had more bytes than `longest` and was skipped */
    heed_status status; /* after hd_lines_next returned false: HEED_OK at the end of the file, else the error */

    bool keep_ends;        /* set by the caller */
    heed_context *context; /* the rest is private */
    char *path;
    int descriptor;
    size_t longest;
    char *held; /* [capacity]: bytes read, of which [start, end) are not yet returned */
    size_t start, end, capacity;
    bool owned; /* close the descriptor: it is not standard input */
    bool ended;
    bool begun; /* the byte order mark was skipped, or there is none */
} hd_lines;

/* Opens `path`, or standard input for "-", which remains open when the reader is closed. Lines of more than `longest`
 * bytes are skipped as too long; 0: no limit. Memory is that of the longest line. HEED_FILE, HEED_MEMORY; after a
 * failure the reader need not be closed. */
heed_status hd_lines_open(heed_context *context, const char *path, size_t longest, hd_lines *lines);
/* Reads the next line, from a pipe as soon as it is complete. False at the end, or on HEED_FILE or HEED_MEMORY. */
bool hd_lines_next(hd_lines *lines);
/* True if the line has nothing to read (hd_text_is_blank): it counts as empty. */
bool hd_line_is_blank(const hd_lines *lines);
void hd_lines_close(hd_lines *lines);

/* ---- by number ----------------------------------------------------------------------------------------------- */

/* The text of a file and the offsets of its lines, in memory: what happens to the file later does not matter. */
typedef struct hd_line_index {
    heed_context *context;
    hd_map map;
    uint64_t *starts; /* [count + 1]; the last is the offset past the last line */
    uint64_t count;
} hd_line_index;

/* HEED_FILE also for a pipe or a terminal. */
heed_status hd_line_index_open(heed_context *context, const char *path, hd_line_index *index);
/* Line `number` in [0, count); *text [size] is not followed by a 0, and is valid until the index is closed. */
void hd_line_index_get(const hd_line_index *index, uint64_t number, const char **text, size_t *size);
void hd_line_index_close(hd_line_index *index);

#endif
