#include "inspect/scatter.h"

#include "inspect/paper.h"

#include <math.h>

enum { SIDE = 560, ROW = 22, TOP = HD_PAPER_MARGIN + HD_PAPER_TITLE, GAP = 32 };

static double reach_of(const hd_scatter *s) {
    double reach = 0;
    for (int64_t i = 0; i < 2 * s->rows; i++)
        if (s->labels[i / 2] >= 0) reach = fmax(reach, fabs(s->points[i]));
    return reach > 0 ? 1.05 * reach : 1;
}

static int64_t place(double number, double reach, bool down) {
    return (int64_t)((1 + (down ? -number : number) / reach) / 2 * SIDE + 0.5);
}

static void append_point(hd_buffer *out, int64_t x, int64_t y, int64_t group) {
    hd_color c = hd_head_color(group);
    hd_buffer_format(out, "<circle cx=\"%lld\" cy=\"%lld\" r=\"4\" fill=\"#%02x%02x%02x\" fill-opacity=\"0.7\"/>\n",
                     (long long)x, (long long)y, c.red, c.green, c.blue);
}

heed_status hd_draw_svg_scatter(const hd_scatter *s, hd_buffer *out) {
    int64_t legend = TOP + SIDE + GAP, height = legend + s->groups * ROW + HD_PAPER_MARGIN;
    int64_t right = hd_max(HD_PAPER_MARGIN + SIDE, HD_PAPER_MARGIN + 16 + hd_paper_widest(s->names, s->groups));
    double reach = reach_of(s);
    right = hd_max(right, HD_PAPER_MARGIN + hd_paper_title_room(s->title));
    hd_paper_begin(out, right + HD_PAPER_MARGIN, height, s->title,
                   "Points in the plane of the first two principal components. Each group has a colour.");
    hd_buffer_format(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#d5dae2\"/>\n",
                     HD_PAPER_MARGIN, TOP, SIDE, SIDE);
    for (int64_t i = 0; i < s->rows; i++)
        if (s->labels[i] >= 0)
            append_point(out, HD_PAPER_MARGIN + place(s->points[2 * i], reach, false),
                         TOP + place(s->points[2 * i + 1], reach, true), s->labels[i]);
    for (int64_t g = 0; g < s->groups; g++) {
        append_point(out, HD_PAPER_MARGIN + 4, legend + g * ROW + 8, g);
        hd_paper_label(out, HD_PAPER_MARGIN + 16, legend + g * ROW + 13, "", s->names[g]);
    }
    hd_paper_label(out, HD_PAPER_MARGIN, TOP + SIDE + 17, HD_PAPER_SMALL, s->note);
    hd_paper_end(out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}
