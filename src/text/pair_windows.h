/* Windows of the second text of a pair that is too long: each has the first text, the template, and a part of the second text, and
 * neighbouring ones overlap. They are those of Hugging Face's tokenizers with truncation="only_second", `stride` and
 * return_overflowing_tokens. */
#ifndef HD_TEXT_PAIR_WINDOWS_H
#define HD_TEXT_PAIR_WINDOWS_H

#include "text/tokenizer.h"

typedef struct hd_pair_windows {
    const hd_encoding *pair; /* of both texts with the template */
    size_t room;             /* tokens of the second text in a window, the last one excepted */
    size_t step;             /* from the start of one window to that of the next */
    size_t count;            /* at least 1 */
} hd_pair_windows;

/* Tokens [first, end) of the pair's encoding are the part of the second text that a window has. */
typedef struct hd_pair_window {
    const hd_encoding *pair;
    size_t first, end;
    size_t count; /* tokens in all */
} hd_pair_window;

/* Windows of at most `longest` tokens that share `stride` tokens of the second text; −1: 128, or fewer where a window is short.
 * The pair outlives the windows. HEED_LENGTH if a window has no space for the second text, or none besides the stride. */
heed_status hd_pair_windows_cut(heed_context *context, const hd_encoding *pair, size_t longest, int64_t stride,
                                hd_pair_windows *windows);
hd_pair_window hd_pair_windows_get(const hd_pair_windows *windows, size_t number);

/* Token `index` of a window, as one of the pair's. */
static inline size_t hd_pair_window_token(const hd_pair_window *window, size_t index) {
    size_t before = window->pair->firsts[1], part = window->end - window->first;
    if (index < before) return index;
    return index < before + part ? window->first + index - before : index + window->pair->counts[1] - part;
}

#endif
