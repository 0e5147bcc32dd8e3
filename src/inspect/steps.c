/* Steps of a recurrent decoder as text, SVG and JSON; a step is read from top to bottom. */
#include "inspect/steps.h"

#include "base/number.h"
#include "inspect/paper.h"
#include "inspect/screen.h"
#include "inspect/strip.h"
#include "text/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double hd_attention_score(const float *query, const float *key, const float *scorer, int64_t width) {
    double score = 0;
    for (int64_t i = 0; i < width; i++) {
        double q = (double)query[i], k = (double)key[i];
        score += scorer ? (double)scorer[i] * tanh(q + k) : q * k;
    }
    return score;
}

/* ---- captions ---- */

enum { NAME = 32, NOTE = 160 };

/* "h₃", with subscript digits. */
static void name_of(char name[NAME], const char *letter, int64_t step) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%lld", (long long)step);
    int at = snprintf(name, NAME, "%s", letter);
    for (int i = 0; i < size; i++) at += snprintf(name + at, (size_t)(NAME - at), "\xE2\x82%c", 0x80 + digits[i] - '0');
}

static void append_title(const hd_steps *s, hd_buffer *out) {
    hd_buffer_format(out, "%s decoder, %s: step by step", s->cell, s->memory);
}

/* Describes what the initial state is computed from. */
static const char *describe_memory(const hd_steps *s) {
    if (s->attends || strcmp(s->memory, "last state") == 0) return "the encoder's last state";
    return strcmp(s->memory, "mean of states") == 0 ? "the mean of the encoder's states"
                                                    : "the encoder's states, concatenated";
}

static const char *note_of_initial(const hd_steps *s) {
    return s->attends ? "computed from it; no word is predicted from it"
                      : "computed from it; no word is predicted from it; the decoder has no other access to the source";
}

static void note_size(const float *values, int64_t size, char note[NOTE]) {
    char norm[24];
    hd_print_number(norm, sizeof norm, "%.3g", hd_vector_norm(values, size));
    snprintf(note, NOTE, "%lld numbers, norm %s", (long long)size, norm);
}

static void percent_of(char text[NAME], double share) { hd_print_number(text, NAME, "%.1f%%", 100 * share); }

/* One scale for all vectors of a picture. */
static double largest_of(const hd_steps *s) {
    double largest = fmax(hd_vector_largest(s->initial, s->width), hd_vector_largest(s->memory_vector, s->memory_size));
    for (int64_t i = 0; i < s->count; i++) {
        largest = fmax(largest, hd_vector_largest(s->steps[i].state, s->width));
        largest = fmax(largest, hd_vector_largest(s->steps[i].output, s->width));
        if (s->attends) largest = fmax(largest, hd_vector_largest(s->steps[i].context, s->width));
    }
    return largest;
}

/* [h; C] in memory of the arena, or h alone. */
static const float *joined_of(const hd_steps *s, const hd_step *step, hd_arena *arena) {
    if (!s->attends) return step->state;
    float *both = hd_arena_alloc(arena, (size_t)(2 * s->width), sizeof *both);
    if (!both) return NULL;
    memcpy(both, step->state, (size_t)s->width * sizeof *both);
    memcpy(both + s->width, step->context, (size_t)s->width * sizeof *both);
    return both;
}

/* ---- for terminals ---- */

typedef struct screen {
    const hd_steps *steps;
    hd_buffer *out;
    bool color;
    double largest;
    int64_t labels; /* cells of the widest label of a key */
} screen;

enum { FIRST_COLUMN = 10, BAR = 20, LONGEST_LABEL = 24 };

static void screen_vector(const screen *s, const char *name, const float *values, int64_t size, const char *note) {
    char numbers[NOTE];
    note_size(values, size, numbers);
    hd_screen_label_left(s->out, name, FIRST_COLUMN);
    hd_strip_text(s->out, values, size, HD_STRIP_BLOCKS, s->largest, s->color);
    hd_screen_repeat(s->out, " ", HD_STRIP_BLOCKS - hd_strip_blocks(size, HD_STRIP_BLOCKS));
    hd_buffer_format(s->out, "  %s%s%s\n", numbers, *note ? "; " : "", note);
}

/* A share of the bar, in eighths of a cell. */
static void screen_bar(const screen *s, double share) {
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t eighths = (int64_t)(hd_shown_share(share) * 8 * BAR + 0.5);
    if (s->color) hd_screen_set(s->out, 0, hd_head_color(0));
    hd_screen_repeat(s->out, "█", eighths / 8);
    hd_buffer_text(s->out, parts[eighths % 8]);
    if (s->color) hd_screen_reset(s->out);
}

static void screen_scores(const screen *s, const hd_step *step, const char *query) {
    hd_buffer_format(s->out, "%s attends to the source: score, weight\n", query);
    for (int64_t k = 0; k < s->steps->keys; k++) {
        char score[NAME], percent[NAME];
        hd_print_number(score, sizeof score, "%.2f", step->scores[k]);
        percent_of(percent, (double)step->weights[k]);
        hd_screen_repeat(s->out, " ", FIRST_COLUMN);
        hd_screen_label_right(s->out, s->steps->key_labels[k], s->labels);
        hd_buffer_format(s->out, " %8s %6s ", score, percent);
        screen_bar(s, (double)step->weights[k]);
        hd_screen_end_line(s->out);
    }
}

static void screen_word(const screen *s, const hd_step *step) {
    char percent[NAME];
    bool first = strcmp(step->predicted.label, step->candidates[0].label) == 0;
    percent_of(percent, step->predicted.probability);
    hd_screen_label_left(s->out, "word", FIRST_COLUMN);
    hd_buffer_format(s->out, "%s %s", step->predicted.label, percent);
    for (int64_t i = first; i < s->steps->candidates; i++) {
        const hd_prediction *other = &step->candidates[i];
        if (!first && other->probability <= step->predicted.probability) break;
        percent_of(percent, other->probability);
        hd_buffer_format(s->out, "%s%s %s",
                         i > first ? ", "
                         : first   ? "   then "
                                   : "   more probable: ",
                         other->label, percent);
    }
    hd_buffer_text(s->out, "\n\n");
}

static bool screen_step(const screen *s, int64_t index, hd_arena *arena) {
    const hd_steps *steps = s->steps;
    const hd_step *step = &steps->steps[index];
    char before[NAME], state[NAME], context[NAME], joined[2 * NAME + 4], output[NAME];
    const float *both = joined_of(steps, step, arena);
    if (!both) return false;
    name_of(before, "h", index), name_of(state, "h", index + 1);
    name_of(context, "C", index + 1), name_of(output, "y", index + 1);
    snprintf(joined, sizeof joined, "[%s; %s]", state, context);
    hd_buffer_format(s->out, "step %lld    reads %s%s\n", (long long)index + 1, step->read,
                     index ? "" : ", the start token");
    if (!steps->attends) {
        screen_vector(s, state, step->state, steps->width, "the decoder's only information about the source");
    } else if (steps->attends_first) {
        screen_scores(s, step, before);
        screen_vector(s, context, step->context, steps->width, "weighted sum of the encoder's states");
        screen_vector(s, state, step->state, steps->width, "computed from the previous state, the word and C");
    } else {
        screen_vector(s, state, step->state, steps->width,
                      index ? "computed from the previous state, the word and y"
                            : "computed from the previous state and the word");
        screen_scores(s, step, state);
        screen_vector(s, context, step->context, steps->width, "weighted sum of the encoder's states");
    }
    if (steps->attends) screen_vector(s, joined, both, 2 * steps->width, "concatenated");
    screen_vector(s, output, step->output, steps->width, "output of the feed-forward layer");
    screen_word(s, step);
    return true;
}

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_steps *steps = (const hd_steps *)picture;
    (void)columns; /* a step's lines are short */
    screen s = {.steps = steps, .out = out, .color = color, .largest = largest_of(steps)};
    for (int64_t k = 0; k < steps->keys; k++) s.labels = hd_max(s.labels, hd_text_cells(steps->key_labels[k]));
    s.labels = hd_min(s.labels, LONGEST_LABEL);
    hd_arena arena;
    hd_arena_open(&arena, out->context);
    append_title(steps, out);
    hd_buffer_byte(out, '\n');
    hd_buffer_visible(out, steps->source);
    hd_buffer_text(out, " → ");
    hd_buffer_visible(out, steps->target);
    hd_buffer_text(out, "\n\n");
    screen_vector(&s, "source", steps->memory_vector, steps->memory_size, describe_memory(steps));
    screen_vector(&s, "h₀", steps->initial, steps->width, note_of_initial(steps));
    hd_buffer_byte(out, '\n');
    bool fine = true;
    for (int64_t i = 0; fine && i < steps->count; i++) fine = screen_step(&s, i, &arena);
    hd_arena_close(&arena);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}

/* ---- for print ---- */

enum {
    BLOCK = 5, /* pixels of a strip */
    STRIP = BLOCK * HD_STRIP_BLOCKS,
    THICK = 14,
    STRIDE = 46, /* vertical distance of vectors */
    ROW = 18,    /* of a table */
    GAP = 44,    /* between columns, which arrows cross */
    BAR_PIXELS = 110
};

typedef struct paper {
    const hd_steps *steps;
    hd_buffer *out;
    double largest;
    int64_t labels;                        /* pixels of the widest label of a key */
    int64_t states, scores, joined, words; /* x of the columns */
    int64_t high;                          /* pixels of a step */
} paper;

static void paper_vector(const paper *p, int64_t x, int64_t y, const char *name, const float *values, int64_t size,
                         int64_t blocks) {
    char numbers[NOTE];
    note_size(values, size, numbers);
    hd_paper_label(p->out, x, y - 5, "", name);
    hd_paper_label(p->out, x + blocks * BLOCK, y - 5, HD_PAPER_SMALL HD_PAPER_RIGHT, numbers);
    hd_strip_svg(p->out, values, size, blocks, p->largest, x, y, BLOCK, THICK);
}

/* An arrow from one point to another, across and then down or up. */
static void paper_arrow(const paper *p, int64_t x, int64_t y, int64_t to_x, int64_t to_y) {
    int64_t half = (x + to_x) / 2;
    hd_buffer_format(
        p->out,
        "<path fill=\"none\" stroke=\"#9aa5b4\" stroke-width=\"1.4\" d=\"M%lld %lldH%lldV%lldH%lldm-5-4l5 4l-5 "
        "4\"/>\n",
        (long long)x, (long long)y, (long long)half, (long long)to_y, (long long)to_x);
}

static void paper_down(const paper *p, int64_t x, int64_t y, int64_t to_y) {
    hd_buffer_format(
        p->out, "<path fill=\"none\" stroke=\"#9aa5b4\" stroke-width=\"1.4\" d=\"M%lld %lldV%lldm-4-5l4 5l4-5\"/>\n",
        (long long)x, (long long)y, (long long)to_y);
}

/* A label, a number and a bar: the score and weight of a key, or the probability of a token. */
static void paper_row(const paper *p, int64_t x, int64_t y, const char *label, const char *number, double share) {
    char percent[NAME];
    hd_color c = hd_head_color(0);
    int64_t bar = (int64_t)(hd_shown_share(share) * BAR_PIXELS + 0.5);
    percent_of(percent, share);
    hd_paper_label(p->out, x, y, HD_PAPER_RIGHT, label);
    hd_paper_label(p->out, x + 52, y, HD_PAPER_SMALL HD_PAPER_RIGHT, number);
    hd_buffer_format(p->out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"10\" fill=\"#%02x%02x%02x\"/>\n",
                     (long long)(x + 60), (long long)(y - 9), (long long)bar, c.red, c.green, c.blue);
    hd_paper_label(p->out, x + 66 + bar, y, HD_PAPER_SMALL, percent);
}

static void paper_scores(const paper *p, int64_t y, const hd_step *step) {
    int64_t x = p->scores + p->labels;
    hd_paper_label(p->out, x + 52, y - 12, HD_PAPER_SMALL HD_PAPER_RIGHT, "score");
    hd_paper_label(p->out, x + 60, y - 12, HD_PAPER_SMALL, "weight");
    for (int64_t k = 0; k < p->steps->keys; k++) {
        char score[NAME];
        hd_print_number(score, sizeof score, "%.2f", step->scores[k]);
        paper_row(p, x, y + 4 + k * ROW, p->steps->key_labels[k], score, (double)step->weights[k]);
    }
}

static void paper_words(const paper *p, int64_t y, const hd_step *step) {
    int64_t x = p->words + 96;
    hd_paper_label(p->out, p->words + 96, y - 12, HD_PAPER_RIGHT " font-weight=\"600\"", step->predicted.label);
    hd_paper_label(p->out, p->words + 104, y - 12, HD_PAPER_SMALL, "is predicted; most probable tokens:");
    for (int64_t i = 0; i < p->steps->candidates; i++)
        paper_row(p, x - 44, y + 8 + i * ROW, step->candidates[i].label, "", step->candidates[i].probability);
}

static bool paper_step(const paper *p, int64_t index, int64_t y, hd_arena *arena) {
    const hd_steps *s = p->steps;
    const hd_step *step = &s->steps[index];
    char title[NAME], read[NOTE], before[NAME], state[NAME], context[NAME], joined[2 * NAME + 4], output[NAME];
    const float *both = joined_of(s, step, arena), *last = index ? s->steps[index - 1].state : s->initial;
    if (!both) return false;
    snprintf(title, sizeof title, "step %lld", (long long)index + 1);
    snprintf(read, sizeof read, "reads %s%s", step->read, index ? "" : ", the start token");
    name_of(before, "h", index), name_of(state, "h", index + 1);
    name_of(context, "C", index + 1), name_of(output, "y", index + 1);
    snprintf(joined, sizeof joined, "[%s; %s]", state, context);
    hd_buffer_format(p->out, "<path stroke=\"#dfe4ea\" d=\"M%d %lldH%lld\"/>\n", HD_PAPER_MARGIN, (long long)y,
                     (long long)(p->words + 300));
    hd_paper_label(p->out, p->states, y + 22, " font-weight=\"600\"", title);
    hd_paper_label(p->out, p->states + 56, y + 22, "", read);
    int64_t first = y + 60, second = first + STRIDE, third = second + STRIDE;
    int64_t middle = THICK / 2, blocks = s->attends ? 2 * HD_STRIP_BLOCKS : HD_STRIP_BLOCKS;
    if (s->attends) {
        /* the query is at the top */
        paper_vector(p, p->states, first, s->attends_first ? before : state, s->attends_first ? last : step->state,
                     s->width, HD_STRIP_BLOCKS);
        if (s->attends_first) paper_vector(p, p->states, second, state, step->state, s->width, HD_STRIP_BLOCKS);
        paper_arrow(p, p->states + STRIP + 4, first + middle, p->scores - 4, first + middle);
        paper_scores(p, first + 6, step);
        paper_arrow(p, p->joined - GAP + 4, first + middle, p->joined - 4, first + middle);
        paper_vector(p, p->joined, first, context, step->context, s->width, HD_STRIP_BLOCKS);
        paper_down(p, p->joined + STRIP / 2, first + THICK + 4, second - 18);
        paper_vector(p, p->joined, second, joined, both, 2 * s->width, blocks);
        paper_down(p, p->joined + STRIP / 2, second + THICK + 4, third - 18);
        paper_vector(p, p->joined, third, output, step->output, s->width, HD_STRIP_BLOCKS);
        paper_arrow(p, p->joined + STRIP + 4, third + middle, p->words - 4, third + middle);
    } else {
        paper_vector(p, p->states, first, state, step->state, s->width, HD_STRIP_BLOCKS);
        paper_arrow(p, p->states + STRIP + 4, first + middle, p->joined - 4, first + middle);
        paper_vector(p, p->joined, first, output, step->output, s->width, HD_STRIP_BLOCKS);
        paper_arrow(p, p->joined + STRIP + 4, first + middle, p->words - 4, first + middle);
    }
    paper_words(p, first + 12, step);
    return true;
}

static heed_status draw_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_steps *s = (const hd_steps *)picture;
    paper p = {.steps = s, .out = out, .largest = largest_of(s), .states = HD_PAPER_MARGIN};
    p.labels = hd_paper_widest(s->key_labels, s->keys) + 4;
    p.scores = p.states + STRIP + GAP;
    p.joined = s->attends ? p.scores + p.labels + 60 + BAR_PIXELS + 48 + GAP : p.scores;
    p.words = p.joined + (s->attends ? 2 : 1) * STRIP + GAP;
    int64_t rows = hd_max(s->attends ? 60 + s->keys * ROW : 0, 84 + s->candidates * ROW);
    p.high = hd_max(rows, s->attends ? 60 + 2 * STRIDE + THICK : 0) + 24;
    hd_buffer title;
    hd_arena arena;
    hd_buffer_open(&title, out->context);
    hd_arena_open(&arena, out->context);
    append_title(s, &title);
    hd_buffer_format(&title, ", %s → %s", s->source, s->target);
    bool fine = !title.failed;
    int64_t y = HD_PAPER_MARGIN + HD_PAPER_TITLE + STRIDE, wide = p.words + 300;
    if (fine) {
        hd_paper_begin(
            out, hd_max(wide, HD_PAPER_MARGIN + hd_paper_title_room(title.data)) + HD_PAPER_MARGIN,
            y + STRIDE + s->count * p.high, title.data,
            "One step of the decoder per row, from top to bottom. Blocks of colour are the numbers of a vector.");
        paper_vector(&p, p.states, y - 14, "source", s->memory_vector, s->memory_size, HD_STRIP_BLOCKS);
        hd_paper_label(out, p.states, y + 16, HD_PAPER_SMALL, describe_memory(s));
        paper_arrow(&p, p.states + STRIP + 4, y - 14 + THICK / 2, p.scores - 4, y - 14 + THICK / 2);
        paper_vector(&p, p.scores, y - 14, "h₀", s->initial, s->width, HD_STRIP_BLOCKS);
        hd_paper_label(out, p.scores, y + 16, HD_PAPER_SMALL, note_of_initial(s));
    }
    for (int64_t i = 0; fine && i < s->count; i++) fine = paper_step(&p, i, y + STRIDE - 10 + i * p.high, &arena);
    hd_paper_end(out);
    hd_arena_close(&arena);
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}

/* ---- data ---- */

static void append_vector(hd_buffer *out, const char *name, const float *values, int64_t size) {
    hd_buffer_format(out, ", \"%s\": ", name);
    hd_json_append_floats(out, values, size);
}

static void append_candidate(hd_buffer *out, const hd_prediction *candidate) {
    hd_buffer_text(out, "{\"token_str\": ");
    hd_json_append_page_string(out, candidate->label);
    hd_buffer_text(out, ", \"score\": ");
    hd_json_append_double(out, candidate->probability);
    hd_buffer_byte(out, '}');
}

static void append_step(const hd_steps *s, const hd_step *step, hd_buffer *out) {
    hd_buffer_text(out, "{\"read\": ");
    hd_json_append_page_string(out, step->read);
    append_vector(out, "state", step->state, s->width);
    if (s->attends) {
        hd_buffer_text(out, ", \"scores\": ");
        hd_json_append_doubles(out, step->scores, s->keys);
        append_vector(out, "weights", step->weights, s->keys);
        append_vector(out, "context", step->context, s->width);
    }
    append_vector(out, "output", step->output, s->width);
    hd_buffer_text(out, ", \"made\": ");
    append_candidate(out, &step->predicted);
    hd_buffer_text(out, ", \"candidates\": [");
    for (int64_t i = 0; i < s->candidates; i++) {
        if (i) hd_buffer_text(out, ", ");
        append_candidate(out, &step->candidates[i]);
    }
    hd_buffer_text(out, "]}");
}

static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_steps *s = (const hd_steps *)picture;
    hd_buffer_text(out, "{\"source_text\": ");
    hd_json_append_page_string(out, s->source);
    hd_buffer_text(out, ", \"target_text\": ");
    hd_json_append_page_string(out, s->target);
    hd_buffer_format(out, ", \"cell\": \"%s\", \"memory\": \"%s\", \"keys\": ", s->cell, s->memory);
    hd_json_append_page_strings(out, s->key_labels, s->keys);
    append_vector(out, "initial", s->initial, s->width);
    hd_buffer_text(out, ", \"steps\": [");
    for (int64_t i = 0; i < s->count; i++) {
        if (i) hd_buffer_text(out, ", ");
        append_step(s, &s->steps[i], out);
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_steps_open(heed_context *context, hd_steps **steps) {
    static const hd_picture_class class = {"steps are", draw_text, draw_svg, write_json};
    return hd_picture_open(context, &class, sizeof **steps, steps);
}
