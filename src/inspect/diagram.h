/* Boxes, arrows and frames of diagrams in SVG, for print and for dark pages. Coordinates are pixels; y grows downwards. */
#ifndef HD_INSPECT_DIAGRAM_H
#define HD_INSPECT_DIAGRAM_H

#include "inspect/architecture.h"
#include "inspect/paper.h"

#define HD_DIAGRAM_BOLD " font-weight=\"600\""

enum { HD_DIAGRAM_LINES = 4 };

/* The lines of a box: the first is its name. */
typedef struct hd_box_lines {
    const char *line[HD_DIAGRAM_LINES];
    int count;
} hd_box_lines;

/* The height of a box with these lines, and the width of its widest line. */
int64_t hd_diagram_height(const hd_box_lines *lines);
int64_t hd_diagram_room(const hd_box_lines *lines);
/* The lines of a box of this width: its name, its note and its number of parameters, the last two on one line if they fit.
 * Norms have one line. `memory` has the texts that are made. */
typedef struct hd_box_memory {
    char count[64], line[512];
} hd_box_memory;
hd_box_lines hd_diagram_lines(const hd_box *box, int64_t width, hd_box_memory *memory);

/* Lines are centred; one that is too long is drawn narrower. */
void hd_diagram_box(hd_buffer *out, hd_box_kind kind, const hd_box_lines *lines, int64_t x, int64_t y, int64_t width,
                    int64_t height);
void hd_diagram_frame(hd_buffer *out, int64_t x, int64_t y, int64_t width, int64_t height);
/* A circle with a plus sign. */
void hd_diagram_sum(hd_buffer *out, int64_t x, int64_t y);
/* A path in SVG's syntax, "M10 20V5H80", with an arrow head at (x, y) that points up (u), down (d), left (l) or right (r), or
 * none (0). */
void hd_diagram_path(hd_buffer *out, const char *path, int64_t x, int64_t y, char direction);
/* Straight arrows. */
void hd_diagram_up(hd_buffer *out, int64_t x, int64_t from, int64_t to);
void hd_diagram_right(hd_buffer *out, int64_t y, int64_t from, int64_t to);
void hd_diagram_left(hd_buffer *out, int64_t y, int64_t from, int64_t to);

#endif
