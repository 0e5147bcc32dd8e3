/* Shared by all SVG pictures: the frame and labels. The width of a text is computed for the widest common font, so that
 * labels do not overlap.
 *
 * Every picture has a title and a description for screen readers. Colours are those of a light page. On a dark page a
 * style in the picture inverts the lightness of all of them and keeps their hues. */
#ifndef HD_INSPECT_PAPER_H
#define HD_INSPECT_PAPER_H

#include "inspect/color.h"
#include "inspect/label.h"

enum {
    HD_PAPER_FONT = 13,   /* pixels */
    HD_PAPER_MARGIN = 20, /* around a picture */
    HD_PAPER_TITLE = 34,  /* height of the line above */
    HD_PAPER_LINE = 16,   /* height of a line of a paragraph */
    HD_PAPER_WIDTH = 830  /* of the column that a picture is shown in: a wider picture is scaled down, and its text too */
};

/* Attributes of labels. Text is at least 11 pixels high. */
#define HD_PAPER_SMALL  " font-size=\"11\" fill=\"#5b6676\""
#define HD_PAPER_RIGHT  " text-anchor=\"end\""
#define HD_PAPER_MIDDLE " text-anchor=\"middle\""

/* Width in pixels of a label, of the widest of several labels, and of a title, which is bold and larger. */
int64_t hd_paper_room(const char *text);
int64_t hd_paper_widest(const char *const *labels, int64_t count);
int64_t hd_paper_title_room(const char *title);

/* The title is in the picture's upper left corner. The description states in a sentence or two how to read the picture. */
void hd_paper_begin(hd_buffer *out, int64_t width, int64_t height, const char *title, const char *description);
void hd_paper_end(hd_buffer *out);
/* `more` are attributes. */
void hd_paper_label(hd_buffer *out, int64_t x, int64_t y, const char *more, const char *text);
/* A text in small letters, in lines of at most `width` pixels, the first one at height y; and the number of these lines. */
void hd_paper_paragraph(hd_buffer *out, int64_t x, int64_t y, int64_t width, const char *text);
int64_t hd_paper_lines(const char *text, int64_t width);

#endif
