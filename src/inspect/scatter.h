/* Points of several groups in a plane. */
#ifndef HD_INSPECT_SCATTER_H
#define HD_INSPECT_SCATTER_H

#include "base/buffer.h"

typedef struct hd_scatter {
    const char *title, *note;
    int64_t rows, groups;
    const double *points;     /* [rows, 2], around 0 */
    const int32_t *labels;    /* [rows]: the group of each point; −1: none, and the point is not drawn */
    const char *const *names; /* [groups] */
} hd_scatter;

/* An SVG picture with a legend below it. */
heed_status hd_draw_svg_scatter(const hd_scatter *scatter, hd_buffer *out);

#endif
