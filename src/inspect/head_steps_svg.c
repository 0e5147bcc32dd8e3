/* The steps of an attention head for print: a row for each key, read from left to right. */
#include "base/number.h"
#include "inspect/diagram.h"
#include "inspect/head_steps.h"
#include "inspect/step_labels.h"
#include "inspect/strip.h"

#include <stdio.h>
#include <string.h>

enum {
    LEFT = 20,
    LABELS = 100, /* of the keys */
    BLOCK = 4,
    STRIP = BLOCK * HD_STRIP_BLOCKS,
    THICK = 14,
    ROW = 24,
    NUMBER = 70, /* width of a column of numbers */
    MOST_BAR = 200,
    PERCENT = 46,
    HEAD = 76, /* y of the query */
    TABLE = 176,
    VALUES = HD_PAPER_WIDTH - LEFT - STRIP
};

typedef struct paper {
    const hd_head_steps *steps;
    hd_buffer *out;
    double keys, values;
    int64_t key_x, numbers, weights; /* x of the columns */
    int64_t bar;                     /* pixels of a weight of 100% */
    bool adjusted;                   /* a column for the score after bias and cap */
} paper;

static void fit(const paper *p, int64_t x, int64_t y, const char *more, const char *text, int64_t width) {
    char attributes[256];
    int size = snprintf(attributes, sizeof attributes, "%s", more);
    if (hd_text_ems(text) * HD_PAPER_FONT > (double)width)
        snprintf(attributes + size, sizeof attributes - (size_t)size,
                 " textLength=\"%lld\" lengthAdjust=\"spacingAndGlyphs\"", (long long)width);
    hd_paper_label(p->out, x, y, attributes, text);
}

static void vector(const paper *p, const float *values, int64_t x, int64_t y, bool value) {
    hd_strip_svg(p->out, values, p->steps->width, HD_STRIP_BLOCKS, value ? p->values : p->keys, x, y, BLOCK, THICK);
}

static void cell(const paper *p, int64_t column, int64_t y, const char *more, const char *text) {
    char attributes[96];
    snprintf(attributes, sizeof attributes, HD_PAPER_RIGHT "%s", more);
    hd_paper_label(p->out, p->numbers + (column + 1) * NUMBER, y, attributes, text);
}

static void number(const paper *p, int64_t column, int64_t y, const char *more, double value) {
    char text[HD_STEP_NAME];
    hd_print_number(text, sizeof text, "%.2f", value);
    cell(p, column, y, more, text);
}

/* A column's heading: the number of the step, its name. */
static void heading(const paper *p, int64_t x, int64_t y, const char *anchor, int *step, const char *text) {
    char label[96], attributes[96];
    snprintf(label, sizeof label, "%d. %s", ++*step, text);
    snprintf(attributes, sizeof attributes, "%s" HD_DIAGRAM_BOLD " font-size=\"12\"", anchor);
    hd_paper_label(p->out, x, y, attributes, label);
}

static void draw_headings(const paper *p, int64_t y) {
    const hd_head_steps *s = p->steps;
    char scale[48];
    int step = 1, column = 0;
    hd_head_steps_scale(s, scale);
    heading(p, p->key_x, y, "", &step, "keys k");
    heading(p, p->numbers + ++column * NUMBER, y, HD_PAPER_RIGHT, &step, "q · k");
    heading(p, p->numbers + ++column * NUMBER, y, HD_PAPER_RIGHT, &step, scale);
    if (s->biased) heading(p, p->numbers + ++column * NUMBER, y, HD_PAPER_RIGHT, &step, "bias");
    if (p->adjusted)
        heading(p, p->numbers + ++column * NUMBER, y, HD_PAPER_RIGHT, &step, s->softcap > 0 ? "cap" : "score");
    heading(p, p->weights, y, "", &step, s->causal || s->window ? "mask, softmax" : "softmax");
    heading(p, VALUES, y, "", &step, "values v");
}

static void draw_key(const paper *p, const hd_head_key *key, int64_t y) {
    const hd_head_steps *s = p->steps;
    const char *faded = key->masked ? " fill-opacity=\".45\"" : "";
    hd_color c = hd_head_color(0);
    char attributes[96], percent[HD_STEP_NAME];
    int64_t column = 0, bar = (int64_t)(hd_shown_share(key->weight) * (double)p->bar + 0.5);
    snprintf(attributes, sizeof attributes, HD_PAPER_RIGHT "%s", faded);
    fit(p, LEFT + LABELS, y + 12, attributes, hd_step_token(key->label), LABELS);
    vector(p, key->key, p->key_x, y, false);
    number(p, column++, y + 12, faded, key->product);
    number(p, column++, y + 12, faded, key->scaled);
    if (s->biased) number(p, column++, y + 12, faded, key->bias);
    if (p->adjusted) number(p, column++, y + 12, faded, key->score);
    if (key->masked) {
        hd_buffer_format(p->out,
                         "<path fill=\"none\" stroke=\"#8a94a3\" stroke-dasharray=\"3 3\" d=\"M%lld %lldh%lld\"/>\n",
                         (long long)p->weights, (long long)(y + 7), (long long)p->bar);
        hd_paper_label(p->out, p->weights + p->bar + 6, y + 11, HD_PAPER_SMALL, "masked");
    } else {
        hd_step_percent(percent, key->weight);
        hd_buffer_format(p->out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"12\" fill=\"#%02x%02x%02x\"/>\n",
                         (long long)p->weights, (long long)(y + 1), (long long)bar, c.red, c.green, c.blue);
        hd_paper_label(p->out, p->weights + bar + 5, y + 11, HD_PAPER_SMALL, percent);
    }
    if (!key->masked) hd_paper_label(p->out, VALUES - 8, y + 12, HD_PAPER_RIGHT, "×");
    vector(p, key->value, VALUES, y, true);
}

/* The query, above the keys that it is multiplied with. */
static void draw_query(const paper *p) {
    const hd_head_steps *s = p->steps;
    char note[HD_STEP_NOTE];
    int step = 0;
    heading(p, p->key_x, HEAD + 10, "", &step, "query q");
    fit(p, LEFT + LABELS, HEAD + 29, HD_PAPER_RIGHT HD_DIAGRAM_BOLD, hd_step_token(s->label), LABELS);
    vector(p, s->query, p->key_x, HEAD + 18, false);
    hd_step_note(note, s->query, s->width);
    hd_paper_label(p->out, p->key_x + STRIP + 12, HEAD + 29, HD_PAPER_SMALL, note);
    if (s->rotated || s->normalized)
        hd_paper_label(p->out, p->key_x + STRIP + 12, HEAD + 45, HD_PAPER_SMALL,
                       s->rotated ? "q and k are rotated by their positions" : "q and k are normalized");
    hd_diagram_up(p->out, p->key_x + STRIP / 2, HEAD + 36, TABLE - 26);
}

static void draw_output(const paper *p, int64_t y) {
    const hd_head_steps *s = p->steps;
    char note[HD_STEP_NOTE];
    hd_buffer end;
    hd_diagram_up(p->out, VALUES + STRIP / 2, y, y + 20);
    vector(p, s->output, VALUES, y + 24, true);
    hd_paper_label(p->out, VALUES - 12, y + 35, HD_PAPER_RIGHT HD_DIAGRAM_BOLD, "output: the sum of weight × value");
    hd_step_note(note, s->output, s->width);
    hd_paper_label(p->out, VALUES - 12, y + 52, HD_PAPER_SMALL HD_PAPER_RIGHT, note);
    hd_buffer_open(&end, p->out->context);
    hd_head_steps_end(s, &end);
    hd_buffer_byte(&end, '.');
    if (end.failed)
        p->out->failed = true;
    else
        hd_paper_label(p->out, HD_PAPER_WIDTH - LEFT, y + 76, HD_PAPER_SMALL HD_PAPER_RIGHT, end.data);
    hd_buffer_close(&end);
}

static void draw_texts(const paper *p) {
    const hd_head_steps *s = p->steps;
    hd_buffer texts;
    hd_buffer_open(&texts, p->out->context);
    hd_buffer_format(&texts, "%s%s%s", s->source, *s->target ? " → " : "", s->target);
    if (texts.failed)
        p->out->failed = true;
    else
        fit(p, LEFT, 56, "", texts.data, HD_PAPER_WIDTH - 2 * LEFT);
    hd_buffer_close(&texts);
}

heed_status hd_head_steps_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_head_steps *s = (const hd_head_steps *)picture;
    paper p = {
        .steps = s, .out = out, .keys = hd_head_steps_largest(s, false), .values = hd_head_steps_largest(s, true)};
    p.adjusted = s->biased || s->softcap > 0;
    p.key_x = LEFT + LABELS + 10;
    p.numbers = p.key_x + STRIP;
    p.weights = p.numbers + (2 + s->biased + p.adjusted) * NUMBER + 16;
    p.bar = hd_min(VALUES - 26 - PERCENT - p.weights, MOST_BAR);
    int64_t bottom = TABLE + s->count * ROW;
    hd_buffer title;
    hd_buffer_open(&title, out->context);
    hd_head_steps_title(s, &title);
    bool fine = !title.failed;
    if (fine) {
        hd_paper_begin(
            out, HD_PAPER_WIDTH, bottom + 112, title.data,
            "A row for each key, read from left to right: key, product with the query, score, weight, value. Blocks "
            "of colour are the numbers of a vector: blue above zero, red below.");
        draw_texts(&p);
        draw_query(&p);
        draw_headings(&p, TABLE - 10);
        for (int64_t k = 0; k < s->count; k++) draw_key(&p, &s->keys[k], TABLE + k * ROW);
        draw_output(&p, bottom);
        hd_paper_label(out, HD_PAPER_WIDTH - LEFT, bottom + 98, HD_PAPER_SMALL HD_PAPER_RIGHT,
                       "A block of a strip is a number of the vector: blue above zero, red below.");
        hd_paper_end(out);
    }
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}
