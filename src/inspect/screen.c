#include "inspect/screen.h"

#include "text/unicode.h"

#include <string.h>

void hd_screen_set(hd_buffer *out, int ground, hd_color c) {
    hd_buffer_format(out, "\x1b[%d;2;%d;%d;%dm", ground ? 48 : 38, c.red, c.green, c.blue);
}

void hd_screen_reset(hd_buffer *out) { hd_buffer_text(out, "\x1b[0m"); }

const char *hd_screen_shade(double share) {
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    return shades[share >= 0.75 ? 4 : share >= 0.5 ? 3 : share >= 0.25 ? 2 : share >= 0.06 ? 1 : 0];
}

void hd_screen_repeat(hd_buffer *out, const char *text, int64_t count) {
    while (count-- > 0) hd_buffer_text(out, text);
}

void hd_screen_bar(hd_buffer *out, double share, int64_t cells, bool color, int64_t head) {
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t eighths = (int64_t)(hd_shown_share(share) * 8 * (double)cells + 0.5);
    if (color) hd_screen_set(out, 0, hd_head_color(head));
    hd_screen_repeat(out, "█", eighths / 8);
    hd_buffer_text(out, parts[eighths % 8]);
    if (color) hd_screen_reset(out);
    hd_screen_repeat(out, " ", cells - (eighths + 7) / 8);
}

void hd_screen_end_line(hd_buffer *out) {
    while (out->size && out->data[out->size - 1] == ' ') out->data[--out->size] = 0;
    hd_buffer_byte(out, '\n');
}

const char *hd_screen_character(const char *label, int64_t index, size_t *bytes) {
    size_t size = strlen(label), at = 0;
    uint32_t code;
    *bytes = 0;
    for (int64_t seen = 0; at < size;) {
        size_t taken = hd_utf8_decode(label + at, size - at, &code);
        while (at + taken < size) { /* combining marks */
            size_t more = hd_utf8_decode(label + at + taken, size - at - taken, &code);
            if (hd_cell_width(code)) break;
            taken += more;
        }
        if (seen++ == index) {
            *bytes = taken;
            return label + at;
        }
        at += taken;
    }
    return label + size;
}

int64_t hd_screen_cells(const char *character, size_t bytes) {
    uint32_t code;
    size_t first = hd_utf8_decode(character, bytes, &code); /* the others combine with it */
    return first ? hd_cell_width(code) : 0;
}

int64_t hd_screen_length(const char *label) {
    int64_t count = 0;
    for (size_t bytes; hd_screen_character(label, count, &bytes), bytes;) count++;
    return count;
}

/* Returns the number of cells that remain. */
static int64_t append_label(hd_buffer *out, const char *label, int64_t width) {
    int64_t cells = hd_text_cells(label);
    if (cells <= width) {
        hd_buffer_text(out, label);
        return width - cells;
    }
    cells = 0;
    for (int64_t i = 0;; i++) {
        size_t bytes;
        const char *character = hd_screen_character(label, i, &bytes);
        if (cells + hd_screen_cells(character, bytes) > width - 1) break;
        cells += hd_screen_cells(character, bytes);
        hd_buffer_append(out, character, bytes);
    }
    hd_buffer_text(out, "…");
    return width - 1 - cells;
}

void hd_screen_label_right(hd_buffer *out, const char *label, int64_t width) {
    hd_screen_repeat(out, " ", width - hd_text_cells(label));
    hd_screen_repeat(out, " ", append_label(out, label, hd_min(width, hd_text_cells(label))));
}

void hd_screen_label_left(hd_buffer *out, const char *label, int64_t width) {
    hd_screen_repeat(out, " ", append_label(out, label, width));
}
