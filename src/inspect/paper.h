/* Shared by all SVG pictures: the frame and labels. The width of a text is computed for the widest common font, so that
 * labels do not overlap. */
#ifndef HD_INSPECT_PAPER_H
#define HD_INSPECT_PAPER_H

#include "inspect/color.h"
#include "inspect/label.h"

enum {
    HD_PAPER_FONT = 13,   /* pixels */
    HD_PAPER_MARGIN = 20, /* around a picture */
    HD_PAPER_TITLE = 34   /* height of the line above */
};

/* Attributes of labels. */
#define HD_PAPER_SMALL  " font-size=\"11\" fill=\"#5b6676\""
#define HD_PAPER_RIGHT  " text-anchor=\"end\""
#define HD_PAPER_MIDDLE " text-anchor=\"middle\""

/* Width in pixels of a label, of the widest of several labels, and of a title, which is bold and larger. */
int64_t hd_paper_room(const char *text);
int64_t hd_paper_widest(const char *const *labels, int64_t count);
int64_t hd_paper_title_room(const char *title);

void hd_paper_begin(hd_buffer *out, int64_t width, int64_t height);
void hd_paper_end(hd_buffer *out);
/* `more` are attributes. */
void hd_paper_label(hd_buffer *out, int64_t x, int64_t y, const char *more, const char *text);
/* In the picture's upper left corner. */
void hd_paper_title(hd_buffer *out, const char *title);

#endif
