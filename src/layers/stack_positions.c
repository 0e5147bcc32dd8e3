/* Positions of a pass: sinusoids, the angles of rotary positions, and biases of scores by distance. */
#include "layers/stack_positions.h"

/* The positions of a pass. */
typedef struct span {
    int64_t first, end; /* of all sequences */
    int64_t longest;    /* tokens of the longest text that a sequence is a part of */
} span;

static span span_of(const hd_layout *layout) {
    span all = {INT64_MAX, 0, 0};
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t position = hd_layout_position(layout, s), rows = layout->starts[s + 1] - layout->starts[s];
        if (!rows) continue;
        all.first = hd_min(all.first, position);
        all.end = hd_max(all.end, position + rows);
        all.longest = hd_max(all.longest, hd_layout_length(layout, s));
    }
    return all;
}

/* Sinusoids that the network does not store. */
static bool compute_sinusoids(hd_stack_place *at, hd_pass *pass, const span *all) {
    int64_t columns = at->recipe->width, count = all->end - all->first;
    size_t bytes = (size_t)count * (size_t)columns * sizeof(float);
    float *table = hd_pass_numbers(pass, count, columns);
    float *host = table ? hd_stream_map(&pass->stream, table, bytes, HD_TO_WRITE) : NULL;
    if (host) hd_fixed_positions(at->side, columns, all->first, count, host);
    hd_stream_unmap(&pass->stream, host, table, bytes, HD_TO_WRITE);
    at->fixed = (hd_stack_side){.positions = table, .first = all->first, .length = count};
    return pass->status == HEED_OK;
}

/* Angles that the network does not store. If the angles of a position are the same in all texts, the sequences share a table
 * of the span, unless that has more rows than the layout. Else each row of the layout has a row in the table. */
static bool compute_angles(hd_stack_place *at, hd_pass *pass, const hd_layout *layout, const span *all, bool local) {
    const hd_side_recipe *side = at->side;
    int64_t width = at->recipe->width, columns = hd_rotary_columns(side, width), rows = hd_layout_rows(layout);
    bool shared = all->longest <= hd_rotary_turn(side) && all->end - all->first <= rows;
    if (shared) rows = all->end - all->first;
    size_t bytes = (size_t)rows * (size_t)columns * sizeof(float);
    int64_t *firsts = hd_pass_alloc(pass, (size_t)layout->sequences, sizeof *firsts);
    float *table = firsts ? hd_pass_numbers(pass, rows, columns) : NULL;
    float *host = table ? hd_stream_map(&pass->stream, table, bytes, HD_TO_WRITE) : NULL;
    if (!host) return false;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t start = layout->starts[s], position = hd_layout_position(layout, s);
        firsts[s] = shared ? all->first : position - start;
        if (!shared)
            hd_rotary_angles(side, width, local, hd_layout_length(layout, s), position, layout->starts[s + 1] - start,
                             host + start * columns);
    }
    if (shared) hd_rotary_angles(side, width, local, all->longest, all->first, rows, host);
    hd_stream_unmap(&pass->stream, host, table, bytes, HD_TO_WRITE);
    at->angles[local] = (hd_angles){table, columns, firsts};
    return pass->status == HEED_OK;
}

static bool find_angles(hd_stack_place *at, hd_pass *pass, const hd_layout *layout, const span *all) {
    int64_t columns = hd_rotary_columns(at->side, at->recipe->width);
    at->angles[false] = (hd_angles){.table = at->fixed.positions, .width = columns};
    at->angles[true] = (hd_angles){.table = at->fixed.local, .width = columns};
    if (all->end <= at->fixed.length && all->longest <= hd_rotary_turn(at->side)) return true;
    return compute_angles(at, pass, layout, all, false) &&
           (!(at->side->local_rotary_base > 0) || compute_angles(at, pass, layout, all, true));
}

bool hd_stack_find_positions(hd_stack_place *at, hd_pass *pass, const hd_layout *layout) {
    span all = span_of(layout);
    bool refused = all.end > at->side->max_positions;
    at->length = hd_max(all.end, 1);
    if (at->side->positions == HD_POSITIONS_ROTARY && !refused) return find_angles(at, pass, layout, &all);
    bool computed = hd_is_sinusoidal(at->side) && all.end > at->fixed.length;
    return !computed || refused || compute_sinusoids(at, pass, &all);
}

hd_tensor *hd_stack_position_bias(const hd_stack_place *at, hd_pass *pass) {
    const hd_side_recipe *side = at->side;
    bool two_sided = at->which == HD_ENCODER;
    int64_t count = two_sided ? 2 * at->length - 1 : at->length;
    hd_parameter *table = hd_stack_layer(at)[HD_MODULE_POSITION_BIAS].whole;
    int32_t *buckets = table ? hd_pass_alloc(pass, (size_t)count, sizeof *buckets) : NULL;
    if (!buckets) return NULL;
    for (int64_t i = 0; i < count; i++)
        buckets[i] = hd_position_bucket(i - (at->length - 1), side->position_buckets, side->bucket_distance, two_sided);
    return hd_embed_columns(pass, table, buckets, count);
}

/* Whether attention in the last layer depends on the position of a query among the keys. */
static bool attends_by_position(const hd_stack_place *at) {
    return at->which == HD_DECODER || at->side->positions == HD_POSITIONS_ROTARY || at->side->position_buckets ||
           at->distances.states || hd_side_window(at->side, at->side->layers - 1);
}

bool hd_stack_may_select(const hd_stack_place *at, const hd_selection *selection) {
    if (!at->side->layers) return false;
    if (!attends_by_position(at)) return true;
    const hd_layout *layout = &selection->layout;
    for (int64_t s = 0; s < layout->sequences; s++)
        for (int64_t i = layout->starts[s] + 1; i < layout->starts[s + 1]; i++)
            if (selection->rows[i] != selection->rows[i - 1] + 1) return false;
    return true;
}
