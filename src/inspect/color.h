/* The colours of pictures. */
#ifndef HD_INSPECT_COLOR_H
#define HD_INSPECT_COLOR_H

#include <stdint.h>

typedef struct hd_color {
    uint8_t red, green, blue;
} hd_color;

/* A weight or probability as pictures show it: NaN, of a model that overflows, is 0. */
static inline double hd_shown_share(double share) { return share > 0 ? share < 1 ? share : 1 : 0; }

/* From white to dark blue, for paper. */
hd_color hd_paper_color(double value);
/* From violet to yellow, for terminals, whose background may be dark or light. */
hd_color hd_screen_color(double value);
/* For numbers from −1 to 1: red below zero, blue above; zero is white on paper, and dark grey in a terminal. There are
 * 33 colours, so that adjacent cells often share one. */
hd_color hd_signed_paper_color(double value);
hd_color hd_signed_screen_color(double value);
/* Distinct colours for heads and for curves; they repeat after twelve. */
hd_color hd_head_color(int64_t head);

#endif
