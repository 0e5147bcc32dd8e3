/* A beam search as an indented tree for terminals, as SVG with one row of hypotheses per step, and as JSON. */
#include "inspect/beam_tree.h"

#include "base/number.h"
#include "inspect/paper.h"
#include "inspect/screen.h"
#include "text/json_text.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 96, NUMBER = 48 };

static void append_title(const hd_beam_tree *t, hd_buffer *out) {
    hd_buffer_format(out, "Beam search with %lld beams", (long long)t->beams);
}

static void print_log_prob(char text[NUMBER], float number) { hd_print_number(text, NUMBER, "%.2f", (double)number); }

/* Is the node a leaf that its step kept? */
static bool is_left(const hd_beam_tree *t, int64_t index) {
    if (t->nodes[index].fate != HD_BEAM_KEPT) return false;
    for (int64_t i = index + 1; i < t->count; i++)
        if (t->nodes[i].parent == index) return false;
    return true;
}

/* ---- for terminals ---- */

/* Whether a later node has the same parent. */
static bool has_sibling(const hd_beam_tree *t, int64_t index) {
    for (int64_t i = index + 1; i < t->count; i++)
        if (t->nodes[i].parent == t->nodes[index].parent) return true;
    return false;
}

/* The lines that pass a node's children on their left: those of its ancestors that have later siblings. */
static void screen_lines(const hd_beam_tree *t, int64_t index, hd_buffer *out) {
    if (t->nodes[index].parent < 0) return;
    screen_lines(t, t->nodes[index].parent, out);
    hd_buffer_text(out, has_sibling(t, index) ? "│ " : "  ");
}

static void screen_node(const hd_beam_tree *t, int64_t index, bool color, hd_buffer *out) {
    const hd_beam_node *node = &t->nodes[index];
    char number[NUMBER];
    if (node->parent >= 0) {
        screen_lines(t, node->parent, out);
        hd_buffer_text(out, has_sibling(t, index) ? "├ " : "└ ");
    }
    if (color && node->fate == HD_BEAM_PRUNED) hd_screen_set(out, 0, hd_head_color(11));
    if (color && node->on_path) hd_screen_set(out, 0, hd_head_color(0));
    hd_buffer_text(out, node->label);
    if (node->parent >= 0) {
        print_log_prob(number, node->log_prob);
        hd_buffer_format(out, "  %s", number);
    }
    if (node->fate == HD_BEAM_PRUNED) hd_buffer_text(out, "  pruned");
    if (node->fate == HD_BEAM_FINISHED) {
        hd_print_number(number, sizeof number, "%.4f", (double)node->score);
        hd_buffer_format(out, "  finished, score %s", number);
    }
    if (node->result) hd_buffer_format(out, "  ← output %lld", (long long)node->result);
    if (node->step && is_left(t, index))
        hd_buffer_text(out, node->step == t->steps ? "  kept, but the search ended" : "  no continuation was kept");
    if (color) hd_screen_reset(out);
    hd_screen_end_line(out);
    for (int64_t i = index + 1; i < t->count; i++)
        if (t->nodes[i].parent == index) screen_node(t, i, color, out);
}

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_beam_tree *t = (const hd_beam_tree *)picture;
    (void)columns; /* lines are as long as the tree is deep */
    append_title(t, out);
    hd_buffer_format(out, "\n%s → %s\n\n", t->source, t->target);
    screen_node(t, 0, color, out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* ---- for print ---- */

enum {
    WIDE = 84, /* of a hypothesis */
    HIGH = 36,
    FINISHED = 50, /* height of one that is finished, which has a score too */
    ACROSS = 94,   /* from one hypothesis to the next */
    DOWN = 84,     /* from one step to the next */
    NUMBERS = 44   /* width of the steps' numbers */
};

typedef struct box {
    int64_t x, y; /* of the upper left corner */
    int64_t high;
} box;

/* The rank of a node in its step, from 0. */
static int64_t rank_of(const hd_beam_tree *t, int64_t index) {
    int64_t first = index;
    while (first > 0 && t->nodes[first - 1].step == t->nodes[index].step) first--;
    return index - first;
}

static int64_t widest_step(const hd_beam_tree *t) {
    int64_t widest = 1;
    for (int64_t i = 0; i < t->count; i++) widest = hd_max(widest, rank_of(t, i) + 1);
    return widest;
}

static box place(const hd_beam_tree *t, int64_t index, int64_t top) {
    const hd_beam_node *node = &t->nodes[index];
    return (box){.x = HD_PAPER_MARGIN + NUMBERS + rank_of(t, index) * ACROSS,
                 .y = top + node->step * DOWN,
                 .high = node->fate == HD_BEAM_FINISHED ? FINISHED : HIGH};
}

static void paper_edge(const hd_beam_tree *t, int64_t index, int64_t top, hd_buffer *out) {
    const hd_beam_node *node = &t->nodes[index];
    box from = place(t, node->parent, top), to = place(t, index, top);
    int64_t x = from.x + WIDE / 2, y = from.y + from.high, end_x = to.x + WIDE / 2;
    hd_buffer_format(
        out,
        "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s d=\"M%lld %lldC%lld %lld %lld %lld %lld %lld\"/>\n",
        node->on_path ? "#2e6bb0" : "#9aa5b4", node->on_path ? "3" : "1.2",
        node->fate == HD_BEAM_PRUNED ? " stroke-dasharray=\"3 3\"" : "", (long long)x, (long long)y, (long long)x,
        (long long)(y + 26), (long long)end_x, (long long)(to.y - 26), (long long)end_x, (long long)to.y);
}

/* Labels that are too wide for their box end in an ellipsis. */
static void paper_token(hd_buffer *out, int64_t x, int64_t y, const char *more, const char *label) {
    char text[TEXT];
    size_t size = strlen(label);
    if (hd_paper_room(label) > WIDE - 8) {
        do {
            size--;
            while (size > 0 && ((unsigned char)label[size] & 0xC0) == 0x80) size--;
            snprintf(text, sizeof text, "%.*s…", (int)hd_min((int64_t)size, TEXT - 8), label);
        } while (size > 1 && hd_paper_room(text) > WIDE - 8);
        label = text;
    }
    hd_paper_label(out, x, y, more, label);
}

static void paper_node(const hd_beam_tree *t, int64_t index, int64_t top, hd_buffer *out) {
    static const char *const boxes[] = {[HD_BEAM_KEPT] = "fill=\"#fff\" stroke=\"#2e6bb0\"",
                                        [HD_BEAM_FINISHED] = "fill=\"#e3f2e6\" stroke=\"#34914e\"",
                                        [HD_BEAM_PRUNED] = "fill=\"#fff\" stroke=\"#9aa5b4\" stroke-dasharray=\"3 3\""};
    const hd_beam_node *node = &t->nodes[index];
    box b = place(t, index, top);
    int64_t x = b.x + WIDE / 2;
    char number[NUMBER], text[TEXT];
    hd_buffer_format(
        out, "<rect x=\"%lld\" y=\"%lld\" width=\"%d\" height=\"%lld\" rx=\"5\" %s stroke-width=\"%s\"/>\n",
        (long long)b.x, (long long)b.y, WIDE, (long long)b.high, boxes[node->fate], node->on_path ? "3" : "1.2");
    bool pruned = node->fate == HD_BEAM_PRUNED;
    paper_token(out, x, b.y + (node->parent < 0 ? 23 : 16),
                pruned ? HD_PAPER_MIDDLE " fill=\"#5b6676\"" : HD_PAPER_MIDDLE " font-weight=\"600\"", node->label);
    if (node->parent < 0) return;
    print_log_prob(number, node->log_prob);
    hd_paper_label(out, x, b.y + 30, HD_PAPER_SMALL HD_PAPER_MIDDLE, number);
    if (node->fate != HD_BEAM_FINISHED) return;
    hd_print_number(number, sizeof number, "%.4f", (double)node->score);
    if (node->result)
        snprintf(text, sizeof text, "%lld: %s", (long long)node->result, number);
    else
        snprintf(text, sizeof text, "%s", number);
    hd_paper_label(out, x, b.y + 45, " font-size=\"11\" text-anchor=\"middle\" font-weight=\"600\" fill=\"#1f6b36\"",
                   text);
}

static void describe(const hd_beam_tree *t, hd_buffer *out) {
    char divided[TEXT] = ", divided by the length";
    if (t->length_penalty < 1 || t->length_penalty > 1)
        hd_print_number(divided, sizeof divided, " / length^%.4g", t->length_penalty);
    hd_buffer_format(
        out,
        "“%s” → “%s” Each row is a step, with the hypotheses that it considers, the most probable first. A "
        "box has the new token, and below it the sum of all log-probabilities. Solid: kept. Dashed: "
        "pruned. Green: finished, with the score that ranks outputs: the sum%s. Bold: the best output.",
        t->source, t->target, t->length_penalty < 0 || t->length_penalty > 0 ? divided : "");
}

static heed_status draw_svg(const heed_picture *picture, hd_buffer *out) {
    const hd_beam_tree *t = (const hd_beam_tree *)picture;
    hd_buffer title, text;
    hd_buffer_open(&title, out->context);
    hd_buffer_open(&text, out->context);
    append_title(t, &title);
    describe(t, &text);
    bool fine = !title.failed && !text.failed;
    if (fine) {
        int64_t right = hd_max(NUMBERS + widest_step(t) * ACROSS - (ACROSS - WIDE), hd_paper_title_room(title.data));
        int64_t wide = right + 2 * HD_PAPER_MARGIN, lines = hd_paper_lines(text.data, right);
        int64_t top = HD_PAPER_MARGIN + HD_PAPER_TITLE + lines * HD_PAPER_LINE + 12;
        hd_paper_begin(out, wide, top + t->steps * DOWN + FINISHED + HD_PAPER_MARGIN, title.data, text.data);
        hd_paper_paragraph(out, HD_PAPER_MARGIN, HD_PAPER_MARGIN + HD_PAPER_TITLE, right, text.data);
        for (int64_t i = 1; i < t->count; i++) paper_edge(t, i, top, out);
        for (int64_t i = 0; i < t->count; i++) paper_node(t, i, top, out);
        for (int64_t step = 1; step <= t->steps; step++) {
            char number[NUMBER];
            snprintf(number, sizeof number, "step %lld", (long long)step);
            hd_paper_label(out, HD_PAPER_MARGIN, top + step * DOWN + 22, HD_PAPER_SMALL, number);
        }
        hd_paper_end(out);
    }
    hd_buffer_close(&text);
    hd_buffer_close(&title);
    return fine && !out->failed ? HEED_OK : HEED_MEMORY;
}

/* ---- data ---- */

static void append_node(const hd_beam_node *node, hd_buffer *out) {
    static const char *const fates[] = {
        [HD_BEAM_KEPT] = "kept", [HD_BEAM_FINISHED] = "finished", [HD_BEAM_PRUNED] = "pruned"};
    hd_buffer_format(out, "{\"parent\": %lld, \"step\": %lld, \"token\": %d, \"token_str\": ", (long long)node->parent,
                     (long long)node->step, (int)node->token);
    hd_json_append_page_string(out, node->label);
    hd_buffer_format(out, ", \"fate\": \"%s\", \"log_prob\": ", fates[node->fate]);
    hd_json_append_float(out, node->log_prob);
    if (node->fate == HD_BEAM_FINISHED) {
        hd_buffer_text(out, ", \"score\": ");
        hd_json_append_float(out, node->score);
    }
    if (node->result) hd_buffer_format(out, ", \"output\": %lld", (long long)node->result);
    hd_buffer_byte(out, '}');
}

static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_beam_tree *t = (const hd_beam_tree *)picture;
    hd_buffer_text(out, "{\"source_text\": ");
    hd_json_append_page_string(out, t->source);
    hd_buffer_text(out, ", \"target_text\": ");
    hd_json_append_page_string(out, t->target);
    hd_buffer_format(out, ", \"beams\": %lld, \"nodes\": [", (long long)t->beams);
    for (int64_t i = 0; i < t->count; i++) {
        if (i) hd_buffer_text(out, ", ");
        append_node(&t->nodes[i], out);
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_beam_tree_open(heed_context *context, hd_beam_tree **tree) {
    static const hd_picture_class class = {"trees of beam searches are", draw_text, draw_svg, write_json};
    return hd_picture_open(context, &class, sizeof **tree, tree);
}
