#include "layers/relative.h"

#include "layers/positions.h"

enum { MOST_ROWS = 1 << 24, SUMMANDS = HD_RELATIVE_KEYS | HD_RELATIVE_QUERIES };

heed_status hd_relative_positions_check(heed_context *context, const hd_side_recipe *side) {
    if (!side->relative_positions) return HEED_OK;
    if (side->relative_positions < 0 || side->relative_positions > MOST_ROWS || side->relative_span < 0 ||
        side->relative_span > MOST_ROWS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld relative positions in %lld buckets: heed builds up to %d",
                       (long long)side->relative_positions, (long long)side->relative_span, MOST_ROWS);
    /* The logarithm goes from half of the buckets to the farthest distance. */
    int64_t middle = side->relative_span / 2;
    if (side->relative_span && (middle < 1 || side->relative_positions - 1 <= middle) &&
        side->max_positions - 1 > middle)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld relative positions cannot be divided into %lld buckets",
                       (long long)side->relative_positions, (long long)side->relative_span);
    if (side->position_buckets)
        return hd_fail(context, HEED_UNSUPPORTED, "relative positions beside a bias by distance, which heed lacks");
    if (hd_side_key_heads(side) != side->heads)
        return hd_fail(context, HEED_UNSUPPORTED, "relative positions of heads that share keys, which heed lacks");
    return HEED_OK;
}

static int64_t row_of(const hd_side_recipe *side, int64_t distance) {
    return hd_relative_row(distance, side->relative_span, side->relative_positions);
}

/* The rows of the table from that of −farthest to that of farthest. Their positions are their numbers in the table, so that what
 * dropout drops does not depend on the texts. */
static hd_tensor *look_up(hd_pass *pass, const hd_side_recipe *side, hd_parameter *table, int64_t farthest) {
    int64_t first = row_of(side, -farthest), count = row_of(side, farthest) + 1 - first;
    int32_t *ids = hd_pass_alloc(pass, (size_t)count, sizeof *ids), *starts = hd_pass_alloc(pass, 2, sizeof *starts);
    int32_t *position = hd_pass_alloc(pass, 1, sizeof *position);
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    if (!ids || !starts || !position || !layout) return NULL;
    for (int64_t i = 0; i < count; i++) ids[i] = (int32_t)(first + i);
    starts[0] = 0, starts[1] = (int32_t)count;
    *position = (int32_t)first;
    *layout = (hd_layout){.sequences = 1, .starts = starts, .positions = position};
    return hd_embed(pass, table, ids, layout, 1.0f, -1);
}

bool hd_find_distances(hd_pass *pass, const hd_side_recipe *side, const hd_module_weights *weights,
                       const hd_layout *layout, hd_distances *distances) {
    *distances = (hd_distances){0};
    if (!side->relative_positions || !(side->relative & SUMMANDS)) return true;
    int64_t farthest = hd_max(hd_layout_longest(layout) - 1, 0), first = row_of(side, -farthest);
    int32_t *index = hd_pass_alloc(pass, (size_t)(2 * farthest + 1), sizeof *index);
    if (!index) return false;
    for (int64_t d = -farthest; d <= farthest; d++) index[farthest + d] = (int32_t)(row_of(side, d) - first);
    hd_tensor *states = look_up(pass, side, weights[HD_MODULE_RELATIVE_POSITIONS].whole, farthest);
    states = hd_apply_norm(pass, &weights[HD_MODULE_RELATIVE_NORM], states);
    *distances = (hd_distances){farthest, index, states};
    return states != NULL;
}

const hd_relative *hd_relative_of_layer(hd_pass *pass, const hd_side_recipe *side, const hd_module_weights *layer,
                                        const hd_distances *distances, float dropout, uint32_t site) {
    if (!distances->states) return NULL;
    hd_relative *relative = hd_pass_alloc(pass, 1, sizeof *relative);
    bool own = side->relative & HD_RELATIVE_PROJECTED;
    hd_tensor *x = hd_dropout_add(pass, distances->states, NULL, dropout, site);
    if (!relative || !x) return NULL;
    *relative = (hd_relative){.table_index = distances->table_index, .farthest = distances->farthest};
    if (side->relative & HD_RELATIVE_KEYS)
        relative->keys = hd_apply(pass, &layer[own ? HD_MODULE_RELATIVE_K : HD_MODULE_K], x, HD_IDENTITY);
    if (side->relative & HD_RELATIVE_QUERIES)
        relative->queries = hd_apply(pass, &layer[own ? HD_MODULE_RELATIVE_Q : HD_MODULE_Q], x, HD_IDENTITY);
    return pass->status == HEED_OK ? relative : NULL;
}
