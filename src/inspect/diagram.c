#include "inspect/diagram.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_LINE = 18, NEXT_LINE = 14, PADDING = 10, RADIUS = 9, NAME_FONT = 13, NOTE_FONT = 11 };

static int64_t room_of(const char *text, int font) { return (int64_t)(hd_text_ems(text) * font) + 1; }

int64_t hd_diagram_height(const hd_box_lines *lines) {
    return lines->count < 2 ? FIRST_LINE + 8 : FIRST_LINE + (lines->count - 1) * NEXT_LINE + PADDING;
}

int64_t hd_diagram_room(const hd_box_lines *lines) {
    int64_t most = 0;
    for (int i = 0; i < lines->count; i++) most = hd_max(most, room_of(lines->line[i], i ? NOTE_FONT : NAME_FONT));
    return most;
}

hd_box_lines hd_diagram_lines(const hd_box *box, int64_t width, hd_box_memory *memory) {
    hd_box_lines lines = {{box->name}, 1};
    char number[32];
    hd_print_count(number, box->parameters);
    snprintf(memory->count, sizeof memory->count, "%s parameters", number);
    snprintf(memory->line, sizeof memory->line, "%s · %s", box->kind == HD_BOX_NORM ? box->name : box->note,
             memory->count);
    bool counted = box->parameters > 0, fits = counted && room_of(memory->line, NOTE_FONT) <= width - 8;
    if (box->kind == HD_BOX_NORM && counted) return (hd_box_lines){{memory->line}, 1};
    if (*box->note) lines.line[lines.count++] = fits ? memory->line : box->note;
    if (counted && (!*box->note || !fits)) lines.line[lines.count++] = memory->count;
    return lines;
}

/* Fill and border. The text in a box is dark on any page. */
static const char *const colors[HD_BOX_KINDS][2] = {
    [HD_BOX_EMBEDDING] = {"#fadadd", "#d48a92"},    [HD_BOX_POSITIONS] = {"#f2e2f5", "#b78cc2"},
    [HD_BOX_NORM] = {"#fbf2bf", "#cbb54a"},         [HD_BOX_ATTENTION] = {"#ffdfb5", "#d9963f"},
    [HD_BOX_FEED_FORWARD] = {"#cde5f5", "#6aa3cc"}, [HD_BOX_CELL] = {"#cdeeea", "#5aaba1"},
    [HD_BOX_LINEAR] = {"#dddcf5", "#8b8acb"},       [HD_BOX_OUTPUT] = {"#d2edd0", "#6fb06b"},
    [HD_BOX_POOL] = {"#e9edf2", "#9aa5b4"},         [HD_BOX_SUM] = {"#ffffff", "#7b8794"}};

/* A line of a box, which is squeezed if it does not fit. */
static void draw_line(hd_buffer *out, const char *text, int64_t x, int64_t y, int64_t width, bool name) {
    int64_t room = room_of(text, name ? NAME_FONT : NOTE_FONT);
    char more[160];
    int size = snprintf(more, sizeof more, " text-anchor=\"middle\" fill=\"#1f2733\"%s",
                        name ? HD_DIAGRAM_BOLD : " font-size=\"11\"");
    if (room > width - 6)
        snprintf(more + size, sizeof more - (size_t)size, " textLength=\"%lld\" lengthAdjust=\"spacingAndGlyphs\"",
                 (long long)(width - 8));
    hd_paper_label(out, x, y, more, text);
}

void hd_diagram_box(hd_buffer *out, hd_box_kind kind, const hd_box_lines *lines, int64_t x, int64_t y, int64_t width,
                    int64_t height) {
    hd_buffer_format(out,
                     "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"%lld\" rx=\"6\" fill=\"%s\" "
                     "stroke=\"%s\"/>\n",
                     (long long)x, (long long)y, (long long)width, (long long)height, colors[kind][0], colors[kind][1]);
    int64_t first = y + height / 2 + 5 - (lines->count - 1) * NEXT_LINE / 2;
    for (int i = 0; i < lines->count; i++)
        draw_line(out, lines->line[i], x + width / 2, first + i * NEXT_LINE + (i ? 1 : 0), width, i == 0);
}

void hd_diagram_frame(hd_buffer *out, int64_t x, int64_t y, int64_t width, int64_t height) {
    hd_buffer_format(out,
                     "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"%lld\" rx=\"10\" fill=\"#8a94a3\" "
                     "fill-opacity=\".1\" stroke=\"#8a94a3\" stroke-opacity=\".6\"/>\n",
                     (long long)x, (long long)y, (long long)width, (long long)height);
}

void hd_diagram_sum(hd_buffer *out, int64_t x, int64_t y) {
    hd_buffer_format(out,
                     "<circle cx=\"%lld\" cy=\"%lld\" r=\"%d\" fill=\"#fff\" stroke=\"#7b8794\" stroke-width=\"1.4\"/>"
                     "<path stroke=\"#1f2733\" stroke-width=\"1.4\" d=\"M%lld %lldh10m-5-5v10\"/>\n",
                     (long long)x, (long long)y, RADIUS, (long long)(x - 5), (long long)y);
}

void hd_diagram_path(hd_buffer *out, const char *path, int64_t x, int64_t y, char direction) {
    const char *head = direction == 'u'   ? "m-4 6l4-6 4 6"
                       : direction == 'd' ? "m-4-6l4 6 4-6"
                       : direction == 'l' ? "m6-4l-6 4 6 4"
                       : direction == 'r' ? "m-6-4l6 4-6 4"
                                          : "";
    hd_buffer_format(out, "<path fill=\"none\" stroke=\"#7b8794\" stroke-width=\"1.4\" d=\"%s", path);
    if (*head) hd_buffer_format(out, "M%lld %lld%s", (long long)x, (long long)y, head);
    hd_buffer_text(out, "\"/>\n");
}

void hd_diagram_up(hd_buffer *out, int64_t x, int64_t from, int64_t to) {
    char path[96];
    snprintf(path, sizeof path, "M%lld %lldV%lld", (long long)x, (long long)from, (long long)to);
    hd_diagram_path(out, path, x, to, from < to ? 'd' : 'u');
}

void hd_diagram_right(hd_buffer *out, int64_t y, int64_t from, int64_t to) {
    char path[96];
    snprintf(path, sizeof path, "M%lld %lldH%lld", (long long)from, (long long)y, (long long)to);
    hd_diagram_path(out, path, to, y, 'r');
}

void hd_diagram_left(hd_buffer *out, int64_t y, int64_t from, int64_t to) {
    char path[96];
    snprintf(path, sizeof path, "M%lld %lldH%lld", (long long)from, (long long)y, (long long)to);
    hd_diagram_path(out, path, to, y, 'l');
}
