/* A panel of a diagram: the inside of a module as rows of boxes, from the input at the bottom to the output at the top. Boxes
 * stand in columns; one that spans several columns reads all that is below it. */
#ifndef HD_INSPECT_PANEL_H
#define HD_INSPECT_PANEL_H

#include "inspect/diagram.h"

enum { HD_PANEL_WIDTH = 396, HD_PANEL_CELLS = 24, HD_PANEL_TEXT = 128 };

typedef struct hd_panel_cell {
    hd_box_kind kind;
    int row, first, span; /* columns [first, first + span) */
    int lines;
    char line[3][HD_PANEL_TEXT];
} hd_panel_cell;

typedef struct hd_panel_picture {
    const char *title, *note; /* note: a second line under the title; "" */
    char input[HD_PANEL_TEXT];
    const char *output;
    int columns;
    hd_panel_cell cells[HD_PANEL_CELLS]; /* in ascending rows */
    int count, rows;
    int frame_first, frame_end; /* rows of a frame, [first, end) */
    int64_t copies;             /* heads: up to 3 frames are drawn behind each other */
} hd_panel_picture;

/* Appends a cell in a new row, or with `beside` in the row of the last cell; with a number of parameters unless that is
 * negative. A cell with an empty name is left out. */
void hd_panel_add(hd_panel_picture *panel, bool beside, int first, int span, hd_box_kind kind, const char *name,
                  const char *note, int64_t parameters);
int64_t hd_panel_height(const hd_panel_picture *panel);
/* The upper left corner is at (x, y). */
void hd_panel_svg(const hd_panel_picture *panel, int64_t x, int64_t y, hd_buffer *out);

#endif
