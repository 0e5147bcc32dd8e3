/* Attention as SVG. */
#include "inspect/draw.h"
#include "inspect/paper.h"

#include <stdio.h>
#include <string.h>

enum {
    CELL = 22,   /* of a map */
    LEGEND = 50, /* height of the scale below */
    LEVELS = 64  /* distinct shades */
};

/* ---- descriptions for screen readers ---- */

static void append_words(hd_buffer *out, const char *axis, const char *const *labels, int64_t count) {
    hd_buffer_format(out, "%s:", axis);
    for (int64_t i = 0; i < count; i++) hd_buffer_format(out, " %s", labels[i]);
    hd_buffer_text(out, ". ");
}

static bool has_equal_axes(const hd_attention_map *map) {
    bool equal = map->queries == map->keys;
    for (int64_t i = 0; equal && i < map->keys; i++) equal = strcmp(map->query_labels[i], map->key_labels[i]) == 0;
    return equal;
}

static void describe(hd_buffer *out, const hd_attention_map *map, const char *how) {
    if (has_equal_axes(map)) {
        append_words(out, "Rows are queries, columns are keys", map->key_labels, map->keys);
    } else {
        append_words(out, "Rows are queries", map->query_labels, map->queries);
        append_words(out, "Columns are keys", map->key_labels, map->keys);
    }
    hd_buffer_text(out, how);
}

/* ---- the scale ---- */

enum { STEPS = 32, STEP = 4, SCALE = 14 + STEPS * STEP + 6 + 40 /* its width */, MASKED = 100 /* of its sample */ };

/* A path of one cell. */
static void append_cell(hd_buffer *out, int64_t x, int64_t y, int64_t side) {
    hd_buffer_format(out, "M%lld %lldh%lldv%lldh-%lldz", (long long)x, (long long)y, (long long)side, (long long)side,
                     (long long)side);
}

/* The stroke that crosses a masked cell. */
static void begin_hatch(hd_buffer *out) { hd_buffer_text(out, "<path stroke=\"#c3ccd8\" d=\""); }
static void append_hatch(hd_buffer *out, int64_t x, int64_t y, int64_t side) {
    hd_buffer_format(out, "M%lld %lldl%lld-%lld", (long long)x, (long long)(y + side), (long long)side,
                     (long long)side);
}

/* From 0 to `largest`, and a sample of a masked cell if there is one. */
static void append_legend(hd_buffer *out, int64_t x, int64_t y, double largest, bool masked) {
    char number[32];
    hd_paper_label(out, x, y + 10, HD_PAPER_SMALL, "0");
    for (int i = 0; i < STEPS; i++) {
        hd_color c = hd_paper_color(i / (STEPS - 1.0));
        hd_buffer_format(out, "<rect x=\"%lld\" y=\"%lld\" width=\"%d\" height=\"12\" fill=\"#%02x%02x%02x\"/>\n",
                         (long long)(x + 14 + i * STEP), (long long)y, i < STEPS - 1 ? STEP + 1 : STEP, c.red, c.green,
                         c.blue);
    }
    snprintf(number, sizeof number, "%d%% weight", (int)(100 * largest + 0.5));
    hd_paper_label(out, x + 20 + STEPS * STEP, y + 10, HD_PAPER_SMALL, number);
    if (!masked) return;
    x += SCALE + 44;
    hd_buffer_text(out, "<path fill=\"none\" stroke=\"#c3ccd8\" d=\"");
    append_cell(out, x, y, 12);
    append_hatch(out, x, y, 12);
    hd_buffer_text(out, "\"/>\n");
    hd_paper_label(out, x + 18, y + 10, HD_PAPER_SMALL, "masked");
}

static int64_t legend_width(bool masked) { return SCALE + 44 + (masked ? MASKED : 0); }

/* ---- cells ---- */

static bool has_masks(const hd_attention_map *map, int64_t layer) {
    for (int64_t q = 0; q < map->queries; q++)
        for (int64_t k = 0; k < map->keys; k++)
            if (hd_attention_is_masked(map, layer, q, k)) return true;
    return false;
}

/* Masked cells are white, and a line crosses each of them. */
static void append_masks(hd_buffer *out, const hd_attention_map *map, int64_t layer, int64_t x, int64_t y, int64_t cell,
                         int64_t gap) {
    if (!has_masks(map, layer)) return;
    for (int hatch = 0; hatch < 2; hatch++) {
        if (hatch)
            begin_hatch(out);
        else
            hd_buffer_text(out, "<path fill=\"#fff\" d=\"");
        for (int64_t q = 0; q < map->queries; q++)
            for (int64_t k = 0; k < map->keys; k++) {
                if (!hd_attention_is_masked(map, layer, q, k)) continue;
                if (hatch)
                    append_hatch(out, x + k * cell, y + q * cell, cell - gap);
                else
                    append_cell(out, x + k * cell, y + q * cell, cell);
            }
        hd_buffer_text(out, "\"/>\n");
    }
}

/* A layer's weights at (x, y) with cells of `cell` pixels, including the gap; cells of one shade are one path. */
static void append_cells(hd_buffer *out, const hd_attention_map *map, int64_t layer, const float *weights,
                         double largest, int64_t x, int64_t y, int64_t cell, int64_t gap) {
    hd_color ground = hd_paper_color(0);
    hd_buffer_format(out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"%lld\" fill=\"#%02x%02x%02x\"/>\n",
                     (long long)x, (long long)y, (long long)(map->keys * cell - gap),
                     (long long)(map->queries * cell - gap), ground.red, ground.green, ground.blue);
    append_masks(out, map, layer, x, y, cell, gap);
    for (int level = 1; level < LEVELS; level++) {
        bool begun = false;
        for (int64_t q = 0; q < map->queries; q++) {
            for (int64_t k = 0; k < map->keys; k++) {
                double value = hd_shown_share(largest > 0 ? (double)weights[q * map->keys + k] / largest : 0);
                if ((int)(value * (LEVELS - 1) + 0.5) != level) continue;
                hd_color c = hd_paper_color(level / (LEVELS - 1.0));
                if (!begun) hd_buffer_format(out, "<path fill=\"#%02x%02x%02x\" d=\"", c.red, c.green, c.blue);
                begun = true;
                append_cell(out, x + k * cell, y + q * cell, cell - gap);
            }
        }
        if (begun) hd_buffer_text(out, "\"/>\n");
    }
}

/* ---- one map ---- */

/* Labels over a map slant by 50 degrees: their extent upwards and to the right. */
static int64_t slant_up(int64_t width) { return width * 77 / 100 + HD_PAPER_FONT; }
static int64_t slant_right(int64_t width) { return width * 65 / 100 + HD_PAPER_FONT; }

static void append_key_labels(hd_buffer *out, const hd_attention_map *map, const char *more, int64_t x, int64_t y,
                              int64_t cell) {
    for (int64_t k = 0; k < map->keys; k++) {
        char slant[128];
        int64_t at = x + k * cell + cell / 2 + 3;
        snprintf(slant, sizeof slant, "%s transform=\"rotate(-50 %lld %lld)\"", more, (long long)at,
                 (long long)(y - 7));
        hd_paper_label(out, at, y - 7, slant, map->key_labels[k]);
    }
}

static void append_query_labels(hd_buffer *out, const hd_attention_map *map, const char *more, int64_t x, int64_t y,
                                int64_t cell) {
    for (int64_t q = 0; q < map->queries; q++)
        hd_paper_label(out, x - 8, y + q * cell + cell / 2 + 4, more, map->query_labels[q]);
}

/* The names of the axes, in the corner between them. */
static void append_axes(hd_buffer *out, int64_t x, int64_t y) {
    hd_paper_label(out, x - 8, y - 22, HD_PAPER_SMALL HD_PAPER_RIGHT, "keys →");
    hd_paper_label(out, x - 8, y - 7, HD_PAPER_SMALL HD_PAPER_RIGHT, "queries ↓");
}

enum { AXES = 64 /* width of their names */ };

heed_status hd_draw_svg_map(const hd_view *view, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    hd_arena arena;
    hd_buffer title, words;
    float largest;
    hd_arena_open(&arena, out->context);
    hd_buffer_open(&title, out->context);
    hd_buffer_open(&words, out->context);
    const float *weights = hd_view_weights(view, &arena, &largest);
    hd_view_title(view, &title);
    describe(&words, map, "The darker a cell, the larger the attention weight.");
    if (weights && !title.failed && !words.failed) {
        bool masked = has_masks(map, view->layer);
        int64_t up = hd_max(slant_up(hd_paper_widest(map->key_labels, map->keys)), 36), right = 0;
        for (int64_t k = 0; k < map->keys; k++)
            right = hd_max(right, k * CELL + CELL / 2 + slant_right(hd_paper_room(map->key_labels[k])));
        int64_t x = HD_PAPER_MARGIN + hd_max(hd_paper_widest(map->query_labels, map->queries), AXES) + 8,
                y = HD_PAPER_MARGIN + HD_PAPER_TITLE + up;
        int64_t end = hd_max(x + hd_max(right, map->keys * CELL), HD_PAPER_MARGIN + hd_paper_title_room(title.data));
        hd_paper_begin(out, hd_max(end, x + legend_width(masked)) + HD_PAPER_MARGIN,
                       y + map->queries * CELL + LEGEND + HD_PAPER_MARGIN / 2, title.data, words.data);
        append_axes(out, x, y);
        append_key_labels(out, map, "", x, y, CELL);
        append_query_labels(out, map, HD_PAPER_RIGHT, x, y, CELL);
        append_cells(out, map, view->layer, weights, (double)largest, x, y, CELL, 1);
        append_legend(out, x, y + map->queries * CELL + 18, (double)largest, masked);
        hd_paper_end(out);
    }
    bool fine = weights && !title.failed && !words.failed && !out->failed;
    hd_buffer_close(&words);
    hd_buffer_close(&title);
    hd_arena_close(&arena);
    return fine ? HEED_OK : HEED_MEMORY;
}

/* ---- all heads ---- */

enum {
    TILE = 132,
    BETWEEN = 14,
    NAME = 58,
    HEADS = 24 /* their names */,
    LABELLED = 12 /* the smallest cell with a label */
};

/* Small maps of heads: as many next to each other as fit, with words on both axes where the cells are large enough. */
typedef struct grid {
    const hd_attention_map *map;
    int64_t cell, wide, high; /* pixels: of a cell, and of a tile with the space after it */
    int64_t per_line;         /* heads next to each other */
    bool labelled;
    int64_t x, y; /* of the first tile */
    int64_t line; /* height of a line of heads */
} grid;

/* Cells that have labels if one line of heads fits into the page then; else small ones. */
static grid plan_grid(const hd_attention_map *map) {
    int64_t side = hd_max(hd_max(map->queries, map->keys), 1),
            labels = hd_paper_widest(map->query_labels, map->queries);
    int64_t left = HD_PAPER_MARGIN + NAME, room = HD_PAPER_WIDTH - left - HD_PAPER_MARGIN;
    grid g = {.map = map, .cell = hd_max(hd_min(TILE / side, 22), 2)};
    int64_t over = map->keys ? slant_right(hd_paper_room(map->key_labels[map->keys - 1])) : 0; /* past the last map */
    int64_t names = labels + 8, large = (room - names - over) / hd_max(map->heads, 1) - BETWEEN;
    if (large / side >= LABELLED || map->heads <= 2) {
        g.labelled = true;
        g.cell = hd_min(hd_max(large / side, LABELLED), 22);
        left += names;
    }
    g.wide = hd_max(map->keys * g.cell, 48) + BETWEEN;
    g.high = map->queries * g.cell + BETWEEN;
    g.per_line = g.labelled ? map->heads : hd_max(hd_min(room / g.wide, map->heads), 1);
    g.x = left;
    g.y = HD_PAPER_MARGIN + HD_PAPER_TITLE + HEADS;
    if (g.labelled) g.y += hd_max(slant_up(hd_paper_widest(map->key_labels, map->keys)), 36);
    g.line = g.high + (g.per_line < map->heads ? HEADS : 0);
    return g;
}

/* Heads [first, end) of a layer at height y. Each has its name above it, unless those of another layer are above it. */
static void append_tiles(hd_buffer *out, const grid *g, int64_t layer, int64_t first, int64_t end, int64_t y,
                         bool named) {
    const hd_attention_map *map = g->map;
    for (int64_t head = first; head < end; head++) {
        char name[32];
        const float *weights = map->weights + (layer * map->heads + head) * map->queries * map->keys;
        int64_t x = g->x + (head - first) * g->wide, above = y - 8;
        if (named && g->labelled) {
            append_key_labels(out, map, HD_PAPER_SMALL, x, y, g->cell);
            above = HD_PAPER_MARGIN + HD_PAPER_TITLE + 10;
        }
        snprintf(name, sizeof name, "head %lld", (long long)head + 1);
        if (named) hd_paper_label(out, x, above, HD_PAPER_SMALL, name);
        append_cells(out, map, layer, weights, 1, x, y, g->cell, 0);
    }
}

/* Returns the height below all layers. */
static int64_t append_layers(hd_buffer *out, const grid *g, int64_t first, int64_t end) {
    int64_t y = g->y;
    bool one_line = g->per_line == g->map->heads;
    for (int64_t layer = first; layer < end; layer++) {
        char name[32];
        snprintf(name, sizeof name, "layer %lld", (long long)layer + 1);
        hd_paper_label(out, HD_PAPER_MARGIN, y + 11, HD_PAPER_SMALL, name);
        if (g->labelled) append_query_labels(out, g->map, HD_PAPER_SMALL HD_PAPER_RIGHT, g->x, y, g->cell);
        for (int64_t head = 0; head < g->map->heads; head += g->per_line, y += g->line)
            append_tiles(out, g, layer, head, hd_min(head + g->per_line, g->map->heads), y,
                         !one_line || layer == first);
    }
    return y;
}

heed_status hd_draw_svg_grid(const hd_view *view, hd_buffer *out) {
    const hd_attention_map *map = view->map;
    int64_t first = hd_max(view->layer, 0), end = view->layer < 0 ? map->layers : view->layer + 1;
    grid g = plan_grid(map);
    char title[64];
    hd_buffer words;
    hd_buffer_open(&words, out->context);
    snprintf(title, sizeof title, "%s, every head", hd_attention_titles[map->kind]);
    describe(&words, map, "One map per layer and head.");
    if (!words.failed) {
        bool masked = has_masks(map, view->layer);
        int64_t lines = (end - first) * ((map->heads + g.per_line - 1) / g.per_line);
        int64_t note = g.labelled ? 0 : hd_paper_lines(words.data, HD_PAPER_WIDTH - g.x - HD_PAPER_MARGIN);
        int64_t right = hd_max(g.x + g.per_line * g.wide - BETWEEN, HD_PAPER_MARGIN + hd_paper_title_room(title));
        right = hd_max(right, g.x + legend_width(masked));
        if (note) right = hd_max(right, HD_PAPER_WIDTH - HD_PAPER_MARGIN);
        if (g.labelled) { /* the last label may pass the last map */
            int64_t last = g.x + (map->heads - 1) * g.wide;
            for (int64_t k = 0; k < map->keys; k++)
                right = hd_max(right, last + k * g.cell + slant_right(hd_paper_room(map->key_labels[k])));
        }
        hd_paper_begin(out, right + HD_PAPER_MARGIN, g.y + lines * g.line + LEGEND + note * HD_PAPER_LINE, title,
                       words.data);
        if (g.labelled) append_axes(out, g.x, g.y);
        int64_t y = append_layers(out, &g, first, end);
        append_legend(out, g.x, y + 8, 1, masked);
        if (note) hd_paper_paragraph(out, g.x, y + 40, HD_PAPER_WIDTH - g.x - HD_PAPER_MARGIN, words.data);
        hd_paper_end(out);
    }
    bool fine = !words.failed && !out->failed;
    hd_buffer_close(&words);
    return fine ? HEED_OK : HEED_MEMORY;
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
        hd_paper_label(out, x + 13, y + 9, HD_PAPER_SMALL, name);
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
    hd_buffer title, words;
    hd_buffer_open(&title, out->context);
    hd_buffer_open(&words, out->context);
    append_words(&words, "Left: queries", map->query_labels, map->queries);
    append_words(&words, "Right: keys", map->key_labels, map->keys);
    hd_buffer_text(&words, "The thicker a line, the larger the attention weight. Each head has a colour.");
    if (view->head < 0 && map->heads > 1) { /* not their mean */
        hd_attention_map one = *map;
        one.heads = 1;
        hd_view_title(&(hd_view){&one, view->layer, 0}, &title);
        hd_buffer_format(&title, ", %lld heads", (long long)map->heads);
    } else {
        hd_view_title(view, &title);
    }
    bool fine = !title.failed && !words.failed;
    if (fine) {
        right = hd_max(hd_max(right, HD_PAPER_MARGIN + hd_paper_title_room(title.data)), x + heads * 30);
        hd_paper_begin(out, right + HD_PAPER_MARGIN, y + rows * ROW + 34, title.data, words.data);
        hd_paper_label(out, x - 10, y - 22, HD_PAPER_SMALL HD_PAPER_RIGHT, "query");
        hd_paper_label(out, x + SPAN + 10, y - 22, HD_PAPER_SMALL, "key");
    }
    fine = fine && append_all_lines(out, view, x, y);
    for (int64_t q = 0; fine && q < map->queries; q++)
        hd_paper_label(out, x - 10, y + q * ROW + 5, HD_PAPER_RIGHT, map->query_labels[q]);
    for (int64_t k = 0; fine && k < map->keys; k++)
        hd_paper_label(out, x + SPAN + 10, y + k * ROW + 5, "", map->key_labels[k]);
    append_heads(out, hd_max(view->head, 0), view->head < 0 ? map->heads : view->head + 1, x, y + rows * ROW + 6);
    hd_paper_end(out);
    hd_buffer_close(&words);
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}
