/* The steps of an attention head as text and as JSON. */
#include "inspect/head_steps.h"

#include "base/number.h"
#include "inspect/screen.h"
#include "inspect/step_labels.h"
#include "inspect/strip.h"
#include "text/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void hd_head_steps_title(const hd_head_steps *s, hd_buffer *out) {
    hd_buffer_format(out, "%s, layer %lld of %lld, head %lld of %lld: the query of ", hd_attention_titles[s->kind],
                     (long long)s->layer, (long long)s->layers, (long long)s->head, (long long)s->heads);
    hd_buffer_visible(out, hd_step_token(s->label));
}

void hd_head_steps_scale(const hd_head_steps *s, char text[48]) {
    char number[24];
    if (fabsf(s->scale * sqrtf((float)s->width) - 1) < 1e-6f) {
        snprintf(text, 48, "÷ √%lld", (long long)s->width);
        return;
    }
    hd_print_number(number, sizeof number, "%.4g", (double)s->scale);
    snprintf(text, 48, "× %s", number);
}

double hd_head_steps_largest(const hd_head_steps *s, bool values) {
    double largest = hd_vector_largest(values ? s->output : s->query, s->width);
    for (int64_t k = 0; k < s->count; k++)
        largest = fmax(largest, hd_vector_largest(values ? s->keys[k].value : s->keys[k].key, s->width));
    return largest;
}

void hd_head_steps_end(const hd_head_steps *s, hd_buffer *out) {
    if (s->heads > 1) hd_buffer_format(out, "The outputs of all %lld heads are concatenated. ", (long long)s->heads);
    hd_buffer_format(out, "A linear layer, %lld → %lld, computes the output of the sublayer for this token",
                     (long long)(s->heads * s->width), (long long)s->model_width);
}

/* ---- for terminals ---- */

enum { LONGEST_LABEL = 24, NUMBER = 9, BAR = 16, STRIP = 16 };

typedef struct screen {
    const hd_head_steps *steps;
    hd_buffer *out;
    bool color;
    double keys, values; /* the largest of each */
    int64_t labels;
} screen;

static void strip(const screen *s, const float *numbers, bool value) {
    hd_strip_text(s->out, numbers, s->steps->width, STRIP, value ? s->values : s->keys, s->color);
    hd_screen_repeat(s->out, " ", STRIP - hd_strip_blocks(s->steps->width, STRIP));
}

static void number(const screen *s, double value) {
    char text[HD_STEP_NAME];
    hd_print_number(text, sizeof text, "%.2f", value);
    hd_screen_label_right(s->out, text, NUMBER);
}

static void heading(const screen *s, const char *text) { hd_screen_label_right(s->out, text, NUMBER); }

static void headings(const screen *s) {
    char scale[48];
    hd_head_steps_scale(s->steps, scale);
    hd_screen_repeat(s->out, " ", s->labels + 1);
    hd_screen_label_left(s->out, "k", STRIP);
    heading(s, "q · k");
    heading(s, scale);
    if (s->steps->biased) heading(s, "bias");
    if (s->steps->biased || s->steps->softcap > 0) heading(s, "score");
    heading(s, "softmax");
    hd_screen_repeat(s->out, " ", BAR + 2);
    hd_buffer_text(s->out, "v");
    hd_screen_end_line(s->out);
}

static void bar(const screen *s, double share) {
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t eighths = (int64_t)(hd_shown_share(share) * 8 * BAR + 0.5);
    if (s->color) hd_screen_set(s->out, 0, hd_head_color(0));
    hd_screen_repeat(s->out, "█", eighths / 8);
    hd_buffer_text(s->out, parts[eighths % 8]);
    if (s->color) hd_screen_reset(s->out);
    hd_screen_repeat(s->out, " ", BAR - eighths / 8 - (eighths % 8 > 0));
}

static void key_line(const screen *s, const hd_head_key *key) {
    char percent[HD_STEP_NAME];
    hd_step_percent(percent, key->weight);
    hd_screen_label_right(s->out, hd_step_token(key->label), s->labels);
    hd_buffer_byte(s->out, ' ');
    strip(s, key->key, false);
    number(s, key->product);
    number(s, key->scaled);
    if (s->steps->biased) number(s, key->bias);
    if (s->steps->biased || s->steps->softcap > 0) number(s, key->score);
    heading(s, key->masked ? "masked" : percent);
    hd_buffer_byte(s->out, ' ');
    bar(s, key->masked ? 0 : key->weight);
    hd_buffer_byte(s->out, ' ');
    strip(s, key->value, true);
    hd_screen_end_line(s->out);
}

static void vector_line(const screen *s, const char *name, const float *values, bool value, const char *note) {
    char numbers[HD_STEP_NOTE];
    hd_step_note(numbers, values, s->steps->width);
    hd_screen_label_right(s->out, name, s->labels);
    hd_buffer_byte(s->out, ' ');
    strip(s, values, value);
    hd_buffer_format(s->out, "  %s; %s\n", numbers, note);
}

heed_status hd_head_steps_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_head_steps *steps = (const hd_head_steps *)picture;
    screen s = {steps, out, color, hd_head_steps_largest(steps, false), hd_head_steps_largest(steps, true), 6};
    (void)columns; /* a key's line is short */
    for (int64_t k = 0; k < steps->count; k++)
        s.labels = hd_max(s.labels, hd_text_cells(hd_step_token(steps->keys[k].label)));
    s.labels = hd_min(s.labels, LONGEST_LABEL);
    hd_head_steps_title(steps, out);
    hd_buffer_byte(out, '\n');
    hd_buffer_visible(out, steps->source);
    hd_buffer_text(out, *steps->target ? " → " : "");
    hd_buffer_visible(out, steps->target);
    hd_buffer_text(out, "\n\n");
    vector_line(&s, "q", steps->query, false,
                steps->rotated      ? "the query, rotated by its position"
                : steps->normalized ? "the query, normalized"
                                    : "the query");
    hd_buffer_byte(out, '\n');
    headings(&s);
    for (int64_t k = 0; k < steps->count; k++) key_line(&s, &steps->keys[k]);
    hd_buffer_byte(out, '\n');
    vector_line(&s, "output", steps->output, true, "the sum of the values, each times its weight");
    hd_buffer_byte(out, '\n');
    hd_head_steps_end(steps, out);
    hd_buffer_text(out, ".\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- data ---- */

static void append_number(hd_buffer *out, const char *name, double value) {
    hd_buffer_format(out, ", \"%s\": ", name);
    hd_json_append_double(out, value);
}

static void append_vector(hd_buffer *out, const char *name, const float *values, int64_t size) {
    hd_buffer_format(out, ", \"%s\": ", name);
    hd_json_append_floats(out, values, size);
}

static void append_key(const hd_head_steps *s, const hd_head_key *key, hd_buffer *out) {
    hd_buffer_text(out, "{\"token_str\": ");
    hd_json_append_page_string(out, key->label);
    append_vector(out, "key", key->key, s->width);
    append_number(out, "product", key->product);
    append_number(out, "scaled", key->scaled);
    append_number(out, "bias", key->bias);
    append_number(out, "score", key->score);
    hd_buffer_format(out, ", \"masked\": %s", key->masked ? "true" : "false");
    append_number(out, "weight", key->weight);
    append_vector(out, "value", key->value, s->width);
    hd_buffer_byte(out, '}');
}

heed_status hd_head_steps_json(const heed_picture *picture, hd_buffer *out) {
    const hd_head_steps *s = (const hd_head_steps *)picture;
    hd_buffer_text(out, "{\"source_text\": ");
    hd_json_append_page_string(out, s->source);
    hd_buffer_text(out, ", \"target_text\": ");
    hd_json_append_page_string(out, s->target);
    hd_buffer_format(out, ", \"kind\": \"%s\", \"layer\": %lld, \"layers\": %lld, \"head\": %lld, \"heads\": %lld",
                     hd_attention_names[s->kind], (long long)s->layer, (long long)s->layers, (long long)s->head,
                     (long long)s->heads);
    hd_buffer_format(out, ", \"key_head\": %lld, \"key_heads\": %lld, \"query_index\": %lld, \"query_token\": ",
                     (long long)s->key_head, (long long)s->key_heads, (long long)s->index);
    hd_json_append_page_string(out, s->label);
    append_number(out, "scale", (double)s->scale);
    append_number(out, "softcap", (double)s->softcap);
    append_vector(out, "query", s->query, s->width);
    hd_buffer_text(out, ", \"keys\": [");
    for (int64_t k = 0; k < s->count; k++) {
        if (k) hd_buffer_text(out, ", ");
        append_key(s, &s->keys[k], out);
    }
    hd_buffer_byte(out, ']');
    append_vector(out, "output", s->output, s->width);
    hd_buffer_text(out, "}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}
