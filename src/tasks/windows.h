/* A text that is longer than the model in overlapping windows: the tokens of each window, and the outputs of all windows as those
 * of one text. */
#ifndef HD_TASKS_WINDOWS_H
#define HD_TASKS_WINDOWS_H

#include "base/arena.h"
#include "text/tokenizer.h"

typedef struct hd_window {
    size_t first, end; /* its tokens [first, end) of the whole encoding; those of the template are not counted */
    int64_t first_row, row_count; /* its selected tokens, among those of the text */
    const float *logits;          /* host [row_count, columns]; NULL if row_count is 0 */
} hd_window;

typedef struct hd_windowed_text {
    hd_encoding tokens;    /* of the whole text, with the template */
    const uint32_t *bytes; /* [characters + 1]: where the characters of the text begin */
    const int32_t *rows;   /* [row_count]: the selected tokens of the text, ascending */
    int64_t row_count, columns;
    hd_window *windows; /* [count] */
    size_t count, unfinished;
} hd_windowed_text;

/* Divides the text: a window has at most `size` tokens with those of the template, and `stride` tokens of the text in common with
 * the next one; −1: a quarter of its tokens. These are the windows of return_overflowing_tokens in transformers. HEED_LENGTH if
 * the template leaves no token for a text, HEED_ARGUMENT for a stride that is not smaller than a window. */
heed_status hd_windows_split(hd_arena *arena, int64_t size, int64_t stride, hd_windowed_text *text);
/* The tokens of a window with the template, and rows [row_count], their selected ones. False when out of memory. */
bool hd_window_copy(hd_arena *arena, const hd_windowed_text *text, size_t window, hd_encoding *tokens,
                    const int32_t **rows);
/* Logits [row_count, columns] of the text: of each row from the window in which it is farthest from a border. */
void hd_windows_merge(const hd_windowed_text *text, float *logits);

#endif
