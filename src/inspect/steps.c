/* Steps of a recurrent decoder as text and JSON; a step is read from top to bottom. */
#include "inspect/steps.h"

#include "base/number.h"
#include "inspect/screen.h"
#include "inspect/step_labels.h"
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

void hd_steps_title(const hd_steps *s, hd_buffer *out) {
    hd_buffer_format(out, "%s decoder, %s: step by step", s->cell, s->memory);
}

/* Describes what the initial state is computed from. */
const char *hd_steps_memory(const hd_steps *s) {
    if (s->attends || strcmp(s->memory, "last state") == 0) return "the encoder's last state";
    return strcmp(s->memory, "mean of states") == 0 ? "the mean of the encoder's states"
                                                    : "the encoder's states, concatenated";
}

const char *hd_steps_note(const hd_steps *s) {
    return s->attends ? "The decoder attends to the states h at each step."
                      : "The initial state is all that the decoder knows of the source.";
}

static const char *note_of_initial(const hd_steps *s) {
    if (s->attends) return "computed from it; no word is predicted from it";
    return s->direct ? "the same; no word is predicted from it; the decoder has no other access to the source"
                     : "computed from it; no word is predicted from it; the decoder has no other access to the source";
}

/* One scale for all vectors of a picture. */
double hd_steps_largest(const hd_steps *s) {
    double largest = s->encoder ? hd_vector_largest(s->encoder, s->keys * s->width) : 0;
    largest = fmax(largest, hd_vector_largest(s->memory_vector, s->memory_size));
    largest = fmax(largest, hd_vector_largest(s->initial, s->width));
    for (int64_t i = 0; i < s->count; i++) {
        largest = fmax(largest, hd_vector_largest(s->steps[i].state, s->width));
        largest = fmax(largest, hd_vector_largest(s->steps[i].output, s->width));
        if (s->attends) largest = fmax(largest, hd_vector_largest(s->steps[i].context, s->width));
    }
    return largest;
}

/* [s; C] */
const float *hd_steps_joined(const hd_steps *s, const hd_step *step, hd_arena *arena) {
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
    char numbers[HD_STEP_NOTE];
    hd_step_note(numbers, values, size);
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
        char score[HD_STEP_NAME], percent[HD_STEP_NAME];
        hd_print_number(score, sizeof score, "%.2f", step->scores[k]);
        hd_step_percent(percent, (double)step->weights[k]);
        hd_screen_repeat(s->out, " ", FIRST_COLUMN);
        hd_screen_label_right(s->out, hd_step_token(s->steps->key_labels[k]), s->labels);
        hd_buffer_format(s->out, " %8s %6s ", score, percent);
        screen_bar(s, (double)step->weights[k]);
        hd_screen_end_line(s->out);
    }
}

static void screen_word(const screen *s, const hd_step *step) {
    char percent[HD_STEP_NAME];
    bool first = strcmp(step->predicted.label, step->candidates[0].label) == 0;
    hd_step_percent(percent, step->predicted.probability);
    hd_screen_label_left(s->out, "word", FIRST_COLUMN);
    hd_buffer_format(s->out, "%s %s", hd_step_token(step->predicted.label), percent);
    for (int64_t i = first; i < s->steps->candidates; i++) {
        const hd_prediction *other = &step->candidates[i];
        if (!first && other->probability <= step->predicted.probability) break;
        hd_step_percent(percent, other->probability);
        hd_buffer_format(s->out, "%s%s %s",
                         i > first ? ", "
                         : first   ? "   then "
                                   : "   more probable: ",
                         hd_step_token(other->label), percent);
    }
    hd_buffer_text(s->out, "\n\n");
}

static bool screen_step(const screen *s, int64_t index, hd_arena *arena) {
    const hd_steps *steps = s->steps;
    const hd_step *step = &steps->steps[index];
    char before[HD_STEP_NAME], state[HD_STEP_NAME], context[HD_STEP_NAME], joined[2 * HD_STEP_NAME + 4],
        output[HD_STEP_NAME];
    const float *both = hd_steps_joined(steps, step, arena);
    if (!both) return false;
    hd_step_name(before, "s", index), hd_step_name(state, "s", index + 1);
    hd_step_name(context, "C", index + 1), hd_step_name(output, "y", index + 1);
    snprintf(joined, sizeof joined, "[%s; %s]", state, context);
    hd_buffer_format(s->out, "step %lld    reads %s%s\n", (long long)index + 1, hd_step_token(step->read),
                     index ? "" : ", the start token");
    if (!steps->attends) {
        screen_vector(s, state, step->state, steps->width, "computed from the previous state and the word");
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

/* The states of the encoder, in the order of the tokens. */
static void screen_encoder(const screen *s) {
    const hd_steps *steps = s->steps;
    hd_buffer_format(s->out, "encoder   states h, one per token%s\n", steps->two_ways ? ", of two directions" : "");
    for (int64_t k = 0; k < steps->keys; k++) {
        char name[HD_STEP_NAME];
        hd_step_name(name, "h", k + 1);
        screen_vector(s, name, steps->encoder + k * steps->width, steps->width, hd_step_token(steps->key_labels[k]));
    }
    hd_buffer_text(s->out, "\ndecoder\n");
}

heed_status hd_steps_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_steps *steps = (const hd_steps *)picture;
    (void)columns; /* a step's lines are short */
    screen s = {.steps = steps, .out = out, .color = color, .largest = hd_steps_largest(steps)};
    for (int64_t k = 0; k < steps->keys; k++)
        s.labels = hd_max(s.labels, hd_text_cells(hd_step_token(steps->key_labels[k])));
    s.labels = hd_min(s.labels, LONGEST_LABEL);
    hd_arena arena;
    hd_arena_open(&arena, out->context);
    hd_steps_title(steps, out);
    hd_buffer_byte(out, '\n');
    hd_buffer_visible(out, steps->source);
    hd_buffer_text(out, " → ");
    hd_buffer_visible(out, steps->target);
    hd_buffer_text(out, "\n\n");
    if (steps->encoder) screen_encoder(&s);
    screen_vector(&s, "memory", steps->memory_vector, steps->memory_size, hd_steps_memory(steps));
    screen_vector(&s, "s₀", steps->initial, steps->width, note_of_initial(steps));
    hd_buffer_byte(out, '\n');
    bool fine = true;
    for (int64_t i = 0; fine && i < steps->count; i++) fine = screen_step(&s, i, &arena);
    hd_arena_close(&arena);
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

static void append_states(const hd_steps *s, hd_buffer *out) {
    hd_buffer_text(out, ", \"encoder\": [");
    for (int64_t k = 0; k < s->keys; k++) {
        if (k) hd_buffer_text(out, ", ");
        hd_json_append_floats(out, s->encoder + k * s->width, s->width);
    }
    hd_buffer_byte(out, ']');
}

heed_status hd_steps_json(const heed_picture *picture, hd_buffer *out) {
    const hd_steps *s = (const hd_steps *)picture;
    hd_buffer_text(out, "{\"source_text\": ");
    hd_json_append_page_string(out, s->source);
    hd_buffer_text(out, ", \"target_text\": ");
    hd_json_append_page_string(out, s->target);
    hd_buffer_format(out, ", \"cell\": \"%s\", \"memory\": \"%s\", \"keys\": ", s->cell, s->memory);
    hd_json_append_page_strings(out, s->key_labels, s->keys);
    hd_buffer_format(out, ", \"directions\": %d", s->two_ways ? 2 : 1);
    if (s->encoder) append_states(s, out);
    append_vector(out, "initial", s->initial, s->width);
    hd_buffer_text(out, ", \"steps\": [");
    for (int64_t i = 0; i < s->count; i++) {
        if (i) hd_buffer_text(out, ", ");
        append_step(s, &s->steps[i], out);
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}
