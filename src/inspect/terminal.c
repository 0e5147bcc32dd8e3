/* Maps for terminals: a cell is two characters wide, which makes it square, and in a grid one character or half of one. */
#include "inspect/color.h"
#include "inspect/draw.h"
#include "inspect/label.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_LABEL = 24 }; /* cells; longer ones end in an ellipsis */

static const char *const shades[] = {" ", "░", "▒", "▓", "█"};

static const char *shade_of(double value) {
    return shades[value < 0.06 ? 0 : value < 0.25 ? 1 : value < 0.5 ? 2 : value < 0.75 ? 3 : 4];
}

static void set_color(hd_buffer *out, int ground, hd_color c) {
    hd_buffer_format(out, "\x1b[%d;2;%d;%d;%dm", ground ? 48 : 38, c.red, c.green, c.blue);
}

static void reset_color(hd_buffer *out) { hd_buffer_text(out, "\x1b[0m"); }

static void repeat(hd_buffer *out, const char *text, int64_t count) {
    while (count-- > 0) hd_buffer_text(out, text);
}

/* Blanks at the end of the line that was just written say nothing. */
static void end_line(hd_buffer *out) {
    while (out->size && out->data[out->size - 1] == ' ') out->data[--out->size] = 0;
    hd_buffer_byte(out, '\n');
}

/* ---- labels ---- */

/* Character `index` of a label, with the marks that combine with it; past its end *bytes is 0. */
static const char *character_at(const char *label, int64_t index, size_t *bytes) {
    size_t size = strlen(label), at = 0;
    uint32_t code;
    *bytes = 0;
    for (int64_t seen = 0; at < size;) {
        size_t taken = hd_utf8_decode(label + at, size - at, &code);
        while (at + taken < size) { /* what combines with it */
            size_t more = hd_utf8_decode(label + at + taken, size - at - taken, &code);
            if (hd_cell_width(code)) break;
            taken += more;
        }
        if (seen++ == index) {
            *bytes = taken;
            return label + at;
        }
        at += taken;
    }
    return label + size;
}

static int64_t length_of(const char *label) {
    int64_t count = 0;
    for (size_t bytes; character_at(label, count, &bytes), bytes;) count++;
    return count;
}

/* Right-aligned in `width` cells. */
static void append_row_label(hd_buffer *out, const char *label, int64_t width) {
    int64_t cells = hd_text_cells(label);
    if (cells <= width) {
        repeat(out, " ", width - cells);
        hd_buffer_text(out, label);
        return;
    }
    cells = 0;
    for (int64_t i = 0;; i++) {
        size_t bytes;
        const char *character = character_at(label, i, &bytes);
        char copy[64];
        snprintf(copy, sizeof copy, "%.*s", (int)bytes, character);
        if (cells + hd_text_cells(copy) > width - 1) break;
        cells += hd_text_cells(copy);
        hd_buffer_append(out, character, bytes);
    }
    hd_buffer_text(out, "…");
    repeat(out, " ", width - 1 - cells);
}

static int64_t widest(const char *const *labels, int64_t count, int64_t (*measure)(const char *)) {
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) most = hd_max(most, measure(labels[i]));
    return hd_min(most, LONGEST_LABEL);
}

/* Words from top to bottom, ending at the map. */
static void append_headings(hd_buffer *out, const char *const *labels, int64_t count, int64_t indent) {
    int64_t height = widest(labels, count, length_of);
    for (int64_t line = 0; line < height; line++) {
        repeat(out, " ", indent);
        for (int64_t i = 0; i < count; i++) {
            int64_t length = length_of(labels[i]), index = line - (height - hd_min(length, height));
            size_t bytes = 0;
            const char *character = index < 0 ? "" : character_at(labels[i], index, &bytes);
            if (length > height && line == height - 1) character = "…", bytes = strlen("…");
            char copy[64];
            snprintf(copy, sizeof copy, "%.*s", (int)bytes, character);
            hd_buffer_text(out, copy);
            repeat(out, " ", 2 - hd_text_cells(copy));
        }
        end_line(out);
    }
}

/* ---- one map ---- */

static void append_legend(hd_buffer *out, double largest, bool color, int64_t indent) {
    repeat(out, " ", indent);
    hd_buffer_text(out, "0% ");
    for (int i = 0; color && i < 20; i++) {
        set_color(out, 1, hd_screen_color(i / 19.0));
        hd_buffer_byte(out, ' ');
    }
    for (int i = 1; !color && i < 5; i++) repeat(out, shades[i], 2);
    if (color) reset_color(out);
    hd_buffer_format(out, " %d%%\n", (int)(100 * largest + 0.5));
}

static void append_cells(hd_buffer *out, const float *weights, int64_t count, double largest, bool color) {
    for (int64_t k = 0; k < count; k++) {
        double value = largest > 0 ? (double)weights[k] / largest : 0;
        if (color) set_color(out, 1, hd_screen_color(value));
        repeat(out, color ? " " : shade_of(value), 2);
    }
    if (color) reset_color(out);
    end_line(out);
}

heed_status hd_draw_text_map(const hd_view *view, bool color, int64_t columns, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    hd_arena arena;
    float largest;
    hd_arena_open(&arena, out->context);
    const float *weights = hd_view_weights(view, &arena, &largest);
    int64_t indent = widest(map->query_labels, map->queries, hd_text_cells);
    int64_t keys = columns ? hd_max((columns - indent - 1) / 2, 1) : map->keys; /* side by side */
    hd_view_title(view, out);
    hd_buffer_text(out, "\n\n");
    for (int64_t first = 0; weights && first < map->keys; first += keys) {
        int64_t count = hd_min(keys, map->keys - first);
        append_headings(out, map->key_labels + first, count, indent + 1);
        for (int64_t q = 0; q < map->queries; q++) {
            append_row_label(out, map->query_labels[q], indent);
            hd_buffer_byte(out, ' ');
            append_cells(out, weights + q * map->keys + first, count, (double)largest, color);
        }
        hd_buffer_byte(out, '\n');
    }
    append_legend(out, (double)largest, color, indent + 1);
    hd_arena_close(&arena);
    return weights && !out->failed ? HEED_OK : HEED_MEMORY;
}

/* ---- all heads ---- */

/* A line of a small map: two rows of weights in colour, one in shades. */
static void append_tile_line(hd_buffer *out, const hd_attention_map *map, const float *weights, int64_t line,
                             bool color) {
    const float *upper = weights + (color ? 2 * line : line) * map->keys, *lower = upper + map->keys;
    bool both = color && 2 * line + 1 < map->queries;
    for (int64_t k = 0; k < map->keys; k++) {
        if (!color) {
            hd_buffer_text(out, shade_of((double)upper[k]));
            continue;
        }
        set_color(out, 0, hd_screen_color((double)upper[k]));
        if (both) set_color(out, 1, hd_screen_color((double)lower[k]));
        hd_buffer_text(out, "▀");
    }
    if (color) reset_color(out);
}

static void append_tile_names(hd_buffer *out, int64_t layer, int64_t first, int64_t end, int64_t width) {
    for (int64_t h = first; h < end; h++) {
        char name[48];
        int length = snprintf(name, sizeof name, "%lld.%lld", (long long)layer + 1, (long long)h + 1);
        hd_buffer_text(out, name);
        repeat(out, " ", width + 2 - length);
    }
    end_line(out);
}

heed_status hd_draw_text_grid(const hd_view *view, bool color, int64_t columns, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    int64_t width = hd_max(map->keys, 7), cells = map->queries * map->keys;
    int64_t together = columns ? hd_max((columns + 2) / (width + 2), 1) : map->heads; /* heads side by side */
    int64_t lines = color ? (map->queries + 1) / 2 : map->queries;
    hd_buffer_format(out, "%s, every head by its layer\n\n", hd_attention_titles[map->kind]);
    for (int64_t layer = hd_max(view->layer, 0); layer < (view->layer < 0 ? map->layers : view->layer + 1); layer++) {
        for (int64_t first = 0; first < map->heads; first += together) {
            int64_t end = hd_min(first + together, map->heads);
            append_tile_names(out, layer, first, end, width);
            for (int64_t line = 0; line < lines; line++) {
                for (int64_t h = first; h < end; h++) {
                    append_tile_line(out, map, map->weights + (layer * map->heads + h) * cells, line, color);
                    repeat(out, " ", h + 1 < end ? width - map->keys + 2 : 0);
                }
                end_line(out);
            }
            hd_buffer_byte(out, '\n');
        }
    }
    append_legend(out, 1, color, 0); /* one scale for all heads */
    return out->failed ? HEED_MEMORY : HEED_OK;
}
