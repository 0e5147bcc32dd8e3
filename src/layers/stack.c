/* Forward code of the Transformer: read from hd_stack_run at the end upwards. stack_open.c builds it. */
#include "layers/stack.h"

#include <math.h>
#include <string.h>

/* Arguments of the forward code of a layer. */
typedef struct place {
    const hd_recipe *recipe;
    const hd_side_recipe *side;
    const hd_stack_side *weights;
    hd_network_side which;
    int64_t layer;
} place;

static uint32_t site(const place *at, unsigned module, unsigned within) {
    return hd_dropout_site(at->which, at->layer, module, within);
}

static hd_tensor *before(const place *at, hd_pass *pass, hd_tensor *x, const hd_sublayer_norms *norms) {
    bool first = at->side->norm_placement == HD_NORM_PRE || at->side->norm_placement == HD_NORM_BOTH;
    return first ? hd_apply_norm(pass, &norms->norm, x) : x;
}

/* The residual connection around a sublayer with output f. */
static hd_tensor *after(const place *at, hd_pass *pass, hd_tensor *x, hd_tensor *f, const hd_sublayer_norms *norms,
                        unsigned module) {
    f = hd_apply_norm(pass, &norms->after, f);
    hd_tensor *sum = hd_dropout_add(pass, f, x, at->recipe->dropout, site(at, module, HD_SITE_OUTPUT));
    return at->side->norm_placement == HD_NORM_POST ? hd_apply_norm(pass, &norms->norm, sum) : sum;
}

/* Queries or keys before attention: each head normalized, then rotated. */
static hd_tensor *prepare(const place *at, hd_pass *pass, hd_tensor *x, const hd_norm_layer *norm, bool rotate) {
    int64_t head_width = hd_side_head_width(at->side, at->recipe->width);
    if (x && norm->gain) {
        const hd_layout *layout = x->layout;
        int64_t columns = x->columns;
        x = hd_reshape(pass, hd_apply_norm(pass, norm, hd_reshape(pass, x, head_width)), columns);
        if (x) x->layout = layout;
    }
    if (!rotate || !at->weights->angles) return x;
    return hd_rotate(pass, x, at->weights->angles, at->side->max_positions, head_width);
}

static hd_attend_options options_of(const place *at, unsigned module, const char *where) {
    return (hd_attend_options){.heads = at->side->heads,
                               .key_heads = hd_side_key_heads(at->side),
                               .causal = module == HD_SITE_ATTENTION && at->which == HD_DECODER,
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
    const hd_attention_layer *layer = &at->weights->layers[at->layer].attention;
    hd_attend_options options = options_of(at, HD_SITE_ATTENTION, at->which == HD_ENCODER ? "encoder" : "decoder");
    hd_tensor *h = before(at, pass, x, &layer->norms), *y;
    hd_tensor *q = hd_apply(pass, &layer->q, h, HD_IDENTITY), *k = hd_apply(pass, &layer->k, h, HD_IDENTITY);
    hd_tensor *v = hd_apply(pass, &layer->v, h, HD_IDENTITY);
    q = prepare(at, pass, q, &layer->q_norm, true);
    k = prepare(at, pass, k, &layer->k_norm, true);
    if (cache) {
        if (!k || !v) return NULL;
        y = hd_attend_cached(pass, q, hd_cache_append(cache, options.layer, k, v), &options);
    } else {
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer->out, y, HD_IDENTITY);
    return after(at, pass, x, y, &layer->norms, HD_SITE_ATTENTION);
}

static hd_tensor *cross_attention(const place *at, hd_pass *pass, hd_tensor *x, hd_tensor *memory, hd_cache *cache) {
    const hd_attention_layer *layer = &at->weights->layers[at->layer].cross;
    hd_attend_options options = options_of(at, HD_SITE_CROSS, "cross");
    hd_tensor *q = hd_apply(pass, &layer->q, before(at, pass, x, &layer->norms), HD_IDENTITY), *y;
    q = prepare(at, pass, q, &layer->q_norm, false);
    if (cache) {
        y = hd_attend_cached(pass, q, hd_cache_memory(cache, options.layer), &options);
    } else {
        /* One statement each: the gradient of the memory is summed in this order. */
        hd_tensor *v = hd_apply(pass, &layer->v, memory, HD_IDENTITY);
        hd_tensor *k = prepare(at, pass, hd_apply(pass, &layer->k, memory, HD_IDENTITY), &layer->k_norm, false);
        y = attend(at, pass, q, k, v, &options);
    }
    y = hd_apply(pass, &layer->out, y, HD_IDENTITY);
    return after(at, pass, x, y, &layer->norms, HD_SITE_CROSS);
}

static hd_tensor *feed_forward(const place *at, hd_pass *pass, hd_tensor *x) {
    const hd_ffn_layer *layer = &at->weights->layers[at->layer].ffn;
    const hd_linear_layer *active = layer->gate.weight ? &layer->gate : &layer->up;
    hd_tensor *h = before(at, pass, x, &layer->norms);
    hd_tensor *inner = hd_apply(pass, active, h, (hd_activation)at->side->activation);
    if (layer->gate.weight) inner = hd_hadamard(pass, inner, hd_apply(pass, &layer->up, h, HD_IDENTITY));
    float dropout = at->recipe->activation_dropout;
    inner = hd_dropout_add(pass, inner, NULL, dropout, site(at, HD_SITE_FFN, HD_SITE_INNER));
    return after(at, pass, x, hd_apply(pass, &layer->down, inner, HD_IDENTITY), &layer->norms, HD_SITE_FFN);
}

/* A single text: every token is of the first type. */
static hd_tensor *add_types(const place *at, hd_pass *pass, hd_tensor *x) {
    int32_t *types = x ? hd_pass_alloc(pass, (size_t)x->rows, sizeof *types) : NULL;
    if (!types) return NULL;
    memset(types, 0, (size_t)x->rows * sizeof *types);
    hd_tensor *y = hd_embed(pass, at->weights->token_types, types, x->layout, 1.0f, -1);
    return hd_dropout_add(pass, y, x, 0.0f, 0);
}

/* The row of the position of each token, where padding tokens have one of their own. */
static hd_tensor *add_counted_positions(const place *at, hd_pass *pass, hd_tensor *x, const int32_t *ids) {
    const hd_side_recipe *side = at->side;
    int32_t *rows = x ? hd_pass_alloc(pass, (size_t)x->rows, sizeof *rows) : NULL;
    if (!rows || !hd_check_positions(pass, x->layout, side->max_positions)) return NULL;
    for (int64_t s = 0; s < x->layout->sequences; s++) {
        int32_t next = (int32_t)side->position_offset;
        for (int64_t r = x->layout->starts[s]; r < x->layout->starts[s + 1]; r++)
            rows[r] = ids[r] == at->recipe->pad ? (int32_t)side->position_offset - 1 : next++;
    }
    hd_tensor *y = hd_embed(pass, at->weights->positions, rows, x->layout, 1.0f, (int32_t)side->position_offset - 1);
    return hd_dropout_add(pass, y, x, 0.0f, 0);
}

static bool has_padding(const place *at, const hd_input *input, const hd_layout *layout) {
    for (int64_t r = 0; at->side->pads_unplaced && input->ids && r < hd_layout_rows(layout); r++)
        if (input->ids[r] == at->recipe->pad) return true;
    return false;
}

static hd_tensor *embed(const hd_stack *stack, const place *at, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout) {
    const hd_stack_side *weights = at->weights;
    float scale = at->side->scale_embedding ? sqrtf((float)at->recipe->width) : 1.0f;
    hd_tensor *x = hd_embed_input(&stack->network, pass, weights->embedding, input, layout, scale);
    hd_pass_show(pass, "embedding", x);
    if (weights->token_types) x = add_types(at, pass, x);
    if (has_padding(at, input, layout))
        x = add_counted_positions(at, pass, x, input->ids);
    else if (weights->positions || weights->sinusoids)
        x = hd_add_positions(pass, x, weights->positions, weights->sinusoids, at->side->max_positions,
                             at->side->position_offset);
    x = hd_apply_norm(pass, &weights->embedding_norm, x);
    return hd_dropout_add(pass, x, NULL, at->recipe->dropout, site(at, HD_SITE_EMBEDDING, HD_SITE_OUTPUT));
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

hd_tensor *hd_stack_run(const hd_stack *stack, hd_network_side side, hd_pass *pass, const hd_input *input,
                        const hd_layout *layout, hd_tensor *memory, hd_cache *cache) {
    const hd_recipe *recipe = &stack->network.recipe;
    place at = {recipe, &recipe->side[side], &stack->side[side], side, 0};
    bool crosses = side == HD_DECODER && recipe->side[HD_ENCODER].layers;
    hd_arena_mark start = hd_arena_here(&pass->arena);
    hd_tensor *x = embed(stack, &at, pass, input, layout);
    for (at.layer = 0; at.layer < at.side->layers; at.layer++) {
        x = reuse_memory(pass, start, self_attention(&at, pass, x, cache));
        if (crosses) x = reuse_memory(pass, start, cross_attention(&at, pass, x, memory, cache));
        x = reuse_memory(pass, start, feed_forward(&at, pass, x));
    }
    return hd_apply_norm(pass, &at.weights->final_norm, x);
}

heed_status hd_stack_remember(const hd_stack *stack, hd_pass *pass, hd_tensor *memory, hd_cache *cache) {
    const hd_recipe *recipe = &stack->network.recipe;
    place at = {recipe, &recipe->side[HD_DECODER], &stack->side[HD_DECODER], HD_DECODER, 0};
    for (at.layer = 0; at.layer < at.side->layers; at.layer++) {
        const hd_attention_layer *cross = &at.weights->layers[at.layer].cross;
        hd_arena_mark start = hd_arena_here(&pass->arena);
        hd_tensor *k = prepare(&at, pass, hd_apply(pass, &cross->k, memory, HD_IDENTITY), &cross->k_norm, false);
        hd_tensor *v = hd_apply(pass, &cross->v, memory, HD_IDENTITY);
        if (!k || !v) break;
        hd_cache_remember(cache, at.layer, k, v);
        hd_arena_rewind(&pass->arena, start);
    }
    return pass->status;
}
