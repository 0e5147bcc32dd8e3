#include "inspect/label.h"

#include "text/unicode.h"

#include <string.h>

int64_t hd_text_cells(const char *text) {
    int64_t cells = 0;
    uint32_t code;
    for (size_t at = 0, size = strlen(text); at < size; cells += hd_cell_width(code))
        at += hd_utf8_decode(text + at, size - at, &code);
    return cells;
}

/* Widths in DejaVu Sans, the widest of the common fonts for "sans-serif", rounded up. */
static double ems(uint32_t code) {
    if (hd_cell_width(code) == 0) return 0;
    if (hd_cell_width(code) == 2) return 1.0;
    if (code >= 128) return 0.8;
    if (strchr("ijl'|", (int)code)) return 0.35;
    if (strchr("Iftr.,:;!()[] `\"-/\\", (int)code)) return 0.46;
    if (strchr("csz?_kvxy*", (int)code)) return 0.6;
    if (strchr("mMOQGDNH&@%", (int)code)) return 1.0;
    if (strchr("wWu+=<>~^#", (int)code)) return code == 'W' ? 1.0 : 0.84;
    return code >= 'A' && code <= 'Z' ? 0.75 : 0.65;
}

double hd_text_ems(const char *text) {
    double sum = 0;
    uint32_t code;
    for (size_t at = 0, size = strlen(text); at < size; sum += ems(code))
        at += hd_utf8_decode(text + at, size - at, &code);
    return sum;
}

static void append_code(hd_buffer *out, uint32_t code) {
    char bytes[4];
    hd_buffer_append(out, bytes, hd_utf8_encode(code, bytes));
}

/* XML lacks some control characters and U+FFFE, and a terminal would obey others. */
static bool is_drawn(uint32_t code) {
    return code == '\t' || code == '\n' || !(hd_is_terminal_control(code) || (code | 1) == 0xffff);
}

void hd_append_xml(hd_buffer *out, const char *text) { hd_append_xml_bytes(out, text, strlen(text)); }

void hd_append_xml_bytes(hd_buffer *out, const char *text, size_t size) {
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += hd_utf8_decode(text + at, size - at, &code);
        if (code == '<')
            hd_buffer_text(out, "&lt;");
        else if (code == '>')
            hd_buffer_text(out, "&gt;");
        else if (code == '&')
            hd_buffer_text(out, "&amp;");
        else
            append_code(out, is_drawn(code) ? code : 0xfffd);
    }
}

uint32_t hd_visible_space(uint32_t code) {
    return code == '\n' ? 0x21b5 /* ↵ */ : code == '\t' ? 0x21e5 /* ⇥ */ : 0x2423 /* ␣ */;
}

/* Spaces between bytes `first` and `end` stay as they are. */
static const char *make_visible(hd_arena *arena, const char *text, size_t size, size_t first, size_t end) {
    char *label = hd_arena_alloc(arena, 3 * size + 1, 1), *to = label; /* one byte becomes three at most */
    if (!label) return NULL;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        bool plain = at >= first && at < end && text[at] == ' ';
        at += hd_utf8_decode(text + at, size - at, &code);
        if (hd_is_whitespace(code) && !plain) code = hd_visible_space(code);
        to += hd_utf8_encode(hd_is_terminal_control(code) ? HD_REPLACEMENT_CHARACTER : code, to);
    }
    *to = 0;
    return label;
}

const char *hd_visible_label(hd_arena *arena, const char *text, size_t size) {
    return make_visible(arena, text, size, 0, 0);
}

const char *hd_text_label(hd_arena *arena, const char *text, size_t size) {
    size_t first = 0, end = size;
    while (first < size && text[first] == ' ') first++;
    while (end > first && text[end - 1] == ' ') end--;
    return make_visible(arena, text, size, first, end);
}
