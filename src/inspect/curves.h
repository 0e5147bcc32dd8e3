/* Curves: several named series of points over one pair of axes. */
#ifndef HD_INSPECT_CURVES_H
#define HD_INSPECT_CURVES_H

#include "base/buffer.h"

typedef struct hd_series {
    const char *name;
    const double *x, *y; /* [count], x ascending; a y that is not finite, or on a logarithmic axis not positive, breaks
                            the curve */
    int64_t count;
} hd_series;

typedef struct hd_curves {
    const char *title, *x_title, *y_title;
    const hd_series *series; /* [count] */
    int64_t count;
    bool logarithmic;   /* the y axis, in decades */
    bool logarithmic_x; /* the x axis, with a number at each point of the first series */
} hd_curves;

/* An SVG picture. The name of a series is at the right end of its curve. Where there are several pairs of series such as
 * "gru-last" and "lstm-last", or "heed, 1 thread" and "heed, 2 threads", each pair has a colour, and its later series are
 * dashed. */
heed_status hd_draw_svg_curves(const hd_curves *curves, hd_buffer *out);
/* Lines of text, in 24-bit colour if `color`, at most `columns` wide (0: 80), with a legend below. */
heed_status hd_draw_text_curves(const hd_curves *curves, bool color, int64_t columns, hd_buffer *out);

#endif
