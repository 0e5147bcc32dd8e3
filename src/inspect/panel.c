#include "inspect/panel.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum { GAP = 20, INDENT = 14, RIGHT = 22, BETWEEN = 12, HEAD = 46, TEXT_LINE = 22, FRAME_SPACE = 14, FOOT = 10 };
enum { MIDDLE = (INDENT + HD_PANEL_WIDTH - RIGHT) / 2 };

void hd_panel_add(hd_panel_picture *panel, bool beside, int first, int span, hd_box_kind kind, const char *name,
                  const char *note, int64_t parameters) {
    if (!*name || panel->count == HD_PANEL_CELLS) return;
    if (!beside) panel->rows++;
    hd_panel_cell *cell = &panel->cells[panel->count++];
    *cell = (hd_panel_cell){.kind = kind, .row = panel->rows - 1, .first = first, .span = span};
    snprintf(cell->line[cell->lines++], HD_PANEL_TEXT, "%s", name);
    if (*note) snprintf(cell->line[cell->lines++], HD_PANEL_TEXT, "%s", note);
    if (parameters < 0) return;
    char number[32];
    hd_print_count(number, parameters);
    snprintf(cell->line[cell->lines++], HD_PANEL_TEXT, "%s parameters", number);
}

static hd_box_lines lines_of(const hd_panel_cell *cell) {
    hd_box_lines lines = {.count = cell->lines};
    for (int i = 0; i < cell->lines; i++) lines.line[i] = cell->line[i];
    return lines;
}

static int64_t row_height(const hd_panel_picture *panel, int row) {
    int64_t most = 0;
    for (int i = 0; i < panel->count; i++) {
        hd_box_lines lines = lines_of(&panel->cells[i]);
        if (panel->cells[i].row == row) most = hd_max(most, hd_diagram_height(&lines));
    }
    return most;
}

/* From the panel's bottom to the bottom of a row, or with `rows` to the end of the last one. */
static int64_t row_low(const hd_panel_picture *panel, int row) {
    int64_t at = FOOT + TEXT_LINE + (panel->columns > 1 ? 8 : 0);
    for (int i = 0; i < row; i++) {
        at += GAP + row_height(panel, i);
        if (i + 1 == panel->frame_first || i + 1 == panel->frame_end) at += FRAME_SPACE;
    }
    return row < panel->rows ? at + GAP : at;
}

static int64_t shadow(const hd_panel_picture *panel) {
    return panel->frame_end > panel->frame_first ? 4 * (hd_min(panel->copies, 3) - 1) : 0;
}

int64_t hd_panel_height(const hd_panel_picture *panel) {
    return row_low(panel, panel->rows) + GAP + TEXT_LINE + HEAD + (*panel->note ? 16 : 0);
}

static int64_t column_width(const hd_panel_picture *panel) {
    return (HD_PANEL_WIDTH - INDENT - RIGHT - (panel->columns - 1) * BETWEEN) / panel->columns;
}

static int64_t cell_x(const hd_panel_picture *panel, int first) {
    return INDENT + first * (column_width(panel) + BETWEEN);
}

static int64_t cell_width(const hd_panel_picture *panel, int span) {
    return span * column_width(panel) + (span - 1) * BETWEEN;
}

static int64_t center_of(const hd_panel_picture *panel, int first, int span) {
    return cell_x(panel, first) + cell_width(panel, span) / 2;
}

/* The cell below `cell` in a column, NULL for the panel's input. */
static const hd_panel_cell *below(const hd_panel_picture *panel, const hd_panel_cell *cell, int column) {
    const hd_panel_cell *found = NULL;
    for (int i = 0; i < panel->count; i++) {
        const hd_panel_cell *c = &panel->cells[i];
        if (c->row < cell->row && c->first <= column && column < c->first + c->span) found = c;
    }
    return found;
}

/* Arrows from each of the cells below. */
static void draw_arrows(const hd_panel_picture *panel, const hd_panel_cell *cell, int64_t x, int64_t bottom,
                        hd_buffer *out) {
    const hd_panel_cell *last = NULL;
    int64_t to = bottom - row_low(panel, cell->row);
    for (int column = cell->first; column < cell->first + cell->span; column++) {
        const hd_panel_cell *from = below(panel, cell, column);
        if (column > cell->first && from == last) continue;
        last = from;
        bool inside = from && from->first >= cell->first && from->first + from->span <= cell->first + cell->span;
        int64_t at = inside ? center_of(panel, from->first, from->span) : center_of(panel, cell->first, cell->span);
        hd_box_lines lines = from ? lines_of(from) : (hd_box_lines){.count = 0};
        int64_t start = from ? row_low(panel, from->row) + hd_diagram_height(&lines)
                             : FOOT + TEXT_LINE + (panel->columns > 1 ? 8 : 0);
        hd_diagram_up(out, x + at, bottom - start, to);
    }
}

static void draw_cell(const hd_panel_picture *panel, const hd_panel_cell *cell, int64_t x, int64_t bottom,
                      hd_buffer *out) {
    hd_box_lines lines = lines_of(cell);
    int64_t height = hd_diagram_height(&lines);
    draw_arrows(panel, cell, x, bottom, out);
    hd_diagram_box(out, cell->kind, &lines, x + cell_x(panel, cell->first), bottom - row_low(panel, cell->row) - height,
                   cell_width(panel, cell->span), height);
}

/* From the input to the columns that the first row reads. */
static void draw_branches(const hd_panel_picture *panel, int64_t x, int64_t bottom, hd_buffer *out) {
    char path[160];
    int64_t y = bottom - FOOT - TEXT_LINE - 8;
    if (panel->columns < 2) return;
    snprintf(path, sizeof path, "M%lld %lldV%lldM%lld %lldH%lld", (long long)(x + MIDDLE), (long long)(y + 10),
             (long long)y, (long long)(x + center_of(panel, 0, 1)), (long long)y,
             (long long)(x + center_of(panel, panel->columns - 1, 1)));
    hd_diagram_path(out, path, 0, 0, 0);
}

static void draw_frames(const hd_panel_picture *panel, int64_t x, int64_t bottom, hd_buffer *out) {
    if (panel->frame_end <= panel->frame_first) return;
    int64_t low = bottom - row_low(panel, panel->frame_first) + FRAME_SPACE;
    int64_t high =
        bottom - row_low(panel, panel->frame_end - 1) - row_height(panel, panel->frame_end - 1) - FRAME_SPACE + 2;
    int64_t width = HD_PANEL_WIDTH - 8 - shadow(panel);
    for (int64_t i = shadow(panel); i > 0; i -= 4) /* the upper and right edge of each frame behind the first */
        hd_buffer_format(
            out, "<path fill=\"none\" stroke=\"#8a94a3\" stroke-opacity=\".6\" d=\"M%lld %lldv-4h%lldv%lldh-4\"/>\n",
            (long long)(x + 2 + i), (long long)(high - i + 4), (long long)width, (long long)(low - high));
    hd_diagram_frame(out, x + 2, high, width, low - high);
}

void hd_panel_svg(const hd_panel_picture *panel, int64_t x, int64_t y, hd_buffer *out) {
    int64_t bottom = y + hd_panel_height(panel), end = row_low(panel, panel->rows);
    hd_buffer_format(out, "<path stroke=\"#8a94a3\" stroke-opacity=\".6\" d=\"M%lld %lldh%d\"/>\n", (long long)x,
                     (long long)(y + 2), HD_PANEL_WIDTH);
    hd_paper_label(out, x, y + 22, HD_DIAGRAM_BOLD, panel->title);
    if (*panel->note) hd_paper_label(out, x, y + 38, HD_PAPER_SMALL, panel->note);
    draw_frames(panel, x, bottom, out);
    hd_paper_label(out, x + MIDDLE, bottom - FOOT - 6, HD_PAPER_MIDDLE, panel->input);
    draw_branches(panel, x, bottom, out);
    for (int i = 0; i < panel->count; i++) draw_cell(panel, &panel->cells[i], x, bottom, out);
    hd_diagram_up(out, x + MIDDLE, bottom - end, bottom - end - GAP);
    hd_paper_label(out, x + MIDDLE, bottom - end - GAP - 6, HD_PAPER_MIDDLE, panel->output);
}
