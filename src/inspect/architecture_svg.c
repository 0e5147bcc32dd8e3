/* A Transformer as its figure in Vaswani et al. (2017): a column for each side, read from below, and beside or under the
 * columns the inside of attention and of the feed-forward layer. */
#include "inspect/panel.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum {
    BOX = 230,     /* width of a box on the line */
    BESIDE = 176,  /* and of one beside it */
    LANE = 30,     /* from the frame of the layers to a box: the residual connection runs there */
    FRAME = 280,   /* width of the frame */
    LABEL = 84,    /* beside the frame, for the number of layers */
    GAP = 20,      /* between boxes, for an arrow */
    SUM = 18,      /* height of a sum */
    INSIDE = 16,   /* between the frame and the boxes in it */
    TOP = 64,      /* for the title */
    FIRST = 96,    /* x of the frame of the only or the left column, */
    SECOND = 454,  /* and of the right one */
    SINGLE = 422,  /* x of a panel on the right */
    TEXT_LINE = 22 /* above and below a column, for its input and its output */
};

/* A column: boxes at their heights, counted from the bottom of the column upwards. */
typedef struct column {
    const hd_side_picture *side;
    bool mirrored; /* its residual connections run on the right */
    int64_t x;     /* of the frame */
    int64_t top[HD_MOST_BOXES], high[HD_MOST_BOXES];
    int64_t frame_low, frame_top; /* of the layers */
    int64_t height;
    int64_t bottom; /* y of the bottom in the picture */
} column;

static int64_t line_of(const column *c) { return c->x + (c->mirrored ? FRAME - LANE - BOX / 2 : LANE + BOX / 2); }
static int64_t box_x(const column *c) { return line_of(c) - BOX / 2; }
static int64_t lane_of(const column *c) { return c->mirrored ? c->x + FRAME - 14 : c->x + 14; }
static int64_t y_of(const column *c, int64_t height) { return c->bottom - height; }

static int64_t width_of(const hd_box *box) { return box->place == HD_PLACE_LINE ? BOX : BESIDE; }

static int64_t measure_box(const hd_box *box) {
    hd_box_memory memory;
    hd_box_lines lines = hd_diagram_lines(box, width_of(box), &memory);
    return box->kind == HD_BOX_SUM ? SUM : hd_diagram_height(&lines);
}

/* A box that is added stands at the height of its sum. */
static void measure_column(column *c) {
    const hd_side_picture *side = c->side;
    int64_t at = TEXT_LINE;
    for (int64_t i = 0; i < side->count; i++) {
        const hd_box *box = &side->boxes[i];
        if (i == side->first) c->frame_low = at + GAP, at += GAP + INSIDE;
        c->high[i] = measure_box(box);
        bool added = i > 0 && side->boxes[i - 1].place == HD_PLACE_ADDED;
        if (added) {
            c->top[i] = c->top[i - 1] - (c->high[i - 1] - SUM) / 2;
            at = c->top[i - 1];
        } else {
            at += GAP;
            c->top[i] = at += c->high[i];
        }
        if (i + 1 == side->end) c->frame_top = at += INSIDE;
    }
    c->height = at + GAP + TEXT_LINE;
}

/* ---- one column ---- */

static void draw_box(const column *c, int64_t i, hd_buffer *out) {
    const hd_box *box = &c->side->boxes[i];
    hd_box_memory memory;
    hd_box_lines lines = hd_diagram_lines(box, width_of(box), &memory);
    int64_t x = box_x(c), y = y_of(c, c->top[i]), line = line_of(c), middle = y + c->high[i] / 2;
    if (box->kind == HD_BOX_SUM) {
        hd_diagram_sum(out, line, middle);
        return;
    }
    if (box->place != HD_PLACE_LINE) x = c->mirrored ? line + 26 : line - 26 - BESIDE;
    hd_diagram_box(out, box->kind, &lines, x, y, width_of(box), c->high[i]);
    if (box->place == HD_PLACE_ADDED && c->mirrored) hd_diagram_left(out, middle, x, line + SUM / 2);
    if (box->place == HD_PLACE_ADDED && !c->mirrored) hd_diagram_right(out, middle, x + BESIDE, line - SUM / 2);
    bool read = box->place == HD_PLACE_BESIDE && i < c->side->first;
    if (read) hd_diagram_up(out, x + BESIDE / 2, y, y_of(c, c->frame_low));
}

/* Around the sublayer's boxes, from the line into the sum. */
static void draw_residual(const column *c, int64_t sum, hd_buffer *out) {
    int64_t spans = c->side->boxes[sum].spans, first = sum - spans;
    int64_t low = y_of(c, c->top[first] - c->high[first] - GAP / 2 - 2), high = y_of(c, c->top[sum] - SUM / 2);
    int64_t line = line_of(c), lane = lane_of(c), end = c->mirrored ? line + SUM / 2 : line - SUM / 2;
    char path[160];
    if (spans < 1) return;
    snprintf(path, sizeof path, "M%lld %lldH%lldV%lldH%lld", (long long)line, (long long)low, (long long)lane,
             (long long)high, (long long)end);
    hd_diagram_path(out, path, end, high, c->mirrored ? 'l' : 'r');
}

/* The arrows between the boxes on the line. */
static void draw_line(const column *c, hd_buffer *out) {
    int64_t from = TEXT_LINE - 2;
    for (int64_t i = 0; i < c->side->count; i++) {
        if (c->side->boxes[i].place != HD_PLACE_LINE) continue;
        hd_diagram_up(out, line_of(c), y_of(c, from), y_of(c, c->top[i] - c->high[i]));
        from = c->top[i];
    }
    hd_diagram_up(out, line_of(c), y_of(c, from), y_of(c, c->height - TEXT_LINE));
}

static void draw_layer_label(const column *c, hd_buffer *out) {
    char text[64], number[32];
    int64_t y = y_of(c, (c->frame_low + c->frame_top) / 2), x = c->mirrored ? c->x + FRAME + 8 : c->x - 8;
    const char *anchor = c->mirrored ? "" : HD_PAPER_RIGHT;
    char more[160];
    snprintf(text, sizeof text, "× %lld", (long long)c->side->layers);
    snprintf(more, sizeof more, " font-size=\"22\"%s", anchor);
    hd_paper_label(out, x, y, more, text);
    snprintf(more, sizeof more, HD_PAPER_SMALL "%s", anchor);
    hd_print_count(number, c->side->layer_parameters);
    hd_paper_label(out, x, y + 18, more, number);
    hd_paper_label(out, x, y + 32, more, c->side->layers > 1 ? "each layer" : "parameters");
}

static void draw_column(const column *c, bool titled, hd_buffer *out) {
    const hd_side_picture *side = c->side;
    int64_t frame = c->frame_top - c->frame_low;
    hd_diagram_frame(out, c->x, y_of(c, c->frame_top), FRAME, frame);
    draw_layer_label(c, out);
    if (titled)
        hd_paper_label(out, c->mirrored ? c->x + FRAME + 8 : c->x - 8, y_of(c, (c->frame_low + c->frame_top) / 2 + 30),
                       c->mirrored ? HD_DIAGRAM_BOLD : HD_DIAGRAM_BOLD HD_PAPER_RIGHT, side->title);
    draw_line(c, out);
    for (int64_t i = 0; i < side->count; i++) draw_residual(c, i, out);
    for (int64_t i = 0; i < side->count; i++) draw_box(c, i, out);
    hd_paper_label(out, line_of(c), y_of(c, 4), HD_PAPER_MIDDLE, side->input);
    hd_paper_label(out, line_of(c), y_of(c, c->height - TEXT_LINE + 8), HD_PAPER_MIDDLE, side->output);
}

/* From the top of the encoder into every layer's cross-attention. */
static void draw_cross(const column *encoder, const column *decoder, hd_buffer *out) {
    char path[200];
    int64_t lane = (encoder->x + FRAME + decoder->x) / 2 - 6;
    for (int64_t i = 0; i < decoder->side->count; i++) {
        if (!decoder->side->boxes[i].cross) continue;
        int64_t y = y_of(decoder, decoder->top[i] - decoder->high[i] / 2), x = box_x(decoder);
        int64_t room = hd_paper_room(encoder->side->output) / 2 + 8;
        int64_t from = y_of(encoder, encoder->height - TEXT_LINE + 12);
        snprintf(path, sizeof path, "M%lld %lldH%lldV%lldH%lld", (long long)(line_of(encoder) + room), (long long)from,
                 (long long)lane, (long long)y, (long long)x);
        hd_diagram_path(out, path, x, y, 'r');
        hd_paper_label(out, lane + 4, y - 5, HD_PAPER_SMALL, "keys,");
        hd_paper_label(out, lane + 4, y + 14, HD_PAPER_SMALL, "values");
    }
}

/* ---- panels ---- */

static void make_attention(const hd_attention_picture *a, bool crosses, hd_panel_picture *p) {
    char shape[HD_PANEL_TEXT], keys[HD_PANEL_TEXT], first[32], second[32], third[32];
    char heads[64];
    *p = (hd_panel_picture){.title = a->causal ? "Inside masked self-attention" : "Inside self-attention",
                            .note = crosses ? "In cross-attention, the encoder's states go to K and V." : "",
                            .output = "output of the sublayer",
                            .columns = 3,
                            .copies = a->heads};
    hd_print_count(first, a->width), hd_print_count(second, a->heads * a->head_width);
    hd_print_count(third, a->key_heads * a->head_width);
    snprintf(p->input, sizeof p->input, "states of n tokens, n × %s", first);
    snprintf(shape, sizeof shape, "%s → %s", first, second);
    snprintf(keys, sizeof keys, "%s → %s", first, third);
    hd_panel_add(p, false, 0, 1, HD_BOX_LINEAR, "Linear Q", shape, a->q);
    hd_panel_add(p, true, 1, 1, HD_BOX_LINEAR, "Linear K", keys, a->k);
    hd_panel_add(p, true, 2, 1, HD_BOX_LINEAR, "Linear V", keys, a->v);
    p->frame_first = p->rows;
    if (*a->norm) {
        hd_panel_add(p, false, 0, 1, HD_BOX_NORM, a->norm, "", -1);
        hd_panel_add(p, true, 1, 1, HD_BOX_NORM, a->norm, "", -1);
    }
    if (*a->rotary) {
        hd_panel_add(p, false, 0, 1, HD_BOX_POSITIONS, a->rotary, "", -1);
        hd_panel_add(p, true, 1, 1, HD_BOX_POSITIONS, a->rotary, "", -1);
    }
    hd_panel_add(p, false, 0, 2, HD_BOX_ATTENTION, "scores Q Kᵀ, n × n", "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_POSITIONS, a->unscaled, "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_ATTENTION, a->scale, "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_POSITIONS, a->added, "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_ATTENTION, a->cap, "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_ATTENTION, a->mask, "", -1);
    hd_panel_add(p, false, 0, 2, HD_BOX_OUTPUT, "softmax of each row: weights", "", -1);
    hd_panel_add(p, false, 0, 3, HD_BOX_ATTENTION, "weights · V: sums of values", "", -1);
    p->frame_end = p->rows;
    snprintf(heads, sizeof heads, "%lld head%s of %lld", (long long)a->heads, a->heads == 1 ? "" : "s",
             (long long)a->head_width);
    snprintf(keys, sizeof keys, a->key_heads == a->heads ? "%s" : "%s; %lld heads of keys and values are shared", heads,
             (long long)a->key_heads);
    snprintf(shape, sizeof shape, "%s → %s", second, first);
    hd_panel_add(p, false, 0, 3, HD_BOX_POOL, "concatenated heads", keys, -1);
    hd_panel_add(p, false, 0, 3, HD_BOX_LINEAR, "Linear", shape, a->out);
}

static void make_feed_forward(const hd_feed_forward_picture *f, hd_panel_picture *p) {
    char up[HD_PANEL_TEXT], down[HD_PANEL_TEXT], width[32], inner[32];
    bool gated = f->gate > 0;
    *p = (hd_panel_picture){.title = "Inside the feed-forward layer",
                            .note = "Each token is computed separately.",
                            .output = "output of the sublayer",
                            .columns = gated ? 2 : 1};
    hd_print_count(width, f->width), hd_print_count(inner, f->inner);
    snprintf(p->input, sizeof p->input, "states of n tokens, n × %s", width);
    snprintf(up, sizeof up, "%s → %s", width, inner), snprintf(down, sizeof down, "%s → %s", inner, width);
    if (gated) {
        hd_panel_add(p, false, 0, 1, HD_BOX_LINEAR, "Linear, gate", up, f->gate);
        hd_panel_add(p, true, 1, 1, HD_BOX_LINEAR, "Linear", up, f->up);
        hd_panel_add(p, false, 0, 1, HD_BOX_FEED_FORWARD, f->activation, "", -1);
        hd_panel_add(p, false, 0, 2, HD_BOX_FEED_FORWARD, "product, number by number", "", -1);
    } else {
        hd_panel_add(p, false, 0, 1, HD_BOX_LINEAR, "Linear", up, f->up);
        hd_panel_add(p, false, 0, 1, HD_BOX_FEED_FORWARD, f->activation, "", -1);
    }
    hd_panel_add(p, false, 0, p->columns, HD_BOX_LINEAR, "Linear", down, f->down);
}

/* ---- the whole ---- */

static void draw_notes(const hd_architecture_picture *a, int64_t y, hd_buffer *out) {
    for (int i = 0; i < HD_SIDES; i++) {
        const hd_side_picture *side = &a->side[i];
        char text[512];
        if (!side->layers || !*side->layers_note) continue;
        snprintf(text, sizeof text, "%s: %s.", side->title, side->layers_note);
        hd_paper_label(out, HD_PAPER_MARGIN, y, HD_PAPER_SMALL, text);
        y += 16;
    }
}

static int64_t notes_height(const hd_architecture_picture *a) {
    int64_t high = 0;
    for (int i = 0; i < HD_SIDES; i++)
        if (a->side[i].layers && *a->side[i].layers_note) high += 16;
    return high;
}

static void draw_transformer(const hd_architecture_picture *a, hd_buffer *out) {
    column columns[HD_SIDES];
    hd_panel_picture attention, feed_forward;
    bool both = a->side[HD_ENCODER].layers && a->side[HD_DECODER].layers;
    int64_t high = 0, top = TOP + notes_height(a);
    for (int i = 0; i < HD_SIDES; i++) {
        columns[i] = (column){.side = &a->side[i], .mirrored = both && i, .x = both && i ? SECOND : FIRST};
        if (!a->side[i].layers) continue;
        measure_column(&columns[i]);
        high = hd_max(high, columns[i].height);
    }
    make_attention(&a->attention, both, &attention);
    make_feed_forward(&a->feed_forward, &feed_forward);
    int64_t first = hd_panel_height(&attention), second = hd_panel_height(&feed_forward);
    int64_t height = both ? top + high + 24 + hd_max(first, second) : top + hd_max(high, first + 16 + second);
    hd_paper_begin(
        out, HD_PAPER_WIDTH, height + HD_PAPER_MARGIN, a->title,
        "Read from below: modules of the Transformer with their shapes and numbers of parameters. Grey frames hold "
        "the modules of one layer. Lines around a sublayer are residual connections.");
    draw_notes(a, TOP - 6, out);
    for (int i = 0; i < HD_SIDES; i++) columns[i].bottom = both ? top + high : top + columns[i].height;
    for (int i = 0; i < HD_SIDES; i++)
        if (a->side[i].layers) draw_column(&columns[i], both, out);
    if (both) draw_cross(&columns[HD_ENCODER], &columns[HD_DECODER], out);
    hd_panel_svg(&attention, both ? HD_PAPER_MARGIN - 8 : SINGLE, both ? top + high + 24 : top - 16, out);
    hd_panel_svg(&feed_forward, SINGLE, both ? top + high + 24 : top + first, out);
    hd_paper_end(out);
}

heed_status hd_architecture_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_architecture_picture *a = (const hd_architecture_picture *)picture;
    if (a->recipe.architecture == HD_RECURRENT) return hd_unrolled_svg(a, out);
    draw_transformer(a, out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}
