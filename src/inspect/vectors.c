#include "inspect/vectors.h"

#include "base/number.h"
#include "inspect/paper.h"
#include "inspect/screen.h"
#include "inspect/strip.h"
#include "text/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER = 24, NOTE = 160 };

static void label_of(const hd_vectors *v, int64_t row, char number[NUMBER], const char **label) {
    snprintf(number, NUMBER, "%lld", (long long)row);
    *label = v->labels ? v->labels[row] : number;
}

/* The value of the full shade, and how many of the columns are shown. */
static const char *unit_of(const hd_vectors *v) { return v->labels ? "token" : "position"; }

/* How many of the columns are shown. */
static void note_columns(const hd_vectors *v, int64_t blocks, char note[NOTE / 2]) {
    if (blocks < v->columns)
        snprintf(note, NOTE / 2, "%lld of %lld dimensions", (long long)blocks, (long long)v->columns);
    else
        snprintf(note, NOTE / 2, "%lld dimensions", (long long)v->columns);
}

/* The same with the value of the full shade. */
static void note_scale(const hd_vectors *v, int64_t blocks, double largest, bool color, char note[NOTE]) {
    char number[NUMBER], columns[NOTE / 2];
    note_columns(v, blocks, columns);
    hd_print_number(number, sizeof number, "%.3g", largest);
    snprintf(note, NOTE, "%s; full shade: ±%s%s", columns, number, color ? "; red: below zero, blue: above" : "");
}

static void note_plane(const hd_vectors *v, char note[NOTE]) {
    hd_print_number(note, NOTE, "Principal components: %.0f%% of the variance across, %.0f%% up and down",
                    100 * v->shares[0], 100 * v->shares[1]);
}

/* The largest coordinate: both axes have the same scale, around 0. */
static double reach_of(const hd_vectors *v) {
    double reach = 0;
    for (int64_t i = 0; i < 2 * v->rows; i++) reach = fmax(reach, fabs(v->points[i]));
    return reach > 0 ? reach : 1;
}

/* ---- for terminals ---- */

enum { LONGEST_LABEL = 24, DEFAULT_COLUMNS = 80, FEWEST_COLUMNS = 16, LINES = 25 };

/* A plane of cells: each is empty, the first cell of a label, or a later one. */
typedef struct plane {
    int64_t columns;
    int32_t *cells; /* [LINES, columns]: 0, 1 + the row whose label begins here, or −1 */
} plane;

static bool is_free(const plane *p, int64_t line, int64_t first, int64_t cells) {
    if (first < 0 || first + cells > p->columns) return false;
    for (int64_t i = hd_max(first - 1, 0); i < hd_min(first + cells + 1, p->columns); i++)
        if (p->cells[line * p->columns + i]) return false;
    return true;
}

/* Puts a label at its point, or one line above or below; false if there is no room. */
static bool put_label(const plane *p, int64_t row, const char *label, int64_t column, int64_t line) {
    static const int lines[] = {0, -1, 1};
    int64_t cells = hd_text_cells(label);
    for (int i = 0; i < 3; i++) {
        int64_t at = line + lines[i], first = hd_min(hd_max(column - cells / 2, 0), p->columns - cells);
        if (at < 0 || at >= LINES || cells == 0 || !is_free(p, at, first, cells)) continue;
        for (int64_t c = 0; c < cells; c++) p->cells[at * p->columns + first + c] = c ? -1 : (int32_t)row + 1;
        return true;
    }
    return false;
}

static heed_status append_plane(const hd_vectors *v, bool color, int64_t columns, hd_buffer *out) {
    plane p = {.columns = columns};
    p.cells = hd_alloc_zeroed(out->context, LINES * (size_t)columns, sizeof *p.cells);
    if (!p.cells) return HEED_MEMORY;
    double reach = reach_of(v);
    int64_t left = 0;
    for (int64_t row = 0; row < v->rows; row++) {
        int64_t column = (int64_t)((v->points[2 * row] / reach + 1) / 2 * (double)(columns - 1) + 0.5);
        int64_t line = (int64_t)((1 - v->points[2 * row + 1] / reach) / 2 * (LINES - 1) + 0.5);
        left += !put_label(&p, row, v->labels[row], column, line);
    }
    for (int64_t line = 0; line < LINES; line++) {
        for (int64_t c = 0; c < columns; c++) {
            int32_t cell = p.cells[line * columns + c];
            if (cell < 0) continue;
            if (color && cell) hd_screen_set(out, 0, hd_head_color(0));
            hd_buffer_text(out, cell ? v->labels[cell - 1] : line == LINES / 2 ? "─" : c == columns / 2 ? "│" : " ");
            if (color && cell) hd_screen_reset(out);
        }
        hd_screen_end_line(out);
    }
    if (left) hd_buffer_format(out, "(no room for %lld more)\n", (long long)left);
    hd_free(out->context, p.cells);
    return HEED_OK;
}

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_vectors *v = (const hd_vectors *)picture;
    double largest = hd_vector_largest(v->values, v->rows * v->columns);
    int64_t labels = 0, whole = columns ? columns : DEFAULT_COLUMNS;
    char number[NUMBER], note[NOTE];
    const char *label;
    for (int64_t row = 0; row < v->rows; row++)
        label_of(v, row, number, &label), labels = hd_max(labels, hd_text_cells(label));
    labels = hd_min(labels, LONGEST_LABEL);
    int64_t room = hd_max(whole - labels - 1, FEWEST_COLUMNS), blocks = hd_strip_blocks(v->columns, room);
    hd_buffer_format(out, "%s\n\n", v->title);
    for (int64_t row = 0; row < v->rows; row++) {
        label_of(v, row, number, &label);
        hd_screen_label_right(out, label, labels);
        hd_buffer_byte(out, ' ');
        hd_strip_text(out, v->values + row * v->columns, v->columns, room, largest, color);
        hd_screen_end_line(out);
    }
    note_scale(v, blocks, largest, color, note);
    hd_buffer_format(out, "\n%s\n%s%s", note, v->note ? v->note : "", v->note ? "\n" : "");
    if (!v->points) return out->failed ? HEED_MEMORY : HEED_OK;
    note_plane(v, note);
    hd_buffer_format(out, "\n%s\n\n", note);
    HD_TRY(append_plane(v, color, hd_max(whole, FEWEST_COLUMNS), out));
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- for print ---- */

enum {
    MOST_BLOCKS = 256,
    THICK = 16,    /* height of a strip with a label */
    THIN = 5,      /* height of a strip with a number */
    NUMBERED = 10, /* rows per number shown */
    TICKS = 32,    /* columns per number shown */
    PLANE = 520,   /* pixels of the plane's side */
    ABOVE_PLANE = 40,
    BELOW_PLANE = 24,
    SCALE = 12 /* height of the scale of colours */
};

typedef struct box {
    int64_t left, top, right, bottom;
} box;

static bool overlap(box a, box b) {
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

static bool is_room(const box *boxes, int64_t count, box label, box frame) {
    if (label.left < frame.left || label.right > frame.right || label.top < frame.top || label.bottom > frame.bottom)
        return false;
    for (int64_t i = 0; i < count; i++)
        if (overlap(boxes[i], label)) return false;
    return true;
}

/* Writes a point's label to the right of it, or left, above or below, where it overlaps none of `boxes` [count]. *label is its
 * box then. */
static bool append_point_label(const char *text, box point, const box *boxes, int64_t count, box frame, box *label,
                               hd_buffer *out) {
    int64_t x = point.left + 3, y = point.top + 3, wide = hd_paper_room(text);
    const box around[] = {{x + 5, y - 8, x + 5 + wide, y + 7},
                          {x - 5 - wide, y - 8, x - 5, y + 7},
                          {x - wide / 2, y - 19, x + wide / 2, y - 4},
                          {x - wide / 2, y + 4, x + wide / 2, y + 19}};
    static const char *const anchors[] = {"", HD_PAPER_RIGHT, HD_PAPER_MIDDLE, HD_PAPER_MIDDLE};
    const int64_t starts[] = {x + 5, x - 5, x, x};
    for (int i = 0; i < 4; i++) {
        if (!is_room(boxes, count, around[i], frame)) continue;
        hd_paper_label(out, starts[i], around[i].bottom - 3, anchors[i], text);
        *label = around[i];
        return true;
    }
    return false;
}

/* The points, of one colour, which has no meaning. *left is the number of points whose label has no free place. */
static heed_status append_points(const hd_vectors *v, int64_t x, int64_t y, hd_buffer *out, int64_t *left) {
    box *boxes = hd_alloc(out->context, (size_t)(2 * v->rows), sizeof *boxes);
    if (!boxes) return HEED_MEMORY;
    box frame = {x, y, x + PLANE, y + PLANE};
    double reach = 1.05 * reach_of(v);
    hd_color c = hd_head_color(0);
    hd_buffer_format(out, "<g fill=\"#%02x%02x%02x\">\n", c.red, c.green, c.blue);
    for (int64_t row = 0; row < v->rows; row++) {
        int64_t across = x + (int64_t)((v->points[2 * row] / reach + 1) / 2 * PLANE + 0.5);
        int64_t down = y + (int64_t)((1 - v->points[2 * row + 1] / reach) / 2 * PLANE + 0.5);
        boxes[row] = (box){across - 3, down - 3, across + 3, down + 3};
        hd_buffer_format(out, "<circle cx=\"%lld\" cy=\"%lld\" r=\"3\"/>\n", (long long)across, (long long)down);
    }
    hd_buffer_text(out, "</g>\n");
    int64_t count = v->rows;
    for (int64_t row = 0; row < v->rows; row++)
        count += append_point_label(v->labels[row], boxes[row], boxes, count, frame, &boxes[count], out);
    *left = 2 * v->rows - count;
    hd_free(out->context, boxes);
    return HEED_OK;
}

static heed_status append_paper_plane(const hd_vectors *v, int64_t x, int64_t y, hd_buffer *out) {
    char note[NOTE];
    int64_t left;
    hd_print_number(note, NOTE, "first principal component (%.0f%% of the variance) →", 100 * v->shares[0]);
    hd_paper_label(out, x + PLANE, y + PLANE + 16, HD_PAPER_SMALL HD_PAPER_RIGHT, note);
    hd_print_number(note, NOTE, "↑ second principal component (%.0f%% of the variance)", 100 * v->shares[1]);
    hd_paper_label(out, x, y - 8, HD_PAPER_SMALL, note);
    hd_buffer_format(out,
                     "<path fill=\"none\" stroke=\"#dfe4ea\" d=\"M%lld %lldh%dv%dh-%dzM%lld %lldv%dM%lld %lldh%d\"/>\n",
                     (long long)x, (long long)y, PLANE, PLANE, PLANE, (long long)(x + PLANE / 2), (long long)y, PLANE,
                     (long long)x, (long long)(y + PLANE / 2), PLANE);
    HD_TRY(append_points(v, x, y, out, &left));
    snprintf(note, NOTE, "%lld point%s without a label", (long long)left, left == 1 ? "" : "s");
    if (left) hd_paper_label(out, x, y + PLANE + 16, HD_PAPER_SMALL, note);
    return HEED_OK;
}

/* The scale of colours, from −largest to largest. Returns its right end. */
static int64_t append_scale(hd_buffer *out, int64_t x, int64_t y, double largest) {
    enum { SHADES = 33, WIDE = 4 };
    char low[NUMBER + 4], high[NUMBER];
    hd_print_number(high, sizeof high, "%.3g", largest);
    snprintf(low, sizeof low, "−%s", high);
    hd_paper_label(out, x, y + 10, HD_PAPER_SMALL, low);
    x += hd_paper_room(low) + 4;
    for (int i = 0; i < SHADES; i++) {
        hd_color c = hd_signed_paper_color((i - SHADES / 2) / (SHADES / 2.0));
        hd_buffer_format(out, "<rect x=\"%lld\" y=\"%lld\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>\n",
                         (long long)(x + i * WIDE), (long long)y, i + 1 < SHADES ? WIDE + 1 : WIDE, SCALE, c.red,
                         c.green, c.blue);
    }
    hd_paper_label(out, x + SHADES * WIDE + 4, y + 10, HD_PAPER_SMALL, high);
    return x + SHADES * WIDE + 4 + hd_paper_room(high);
}

/* Strips at (x, y) with blocks of `block` by `thick` pixels, and the names and numbers of both axes. */
static void append_strips(const hd_vectors *v, double largest, int64_t x, int64_t y, int64_t block, int64_t thick,
                          hd_buffer *out) {
    char number[NUMBER];
    const char *label;
    int64_t blocks = hd_strip_blocks(v->columns, MOST_BLOCKS);
    char axis[NOTE];
    snprintf(axis, sizeof axis, "%s ↓", unit_of(v));
    hd_paper_label(out, x - 8, y - 6, HD_PAPER_SMALL HD_PAPER_RIGHT, axis);
    for (int64_t i = 0; i < blocks; i += TICKS) {
        snprintf(axis, sizeof axis, i ? "%lld" : "dimension %lld →", (long long)(i * v->columns / blocks));
        if (!i || i * block >= 120) hd_paper_label(out, x + i * block, y - 6, HD_PAPER_SMALL, axis);
    }
    hd_buffer_text(out, "<g shape-rendering=\"crispEdges\">\n");
    for (int64_t row = 0; row < v->rows; row++)
        hd_strip_svg(out, v->values + row * v->columns, v->columns, MOST_BLOCKS, largest, x, y + row * thick, block,
                     v->labels ? thick - 2 : thick);
    hd_buffer_text(out, "</g>\n");
    for (int64_t row = 0; row < v->rows; row++) {
        label_of(v, row, number, &label);
        if (v->labels || row % NUMBERED == 0)
            hd_paper_label(out, x - 8, y + row * thick + thick / 2 + 4,
                           v->labels ? HD_PAPER_RIGHT : HD_PAPER_SMALL HD_PAPER_RIGHT, label);
    }
}

static void describe(const hd_vectors *v, char text[2 * NOTE]) {
    snprintf(text, 2 * NOTE, "One strip per %s, one column per dimension; red is below zero, blue above.%s", unit_of(v),
             v->points ? " Below, each token is a point in the plane of the first two principal components." : "");
}

static heed_status draw_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_vectors *v = (const hd_vectors *)picture;
    double largest = hd_vector_largest(v->values, v->rows * v->columns);
    int64_t thick = v->labels ? THICK : THIN, blocks = hd_strip_blocks(v->columns, MOST_BLOCKS);
    char number[NUMBER], note[NOTE], text[2 * NOTE];
    const char *label;
    int64_t labels = hd_paper_room("position ↓");
    for (int64_t row = 0; row < v->rows; row++)
        label_of(v, row, number, &label), labels = hd_max(labels, hd_paper_room(label));
    note_columns(v, blocks, note);
    describe(v, text);
    int64_t x = HD_PAPER_MARGIN + labels + 8, y = HD_PAPER_MARGIN + HD_PAPER_TITLE + 22;
    int64_t block = hd_min(hd_max((HD_PAPER_WIDTH - HD_PAPER_MARGIN - x) / hd_max(blocks, 1), 2), 12);
    int64_t below = y + v->rows * thick + 10, plane_y = below + SCALE + 20 * (v->note != NULL) + ABOVE_PLANE;
    int64_t right =
        hd_max(x + hd_max(blocks * block, v->points ? PLANE : 0), HD_PAPER_MARGIN + hd_paper_title_room(v->title));
    right = hd_max(right, x + hd_max(360, v->note ? hd_paper_room(v->note) : 0)); /* the scale and its note */
    hd_paper_begin(out, right + HD_PAPER_MARGIN,
                   (v->points ? plane_y + PLANE + BELOW_PLANE : plane_y - ABOVE_PLANE) + HD_PAPER_MARGIN, v->title,
                   text);
    append_strips(v, largest, x, y, block, thick, out);
    hd_paper_label(out, append_scale(out, x, below, largest) + 16, below + 10, HD_PAPER_SMALL, note);
    if (v->note) hd_paper_label(out, x, below + SCALE + 17, HD_PAPER_SMALL, v->note);
    heed_status status = v->points ? append_paper_plane(v, x, plane_y, out) : HEED_OK;
    hd_paper_end(out);
    return status == HEED_OK && out->failed ? HEED_MEMORY : status;
}

/* ---- data ---- */

static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_vectors *v = (const hd_vectors *)picture;
    hd_buffer_byte(out, '{');
    if (v->labels) {
        hd_buffer_text(out, "\"tokens\": ");
        hd_json_append_page_strings(out, v->labels, v->rows);
        hd_buffer_text(out, ", ");
    }
    hd_buffer_format(out, "\"%s\": [", v->what);
    for (int64_t row = 0; row < v->rows; row++) {
        if (row) hd_buffer_text(out, ", ");
        hd_json_append_floats(out, v->values + row * v->columns, v->columns);
    }
    hd_buffer_byte(out, ']');
    if (v->points) {
        hd_buffer_text(out, ", \"points\": [");
        for (int64_t row = 0; row < v->rows; row++) {
            if (row) hd_buffer_text(out, ", ");
            hd_json_append_doubles(out, v->points + 2 * row, 2);
        }
        hd_buffer_text(out, "], \"variance\": ");
        hd_json_append_doubles(out, v->shares, 2);
    }
    hd_buffer_text(out, "}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_vectors_open(heed_context *context, hd_vectors **vectors) {
    static const hd_picture_class class = {"vectors are", draw_text, draw_svg, write_json};
    return hd_picture_open(context, &class, sizeof **vectors, vectors);
}
