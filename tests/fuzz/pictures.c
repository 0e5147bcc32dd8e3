/* Drawing of arbitrary observations. The first byte selects the kind of picture, the second is flags, the third selects the
 * width of the terminal; then sizes, labels and numbers. What is drawn is valid text, SVG, HTML or JSON. Labels come from files
 * and texts, so they have no control characters here (inspect/words.h), but are otherwise arbitrary; numbers may be infinite
 * or NaN, as those of a model that overflows. */
#include "drawn.h"

#include "inspect/draw.h"
#include "inspect/measured.h"
#include "inspect/neighbours.h"
#include "inspect/principal.h"
#include "inspect/head_steps.h"
#include "inspect/steps.h"
#include "inspect/vectors.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *at, *end;
    heed_context *context;
    hd_arena arena;
    bool color;
    int64_t columns;
} input;

static uint8_t next(input *in) { return in->at < in->end ? *in->at++ : 0; }
static int64_t below(input *in, int64_t bound) { return next(in) % bound; }

static void *allocate(input *in, int64_t count, size_t size) {
    void *memory = hd_arena_alloc(&in->arena, (size_t)count, size);
    check_drawn(memory != NULL);
    return memory;
}

/* A weight, a larger number, or any bits. */
static double read_number(input *in) {
    static const double special[] = {0, -0.0, 1, 1e-40, 3e38, -3e38, 1e308, -1e308, INFINITY, -INFINITY, NAN, 1e-300};
    uint8_t byte = next(in);
    if (byte < 128) return byte / 127.0;
    if (byte < 192) return special[byte % HD_COUNT(special)];
    double number = 0;
    uint8_t bytes[sizeof number];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = next(in);
    memcpy(&number, bytes, sizeof number);
    return byte < 224 ? number : ((double)bytes[0] * 256 + bytes[1] - 32768) / 100;
}

static float *read_floats(input *in, int64_t count) {
    float *numbers = allocate(in, count, sizeof *numbers);
    for (int64_t i = 0; i < count; i++) {
        double number = read_number(in);
        numbers[i] = fabs(number) <= 3e38 || !isfinite(number) ? (float)number : 0;
    }
    return numbers;
}

/* Probabilities: of a model that overflows, NaN. */
static double read_share(input *in) {
    uint8_t byte = next(in);
    return byte == 255 ? NAN : byte == 254 ? 1e-40 : byte / 253.0;
}

static float *read_weights(input *in, int64_t count) {
    float *weights = allocate(in, count, sizeof *weights);
    for (int64_t i = 0; i < count; i++) weights[i] = (float)read_share(in);
    return weights;
}

static double *read_doubles(input *in, int64_t count) {
    double *numbers = allocate(in, count, sizeof *numbers);
    for (int64_t i = 0; i < count; i++) numbers[i] = read_number(in);
    return numbers;
}

/* A line, without control characters if it is a label. */
static const char *read_text(input *in, bool label) {
    const uint8_t *newline = in->at < in->end ? memchr(in->at, '\n', (size_t)(in->end - in->at)) : NULL;
    const uint8_t *stop = newline ? newline : in->end;
    hd_buffer text;
    size_t size = (size_t)(stop - in->at), kept = 0;
    char *copy = allocate(in, (int64_t)size + 1, 1);
    for (size_t i = 0; i < size; i++) copy[kept += copy[kept] != 0] = (char)in->at[i];
    copy[size] = 0;
    kept = strlen(copy);
    in->at = newline ? newline + 1 : in->end;
    hd_buffer_open(&text, in->context);
    hd_buffer_visible(&text, copy);
    if (label && text.size) {
        copy = allocate(in, (int64_t)text.size + 1, 1);
        memcpy(copy, text.data, text.size + 1);
    }
    hd_buffer_close(&text);
    return copy;
}

static const char *const *read_labels(input *in, int64_t count) {
    const char **labels = allocate(in, count, sizeof *labels);
    for (int64_t i = 0; i < count; i++) labels[i] = read_text(in, true);
    return labels;
}

/* ---- attention ---- */

static void read_map(input *in, hd_attention_kind kind, hd_attention_map *map) {
    *map = (hd_attention_map){.kind = kind,
                              .layers = 1 + below(in, 3),
                              .heads = 1 + below(in, 4),
                              .queries = below(in, 9),
                              .keys = below(in, 9)};
    map->query_labels = read_labels(in, map->queries);
    map->key_labels = read_labels(in, map->keys);
    map->weights = read_weights(in, map->layers * map->heads * map->queries * map->keys);
}

static void draw_view(const input *in, const hd_view *view, hd_buffer *out) {
    static heed_status (*const papers[])(const hd_view *, hd_buffer *) = {hd_draw_svg_map, hd_draw_svg_grid,
                                                                          hd_draw_svg_lines};
    for (size_t i = 0; i < HD_COUNT(papers); i++) {
        hd_buffer_clear(out);
        check_drawn(papers[i](view, out) == HEED_OK);
        check_svg(out->data, out->size);
    }
    hd_buffer_clear(out);
    check_drawn(hd_draw_text_map(view, in->color, in->columns, out) == HEED_OK);
    check_text(out->data, out->size, in->color);
    hd_buffer_clear(out);
    check_drawn(hd_draw_text_grid(view, in->color, in->columns, out) == HEED_OK);
    check_text(out->data, out->size, in->color);
}

static void draw_attention(input *in, hd_buffer *out) {
    heed_attention attention = {.context = in->context, .count = below(in, HD_ATTENTION_KINDS + 1)};
    attention.source = read_text(in, false), attention.target = read_text(in, false);
    for (int64_t i = 0; i < attention.count; i++) {
        hd_attention_map *map = &attention.maps[i];
        read_map(in, (hd_attention_kind)i, map);
        draw_view(in, &(hd_view){map, below(in, map->layers + 1) - 1, below(in, map->heads + 1) - 1}, out);
        hd_buffer_clear(out);
        hd_write_npy(map, out);
        check_drawn(out->size ==
                    128 + (size_t)(map->layers * map->heads * map->queries * map->keys) * sizeof *map->weights);
    }
    hd_buffer_clear(out);
    check_drawn(hd_write_json(&attention, NULL, out) == HEED_OK);
    check_json(in->context, out->data, out->size);
    hd_buffer_clear(out);
    hd_view first = {&attention.maps[0], -1, -1};
    check_drawn(hd_draw_html(&attention, attention.count ? &first : NULL, HD_PAGE_HEADS, out) == HEED_OK);
    check_html(out->data, out->size);
}

/* ---- pictures ---- */

static void draw_picture(const input *in, heed_picture *picture, hd_buffer *out) {
    hd_buffer_clear(out);
    check_drawn(picture->class->text(picture, in->color, in->columns, out) == HEED_OK);
    check_text(out->data ? out->data : "", out->size, in->color);
    hd_buffer_clear(out);
    check_drawn(picture->class->json(picture, out) == HEED_OK);
    check_json(in->context, out->data, out->size);
    hd_buffer_clear(out);
    if (picture->class->svg) {
        check_drawn(picture->class->svg(picture, out) == HEED_OK);
        check_svg(out->data, out->size);
    }
    heed_picture_close(picture);
}

static int by_number(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void draw_curves(input *in, hd_buffer *out) {
    hd_measured *m;
    check_drawn(hd_measured_open(in->context, &m) == HEED_OK);
    int64_t count = below(in, 14);
    hd_series *series = allocate(in, count, sizeof *series);
    for (int64_t i = 0; i < count; i++) {
        series[i].name = read_text(in, false);
        series[i].count = below(in, 40);
        double *x = read_doubles(in, series[i].count);
        for (int64_t j = 0; j < series[i].count; j++) x[j] = isnan(x[j]) ? 0 : x[j];
        qsort(x, (size_t)series[i].count, sizeof *x, by_number);
        series[i].x = x, series[i].y = read_doubles(in, series[i].count);
    }
    m->curves = (hd_curves){"title", "x", "y", series, count, below(in, 2)};
    m->x_name = "distances", m->y_name = "norms";
    draw_picture(in, &m->picture, out);
}

static void draw_vectors(input *in, hd_buffer *out) {
    hd_vectors *v;
    check_drawn(hd_vectors_open(in->context, &v) == HEED_OK);
    v->title = "title", v->what = "embeddings", v->note = below(in, 2) ? "note" : NULL;
    v->rows = below(in, 30), v->columns = 1 + below(in, 40);
    bool labelled = below(in, 4), plane = labelled && below(in, 2);
    v->labels = labelled ? read_labels(in, v->rows) : NULL;
    float *values = read_floats(in, v->rows * v->columns);
    for (int64_t i = 0; i < v->rows * v->columns; i++) values[i] = isfinite(values[i]) ? values[i] : 1; /* weights */
    double *points = allocate(in, 2 * v->rows, sizeof *points);
    v->values = values;
    if (plane) {
        check_drawn(hd_principal_components(in->context, values, v->rows, v->columns, points, v->shares) == HEED_OK);
        v->points = points;
    }
    draw_picture(in, &v->picture, out);
}

static void draw_neighbours(input *in, hd_buffer *out) {
    hd_neighbours *n;
    check_drawn(hd_neighbours_open(in->context, &n) == HEED_OK);
    n->word = read_text(in, true);
    n->count = below(in, 8);
    n->nearest = allocate(in, n->count, sizeof *n->nearest);
    for (int64_t i = 0; i < n->count; i++) n->nearest[i] = (hd_neighbour){read_text(in, true), read_number(in)};
    draw_picture(in, &n->picture, out);
}

static hd_prediction read_prediction(input *in) { return (hd_prediction){read_text(in, true), read_share(in)}; }

static void read_step(input *in, const hd_steps *s, hd_step *step) {
    *step = (hd_step){.read = read_text(in, true),
                      .state = read_floats(in, s->width),
                      .context = s->attends ? read_floats(in, s->width) : NULL,
                      .output = read_floats(in, s->width),
                      .scores = s->attends ? read_doubles(in, s->keys) : NULL,
                      .weights = s->attends ? read_weights(in, s->keys) : NULL};
    hd_prediction *candidates = allocate(in, s->candidates, sizeof *candidates);
    for (int64_t i = 0; i < s->candidates; i++) candidates[i] = read_prediction(in);
    step->candidates = candidates;
    step->predicted = below(in, 2) ? candidates[0] : read_prediction(in);
}

static void draw_steps(input *in, hd_buffer *out) {
    hd_steps *s;
    check_drawn(hd_steps_open(in->context, &s) == HEED_OK);
    s->source = read_text(in, false), s->target = read_text(in, false);
    s->cell = "GRU", s->memory = below(in, 2) ? "last state" : "Bahdanau's attention";
    s->attends = below(in, 2), s->attends_first = below(in, 2);
    s->layers = 1, s->width = 1 + below(in, 40), s->keys = below(in, 6);
    s->memory_size = 1 + below(in, 70);
    s->key_labels = read_labels(in, s->keys);
    s->memory_vector = read_floats(in, s->memory_size), s->initial = read_floats(in, s->width);
    s->count = below(in, 4), s->candidates = 1 + below(in, 4);
    s->steps = allocate(in, s->count, sizeof *s->steps);
    for (int64_t i = 0; i < s->count; i++) read_step(in, s, &s->steps[i]);
    s->encoder = below(in, 2) ? read_floats(in, s->keys * s->width) : NULL;
    s->two_ways = below(in, 2), s->direct = below(in, 2);
    draw_picture(in, &s->picture, out);
}

static void draw_head(input *in, hd_buffer *out) {
    hd_head_steps *s;
    check_drawn(hd_head_steps_open(in->context, &s) == HEED_OK);
    s->source = read_text(in, false), s->target = read_text(in, false), s->label = read_text(in, true);
    s->kind = (hd_attention_kind)below(in, HD_ATTENTION_KINDS);
    s->layer = s->layers = 1, s->head = s->heads = s->key_head = s->key_heads = 1 + below(in, 3);
    s->width = 1 + below(in, 40), s->model_width = s->width * s->heads, s->count = below(in, 6);
    s->biased = below(in, 2), s->causal = below(in, 2), s->rotated = below(in, 2);
    s->scale = 0.5f, s->softcap = (float)below(in, 2);
    s->query = read_floats(in, s->width), s->output = read_floats(in, s->width);
    s->keys = allocate(in, s->count, sizeof *s->keys);
    for (int64_t k = 0; k < s->count; k++)
        s->keys[k] = (hd_head_key){.label = read_text(in, true),
                                   .key = read_floats(in, s->width),
                                   .value = read_floats(in, s->width),
                                   .product = read_number(in),
                                   .score = read_number(in),
                                   .masked = below(in, 2),
                                   .weight = read_share(in)};
    draw_picture(in, &s->picture, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const kinds[])(input *, hd_buffer *) = {draw_attention, draw_curves, draw_vectors, draw_neighbours,
                                                          draw_steps,     draw_head};
    static const int64_t columns[] = {0, 80, 1, 16, 17, 40, 200, 1000};
    if (size < 3) return 0;
    input in = {.at = data + 3, .end = data + size, .color = data[1] & 1, .columns = columns[data[2] % 8]};
    check_drawn(heed_context_open(&in.context) == HEED_OK);
    hd_buffer out;
    hd_buffer_open(&out, in.context);
    hd_arena_open(&in.arena, in.context);
    kinds[data[0] % HD_COUNT(kinds)](&in, &out);
    hd_arena_close(&in.arena);
    hd_buffer_close(&out);
    heed_context_close(in.context);
    return 0;
}
