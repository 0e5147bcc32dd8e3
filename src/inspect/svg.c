/* Attention as SVG. */
#include "inspect/draw.h"
#include "inspect/paper.h"

#include <stdio.h>

enum {
    CELL = 22,   /* of a map */
    LEGEND = 44, /* height of the scale below */
    LEVELS = 64  /* distinct shades */
};

/* The scale, from 0 to `largest`. */
static void append_legend(hd_buffer *out, int64_t x, int64_t y, double largest) {
    enum { STEPS = 32, STEP = 4 };
    char number[16];
    hd_paper_label(out, x, y + 10, HD_PAPER_SMALL, "0");
    for (int i = 0; i < STEPS; i++) {
        hd_color c = hd_paper_color(i / (STEPS - 1.0));
        hd_buffer_format(out, "<rect x=\"%lld\" y=\"%lld\" width=\"%d\" height=\"12\" fill=\"#%02x%02x%02x\"/>\n",
                         (long long)(x + 14 + i * STEP), (long long)y, i < STEPS - 1 ? STEP + 1 : STEP, c.red, c.green,
                         c.blue);
    }
    snprintf(number, sizeof number, "%d%%", (int)(100 * largest + 0.5));
    hd_paper_label(out, x + 20 + STEPS * STEP, y + 10, HD_PAPER_SMALL, number);
}

static const int64_t legend_room = 14 + 32 * 4 + 6 + 40;

/* ---- cells ---- */

/* A map at (x, y) with cells of `cell` pixels, including the gap; cells of one shade are one path. */
static void append_cells(hd_buffer *out, const hd_attention_map *map, const float *weights, double largest, int64_t x,
                         int64_t y, int64_t cell, int64_t gap) {
    hd_color ground = hd_paper_color(0);
    hd_buffer_format(out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"%lld\" fill=\"#%02x%02x%02x\"/>\n",
                     (long long)x, (long long)y, (long long)(map->keys * cell - gap),
                     (long long)(map->queries * cell - gap), ground.red, ground.green, ground.blue);
    for (int level = 1; level < LEVELS; level++) {
        bool begun = false;
        for (int64_t q = 0; q < map->queries; q++) {
            for (int64_t k = 0; k < map->keys; k++) {
                double value = hd_shown_share(largest > 0 ? (double)weights[q * map->keys + k] / largest : 0);
                if ((int)(value * (LEVELS - 1) + 0.5) != level) continue;
                hd_color c = hd_paper_color(level / (LEVELS - 1.0));
                if (!begun) hd_buffer_format(out, "<path fill=\"#%02x%02x%02x\" d=\"", c.red, c.green, c.blue);
                begun = true;
                hd_buffer_format(out, "M%lld %lldh%lldv%lldh-%lldz", (long long)(x + k * cell),
                                 (long long)(y + q * cell), (long long)(cell - gap), (long long)(cell - gap),
                                 (long long)(cell - gap));
            }
        }
        if (begun) hd_buffer_text(out, "\"/>\n");
    }
}

/* ---- one map ---- */

/* Labels over a map slant by 50 degrees: their extent upwards and to the right. */
static int64_t slant_up(int64_t width) { return width * 77 / 100 + HD_PAPER_FONT; }
static int64_t slant_right(int64_t width) { return width * 65 / 100 + HD_PAPER_FONT; }

static void append_map_labels(hd_buffer *out, const hd_attention_map *map, int64_t x, int64_t y) {
    for (int64_t k = 0; k < map->keys; k++) {
        char slant[96];
        int64_t at = x + k * CELL + CELL / 2 + 3;
        snprintf(slant, sizeof slant, " transform=\"rotate(-50 %lld %lld)\"", (long long)at, (long long)(y - 7));
        hd_paper_label(out, at, y - 7, slant, map->key_labels[k]);
    }
    for (int64_t q = 0; q < map->queries; q++)
        hd_paper_label(out, x - 8, y + q * CELL + CELL / 2 + 4, HD_PAPER_RIGHT, map->query_labels[q]);
}

heed_status hd_draw_svg_map(const hd_view *view, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    hd_arena arena;
    hd_buffer title;
    float largest;
    hd_arena_open(&arena, out->context);
    hd_buffer_open(&title, out->context);
    const float *weights = hd_view_weights(view, &arena, &largest);
    hd_view_title(view, &title);
    if (weights && !title.failed) {
        int64_t up = slant_up(hd_paper_widest(map->key_labels, map->keys)), right = 0;
        for (int64_t k = 0; k < map->keys; k++)
            right = hd_max(right, k * CELL + CELL / 2 + slant_right(hd_paper_room(map->key_labels[k])));
        int64_t x = HD_PAPER_MARGIN + hd_paper_widest(map->query_labels, map->queries) + 8,
                y = HD_PAPER_MARGIN + HD_PAPER_TITLE + up;
        int64_t end = hd_max(x + hd_max(right, map->keys * CELL), HD_PAPER_MARGIN + hd_paper_title_room(title.data));
        hd_paper_begin(out, hd_max(end, x + legend_room) + HD_PAPER_MARGIN,
                       y + map->queries * CELL + LEGEND + HD_PAPER_MARGIN / 2);
        hd_paper_title(out, title.data);
        append_map_labels(out, map, x, y);
        append_cells(out, map, weights, (double)largest, x, y, CELL, 1);
        append_legend(out, x, y + map->queries * CELL + 18, (double)largest);
        hd_paper_end(out);
    }
    bool fine = weights && !title.failed && !out->failed;
    hd_buffer_close(&title);
    hd_arena_close(&arena);
    return fine ? HEED_OK : HEED_MEMORY;
}

/* ---- all heads ---- */

heed_status hd_draw_svg_grid(const hd_view *view, hd_buffer *out) {
    enum { TILE = 132, BETWEEN = 14, NAME = 58, ABOVE = 24 };
    const hd_attention_map *map = view->map;
    int64_t first = hd_max(view->layer, 0), end = view->layer < 0 ? map->layers : view->layer + 1;
    int64_t cell = hd_max(TILE / hd_max(hd_max(map->queries, map->keys), 1), 2), cells = map->queries * map->keys;
    int64_t wide = hd_max(map->keys * cell, 48) + BETWEEN, high = map->queries * cell + BETWEEN;
    int64_t x = HD_PAPER_MARGIN + NAME, y = HD_PAPER_MARGIN + HD_PAPER_TITLE + ABOVE;
    char title[64];
    snprintf(title, sizeof title, "%s, every head", hd_attention_titles[map->kind]);
    int64_t right =
        hd_max(hd_max(x + map->heads * wide, HD_PAPER_MARGIN + hd_paper_title_room(title)), x + legend_room);
    hd_paper_begin(out, right + HD_PAPER_MARGIN - BETWEEN, y + (end - first) * high + LEGEND);
    hd_paper_title(out, title);
    for (int64_t head = 0; head < map->heads; head++) {
        char name[32];
        snprintf(name, sizeof name, "head %lld", (long long)head + 1);
        hd_paper_label(out, x + head * wide, y - 8, HD_PAPER_SMALL, name);
    }
    for (int64_t layer = first; layer < end; layer++) {
        char name[32];
        int64_t at = y + (layer - first) * high;
        snprintf(name, sizeof name, "layer %lld", (long long)layer + 1);
        hd_paper_label(out, HD_PAPER_MARGIN, at + 11, HD_PAPER_SMALL, name);
        for (int64_t head = 0; head < map->heads; head++)
            append_cells(out, map, map->weights + (layer * map->heads + head) * cells, 1, x + head * wide, at, cell, 0);
    }
    append_legend(out, x, y + (end - first) * high + 8, 1);
    hd_paper_end(out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- words in two columns ---- */

enum { ROW = 24, SPAN = 220, FAINTEST = 6 /* percent; weights below it are not drawn */ };

/* The lines of one head; `shift` separates the heads within the height of a word. */
static void append_lines(hd_buffer *out, const hd_attention_map *map, const float *weights, hd_color c, int64_t shift,
                         int64_t x, int64_t y) {
    hd_buffer_format(out, "<g fill=\"none\" stroke=\"#%02x%02x%02x\">\n", c.red, c.green, c.blue);
    for (int64_t q = 0; q < map->queries; q++) {
        for (int64_t k = 0; k < map->keys; k++) {
            int percent = (int)(100 * hd_shown_share((double)weights[q * map->keys + k]) + 0.5);
            int thick = 60 + 2 * percent;
            if (percent < FAINTEST) continue;
            int64_t from = y + q * ROW + shift, to = y + k * ROW + shift;
            hd_buffer_format(out,
                             "<path d=\"M%lld %lldC%lld %lld %lld %lld %lld %lld\" stroke-opacity=\"%d.%02d\" "
                             "stroke-width=\"%d.%02d\"/>\n",
                             (long long)x, (long long)from, (long long)(x + SPAN / 2), (long long)from,
                             (long long)(x + SPAN / 2), (long long)to, (long long)(x + SPAN), (long long)to,
                             percent / 100, percent % 100, thick / 100, thick % 100);
        }
    }
    hd_buffer_text(out, "</g>\n");
}

static void append_heads(hd_buffer *out, int64_t first, int64_t end, int64_t x, int64_t y) {
    hd_paper_label(out, x - 10, y + 9, HD_PAPER_SMALL HD_PAPER_RIGHT, "head");
    for (int64_t head = first; head < end; head++, x += 30) {
        hd_color c = hd_head_color(head);
        char name[32];
        snprintf(name, sizeof name, "%lld", (long long)head + 1);
        hd_buffer_format(out,
                         "<rect x=\"%lld\" y=\"%lld\" width=\"10\" height=\"10\" rx=\"2\" fill=\"#%02x%02x%02x\"/>\n",
                         (long long)x, (long long)y, c.red, c.green, c.blue);
        hd_paper_label(out, x + 13, y + 9, " font-size=\"10\" fill=\"#5b6676\"", name);
    }
}

static bool append_all_lines(hd_buffer *out, const hd_view *view, int64_t x, int64_t y) {
    const hd_attention_map *map = view->map;
    int64_t first = hd_max(view->head, 0), end = view->head < 0 ? map->heads : view->head + 1;
    hd_arena arena;
    hd_arena_open(&arena, out->context);
    float *weights = hd_arena_alloc(&arena, (size_t)(map->queries * map->keys), sizeof *weights);
    for (int64_t head = first; weights && head < end; head++) {
        int64_t shift = (2 * (head - first) + 1 - (end - first)) * 6 / (end - first);
        hd_attention_mean(map, view->layer, head, weights);
        append_lines(out, map, weights, hd_head_color(head), shift, x, y);
    }
    hd_arena_close(&arena);
    return weights;
}

heed_status hd_draw_svg_lines(const hd_view *view, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    int64_t heads = view->head < 0 ? map->heads : 1;
    int64_t x = HD_PAPER_MARGIN + hd_max(hd_paper_widest(map->query_labels, map->queries), 40) + 10,
            y = HD_PAPER_MARGIN + HD_PAPER_TITLE + 34;
    int64_t rows = hd_max(map->queries, map->keys), right = x + SPAN + 10 + hd_paper_widest(map->key_labels, map->keys);
    hd_buffer title;
    hd_buffer_open(&title, out->context);
    if (view->head < 0 && map->heads > 1) { /* not their mean */
        hd_attention_map one = *map;
        one.heads = 1;
        hd_view_title(&(hd_view){&one, view->layer, 0}, &title);
        hd_buffer_format(&title, ", %lld heads", (long long)map->heads);
    } else {
        hd_view_title(view, &title);
    }
    if (!title.failed) {
        right = hd_max(hd_max(right, HD_PAPER_MARGIN + hd_paper_title_room(title.data)), x + heads * 30);
        hd_paper_begin(out, right + HD_PAPER_MARGIN, y + rows * ROW + 34);
        hd_paper_title(out, title.data);
        hd_paper_label(out, x - 10, y - 22, HD_PAPER_SMALL HD_PAPER_RIGHT, "query");
        hd_paper_label(out, x + SPAN + 10, y - 22, HD_PAPER_SMALL, "key");
    }
    bool fine = !title.failed && append_all_lines(out, view, x, y);
    for (int64_t q = 0; fine && q < map->queries; q++)
        hd_paper_label(out, x - 10, y + q * ROW + 5, HD_PAPER_RIGHT, map->query_labels[q]);
    for (int64_t k = 0; fine && k < map->keys; k++)
        hd_paper_label(out, x + SPAN + 10, y + k * ROW + 5, "", map->key_labels[k]);
    append_heads(out, hd_max(view->head, 0), view->head < 0 ? map->heads : view->head + 1, x, y + rows * ROW + 6);
    hd_paper_end(out);
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}
