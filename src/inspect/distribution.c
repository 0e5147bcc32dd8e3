/* The next-token distribution as text, SVG and JSON. Columns are stages of sampling; those that do not fit next to each other
 * continue below. */
#include "inspect/distribution.h"

#include "base/number.h"
#include "inspect/paper.h"
#include "inspect/screen.h"
#include "text/json_text.h"

#include <math.h>
#include <stdio.h>

enum { TEXT = 96 };

/* ---- both pictures ---- */

/* A row of the picture: a token, or after the last one all others together. */
static double probability(const hd_distribution *d, int64_t stage, int64_t row) {
    return row < d->rows ? d->stages[stage].probabilities[row] : d->stages[stage].others;
}

/* Whether this stage cuts the row away. */
static bool is_cut(const hd_distribution *d, int64_t stage, int64_t row) {
    return stage && !(probability(d, stage, row) > 0) && probability(d, stage - 1, row) > 0;
}

static int64_t count_rows(const hd_distribution *d) { return d->rows + (d->vocabulary > d->rows); }

static void label_of(const hd_distribution *d, int64_t row, char others[TEXT], const char **label) {
    snprintf(others, TEXT, "%lld other%s", (long long)(d->vocabulary - d->rows),
             d->vocabulary - d->rows == 1 ? "" : "s");
    *label = row < d->rows ? d->labels[row] : others;
}

static void note_kept(const hd_distribution *d, int64_t stage, char note[TEXT]) {
    int64_t kept = d->stages[stage].kept;
    if (kept == d->vocabulary)
        snprintf(note, TEXT, "all %lld tokens", (long long)kept);
    else
        snprintf(note, TEXT, "%lld of %lld tokens", (long long)kept, (long long)d->vocabulary);
}

static void percent_of(char text[TEXT], double share) {
    hd_print_number(text, TEXT, share >= 0.0005 ? "%.1f%%" : "%.0e%%", 100 * share);
}

/* All bars have one scale, that of tokens: the sum of the others has no bar. */
static double largest_of(const hd_distribution *d) {
    double largest = 0;
    for (int64_t s = 0; s < d->count; s++)
        for (int64_t row = 0; row < d->rows; row++) largest = fmax(largest, probability(d, s, row));
    return largest;
}

static void append_title(const hd_distribution *d, hd_buffer *out) {
    hd_buffer_format(out, "Next token after “%s”", d->text);
}

/* ---- for terminals ---- */

enum { BAR = 8, NUMBER = 7, GAP = 2, COLUMN = BAR + NUMBER + GAP, LONGEST_LABEL = 14, DEFAULT_COLUMNS = 80 };

static void screen_cell(const hd_distribution *d, int64_t stage, int64_t row, double largest, bool color,
                        hd_buffer *out) {
    char number[TEXT] = "";
    double share = probability(d, stage, row);
    if (is_cut(d, stage, row)) {
        if (color) hd_screen_set(out, 0, hd_head_color(3));
        hd_screen_label_left(out, "cut", BAR + NUMBER + GAP);
        if (color) hd_screen_reset(out);
        return;
    }
    if (share > 0) percent_of(number, share);
    hd_screen_bar(out, largest > 0 && row < d->rows ? share / largest : 0, BAR, color, 0);
    hd_screen_label_right(out, number, NUMBER);
    hd_screen_repeat(out, " ", GAP);
}

static void screen_line(const hd_distribution *d, int64_t first, int64_t end, int64_t labels, double largest,
                        bool color, hd_buffer *out) {
    char text[TEXT];
    const char *label;
    for (int line = 0; line < 2; line++) {
        hd_screen_label_left(out, line ? "" : "token", labels + GAP);
        for (int64_t s = first; s < end; s++) {
            note_kept(d, s, text);
            hd_screen_label_left(out, line ? text : d->stages[s].title, COLUMN - GAP);
            hd_screen_repeat(out, " ", GAP);
        }
        hd_screen_end_line(out);
    }
    for (int64_t row = 0; row < count_rows(d); row++) {
        label_of(d, row, text, &label);
        hd_screen_label_left(out, label, labels + GAP);
        for (int64_t s = first; s < end; s++) screen_cell(d, s, row, largest, color, out);
        hd_screen_end_line(out);
    }
}

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_distribution *d = (const hd_distribution *)picture;
    int64_t labels = hd_text_cells("token");
    char text[TEXT];
    const char *label;
    for (int64_t row = 0; row < count_rows(d); row++)
        label_of(d, row, text, &label), labels = hd_max(labels, hd_text_cells(label));
    labels = hd_min(labels, LONGEST_LABEL);
    int64_t per_line = hd_max(((columns ? columns : DEFAULT_COLUMNS) - labels) / COLUMN, 1);
    append_title(d, out);
    hd_buffer_text(out, "\n\n");
    for (int64_t first = 0; first < d->count; first += per_line) {
        if (first) hd_buffer_byte(out, '\n');
        screen_line(d, first, hd_min(first + per_line, d->count), labels, largest_of(d), color, out);
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- for print ---- */

enum { ROW = 20, HEAD = 48, PER_LINE = 4, WIDEST = 180, NUMBER_PIXELS = 56, BETWEEN = 24 };

typedef struct paper {
    const hd_distribution *distribution;
    hd_buffer *out;
    double largest;
    int64_t labels, bar, column; /* pixels: of labels, of the largest bar, of a column */
} paper;

static void paper_cell(const paper *p, int64_t stage, int64_t row, int64_t x, int64_t y) {
    const hd_distribution *d = p->distribution;
    bool cut = is_cut(d, stage, row);
    double share = probability(d, cut ? stage - 1 : stage, row);
    int64_t wide = p->largest > 0 ? (int64_t)(share / p->largest * (double)p->bar + 0.5) : 0;
    hd_color c = hd_head_color(cut ? 3 : 0);
    char number[TEXT];
    if (!(share > 0)) return;
    wide = row < d->rows ? hd_max(wide, 1) : 0;
    if (wide)
        hd_buffer_format(p->out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"13\" %s=\"#%02x%02x%02x\"%s/>\n",
                         (long long)x, (long long)y, (long long)wide, cut ? "fill=\"none\" stroke" : "fill", c.red,
                         c.green, c.blue, cut ? " stroke-dasharray=\"3 2\"" : "");
    percent_of(number, share);
    hd_paper_label(p->out, x + wide + 6, y + 11, HD_PAPER_SMALL, cut ? "cut" : number);
}

static void paper_line(const paper *p, int64_t first, int64_t end, int64_t y) {
    const hd_distribution *d = p->distribution;
    int64_t x = HD_PAPER_MARGIN + p->labels + 10;
    char text[TEXT];
    const char *label;
    for (int64_t s = first; s < end; s++) {
        note_kept(d, s, text);
        hd_paper_label(p->out, x + (s - first) * p->column, y + 12, " font-weight=\"600\"", d->stages[s].title);
        hd_paper_label(p->out, x + (s - first) * p->column, y + 29, HD_PAPER_SMALL, text);
    }
    for (int64_t row = 0; row < count_rows(d); row++) {
        int64_t at = y + HEAD - 8 + row * ROW;
        label_of(d, row, text, &label);
        hd_paper_label(p->out, x - 10, at + 12, row < d->rows ? HD_PAPER_RIGHT : HD_PAPER_SMALL HD_PAPER_RIGHT, label);
        for (int64_t s = first; s < end; s++) paper_cell(p, s, row, x + (s - first) * p->column, at);
    }
    for (int64_t s = first; s < end; s++)
        hd_buffer_format(p->out, "<path stroke=\"#9aa5b4\" d=\"M%lld.5 %lldv%lld\"/>\n",
                         (long long)(x + (s - first) * p->column - 1), (long long)(y + HEAD - 11),
                         (long long)(count_rows(d) * ROW));
}

static heed_status draw_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_distribution *d = (const hd_distribution *)picture;
    paper p = {.distribution = d, .out = out, .largest = largest_of(d)};
    char text[TEXT];
    const char *label;
    hd_buffer title;
    for (int64_t row = 0; row < count_rows(d); row++)
        label_of(d, row, text, &label), p.labels = hd_max(p.labels, hd_paper_room(label));
    int64_t per_line = hd_min(d->count, PER_LINE), lines = (d->count + per_line - 1) / per_line;
    int64_t room = HD_PAPER_WIDTH - 2 * HD_PAPER_MARGIN - p.labels - 10, block = HEAD + count_rows(d) * ROW + BETWEEN;
    p.column = hd_min(hd_max(room / per_line, NUMBER_PIXELS + 40), WIDEST);
    p.bar = p.column - NUMBER_PIXELS;
    hd_buffer_open(&title, out->context);
    append_title(d, &title);
    if (!title.failed) {
        int64_t right = HD_PAPER_MARGIN + hd_max(p.labels + 10 + per_line * p.column, hd_paper_title_room(title.data));
        hd_paper_begin(out, right + HD_PAPER_MARGIN, HD_PAPER_MARGIN + HD_PAPER_TITLE + lines * block, title.data,
                       "Bars are probabilities of the next token, one row per token. The first column is the model's "
                       "prediction. Each further column is a step of sampling, after the steps before it. A dashed "
                       "outline is a token that the step cuts away.");
        for (int64_t line = 0; line < lines; line++)
            paper_line(&p, line * per_line, hd_min((line + 1) * per_line, d->count),
                       HD_PAPER_MARGIN + HD_PAPER_TITLE + line * block);
        hd_paper_end(out);
    }
    bool failed = title.failed || out->failed;
    hd_buffer_close(&title);
    return failed ? HEED_MEMORY : HEED_OK;
}

/* ---- data ---- */

/* As heed generate --next prints it. */
static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_distribution *d = (const hd_distribution *)picture;
    hd_buffer_byte(out, '[');
    for (int64_t row = 0; row < d->rows; row++) {
        hd_buffer_format(out, "%s{\"token\": %d, \"token_str\": ", row ? ", " : "", (int)d->tokens[row]);
        hd_json_append_page_string(out, d->texts[row]);
        hd_buffer_text(out, ", \"logit\": ");
        hd_json_append_float(out, d->logits[row]);
        hd_buffer_text(out, ", \"probability\": ");
        hd_json_append_double(out, probability(d, 0, row));
        hd_buffer_text(out, ", \"after\": {");
        for (int64_t s = 1; s < d->count; s++) {
            hd_buffer_format(out, "%s\"%s\": ", s > 1 ? ", " : "", d->stages[s].name);
            hd_json_append_double(out, probability(d, s, row));
        }
        hd_buffer_text(out, "}}");
    }
    hd_buffer_text(out, "]\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_distribution_open(heed_context *context, hd_distribution **distribution) {
    static const hd_picture_class class = {"distributions are", draw_text, draw_svg, write_json};
    return hd_picture_open(context, &class, sizeof **distribution, distribution);
}
