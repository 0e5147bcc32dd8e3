/* Forward code of the Transformer's layers: read from hd_stack_run at the end upwards. stack_open.c builds the network. */
#include "layers/stack.h"

#include "layers/convolution.h"
#include "layers/stack_embed.h"
#include "layers/stack_positions.h"

static hd_stack_place place_of(const hd_stack *stack, hd_network_side side) {
    return (hd_stack_place){.network = &stack->network,
                            .recipe = &stack->network.recipe,
                            .side = &stack->network.recipe.side[side],
                            .fixed = stack->side[side],
                            .which = side};
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

static hd_tensor *before(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, const sublayer *sub) {
    bool first = at->side->norm_placement == HD_NORM_PRE || at->side->norm_placement == HD_NORM_BOTH;
    return first ? hd_apply_norm(pass, &hd_stack_layer(at)[sub->norm], x) : x;
}

/* The residual connection around a sublayer with output f, if the side has them. */
static hd_tensor *after(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, hd_tensor *f, const sublayer *sub) {
    const hd_module_weights *layer = hd_stack_layer(at);
    f = hd_apply_norm(pass, &layer[sub->after], f);
    if (at->side->residual_scale > 0) f = hd_scale(pass, f, at->side->residual_scale);
    if (at->side->no_residual) x = NULL;
    hd_tensor *sum = hd_dropout_add(pass, f, x, at->recipe->dropout, hd_stack_site(at, sub->site, HD_SITE_OUTPUT));
    return at->side->norm_placement == HD_NORM_POST ? hd_apply_norm(pass, &layer[sub->norm], sum) : sum;
}

/* The angles of this layer's queries and keys; NULL: it has no rotary positions. */
static const hd_angles *angles_of(const hd_stack_place *at) {
    const hd_side_recipe *side = at->side;
    if (side->positions != HD_POSITIONS_ROTARY || hd_layer_set_has(&side->unrotated_layers, at->layer)) return NULL;
    return &at->angles[hd_side_window(side, at->layer) && side->local_rotary_base > 0];
}

/* Queries or keys before attention: normalized, then rotated. A norm's gain has the width of a head or of all heads. */
static hd_tensor *prepare(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, const hd_module_weights *norm,
                          bool rotate) {
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

static hd_attend_options options_of(const hd_stack_place *at, unsigned module, const char *where) {
    return (hd_attend_options){.heads = at->side->heads,
                               .key_heads = hd_side_key_heads(at->side),
                               .causal = module == HD_SITE_ATTENTION && at->which == HD_DECODER,
                               .window = module == HD_SITE_ATTENTION ? hd_side_window(at->side, at->layer) : 0,
                               .scale = hd_side_score_scale(at->side, at->recipe->width),
                               .softcap = at->side->score_softcap,
                               .dropout = at->recipe->attention_dropout,
                               .site = hd_stack_site(at, module, HD_SITE_WEIGHTS),
                               .where = where,
                               .layer = (int)at->layer};
}

const hd_shown_heads hd_shown_head_names[3] = {{"encoder query", "encoder key", "encoder value"},
                                               {"decoder query", "decoder key", "decoder value"},
                                               {"cross query", "cross key", "cross value"}};

static void show_heads(hd_pass *pass, int kind, hd_tensor *q, hd_tensor *k, hd_tensor *v) {
    hd_pass_show(pass, hd_shown_head_names[kind].query, q);
    hd_pass_show(pass, hd_shown_head_names[kind].key, k);
    hd_pass_show(pass, hd_shown_head_names[kind].value, v);
}

/* Attention without a cache: the keys and values of shared heads are repeated. */
static hd_tensor *attend(const hd_stack_place *at, hd_pass *pass, hd_tensor *q, hd_tensor *k, hd_tensor *v,
                         const hd_attend_options *options) {
    int64_t times = options->heads / options->key_heads, head_width = hd_side_head_width(at->side, at->recipe->width);
    return hd_attend(pass, q, hd_repeat_heads(pass, k, head_width, times), hd_repeat_heads(pass, v, head_width, times),
                     options);
}

static hd_tensor *self_attention(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, hd_cache *cache) {
    const hd_module_weights *layer = hd_stack_layer(at);
    hd_attend_options options = options_of(at, HD_SITE_ATTENTION, at->which == HD_ENCODER ? "encoder" : "decoder");
    hd_tensor *h = before(at, pass, x, &self), *y;
    options.bias = at->bias ? at->bias : hd_stack_position_bias(at, pass);
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
                                                hd_stack_site(at, HD_SITE_ATTENTION, HD_SITE_RELATIVE));
        show_heads(pass, at->which == HD_DECODER, q, k, v);
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer[HD_MODULE_OUT], y, HD_IDENTITY);
    return after(at, pass, hd_select(pass, x, at->selection), y, &self);
}

static hd_tensor *cross_attention(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, hd_tensor *memory,
                                  hd_cache *cache) {
    const hd_module_weights *layer = hd_stack_layer(at);
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
        show_heads(pass, 2, q, k, v);
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer[HD_MODULE_CROSS_OUT], y, HD_IDENTITY);
    return after(at, pass, x, y, &cross);
}

static hd_tensor *feed_forward(const hd_stack_place *at, hd_pass *pass, hd_tensor *x) {
    const hd_module_weights *layer = hd_stack_layer(at), *up = &layer[HD_MODULE_FFN_UP];
    const hd_module_weights *gate = &layer[HD_MODULE_FFN_GATE], *active = gate->weight ? gate : up;
    hd_tensor *h = before(at, pass, x, &ffn);
    hd_tensor *inner = hd_apply(pass, active, h, (hd_activation)at->side->activation);
    if (gate->weight) inner = hd_hadamard(pass, inner, hd_apply(pass, up, h, HD_IDENTITY));
    float dropout = at->recipe->activation_dropout;
    inner = hd_dropout_add(pass, inner, NULL, dropout, hd_stack_site(at, HD_SITE_FFN, HD_SITE_INNER));
    return after(at, pass, x, hd_apply(pass, &layer[HD_MODULE_FFN_DOWN], inner, HD_IDENTITY), &ffn);
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
static hd_tensor *convolve(const hd_stack_place *at, hd_pass *pass, hd_tensor *x) {
    if (!at->side->convolution) return NULL;
    hd_arena_mark start = hd_arena_here(&pass->arena);
    uint32_t dropped = hd_stack_site(at, HD_SITE_CONVOLUTION, HD_SITE_INNER);
    const hd_module_weights *layer = &hd_stack_layer(at)[HD_MODULE_CONVOLUTION];
    return reuse_memory(pass, start, hd_convolve(pass, layer, x, at->side, at->recipe->dropout, dropped));
}

static hd_tensor *add_convolution(const hd_stack_place *at, hd_pass *pass, hd_tensor *x, hd_tensor *convolved) {
    hd_tensor *sum = hd_dropout_add(pass, x, hd_select(pass, convolved, at->selection), 0.0f, 0);
    return hd_apply_norm(pass, &hd_stack_layer(at)[HD_MODULE_CONVOLUTION_NORM], sum);
}

hd_tensor *hd_stack_run(const hd_stack *stack, hd_network_side side, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout, hd_tensor *memory, hd_cache *cache, const hd_selection *selection) {
    hd_stack_place at = place_of(stack, side);
    bool crosses = side == HD_DECODER && at.recipe->side[HD_ENCODER].layers;
    if (!hd_stack_find_positions(&at, pass, layout)) return NULL;
    if (!hd_find_distances(pass, at.side, hd_stack_layer(&at), layout, &at.distances)) return NULL;
    bool in_last_layer = selection && hd_stack_may_select(&at, selection);
    if (!at.side->bucket_per_layer) at.bias = hd_stack_position_bias(&at, pass);
    hd_arena_mark start = hd_arena_here(&pass->arena);
    hd_tensor *x = hd_stack_embed(&at, pass, input, layout), *convolved = convolve(&at, pass, x);
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
    return hd_pass_show_states(pass, side, at.side->layers, hd_stack_project_states(&at, pass, x));
}

heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache) {
    hd_stack_place at = place_of(stack, HD_DECODER);
    for (at.layer = 0; at.layer < at.side->layers; at.layer++) {
        const hd_module_weights *layer = hd_stack_layer(&at);
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
