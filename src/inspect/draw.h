/* Drawing attention: what is drawn, and the pictures that there are. Each appends to a buffer, whose failure is sticky. */
#ifndef HD_INSPECT_DRAW_H
#define HD_INSPECT_DRAW_H

#include "base/buffer.h"
#include "inspect/attention.h"

/* What to look at. */
typedef struct hd_view {
    const hd_attention_map *map;
    int64_t layer, head; /* from 0; −1: the mean of all */
} hd_view;

/* "Cross-attention, layer 3 of 4, mean of 4 heads". */
void hd_view_title(const hd_view *view, hd_buffer *out);
/* Weights [queries, keys] in the arena, and the largest of them; NULL when memory ran out. */
const float *hd_view_weights(const hd_view *view, hd_arena *arena, float *largest);

/* Lines of text: a map with words on both axes, in shades of grey or in 24-bit colour, folded into pieces that are at most
 * `columns` wide (0: any width); or small maps of every head of `view->layer` (of all layers: −1). */
heed_status hd_draw_text_map(const hd_view *view, bool color, int64_t columns, hd_buffer *out);
heed_status hd_draw_text_grid(const hd_view *view, bool color, int64_t columns, hd_buffer *out);

/* SVG pictures. The last has words in two columns and a line for each weight, in the colour of its head. */
heed_status hd_draw_svg_map(const hd_view *view, hd_buffer *out);
heed_status hd_draw_svg_grid(const hd_view *view, hd_buffer *out);
heed_status hd_draw_svg_lines(const hd_view *view, hd_buffer *out);

/* One page with all maps of the attention, for a browser; it loads nothing. */
heed_status hd_draw_html(const heed_attention *attention, hd_buffer *out);

/* ---- data ---- */

/* A JSON object on one line: "source_text", "target_text" and "attentions", a list of {"kind", "layers", "heads",
 * "queries": [labels], "keys": [labels], "weights": [layers][heads][queries][keys]}. `only` NULL: all maps. */
heed_status hd_write_json(const heed_attention *attention, const hd_attention_map *only, hd_buffer *out);
/* NumPy's format: float32 [layers, heads, queries, keys]. */
void hd_write_npy(const hd_attention_map *map, hd_buffer *out);

#endif
