#include "inspect/paper.h"

int64_t hd_paper_room(const char *text) { return (int64_t)(hd_text_ems(text) * HD_PAPER_FONT) + 1; }

int64_t hd_paper_widest(const char *const *labels, int64_t count) {
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) most = hd_max(most, hd_paper_room(labels[i]));
    return most;
}

int64_t hd_paper_title_room(const char *title) { return hd_paper_room(title) * 5 / 4; }

void hd_paper_begin(hd_buffer *out, int64_t width, int64_t height) {
    hd_buffer_format(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%lld\" height=\"%lld\" viewBox=\"0 0 %lld "
                     "%lld\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"%d\" fill=\"#1f2733\">\n"
                     "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                     (long long)width, (long long)height, (long long)width, (long long)height, HD_PAPER_FONT);
}

void hd_paper_end(hd_buffer *out) { hd_buffer_text(out, "</svg>\n"); }

void hd_paper_label(hd_buffer *out, int64_t x, int64_t y, const char *more, const char *text) {
    hd_buffer_format(out, "<text x=\"%lld\" y=\"%lld\"%s>", (long long)x, (long long)y, more);
    hd_append_xml(out, text);
    hd_buffer_text(out, "</text>\n");
}

void hd_paper_title(hd_buffer *out, const char *title) {
    hd_paper_label(out, HD_PAPER_MARGIN, HD_PAPER_MARGIN + 14, " font-size=\"15\" font-weight=\"600\"", title);
}
