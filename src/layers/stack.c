/* Forward code of the Transformer: read from hd_stack_run at the end upwards. stack_open.c builds it. */
#include "layers/convolution.h"
#include "layers/positions.h"
#include "layers/relative.h"
#include "layers/rotary.h"
#include "layers/stack.h"

#include <math.h>
#include <string.h>

/* Arguments of the forward code of a layer. */
typedef struct place {
    const hd_network *network;
    const hd_recipe *recipe;
    const hd_side_recipe *side;
    hd_stack_side fixed;    /* the positions of this pass, if they are fixed */
    hd_angles angles[2];    /* of rotary positions in this pass; [1]: in layers with a base of their own */
    hd_distances distances; /* of relative positions in this pass */
    hd_network_side which;
    int64_t layer;
    const hd_selection *selection; /* in the last layer: the rows whose states are read; NULL: all */
    int64_t length;                /* the end of all positions of this pass */
    hd_tensor *bias;               /* of the scores, by distance (position_bias), shared by all layers; NULL: none */
} place;

static place place_of(const hd_stack *stack, hd_network_side side) {
    const hd_recipe *recipe = &stack->network.recipe;
    return (place){.network = &stack->network,
                   .recipe = recipe,
                   .side = &recipe->side[side],
                   .fixed = stack->side[side],
                   .which = side};
}

static const hd_module_weights *layer_of(const place *at) {
    return hd_network_layer(at->network, at->which, hd_side_stored_layer(at->side, at->layer));
}

/* The norms of a sublayer, and its dropout site. */
typedef struct sublayer {
    hd_module norm;  /* before the sublayer, or post-norm after the sum */
    hd_module after; /* of the sublayer's output, before the sum */
    unsigned site;
} sublayer;

static const sublayer self = {HD_MODULE_ATTENTION_NORM, HD_MODULE_ATTENTION_AFTER_NORM, HD_SITE_ATTENTION};
static const sublayer cross = {HD_MODULE_CROSS_NORM, HD_MODULE_CROSS_AFTER_NORM, HD_SITE_CROSS};
static const sublayer ffn = {HD_MODULE_FFN_NORM, HD_MODULE_FFN_AFTER_NORM, HD_SITE_FFN};

static uint32_t site(const place *at, unsigned module, unsigned within) {
    return hd_dropout_site(at->which, at->layer, module, within);
}

static hd_tensor *before(const place *at, hd_pass *pass, hd_tensor *x, const sublayer *sub) {
    bool first = at->side->norm_placement == HD_NORM_PRE || at->side->norm_placement == HD_NORM_BOTH;
    return first ? hd_apply_norm(pass, &layer_of(at)[sub->norm], x) : x;
}

/* The residual connection around a sublayer with output f, if the side has them. */
static hd_tensor *after(const place *at, hd_pass *pass, hd_tensor *x, hd_tensor *f, const sublayer *sub) {
    const hd_module_weights *layer = layer_of(at);
    f = hd_apply_norm(pass, &layer[sub->after], f);
    if (at->side->residual_scale > 0) f = hd_scale(pass, f, at->side->residual_scale);
    if (at->side->no_residual) x = NULL;
    hd_tensor *sum = hd_dropout_add(pass, f, x, at->recipe->dropout, site(at, sub->site, HD_SITE_OUTPUT));
    return at->side->norm_placement == HD_NORM_POST ? hd_apply_norm(pass, &layer[sub->norm], sum) : sum;
}

/* The angles of this layer's queries and keys; NULL: it has no rotary positions. */
static const hd_angles *angles_of(const place *at) {
    const hd_side_recipe *side = at->side;
    if (side->positions != HD_POSITIONS_ROTARY || hd_layer_set_has(&side->unrotated_layers, at->layer)) return NULL;
    return &at->angles[hd_side_window(side, at->layer) && side->local_rotary_base > 0];
}

/* Queries or keys before attention: normalized, then rotated. A norm's gain has the width of a head or of all heads. */
static hd_tensor *prepare(const place *at, hd_pass *pass, hd_tensor *x, const hd_module_weights *norm, bool rotate) {
    int64_t head_width = hd_side_head_width(at->side, at->recipe->width);
    if (x && norm->weight) {
        const hd_layout *layout = x->layout;
        int64_t columns = x->columns;
        x = hd_reshape(pass, x, norm->weight->columns);
        x = hd_reshape(pass, hd_apply_norm(pass, norm, x), columns);
        if (x) x->layout = layout;
    }
    const hd_angles *angles = rotate ? angles_of(at) : NULL;
    return angles ? hd_rotate(pass, x, angles, at->side->max_positions, head_width) : x;
}

/* The biases of the layer's scores by distance, [heads, distances]: from the last query back to the first key, and on an encoder
 * as far the other way. NULL without position buckets, and for a layer that shares those of layer 0. */
static hd_tensor *position_bias(const place *at, hd_pass *pass) {
    const hd_side_recipe *side = at->side;
    bool two_sided = at->which == HD_ENCODER;
    int64_t count = two_sided ? 2 * at->length - 1 : at->length;
    hd_parameter *table = layer_of(at)[HD_MODULE_POSITION_BIAS].whole;
    int32_t *buckets = table ? hd_pass_alloc(pass, (size_t)count, sizeof *buckets) : NULL;
    if (!buckets) return NULL;
    for (int64_t i = 0; i < count; i++)
        buckets[i] = hd_position_bucket(i - (at->length - 1), side->position_buckets, side->bucket_distance, two_sided);
    return hd_embed_columns(pass, table, buckets, count);
}

static hd_attend_options options_of(const place *at, unsigned module, const char *where) {
    return (hd_attend_options){.heads = at->side->heads,
                               .key_heads = hd_side_key_heads(at->side),
                               .causal = module == HD_SITE_ATTENTION && at->which == HD_DECODER,
                               .window = module == HD_SITE_ATTENTION ? hd_side_window(at->side, at->layer) : 0,
                               .scale = hd_side_score_scale(at->side, at->recipe->width),
                               .softcap = at->side->score_softcap,
                               .dropout = at->recipe->attention_dropout,
                               .site = site(at, module, HD_SITE_WEIGHTS),
                               .where = where,
                               .layer = (int)at->layer};
}

/* Attention without a cache: the keys and values of shared heads are repeated. */
static hd_tensor *attend(const place *at, hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *v,
                         const hd_attend_options *options) {
    int64_t times = options->heads / options->key_heads, head_width = hd_side_head_width(at->side, at->recipe->width);
    return hd_attend(pass, q, hd_repeat_heads(pass, k, head_width, times), hd_repeat_heads(pass, v, head_width, times),
                     options);
}

static hd_tensor *self_attention(const place *at, hd_pass *pass, hd_tensor *x, hd_cache *cache) {
    const hd_module_weights *layer = layer_of(at);
    hd_attend_options options = options_of(at, HD_SITE_ATTENTION, at->which == HD_ENCODER ? "encoder" : "decoder");
    hd_tensor *h = before(at, pass, x, &self), *y;
    options.bias = at->bias ? at->bias : position_bias(at, pass);
    options.bias_row = HD_BIAS_BY_DISTANCE, options.bias_zero = at->length - 1;
    hd_tensor *q = hd_apply(pass, &layer[HD_MODULE_Q], hd_select(pass, h, at->selection), HD_IDENTITY);
    hd_tensor *k = hd_apply(pass, &layer[HD_MODULE_K], h, HD_IDENTITY);
    hd_tensor *v = hd_apply(pass, &layer[HD_MODULE_V], h, HD_IDENTITY);
    q = prepare(at, pass, q, &layer[HD_MODULE_Q_NORM], true);
    k = prepare(at, pass, k, &layer[HD_MODULE_K_NORM], true);
    if (cache) {
        if (!k || !v) return NULL;
        y = hd_attend_cached(pass, q, hd_cache_append(cache, options.layer, k, v), &options);
    } else {
        options.relative = hd_relative_of_layer(pass, at->side, layer, &at->distances, at->recipe->dropout,
                                                site(at, HD_SITE_ATTENTION, HD_SITE_RELATIVE));
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer[HD_MODULE_OUT], y, HD_IDENTITY);
    return after(at, pass, hd_select(pass, x, at->selection), y, &self);
}

static hd_tensor *cross_attention(const place *at, hd_pass *pass, hd_tensor *x, hd_tensor *memory, hd_cache *cache) {
    const hd_module_weights *layer = layer_of(at);
    hd_attend_options options = options_of(at, HD_SITE_CROSS, "cross");
    hd_tensor *q = hd_apply(pass, &layer[HD_MODULE_CROSS_Q], before(at, pass, x, &cross), HD_IDENTITY), *y;
    q = prepare(at, pass, q, &layer[HD_MODULE_CROSS_Q_NORM], false);
    if (cache) {
        y = hd_attend_cached(pass, q, hd_cache_memory(cache, options.layer), &options);
    } else {
        /* One statement each: the gradient of the memory is summed in this order. */
        hd_tensor *v = hd_apply(pass, &layer[HD_MODULE_CROSS_V], memory, HD_IDENTITY);
        hd_tensor *k = prepare(at, pass, hd_apply(pass, &layer[HD_MODULE_CROSS_K], memory, HD_IDENTITY),
                               &layer[HD_MODULE_CROSS_K_NORM], false);
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer[HD_MODULE_CROSS_OUT], y, HD_IDENTITY);
    return after(at, pass, x, y, &cross);
}

static hd_tensor *feed_forward(const place *at, hd_pass *pass, hd_tensor *x) {
    const hd_module_weights *up = &layer_of(at)[HD_MODULE_FFN_UP], *gate = &layer_of(at)[HD_MODULE_FFN_GATE];
    const hd_module_weights *down = &layer_of(at)[HD_MODULE_FFN_DOWN], *active = gate->weight ? gate : up;
    hd_tensor *h = before(at, pass, x, &ffn);
    hd_tensor *inner = hd_apply(pass, active, h, (hd_activation)at->side->activation);
    if (gate->weight) inner = hd_hadamard(pass, inner, hd_apply(pass, up, h, HD_IDENTITY));
    float dropout = at->recipe->activation_dropout;
    inner = hd_dropout_add(pass, inner, NULL, dropout, site(at, HD_SITE_FFN, HD_SITE_INNER));
    return after(at, pass, x, hd_apply(pass, down, inner, HD_IDENTITY), &ffn);
}

/* Without types, every token is of the first one. */
static const int32_t *types_of(hd_pass *pass, const hd_input *input, int64_t count, int64_t rows) {
    int32_t *first = input->types ? NULL : hd_pass_alloc(pass, (size_t)count, sizeof *first);
    if (first) memset(first, 0, (size_t)count * sizeof *first);
    for (int64_t i = 0; input->types && i < count; i++)
        if (input->types[i] < 0 || input->types[i] >= rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "a token of type %d, but the model has %lld types",
                                input->types[i], (long long)rows);
    return input->types ? input->types : first;
}

static hd_tensor *add_types(const place *at, hd_pass *pass, hd_tensor *x, const hd_input *input) {
    hd_parameter *table = layer_of(at)[HD_MODULE_TOKEN_TYPES].whole;
    const int32_t *types = x ? types_of(pass, input, x->rows, table->rows) : NULL;
    if (!types) return NULL;
    return hd_dropout_add(pass, hd_embed(pass, table, types, x->layout, 1.0f, -1), x, 0.0f, 0);
}

/* The position of each token, where padding tokens have the one before the first and are not counted. A decoder counts
 * them, since its tokens come one by one: so does the cache of transformers. */
static int32_t *count_positions(const place *at, hd_pass *pass, const hd_layout *layout, const int32_t *ids) {
    int32_t *rows = hd_pass_alloc(pass, (size_t)hd_layout_rows(layout), sizeof *rows);
    int32_t offset = (int32_t)at->side->position_offset;
    if (!rows || !hd_check_positions(pass, layout, at->side->max_positions)) return NULL;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int32_t next = offset + (int32_t)hd_layout_position(layout, s);
        for (int64_t r = layout->starts[s]; r < layout->starts[s + 1]; r++) {
            bool pads = ids[r] == at->recipe->pad;
            rows[r] = pads ? offset - 1 : next;
            next += !pads || at->which == HD_DECODER;
        }
    }
    return rows;
}

/* Sinusoids [tokens, width] of these positions; zeros for the one before the first. */
static hd_tensor *sinusoids_of(const place *at, hd_pass *pass, const hd_layout *layout, const int32_t *rows) {
    hd_tensor *y = hd_tensor_new(pass, hd_layout_rows(layout), at->recipe->width, layout);
    size_t bytes = y ? (size_t)hd_tensor_count(y) * sizeof *y->data : 0;
    float *host = y ? hd_stream_map(&pass->stream, y->data, bytes, HD_TO_WRITE) : NULL;
    if (!host) return NULL;
    memset(host, 0, bytes);
    for (int64_t r = 0; r < y->rows; r++)
        if (rows[r] >= at->side->position_offset) hd_sinusoids_apart(rows[r], 1, y->columns, host + r * y->columns);
    hd_stream_unmap(&pass->stream, host, y->data, bytes, HD_TO_WRITE);
    return y;
}

static hd_tensor *add_counted_positions(const place *at, hd_pass *pass, hd_tensor *x, const int32_t *ids) {
    int32_t *rows = x ? count_positions(at, pass, x->layout, ids) : NULL;
    hd_parameter *table = layer_of(at)[HD_MODULE_POSITIONS].whole;
    if (!rows) return NULL;
    hd_tensor *y = table ? hd_embed(pass, table, rows, x->layout, 1.0f, (int32_t)at->side->position_offset - 1)
                         : sinusoids_of(at, pass, x->layout, rows);
    return hd_dropout_add(pass, y, x, 0.0f, 0);
}

static bool has_padding(const place *at, const hd_input *input, const hd_layout *layout) {
    for (int64_t r = 0; at->side->pads_unplaced && input->ids && r < hd_layout_rows(layout); r++)
        if (input->ids[r] == at->recipe->pad) return true;
    return false;
}

static bool adds_positions(const hd_side_recipe *side) {
    return side->positions != HD_POSITIONS_ROTARY && side->positions != HD_POSITIONS_NONE;
}

/* From the width of embeddings to the network's, where they differ and this is the place of the projection. */
static hd_tensor *project(const place *at, hd_pass *pass, hd_tensor *x, hd_projection here) {
    const hd_module_weights *layer = &layer_of(at)[HD_MODULE_EMBEDDING_PROJECTION];
    hd_projection projection = (hd_projection)at->recipe->embedding_projection;
    if (projection == HD_PROJECTION_ALWAYS) projection = HD_PROJECTION_AFTER_NORM;
    return layer->weight && projection == here ? hd_apply(pass, layer, x, HD_IDENTITY) : x;
}

/* From the network's width back to that of embeddings. */
static hd_tensor *project_states(const place *at, hd_pass *pass, hd_tensor *x) {
    const hd_module_weights *layer = &hd_network_layer(at->network, at->which, 0)[HD_MODULE_STATE_PROJECTION];
    return layer->weight ? hd_apply(pass, layer, x, HD_IDENTITY) : x;
}

static hd_tensor *embed(const place *at, hd_pass *pass, const hd_input *input, const hd_layout *layout) {
    const hd_module_weights *layer = layer_of(at);
    hd_parameter *table = at->which == HD_ENCODER ? at->network->source_embedding : at->network->target_embedding;
    float scale = hd_side_embedding_scale(at->side, at->recipe->width);
    hd_tensor *x = hd_embed_input(at->network, pass, table, input, layout, scale);
    hd_pass_show(pass, "embedding", x);
    if (layer[HD_MODULE_TOKEN_TYPES].whole) x = add_types(at, pass, x, input);
    x = project(at, pass, x, HD_PROJECTION_TOKENS);
    if (has_padding(at, input, layout))
        x = add_counted_positions(at, pass, x, input->ids);
    else if (adds_positions(at->side))
        x = hd_add_positions(pass, x, layer[HD_MODULE_POSITIONS].whole, at->fixed.positions, at->side->max_positions,
                             at->fixed.positions ? -at->fixed.first : at->side->position_offset);
    x = project(at, pass, x, HD_PROJECTION_BEFORE_NORM);
    x = hd_apply_norm(pass, &layer[HD_MODULE_EMBEDDING_NORM], x);
    x = hd_dropout_add(pass, x, NULL, at->recipe->dropout, site(at, HD_SITE_EMBEDDING, HD_SITE_OUTPUT));
    return project(at, pass, x, HD_PROJECTION_AFTER_NORM);
}

/* Without a tape, only x is used again after a sublayer. It moves to the position of the previous x, so that all
 * sublayers reuse the same memory. */
static hd_tensor *reuse_memory(hd_pass *pass, hd_arena_mark start, hd_tensor *x) {
    if (!x || pass->recording) return x;
    hd_tensor old = *x;
    hd_arena_rewind(&pass->arena, start);
    hd_tensor *kept = hd_tensor_new(pass, old.rows, old.columns, old.layout);
    if (kept) pass->stream.device->move(&pass->stream, &(hd_move_call){hd_tensor_count(kept), old.data, kept->data});
    return kept;
}

/* What a convolution of the embeddings x adds to the states of layer 0; NULL: nothing. It stays in memory until then. */
static hd_tensor *convolve(const place *at, hd_pass *pass, hd_tensor *x) {
    if (!at->side->convolution) return NULL;
    hd_arena_mark start = hd_arena_here(&pass->arena);
    uint32_t dropped = site(at, HD_SITE_CONVOLUTION, HD_SITE_INNER);
    const hd_module_weights *layer = &layer_of(at)[HD_MODULE_CONVOLUTION];
    return reuse_memory(pass, start, hd_convolve(pass, layer, x, at->side, at->recipe->dropout, dropped));
}

static hd_tensor *add_convolution(const place *at, hd_pass *pass, hd_tensor *x, hd_tensor *convolved) {
    hd_tensor *sum = hd_dropout_add(pass, x, hd_select(pass, convolved, at->selection), 0.0f, 0);
    return hd_apply_norm(pass, &layer_of(at)[HD_MODULE_CONVOLUTION_NORM], sum);
}

/* Whether attention in the last layer depends on the position of a query among the keys. */
static bool attends_by_position(const place *at) {
    return at->which == HD_DECODER || at->side->positions == HD_POSITIONS_ROTARY || at->side->position_buckets ||
           at->distances.states || hd_side_window(at->side, at->side->layers - 1);
}

/* Whether the queries of the last layer may be the selected rows alone. Positions count from the first selected row of a
 * sequence. */
static bool may_select_queries(const place *at, const hd_selection *selection) {
    if (!at->side->layers) return false;
    if (!attends_by_position(at)) return true;
    const hd_layout *layout = &selection->layout;
    for (int64_t s = 0; s < layout->sequences; s++)
        for (int64_t i = layout->starts[s] + 1; i < layout->starts[s + 1]; i++)
            if (selection->rows[i] != selection->rows[i - 1] + 1) return false;
    return true;
}

/* ---- fixed positions ---- */

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
static bool compute_sinusoids(place *at, hd_pass *pass, const span *all) {
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
static bool compute_angles(place *at, hd_pass *pass, const hd_layout *layout, const span *all, bool local) {
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

static bool find_angles(place *at, hd_pass *pass, const hd_layout *layout, const span *all) {
    int64_t columns = hd_rotary_columns(at->side, at->recipe->width);
    at->angles[false] = (hd_angles){.table = at->fixed.positions, .width = columns};
    at->angles[true] = (hd_angles){.table = at->fixed.local, .width = columns};
    if (all->end <= at->fixed.length && all->longest <= hd_rotary_turn(at->side)) return true;
    return compute_angles(at, pass, layout, all, false) &&
           (!(at->side->local_rotary_base > 0) || compute_angles(at, pass, layout, all, true));
}

/* Finds the fixed positions of a pass, or computes them if the network does not store them. Positions past the model's are
 * left to the ops, which refuse them. */
static bool find_positions(place *at, hd_pass *pass, const hd_layout *layout) {
    span all = span_of(layout);
    bool refused = all.end > at->side->max_positions;
    if (at->side->positions == HD_POSITIONS_ROTARY && !refused) return find_angles(at, pass, layout, &all);
    bool computed = hd_is_sinusoidal(at->side) && all.end > at->fixed.length;
    return !computed || refused || compute_sinusoids(at, pass, &all);
}

/* ---- a side ---- */

hd_tensor *hd_stack_run(const hd_stack *stack, hd_network_side side, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout, hd_tensor *memory, hd_cache *cache, const hd_selection *selection) {
    place at = place_of(stack, side);
    bool crosses = side == HD_DECODER && at.recipe->side[HD_ENCODER].layers;
    if (!find_positions(&at, pass, layout)) return NULL;
    if (!hd_find_distances(pass, at.side, layer_of(&at), layout, &at.distances)) return NULL;
    bool in_last_layer = selection && may_select_queries(&at, selection);
    at.length = hd_max(span_of(layout).end, 1);
    if (!at.side->bucket_per_layer) at.bias = position_bias(&at, pass);
    hd_arena_mark start = hd_arena_here(&pass->arena);
    hd_tensor *x = embed(&at, pass, input, layout), *convolved = convolve(&at, pass, x);
    if (convolved) start = hd_arena_here(&pass->arena);
    for (at.layer = 0; at.layer < at.side->layers; at.layer++) {
        hd_pass_show_states(pass, side, at.layer, x);
        if (in_last_layer && at.layer == at.side->layers - 1) at.selection = selection;
        x = reuse_memory(pass, start, self_attention(&at, pass, x, cache));
        if (crosses) x = reuse_memory(pass, start, cross_attention(&at, pass, x, memory, cache));
        x = reuse_memory(pass, start, feed_forward(&at, pass, x));
        if (convolved && !at.layer) x = reuse_memory(pass, start, add_convolution(&at, pass, x, convolved));
    }
    if (!in_last_layer) x = hd_select(pass, x, selection);
    x = hd_apply_norm(pass, &hd_network_layer(&stack->network, side, 0)[HD_MODULE_FINAL_NORM], x);
    return hd_pass_show_states(pass, side, at.side->layers, project_states(&at, pass, x));
}

heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache) {
    place at = place_of(stack, HD_DECODER);
    for (at.layer = 0; at.layer < at.side->layers; at.layer++) {
        const hd_module_weights *layer = layer_of(&at);
        hd_arena_mark start = hd_arena_here(&pass->arena);
        hd_tensor *k = prepare(&at, pass, hd_apply(pass, &layer[HD_MODULE_CROSS_K], memory, HD_IDENTITY),
                               &layer[HD_MODULE_CROSS_K_NORM], false);
        hd_tensor *v = hd_apply(pass, &layer[HD_MODULE_CROSS_V], memory, HD_IDENTITY);
        if (!k || !v) break;
        hd_cache_remember(cache, at.layer, k, v);
        hd_arena_rewind(&pass->arena, start);
    }
    return pass->status;
}
