/* The colours of pictures. */
#ifndef HD_INSPECT_COLOR_H
#define HD_INSPECT_COLOR_H

#include <stdint.h>

typedef struct hd_color {
    uint8_t red, green, blue;
} hd_color;

/* From white to dark blue, for paper. */
hd_color hd_paper_color(double value);
/* From violet to yellow, for terminals, whose own ground may be dark or light. */
hd_color hd_screen_color(double value);
/* Heads, and the curves of a picture, have colours that are told apart, twelve of them in turn. */
hd_color hd_head_color(int64_t head);

#endif
