/* Maps for terminals: a cell is two characters wide, which makes it square, and in a grid one character or half of
 * one. */
#include "inspect/draw.h"
#include "inspect/label.h"
#include "inspect/screen.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_LABEL = 24 }; /* cells; longer ones end in an ellipsis */

static int64_t widest(const char *const *labels, int64_t count, int64_t (*measure)(const char *)) {
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) most = hd_max(most, measure(labels[i]));
    return hd_min(most, LONGEST_LABEL);
}

/* Column labels, written from top to bottom and aligned at the map. */
static void append_headings(hd_buffer *out, const char *const *labels, int64_t count, int64_t indent) {
    int64_t height = widest(labels, count, hd_screen_length);
    for (int64_t line = 0; line < height; line++) {
        hd_screen_repeat(out, " ", indent);
        for (int64_t i = 0; i < count; i++) {
            int64_t length = hd_screen_length(labels[i]), index = line - (height - hd_min(length, height));
            size_t bytes = 0;
            const char *character = index < 0 ? "" : hd_screen_character(labels[i], index, &bytes);
            if (length > height && line == height - 1) character = "…", bytes = strlen("…");
            hd_buffer_append(out, character, bytes);
            hd_screen_repeat(out, " ", 2 - hd_screen_cells(character, bytes));
        }
        hd_screen_end_line(out);
    }
}

/* ---- one map ---- */

static void append_legend(hd_buffer *out, double largest, bool color, int64_t indent) {
    hd_screen_repeat(out, " ", indent);
    hd_buffer_text(out, "0% ");
    for (int i = 0; color && i < 20; i++) {
        hd_screen_set(out, 1, hd_screen_color(i / 19.0));
        hd_buffer_byte(out, ' ');
    }
    for (int i = 1; !color && i < 5; i++) hd_screen_repeat(out, hd_screen_shade((i - 0.5) / 4), 2);
    if (color) hd_screen_reset(out);
    hd_buffer_format(out, " %d%%\n", (int)(100 * largest + 0.5));
}

/* Keys [first, first + count) of a query. A masked cell has no colour, or two dots. */
static void append_cells(hd_buffer *out, const hd_view *view, const float *weights, int64_t query, int64_t first,
                         int64_t count, double largest, bool color) {
    const hd_attention_map *map = view->map;
    for (int64_t k = first; k < first + count; k++) {
        double value = largest > 0 ? (double)weights[query * map->keys + k] / largest : 0;
        bool masked = hd_attention_is_masked(map, view->layer, query, k);
        if (color && masked) hd_screen_reset(out);
        if (color && !masked) hd_screen_set(out, 1, hd_screen_color(value));
        hd_screen_repeat(out, color ? " " : masked ? "·" : hd_screen_shade(value), 2);
    }
    if (color) hd_screen_reset(out);
    hd_screen_end_line(out);
}

heed_status hd_draw_text_map(const hd_view *view, bool color, int64_t columns, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    hd_arena arena;
    float largest;
    hd_arena_open(&arena, out->context);
    const float *weights = hd_view_weights(view, &arena, &largest);
    int64_t indent = widest(map->query_labels, map->queries, hd_text_cells);
    int64_t keys = columns ? hd_max((columns - indent - 1) / 2, 1) : map->keys; /* per part */
    hd_view_title(view, out);
    hd_buffer_text(out, "\n\n");
    for (int64_t first = 0; weights && first < map->keys; first += keys) {
        int64_t count = hd_min(keys, map->keys - first);
        append_headings(out, map->key_labels + first, count, indent + 1);
        for (int64_t q = 0; q < map->queries; q++) {
            hd_screen_label_right(out, map->query_labels[q], indent);
            hd_buffer_byte(out, ' ');
            append_cells(out, view, weights, q, first, count, (double)largest, color);
        }
        hd_buffer_byte(out, '\n');
    }
    append_legend(out, (double)largest, color, indent + 1);
    hd_arena_close(&arena);
    return weights && !out->failed ? HEED_OK : HEED_MEMORY;
}

/* ---- all heads ---- */

/* A line of a small map: two rows of weights in colour, one row in shades. */
static void append_tile_line(hd_buffer *out, const hd_attention_map *map, const float *weights, int64_t line,
                             bool color) {
    const float *upper = weights + (color ? 2 * line : line) * map->keys, *lower = upper + map->keys;
    bool both = color && 2 * line + 1 < map->queries;
    for (int64_t k = 0; k < map->keys; k++) {
        if (!color) {
            hd_buffer_text(out, hd_screen_shade((double)upper[k]));
            continue;
        }
        hd_screen_set(out, 0, hd_screen_color((double)upper[k]));
        if (both) hd_screen_set(out, 1, hd_screen_color((double)lower[k]));
        hd_buffer_text(out, "▀");
    }
    if (color) hd_screen_reset(out);
}

static void append_tile_names(hd_buffer *out, int64_t layer, int64_t first, int64_t end, int64_t width) {
    for (int64_t h = first; h < end; h++) {
        char name[48];
        int length = snprintf(name, sizeof name, "%lld.%lld", (long long)layer + 1, (long long)h + 1);
        hd_buffer_text(out, name);
        hd_screen_repeat(out, " ", width + 2 - length);
    }
    hd_screen_end_line(out);
}

heed_status hd_draw_text_grid(const hd_view *view, bool color, int64_t columns, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    int64_t width = hd_max(map->keys, 7), cells = map->queries * map->keys;
    int64_t per_line = columns ? hd_max((columns + 2) / (width + 2), 1) : map->heads; /* heads next to each other */
    int64_t lines = color ? (map->queries + 1) / 2 : map->queries;
    hd_buffer_format(out, "%s, every head by its layer\n\n", hd_attention_titles[map->kind]);
    for (int64_t layer = hd_max(view->layer, 0); layer < (view->layer < 0 ? map->layers : view->layer + 1); layer++) {
        for (int64_t first = 0; first < map->heads; first += per_line) {
            int64_t end = hd_min(first + per_line, map->heads);
            append_tile_names(out, layer, first, end, width);
            for (int64_t line = 0; line < lines; line++) {
                for (int64_t h = first; h < end; h++) {
                    append_tile_line(out, map, map->weights + (layer * map->heads + h) * cells, line, color);
                    hd_screen_repeat(out, " ", h + 1 < end ? width - map->keys + 2 : 0);
                }
                hd_screen_end_line(out);
            }
            hd_buffer_byte(out, '\n');
        }
    }
    append_legend(out, 1, color, 0); /* one scale for all heads */
    return out->failed ? HEED_MEMORY : HEED_OK;
}
