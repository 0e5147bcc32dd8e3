/* Steps of a recurrent encoder–decoder for print: the chain of the encoder's states, then a block for each step of the decoder.
 * Orange arrows lead from a state to the next. */
#include "base/number.h"
#include "inspect/diagram.h"
#include "inspect/step_labels.h"
#include "inspect/steps.h"
#include "inspect/strip.h"

#include <stdio.h>
#include <string.h>

enum {
    LEFT = 20,
    BLOCK = 4, /* pixels of a strip */
    STRIP = BLOCK * HD_STRIP_BLOCKS,
    THICK = 14,
    ROW = 18,
    SCORES = 188, /* x of the table of scores */
    LABELS = 104, /* of its labels */
    BAR = 70,
    JOINED = 500, /* x of contexts and outputs */
    WORDS = 738,  /* right end of the labels of words */
    WORD_LABELS = 96,
    STATES_PER_ROW = 8,
    STATE_PITCH = 98,
    STATE_ROW = 70,
    LANE = 9 /* x of the line that carries a state to the next step */
};

typedef struct paper {
    const hd_steps *steps;
    hd_buffer *out;
    double largest;
    int64_t labels; /* width of those of the keys */
} paper;

/* A label that is squeezed if it is wider than `width`. */
static void fit(const paper *p, int64_t x, int64_t y, const char *more, const char *text, int64_t width, int font) {
    char attributes[256];
    int size = snprintf(attributes, sizeof attributes, "%s", more);
    if (hd_text_ems(text) * font > (double)width)
        snprintf(attributes + size, sizeof attributes - (size_t)size,
                 " textLength=\"%lld\" lengthAdjust=\"spacingAndGlyphs\"", (long long)width);
    hd_paper_label(p->out, x, y, attributes, text);
}

/* With its name and norm above it. */
static void vector(const paper *p, int64_t x, int64_t y, const char *name, const float *values, int64_t size,
                   int64_t blocks) {
    char norm[32];
    hd_print_number(norm, sizeof norm, "norm %.3g", hd_vector_norm(values, size));
    hd_paper_label(p->out, x, y - 5, "", name);
    hd_paper_label(p->out, x + blocks * BLOCK, y - 5, HD_PAPER_SMALL HD_PAPER_RIGHT, norm);
    hd_strip_svg(p->out, values, size, blocks, p->largest, x, y, BLOCK, THICK);
}

/* In the colour of recurrence; the head points right or down. */
static void recurrence(const paper *p, const char *path, bool down) {
    hd_buffer_format(p->out, "<path fill=\"none\" stroke=\"#d2643c\" stroke-width=\"2\" d=\"%s%s\"/>\n", path,
                     down ? "m-4-6l4 6 4-6" : "m-6-4l6 4-6 4");
}

static void small_box(const paper *p, hd_box_kind kind, const char *name, int64_t x, int64_t y, int64_t width) {
    hd_box_lines lines = {{name}, 1};
    hd_diagram_box(p->out, kind, &lines, x, y, width, 24);
}

/* ---- the encoder ---- */

static int64_t encoder_height(const hd_steps *s) {
    return s->encoder ? 24 + (s->keys + STATES_PER_ROW - 1) / STATES_PER_ROW * STATE_ROW : 0;
}

static void encoder_state(const paper *p, int64_t index, int64_t top) {
    const hd_steps *s = p->steps;
    char name[HD_STEP_NAME], path[128];
    int64_t x = LEFT + index % STATES_PER_ROW * STATE_PITCH, y = top + index / STATES_PER_ROW * STATE_ROW;
    int64_t strip = y + 22, right = x + 2 * HD_STRIP_BLOCKS;
    hd_step_name(name, "h", index + 1);
    fit(p, x + HD_STRIP_BLOCKS, y + 14, HD_PAPER_MIDDLE, hd_step_token(s->key_labels[index]), STATE_PITCH - 8, 13);
    hd_strip_svg(p->out, s->encoder + index * s->width, s->width, HD_STRIP_BLOCKS, p->largest, x, strip, 2, THICK);
    hd_paper_label(p->out, x + HD_STRIP_BLOCKS, strip + THICK + 15, HD_PAPER_MIDDLE, name);
    if (index + 1 == s->keys) return;
    bool wraps = index % STATES_PER_ROW == STATES_PER_ROW - 1;
    int64_t to = wraps ? right + 16 : x + STATE_PITCH - 3;
    snprintf(path, sizeof path, "M%lld %lldH%lld", (long long)(right + 3), (long long)(strip + (s->two_ways ? 3 : 7)),
             (long long)to);
    recurrence(p, path, false);
    if (s->two_ways)
        hd_buffer_format(
            p->out, "<path fill=\"none\" stroke=\"#d2643c\" stroke-width=\"2\" d=\"M%lld %lldH%lldm6-4l-6 4 6 4\"/>\n",
            (long long)to, (long long)(strip + 12), (long long)(right + 3));
}

static void encoder(const paper *p, int64_t top) {
    const hd_steps *s = p->steps;
    if (!s->encoder) return;
    hd_paper_label(p->out, LEFT, top + 14, HD_DIAGRAM_BOLD, "Encoder");
    hd_paper_label(p->out, LEFT + 76, top + 14, HD_PAPER_SMALL,
                   s->two_ways
                       ? "The states h of two directions, each computed from a token and the state before or after it."
                       : "Each state h is computed from a token and the state before it.");
    for (int64_t i = 0; i < s->keys; i++) encoder_state(p, i, top + 24);
}

/* ---- the initial state ---- */

enum { INITIAL = 92 };

static void initial(const paper *p, int64_t top) {
    const hd_steps *s = p->steps;
    int64_t y = top + 42, middle = y + THICK / 2, box = LEFT + STRIP + 40, to = box + 130 + 40;
    hd_paper_label(p->out, LEFT, top + 14, HD_DIAGRAM_BOLD, "Decoder");
    hd_paper_label(p->out, LEFT + 76, top + 14, HD_PAPER_SMALL, hd_steps_note(s));
    vector(p, LEFT, y, "memory", s->memory_vector, s->memory_size, HD_STRIP_BLOCKS);
    hd_paper_label(p->out, LEFT, y + THICK + 16, HD_PAPER_SMALL, hd_steps_memory(s));
    hd_diagram_right(p->out, middle, LEFT + STRIP + 4, box);
    small_box(p, HD_BOX_LINEAR, s->direct ? "copy" : "Linear, tanh", box, middle - 12, 130);
    hd_diagram_right(p->out, middle, box + 130, to - 4);
    vector(p, to, y, "s₀", s->initial, s->width, HD_STRIP_BLOCKS);
    hd_paper_label(p->out, to, y + THICK + 16, HD_PAPER_SMALL, "the initial state");
}

/* ---- a step ---- */

/* A label, a number, a bar and a percentage. */
static void row(const paper *p, int64_t right, int64_t width, int64_t y, const char *label, const char *more,
                int64_t bar_x, int64_t bar, double share) {
    char percent[HD_STEP_NAME], attributes[96];
    hd_color c = hd_head_color(0);
    int64_t size = (int64_t)(hd_shown_share(share) * (double)bar + 0.5);
    hd_step_percent(percent, share);
    snprintf(attributes, sizeof attributes, HD_PAPER_RIGHT "%s", more);
    fit(p, right, y, attributes, hd_step_token(label), width, 13);
    hd_buffer_format(p->out, "<rect x=\"%lld\" y=\"%lld\" width=\"%lld\" height=\"10\" fill=\"#%02x%02x%02x\"/>\n",
                     (long long)bar_x, (long long)(y - 9), (long long)size, c.red, c.green, c.blue);
    hd_paper_label(p->out, bar_x + size + 4, y, HD_PAPER_SMALL, percent);
}

static void scores(const paper *p, int64_t y, const hd_step *step) {
    int64_t right = SCORES + p->labels;
    hd_paper_label(p->out, right + 48, y - 14, HD_PAPER_SMALL HD_PAPER_RIGHT, "score");
    hd_paper_label(p->out, right + 56, y - 14, HD_PAPER_SMALL, "weight");
    for (int64_t k = 0; k < p->steps->keys; k++) {
        char score[HD_STEP_NAME];
        hd_print_number(score, sizeof score, "%.2f", step->scores[k]);
        hd_paper_label(p->out, right + 48, y + 4 + k * ROW, HD_PAPER_SMALL HD_PAPER_RIGHT, score);
        row(p, right, p->labels, y + 4 + k * ROW, p->steps->key_labels[k], "", right + 56, BAR,
            (double)step->weights[k]);
    }
}

/* The predicted token first, then others that are probable. */
static void words(const paper *p, int64_t right, int64_t y, int64_t bar, const hd_step *step) {
    int64_t at = 1;
    row(p, right, WORD_LABELS, y, step->predicted.label, HD_DIAGRAM_BOLD, right + 6, bar, step->predicted.probability);
    for (int64_t i = 0; i < p->steps->candidates; i++) {
        const hd_prediction *other = &step->candidates[i];
        if (strcmp(other->label, step->predicted.label) == 0) continue;
        row(p, right, WORD_LABELS, y + at++ * ROW, other->label, "", right + 6, bar, other->probability);
    }
}

typedef struct names {
    char before[HD_STEP_NAME], state[HD_STEP_NAME], context[HD_STEP_NAME], joined[2 * HD_STEP_NAME + 4],
        output[HD_STEP_NAME];
} names;

static names names_of(int64_t index) {
    names n;
    hd_step_name(n.before, "s", index), hd_step_name(n.state, "s", index + 1);
    hd_step_name(n.context, "C", index + 1), hd_step_name(n.output, "y", index + 1);
    snprintf(n.joined, sizeof n.joined, "[%s; %s]", n.state, n.context);
    return n;
}

/* From a state on the left edge to one further down. */
static void carry(const paper *p, int64_t from, int64_t to) {
    char path[128];
    snprintf(path, sizeof path, "M%d %lldH%dV%lldH%d", LEFT - 3, (long long)from, LANE, (long long)to, LEFT - 2);
    recurrence(p, path, false);
}

static int64_t second_row(const hd_steps *s) { return hd_max(118, 56 + s->keys * ROW + 30); }

static int64_t step_height(const hd_steps *s) {
    int64_t listed = (s->candidates + 1) * ROW;
    return s->attends ? second_row(s) + hd_max(112, 46 + listed) + 14 : hd_max(100, 44 + listed);
}

/* From the query to the prediction. */
static void step_with_attention(const paper *p, int64_t index, int64_t y, const float *both) {
    const hd_steps *s = p->steps;
    const hd_step *step = &s->steps[index];
    const float *last = index ? s->steps[index - 1].state : s->initial;
    names n = names_of(index);
    char path[160], inputs[2 * HD_STEP_NAME];
    int64_t first = y + 48, second = y + second_row(s), middle = THICK / 2, half = LEFT + STRIP / 2;
    const char *query = s->attends_first ? n.before : n.state;
    vector(p, LEFT, first, query, s->attends_first ? last : step->state, s->width, HD_STRIP_BLOCKS);
    hd_diagram_right(p->out, first + middle, LEFT + STRIP + 4, SCORES - 6);
    hd_paper_label(p->out, LEFT + STRIP + 22, first + middle - 5, HD_PAPER_SMALL HD_PAPER_MIDDLE, "query");
    scores(p, first + 8, step);
    hd_diagram_right(p->out, first + middle, SCORES + p->labels + 56 + BAR + 48, JOINED - 4);
    vector(p, JOINED, first, n.context, step->context, s->width, HD_STRIP_BLOCKS);
    hd_paper_label(p->out, JOINED + STRIP + 10, first + 11, HD_PAPER_SMALL, "context: weighted sum of h");
    hd_diagram_up(p->out, JOINED + STRIP + STRIP / 2, first + THICK + 4, second - 4);
    if (s->attends_first) {
        snprintf(path, sizeof path, "M%lld %lldV%lld", (long long)half, (long long)(first + THICK + 3),
                 (long long)(second - 20));
        recurrence(p, path, true);
        int64_t box = (first + second) / 2 - 10;
        small_box(p, HD_BOX_CELL, s->cell, half - 34, box, 68);
        snprintf(inputs, sizeof inputs, "+ word, %s", n.context);
        hd_paper_label(p->out, half + 40, box + 16, HD_PAPER_SMALL, inputs);
        vector(p, LEFT, second, n.state, step->state, s->width, HD_STRIP_BLOCKS);
        hd_diagram_right(p->out, second + middle, LEFT + STRIP + 4, JOINED - 4);
    } else {
        snprintf(path, sizeof path, "M%lld %lldV%lldH%d", (long long)half, (long long)(first + THICK + 4),
                 (long long)(second + middle), JOINED - 4);
        hd_diagram_path(p->out, path, JOINED - 4, second + middle, 'r');
    }
    vector(p, JOINED, second, n.joined, both, 2 * s->width, 2 * HD_STRIP_BLOCKS);
    hd_diagram_up(p->out, JOINED + STRIP / 2, second + THICK + 2, second + THICK + 16);
    small_box(p, HD_BOX_FEED_FORWARD, "feed-forward", JOINED, second + THICK + 16, STRIP);
    hd_diagram_up(p->out, JOINED + STRIP / 2, second + THICK + 40, second + 82);
    vector(p, JOINED, second + 86, n.output, step->output, s->width, HD_STRIP_BLOCKS);
    hd_diagram_right(p->out, second + 86 + middle, JOINED + STRIP + 4, JOINED + STRIP + 18);
    words(p, WORDS, second + 60, 34, step);
}

static void step_without_attention(const paper *p, int64_t index, int64_t y) {
    const hd_steps *s = p->steps;
    const hd_step *step = &s->steps[index];
    names n = names_of(index);
    int64_t first = y + 52, middle = first + THICK / 2, box = LEFT + STRIP + 40, output = box + 126 + 40;
    vector(p, LEFT, first, n.state, step->state, s->width, HD_STRIP_BLOCKS);
    hd_diagram_right(p->out, middle, LEFT + STRIP + 4, box);
    small_box(p, HD_BOX_FEED_FORWARD, s->direct ? "copy" : "feed-forward", box, middle - 12, 126);
    hd_diagram_right(p->out, middle, box + 126, output - 4);
    vector(p, output, first, n.output, step->output, s->width, HD_STRIP_BLOCKS);
    hd_diagram_right(p->out, middle, output + STRIP + 4, output + STRIP + 34);
    words(p, output + STRIP + 44 + WORD_LABELS, y + 34, 90, step);
}

/* The height of the strip, in a step, that the next step continues. */
static int64_t end_of(const hd_steps *s) {
    return (s->attends ? s->attends_first ? second_row(s) : 48 : 52) + THICK / 2;
}

static bool draw_step(const paper *p, int64_t index, int64_t y, hd_arena *arena) {
    const hd_steps *s = p->steps;
    const hd_step *step = &s->steps[index];
    char title[HD_STEP_NAME], read[HD_STEP_NOTE];
    const float *both = hd_steps_joined(s, step, arena);
    if (!both) return false;
    snprintf(title, sizeof title, "step %lld", (long long)index + 1);
    snprintf(read, sizeof read, "reads %s%s", hd_step_token(step->read), index ? "" : ", the start token (SOS)");
    hd_buffer_format(p->out, "<path stroke=\"#8a94a3\" stroke-opacity=\".5\" d=\"M%d %lldH%d\"/>\n", LEFT, (long long)y,
                     HD_PAPER_WIDTH - LEFT);
    hd_paper_label(p->out, LEFT, y + 20, HD_DIAGRAM_BOLD, title);
    fit(p, LEFT + 70, y + 20, "", read, 380, 13);
    int64_t to = y + (s->attends ? 48 : 52) + THICK / 2;
    if (index) carry(p, y - step_height(s) + end_of(s), to);
    if (s->attends)
        step_with_attention(p, index, y, both);
    else
        step_without_attention(p, index, y);
    return true;
}

heed_status hd_steps_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_steps *s = (const hd_steps *)picture;
    paper p = {.steps = s, .out = out, .largest = hd_steps_largest(s)};
    for (int64_t k = 0; k < s->keys; k++) p.labels = hd_max(p.labels, hd_paper_room(hd_step_token(s->key_labels[k])));
    p.labels = hd_min(p.labels, LABELS);
    int64_t top = 76, decoder = top + encoder_height(s), y = decoder + INITIAL;
    hd_buffer title;
    hd_arena arena;
    hd_buffer_open(&title, out->context);
    hd_arena_open(&arena, out->context);
    hd_steps_title(s, &title);
    hd_buffer_byte(&title, 0);
    size_t texts = title.size;
    hd_buffer_format(&title, "%s → %s", s->source, s->target);
    bool fine = !title.failed;
    if (fine) {
        hd_paper_begin(
            out, HD_PAPER_WIDTH, y + s->count * step_height(s) + 30, title.data,
            "The states of the encoder, then a block for each step of the decoder. Orange arrows lead from a state "
            "to the next. Blocks of colour are the numbers of a vector: blue above zero, red below.");
        fit(&p, LEFT, 56, "", title.data + texts, HD_PAPER_WIDTH - 2 * LEFT, 13);
        encoder(&p, top);
        initial(&p, decoder);
    }
    for (int64_t i = 0; fine && i < s->count; i++) fine = draw_step(&p, i, y + i * step_height(s), &arena);
    if (fine)
        hd_paper_label(out, LEFT, y + s->count * step_height(s) + 12, HD_PAPER_SMALL,
                       "A block of a strip is a number of the vector: blue above zero, red below.");
    hd_paper_end(out);
    hd_arena_close(&arena);
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}
