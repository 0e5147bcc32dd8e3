#include "text/stops.h"

#include <string.h>

heed_status hd_stop_finder_open(hd_stop_finder *f, const heed_tokenizer *tokenizer, heed_context *context,
                                const hd_stop_strings *stops) {
    *f = (hd_stop_finder){.stops = stops};
    hd_buffer_open(&f->tail, context);
    for (int64_t i = 0; i < stops->count; i++)
        if (stops->sizes[i] > f->longest) f->longest = stops->sizes[i];
    return hd_speller_open(&f->speller, tokenizer, context);
}

void hd_stop_finder_close(hd_stop_finder *f) {
    hd_speller_close(&f->speller);
    if (f->tail.context) hd_buffer_close(&f->tail);
}

/* The first byte of the first stop string that ends after byte `from` of the text; SIZE_MAX: there is none. */
static size_t find_first(const hd_stop_strings *stops, const char *text, size_t size, size_t from) {
    size_t first = SIZE_MAX;
    for (int64_t i = 0; i < stops->count; i++) {
        size_t length = stops->sizes[i], at = from + 1 > length ? from + 1 - length : 0;
        for (; at + length <= size && at < first; at++)
            if (memcmp(text + at, stops->texts[i], length) == 0) first = at;
    }
    return first;
}

/* Whether a byte of the text is the last one of a stop string: most tokens have none. */
static bool may_end(const hd_stop_strings *stops, const char *text, size_t size) {
    for (int64_t i = 0; i < stops->count; i++)
        if (size && memchr(text, stops->texts[i][stops->sizes[i] - 1], size)) return true;
    return false;
}

heed_status hd_stop_finder_match(hd_stop_finder *f, const int32_t *ids, int64_t count, size_t *bytes) {
    hd_buffer *tail = &f->tail;
    *bytes = 0;
    hd_buffer_clear(tail);
    HD_TRY(hd_speller_add(&f->speller, ids[count - 1], tail));
    if (!may_end(f->stops, tail->data, tail->size)) return HEED_OK;
    hd_buffer_clear(tail);
    size_t last = 0;
    for (int64_t i = hd_max(count - (int64_t)f->longest, 0); i < count; i++) {
        last = tail->size;
        HD_TRY(hd_speller_add(&f->speller, ids[i], tail));
    }
    size_t first = find_first(f->stops, tail->data, tail->size, last);
    if (first != SIZE_MAX) *bytes = tail->size - first;
    return HEED_OK;
}

size_t hd_stops_cut(const hd_stop_strings *stops, const char *text, size_t size, size_t given) {
    size_t first = find_first(stops, text, size, given);
    return first == SIZE_MAX ? size : (size_t)hd_max((int64_t)first, (int64_t)given);
}

size_t hd_stops_begun(const hd_stop_strings *stops, const char *text, size_t size) {
    size_t begun = 0;
    for (int64_t i = 0; i < stops->count; i++)
        for (size_t length = hd_min((int64_t)size, (int64_t)stops->sizes[i] - 1); length > begun; length--)
            if (memcmp(text + size - length, stops->texts[i], length) == 0) begun = length;
    return begun;
}
