#include "text/pair_windows.h"

enum { STRIDE = 128 }; /* doc_stride of transformers */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

heed_status hd_pair_windows_cut(heed_context *context, const hd_encoding *pair, size_t longest, int64_t stride,
                                hd_pair_windows *windows) {
    size_t part = pair->counts[1], other = pair->count - part;
    *windows = (hd_pair_windows){.pair = pair, .room = part, .step = part, .count = 1};
    if (pair->count <= longest) return HEED_OK;
    if (other >= longest)
        return hd_fail(context, HEED_LENGTH,
                       "the question has %zu tokens, and leaves no space for the context in a window of %zu",
                       pair->counts[0], longest);
    size_t room = longest - other, shared = stride < 0 ? smaller(STRIDE, longest / 2) : (size_t)stride;
    if (shared >= room && stride < 0) shared = room / 2;
    if (shared >= room)
        return hd_fail(context, HEED_LENGTH,
                       "a stride of %zu tokens is not less than the %zu of the context in a window of %zu", shared,
                       room, longest);
    windows->room = room;
    windows->step = room - shared;
    windows->count = 1 + (part - room + windows->step - 1) / windows->step;
    return HEED_OK;
}

hd_pair_window hd_pair_windows_get(const hd_pair_windows *windows, size_t number) {
    const hd_encoding *pair = windows->pair;
    size_t first = pair->firsts[1] + number * windows->step;
    hd_pair_window window = {
        .pair = pair, .first = first, .end = smaller(first + windows->room, pair->firsts[1] + pair->counts[1])};
    window.count = pair->count - pair->counts[1] + window.end - window.first;
    return window;
}
