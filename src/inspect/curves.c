/* Curves for print and for terminals: the axes first, then the two pictures. */
#include "inspect/curves.h"

#include "base/number.h"
#include "inspect/paper.h"
#include "inspect/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes ---- */

enum { MOST_TICKS = 16, TICK_TEXT = 24 };

typedef struct axis {
    double low, high; /* on a logarithmic axis logarithms, like the ticks */
    bool logarithmic;
    double ticks[MOST_TICKS];
    char labels[MOST_TICKS][TICK_TEXT];
    int count;
} axis;

static double on_axis(const axis *a, double value) { return a->logarithmic ? log10(value) : value; }

/* Values near the largest double are left out: the length of such an axis would overflow. */
static bool is_shown(const axis *a, double value) { return fabs(value) < 1e300 && (!a->logarithmic || value > 0); }

/* The position of a value between the ends, from 0 to 1. */
static double place(const axis *a, double value) { return (on_axis(a, value) - a->low) / (a->high - a->low); }

/* A logarithmic x axis has a number at each x of the first series. */
static void add_points(const hd_curves *curves, axis *a) {
    const hd_series *series = curves->series;
    int64_t step = curves->count ? 1 + (series->count - 1) / MOST_TICKS : 1;
    for (int64_t i = 0; curves->count && i < series->count; i += step) {
        if (!is_shown(a, series->x[i])) continue;
        hd_print_number(a->labels[a->count], TICK_TEXT, "%.6g", series->x[i]);
        a->ticks[a->count++] = on_axis(a, series->x[i]);
    }
}

static void find_range(const hd_curves *curves, bool of_y, axis *a) {
    a->low = INFINITY, a->high = -INFINITY;
    for (int64_t s = 0; s < curves->count; s++) {
        for (int64_t i = 0; i < curves->series[s].count; i++) {
            double value = of_y ? curves->series[s].y[i] : curves->series[s].x[i];
            if (!is_shown(a, value)) continue;
            a->low = fmin(a->low, on_axis(a, value)), a->high = fmax(a->high, on_axis(a, value));
        }
    }
    if (a->low > a->high) a->low = 0, a->high = 1; /* nothing to show */
}

static void add_tick(axis *a, double at) {
    char *label = a->labels[a->count];
    bool plain = !a->logarithmic || (at > -4 && at < 6);
    if (plain)
        hd_print_number(label, TICK_TEXT, "%.6g", a->logarithmic ? pow(10, at) : at);
    else
        snprintf(label, TICK_TEXT, "1e%d", (int)at);
    a->ticks[a->count++] = at;
}

/* 1, 2 or 5 times a power of ten, so that about five steps fill the range; whole decades on a logarithmic axis. */
static double tick_step(const axis *a) {
    double rough = (1 - 1e-9) * (a->high - a->low) / 5, decade = pow(10, floor(log10(rough)));
    if (a->logarithmic) return fmax(1, ceil(rough));
    return rough <= decade ? decade : rough <= 2 * decade ? 2 * decade : rough <= 5 * decade ? 5 * decade : 10 * decade;
}

/* The y axis ends at ticks, ignoring rounding errors, and begins at 0 if 0 is near; the x axis ends where the curves
 * do. */
static void set_axis(const hd_curves *curves, bool of_y, axis *a) {
    *a = (axis){.logarithmic = of_y ? curves->logarithmic : curves->logarithmic_x};
    find_range(curves, of_y, a);
    if (of_y && !a->logarithmic && a->low > 0 && a->low < 0.5 * a->high) a->low = 0;
    if (of_y && a->logarithmic) a->low = floor(a->low), a->high = ceil(a->high);
    if (a->high - a->low <= 1e-9 * fmax(fabs(a->low), fabs(a->high))) /* a single value, up to rounding */
        a->high = a->low + (a->logarithmic ? 1 : fmax(fabs(a->low), 1));
    if (!of_y && a->logarithmic) {
        add_points(curves, a);
        return;
    }
    double step = tick_step(a);
    if (of_y && !a->logarithmic)
        a->low = step * floor(a->low / step + 1e-9), a->high = step * ceil(a->high / step - 1e-9);
    /* multiples, not a running sum, so that 0 is exact and not −0 */
    for (double i = ceil(a->low / step - 1e-9); i * step <= a->high + 1e-9 * step && a->count < MOST_TICKS; i++)
        add_tick(a, i * step + 0.0);
}

/* ---- for print ---- */

enum { WIDE = 480, HIGH = 300, NAME_LINE = 16, LEADER = 26, MARKS = 4, MOST_MARKS = 16 };

/* Marks distinguish series without colour: disc, square, triangle, lozenge; after four series the same, hollow. */
static const char *const paper_marks[MARKS] = {"m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "m-3-3h6v6h-6z", "m0-4l4 7h-8z",
                                               "m0-4l4 4l-4 4l-4-4z"};

/* Coordinates are written in tenths of a pixel. */
static void append_point(hd_buffer *out, char before, double x, double y) {
    long long across = (long long)(10 * x + 0.5), down = (long long)(10 * y + 0.5);
    hd_buffer_format(out, "%c%lld.%lld %lld.%lld", before, across / 10, across % 10, down / 10, down % 10);
}

static void append_mark(hd_buffer *out, int64_t series, double x, double y) {
    append_point(out, 'M', x, y);
    hd_buffer_text(out, paper_marks[series % MARKS]);
}

/* What the colour of a series stands for: of "gru-last" the part after the first '-', of "heed, 1 thread" the part before the
 * comma; *size is its length. NULL for other names. */
static const char *meaning_of(const char *name, size_t *size) {
    const char *comma = strstr(name, ", "), *dash = strchr(name, '-');
    *size = comma ? (size_t)(comma - name) : dash ? strlen(dash + 1) : 0;
    return !*size ? NULL : comma ? name : dash + 1;
}

/* The first series whose colour stands for the same as that of this one. */
static int64_t first_alike(const hd_curves *curves, int64_t index) {
    size_t size, other_size;
    const char *meaning = meaning_of(curves->series[index].name, &size);
    for (int64_t i = 0; i < index && meaning; i++) {
        const char *other = meaning_of(curves->series[i].name, &other_size);
        if (other && other_size == size && memcmp(other, meaning, size) == 0) return i;
    }
    return index;
}

/* Whether colours have a meaning: at least two of them are those of several series. */
static bool has_pairs(const hd_curves *curves) {
    int64_t found = -1;
    for (int64_t i = 0; i < curves->count; i++) {
        int64_t first = first_alike(curves, i);
        if (first < i && found >= 0 && first != found) return true;
        if (first < i) found = first;
    }
    return false;
}

/* The number of the colour of a series, in the order of their first occurrence, and whether an earlier series has it. */
static int64_t color_of(const hd_curves *curves, int64_t index, bool *shared) {
    bool pairs = has_pairs(curves);
    int64_t first = pairs ? first_alike(curves, index) : index, color = 0;
    for (int64_t i = 0; i < first; i++) color += !pairs || first_alike(curves, i) == i;
    *shared = first < index;
    return color;
}

static void begin_path(hd_buffer *out, const hd_curves *curves, int64_t series, bool marks) {
    bool shared, hollow = marks && series / MARKS % 2;
    hd_color c = hd_head_color(color_of(curves, series, &shared));
    if (marks && !hollow)
        hd_buffer_format(out, "<path fill=\"#%02x%02x%02x\" d=\"", c.red, c.green, c.blue);
    else
        hd_buffer_format(out, "<path fill=\"%s\" stroke=\"#%02x%02x%02x\" stroke-width=\"%s\"%s d=\"",
                         hollow ? "#fff" : "none", c.red, c.green, c.blue, hollow ? "1.2" : "1.8",
                         shared && !marks ? " stroke-dasharray=\"6 3\"" : "");
}

static void append_line(hd_buffer *out, int64_t x, int64_t y, int64_t across, int64_t down, const char *color) {
    hd_buffer_format(out, "<path stroke=\"%s\" d=\"M%lld %lldl%lld %lld\"/>\n", color, (long long)x, (long long)y,
                     (long long)across, (long long)down);
}

static void append_axes(hd_buffer *out, const axis *x_axis, const axis *y_axis, int64_t x, int64_t y) {
    for (int i = 0; i < y_axis->count; i++) {
        double share = (y_axis->ticks[i] - y_axis->low) / (y_axis->high - y_axis->low);
        int64_t at = y + (int64_t)((1 - share) * HIGH + 0.5);
        append_line(out, x, at, WIDE, 0, "#dfe4ea");
        hd_paper_label(out, x - 8, at + 4, HD_PAPER_SMALL HD_PAPER_RIGHT, y_axis->labels[i]);
    }
    for (int i = 0; i < x_axis->count; i++) {
        double share = (x_axis->ticks[i] - x_axis->low) / (x_axis->high - x_axis->low);
        int64_t at = x + (int64_t)(share * WIDE + 0.5);
        append_line(out, at, y + HIGH, 0, 5, "#5b6676");
        hd_paper_label(out, at, y + HIGH + 19, HD_PAPER_SMALL HD_PAPER_MIDDLE, x_axis->labels[i]);
    }
    append_line(out, x, y + HIGH, WIDE, 0, "#5b6676");
}

static void append_curve(hd_buffer *out, const hd_curves *curves, int64_t index, const axis *x_axis, const axis *y_axis,
                         int64_t x, int64_t y) {
    const hd_series *series = &curves->series[index];
    int64_t interval = 1 + series->count / MOST_MARKS; /* points per mark */
    for (int marks = 0; marks < 2; marks++) {
        bool begun = false;
        begin_path(out, curves, index, marks);
        for (int64_t i = 0; i < series->count; i++) {
            bool shown = is_shown(x_axis, series->x[i]) && is_shown(y_axis, series->y[i]);
            if (shown && (!marks || i % interval == index % interval)) {
                double across = (double)x + WIDE * place(x_axis, series->x[i]);
                double down = (double)y + HIGH * (1 - place(y_axis, series->y[i]));
                if (marks)
                    append_mark(out, index, across, down);
                else
                    append_point(out, begun ? 'L' : 'M', across, down);
            }
            begun = shown;
        }
        hd_buffer_text(out, "\"/>\n");
    }
}

/* The last point of each curve, and the height of its name. */
typedef struct curve_end {
    int64_t series;
    double x, y; /* the right end of the axis where a curve has no point */
    double name;
} curve_end;

static int by_height(const void *a, const void *b) {
    const curve_end *p = a, *q = b;
    if (p->y < q->y || p->y > q->y) return p->y < q->y ? -1 : 1;
    return (p->series > q->series) - (p->series < q->series);
}

static void find_end(const hd_series *series, const axis *x_axis, const axis *y_axis, int64_t x, int64_t y,
                     curve_end *end) {
    end->x = (double)x + WIDE, end->y = (double)y + HIGH;
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_shown(x_axis, series->x[i]) || !is_shown(y_axis, series->y[i])) continue;
        end->x = (double)x + WIDE * place(x_axis, series->x[i]);
        end->y = (double)y + HIGH * (1 - place(y_axis, series->y[i]));
    }
}

/* Moves names apart that would overlap, as little as possible: first down, then, from the lowest on, up. */
static void separate_names(curve_end *ends, int64_t count, double top, double bottom) {
    for (int64_t i = 0; i < count; i++) ends[i].name = fmax(ends[i].y, i ? ends[i - 1].name + NAME_LINE : top);
    double last = bottom;
    for (int64_t i = count; i-- > 0; last -= NAME_LINE) ends[i].name = last = fmin(ends[i].name, last);
}

/* The names of the series, each with its mark and a line from the end of its curve. */
static heed_status append_names(hd_buffer *out, const hd_curves *curves, const axis *x_axis, const axis *y_axis,
                                int64_t x, int64_t y, int64_t bottom) {
    curve_end *ends = hd_alloc(out->context, (size_t)curves->count, sizeof *ends);
    if (!ends) return HEED_MEMORY;
    for (int64_t i = 0; i < curves->count; i++) {
        ends[i].series = i;
        find_end(&curves->series[i], x_axis, y_axis, x, y, &ends[i]);
    }
    qsort(ends, (size_t)curves->count, sizeof *ends, by_height);
    separate_names(ends, curves->count, (double)y, (double)bottom);
    for (int64_t i = 0; i < curves->count; i++) {
        const curve_end *end = &ends[i];
        double mark = (double)x + WIDE + LEADER;
        begin_path(out, curves, end->series, false);
        append_point(out, 'M', end->x, end->y);
        append_point(out, 'L', mark, end->name);
        hd_buffer_text(out, "\" stroke-opacity=\"0.5\"/>\n");
        begin_path(out, curves, end->series, true);
        append_mark(out, end->series, mark, end->name);
        hd_buffer_text(out, "\"/>\n");
        hd_paper_label(out, (int64_t)mark + 8, (int64_t)(end->name + 0.5) + 4, "", curves->series[end->series].name);
    }
    hd_free(out->context, ends);
    return HEED_OK;
}

static void describe(const hd_curves *curves, hd_buffer *text) {
    hd_buffer_format(text, "%s against %s. Curves:", curves->y_title, curves->x_title);
    for (int64_t i = 0; i < curves->count; i++) hd_buffer_format(text, "%s %s", i ? "," : "", curves->series[i].name);
}

heed_status hd_draw_svg_curves(const hd_curves *curves, hd_buffer *out) {
    enum { Y_TITLE = 24, BELOW = 44 };
    axis x_axis, y_axis;
    hd_buffer text;
    set_axis(curves, false, &x_axis);
    set_axis(curves, true, &y_axis);
    int64_t gutter = 0, names = 0;
    for (int i = 0; i < y_axis.count; i++) gutter = hd_max(gutter, hd_paper_room(y_axis.labels[i]));
    for (int64_t i = 0; i < curves->count; i++) names = hd_max(names, hd_paper_room(curves->series[i].name));
    int64_t x = HD_PAPER_MARGIN + gutter + 8, y = HD_PAPER_MARGIN + HD_PAPER_TITLE + Y_TITLE;
    int64_t right = x + WIDE + (curves->count ? LEADER + 8 + names : 0);
    right = hd_max(right, HD_PAPER_MARGIN + hd_paper_title_room(curves->title));
    int64_t bottom = hd_max(y + HIGH, y + curves->count * NAME_LINE); /* of the names */
    hd_buffer_open(&text, out->context);
    describe(curves, &text);
    heed_status status = text.failed ? HEED_MEMORY : HEED_OK;
    if (status == HEED_OK) {
        hd_paper_begin(out, right + HD_PAPER_MARGIN, hd_max(y + HIGH + BELOW, bottom) + HD_PAPER_MARGIN / 2,
                       curves->title, text.data);
        hd_paper_label(out, HD_PAPER_MARGIN, y - 14, HD_PAPER_SMALL, curves->y_title);
        append_axes(out, &x_axis, &y_axis, x, y);
        hd_paper_label(out, x + WIDE, y + HIGH + 38, HD_PAPER_SMALL HD_PAPER_RIGHT, curves->x_title);
        for (int64_t i = 0; i < curves->count; i++) append_curve(out, curves, i, &x_axis, &y_axis, x, y);
        status = append_names(out, curves, &x_axis, &y_axis, x, y, bottom);
        hd_paper_end(out);
    }
    hd_buffer_close(&text);
    return status == HEED_OK && out->failed ? HEED_MEMORY : status;
}

/* ---- for terminals ---- */

enum { LINES = 17, DEFAULT_COLUMNS = 80, FEWEST_COLUMNS = 16, POINT = 64 /* flag of a cell: a mark, not a line */ };

static const char *const screen_marks[] = {"●", "■", "▲", "◆", "○", "□", "△", "◇"};

typedef struct canvas {
    int64_t columns;
    uint8_t *cells; /* [LINES, columns]: 0, or series + 1, with POINT where a mark is */
} canvas;

/* Sets the cells on the line from one point to the next; later curves overwrite earlier ones. */
static void trace(const canvas *c, double x0, double y0, double x1, double y1, uint8_t cell) {
    int steps = 1 + (int)fmax(fabs(x1 - x0), fabs(y1 - y0));
    for (int i = 0; i <= steps; i++) {
        double share = (double)i / steps;
        int64_t column = (int64_t)(x0 + share * (x1 - x0) + 0.5), line = (int64_t)(y0 + share * (y1 - y0) + 0.5);
        c->cells[line * c->columns + column] = cell;
    }
}

static void draw_series(const canvas *c, const hd_series *series, uint8_t cell, bool marks, const axis *x_axis,
                        const axis *y_axis) {
    double last_x = -1, last_y = 0;
    bool dense = series->count > c->columns / 3;
    for (int64_t i = 0; i < series->count; i++) {
        bool shown = is_shown(x_axis, series->x[i]) && is_shown(y_axis, series->y[i]);
        double x = shown ? place(x_axis, series->x[i]) * (double)(c->columns - 1) : -1;
        double y = shown ? (1 - place(y_axis, series->y[i])) * (LINES - 1) : 0;
        if (shown && marks)
            trace(c, x, y, x, y, cell | POINT);
        else if (shown && last_x >= 0)
            trace(c, last_x, last_y, x, y, dense ? cell | POINT : cell);
        last_x = x, last_y = y;
    }
}

static void append_screen_mark(hd_buffer *out, int64_t series, bool point, bool color) {
    if (color) hd_screen_set(out, 0, hd_head_color(series));
    hd_buffer_text(out, point ? screen_marks[(size_t)series % (sizeof screen_marks / sizeof *screen_marks)] : "·");
    if (color) hd_screen_reset(out);
}

/* The index of the tick on this line; −1: none. */
static int tick_of_line(const axis *a, int64_t line) {
    for (int i = 0; i < a->count; i++) {
        double share = (a->ticks[i] - a->low) / (a->high - a->low);
        if ((int64_t)((1 - share) * (LINES - 1) + 0.5) == line) return i;
    }
    return -1;
}

static void append_canvas(hd_buffer *out, const canvas *c, const axis *y_axis, int64_t gutter, bool color) {
    for (int64_t line = 0; line < LINES; line++) {
        int tick = tick_of_line(y_axis, line);
        hd_screen_label_right(out, tick < 0 ? "" : y_axis->labels[tick], gutter);
        hd_buffer_text(out, tick < 0 ? " │" : " ┤");
        for (int64_t i = 0; i < c->columns; i++) {
            uint8_t cell = c->cells[line * c->columns + i];
            if (cell)
                append_screen_mark(out, (cell & (POINT - 1)) - 1, cell & POINT, color);
            else
                hd_buffer_byte(out, ' ');
        }
        hd_screen_end_line(out);
    }
}

/* The line below, with ticks, and their labels where there is room. */
static void append_x_axis(hd_buffer *out, const axis *a, const char *title, int64_t gutter, int64_t columns) {
    int64_t at[MOST_TICKS], written = 0, tick = 0;
    for (int i = 0; i < a->count; i++)
        at[i] = (int64_t)((a->ticks[i] - a->low) / (a->high - a->low) * (double)(columns - 1) + 0.5);
    hd_screen_repeat(out, " ", gutter + 1);
    hd_buffer_text(out, "└");
    for (int64_t i = 0; i < columns; i++) {
        bool here = tick < a->count && at[tick] == i;
        while (tick < a->count && at[tick] <= i) tick++;
        hd_buffer_text(out, here ? "┴" : "─");
    }
    hd_buffer_byte(out, '\n');
    hd_screen_repeat(out, " ", gutter + 2);
    for (int i = 0; i < a->count; i++) {
        int64_t size = (int64_t)strlen(a->labels[i]);
        int64_t first = hd_min(hd_max(at[i] - size / 2, 0), hd_max(columns - size, 0));
        if (first < written + (written > 0)) continue;
        hd_screen_repeat(out, " ", first - written);
        hd_buffer_text(out, a->labels[i]);
        written = first + size;
    }
    hd_buffer_byte(out, '\n');
    hd_screen_repeat(out, " ", gutter + 2 + columns - hd_text_cells(title));
    hd_buffer_format(out, "%s\n", title);
}

static void append_screen_names(hd_buffer *out, const hd_curves *curves, bool color, int64_t columns) {
    int64_t used = 0;
    for (int64_t i = 0; i < curves->count; i++) {
        int64_t cells = hd_text_cells(curves->series[i].name) + 2;
        if (used && used + 3 + cells > columns) hd_buffer_byte(out, '\n'), used = 0;
        hd_screen_repeat(out, " ", used ? 3 : 0);
        append_screen_mark(out, i, true, color);
        hd_buffer_byte(out, ' ');
        hd_buffer_visible(out, curves->series[i].name);
        used += cells + (used ? 3 : 0);
    }
    hd_buffer_byte(out, '\n');
}

heed_status hd_draw_text_curves(const hd_curves *curves, bool color, int64_t columns, hd_buffer *out) {
    axis x_axis, y_axis;
    int64_t gutter = 0, whole = columns ? columns : DEFAULT_COLUMNS;
    if (curves->count >= POINT) return hd_fail(out->context, HEED_ARGUMENT, "%d curves are too many", POINT);
    set_axis(curves, false, &x_axis);
    set_axis(curves, true, &y_axis);
    for (int i = 0; i < y_axis.count; i++) gutter = hd_max(gutter, (int64_t)strlen(y_axis.labels[i]));
    canvas c = {.columns = hd_max(whole - gutter - 2, FEWEST_COLUMNS)};
    c.cells = hd_alloc_zeroed(out->context, LINES * (size_t)c.columns, sizeof *c.cells);
    if (!c.cells) return HEED_MEMORY;
    for (int marks = 0; marks < 2; marks++) /* all lines, then all points */
        for (int64_t i = 0; i < curves->count; i++)
            if (!marks || curves->series[i].count <= c.columns / 3 || curves->series[i].count == 1)
                draw_series(&c, &curves->series[i], (uint8_t)(i + 1), marks, &x_axis, &y_axis);
    hd_buffer_format(out, "%s\n\n%s\n", curves->title, curves->y_title);
    append_canvas(out, &c, &y_axis, gutter, color);
    append_x_axis(out, &x_axis, curves->x_title, gutter, c.columns);
    hd_buffer_byte(out, '\n');
    append_screen_names(out, curves, color, whole);
    hd_free(out->context, c.cells);
    return out->failed ? HEED_MEMORY : HEED_OK;
}
