/* A recurrent network unrolled in time: a column for each token, arrows from each state to the next, and what the decoder
 * receives from the encoder. Below: the inside of a cell, and a list of all weights, which every step shares. */
#include "inspect/panel.h"

#include "base/number.h"
#include "layers/recurrent.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 5, /* the most time steps of a side */
    SHOWN = 2,   /* layers that are drawn, the first and the last */
    CELL = 52,
    HIGH = 32, /* height of a cell, and of a wide box */
    SMALL = 26,
    GAP = 24,
    SHIFT = 12, /* of the cells of two directions, apart from their column */
    TOP = 76,
    LABEL = 22,
    MIDDLE = 126, /* width of the boxes between the sides */
    LEFT = 14,
    ROW = 36 /* of the list of weights */
};

#define STATE_ARROW "<path fill=\"none\" stroke=\"#d2643c\" stroke-width=\"2\" d=\""

/* One side. Heights are counted from its bottom upwards. */
typedef struct area {
    const hd_architecture_picture *picture;
    const hd_side_picture *side;
    hd_network_side which;
    bool both, two_ways; /* there is another side; the cells run in two directions */
    int64_t x, pitch, bottom;
    int columns;           /* one of them has dots */
    int64_t layers[SHOWN]; /* height of the bottom of a layer that is drawn */
    int shown;
    int64_t embedding, states, end; /* heights of the bottom of the embedding and of the states; the top of all */
} area;

static bool is_dots(const area *a, int column) { return column == a->columns - 2; }
static int64_t center(const area *a, int column) { return a->x + a->pitch / 2 + column * a->pitch; }
static int64_t y_of(const area *a, int64_t height) { return a->bottom - height; }
static int64_t layer_height(const area *a) { return a->two_ways ? 2 * HIGH + 10 : HIGH; }

/* Boxes after the layers that stand on the line. */
static bool is_wide(const area *a, int64_t i) {
    const hd_box *box = &a->side->boxes[i];
    return i >= a->side->end && box->place == HD_PLACE_LINE && !box->cross;
}

static void measure(area *a) {
    int64_t at = LABEL + GAP;
    a->embedding = at;
    at += HIGH;
    a->shown = (int)hd_min(a->side->layers, SHOWN);
    for (int i = 0; i < a->shown; i++) {
        at += i && a->side->layers > SHOWN ? 2 * GAP : GAP;
        a->layers[i] = at;
        at += layer_height(a);
    }
    a->states = at += GAP;
    at += SMALL;
    for (int64_t i = 0; i < a->side->count; i++)
        if (is_wide(a, i)) at += GAP + HIGH;
    a->end = at + GAP + LABEL;
}

/* "x₁", or of the last column "xₙ"; `shift` is added to the number. */
static void name_of(const area *a, const char *letter, int column, int shift, char name[32]) {
    static const char *const digits[] = {"₀", "₁", "₂", "₃", "₄", "₅"};
    const char *last = a->which == HD_DECODER && a->both ? "ₘ" : "ₙ";
    bool final = column == a->columns - 1;
    snprintf(name, 32, "%s%s", letter,
             final ? shift > 0   ? "ₙ₊₁"
                     : shift < 0 ? "ₘ₋₁"
                                 : last
                   : digits[column + 1 + shift]);
}

static void box(hd_buffer *out, hd_box_kind kind, const char *name, int64_t x, int64_t y, int64_t width,
                int64_t height) {
    hd_box_lines lines = {{name}, 1};
    hd_diagram_box(out, kind, &lines, x, y, width, height);
}

static void dots(hd_buffer *out, int64_t x, int64_t y) { hd_paper_label(out, x, y, HD_PAPER_MIDDLE, "…"); }

/* ---- cells ---- */

/* From a state to the next one, in the colour of recurrence. */
static void state_arrow(hd_buffer *out, int64_t from, int64_t to, int64_t y) {
    int64_t head = to > from ? -6 : 6;
    hd_buffer_format(out, STATE_ARROW "M%lld %lldH%lldm%lld-4l%lld 4l%lld 4\"/>\n", (long long)from, (long long)y,
                     (long long)to, (long long)head, (long long)-head, (long long)head);
}

static void draw_cell_row(const area *a, int64_t low, int64_t shift, bool backwards, hd_buffer *out) {
    const char *cell = hd_choice_title(hd_cells, a->picture->recipe.cell);
    int64_t y = y_of(a, low + HIGH), middle = y + HIGH / 2;
    for (int c = 0; c < a->columns; c++) {
        int64_t x = center(a, c) + shift;
        int64_t half = is_dots(a, c) ? 10 : CELL / 2, next = is_dots(a, c + 1) ? 10 : CELL / 2;
        if (is_dots(a, c))
            dots(out, x, middle + 4);
        else
            box(out, HD_BOX_CELL, cell, x - CELL / 2, y, CELL, HIGH);
        if (c + 1 == a->columns) continue;
        int64_t from = x + half + 1, to = center(a, c + 1) + shift - next - 2;
        if (backwards)
            state_arrow(out, to + 1, from + 1, middle);
        else
            state_arrow(out, from, to, middle);
    }
}

static void draw_layer(const area *a, int64_t low, hd_buffer *out) {
    draw_cell_row(a, low, a->two_ways ? -SHIFT : 0, false, out);
    if (a->two_ways) draw_cell_row(a, low + HIGH + 10, SHIFT, true, out);
}

/* Into a layer from below, from the height `from`. */
static void draw_inputs(const area *a, int64_t from, int64_t low, hd_buffer *out) {
    for (int c = 0; c < a->columns; c++) {
        if (is_dots(a, c)) continue;
        if (a->two_ways) {
            hd_diagram_up(out, center(a, c) - SHIFT - 8, y_of(a, from), y_of(a, low));
            hd_diagram_up(out, center(a, c) + SHIFT + 18, y_of(a, from), y_of(a, low + HIGH + 10));
        } else {
            hd_diagram_up(out, center(a, c), y_of(a, from), y_of(a, low));
        }
    }
}

/* Out of a layer: of two directions both, to the height `to`. */
static void draw_outputs(const area *a, int64_t low, int64_t to, hd_buffer *out) {
    for (int c = 0; c < a->columns; c++) {
        if (is_dots(a, c)) continue;
        if (a->two_ways) {
            hd_diagram_up(out, center(a, c) - SHIFT - 18, y_of(a, low + HIGH), y_of(a, to));
            hd_diagram_up(out, center(a, c) + SHIFT + 8, y_of(a, low + 2 * HIGH + 10), y_of(a, to));
        } else {
            hd_diagram_up(out, center(a, c), y_of(a, low + HIGH), y_of(a, to));
        }
    }
}

static void draw_layers(const area *a, hd_buffer *out) {
    int64_t from = a->embedding + HIGH;
    for (int i = 0; i < a->shown; i++) {
        bool skips = i && a->side->layers > SHOWN;
        if (skips) {
            char text[64];
            int64_t previous = a->layers[i - 1] + layer_height(a);
            snprintf(text, sizeof text, "… %lld layers in all …", (long long)a->side->layers);
            hd_paper_label(out, center(a, 0) + a->pitch * (a->columns - 1) / 2, y_of(a, previous + GAP - 4),
                           HD_PAPER_SMALL HD_PAPER_MIDDLE, text);
        } else if (i && a->two_ways) {
            draw_outputs(a, a->layers[i - 1], a->layers[i] - GAP / 2, out);
        }
        if (i && a->two_ways) from = a->layers[i] - GAP / 2;
        if (skips && !a->two_ways) from = a->layers[i] - GAP / 2;
        draw_inputs(a, from, a->layers[i], out);
        draw_layer(a, a->layers[i], out);
        from = a->layers[i] + layer_height(a);
    }
    draw_outputs(a, a->layers[a->shown - 1], a->states, out);
}

/* ---- the rest of a side ---- */

static const char *state_letter(const area *a) { return a->both && a->which == HD_DECODER ? "s" : "h"; }

static void draw_states(const area *a, hd_buffer *out) {
    char name[32];
    for (int c = 0; c < a->columns; c++) {
        name_of(a, state_letter(a), c, 0, name);
        if (is_dots(a, c))
            dots(out, center(a, c), y_of(a, a->states + SMALL / 2 - 4));
        else
            box(out, HD_BOX_POOL, name, center(a, c) - 24, y_of(a, a->states + SMALL), 48, SMALL);
    }
}

static void draw_input(const area *a, hd_buffer *out) {
    bool decodes = a->both && a->which == HD_DECODER, encodes = a->both && !decodes;
    char name[32];
    box(out, HD_BOX_EMBEDDING, "Token embedding", a->x, y_of(a, a->embedding + HIGH), a->columns * a->pitch, HIGH);
    for (int c = 0; c < a->columns; c++) {
        name_of(a, decodes ? "y" : "x", c, decodes ? -1 : 0, name);
        bool start = decodes && c == 0, end = encodes && c == a->columns - 1;
        if (is_dots(a, c)) {
            dots(out, center(a, c), y_of(a, 6));
            continue;
        }
        hd_paper_label(out, center(a, c), y_of(a, 6), HD_PAPER_MIDDLE, start ? "SOS" : end ? "EOS" : name);
        hd_diagram_up(out, center(a, c), y_of(a, LABEL), y_of(a, a->embedding));
    }
}

/* The columns whose states are read for a label of the whole text. */
static bool is_pooled(const area *a, int column) {
    const hd_recipe *recipe = &a->picture->recipe;
    if (recipe->pooling == HD_POOL_MEAN) return true;
    bool ends = recipe->pooling == HD_POOL_LAST && recipe->bidirectional;
    return recipe->pooling == HD_POOL_FIRST ? column == 0 : column == a->columns - 1 || (ends && column == 0);
}

static void output_name(const area *a, int column, char name[32]) {
    int head = a->picture->recipe.head;
    if (a->both && column == a->columns - 1)
        snprintf(name, 32, "EOS");
    else if (a->both)
        name_of(a, "y", column, 0, name);
    else if (head == HD_HEAD_CLASSIFY_TOKENS)
        name_of(a, "label", column, 0, name);
    else if (head == HD_HEAD_MASKED)
        name_of(a, "x", column, 0, name);
    else
        name_of(a, head == HD_HEAD_LANGUAGE ? "x" : "h", column, head == HD_HEAD_LANGUAGE, name);
}

/* The boxes after the states, each as wide as the side, and the outputs. */
static void draw_output(const area *a, hd_buffer *out) {
    int64_t at = a->states + SMALL, width = a->columns * a->pitch;
    bool pooled = false;
    char name[32];
    for (int64_t i = 0; i < a->side->count; i++) {
        const hd_box *b = &a->side->boxes[i];
        if (!is_wide(a, i)) continue;
        bool pools = b->kind == HD_BOX_POOL;
        for (int c = 0; c < a->columns && !pooled; c++)
            if (!is_dots(a, c) && (!pools || is_pooled(a, c)))
                hd_diagram_up(out, center(a, c), y_of(a, at), y_of(a, at + GAP));
        if (pooled) hd_diagram_up(out, a->x + width / 2, y_of(a, at), y_of(a, at + GAP));
        box(out, b->kind, b->name, a->x, y_of(a, at + GAP + HIGH), width, HIGH);
        pooled = pooled || pools;
        at += GAP + HIGH;
    }
    if (a->both && a->which == HD_ENCODER) return;
    if (pooled) {
        hd_diagram_up(out, a->x + width / 2, y_of(a, at), y_of(a, at + GAP));
        hd_paper_label(out, a->x + width / 2, y_of(a, at + GAP + 6), HD_PAPER_MIDDLE, a->side->output);
        return;
    }
    for (int c = 0; c < a->columns; c++) {
        output_name(a, c, name);
        if (is_dots(a, c)) {
            dots(out, center(a, c), y_of(a, at + GAP + 6));
            continue;
        }
        hd_diagram_up(out, center(a, c), y_of(a, at), y_of(a, at + GAP));
        hd_paper_label(out, center(a, c), y_of(a, at + GAP + 6), HD_PAPER_MIDDLE, name);
    }
}

static void draw_area(const area *a, hd_buffer *out) {
    draw_input(a, out);
    draw_layers(a, out);
    draw_states(a, out);
    draw_output(a, out);
}

/* ---- between the sides ---- */

/* A line above all states of a side, into which each of them goes. */
static void draw_bus(const area *a, int64_t height, int64_t from, int64_t to, hd_buffer *out) {
    char path[160];
    for (int c = 0; c < a->columns; c++) {
        if (is_dots(a, c)) continue;
        snprintf(path, sizeof path, "M%lld %lldV%lld", (long long)center(a, c), (long long)y_of(a, a->states + SMALL),
                 (long long)y_of(a, height));
        hd_diagram_path(out, path, 0, 0, 0);
    }
    snprintf(path, sizeof path, "M%lld %lldH%lld", (long long)from, (long long)y_of(a, height), (long long)to);
    hd_diagram_path(out, path, 0, 0, 0);
}

static void draw_middle_box(hd_buffer *out, hd_box_kind kind, const char *name, const char *note, int64_t x,
                            int64_t middle) {
    hd_box_lines lines = {{name, note}, 2};
    hd_diagram_box(out, kind, &lines, x, middle - 22, MIDDLE, 44);
}

/* From the memory into the first cell of every layer that is drawn. */
static void draw_initial(const area *decoder, int64_t x, int64_t y, hd_buffer *out) {
    int64_t lane = decoder->x - 4, to = center(decoder, 0) - CELL / 2 - 2;
    for (int i = 0; i < decoder->shown; i++) {
        int64_t row = y_of(decoder, decoder->layers[i] + HIGH / 2);
        hd_buffer_format(out, STATE_ARROW "M%lld %lldH%lldV%lldH%lldm-6-4l6 4-6 4\"/>\n", (long long)x, (long long)y,
                         (long long)lane, (long long)row, (long long)to);
    }
    hd_paper_label(out, x + 4, y - 6, HD_PAPER_SMALL, "s₀");
}

/* Attention stands beside the feed-forward layer, which reads its contexts. */
static void draw_attention(const area *encoder, const area *decoder, int64_t x, hd_buffer *out) {
    const hd_recipe *recipe = &encoder->picture->recipe;
    bool first = recipe->memory == HD_MEMORY_BAHDANAU;
    int64_t middle = y_of(decoder, decoder->states + SMALL + GAP + HIGH / 2), lane = x - 8;
    int64_t bus = y_of(encoder, encoder->states + SMALL + 14), state = y_of(decoder, decoder->states + SMALL / 2);
    int64_t query = x + MIDDLE - 20, edge = center(decoder, 0) - 24;
    char path[200];
    draw_bus(encoder, encoder->states + SMALL + 14, center(encoder, 0), lane, out);
    snprintf(path, sizeof path, "M%lld %lldV%lldH%lld", (long long)lane, (long long)bus, (long long)middle,
             (long long)x);
    hd_diagram_path(out, path, x, middle, 'r');
    draw_middle_box(out, HD_BOX_ATTENTION, "Attention", first ? "Bahdanau" : "Luong", x, middle);
    snprintf(path, sizeof path, "M%lld %lldH%lldV%lld", (long long)edge, (long long)state, (long long)query,
             (long long)(middle + 22));
    hd_diagram_path(out, path, query, middle + 22, 'u');
    hd_paper_label(out, query - 6, state + 4, HD_PAPER_SMALL HD_PAPER_RIGHT, first ? "query sₜ₋₁" : "query sₜ");
    hd_diagram_right(out, middle, x + MIDDLE, decoder->x);
    hd_paper_label(out, (x + MIDDLE + decoder->x) / 2, middle - 6, HD_PAPER_SMALL HD_PAPER_MIDDLE, "C");
}

static void draw_memory(const area *encoder, const area *decoder, hd_buffer *out) {
    const hd_recipe *recipe = &encoder->picture->recipe;
    static const char *const pools[] = {"last state", "mean", "concatenation"};
    bool attends = hd_recipe_attends(recipe), pooled = !attends && recipe->memory != HD_MEMORY_LAST;
    int64_t right = encoder->x + encoder->columns * encoder->pitch, x = right + 28;
    int64_t bridge = y_of(decoder, decoder->layers[0] + HIGH / 2), lane = right + 12;
    int64_t bus = encoder->states + SMALL + 14;
    char path[160];
    draw_middle_box(out, HD_BOX_LINEAR, recipe->direct_states ? "copy" : "Linear, tanh", "initial states", x, bridge);
    draw_initial(decoder, x + MIDDLE, bridge, out);
    if (pooled) {
        int64_t middle = y_of(encoder, bus);
        if (middle > bridge - 70) middle = bridge - 70;
        draw_bus(encoder, encoder->bottom - middle, center(encoder, 0), x - 8, out);
        hd_diagram_right(out, middle, x - 8, x);
        draw_middle_box(out, HD_BOX_POOL, pools[recipe->memory],
                        recipe->memory == HD_MEMORY_MEAN ? "of h₁ … hₙ" : "[h₁; …; hₙ]", x, middle);
        hd_diagram_up(out, x + MIDDLE / 2, middle + 22, bridge - 22);
        return;
    }
    int64_t last = center(encoder, encoder->columns - 1) + 24, y = y_of(encoder, encoder->states + SMALL / 2);
    snprintf(path, sizeof path, "M%lld %lldH%lldV%lldH%lld", (long long)last, (long long)y, (long long)lane,
             (long long)bridge, (long long)x);
    hd_diagram_path(out, path, x, bridge, 'r');
    if (!attends) return;
    draw_attention(encoder, decoder, x, out);
}

/* ---- below ---- */

/* The formulas of device/cpu/kernels/recurrent.c. */
static void make_cell(const hd_architecture_picture *a, hd_panel_picture *p) {
    static const char gate[] = "σ(W x + U h)", fresh[] = "tanh(W x + U h)";
    *p = (hd_panel_picture){.note = "W and U are learned; biases are left out. σ: sigmoid.",
                            .output = "h′, the new state"};
    snprintf(p->input, sizeof p->input, "input x, previous state h");
    switch ((hd_cell)a->recipe.cell) {
        case HD_LSTM:
            p->title = "Inside an LSTM cell", p->columns = 4;
            snprintf(p->input, sizeof p->input, "input x, previous state h and cell state c");
            hd_panel_add(p, false, 0, 1, HD_BOX_CELL, "forget f", gate, -1);
            hd_panel_add(p, true, 1, 1, HD_BOX_CELL, "input i", gate, -1);
            hd_panel_add(p, true, 2, 1, HD_BOX_FEED_FORWARD, "new g", fresh, -1);
            hd_panel_add(p, true, 3, 1, HD_BOX_CELL, "output o", gate, -1);
            hd_panel_add(p, false, 0, 3, HD_BOX_CELL, "c′ = f c + i g", "the new cell state", -1);
            hd_panel_add(p, false, 0, 4, HD_BOX_CELL, "h′ = o tanh(c′)", "", -1);
            return;
        case HD_GRU:
            p->title = "Inside a GRU cell", p->columns = 2;
            hd_panel_add(p, false, 0, 1, HD_BOX_CELL, "reset r", gate, -1);
            hd_panel_add(p, true, 1, 1, HD_BOX_CELL, "update z", gate, -1);
            hd_panel_add(p, false, 0, 1, HD_BOX_FEED_FORWARD, "new n", "tanh(W x + r · U h)", -1);
            hd_panel_add(p, false, 0, 2, HD_BOX_CELL, "h′ = (1 − z) n + z h", "", -1);
            return;
        case HD_ELMAN:
            p->title = "Inside an Elman cell", p->columns = 1;
            hd_panel_add(p, false, 0, 1, HD_BOX_CELL, "h′ = tanh(W x + U h)", "", -1);
            return;
    }
}

static int64_t list_height(const hd_architecture_picture *a) {
    int64_t rows = 0;
    for (int i = 0; i < HD_SIDES; i++)
        for (int64_t b = 0; b < a->side[i].count; b++) rows += a->side[i].boxes[b].all > 0;
    return 46 + rows * ROW;
}

static void draw_list(const hd_architecture_picture *a, int64_t x, int64_t y, hd_buffer *out) {
    hd_buffer_format(out, "<path stroke=\"#8a94a3\" stroke-opacity=\".6\" d=\"M%lld %lldh%d\"/>\n", (long long)x,
                     (long long)(y + 2), HD_PANEL_WIDTH);
    hd_paper_label(out, x, y + 22, HD_DIAGRAM_BOLD, "Weights");
    hd_paper_label(out, x, y + 38, HD_PAPER_SMALL, "Every time step uses the same ones.");
    y += 50;
    for (int i = 0; i < HD_SIDES; i++) {
        const hd_side_picture *side = &a->side[i];
        bool both = a->side[0].layers && a->side[1].layers;
        for (int64_t b = 0; b < side->count; b++) {
            const hd_box *item = &side->boxes[b];
            char name[96], note[160], count[32];
            bool layers = b >= side->first && b < side->end && side->layers > 1;
            if (!item->all) continue;
            hd_print_count(count, item->all);
            snprintf(name, sizeof name, "%s", item->name);
            snprintf(note, sizeof note, "%s%s%s", both ? side->title : "", both && *item->note ? ": " : "", item->note);
            size_t size = strlen(note);
            if (layers) snprintf(note + size, sizeof note - size, ", %lld layers", (long long)side->layers);
            hd_box_lines lines = {.count = 0};
            hd_diagram_box(out, item->kind, &lines, x, y + 3, 14, 14);
            hd_paper_label(out, x + 22, y + 14, "", name);
            hd_paper_label(out, x + HD_PANEL_WIDTH, y + 14, HD_PAPER_RIGHT, count);
            hd_paper_label(out, x + 22, y + 28, HD_PAPER_SMALL, note);
            y += ROW;
        }
    }
}

/* ---- the whole ---- */

static const char *note_of(const hd_recipe *recipe) {
    if (recipe->memory == HD_MEMORY_BAHDANAU && hd_recipe_attends(recipe))
        return "Each context C is computed before its step, and also enters the cell of that step.";
    if (hd_recipe_feeds(recipe))
        return "The output of the feed-forward layer also enters the cell of the next step (input feeding).";
    if (recipe->self_attends && recipe->side[HD_DECODER].layers)
        return "Each state also attends to itself and to the states before it; C is the sum of these, by their weights.";
    if (!hd_recipe_translates(recipe) && recipe->bidirectional && recipe->side[HD_ENCODER].layers)
        return "Each direction computes a state from the token and from its own state before that.";
    return hd_recipe_translates(recipe) ? "The initial state s₀ is all that the decoder knows of the source."
                                        : "Each state is computed from the token and from the state before it.";
}

heed_status hd_unrolled_svg(const hd_architecture_picture *a, hd_buffer *out) {
    area areas[HD_SIDES];
    hd_panel_picture cell;
    bool both = a->side[HD_ENCODER].layers && a->side[HD_DECODER].layers;
    int64_t high = 0;
    for (int i = 0; i < HD_SIDES; i++) {
        areas[i] = (area){.picture = a,
                          .side = &a->side[i],
                          .which = (hd_network_side)i,
                          .both = both,
                          .two_ways = i == HD_ENCODER && a->recipe.bidirectional,
                          .x = both && i ? 502
                               : both    ? LEFT
                                         : 115,
                          .pitch = both ? 78 : 120,
                          .columns = both ? COLUMNS - 1 : COLUMNS};
        if (!a->side[i].layers) continue;
        measure(&areas[i]);
        high = hd_max(high, areas[i].end);
    }
    make_cell(a, &cell);
    int64_t below = TOP + high + 20, height = below + hd_max(hd_panel_height(&cell), list_height(a));
    hd_paper_begin(
        out, HD_PAPER_WIDTH, height + HD_PAPER_MARGIN, a->title,
        "A recurrent network unrolled in time: a column for each token, and orange arrows from each state to the "
        "next. Below are the inside of a cell and the numbers of parameters.");
    hd_paper_label(out, HD_PAPER_MARGIN, TOP - 20, HD_PAPER_SMALL, note_of(&a->recipe));
    for (int i = 0; i < HD_SIDES; i++) areas[i].bottom = TOP + high;
    for (int i = 0; i < HD_SIDES; i++)
        if (a->side[i].layers) draw_area(&areas[i], out);
    if (both) draw_memory(&areas[HD_ENCODER], &areas[HD_DECODER], out);
    hd_panel_svg(&cell, LEFT, below, out);
    draw_list(a, 422, below, out);
    hd_paper_end(out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}
