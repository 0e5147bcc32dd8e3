/* Checks of drawn pictures: text without control characters but colours, well-formed SVG, JSON, pages with one script. */
#ifndef TESTS_FUZZ_DRAWN_H
#define TESTS_FUZZ_DRAWN_H

#include "base/utf8.h"
#include "formats/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void check_drawn(int truth) {
    if (!truth) abort();
}

/* "\x1b[38;2;R;G;Bm" and the like; returns its bytes. */
static inline size_t color_size(const char *text, size_t size) {
    size_t digits = 2 + strspn(text + 2, "0123456789;");
    return size > 2 && text[1] == '[' && digits < size && text[digits] == 'm' ? digits + 1 : 0;
}

/* `text` ends with a 0. */
static inline void check_text(const char *text, size_t size, bool color) {
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t bytes = hd_utf8_decode(text + at, size - at, &code);
        /* invalid UTF-8 is read as this character, which must then be written as itself */
        check_drawn(code != HD_REPLACEMENT_CHARACTER || memcmp(text + at, "\xEF\xBF\xBD", 3) == 0);
        if (color && code == 0x1B) bytes = color_size(text + at, size - at);
        check_drawn(bytes > 0 &&
                    ((color && code == 0x1B) || code == '\n' || code == '\t' || !heed_character_is_control(code)));
        at += bytes;
    }
}

static inline void check_entity(const char *at) {
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;", "&apos;"};
    size_t i = 0;
    while (i < HD_COUNT(entities) && strncmp(at, entities[i], strlen(entities[i])) != 0) i++;
    check_drawn(i < HD_COUNT(entities));
}

/* The end of a tag that begins at `at`. Attributes are quoted, and numbers are finite. */
static inline const char *tag_end(const char *at) {
    for (bool quoted = false; *at; at++) {
        if (*at == '"') quoted = !quoted;
        check_drawn(*at != '<' && strncmp(at, "nan", 3) != 0 && strncmp(at, "inf", 3) != 0);
        if (*at == '>' && !quoted) return at;
    }
    check_drawn(false);
    return at;
}

static inline void check_svg(const char *text, size_t size) {
    enum { DEEPEST = 16 };
    const char *open[DEEPEST];
    int depth = 0;
    check_text(text, size, false);
    check_drawn(strncmp(text, "<svg ", 5) == 0);
    for (const char *at = text; *at; at++) {
        if (*at == '&') check_entity(at);
        if (*at != '<') continue;
        const char *end = tag_end(at + 1);
        size_t name = strcspn(at + 1 + (at[1] == '/'), " />\n");
        if (at[1] == '/')
            check_drawn(--depth >= 0 && strncmp(open[depth], at + 2, name) == 0);
        else if (end[-1] != '/')
            check_drawn(depth < DEEPEST), open[depth++] = at + 1;
        at = end;
    }
    check_drawn(depth == 0);
}

static inline void check_json(heed_context *context, const char *text, size_t size) {
    hd_json json;
    check_drawn(hd_json_open_bytes(context, "drawn", text, size, HD_JSON_LENIENT, &json) == HEED_OK);
    hd_json_close(&json);
}

static inline int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

/* Scripts are those of the page, whatever the texts. */
static inline void check_html(const char *text, size_t size) {
    check_drawn(strlen(text) == size);
    check_drawn(count_of(text, "<script") == count_of(text, "</script") && count_of(text, "<script") <= 2);
    check_drawn(count_of(text, "<!--") == 0);
}

#endif
