#include "inspect/paper.h"

#include <string.h>

int64_t hd_paper_room(const char *text) { return (int64_t)(hd_text_ems(text) * HD_PAPER_FONT) + 1; }

int64_t hd_paper_widest(const char *const *labels, int64_t count) {
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) most = hd_max(most, hd_paper_room(labels[i]));
    return most;
}

int64_t hd_paper_title_room(const char *title) { return hd_paper_room(title) * 5 / 4; }

/* An element whose text is for screen readers. */
static void append_spoken(hd_buffer *out, const char *element, const char *text) {
    hd_buffer_format(out, "<%s>", element);
    hd_append_xml(out, text);
    hd_buffer_format(out, "</%s>\n", element);
}

void hd_paper_begin(hd_buffer *out, int64_t width, int64_t height, const char *title, const char *description) {
    hd_buffer_format(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"heed\" role=\"img\" width=\"%lld\" "
                     "height=\"%lld\" viewBox=\"0 0 %lld %lld\" font-family=\"Helvetica, Arial, sans-serif\" "
                     "font-size=\"%d\" fill=\"#1f2733\">\n",
                     (long long)width, (long long)height, (long long)width, (long long)height, HD_PAPER_FONT);
    append_spoken(out, "title", title);
    append_spoken(out, "desc", description);
    hd_buffer_text(out,
                   "<style>@media(prefers-color-scheme:dark){svg.heed{filter:invert(.92) "
                   "hue-rotate(180deg)}}</style>\n"
                   "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    hd_paper_label(out, HD_PAPER_MARGIN, HD_PAPER_MARGIN + 14, " font-size=\"15\" font-weight=\"600\"", title);
}

void hd_paper_end(hd_buffer *out) { hd_buffer_text(out, "</svg>\n"); }

void hd_paper_label(hd_buffer *out, int64_t x, int64_t y, const char *more, const char *text) {
    hd_buffer_format(out, "<text x=\"%lld\" y=\"%lld\"%s>", (long long)x, (long long)y, more);
    hd_append_xml(out, text);
    hd_buffer_text(out, "</text>\n");
}

static int64_t small_room(const char *text) { return hd_paper_room(text) * 11 / HD_PAPER_FONT + 1; }

/* The bytes of the first line of a text: as many words as fit, and at least one. */
static size_t line_of(const char *text, int64_t width) {
    size_t end = strcspn(text, " ");
    char line[256];
    for (size_t next = end; text[next]; end = next) {
        next += 1 + strcspn(text + next + 1, " ");
        if (next >= sizeof line) break;
        memcpy(line, text, next);
        line[next] = 0;
        if (small_room(line) > width) break;
    }
    return end;
}

int64_t hd_paper_lines(const char *text, int64_t width) {
    int64_t lines = 0;
    for (; *text; lines++) text += line_of(text, width), text += *text == ' ';
    return lines;
}

void hd_paper_paragraph(hd_buffer *out, int64_t x, int64_t y, int64_t width, const char *text) {
    for (; *text; y += HD_PAPER_LINE) {
        size_t size = line_of(text, width);
        hd_buffer_format(out, "<text x=\"%lld\" y=\"%lld\"" HD_PAPER_SMALL ">", (long long)x, (long long)y);
        hd_append_xml_bytes(out, text, size);
        hd_buffer_text(out, "</text>\n");
        text += size, text += *text == ' ';
    }
}
