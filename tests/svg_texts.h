/* The texts of an SVG picture and the space that they take, to check that none is too small and that none overlap. */
#ifndef TESTS_SVG_TEXTS_H
#define TESTS_SVG_TEXTS_H

#include "fixture.h"

#include "inspect/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SVG_TEXTS = 4000 };

typedef struct svg_text {
    double left, right, top, bottom;
    char text[256];
} svg_text;

/* The value of an attribute inside a tag, or `otherwise`. */
static inline double svg_number(const char *tag, const char *name, double otherwise) {
    char wanted[64];
    const char *end = strchr(tag, '>');
    snprintf(wanted, sizeof wanted, " %s=\"", name);
    const char *at = strstr(tag, wanted);
    return at && at < end ? atof(at + strlen(wanted)) : otherwise;
}

static inline bool svg_has(const char *tag, const char *attribute) {
    const char *end = strchr(tag, '>'), *at = strstr(tag, attribute);
    return at && at < end;
}

/* Text elements in order; fonts are those of the widest common sans-serif. */
static inline size_t svg_texts(const char *svg, svg_text *texts) {
    size_t count = 0;
    for (const char *at = strstr(svg, "<text "); at; at = strstr(at + 1, "<text ")) {
        const char *from = strchr(at, '>') + 1, *end = strstr(from, "</text>");
        svg_text *t = &texts[count++];
        assert_true(count < MOST_SVG_TEXTS && end);
        snprintf(t->text, sizeof t->text, "%.*s", (int)(end - from), from);
        double font = svg_number(at, "font-size", 13), width = hd_text_ems(t->text) * font;
        if (svg_has(at, "textLength")) width = svg_number(at, "textLength", width);
        if (font < 11) fail_msg("the font of \"%s\" has %g pixels", t->text, font);
        double x = svg_number(at, "x", 0), y = svg_number(at, "y", 0);
        t->left = svg_has(at, "text-anchor=\"end\"")      ? x - width
                  : svg_has(at, "text-anchor=\"middle\"") ? x - width / 2
                                                          : x;
        t->right = t->left + width;
        t->top = y - 0.75 * font, t->bottom = y + 0.2 * font;
    }
    return count;
}

/* All texts are in the picture, of at least 11 pixels at `width` pixels, and none overlap. */
static inline void assert_legible(const char *name, const char *svg, double width) {
    static svg_text texts[MOST_SVG_TEXTS];
    size_t count = svg_texts(svg, texts);
    double wide = svg_number(strstr(svg, "<svg "), "width", 0), high = svg_number(strstr(svg, "<svg "), "height", 0);
    if (wide > width) fail_msg("%s is %g pixels wide", name, wide);
    for (size_t i = 0; i < count; i++) {
        const svg_text *a = &texts[i];
        if (a->left < 0 || a->right > wide || a->top < 0 || a->bottom > high)
            fail_msg("%s: \"%s\" reaches from (%g, %g) to (%g, %g), out of %g by %g", name, a->text, a->left, a->top,
                     a->right, a->bottom, wide, high);
        for (size_t j = 0; j < i; j++) {
            const svg_text *b = &texts[j];
            if (a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom)
                fail_msg("%s: \"%s\" and \"%s\" overlap at (%g, %g)", name, a->text, b->text, a->left, a->top);
        }
    }
}

#endif
