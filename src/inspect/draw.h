/* Pictures of attention. Each function appends to a buffer, whose failure is sticky. */
#ifndef HD_INSPECT_DRAW_H
#define HD_INSPECT_DRAW_H

#include "base/buffer.h"
#include "inspect/attention.h"

/* The map, layer and head to draw. */
typedef struct hd_view {
    const hd_attention_map *map;
    int64_t layer, head; /* from 0; −1: the mean of all */
} hd_view;

/* "Cross-attention, layer 3 of 4, mean of 4 heads". */
void hd_view_title(const hd_view *view, hd_buffer *out);
/* Weights [queries, keys] in the arena, and the largest of them; NULL when memory ran out. */
const float *hd_view_weights(const hd_view *view, hd_arena *arena, float *largest);

/* Lines of text, in shades of grey or in 24-bit colour: a map with words on both axes, split into parts of at most
 * `columns` cells (0: any width); or a small map of every head of `view->layer` (−1: of all layers). */
heed_status hd_draw_text_map(const hd_view *view, bool color, int64_t columns, hd_buffer *out);
heed_status hd_draw_text_grid(const hd_view *view, bool color, int64_t columns, hd_buffer *out);

/* SVG. hd_draw_svg_lines draws words in two columns and a line per weight, in the colour of its head. */
heed_status hd_draw_svg_map(const hd_view *view, hd_buffer *out);
heed_status hd_draw_svg_grid(const hd_view *view, hd_buffer *out);
heed_status hd_draw_svg_lines(const hd_view *view, hd_buffer *out);

/* An HTML page with all maps, which loads no other file. It opens with `first`, NULL for the page's own choice, drawn as a
 * map, as lines, or as a small map of every head. */
typedef enum hd_page_view { HD_PAGE_MAP, HD_PAGE_LINES, HD_PAGE_HEADS, HD_PAGE_VIEWS } hd_page_view;
heed_status hd_draw_html(const heed_attention *attention, const hd_view *first, hd_page_view as, hd_buffer *out);

/* ---- data ---- */

/* A JSON object on one line: "source_text", "target_text" and "attentions", a list of {"kind", "layers", "heads",
 * "queries": [labels], "keys": [labels], "weights": [layers][heads][queries][keys]}. `only` NULL: all maps. */
heed_status hd_write_json(const heed_attention *attention, const hd_attention_map *only, hd_buffer *out);
/* NumPy's format: float32 [layers, heads, queries, keys]. */
void hd_write_npy(const hd_attention_map *map, hd_buffer *out);

#endif
