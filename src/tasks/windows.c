#include "tasks/windows.h"

#include <string.h>

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* Rows ascend, and so do the first and the last tokens of the windows. */
static void find_rows(hd_windowed_text *text) {
    int64_t first = 0, end = 0;
    for (size_t i = 0; i < text->count; i++) {
        hd_window *w = &text->windows[i];
        while (first < text->row_count && (size_t)text->rows[first] < w->first) first++;
        while (end < text->row_count && (size_t)text->rows[end] < w->end) end++;
        w->first_row = first;
        w->row_count = end - first;
        text->unfinished += end > first;
    }
}

heed_status hd_windows_split(hd_arena *arena, int64_t size, int64_t stride, hd_windowed_text *text) {
    const hd_encoding *e = &text->tokens;
    size_t count = e->counts[0], template = e->count - count, begin = e->firsts[0];
    if (size <= (int64_t) template)
        return hd_fail(arena->context, HEED_LENGTH, "the limit of %lld tokens leaves none for the text",
                       (long long)size);
    size_t most = (size_t)size - template;
    if (stride >= (int64_t)most)
        return hd_fail(arena->context, HEED_ARGUMENT, "stride is %lld, but a window has %zu tokens of a text",
                       (long long)stride, most);
    size_t step = stride < 0 ? most - most / 4 : most - (size_t)stride;
    text->count = count > most ? 1 + (count - most + step - 1) / step : 1;
    text->windows = hd_arena_alloc(arena, text->count, sizeof *text->windows);
    if (!text->windows) return HEED_MEMORY;
    for (size_t i = 0; i < text->count; i++) {
        size_t first = i * step, end = count - first > most ? first + most : count;
        text->windows[i] = (hd_window){.first = begin + first, .end = begin + end};
    }
    text->unfinished = 0;
    find_rows(text);
    return HEED_OK;
}

/* Items of the template before the text, of the window, and of the template after the text. */
static void *copy_items(hd_arena *arena, const hd_windowed_text *text, const hd_window *w, const void *items) {
    enum { SIZE = sizeof(int32_t) };
    const char *from = items;
    size_t before = text->tokens.firsts[0], count = w->end - w->first, end = before + text->tokens.counts[0];
    size_t after = text->tokens.count - end;
    char *to = hd_arena_alloc(arena, before + count + after, SIZE);
    if (!to) return NULL;
    memcpy(to, from, before * SIZE);
    memcpy(to + before * SIZE, from + w->first * SIZE, count * SIZE);
    memcpy(to + (before + count) * SIZE, from + end * SIZE, after * SIZE);
    return to;
}

bool hd_window_copy(hd_arena *arena, const hd_windowed_text *text, size_t window, hd_encoding *tokens,
                    const int32_t **rows) {
    const hd_encoding *from = &text->tokens;
    const hd_window *w = &text->windows[window];
    size_t count = w->end - w->first;
    int32_t *selected = hd_arena_alloc(arena, (size_t)w->row_count, sizeof *selected);
    *tokens = (hd_encoding){.count = from->count - from->counts[0] + count,
                            .ids = copy_items(arena, text, w, from->ids),
                            .starts = copy_items(arena, text, w, from->starts),
                            .ends = copy_items(arena, text, w, from->ends),
                            .types = copy_items(arena, text, w, from->types),
                            .firsts = {from->firsts[0]},
                            .counts = {count}};
    *rows = selected;
    if (!selected || !tokens->ids || !tokens->starts || !tokens->ends || !tokens->types) return false;
    for (int64_t i = 0; i < w->row_count; i++)
        selected[i] = text->rows[w->first_row + i] - (int32_t)(w->first - from->firsts[0]);
    return true;
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

/* Tokens between this one and the nearer border of the window. */
static size_t distance(const hd_window *w, size_t token) {
    size_t before = token - w->first, after = w->end - 1 - token;
    return before < after ? before : after;
}

void hd_windows_merge(const hd_windowed_text *text, float *logits) {
    size_t columns = (size_t)text->columns, first = 0;
    for (int64_t row = 0; row < text->row_count; row++) {
        size_t token = (size_t)text->rows[row];
        while (text->windows[first].end <= token) first++;
        size_t best = first;
        for (size_t i = first + 1; i < text->count && text->windows[i].first <= token; i++)
            if (distance(&text->windows[i], token) > distance(&text->windows[best], token)) best = i;
        const hd_window *w = &text->windows[best];
        const float *from = w->logits + (size_t)(row - w->first_row) * columns;
        memcpy(logits + (size_t)row * columns, from, columns * sizeof *logits);
    }
}
