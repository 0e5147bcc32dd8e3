/* An architecture as lines of text, in the order of computation, and as JSON. */
#include "inspect/architecture.h"

#include "base/number.h"
#include "inspect/screen.h"
#include "text/json_text.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_COLUMN = 6, COUNT_COLUMN = 14, MOST_NOTE = 44 };

typedef struct screen {
    hd_buffer *out;
    bool color;
    int64_t names, notes; /* cells of the widest */
} screen;

/* The same meaning as in the SVG. */
static const hd_color colors[HD_BOX_KINDS] = {
    [HD_BOX_EMBEDDING] = {240, 130, 145}, [HD_BOX_POSITIONS] = {200, 140, 215},   [HD_BOX_NORM] = {225, 200, 70},
    [HD_BOX_ATTENTION] = {245, 165, 70},  [HD_BOX_FEED_FORWARD] = {90, 170, 225}, [HD_BOX_CELL] = {70, 190, 180},
    [HD_BOX_LINEAR] = {150, 150, 235},    [HD_BOX_OUTPUT] = {110, 195, 105},      [HD_BOX_POOL] = {160, 170, 180},
    [HD_BOX_SUM] = {160, 170, 180}};

static void measure(screen *s, const hd_side_picture *side) {
    for (int64_t i = 0; i < side->count; i++) {
        s->names = hd_max(s->names, hd_text_cells(side->boxes[i].name));
        s->notes = hd_max(s->notes, hd_text_cells(side->boxes[i].note));
    }
}

static void append_line(const screen *s, const char *before, const hd_box *box) {
    char count[32] = "";
    if (box->parameters) hd_print_count(count, box->parameters);
    hd_screen_label_left(s->out, before, FIRST_COLUMN);
    if (s->color) hd_screen_set(s->out, 0, colors[box->kind]);
    hd_screen_label_left(s->out, box->name, s->names);
    if (s->color) hd_screen_reset(s->out);
    hd_buffer_text(s->out, "  ");
    hd_screen_label_left(s->out, box->note, s->notes);
    hd_screen_label_right(s->out, count, COUNT_COLUMN);
    hd_screen_end_line(s->out);
}

/* The marks before a box: the frame of the layers, and the residual connection around a sublayer. */
static const char *marks_of(const hd_side_picture *side, int64_t i) {
    const hd_box *box = &side->boxes[i];
    if (box->place == HD_PLACE_ADDED) return "  +";
    if (box->place == HD_PLACE_BESIDE) return "  ·";
    if (i < side->first || i >= side->end) return "";
    if (box->kind == HD_BOX_SUM) return "  │ └→";
    for (int64_t sum = i + 1; sum < side->end; sum++)
        if (side->boxes[sum].kind == HD_BOX_SUM && sum - side->boxes[sum].spans <= i)
            return sum - side->boxes[sum].spans == i ? "  │ ┌" : "  │ │";
    return "  │";
}

static void append_side(const screen *s, const hd_side_picture *side, bool titled) {
    char number[32];
    if (titled) hd_buffer_format(s->out, "\n%s\n", side->title);
    if (!titled) hd_buffer_byte(s->out, '\n');
    hd_screen_repeat(s->out, " ", FIRST_COLUMN);
    hd_buffer_format(s->out, "%s\n", side->input);
    for (int64_t i = 0; i < side->count; i++) {
        const hd_box *box = &side->boxes[i];
        hd_print_count(number, side->layer_parameters);
        if (i == side->first) {
            hd_buffer_format(s->out, "  ╭── × %lld, %s parameters", (long long)side->layers, number);
            hd_buffer_format(s->out, "%s\n", side->layers > 1 ? " each" : "");
        }
        bool added = i > 0 && side->boxes[i - 1].place == HD_PLACE_ADDED; /* the line above has the plus sign */
        if (!added) append_line(s, marks_of(side, i), box);
        if (i + 1 == side->end) hd_buffer_text(s->out, "  ╰──\n");
    }
    hd_screen_repeat(s->out, " ", FIRST_COLUMN);
    hd_buffer_format(s->out, "%s\n", side->output);
    if (*side->layers_note) hd_buffer_format(s->out, "Layers: %s.\n", side->layers_note);
}

static void append_linear(const screen *s, const char *name, int64_t in, int64_t columns, int64_t parameters) {
    char first[32], second[32], note[96];
    hd_print_count(first, in), hd_print_count(second, columns);
    snprintf(note, sizeof note, "%s → %s", first, second);
    append_line(s, "", &(hd_box){.kind = HD_BOX_LINEAR, .name = name, .note = note, .parameters = parameters});
}

static void append_step(const screen *s, hd_box_kind kind, const char *name) {
    if (*name) append_line(s, "", &(hd_box){.kind = kind, .name = name, .note = ""});
}

static void append_attention(const screen *s, const hd_attention_picture *a) {
    int64_t queries = a->heads * a->head_width, keys = a->key_heads * a->head_width;
    char text[96];
    hd_buffer_text(s->out, a->causal ? "\nInside masked self-attention\n" : "\nInside self-attention\n");
    append_linear(s, "Linear Q", a->width, queries, a->q);
    append_linear(s, "Linear K", a->width, keys, a->k);
    append_linear(s, "Linear V", a->width, keys, a->v);
    if (*a->norm)
        append_line(s, "", &(hd_box){.kind = HD_BOX_NORM, .name = "Q, K:", .note = a->norm, .parameters = a->norms});
    if (*a->rotary) append_line(s, "", &(hd_box){.kind = HD_BOX_POSITIONS, .name = "Q, K:", .note = a->rotary});
    append_step(s, HD_BOX_ATTENTION, "scores Q Kᵀ, n × n");
    append_step(s, HD_BOX_POSITIONS, a->unscaled);
    append_step(s, HD_BOX_ATTENTION, a->scale);
    append_step(s, HD_BOX_POSITIONS, a->added);
    append_step(s, HD_BOX_ATTENTION, a->cap);
    append_step(s, HD_BOX_ATTENTION, a->mask);
    append_step(s, HD_BOX_OUTPUT, "softmax: weights");
    append_step(s, HD_BOX_ATTENTION, "weights · V");
    snprintf(text, sizeof text, a->key_heads == a->heads ? "%lld of %lld" : "%lld of %lld; %lld of keys and values",
             (long long)a->heads, (long long)a->head_width, (long long)a->key_heads);
    append_line(s, "", &(hd_box){.kind = HD_BOX_POOL, .name = "concatenated heads", .note = text});
    append_linear(s, "Linear", queries, a->width, a->out);
}

static void append_feed_forward(const screen *s, const hd_feed_forward_picture *f) {
    hd_buffer_text(s->out, "\nInside the feed-forward layer\n");
    if (f->gate) append_linear(s, "Linear, gate", f->width, f->inner, f->gate);
    if (f->gate) append_step(s, HD_BOX_FEED_FORWARD, f->activation);
    append_linear(s, "Linear", f->width, f->inner, f->up);
    append_step(s, HD_BOX_FEED_FORWARD, f->gate ? "product with the gate" : f->activation);
    append_linear(s, "Linear", f->inner, f->width, f->down);
}

heed_status hd_architecture_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_architecture_picture *a = (const hd_architecture_picture *)picture;
    bool both = a->side[HD_ENCODER].layers && a->side[HD_DECODER].layers;
    screen s = {.out = out, .color = color, .names = 24};
    (void)columns;
    for (int i = 0; i < HD_SIDES; i++) measure(&s, &a->side[i]);
    s.names = hd_max(s.names, a->attention.layers ? hd_text_cells(a->attention.mask) : 0);
    s.notes = hd_min(s.notes, MOST_NOTE);
    hd_buffer_format(out, "%s\n", a->title);
    for (int i = 0; i < HD_SIDES; i++)
        if (a->side[i].layers) append_side(&s, &a->side[i], both);
    if (a->attention.layers) append_attention(&s, &a->attention);
    if (a->feed_forward.layers) append_feed_forward(&s, &a->feed_forward);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- data ---- */

static void append_text(hd_buffer *out, const char *key, const char *text) {
    hd_buffer_format(out, "\"%s\": ", key);
    hd_json_append_page_string(out, text);
}

static void append_box(const hd_side_picture *side, int64_t i, hd_buffer *out) {
    static const char *const kinds[HD_BOX_KINDS] = {[HD_BOX_EMBEDDING] = "embedding",
                                                    [HD_BOX_POSITIONS] = "positions",
                                                    [HD_BOX_NORM] = "norm",
                                                    [HD_BOX_ATTENTION] = "attention",
                                                    [HD_BOX_FEED_FORWARD] = "feed_forward",
                                                    [HD_BOX_CELL] = "cell",
                                                    [HD_BOX_LINEAR] = "linear",
                                                    [HD_BOX_OUTPUT] = "output",
                                                    [HD_BOX_POOL] = "pooling",
                                                    [HD_BOX_SUM] = "sum"};
    const hd_box *box = &side->boxes[i];
    hd_buffer_format(out, "%s{\"kind\": \"%s\", ", i ? ", " : "", kinds[box->kind]);
    append_text(out, "name", box->name);
    hd_buffer_text(out, ", ");
    append_text(out, "note", box->note);
    hd_buffer_format(out, ", \"in_layer\": %s, \"parameters\": %lld, \"all_parameters\": %lld}",
                     i >= side->first && i < side->end ? "true" : "false", (long long)box->parameters,
                     (long long)box->all);
}

heed_status hd_architecture_json(const heed_picture *picture, hd_buffer *out) {
    const hd_architecture_picture *a = (const hd_architecture_picture *)picture;
    hd_buffer_byte(out, '{');
    append_text(out, "title", a->title);
    hd_buffer_format(out, ", \"parameters\": %lld", (long long)a->parameters);
    for (int i = 0; i < HD_SIDES; i++) {
        const hd_side_picture *side = &a->side[i];
        if (!side->layers) continue;
        hd_buffer_format(out, ", \"%s\": {\"layers\": %lld, \"layer_parameters\": %lld, \"modules\": [",
                         i == HD_ENCODER ? "encoder" : "decoder", (long long)side->layers,
                         (long long)side->layer_parameters);
        for (int64_t m = 0; m < side->count; m++) append_box(side, m, out);
        hd_buffer_text(out, "]}");
    }
    hd_buffer_text(out, "}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}
